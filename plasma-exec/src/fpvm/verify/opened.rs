//! Bytes of a proof, and the blocks of memory that they open.

use plasma_core::{B256, keccak256};

use super::{MEMORY_BITS, ProofError};

/// Reads a proof from its front.
pub(super) struct Reader<'a> {
    proof: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(proof: &'a [u8]) -> Self {
        Self { proof, at: 0 }
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], ProofError> {
        let end = self.at + count;
        let bytes = self.proof.get(self.at..end).ok_or(ProofError::Missing {
            needed: end,
            length: self.proof.len(),
        })?;
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], ProofError> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        Ok(out)
    }

    pub(super) fn siblings(&mut self, count: usize) -> Result<Vec<B256>, ProofError> {
        let bytes = self.bytes(32 * count)?;
        Ok(bytes.chunks_exact(32).map(B256::from_slice).collect())
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), ProofError> {
        if self.at == self.proof.len() {
            return Ok(());
        }
        Err(ProofError::Surplus {
            needed: self.at,
            length: self.proof.len(),
        })
    }
}

fn hash_two(left: &B256, right: &B256) -> B256 {
    keccak256([left.as_slice(), right.as_slice()].concat())
}

/// The root over a node at this place, with these siblings on the way up.
pub(super) fn climb(node: B256, index: u64, siblings: &[B256]) -> B256 {
    let (mut node, mut index) = (node, index);
    for sibling in siblings {
        node = if index.is_multiple_of(2) {
            hash_two(&node, sibling)
        } else {
            hash_two(sibling, &node)
        };
        index /= 2;
    }
    node
}

/// 2^k leaves of memory, proven.
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Of the block among those of its size.
    index: u64,
    siblings: Vec<B256>,
}

impl Block {
    /// Reads the block of 2^`height` leaves around an address, and proves it against the root.
    pub(super) fn open(
        reader: &mut Reader<'_>,
        root: &B256,
        address: u64,
        height: u32,
    ) -> Result<Self, ProofError> {
        let size = 32 << height;
        let block = Self {
            bytes: reader.bytes(size)?.to_vec(),
            index: address / size as u64,
            siblings: reader.siblings((MEMORY_BITS - 5 - height) as usize)?,
        };
        let computed = block.root();
        if computed != *root {
            return Err(ProofError::MemoryRoot {
                computed,
                expected: *root,
            });
        }
        Ok(block)
    }

    /// The root of memory with this block in it.
    pub(super) fn root(&self) -> B256 {
        let mut level: Vec<B256> = self.bytes.chunks_exact(32).map(B256::from_slice).collect();
        while level.len() > 1 {
            level = level
                .chunks_exact(2)
                .map(|two| hash_two(&two[0], &two[1]))
                .collect();
        }
        climb(level[0], self.index, &self.siblings)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first leaf.
    pub(super) fn leaf(&self) -> B256 {
        B256::from_slice(&self.bytes[..32])
    }

    pub(super) fn set_leaf(&mut self, leaf: &B256) {
        self.bytes[..32].copy_from_slice(leaf.as_slice());
    }

    /// The little-endian number of `size` bytes at an address in this block of one leaf.
    pub(super) fn number(&self, address: u64, size: u64) -> u64 {
        let start = (address % 32) as usize;
        let bytes = &self.bytes[start..start + size as usize];
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    pub(super) fn set_number(&mut self, address: u64, size: u64, value: u64) {
        let start = (address % 32) as usize;
        for i in 0..size as usize {
            self.bytes[start + i] = (value >> (8 * i)) as u8;
        }
    }
}
