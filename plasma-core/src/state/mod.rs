//! Typed, namespaced, authenticated state.
//!
//! Code reads and writes [`Item`]s and [`Map`]s through [`State`]; beneath is a flat space of hashed keys that
//! the trie commits to. An [`Overlay`] collects a block's writes over what was, and can undo a failed call;
//! a [`Recorder`] notes what was read, from which a witness is made.

mod blobs;
mod memory;
mod overlay;
#[cfg(feature = "std")]
mod recorder;
mod typed;

pub use blobs::Blobs;
pub use memory::MemoryState;
pub use overlay::{Mark, Overlay};
#[cfg(feature = "std")]
pub use recorder::Recorder;
pub use typed::{Item, Map};
