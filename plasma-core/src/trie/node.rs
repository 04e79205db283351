use alloy_primitives::B256;

use super::TrieError;
use crate::{StateKey, sha256_pairs};

/// The root of a trie without keys.
pub const EMPTY_ROOT: B256 = B256::ZERO;

/// Longest value that a key may have, in bytes, so that one step of the fault-proof machine can open any. Longer
/// data is split over several keys: [`Blobs`](crate::Blobs).
pub const MAX_VALUE_LEN: usize = crate::MAX_PREIMAGE_BYTES;

/// Bits of a key, hence the depth below which no node can be.
pub(super) const DEPTH: usize = 256;

/// What a node's hash says about the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// No key below.
    Terminator,
    /// One key below.
    Leaf,
    /// Two keys or more below.
    Internal,
}

impl NodeKind {
    /// The kind of node that `hash` names.
    #[inline]
    pub fn of(hash: &B256) -> Self {
        if hash.0[0] >> 7 == 1 {
            Self::Leaf
        } else if hash.is_zero() {
            Self::Terminator
        } else {
            Self::Internal
        }
    }
}

/// A node that has a preimage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrieNode {
    /// One key and the SHA-256 of its value.
    Leaf {
        /// The key.
        key: StateKey,
        /// SHA-256 of the value.
        value_hash: B256,
    },
    /// Hashes of two subtrees, of which the first holds the keys whose next bit is 0.
    Internal {
        /// Subtree of the keys whose next bit is 0.
        left: B256,
        /// Subtree of the keys whose next bit is 1.
        right: B256,
    },
}

impl TrieNode {
    /// Hash of the leaf of `key`.
    #[inline]
    pub fn leaf_hash(key: &StateKey, value_hash: &B256) -> B256 {
        let mut hash = pair_hash(key, value_hash);
        hash.0[0] |= 0x80;
        hash
    }

    /// Hash of the internal node over two subtrees.
    #[inline]
    pub fn internal_hash(left: &B256, right: &B256) -> B256 {
        let mut hash = pair_hash(left, right);
        hash.0[0] &= 0x7f;
        hash
    }

    /// Hash of the compacted subtree over two subtrees: a leaf beside nothing moves up as it is.
    #[inline]
    pub fn join_hash(left: &B256, right: &B256) -> B256 {
        match Self::only_child(left, right) {
            Some(only) => only,
            None => Self::internal_hash(left, right),
        }
    }

    /// The child that stands for the whole subtree, when no internal node is due over these two.
    #[inline]
    pub fn only_child(left: &B256, right: &B256) -> Option<B256> {
        if right.is_zero() && NodeKind::of(left) != NodeKind::Internal {
            Some(*left)
        } else if left.is_zero() && NodeKind::of(right) == NodeKind::Leaf {
            Some(*right)
        } else {
            None
        }
    }

    /// Hash of this node.
    pub fn hash(&self) -> B256 {
        match self {
            Self::Leaf { key, value_hash } => Self::leaf_hash(key, value_hash),
            Self::Internal { left, right } => Self::internal_hash(left, right),
        }
    }

    /// Hashes of many leaves, or of many internal nodes, given each one's [`TrieNode::preimage`], into as many `hashes`:
    /// the same as one after another, and faster.
    pub fn hash_many(kind: NodeKind, preimages: &[[u8; 64]], hashes: &mut [[u8; 32]]) {
        sha256_pairs(preimages, hashes);
        let first = u8::from(kind == NodeKind::Leaf) << 7;
        for hash in hashes {
            hash[0] = hash[0] & 0x7f | first;
        }
    }

    /// The 64 bytes that hash to this node, apart from the first bit.
    pub fn preimage(&self) -> [u8; 64] {
        let (first, second) = match self {
            Self::Leaf { key, value_hash } => (key, value_hash),
            Self::Internal { left, right } => (left, right),
        };
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(first.as_slice());
        bytes[32..].copy_from_slice(second.as_slice());
        bytes
    }

    /// The node of `hash` (not the terminator) from its preimage. Does not hash: see [`TrieNode::hash`].
    pub fn decode(hash: &B256, preimage: &[u8]) -> Result<Self, TrieError> {
        if preimage.len() != 64 {
            return Err(TrieError::NodeLength {
                hash: *hash,
                length: preimage.len(),
            });
        }
        let first = B256::from_slice(&preimage[..32]);
        let second = B256::from_slice(&preimage[32..]);
        Ok(match NodeKind::of(hash) {
            NodeKind::Leaf => Self::Leaf {
                key: first,
                value_hash: second,
            },
            _ => Self::Internal {
                left: first,
                right: second,
            },
        })
    }
}

/// Bit `depth` of a key: which way its path goes there.
#[inline]
pub(super) fn bit(key: &StateKey, depth: usize) -> bool {
    key.0[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// Whether two keys have the same first `depth` bits.
pub(super) fn same_prefix(a: &StateKey, b: &StateKey, depth: usize) -> bool {
    let (bytes, bits) = (depth / 8, depth % 8);
    a.0[..bytes] == b.0[..bytes] && (bits == 0 || (a.0[bytes] ^ b.0[bytes]) >> (8 - bits) == 0)
}

#[inline]
fn pair_hash(first: &B256, second: &B256) -> B256 {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(first.as_slice());
    bytes[32..].copy_from_slice(second.as_slice());
    let mut hash = [[0; 32]];
    sha256_pairs(&[bytes], &mut hash);
    B256::new(hash[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_nodes_have_the_hashes_that_each_has() {
        let pair = |byte: u8| (B256::repeat_byte(byte), B256::repeat_byte(!byte));
        for kind in [NodeKind::Leaf, NodeKind::Internal] {
            let nodes: Vec<TrieNode> = (0..9)
                .map(|byte| match (kind, pair(byte)) {
                    (NodeKind::Leaf, (key, value_hash)) => TrieNode::Leaf { key, value_hash },
                    (_, (left, right)) => TrieNode::Internal { left, right },
                })
                .collect();
            let preimages: Vec<[u8; 64]> = nodes.iter().map(TrieNode::preimage).collect();
            let mut hashes = vec![[0; 32]; nodes.len()];
            TrieNode::hash_many(kind, &preimages, &mut hashes);
            let single: Vec<[u8; 32]> = nodes.iter().map(|node| node.hash().0).collect();
            assert_eq!(hashes, single, "{kind:?}");
        }
    }
}
