mod crash;
mod disk;
pub(super) mod equality;
mod format;

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use plasma_core::{Changes, StateKey, Trie, sha256};

use super::Store;

/// A state as it should be: keys and values.
pub(super) type Model = BTreeMap<StateKey, Bytes>;

/// The root of a state, by the plain trie.
pub(super) fn root_of(model: &Model) -> B256 {
    let leaves: Vec<_> = model
        .iter()
        .map(|(key, value)| (*key, sha256(value)))
        .collect();
    Trie::root_of(&leaves)
}

pub(super) fn apply(model: &mut Model, changes: &Changes) {
    for (key, value) in changes {
        match value {
            Some(value) => model.insert(*key, value.clone()),
            None => model.remove(key),
        };
    }
}

/// A key that shares its bucket, and more, with others of the same `cluster`.
pub(super) fn key(cluster: u8, number: u64) -> StateKey {
    let mut key = sha256(&number.to_le_bytes());
    match cluster {
        0 => {}
        // The same first 64 bits.
        1 => key.0[..8].fill(0x5a),
        // All bits but the last few.
        _ => {
            let tail = key.0[31] & 7;
            key = B256::repeat_byte(0xa5);
            key.0[31] ^= tail;
        }
    }
    key
}

/// Whether the latest state of `store` is exactly `model`, over the keys that the test uses.
fn assert_latest(store: &dyn Store, model: &Model, absent: &[StateKey]) {
    assert_eq!(store.root(), root_of(model));
    for (key, value) in model {
        assert_eq!(store.get(key).as_ref(), Some(value));
    }
    for key in absent.iter().filter(|key| !model.contains_key(*key)) {
        assert_eq!(store.get(key), None);
    }
}
