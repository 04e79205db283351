//! Every check and every test, in the order in which they fail soonest.

use std::{
    env,
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Instant,
};

use crate::{
    contracts, guests, readme, setup, tidy,
    toolchain::TARGET,
    tools::{self, cargo, root},
    wasm,
};

struct Step {
    name: &'static str,
    run: fn(long: bool) -> Result<(), String>,
    /// Whether it runs with `--long` only, or by its name.
    long: bool,
    /// The step before which it must have ended, where it leaves cores idle and runs beside those up to there.
    beside: Option<&'static str>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        run: |_| cargo(&["fmt", "--all", "--check"]),
        long: false,
        beside: None,
    },
    Step {
        name: "tidy",
        run: |_| tidy::check(),
        long: false,
        beside: None,
    },
    Step {
        name: "contracts",
        run: contracts_step,
        long: false,
        // The Solidity compiler has one thread.
        beside: Some("unit"),
    },
    Step {
        name: "lint",
        run: |_| lint(),
        long: false,
        beside: None,
    },
    Step {
        name: "features",
        run: features,
        long: false,
        beside: None,
    },
    Step {
        name: "unit",
        run: unit,
        long: false,
        beside: None,
    },
    Step {
        name: "e2e",
        run: |_| e2e(),
        long: false,
        // Most of it is waiting, and most of what documentation takes is on one thread.
        beside: Some("readme"),
    },
    Step {
        name: "doctests",
        run: |_| cargo(&["test", "--workspace", "--doc", "--quiet"]),
        long: false,
        beside: None,
    },
    Step {
        name: "docs",
        run: |_| docs(),
        long: false,
        beside: None,
    },
    Step {
        name: "readme",
        run: |_| readme::check(),
        long: false,
        beside: None,
    },
    Step {
        name: "deny",
        run: |_| deny(),
        // Its tool takes as long to build as half of the tests; `tidy` looks at where crates come from.
        long: true,
        beside: None,
    },
];

/// Runs all steps, or those named.
pub(crate) fn run(long: bool, only: &[String]) -> Result<(), String> {
    let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!(
            "no step `{unknown}`; the steps are {}",
            known.join(", ")
        ));
    }
    let wanted = |step: &&Step| match only {
        [] => long || !step.long,
        _ => only.iter().any(|name| name == step.name),
    };
    let steps: Vec<&Step> = STEPS.iter().filter(wanted).collect();
    let mut times = Vec::new();
    let mut aside: Option<(Aside, &str)> = None;
    for step in &steps {
        if let Some((begun, _)) = aside.take_if(|(_, until)| *until == step.name) {
            times.push(begun.join()?);
        }
        let follows = |until: &&str| steps.iter().any(|step| step.name == *until);
        if let Some(until) = step.beside.filter(follows) {
            aside = Some((Aside::start(step.name, long)?, until));
            continue;
        }
        println!("\n== {} ==", step.name);
        let started = Instant::now();
        (step.run)(long).map_err(|error| format!("step {}: {error}", step.name))?;
        times.push((step.name, started.elapsed().as_secs()));
    }
    println!("\nall steps passed:");
    for (name, seconds) in times {
        println!("  {name:10} {seconds:5} s");
    }
    Ok(())
}

/// A step beside others, as a process of its own: what it says is kept until it ends. It ends with this process.
struct Aside {
    name: &'static str,
    process: Child,
    said: PathBuf,
    started: Instant,
}

impl Aside {
    fn start(name: &'static str, long: bool) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("step {name}: {error}");
        let said = tools::target_dir().join(format!("xtask-{name}.log"));
        let out = File::create(&said).map_err(failed)?;
        let mut command = Command::new(env::current_exe().map_err(failed)?);
        command.args(["test", "--only", name]);
        if long {
            command.arg("--long");
        }
        let process = command
            .current_dir(root())
            .stdin(Stdio::null())
            .stderr(out.try_clone().map_err(failed)?)
            .stdout(out)
            .spawn()
            .map_err(failed)?;
        println!("\n== {name}: begun, beside the next steps ==");
        Ok(Self {
            name,
            process,
            said,
            started: Instant::now(),
        })
    }

