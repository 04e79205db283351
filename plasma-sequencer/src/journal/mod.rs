//! The sequencer's memory: what it certified, so that it never certifies two blocks at one height.
//!
//! A journal is a list of blocks and of overrides, of which each takes back all from its height on:
//!
//! ```text
//!   appended    b1  b2  b3  b4  b5  override(3')  b4'  b5'
//!   held        b1  b2              ·             b4'  b5'      3' itself is known from the root, not held
//! ```
//!
//! Invariants:
//! - What `append` or `rewind` returned `Ok` for is there after any crash; what was under way is
//!   there whole or not at all.
//! - Blocks follow each other in height but for the gap that an override to a block from elsewhere
//!   leaves.
//! - The last entry is never pruned, so the head is always known.

mod file;
mod index;
mod memory;
mod record;

#[cfg(test)]
mod tests;

use std::io;

use plasma_core::{B256, BlockHeader, CertifiedBlock, Height};

pub use file::FileJournal;
pub use memory::MemoryJournal;

/// A durable list of certified blocks.
///
/// Not shared: one sequencer owns it, and a second one on the same medium must fail to open it.
/// After an error of `append` or `rewind` the medium's state is unknown until it is opened anew; an
/// implementation refuses to go on.
pub trait Journal: Send {
    /// The header to continue after; `None` when nothing was ever written.
    fn head(&self) -> Option<&BlockHeader>;

    /// The lowest height of which something is known.
    fn first(&self) -> Option<Height>;

    /// The lowest height from `from` on of which the block is held.
    fn next(&self, from: Height) -> Option<Height>;

    /// The block at `height`, if it is held.
    fn get(&self, height: Height) -> Result<Option<CertifiedBlock>, JournalError>;

    /// The block that carries this seal, among those held.
    fn sealed(&self, seal: &B256) -> Option<Height>;

    /// Makes a block durable. It must follow the head.
    fn append(&mut self, block: &CertifiedBlock) -> Result<(), JournalError>;

    /// Takes back all blocks above `to`, and the one at its height if it is another, durably.
    /// Blocks that follow `to` may be appended then.
    fn rewind(&mut self, to: &BlockHeader) -> Result<(), JournalError>;

    /// Forgets blocks below `below`, or some of them when that is not worth the work yet.
    fn prune(&mut self, below: Height) -> Result<(), JournalError>;
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The medium failed.
    #[error("{path}: {action} failed: {source}; make the disk writable and restart")]
    Io {
        /// The file.
        path: String,
        /// What was tried.
        action: &'static str,
        /// What came of it.
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "{path} is in use by another process; stop that one, for two sequencers with one key would equivocate"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// It is damaged in a way that no crash explains.
    #[error(
        "{path} is damaged at byte {offset} of {length}: {reason}; restore the file from a backup that is not older \
         than the last published block, or move it away and let the chain continue from the root"
    )]
    Corrupt {
        /// The file.
        path: String,
        /// Where.
        offset: u64,
        /// How long the file is.
        length: u64,
        /// What is wrong there.
        reason: String,
    },
    /// It is of another chain.
    #[error(
        "{path} belongs to the chain with genesis {found}, not {expected}; use another data directory"
    )]
    OtherChain {
        /// The file.
        path: String,
        /// This chain's genesis hash.
        expected: B256,
        /// The file's.
        found: B256,
    },
    /// A block does not follow the head: a bug of whoever appends.
    #[error("block {got} does not follow the journal's head {head}")]
    NotNext {
        /// The head's height.
        head: Height,
        /// The block's.
        got: Height,
    },
    /// An earlier write failed.
    #[error(
        "{path}: an earlier write failed, so what is on the disk is unknown; restart to read it anew"
    )]
    Failed {
        /// The file.
        path: String,
    },
}
