//! The `plasma` command.

mod bench;
mod bridge;
mod challenge;
mod devnet;
mod discover;
mod dispute;
mod duration;
mod evm;
mod explain;
mod logging;
mod node;
mod node_file;
mod processes;
mod program;
mod progress;
mod replay;
mod rpc;
mod sequencer;
mod toolchain;
mod verify;
mod xpl;

use std::process::ExitCode;

use clap::{ArgAction, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// A failure, in words for the person at the terminal.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Run, use and check plasma chains.
#[derive(Parser)]
#[command(name = "plasma", version, about, max_term_width = 100)]
struct Cli {
    /// Say more; twice for everything.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// The form of log lines, which go to standard error.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run a root and a plasma chain over it, with funded accounts.
    Devnet(devnet::DevnetArgs),
    /// Move assets between the root and a chain.
    #[command(subcommand)]
    Bridge(bridge::BridgeCommand),
    /// Run a node from a configuration file.
    Node(node::NodeArgs),
    /// Derive a chain from its root and the published bytes alone, and compare it with a node.
    Verify(verify::VerifyArgs),
    /// Say where a transaction or withdrawal stands: what it waits for, who can act, how long.
    Explain(explain::ExplainArgs),
    /// Defend the truth about a chain on its root: contradict what is false, and win the dispute.
    Challenge(challenge::ChallengeArgs),
    /// Take part in the network of sequencers: join, bond, delegate, claim, report.
    #[command(subcommand)]
    Sequencer(sequencer::SequencerCommand),
    /// Look at XPL as a whole.
    #[command(subcommand)]
    Xpl(xpl::XplCommand),
    /// Watch how claims are disputed.
    #[command(subcommand)]
    Dispute(dispute::DisputeCommand),
    /// Run programs of the fault-proof machine, and say what the root knows them by.
    #[command(subcommand)]
    Program(program::ProgramCommand),
    /// Hold the EVM to Ethereum's own tests.
    #[command(subcommand)]
    Evm(evm::EvmCommand),
    /// Measure what this machine does.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs the command line; what went wrong goes to standard error. `count` counts allocations, where the program can.
pub fn main(count: Option<crate::bench::CountAllocations>) -> ExitCode {
    let cli = Cli::parse();
    logging::start(cli.verbose, cli.log_format);
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "plasma", &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the async runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.command, count)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(
    command: Command,
    count: Option<crate::bench::CountAllocations>,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Devnet(args) => Box::pin(devnet::run(args))
            .await
            .map(|()| ExitCode::SUCCESS),
        Command::Bridge(command) => bridge::run(command).await.map(|()| ExitCode::SUCCESS),
        Command::Node(args) => node::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Verify(args) => verify::run(args).await,
        Command::Explain(args) => explain::run(args).await.map(|()| ExitCode::SUCCESS),
        Command::Challenge(args) => challenge::run(args).await,
        Command::Sequencer(command) => sequencer::run(command).await,
        Command::Xpl(command) => xpl::run(command).await,
        Command::Dispute(command) => dispute::run(command).await,
        Command::Program(command) => program::run(command).await,
        Command::Evm(command) => evm::run(command).await,
        Command::Bench(command) => bench::run(command, count).await.map(|()| ExitCode::SUCCESS),
        Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}
