//! Noting what was read.

use alloc::{collections::BTreeSet, vec::Vec};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::Bytes;

use crate::ports::{StateKey, StateRead};

/// A reader that notes every key it was asked for.
pub struct Recorder<'a> {
    base: &'a dyn StateRead,
    keys: Mutex<BTreeSet<StateKey>>,
}

impl<'a> Recorder<'a> {
    /// Nothing noted yet.
    pub fn new(base: &'a dyn StateRead) -> Self {
        Self {
            base,
            keys: Mutex::default(),
        }
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, BTreeSet<StateKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys read so far, in order.
    pub fn keys(&self) -> Vec<StateKey> {
        self.noted().iter().copied().collect()
    }
}

impl StateRead for Recorder<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        self.noted().insert(*key);
        self.base.get(key)
    }
}
