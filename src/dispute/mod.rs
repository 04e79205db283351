//! The machine's side of disputes: the traces that this node stands for, and, for shows, those of liars.
//!
//! ```text
//!   Chain --outer_trace--> checkpoints' hashes                      level 0, made of what executing kept
//!     |
//!     +--segment_inputs--> machine's oracle --run--> states' hashes  level 1 and below, only when asked for
//! ```
//! [`ChainTraces`] gives them to the player of `plasma-bridge`. [`Fault`] bends them, so that a devnet has somebody to
//! beat.

mod fault;
mod provider;
mod splice;

pub use fault::{Fault, FaultKind, FaultyTraces};
pub use provider::ChainTraces;
