//! The state as one stretch of a run sees it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloc::vec::Vec;

use alloy_primitives::{Bytes, map::B256Map};
use plasma_core::{StateKey, StateRead};

use super::memory::{Memory, Origin};

/// What a stretch read, and since whom that stands there.
pub(super) type Reads = Vec<(StateKey, Origin)>;

/// The state as one stretch of transactions after the other of a thread sees it, by guess: what those before it have written
/// so far. What it has read once stays as it is until the next stretch.
pub(crate) struct View<'a> {
    memory: &'a Memory<'a>,
    /// The tallied keys, and what they held before the run.
    tallied: &'a [(StateKey, Option<Bytes>)],
    /// Only one thread ever asks; the lock is for the type's sake.
    reading: Mutex<Reading>,
}

/// Reads from which they are found by a map: fewer are compared faster one after the other.
const MANY: usize = 32;

#[derive(Default)]
struct Reading {
    index: u32,
    reads: Reads,
    /// What was read, in the same order.
    values: Vec<Option<Bytes>>,
    /// Places of reads, once there are many.
    places: B256Map<usize>,
    tallied: u32,
    /// What the state before the run holds, as far as this thread has asked.
    base: B256Map<Option<Bytes>>,
}

impl Reading {
    fn known(&self, key: &StateKey) -> Option<&Option<Bytes>> {
        let place = if self.reads.len() < MANY {
            self.reads.iter().position(|(read, _)| read == key)
        } else {
            self.places.get(key).copied()
        };
        place.map(|place| &self.values[place])
    }

    fn note(&mut self, key: StateKey, origin: Origin, value: Option<Bytes>) {
        let place = self.reads.len();
        self.reads.push((key, origin));
        self.values.push(value);
        if self.reads.len() == MANY {
            let places = self.reads.iter().enumerate();
            self.places = places.map(|(place, (key, _))| (*key, place)).collect();
        } else if self.reads.len() > MANY {
            self.places.insert(key, place);
        }
    }
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

    /// The stretch begins whose first transaction is at `index`.
    pub(super) fn enter(&self, index: u32) {
        let mut reading = self.reading();
        reading.values.clear();
        reading.reads = Vec::with_capacity(reading.reads.len().max(8));
        (reading.index, reading.tallied) = (index, 0);
    }

    /// What the stretch has read, which is over.
    pub(super) fn reads(&self) -> Reads {
        core::mem::take(&mut self.reading().reads)
    }

    /// How often the stretch has looked at a tallied key.
    pub(crate) fn tallied_reads(&self) -> u32 {
        self.reading().tallied
    }
}

impl StateRead for View<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        let mut guard = self.reading();
        let reading = &mut *guard;
        if let Some((_, value)) = self.tallied.iter().find(|(tallied, _)| tallied == key) {
            reading.tallied += 1;
            return value.clone();
        }
        if let Some(value) = reading.known(key) {
            return value.clone();
        }
        let (origin, value) = match self.memory.written(key, reading.index) {
            Some(written) => written,
            None => {
                let base = reading.base.entry(*key);
                let value = base.or_insert_with(|| {
                    // A copy of its own: what threads share they count references of, each in the other's way.
                    let value = self.memory.base().get(key);
                    value.map(|bytes| Bytes::copy_from_slice(&bytes))
                });
                (Origin::Base, value.clone())
            }
        };
        reading.note(*key, origin, value.clone());
        value
    }

    /// Guesses are made on nothing else.
    fn reads_freely(&self) -> bool {
        true
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
            None => match self.memory.written(key, self.index) {
                Some((_, value)) => value,
                None => self.memory.base().get(key),
            },
        }
    }

    fn reads_freely(&self) -> bool {
        true
    }
}
