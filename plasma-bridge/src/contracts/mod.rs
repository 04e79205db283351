//! The root's contracts as Rust sees them: their interfaces, their code, their reasons to refuse.
//!
//! The interfaces are written by hand, only what is called and read; a test checks each signature
//! against the committed artifacts. Code and errors come from the artifacts themselves.

pub(crate) mod abi;
mod addresses;
mod artifacts;
mod convert;
mod refusals;

pub use addresses::Contracts;
pub use artifacts::RootContract;
pub use convert::Registration;
pub use refusals::Refusal;