    /// Waits for it and shows what it said.
    fn join(mut self) -> Result<(&'static str, u64), String> {
        let status = self.process.wait();
        let seconds = self.started.elapsed().as_secs();
        let said = fs::read(&self.said).unwrap_or_default();
        println!("{}", String::from_utf8_lossy(&said));
        match status {
            Ok(status) if status.success() => Ok((self.name, seconds)),
            // What went wrong stands in what it said.
            Ok(status) => Err(format!("step {}: {status}", self.name)),
            Err(error) => Err(format!("step {}: {error}", self.name)),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Of one that has ended nothing is left to stop.
        let _ = self.process.kill();
    }
}

fn contracts_step(long: bool) -> Result<(), String> {
    contracts::install()?;
    contracts::check()?;
    contracts::test(long)
}

fn lint() -> Result<(), String> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ])
}

/// The `no_std` hearts, in the programs for the guest's machine; and alone, which builds what they depend on anew.
fn features(long: bool) -> Result<(), String> {
    let alone: &[&str] = if long {
        &["plasma-core", "plasma-exec"]
    } else {
        &[]
    };
    for package in alone {
        cargo(&[
            "check",
            "--quiet",
            "--package",
            package,
            "--no-default-features",
        ])?;
    }
    let toolchain = setup::guest()?;
    println!("{TARGET}: {}", toolchain.name());
    guests::check()?;
    wasm::check()
}

fn unit(long: bool) -> Result<(), String> {
    setup::nextest()?;
    contracts::install()?;
    let mut command = Command::new("cargo");
    command
        .args(["nextest", "run", "--workspace", "--no-fail-fast"])
        .current_dir(root());
    if long {
        // Ten thousand disputes are for the optimised build, below.
        command
            .args(["--filter-expr", "not binary(disputes)"])
            .env("PLASMA_LONG", "1")
            .env("PROPTEST_CASES", "4096");
    }
    tools::run(&mut command)?;
    if long {
        let mut disputes = Command::new("cargo");
        // Optimised but for link time: what it compiles again is this workspace alone.
        disputes.arg("test");
        for package in ["core", "sequencer", "bridge", "da", "sdk"] {
            let setting = format!("profile.dev.package.plasma-{package}.opt-level=2");
            disputes.arg("--config").arg(setting);
        }
        disputes
            .args(["--package", "plasma-sdk", "--test", "disputes"])
            .args(["--", "--nocapture"])
            .env("PLASMA_LONG", "1")
            .current_dir(root());
        tools::run(&mut disputes)?;
    }
    Ok(())
}

fn docs() -> Result<(), String> {
    tools::run(
        Command::new("cargo")
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .current_dir(root()),
    )
}

/// The binary, driven by the wallets' own libraries.
fn e2e() -> Result<(), String> {
    setup::e2e()?;
    contracts::install()?;
    cargo(&[
        "build",
        "--quiet",
        "--package",
        "plasma-sdk",
        "--bin",
        "plasma",
    ])?;
    tools::run(
        Command::new("node")
            // Two files at a time: most of it is waiting for blocks, elections and deadlines.
            .args(["--test", "--test-concurrency=2", "--test-reporter=spec"])
            // What a library leaves open must not hold up the run, nor what hangs: each file takes a minute or two.
            .args(["--test-force-exit", "--test-timeout=600000"])
            .env("PLASMA_BIN", tools::target_dir().join("debug/plasma"))
            .current_dir(root().join("tests/e2e")),
    )
}

fn deny() -> Result<(), String> {
    setup::deny()?;
    cargo(&[
        "deny",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ])?;
    // The advisory database is a git repository: where it cannot be reached, that is said and nothing more.
    if cargo(&["deny", "--log-level", "error", "check", "advisories"]).is_err() {
        println!(
            "advisories: not checked, for the database could not be fetched or names an advisory; see above"
        );
    }
    Ok(())
}
