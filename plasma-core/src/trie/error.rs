use alloy_primitives::B256;

use crate::{PreimageKind, Severe, Severity, StateKey};

/// Why a trie over preimages gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrieError {
    /// A node or value that the answer needs is not among the preimages.
    #[error("no preimage of {hash}: the witness does not cover this key; make one that lists it")]
    Missing {
        /// What is missing: a node or a value.
        kind: PreimageKind,
        /// Hash of the node or value.
        hash: B256,
    },
    /// A preimage does not hash to what it was asked for as.
    #[error("the preimage given for {hash} does not hash to it; its source is corrupt or lies")]
    Mismatch {
        /// Hash asked for.
        hash: B256,
    },
    /// A node's preimage is not 64 bytes.
    #[error("node {hash} has {length} bytes; a node has 64")]
    NodeLength {
        /// Hash of the node.
        hash: B256,
        /// Bytes found.
        length: usize,
    },
    /// A leaf stands where its key does not lead.
    #[error(
        "leaf of key {key} stands at depth {depth} of another path: no honest trie has this root"
    )]
    Misplaced {
        /// Key of the leaf.
        key: StateKey,
        /// Depth at which it was found.
        depth: u16,
    },
    /// An internal node at depth 256, below the last bit of every key.
    #[error("node {hash} is internal at depth 256, where keys end: no honest trie has this root")]
    TooDeep {
        /// Hash of the node.
        hash: B256,
    },
    /// A subtree that should have been compacted to its only leaf, or to nothing.
    #[error("node {hash} has fewer than two keys below it and should have been compacted")]
    NotCompact {
        /// Hash of the node.
        hash: B256,
    },
    /// Changes or keys are not in strictly ascending order.
    #[error(
        "key {key} does not come after the one before it; sort the changes and drop duplicates"
    )]
    Unsorted {
        /// The first key out of order.
        key: StateKey,
    },
    /// A value is too long to be stored.
    #[error("value of {length} bytes is over the limit of {limit}; split it over several keys")]
    ValueTooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A proof or witness is of another root than the one expected.
    #[error("proves root {proven}, not the expected {expected}")]
    WrongRoot {
        /// The root that it proves.
        proven: B256,
        /// The root expected.
        expected: B256,
    },
    /// A proof of exclusion that shows the very key it excludes.
    #[error(
        "the proof excludes key {key} by showing a leaf of that key; ask for a proof with the value"
    )]
    Contradiction {
        /// The key.
        key: StateKey,
    },
    /// A proof is longer than any path.
    #[error("the proof has {siblings} siblings; a path has at most 256")]
    ProofTooLong {
        /// Siblings given.
        siblings: usize,
    },
}

impl Severe for TrieError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}
