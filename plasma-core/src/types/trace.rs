//! The commitment of a claim: a tree over the checkpoints of the claimed range.
//!
//! The tree has a fixed height; the last checkpoint is repeated as padding (`fault proofs`, section 2). Only
//! the leaves that differ are held: a subtree of padding alone has a hash that doubling gives.

use alloc::vec::Vec;

use alloy_primitives::{B256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

/// The height of the outer trace: at most 2^24 segments in one claim.
pub const TRACE_HEIGHT: usize = 24;

/// The root of a trace, and the proof of its last leaf.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct TraceCommitment {
    /// The Merkle root over S1..S(2^[`TRACE_HEIGHT`]).
    pub root: B256,
    /// The siblings of the last leaf, from the bottom up.
    pub last: TraceProof,
}

/// The siblings of a leaf, from the bottom up.
pub type TraceProof = Vec<B256>;

fn node(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

impl TraceCommitment {
    /// Commits to the checkpoint hashes S1..Sn; `None` when there are none, or more than the tree holds.
    pub fn of(leaves: &[B256]) -> Option<Self> {
        let mut padding = *leaves.last()?;
        if leaves.len() > 1 << TRACE_HEIGHT {
            return None;
        }
        let mut level = leaves.to_vec();
        let mut last = TraceProof::with_capacity(TRACE_HEIGHT);
        for height in 0..TRACE_HEIGHT {
            // The sibling of the rightmost node is real only when this level is full but for one.
            let sibling = (1 << (TRACE_HEIGHT - height)) - 2;
            last.push(level.get(sibling).copied().unwrap_or(padding));
            if level.len() % 2 == 1 {
                level.push(padding);
            }
            level = level.chunks(2).map(|pair| node(pair[0], pair[1])).collect();
            padding = node(padding, padding);
        }
        Some(Self {
            root: level[0],
            last,
        })
    }

    /// Whether `leaf` is the last leaf under this root.
    pub fn ends_with(&self, leaf: B256) -> bool {
        self.last.len() == TRACE_HEIGHT
            && self
                .last
                .iter()
                .fold(leaf, |right, left| node(*left, right))
                == self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_leaf_is_proven_and_no_other() {
        for count in [1, 2, 3, 4, 7, 8, 33] {
            let leaves: Vec<B256> = (0..count).map(|n| keccak256([n as u8])).collect();
            let trace = TraceCommitment::of(&leaves).expect("not empty");
            assert!(trace.ends_with(leaves[count - 1]), "{count} leaves");
            assert!(!trace.ends_with(B256::ZERO));
        }
        assert_eq!(TraceCommitment::of(&[]), None);
    }

    #[test]
    fn padding_is_the_last_leaf_repeated() {
        let leaves: Vec<B256> = (0..3_u8).map(|n| keccak256([n])).collect();
        let mut padded = leaves.clone();
        padded.extend([leaves[2]; 5]);
        assert_eq!(TraceCommitment::of(&leaves), TraceCommitment::of(&padded));
    }
}
