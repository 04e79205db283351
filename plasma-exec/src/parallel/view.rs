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

#[derive(Default)]
struct Reading {
    /// The place of the stretch: of its first transaction.
    index: u32,
    /// Which stretch of this thread it is; no key was read in the one of number 0.
    stretch: u32,
    reads: Reads,
    /// What this thread ever read.
    seen: B256Map<Seen>,
    tallied: u32,
}

/// What a thread knows of a key.
struct Seen {
    /// The last stretch that read it, and what it held for that one.
    stretch: u32,
    value: Option<Bytes>,
    /// What the state before the run holds, if this thread has asked.
    base: Option<Bytes>,
    asked: bool,
}

impl<'a> View<'a> {
    pub(super) fn new(memory: &'a Memory<'a>, tallied: &'a [(StateKey, Option<Bytes>)]) -> Self {
        Self {
            memory,
            tallied,
            reading: Mutex::new(Reading {
                // What is read before the first one is over when that begins.
                stretch: 1,
                ..Reading::default()
            }),
        }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stretch begins whose first transaction is at `index`.
    pub(super) fn enter(&self, index: u32) {
        let mut reading = self.reading();
        reading.reads = Vec::with_capacity(reading.reads.len().max(8));
        reading.stretch += 1;
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
        let seen = reading.seen.entry(*key).or_insert_with(|| Seen {
            stretch: 0,
            value: None,
            base: None,
            asked: false,
        });
        if seen.stretch == reading.stretch {
            return seen.value.clone();
        }
        let (origin, value) = match self.memory.written(key, reading.index) {
            Some(written) => written,
            None => {
                if !seen.asked {
                    // A copy of its own: what threads share they count references of, each in the other's way.
                    let base = self.memory.base().get(key);
                    seen.base = base.map(|bytes| Bytes::copy_from_slice(&bytes));
                    seen.asked = true;
                }
                (Origin::Base, seen.base.clone())
            }
        };
        (seen.stretch, seen.value) = (reading.stretch, value.clone());
        reading.reads.push((*key, origin));
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
