use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};
use borsh::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use borsh::{BorshDeserialize, BorshSerialize};

use super::node::{DEPTH, bit};
use super::{EMPTY_ROOT, MAX_VALUE_LEN, TrieError, TrieNode};
use crate::{PreimageKind, Preimages, StateKey, sha256};

/// What stands at the end of a key's path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// Nothing: the key is absent.
    Empty,
    /// The leaf of another key: this one is absent.
    Other { key: StateKey, value_hash: B256 },
    /// The key's own leaf, with its value.
    Value(Bytes),
}

/// Proof that a key has a value, or none, under a root.
///
/// Encoded with borsh as: number of siblings (`u16`, at most 256), the siblings from the root downwards, and the
/// end of the path: `0`; or `1`, another leaf's key and value hash; or `2`, the value's length (`u32`) and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    siblings: Vec<B256>,
    end: End,
}

impl StateProof {
    /// Longest encoding of a proof, in bytes.
    pub const MAX_LEN: usize = 2 + DEPTH * 32 + 1 + 4 + MAX_VALUE_LEN;

    /// Proves `key` under `root` from preimages that hold its path, and its value if it has one.
    pub fn make(preimages: &dyn Preimages, root: B256, key: &StateKey) -> Result<Self, TrieError> {
        let trie = super::Trie::new(preimages);
        let mut siblings = Vec::new();
        let found = trie.descend(root, key, &mut |node, _| {
            if let TrieNode::Internal { left, right } = node {
                siblings.push(if bit(key, siblings.len()) {
                    *left
                } else {
                    *right
                });
            }
        })?;
        let end = match found {
            None => End::Empty,
            Some((leaf, hash)) if leaf == *key => {
                let kind = PreimageKind::Sha256;
                let value = preimages.get(kind, &hash);
                End::Value(value.ok_or(TrieError::Missing { kind, hash })?)
            }
            Some((key, value_hash)) => End::Other { key, value_hash },
        };
        Ok(Self { siblings, end })
    }

    /// A proof from its parts: siblings from the root downwards, and what ends the path: nothing, or a leaf.
    /// `value` belongs to the leaf when that is the key's own.
    pub fn from_parts(
        siblings: Vec<B256>,
        leaf: Option<(StateKey, B256)>,
        value: Option<Bytes>,
    ) -> Self {
        let end = match (leaf, value) {
            (_, Some(value)) => End::Value(value),
            (Some((key, value_hash)), None) => End::Other { key, value_hash },
            (None, None) => End::Empty,
        };
        Self { siblings, end }
    }

    /// The value of `key` that this proves to be under `root`; `Ok(None)` is proven absence.
    pub fn verify(&self, root: B256, key: &StateKey) -> Result<Option<Bytes>, TrieError> {
        if self.siblings.len() > DEPTH {
            return Err(TrieError::ProofTooLong {
                siblings: self.siblings.len(),
            });
        }
        let (mut hash, value) = match &self.end {
            End::Empty => (EMPTY_ROOT, None),
            End::Other { key: other, .. } if other == key => {
                return Err(TrieError::Contradiction { key: *key });
            }
            // The path of the other leaf must be the one walked, or absence is not shown.
            End::Other { key: other, .. }
                if !super::node::same_prefix(other, key, self.siblings.len()) =>
            {
                let depth = self.siblings.len() as u16;
                return Err(TrieError::Misplaced { key: *other, depth });
            }
            End::Other { key, value_hash } => (TrieNode::leaf_hash(key, value_hash), None),
            End::Value(value) => (
                TrieNode::leaf_hash(key, &sha256(value)),
                Some(value.clone()),
            ),
        };
        for (depth, sibling) in self.siblings.iter().enumerate().rev() {
            let (left, right) = if bit(key, depth) {
                (sibling, &hash)
            } else {
                (&hash, sibling)
            };
            hash = TrieNode::internal_hash(left, right);
        }
        if hash == root {
            Ok(value)
        } else {
            Err(TrieError::WrongRoot {
                proven: hash,
                expected: root,
            })
        }
    }

    /// Siblings of the path, from the root downwards.
    pub fn siblings(&self) -> &[B256] {
        &self.siblings
    }
}

impl BorshSerialize for StateProof {
    fn serialize<W: Write>(&self, out: &mut W) -> IoResult<()> {
        (self.siblings.len() as u16).serialize(out)?;
        self.siblings
            .iter()
            .try_for_each(|sibling| out.write_all(sibling.as_slice()))?;
        match &self.end {
            End::Empty => out.write_all(&[0]),
            End::Other { key, value_hash } => {
                out.write_all(&[1])?;
                out.write_all(key.as_slice())?;
                out.write_all(value_hash.as_slice())
            }
            End::Value(value) => {
                out.write_all(&[2])?;
                write_value(value, out)
            }
        }
    }
}

impl BorshDeserialize for StateProof {
    fn deserialize_reader<R: Read>(input: &mut R) -> IoResult<Self> {
        let count = usize::from(u16::deserialize_reader(input)?);
        if count > DEPTH {
            return Err(invalid("a path has at most 256 siblings"));
        }
        let siblings = (0..count)
            .map(|_| read_hash(input))
            .collect::<IoResult<_>>()?;
        let end = match u8::deserialize_reader(input)? {
            0 => End::Empty,
            1 => End::Other {
                key: read_hash(input)?,
                value_hash: read_hash(input)?,
            },
            2 => End::Value(read_value(input)?),
            _ => return Err(invalid("the end of a path is 0, 1 or 2")),
        };
        Ok(Self { siblings, end })
    }
}

pub(super) fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, reason)
}

pub(super) fn read_hash<R: Read>(input: &mut R) -> IoResult<B256> {
    let mut hash = B256::ZERO;
    input.read_exact(hash.as_mut_slice())?;
    Ok(hash)
}

pub(super) fn write_value<W: Write>(value: &[u8], out: &mut W) -> IoResult<()> {
    (value.len() as u32).serialize(out)?;
    out.write_all(value)
}

pub(super) fn read_value<R: Read>(input: &mut R) -> IoResult<Bytes> {
    let length = u32::deserialize_reader(input)? as usize;
    if length > MAX_VALUE_LEN {
        return Err(invalid("a value has at most 4096 bytes"));
    }
    let mut value = alloc::vec![0; length];
    input.read_exact(&mut value)?;
    Ok(value.into())
}
