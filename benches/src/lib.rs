//! Every figure of the Plasma SDK, under a stable name.
//!
//! `cargo xtask bench` runs them and prints a table; `--json FILE` writes them for programs. A figure
//! says what was on while it was measured, and stands beside the ceiling that the same run measured
//! where there is one: a rate alone says how fast the machine is. Times are never judged here. What is
//! checked is that the work was done, for a figure of work that failed would be a lie.

mod availability;
mod claims;
mod committee;
mod derivation;
mod disputes;
mod evm;
mod figure;
mod guest;
mod live;
mod machine;
mod node;
mod parallel;
mod path;
mod people;
mod signatures;
mod startup;
mod state;
mod suite;
mod transfers;
mod wasm;
mod workload;

pub use figure::{Figure, Machine, Report};
pub use suite::{Options, names, run};

/// Why a figure could not be measured.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
