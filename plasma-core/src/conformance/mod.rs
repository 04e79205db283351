//! The conformance suites: what every implementation of a port, ours or a stranger's, must pass.
//!
//! Each suite is a function that takes an implementation and panics with what is wrong.

mod cases;
pub mod data_availability;
pub mod execution;
pub mod sequencer;
pub mod traces;

pub use cases::cases;
