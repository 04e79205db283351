//! Commitments to bytes that the root can open by itself.

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::PreimageMap;

/// The bytes of one leaf of a chunk tree: what one step of the fault-proof machine may take as a
/// preimage.
pub const CHUNK_BYTES: usize = 4096;

/// How a commitment binds its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
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
        Self {
            scheme: CommitmentScheme::ChunkTree,
            root: chunk_root(bytes),
            length: bytes.len() as u64,
        }
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
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct BlobRef {
    /// What binds them.
    pub commitment: DaCommitment,
    /// Where that layer finds them; empty where the commitment suffices.
    pub location: Bytes,
}

impl From<DaCommitment> for BlobRef {
    fn from(commitment: DaCommitment) -> Self {
        Self {
            commitment,
            location: Bytes::new(),
        }
    }
}

/// The root of the chunk tree over `bytes`.
///
/// Leaves are the keccak of each chunk; a node is the keccak of its two children; the last node of
/// a level with an odd count moves up as it is. No bytes have the root zero. The length travels
/// beside the root, so a leaf cannot pass for a node: the shape follows from the length.
pub fn chunk_root(bytes: &[u8]) -> B256 {
    let mut level: Vec<B256> = bytes.chunks(CHUNK_BYTES).map(keccak256).collect();
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied().unwrap_or_default()
}

/// Adds the chunks of `bytes` and the nodes over them; returns their root.
pub fn put_chunks(known: &mut PreimageMap, bytes: &Bytes) -> B256 {
    let mut level: Vec<B256> = (0..bytes.len())
        .step_by(CHUNK_BYTES)
        .map(|start| {
            let end = bytes.len().min(start + CHUNK_BYTES);
            known.insert_keccak(bytes.slice(start..end))
        })
        .collect();
    while level.len() > 1 {
        for pair in level.chunks_exact(2) {
            known.insert_keccak([pair[0].0, pair[1].0].concat().into());
        }
        level = parents(&level);
    }
    level.first().copied().unwrap_or_default()
}

fn parent(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].as_flattened())
}

fn parents(level: &[B256]) -> Vec<B256> {
    let node = |pair: &[B256]| match pair {
        [left, right] => parent(*left, *right),
        one => one[0],
    };
    level.chunks(2).map(node).collect()
}

/// The proof that a chunk stands in its place: its siblings, from the bottom up. Where a node is
/// the last of a level with an odd count, it has none.
pub type ChunkProof = Vec<B256>;

/// Proves chunk `index` of `bytes`; `None` when there is no such chunk.
pub fn chunk_proof(bytes: &[u8], index: u64) -> Option<ChunkProof> {
    let mut at = usize::try_from(index).ok()?;
    if at >= bytes.len().div_ceil(CHUNK_BYTES) {
        return None;
    }
    let mut level: Vec<B256> = bytes.chunks(CHUNK_BYTES).map(keccak256).collect();
    let mut proof = ChunkProof::new();
    while level.len() > 1 {
        proof.extend(level.get(at ^ 1));
        level = parents(&level);
        at /= 2;
    }
    Some(proof)
}

/// Whether `chunk` is the one with this number among the bytes that `commitment` binds.
///
/// A chunk has exactly [`CHUNK_BYTES`], but the last one, which has what is left of the length. A
/// proof has exactly the siblings that the length asks for.
pub fn verify_chunk(commitment: &DaCommitment, index: u64, chunk: &[u8], proof: &[B256]) -> bool {
    const CHUNK: u64 = CHUNK_BYTES as u64;
    let (mut at, mut count) = (index, commitment.length.div_ceil(CHUNK));
    if commitment.scheme != CommitmentScheme::ChunkTree || at >= count {
        return false;
    }
    if chunk.len() as u64 != CHUNK.min(commitment.length - at * CHUNK) {
        return false;
    }
    let (mut node, mut siblings) = (keccak256(chunk), proof.iter());
    while count > 1 {
        if at ^ 1 < count {
            let Some(sibling) = siblings.next() else {
                return false;
            };
            node = if at & 1 == 0 {
                parent(node, *sibling)
            } else {
                parent(*sibling, node)
            };
        }
        (at, count) = (at / 2, count.div_ceil(2));
    }
    siblings.next().is_none() && node == commitment.root
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
        assert_eq!(
            chunk_root(&[chunk(1), chunk(2)].concat()),
            node(leaf(1), leaf(2))
        );
        let three = [chunk(1), chunk(2), chunk(3)].concat();
        assert_eq!(chunk_root(&three), node(node(leaf(1), leaf(2)), leaf(3)));
        assert!(DaCommitment::chunk_tree(&three).binds(&three));
        assert!(!DaCommitment::chunk_tree(&three).binds(&three[1..]));
    }
    #[test]
    fn every_chunk_of_every_shape_is_proven_and_nothing_else_is() {
        for chunks in 1..12_usize {
            for surplus in [1, 100, CHUNK_BYTES] {
                let length = (chunks - 1) * CHUNK_BYTES + surplus;
                let bytes: Vec<u8> = (0..length)
                    .map(|n| (n / 7 + n / CHUNK_BYTES) as u8)
                    .collect();
                let commitment = DaCommitment::chunk_tree(&bytes);
                for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
                    let index = index as u64;
                    let proof = chunk_proof(&bytes, index).expect("there is such a chunk");
                    let holds = |index, chunk: &[u8], proof: &[B256]| {
                        verify_chunk(&commitment, index, chunk, proof)
                    };
                    assert!(holds(index, chunk, &proof), "chunk {index} of {chunks}");
                    assert!(!holds(index, &chunk[1..], &proof), "a short chunk");
                    assert!(
                        !holds(index ^ 1, chunk, &proof) || chunks == 1,
                        "another place"
                    );
                    assert!(
                        !holds(index + (1 << 60), chunk, &proof),
                        "a place beyond the end"
                    );
                    assert!(
                        !holds(
                            index,
                            chunk,
                            &[proof.clone(), alloc::vec![B256::ZERO]].concat()
                        ),
                        "a surplus"
                    );
                    for sibling in 0..proof.len() {
                        let mut other = proof.clone();
                        other[sibling].0[0] ^= 1;
                        assert!(!holds(index, chunk, &other), "another sibling");
                        assert!(!holds(index, chunk, &proof[..sibling]), "a sibling too few");
                    }
                }
                assert_eq!(chunk_proof(&bytes, chunks as u64), None);
                assert_eq!(chunk_proof(&bytes, u64::MAX), None);
            }
        }
        assert_eq!(chunk_proof(&[], 0), None);
        assert!(!verify_chunk(&DaCommitment::default(), 0, &[], &[]));
    }

    #[test]
    fn a_node_does_not_pass_for_a_chunk() {
        let bytes = alloc::vec![5; 2 * CHUNK_BYTES];
        let leaf = keccak256(&bytes[..CHUNK_BYTES]);
        let node = [leaf.0, leaf.0].concat();
        let commitment = DaCommitment::chunk_tree(&bytes);
        assert_eq!(keccak256(&node), commitment.root);
        assert!(!verify_chunk(&commitment, 0, &node, &[]));
    }
}
