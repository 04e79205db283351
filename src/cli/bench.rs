//! `plasma bench`: backends of execution side by side.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};

use super::{Failure, progress::Progress};
use crate::bench::{
    self, Contender, ContractContender, CountAllocations, ModulesContender, Settings, Threads,
    Workload,
};

/// Measure what this machine does.
#[derive(Subcommand)]
pub(crate) enum BenchCommand {
    /// Compare backends of execution: the same logical work on each, held against the same result.
    ///
    /// Prints a table; what is on stands above it. Unless it is switched on, signatures are checked before the measured
    /// time, no Merkle root is computed in it, and nothing is written to disk.
    Execution(ExecutionArgs),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BackendChoice {
    /// Native modules in Rust.
    Modules,
    /// Solidity on the EVM.
    Evm,
    /// Contracts in WebAssembly.
    Wasm,
    /// Each of them.
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WorkloadChoice {
    /// XPL, from anybody to anybody.
    Transfers,
    /// A token, from anybody to anybody.
    Token,
    /// Swaps in pools whose product stays constant.
    Swaps,
    /// Limit orders, half of which cross, and cancellations.
    Orderbook,
    /// XPL, from everybody to one account.
    HotKey,
    /// Four transfers of XPL, three of a token, two swaps and an order of ten.
    Mixed,
    /// Each of them.
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ThreadsChoice {
    /// On one.
    One,
    /// On all cores.
    All,
    /// First on one, then on all.
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// In the measured time.
    On,
    /// Not in it.
    Off,
}

#[derive(Args)]
pub(crate) struct ExecutionArgs {
    /// Which backends; several with commas between them.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    backend: Vec<BackendChoice>,
    /// Which work; several with commas between them.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "all")]
    workload: Vec<WorkloadChoice>,
    /// On how many threads.
    #[arg(long, value_enum, default_value = "both")]
    threads: ThreadsChoice,
    /// Check signatures in the measured time: on one thread one by one, on all cores ahead of each block.
    #[arg(long, value_enum, default_value = "off")]
    signatures: Switch,
    /// Compute the state's Merkle root for each block, or each segment of it, in the measured time.
    #[arg(long, value_enum, default_value = "off")]
    root: Switch,
    /// Have each block on disk at the end of its measured time; needs `--root on`.
    #[arg(long, value_enum, default_value = "off")]
    durable: Switch,
    /// Where a durable state is kept meanwhile. Default: where the system keeps temporary files, which may be in memory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Transactions that are measured in each run; a multiple of the blocks. Default: 5000.
    #[arg(long, value_name = "N")]
    transactions: Option<usize>,
    /// Blocks that they are in. One more goes before them and is not counted. Default: 10.
    #[arg(long, value_name = "N")]
    blocks: Option<usize>,
    /// Runs, of which the median counts. Default: 3.
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// People who take part. Default: 1000.
    #[arg(long, value_name = "N")]
    accounts: Option<usize>,
    /// Where the operations come from: the same number gives the same ones.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// A little of each workload, for a quick look: 400 transactions of 40 people in 4 blocks, in 2 runs, unless said otherwise.
    #[arg(long)]
    quick: bool,
    /// Write the numbers to this file, under stable names.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw a chart into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl ExecutionArgs {
    fn settings(&self) -> Settings {
        let usual = if self.quick {
            Settings::quick()
        } else {
            Settings::default()
        };
        Settings {
            seed: self.seed,
            transactions: self.transactions.unwrap_or(usual.transactions),
            blocks: self.blocks.unwrap_or(usual.blocks),
            runs: self.runs.unwrap_or(usual.runs),
            accounts: self.accounts.unwrap_or(usual.accounts),
            threads: match self.threads {
                ThreadsChoice::One => vec![Threads::One],
                ThreadsChoice::All => vec![Threads::All],
                ThreadsChoice::Both => vec![Threads::One, Threads::All],
            },
            signatures: self.signatures == Switch::On,
            root: self.root == Switch::On,
            durable: self.durable == Switch::On,
            directory: self.data.clone().unwrap_or(usual.directory),
        }
    }

    fn contenders(&self) -> Vec<Box<dyn Contender>> {
        let wants =
            |backend| self.backend.contains(&backend) || self.backend.contains(&BackendChoice::All);
        let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
        if wants(BackendChoice::Modules) {
            contenders.push(Box::new(ModulesContender));
        }
        if wants(BackendChoice::Evm) {
            contenders.push(Box::new(ContractContender::evm()));
        }
        if wants(BackendChoice::Wasm) {
            contenders.push(Box::new(ContractContender::wasm()));
        }
        contenders
    }

    fn workloads(&self) -> Vec<Workload> {
        let wants = |workload: &Workload| {
            self.workload.iter().any(|choice| match choice {
                WorkloadChoice::All => true,
                WorkloadChoice::Transfers => *workload == Workload::Transfers,
                WorkloadChoice::Token => *workload == Workload::Token,
                WorkloadChoice::Swaps => *workload == Workload::Swaps,
                WorkloadChoice::Orderbook => *workload == Workload::Orderbook,
                WorkloadChoice::HotKey => *workload == Workload::HotKey,
                WorkloadChoice::Mixed => *workload == Workload::Mixed,
            })
        };
        Workload::ALL
            .into_iter()
            .filter(|workload| wants(workload))
            .collect()
    }
}

/// A file that is there and can be written before anything is measured; what is in it stays until then.
fn open(path: Option<&Path>) -> Result<Option<File>, Failure> {
    let Some(path) = path else {
        return Ok(None);
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some(file))
}

fn write(file: Option<File>, path: Option<&Path>, text: &str) -> Result<(), Failure> {
    let (Some(mut file), Some(path)) = (file, path) else {
        return Ok(());
    };
    let written = file
        .set_len(0)
        .and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}

pub(crate) async fn run(
    command: BenchCommand,
    count: Option<CountAllocations>,
) -> Result<(), Failure> {
    match command {
        BenchCommand::Execution(args) => {
            tokio::task::spawn_blocking(move || execution(&args, count)).await?
        }
    }
}

fn execution(args: &ExecutionArgs, count: Option<CountAllocations>) -> Result<(), Failure> {
    let json = open(args.json.as_deref())?;
    let svg = open(args.svg.as_deref())?;
    let (contenders, workloads) = (args.contenders(), args.workloads());
    let all = (contenders.len() * workloads.len()) as u64;
    let (mut progress, mut done) = (Progress::new("measuring", all), 0);
    let mut says = |what: &str| {
        progress.at(done, what);
        done += 1;
    };
    let report = bench::run(&args.settings(), &contenders, &workloads, count, &mut says);
    progress.finish();
    let report = report?;
    print!("{report}");
    if cfg!(debug_assertions) {
        println!(
            "\nThis build has debug assertions: it measures what is slow in it, not what is fast in a release."
        );
    }
    write(json, args.json.as_deref(), &report.to_json())?;
    write(svg, args.svg.as_deref(), &report.to_svg())
}
