//! Compose an application-specific chain from pluggable execution, data availability, sequencing and settlement.

mod chain;
pub mod rpc;

pub use chain::{Chain, ChainConfig, ChainError, ChainEvent, InboxRecord, Ledger, Position, RootInbox, Stages, StoredBlock};
