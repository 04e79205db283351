//! Log lines, on standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt};

use super::LogFormat;

/// Starts logging. `RUST_LOG` has the last word on what is said.
pub(super) fn start(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => "warn,plasma_sdk=info,plasma_bridge=info",
        1 => {
            "info,plasma_sdk=debug,plasma_bridge=debug,plasma_sequencer=debug,plasma_exec=debug,plasma_da=debug"
        }
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    // A second start, in a test, keeps the first.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
