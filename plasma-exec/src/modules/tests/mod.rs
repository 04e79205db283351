//! Whole blocks, through the port.

mod calls;
mod chain;
mod conformance;
mod inbox;
mod keys;
mod native;
mod queries;
mod recognise;
mod rejections;
mod schemes;
#[cfg(feature = "std")]
mod spread;
mod transfers;
mod work;
