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

use std::{path::PathBuf, process::ExitCode};

// Without derive macros, which take longer to build than all the rest of this.
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

fn command() -> Command {
    let task = |name, about| Command::new(name).about(about);
    let flag = |name, help| {
        let arg = Arg::new(name).long(name).action(ArgAction::SetTrue);
        arg.help(help)
    };
    let value = |name, value, help| Arg::new(name).long(name).value_name(value).help(help);
    Command::new("cargo xtask")
        .about("Developer tasks of the Plasma SDK")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            task(
                "devnet",
                "Run a root and a plasma chain: `plasma devnet`, built first. Arguments go to it",
            )
            .disable_help_flag(true)
            .arg(
                Arg::new("args")
                    .help("Arguments of `plasma devnet`")
                    .num_args(0..)
                    .trailing_var_arg(true)
                    .allow_hyphen_values(true),
            ),
        )
        .subcommand(
            task("test", "Run every check and every test, as CI does")
                .arg(flag("long", "Long fuzzing, soak and simulation runs too"))
                .arg(
                    value("only", "STEP", "Only these steps; `list` names them")
                        .value_delimiter(',')
                        .action(ArgAction::Append),
                ),
        )
        .subcommand(
            task("bench", "Measure every figure of the project")
                .arg(
                    value(
                        "json",
                        "FILE",
                        "Write the figures to this file, each under a stable name",
                    )
                    .value_parser(value_parser!(PathBuf)),
                )
                .arg(value(
                    "filter",
                    "FILTER",
                    "Only figures whose name contains this",
                ))
                .arg(flag("quick", "Smaller workloads, for a quick look")),
        )
        .subcommand(task("setup", "Install the tools that the other tasks need"))
        .subcommand(task(
            "contracts",
            "Compile the contracts and rewrite the committed artifacts",
        ))
        .subcommand(task(
            "guests",
            "Build the built-in fault-proof programs and rewrite the committed artifacts",
        ))
        .subcommand(task(
            "wasm",
            "Build the example contracts in WebAssembly and rewrite the committed modules",
        ))
}

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(matches: &ArgMatches) -> Result<(), String> {
    let (task, given) = matches.subcommand().ok_or("no task")?;
    let texts = |name| {
        let values = given.get_many::<String>(name).into_iter().flatten();
        values.cloned().collect::<Vec<_>>()
    };
    match task {
        "devnet" => devnet(&texts("args")),
        "test" => test::run(given.get_flag("long"), &texts("only")),
        "bench" => bench::run(
            given.get_one::<PathBuf>("json").map(PathBuf::as_path),
            given.get_one::<String>("filter").map(String::as_str),
            given.get_flag("quick"),
        ),
        "setup" => setup::all(),
        "contracts" => contracts::install().and_then(|()| contracts::build()),
        "guests" => guests::build(),
        "wasm" => wasm::build(),
        other => Err(format!("no task {other}")),
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
