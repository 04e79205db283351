//! The `plasma` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    plasma_sdk::cli::main()
}
