//! `plasma evm`: the EVM held to Ethereum's own tests.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand};
use plasma_exec::{StateTestReport, run_state_tests};

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
    match print(&report, args.names) {
        // Who reads no further knows enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    if report.failed.is_empty() && report.passed.is_empty() {
        return Err("no test was run: all were skipped".into());
    }
    Ok(if report.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn print(report: &StateTestReport, names: bool) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let StateTestReport {
        passed,
        failed,
        skipped,
    } = report;
    for name in passed.iter().filter(|_| names) {
        writeln!(out, "passed   {name}")?;
    }
    for (name, reason) in skipped {
        writeln!(out, "skipped  {name}: {reason}")?;
    }
    for (name, reason) in failed {
        writeln!(out, "failed   {name}: {reason}")?;
    }
    let (passed, failed, skipped) = (passed.len(), failed.len(), skipped.len());
    writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")?;
    out.flush()
}
