//! The port of data by hash: what the fault-proof machine reads, and what stands in for it natively.

use alloy_primitives::{B256, Bytes, keccak256};

use crate::{NodeKind, TrieNode, sha256};

/// The longest preimage that one step of the fault-proof machine can take, in bytes.
pub const MAX_PREIMAGE_BYTES: usize = 4096;

/// How a key names its preimage. The numbers are the machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PreimageKind {
    /// Keccak-256 of at most [`MAX_PREIMAGE_BYTES`].
    Keccak = 1,
    /// SHA-256 of at most [`MAX_PREIMAGE_BYTES`]: a value in state.
    Sha256 = 2,
    /// A node of the state trie: 64 bytes, whose SHA-256 is the key apart from its first bit.
    TrieNode = 3,
    /// An EIP-4844 blob by its versioned hash, read field element by field element.
    Blob = 4,
}

impl PreimageKind {
    /// The number under which the machine knows the kind.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind of a number.
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Keccak),
            2 => Some(Self::Sha256),
            3 => Some(Self::TrieNode),
            4 => Some(Self::Blob),
            _ => None,
        }
    }

    /// Whether `bytes` are what `hash` names. A blob is proven by its own commitment, never here.
    pub fn names(self, hash: &B256, bytes: &[u8]) -> bool {
        match self {
            _ if bytes.len() > MAX_PREIMAGE_BYTES => false,
            Self::Keccak => keccak256(bytes) == *hash,
            Self::Sha256 => sha256(bytes) == *hash,
            Self::TrieNode => {
                NodeKind::of(hash) != NodeKind::Terminator
                    && TrieNode::decode(hash, bytes).is_ok_and(|node| node.hash() == *hash)
            }
            Self::Blob => false,
        }
    }
}

/// Data by its hash, from wherever it is kept: a store, a witness, the oracle of the fault-proof machine.
///
/// Contract. An answer is what the key names: an implementation either has hashed it, or has it from where each
/// read is proven (the machine's oracle, whose step proofs cover every preimage). What comes from anywhere else
/// goes through [`Verified`]. The same key has the same answer, however often it is asked for.
pub trait Preimages: Sync {
    /// The bytes that `hash` names, if they are known.
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes>;
}

/// Preimages out of hands that may lie: each answer is hashed, and a wrong one is none.
#[derive(Clone, Copy)]
pub struct Verified<'a>(pub &'a dyn Preimages);

impl Preimages for Verified<'_> {
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        self.0
            .get(kind, hash)
            .filter(|bytes| kind.names(hash, bytes))
    }
}
