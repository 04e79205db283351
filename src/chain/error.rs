//! What can go wrong with the chain on this node.

use plasma_core::{B256, ExecutionError, Height, Severe, Severity, TransitionError};
use plasma_exec::StoreError;

/// Why the chain could not be read or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The state store failed.
    #[error("the state store failed: {0}")]
    Store(#[from] StoreError),
    /// The ledger failed.
    #[error(
        "the ledger at {path} failed: {reason}; restore the data directory or start with an empty one, from which the chain is derived anew"
    )]
    Ledger {
        /// The file, or `memory`.
        path: String,
        /// What happened.
        reason: String,
    },
    /// The genesis configuration is not one.
    #[error(transparent)]
    Genesis(#[from] ExecutionError),
    /// The data directory belongs to another chain.
    #[error(
        "the data directory holds chain {found}, but the configuration is of {expected}; use another --data directory"
    )]
    OtherChain {
        /// The genesis hash in the directory.
        found: B256,
        /// The configured one.
        expected: B256,
    },
    /// A block does not continue the head.
    #[error("block {got} (parent {parent}) does not continue block {head} ({hash})")]
    NotNext {
        /// The block's height.
        got: Height,
        /// Its parent.
        parent: B256,
        /// The head.
        head: Height,
        /// Its hash.
        hash: B256,
    },
    /// A block consumes messages that the root did not have yet.
    #[error(
        "block {height} consumes inbox messages up to {needed}, and the root is known up to {known}"
    )]
    MessagesAhead {
        /// The block.
        height: Height,
        /// Messages needed.
        needed: u64,
        /// Messages known.
        known: u64,
    },
    /// An inbox entry that is not derived here.
    #[error("inbox entry {entry} is not derived here; {known} entries are")]
    NoEntry {
        /// Asked for.
        entry: u64,
        /// How many are.
        known: u64,
    },
    /// A segment's inputs could not be collected.
    #[error("the inputs of a segment are not all here: {0}")]
    Segment(#[from] TransitionError),
    /// A height that is not here.
    #[error("no block {height}; heights {oldest} to {newest} are here")]
    NoBlock {
        /// Asked for.
        height: Height,
        /// The oldest kept.
        oldest: Height,
        /// The newest.
        newest: Height,
    },
}

impl Severe for ChainError {
    fn severity(&self) -> Severity {
        match self {
            Self::MessagesAhead { .. } | Self::NoBlock { .. } | Self::NoEntry { .. } => {
                Severity::Transient
            }
            Self::NotNext { .. } => Severity::Reset,
            _ => Severity::Fatal,
        }
    }
}
