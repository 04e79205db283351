//! `plasma evm`: the EVM held to Ethereum's own tests.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use plasma_exec::run_state_tests;

use super::Failure;

/// The exit status when a test failed.
const FAILED: u8 = 1;

/// Hold the EVM to Ethereum's own tests.
#[derive(Subcommand)]
pub(crate) enum EvmCommand {
    /// Run Ethereum's state tests (GeneralStateTests, in JSON) with the EVM of a chain at Ethereum's prices.
    ///
    /// Those of the forks from Paris to Osaka are run. Prints each test that failed or was skipped, with its reason, and how
    /// many there were of each. The exit status is 0 when none failed and one passed at least, and 1 otherwise.
    Statetest(StatetestArgs),
}

#[derive(Args)]
pub(crate) struct StatetestArgs {
    /// A directory, searched for `.json` files, or one file.
    path: PathBuf,
    /// Print the names of the tests that passed, too.
    #[arg(long)]
    names: bool,
}

pub(crate) async fn run(command: EvmCommand) -> Result<ExitCode, Failure> {
    match command {
        EvmCommand::Statetest(args) => {
            tokio::task::spawn_blocking(move || statetest(&args)).await?
        }
    }
}

fn statetest(args: &StatetestArgs) -> Result<ExitCode, Failure> {
    let report = run_state_tests(&args.path)?;
    if args.names {
        for name in &report.passed {
            println!("passed   {name}");
        }
    }
    for (name, reason) in &report.skipped {
        println!("skipped  {name}: {reason}");
    }
    for (name, reason) in &report.failed {
        println!("failed   {name}: {reason}");
    }
    let (passed, failed) = (report.passed.len(), report.failed.len());
    let skipped = report.skipped.len();
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 && passed == 0 {
        return Err("no test was run: all were skipped".into());
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}
