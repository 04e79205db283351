//! Disputes: what the root pays to check a step, and a whole one on a devnet where somebody lies.

#[path = "../../../tests/step/class.rs"]
mod class;
#[path = "../../../tests/step/figures.rs"]
#[allow(dead_code)]
mod figures;
#[path = "../../../tests/step/root.rs"]
mod root;
#[path = "../../../tests/step/vectors.rs"]
#[allow(dead_code)]
mod vectors;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use plasma_core::{B256, Signer, U256, hex, keccak256};
use plasma_exec::STATE_BYTES;
use plasma_sdk::devnet::DevnetReport;

use crate::{
    Failure, Figure, Options,
    startup::{Process, binary},
    suite::directory,
    workload::{BASE_FEE, Transfer},
};

pub(crate) const NAMES: &[&str] = &[
    "dispute.seconds",
    "dispute.moves",
    "dispute.worst_move_gas",
    "dispute.advance_gas",
    "dispute.step_gas_median",
    "dispute.step_gas_worst",
];

/// Each side has this long to move; neither needs it.
const WINDOW: &str = "30s";
const PATIENCE: Duration = Duration::from_mins(5);

/// What a step is taken over.
pub(crate) struct Step {
    pub(crate) rom_root: B256,
    pub(crate) rom_base: u64,
    pub(crate) proof: Vec<u8>,
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    if NAMES[..4].iter().any(|name| options.wants(name)) {
        figures.extend(dispute()?);
    }
    if NAMES[4..].iter().any(|name| options.wants(name)) {
        figures.extend(steps()?);
    }
    Ok(figures)
}

/// Gas of `RiscvStep` over the committed vectors, each a transaction of its own.
fn steps() -> Result<Vec<Figure>, Failure> {
    let (accepted, _) = vectors::all();
    let mut root = root::Root::new();
    let mut gas = figures::Figures::default();
    for (name, step, expected) in &accepted {
        let agreed = keccak256(&step.proof[..STATE_BYTES]);
        let (next, taken) = root.step(agreed, step);
        if next != Some(*expected) {
            return Err(format!("{name}: the root says {next:?}, and not {expected}").into());
        }
        gas.add(class::of(step), taken);
    }
    let detail = format!(
        "{} steps of every class; transaction and calldata included",
        gas.count()
    );
    let on = ["the contract as deployed", "Osaka's prices"];
    let figure = |name, value: u64| Figure::new(name, value as f64, "gas", &on);
    Ok(vec![
        figure(NAMES[4], gas.median_of_classes())
            .detail(format!("median of the classes' medians; {detail}")),
        figure(NAMES[5], gas.worst_short()).detail(format!(
            "without proofs of over {} bytes; {detail}",
            class::LONG_PROOF
        )),
    ])
}

/// A move, and when it was made after the claims contradicted each other.
struct Move {
    name: String,
    gas: u64,
    at: Duration,
}

/// A false claim about one transfer, until one step of the machine has shown that it is false.
fn dispute() -> Result<Vec<Figure>, Failure> {
    let directory = directory()?;
    let config = directory.path().join("devnet.json");
    let mut command = Command::new(binary()?);
    command
        .args(["devnet", "--root-port", "0", "--chain-port", "0"])
        .args(["--block-time", "100ms", "--challenge-window", WINDOW])
        .args(["--fault", "wrong-root@1", "-v", "--config-out"])
        .arg(&config);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut devnet = Process(command.spawn()?);
    let lines = lines_of(&mut devnet)?;
    let started = Instant::now();
    while !config.exists() {
        if started.elapsed() > PATIENCE {
            return Err("the devnet did not start".into());
        }
        thread::sleep(Duration::from_millis(10));
    }
    transfer(&DevnetReport::read(&config)?)?;
    let moves = watch(&lines)?;
    let (Some(last), Some(worst)) = (moves.last(), moves.iter().max_by_key(|one| one.gas)) else {
        return Err("nobody moved".into());
    };
    let advances = moves.iter().filter(|one| one.name.starts_with("advance"));
    let advance = advances.map(|one| one.gas).max().unwrap_or(0);
    let mut kinds: Vec<String> = Vec::new();
    for one in &moves {
        let kind = format!("{} {}", one.name, one.gas);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let detail = format!(
        "{} moves of both sides, from two claims that contradict each other to the step that decides: {}",
        moves.len(),
        kinds.join(", ")
    );
    let on = [
        "the embedded root",
        "a false root about one transfer",
        "both sides in one process",
    ];
    Ok(vec![
        Figure::new(NAMES[0], last.at.as_secs_f64(), "s", &on).detail(detail),
        Figure::new(NAMES[1], moves.len() as f64, "moves", &on),
        Figure::new(NAMES[2], worst.gas as f64, "gas", &on).detail(worst.name.clone()),
        Figure::new(NAMES[3], advance as f64, "gas", &on),
    ])
}

/// The lines that a process says, as they come.
fn lines_of(process: &mut Process) -> Result<Receiver<(Instant, String)>, Failure> {
    let (sender, lines) = channel();
    let streams: [Box<dyn std::io::Read + Send>; 2] = [
        Box::new(process.0.stdout.take().ok_or("no output")?),
        Box::new(process.0.stderr.take().ok_or("no errors")?),
    ];
    for stream in streams {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                // Read on when nobody listens, so that the process can go on speaking.
                let _ = sender.send((Instant::now(), line));
            }
        });
    }
    Ok(lines)
}

/// One transfer, which is block 1.
fn transfer(report: &DevnetReport) -> Result<(), Failure> {
    let (from, to) = (&report.accounts[0], &report.accounts[1]);
    let signer = Signer::from_bytes(&from.private_key).ok_or("no key of an account")?;
    let transfer = Transfer {
        from: &signer,
        other: None,
        nonce: 0,
        to: to.address,
        amount: U256::from(1),
        tip: BASE_FEE,
        base_fee: 10 * BASE_FEE,
        expires_at: 0,
    };
    let bytes = hex::encode(transfer.ethereum());
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x{bytes}"]}}"#
    );
    let host = report.chains[0]
        .rpc
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.contains("\"result\"") {
        Ok(())
    } else {
        Err(format!("the transfer was refused: {answer}").into())
    }
}

/// The moves until the step that decides.
fn watch(lines: &Receiver<(Instant, String)>) -> Result<Vec<Move>, Failure> {
    let (mut contested, mut moves) = (None, Vec::new());
    loop {
        let (at, line) = lines
            .recv_timeout(PATIENCE)
            .map_err(|_| "the dispute did not end")?;
        if line.contains("claims on the root contradict each other") {
            contested.get_or_insert(at);
        }
        let (Some(from), Some((_, told))) = (contested, line.split_once("moved on the root"))
        else {
            continue;
        };
        let field = |name: &str| {
            let rest = told.split_once(&format!("{name}="))?.1;
            rest.split_whitespace()
                .next()
                .map(|text| text.trim_matches('"'))
        };
        let (Some(name), Some(gas)) = (field("action"), field("gas")) else {
            continue;
        };
        moves.push(Move {
            name: name.to_owned(),
            gas: gas.parse()?,
            at: at.saturating_duration_since(from),
        });
        if name == "step" {
            return Ok(moves);
        }
    }
}
