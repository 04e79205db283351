use alloc::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};

use super::TrieNode;
use crate::{PreimageKind, Preimages, keccak256, sha256};

/// Preimages in memory, each under the hash computed from it: none can lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreimageMap(BTreeMap<(PreimageKind, B256), Bytes>);

impl PreimageMap {
    /// Adds a node; returns its hash.
    pub fn insert_node(&mut self, node: &TrieNode) -> B256 {
        let hash = node.hash();
        let bytes = Bytes::copy_from_slice(&node.preimage());
        self.0.insert((PreimageKind::TrieNode, hash), bytes);
        hash
    }

    /// Adds a value; returns its hash.
    pub fn insert_value(&mut self, value: Bytes) -> B256 {
        let hash = sha256(&value);
        self.0.insert((PreimageKind::Sha256, hash), value);
        hash
    }

    /// Adds what is named by its keccak-256; returns its hash.
    pub fn insert_keccak(&mut self, bytes: Bytes) -> B256 {
        let hash = keccak256(&bytes);
        self.0.insert((PreimageKind::Keccak, hash), bytes);
        hash
    }

    /// Adds all that `other` has.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Takes out one preimage.
    pub fn remove(&mut self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        self.0.remove(&(kind, *hash))
    }

    /// Whether there is a preimage of `hash`.
    pub fn contains(&self, kind: PreimageKind, hash: &B256) -> bool {
        self.0.contains_key(&(kind, *hash))
    }

    /// Number of preimages.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All preimages, in order of their kinds and hashes.
    pub fn iter(&self) -> impl Iterator<Item = (PreimageKind, &B256, &Bytes)> {
        self.0
            .iter()
            .map(|((kind, hash), bytes)| (*kind, hash, bytes))
    }
}

impl Preimages for PreimageMap {
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        self.0.get(&(kind, *hash)).cloned()
    }
}

/// Preimages that notes what was asked for, so that it can be handed on: to a machine that has nothing else.
#[cfg(feature = "std")]
pub struct PreimageRecorder<'a> {
    source: &'a dyn Preimages,
    used: std::sync::Mutex<PreimageMap>,
}

#[cfg(feature = "std")]
impl<'a> PreimageRecorder<'a> {
    /// Nothing noted yet. The answers of `source` are hashed.
    pub fn new(source: &'a dyn Preimages) -> Self {
        Self {
            source,
            used: std::sync::Mutex::default(),
        }
    }

    /// All that was asked for and was there.
    pub fn into_used(self) -> PreimageMap {
        self.used
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(feature = "std")]
impl Preimages for PreimageRecorder<'_> {
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        let bytes = crate::Verified(self.source).get(kind, hash)?;
        let mut used = self
            .used
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        used.0.insert((kind, *hash), bytes.clone());
        Some(bytes)
    }
}
