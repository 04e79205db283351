//! A plain state in memory, for tests and doctests.

use alloc::{collections::BTreeMap, vec::Vec};

use alloy_primitives::Bytes;

use super::Mark;
use crate::MAX_VALUE_LEN;
use crate::ports::{Changes, State, StateKey, StateRead};

/// A plain state in memory, with no commitment.
#[derive(Clone, Debug, Default)]
pub struct MemoryState {
    entries: BTreeMap<StateKey, Bytes>,
    journal: Vec<(StateKey, Option<Bytes>)>,
}

impl MemoryState {
    /// All that is in it, in key order.
    pub fn entries(&self) -> &BTreeMap<StateKey, Bytes> {
        &self.entries
    }

    /// Applies a block's changes; there is no way back behind them.
    pub fn apply(&mut self, changes: &Changes) {
        for (key, value) in changes {
            self.put(*key, value.clone());
        }
        self.journal.clear();
    }

    fn put(&mut self, key: StateKey, value: Option<Bytes>) -> Option<Bytes> {
        match value {
            Some(value) => self.entries.insert(key, value),
            None => self.entries.remove(&key),
        }
    }
}

impl PartialEq for MemoryState {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for MemoryState {}

impl StateRead for MemoryState {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        self.entries.get(key).cloned()
    }

    fn reads_freely(&self) -> bool {
        true
    }
}

impl State for MemoryState {
    fn set(&mut self, key: StateKey, value: Option<Bytes>) {
        if value
            .as_ref()
            .is_some_and(|value| value.len() > MAX_VALUE_LEN)
        {
            return;
        }
        let before = self.put(key, value);
        self.journal.push((key, before));
    }

    fn mark(&mut self) -> Mark {
        Mark::at(self.journal.len())
    }

    fn revert(&mut self, mark: Mark) {
        for (key, before) in self.journal.split_off(mark.position()).into_iter().rev() {
            self.put(key, before);
        }
    }
}
