use alloc::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};

use super::TrieNode;
use crate::{Preimages, sha256};

/// Preimages in memory, each under the hash computed from it: none can lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreimageMap(BTreeMap<B256, Bytes>);

impl PreimageMap {
    /// Adds a node; returns its hash.
    pub fn insert_node(&mut self, node: &TrieNode) -> B256 {
        let hash = node.hash();
        self.0
            .insert(hash, Bytes::copy_from_slice(&node.preimage()));
        hash
    }

    /// Adds a value; returns its hash.
    pub fn insert_value(&mut self, value: Bytes) -> B256 {
        let hash = sha256(&value);
        self.0.insert(hash, value);
        hash
    }

    /// Whether there is a preimage of `hash`.
    pub fn contains(&self, hash: &B256) -> bool {
        self.0.contains_key(hash)
    }

    /// Number of preimages.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All preimages, in order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = (&B256, &Bytes)> {
        self.0.iter()
    }
}

impl Preimages for PreimageMap {
    fn get(&self, hash: &B256) -> Option<Bytes> {
        self.0.get(hash).cloned()
    }
}
