//! Whole blocks, through the port.

mod calls;
mod chain;
mod conformance;
mod inbox;
mod native;
mod queries;
mod rejections;
#[cfg(feature = "std")]
mod spread;
mod transfers;
