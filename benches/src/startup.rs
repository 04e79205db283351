//! How long `plasma devnet` takes until everything answers.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use plasma_sdk::{bench::Times, devnet::DevnetReport};

use crate::{
    Failure, Figure, Options,
    suite::{directory, target_dir},
};

pub(crate) const NAMES: &[&str] = &["startup.seconds"];

const POLL: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let binary = binary()?;
    let runs = options.size(5, 3);
    let times = (0..runs)
        .map(|_| once(&binary))
        .collect::<Result<Vec<_>, _>>()?;
    let times = Times::new(times);
    let [fast, slow] = [0, 100].map(|percent| times.percentile(percent).as_secs_f64());
    let detail = format!(
        "process start to configuration file; median of {runs} runs, {fast:.2} to {slow:.2}"
    );
    let on = [
        "root and its contracts",
        "one chain of modules",
        "JSON-RPC of both",
        "in memory",
    ];
    Ok(vec![
        Figure::new(NAMES[0], times.median().as_secs_f64(), "s", &on).detail(detail),
    ])
}

/// The binary of these very sources, built first: cargo does nothing where it is there.
pub(crate) fn binary() -> Result<PathBuf, Failure> {
    let binary = target_dir()
        .join("release")
        .join(format!("plasma{}", env::consts::EXE_SUFFIX));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "plasma-sdk",
        "--bin",
        "plasma",
    ]);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let built = command.status().is_ok_and(|status| status.success());
    if built || binary.exists() {
        Ok(binary)
    } else {
        let path = binary.display();
        Err(format!(
            "{path} is not there; run `cargo build --release --package plasma-sdk --bin plasma`"
        )
        .into())
    }
}

fn once(binary: &Path) -> Result<Duration, Failure> {
    let directory = directory()?;
    let config = directory.path().join("devnet.json");
    let mut command = Command::new(binary);
    command
        .args([
            "devnet",
            "--root-port",
            "0",
            "--chain-port",
            "0",
            "--config-out",
        ])
        .arg(&config);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    let started = Instant::now();
    let mut process = Process(command.spawn()?);
    while !config.exists() {
        if let Some(status) = process.0.try_wait()? {
            return Err(format!("plasma devnet stopped with {status}").into());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("plasma devnet was not ready within {PATIENCE:?}").into());
        }
        sleep(POLL);
    }
    let elapsed = started.elapsed();
    match DevnetReport::read(&config)?.chains.len() {
        1 => Ok(elapsed),
        chains => Err(format!("plasma devnet reports {chains} chains").into()),
    }
}

/// A process that ends with the measurement, however that ends.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
