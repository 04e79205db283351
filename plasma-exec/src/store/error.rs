use alloc::string::String;

use alloy_primitives::B256;
use plasma_core::{Severe, Severity, StateKey, TrieError};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system refused.
    #[error(
        "{action} {path}: {source}; check that the disk has room and may be written, then reopen"
    )]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: String,
        /// What the system answered.
        source: std::io::Error,
    },
    /// Another process holds the directory.
    #[error(
        "{path} is in use by another process; stop it, or give this node its own --data directory"
    )]
    InUse {
        /// The directory's lock file.
        path: String,
    },
    /// Bytes that were durable are damaged.
    #[error(
        "{path} is damaged at byte {offset}: {reason}. Nothing was changed. Restore the directory from a \
         backup, or move it away: the node then derives the state anew from the root and its data"
    )]
    Corrupt {
        /// The file.
        path: String,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The directory was written by another version of the format.
    #[error(
        "{path} has format version {found}; this program reads {expected}: use the program that wrote it"
    )]
    Version {
        /// The file.
        path: String,
        /// Version in the file.
        found: u32,
        /// Version that this program reads.
        expected: u32,
    },
    /// A commit does not follow the latest one.
    #[error("commit of height {got} does not follow height {height}; commit {} next", height + 1)]
    Height {
        /// The latest height.
        height: u64,
        /// The height given.
        got: u64,
    },
    /// The height is not kept: pruned, undone, or not reached yet.
    #[error("height {height} is not kept; heights {oldest} to {latest} are")]
    NotKept {
        /// The height asked for.
        height: u64,
        /// The oldest height kept.
        oldest: u64,
        /// The latest height.
        latest: u64,
    },
    /// Nothing was committed yet.
    #[error("the store is empty; commit the genesis state first")]
    Empty,
    /// A value is too long.
    #[error(
        "value of {length} bytes at key {key} is over the limit of {limit}; split it over several keys"
    )]
    ValueTooLong {
        /// The key.
        key: StateKey,
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A commit is too large.
    #[error("a commit of {length} bytes is over the limit of {limit}; make blocks smaller")]
    CommitTooLarge {
        /// Bytes that it would take in the log.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// An earlier failure left it unknown what is on disk.
    #[error("the store stopped after an earlier failure ({reason}); reopen it")]
    Stopped {
        /// The earlier failure.
        reason: String,
    },
    /// A state computed anew has another root than the one recorded.
    #[error(
        "state at height {height} has root {computed}, but {recorded} was recorded; {path} is damaged"
    )]
    Root {
        /// The height.
        height: u64,
        /// Root computed now.
        computed: B256,
        /// Root recorded then.
        recorded: B256,
        /// The file it was recorded in.
        path: String,
    },
    /// The trie is inconsistent.
    #[error("the state trie is inconsistent: {0}")]
    Trie(#[from] TrieError),
    /// The machine lacks what a backend needs.
    #[error("{need} is not available here: {reason}; {remedy}")]
    Unsupported {
        /// What is needed.
        need: &'static str,
        /// What was found.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The database under a backend failed.
    #[error(
        "database at {path}: {reason}; reopen it, and restore the directory if that does not help"
    )]
    Database {
        /// Its directory.
        path: String,
        /// What it said.
        reason: String,
    },
}

impl Severe for StoreError {
    fn severity(&self) -> Severity {
        match self {
            Self::Height { .. } | Self::NotKept { .. } | Self::Empty => Severity::Reset,
            Self::InUse { .. } => Severity::Transient,
            _ => Severity::Fatal,
        }
    }
}
