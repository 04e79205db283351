//! The nodes of an older state, from those of the latest and the values replaced since.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes};
use plasma_core::{PreimageMap, StateKey, StateProof, StateWitness, Trie, TrieNode, sha256};

use super::StoreError;

/// What to collect of the trie besides the nodes on a key's path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Collect {
    /// Nothing.
    Path,
    /// The key's value.
    Value,
    /// Leaves beside the path: removing the key may lift one of them to where another key's path ends.
    Siblings,
}

/// Preimages of one state.
pub(super) struct Collected {
    pub(super) root: B256,
    pub(super) known: PreimageMap,
    /// Whether they are just those that were asked for.
    pub(super) exact: bool,
}

impl Collected {
    pub(super) fn proof(&self, key: &StateKey) -> Result<StateProof, StoreError> {
        Ok(StateProof::make(&self.known, self.root, key)?)
    }

    pub(super) fn witness(
        self,
        reads: &[StateKey],
        writes: &[StateKey],
    ) -> Result<StateWitness, StoreError> {
        if self.exact {
            return Ok(StateWitness::new(self.root, self.known));
        }
        Ok(StateWitness::collect(
            &self.known,
            self.root,
            reads,
            writes,
        )?)
    }
}

/// Adds the nodes of the state that had the root `target`, and the values that `reads` had in it, to those of the
/// latest state that its changes and `reads` need. `changed` holds the values replaced since.
pub(super) fn undo(
    known: &mut PreimageMap,
    latest: B256,
    target: B256,
    changed: BTreeMap<StateKey, Option<Bytes>>,
    reads: &[StateKey],
) -> Result<(), StoreError> {
    let reads: BTreeSet<&StateKey> = reads.iter().collect();
    let mut hashes = Vec::with_capacity(changed.len());
    for (key, value) in changed {
        hashes.push((key, value.as_deref().map(|value| sha256(value))));
        if let Some(value) = value.filter(|_| reads.contains(&key)) {
            known.insert_value(value);
        }
    }
    let mut made: Vec<TrieNode> = Vec::new();
    let mut keep = |node: &TrieNode, _: &B256| made.push(*node);
    let root = Trie::proven(known).update_hashes(latest, &hashes, &mut keep)?;
    assert_eq!(root, target, "undoing changes");
    for node in &made {
        known.insert_node(node);
    }
    Ok(())
}
