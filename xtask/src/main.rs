//! Developer tasks of the Plasma SDK: set-up, contracts, devnet, test, bench.
//!
//! Two of them do everything: `cargo xtask devnet` is the main job, `cargo xtask test` passes the tests. Each
//! installs what it needs from the ordinary package registries.

mod bench;
mod contracts;
mod guests;
mod readme;
mod setup;
mod test;
mod tidy;
#[path = "../../src/cli/toolchain.rs"]
mod toolchain;
mod tools;
mod twins;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of the Plasma SDK")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run a root and a plasma chain: `plasma devnet`, built first. Arguments go to it.
    #[command(disable_help_flag = true)]
    Devnet {
        /// Arguments of `plasma devnet`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run every check and every test, as CI does.
    Test {
        /// Long fuzzing, soak and simulation runs too.
        #[arg(long)]
        long: bool,
        /// Only these steps; `list` names them.
        #[arg(long, value_name = "STEP", value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Measure every figure of the project.
    Bench {
        /// Write the figures to this file, each under a stable name.
        #[arg(long, value_name = "FILE")]
        json: Option<std::path::PathBuf>,
        /// Only figures whose name contains this.
        #[arg(long)]
        filter: Option<String>,
        /// Smaller workloads, for a quick look.
        #[arg(long)]
        quick: bool,
    },
    /// Install the tools that the other tasks need.
    Setup,
    /// Compile the contracts and rewrite the committed artifacts.
    Contracts,
    /// Build the built-in fault-proof programs and rewrite the committed artifacts.
    Guests,
    /// Build the example contracts in WebAssembly and rewrite the committed modules.
    Wasm,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Devnet { args } => devnet(&args),
        Task::Test { long, only } => test::run(long, &only),
        Task::Bench {
            json,
            filter,
            quick,
        } => bench::run(json.as_deref(), filter.as_deref(), quick),
        Task::Setup => setup::all(),
        Task::Guests => guests::build(),
        Task::Wasm => wasm::build(),
        Task::Contracts => contracts::install().and_then(|()| contracts::build()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn devnet(args: &[String]) -> Result<(), String> {
    tools::cargo(&[
        "build",
        "--quiet",
        "--package",
        "plasma-sdk",
        "--bin",
        "plasma",
    ])?;
    let mut command = std::process::Command::new(tools::target_dir().join("debug/plasma"));
    tools::run(command.arg("devnet").args(args))
}
