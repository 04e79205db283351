//! The chain as this node has executed it: blocks, receipts, state, and how final they are.
//!
//! ```text
//!   certified or derived block --Chain::execute--> store (state, durable log)
//!                                              \-> ledger (blocks, receipts, indexes; redb)
//!                                              \-> events (RPC subscriptions, batcher, proposer)
//! ```
//! Invariants: the ledger is never ahead of the store; heights have no gaps; what is published or settled is
//! rolled back only with the root.

mod block;
mod engine;
mod error;
mod inbox;
mod ledger;
mod pipeline;
mod segments;
mod tail;

pub(crate) use block::entry_hash;
pub use block::{Position, StoredBlock, StoredSegment};
pub(crate) use engine::is_transient;
pub use engine::{Chain, ChainConfig, ChainEvent, Stages};
pub use error::ChainError;
pub use inbox::{InboxRecord, RootInbox};
pub use ledger::Ledger;
pub use pipeline::{Begun, BlockAhead};
pub use segments::{OuterTrace, SegmentInputs};
