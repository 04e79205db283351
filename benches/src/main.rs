//! The binary behind `cargo xtask bench`.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use plasma_benches::{Options, names, run};

/// Measures every figure of the Plasma SDK.
///
/// Exits with 0 when all that was asked for is measured, with 1 when something could not be, with 2 on
/// a wrong argument.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Write the figures here, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only the figures whose names contain this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Smaller workloads: under 40 seconds, and rougher.
    #[arg(long)]
    quick: bool,
    /// Print the figures' names and measure nothing.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let Arguments {
        json,
        filter,
        quick,
        list,
    } = Arguments::parse();
    let options = Options {
        quick,
        filter: filter.unwrap_or_default(),
    };
    let chosen: Vec<&str> = names().filter(|name| options.wants(name)).collect();
    if chosen.is_empty() {
        eprintln!(
            "no figure's name contains {:?}; --list prints them all",
            options.filter
        );
        return ExitCode::from(2);
    }
    if list {
        println!("{}", chosen.join("\n"));
        return ExitCode::SUCCESS;
    }
    let report = run(&options);
    print!("{report}");
    if let Some(path) = json {
        let written = serde_json::to_vec_pretty(&report)
            .map_err(Into::into)
            .and_then(|text| fs::write(&path, text));
        if let Err(error) = written {
            eprintln!("--json {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
