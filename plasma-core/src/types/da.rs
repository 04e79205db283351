//! Commitments to bytes that the root can open by itself.

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

/// The bytes of one leaf of a chunk tree: what one step of the fault-proof machine may take as a preimage.
pub const CHUNK_BYTES: usize = 4096;

/// How a commitment binds its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub enum CommitmentScheme {
    /// A keccak tree over chunks of [`CHUNK_BYTES`]: [`chunk_root`].
    #[default]
    ChunkTree,
    /// The keccak of EIP-4844 versioned hashes, in order.
    Blobs,
}

impl CommitmentScheme {
    /// The number under which the root knows the scheme.
    pub fn number(self) -> u8 {
        match self {
            Self::ChunkTree => 1,
            Self::Blobs => 2,
        }
    }

    /// The scheme of a number that the root gave.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::ChunkTree),
            2 => Some(Self::Blobs),
            _ => None,
        }
    }
}

/// A commitment to bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct DaCommitment {
    /// How it binds them.
    pub scheme: CommitmentScheme,
    /// The hash that binds them.
    pub root: B256,
    /// How many bytes there are.
    pub length: u64,
}

impl DaCommitment {
    /// The chunk-tree commitment to `bytes`.
    pub fn chunk_tree(bytes: &[u8]) -> Self {
        Self { scheme: CommitmentScheme::ChunkTree, root: chunk_root(bytes), length: bytes.len() as u64 }
    }

    /// Whether these are the bytes. Blobs are opened through their own proofs, never here.
    pub fn binds(&self, bytes: &[u8]) -> bool {
        self.scheme == CommitmentScheme::ChunkTree
            && self.length == bytes.len() as u64
            && self.root == chunk_root(bytes)
    }
}

/// Bytes that some availability layer holds.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub struct BlobRef {
    /// What binds them.
    pub commitment: DaCommitment,
    /// Where that layer finds them; empty where the commitment suffices.
    pub location: Bytes,
}

impl From<DaCommitment> for BlobRef {
    fn from(commitment: DaCommitment) -> Self {
        Self { commitment, location: Bytes::new() }
    }
}

/// The root of the chunk tree over `bytes`.
///
/// Leaves are the keccak of each chunk; a node is the keccak of its two children; the last node of a level
/// with an odd count moves up as it is. No bytes have the root zero. The length travels beside the root,
/// so a leaf cannot pass for a node: the shape follows from the length.
pub fn chunk_root(bytes: &[u8]) -> B256 {
    let mut level: Vec<B256> = bytes.chunks(CHUNK_BYTES).map(keccak256).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => keccak256([left.0, right.0].concat()),
                one => one[0],
            })
            .collect();
    }
    level.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_follows_the_shape_of_the_length() {
        let chunk = |byte: u8| alloc::vec![byte; CHUNK_BYTES];
        let leaf = |byte: u8| keccak256(chunk(byte));
        let node = |left: B256, right: B256| keccak256([left.0, right.0].concat());
        assert_eq!(chunk_root(&[]), B256::ZERO);
        assert_eq!(chunk_root(b"abc"), keccak256(b"abc"));
        assert_eq!(chunk_root(&[chunk(1), chunk(2)].concat()), node(leaf(1), leaf(2)));
        let three = [chunk(1), chunk(2), chunk(3)].concat();
        assert_eq!(chunk_root(&three), node(node(leaf(1), leaf(2)), leaf(3)));
        assert!(DaCommitment::chunk_tree(&three).binds(&three));
        assert!(!DaCommitment::chunk_tree(&three).binds(&three[1..]));
    }
}
