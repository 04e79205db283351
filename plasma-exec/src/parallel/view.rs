//! The state as one transaction of a run sees it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloc::vec::Vec;

use alloy_primitives::{Bytes, map::HashMap};
use plasma_core::{StateKey, StateRead};

use super::memory::{Memory, Origin};

/// What a transaction read, and since whom that stands there.
pub(super) type Reads = Vec<(StateKey, Origin)>;

/// The state as one transaction after the other of a thread sees it, by guess: what those before it have written so
/// far. What it has read once stays as it is until the next transaction.
pub(crate) struct View<'a> {
    memory: &'a Memory<'a>,
    /// The tallied keys, and what they held before the run.
    tallied: &'a [(StateKey, Option<Bytes>)],
    /// Only one thread ever asks; the lock is for the type's sake.
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    index: u32,
    known: HashMap<StateKey, (Origin, Option<Bytes>)>,
    tallied: u32,
}

impl<'a> View<'a> {
    pub(super) fn new(memory: &'a Memory<'a>, tallied: &'a [(StateKey, Option<Bytes>)]) -> Self {
        Self {
            memory,
            tallied,
            reading: Mutex::default(),
        }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction at `index` begins.
    pub(super) fn enter(&self, index: u32) {
        let mut reading = self.reading();
        reading.known.clear();
        (reading.index, reading.tallied) = (index, 0);
    }

    /// What the transaction has read.
    pub(super) fn reads(&self) -> Reads {
        let reading = self.reading();
        let known = reading.known.iter();
        known.map(|(key, (origin, _))| (*key, *origin)).collect()
    }

    /// How often the transaction has looked at a tallied key.
    pub(crate) fn tallied_reads(&self) -> u32 {
        self.reading().tallied
    }
}

impl StateRead for View<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        let mut reading = self.reading();
        if let Some((_, value)) = self.tallied.iter().find(|(tallied, _)| tallied == key) {
            reading.tallied += 1;
            return value.clone();
        }
        if let Some((_, value)) = reading.known.get(key) {
            return value.clone();
        }
        let (origin, value) = self.memory.read(key, reading.index);
        reading.known.insert(*key, (origin, value.clone()));
        value
    }
}

/// The state before the transaction at `index`, when all before it are final.
pub(super) struct Final<'a> {
    pub(super) memory: &'a Memory<'a>,
    pub(super) index: u32,
    /// The tallied keys, and what they hold.
    pub(super) tallied: Vec<(StateKey, Option<Bytes>)>,
}

impl StateRead for Final<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        match self.tallied.iter().find(|(tallied, _)| tallied == key) {
            Some((_, value)) => value.clone(),
            None => self.memory.read(key, self.index).1,
        }
    }
}
