//! What the transactions of a run wrote, each version by itself.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloc::vec::Vec;

use alloy_primitives::{Bytes, map::B256Map};
use plasma_core::{StateKey, StateRead};

use super::Write;

/// Who wrote what a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody in this run.
    Base,
    /// A transaction, in one of its rounds.
    Transaction { index: u32, round: Round },
}

/// Which time it is that a transaction is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// By guess.
    Guess,
    /// On what is final, since the guess was wrong.
    Repair,
    /// Knowing what the tallied keys hold.
    Exact,
}

#[derive(Debug)]
struct Version {
    index: u32,
    round: Round,
    value: Option<Bytes>,
}

/// The versions of some keys, each key's in the order of the transactions.
type Shard = B256Map<Vec<Version>>;

/// As many as the first bits of a key have values, so that the shards in their order hold the keys in theirs.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 6;

/// Bits of the [`Filter`]: 32 KiB, for some ten thousand keys.
const FILTER: usize = 1 << 18;

/// Which keys may have versions, to be asked without a lock: most of what is read, nobody in the block writes.
struct Filter(Vec<AtomicU64>);

impl Filter {
    fn new() -> Self {
        Self((0..FILTER / 64).map(|_| AtomicU64::new(0)).collect())
    }

    /// Where a key's bit is. Keys are hashes, so any of their bits will do; the first ones choose the shard.
    fn place(key: &StateKey) -> (usize, u64) {
        let number = u32::from_le_bytes([key[1], key[2], key[3], key[4]]) as usize % FILTER;
        (number / 64, 1 << (number % 64))
    }

    /// What is written after this is seen by whoever sees the bit, and whoever does not see it came before.
    fn add(&self, key: &StateKey) {
        let (word, bit) = Self::place(key);
        if self.0[word].load(Ordering::Acquire) & bit == 0 {
            self.0[word].fetch_or(bit, Ordering::AcqRel);
        }
    }

    fn may_have(&self, key: &StateKey) -> bool {
        let (word, bit) = Self::place(key);
        self.0[word].load(Ordering::Acquire) & bit != 0
    }
}

/// All versions of a run, over the state before it.
pub(super) struct Memory<'a> {
    base: &'a dyn StateRead,
    filter: Filter,
    shards: Vec<Mutex<Shard>>,
}

impl<'a> Memory<'a> {
    pub(super) fn new(base: &'a dyn StateRead) -> Self {
        Self {
            base,
            filter: Filter::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// The state before the run.
    pub(super) fn base(&self) -> &'a dyn StateRead {
        self.base
    }

    fn shard(&self, key: &StateKey) -> MutexGuard<'_, Shard> {
        // A panic ends the run, and nothing of it is used.
        self.shards[usize::from(key[0] >> (u8::BITS - SHARD_BITS))]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What `key` holds for the transaction at `index`, and since whom, if anybody in this run wrote it.
    pub(super) fn written(&self, key: &StateKey, index: u32) -> Option<(Origin, Option<Bytes>)> {
        if !self.filter.may_have(key) {
            return None;
        }
        let shard = self.shard(key);
        let version = before(shard.get(key)?, index)?;
        Some((version.origin(), version.value.clone()))
    }

    /// Since whom `key` holds what it does for the transaction at `index`.
    pub(super) fn origin(&self, key: &StateKey, index: u32) -> Origin {
        if !self.filter.may_have(key) {
            return Origin::Base;
        }
        self.shard(key)
            .get(key)
            .and_then(|versions| before(versions, index))
            .map_or(Origin::Base, Version::origin)
    }

    /// Takes the writes of the transaction at `index` in place of those to `old` keys; says which keys it has now.
    /// A version that says the same as before stays the one that it was.
    pub(super) fn publish(
        &self,
        index: u32,
        round: Round,
        writes: Vec<Write>,
        old: &[StateKey],
    ) -> Vec<StateKey> {
        let keys: Vec<StateKey> = writes.iter().map(|(key, _)| *key).collect();
        for key in old.iter().filter(|key| !keys.contains(key)) {
            if let Some(versions) = self.shard(key).get_mut(key) {
                versions.retain(|version| version.index != index);
            }
        }
        for (key, value) in writes {
            self.filter.add(&key);
            let mut shard = self.shard(&key);
            let versions = shard.entry(key).or_default();
            let version = Version {
                index,
                round,
                value,
            };
            let place = versions.partition_point(|version| version.index < index);
            match versions.get_mut(place) {
                Some(there) if there.index == index => {
                    if there.value != version.value {
                        *there = version;
                    }
                }
                _ => versions.insert(place, version),
            }
        }
        keys
    }

    /// Takes out of one shard what changed in each piece of the run: up to the first of these ends, from there to
    /// the next, and so on.
    pub(super) fn drain(&self, shard: usize, ends: &[usize]) -> Drained {
        let shard = core::mem::take(
            &mut *self.shards[shard]
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let mut writes: Vec<(u32, Write)> = Vec::with_capacity(shard.len());
        for (key, versions) in shard {
            // What it held before the piece; what the base has is only asked for where it matters.
            let mut before: Option<Option<Bytes>> = None;
            let mut versions = versions.into_iter().peekable();
            while let Some(first) = versions.peek() {
                let piece = ends.partition_point(|end| *end <= first.index as usize);
                // What is not final is in no piece.
                let Some(end) = ends.get(piece) else { break };
                let (mut last, mut count) = (None, 0);
                while let Some(version) = versions.next_if(|next| (next.index as usize) < *end) {
                    last = version.value;
                    count += 1;
                }
                // One write alone is of something else than what was there; of several the last may lead back.
                let differs =
                    count == 1 || *before.get_or_insert_with(|| self.base.get(&key)) != last;
                before = versions.peek().is_some().then(|| last.clone());
                if differs {
                    writes.push((piece as u32, (key, last)));
                }
            }
        }
        writes.sort_unstable_by_key(|(piece, (key, _))| (*piece, *key));
        let starts = (0..=ends.len() as u32)
            .map(|piece| writes.partition_point(|(of, _)| *of < piece))
            .collect();
        let writes = writes.into_iter().map(|(_, write)| write).collect();
        Drained { writes, starts }
    }
}

/// What changed in one shard.
#[derive(Default)]
pub(super) struct Drained {
    /// Piece by piece, and there in the order of the keys.
    writes: Vec<Write>,
    /// Where each piece begins, and where the last one ends.
    starts: Vec<usize>,
}

impl Drained {
    /// Takes out what changed in a piece.
    pub(super) fn take(&mut self, piece: usize) -> impl Iterator<Item = Write> {
        let writes = &mut self.writes[self.starts[piece]..self.starts[piece + 1]];
        writes.iter_mut().map(|(key, value)| (*key, value.take()))
    }
}

impl Version {
    fn origin(&self) -> Origin {
        Origin::Transaction {
            index: self.index,
            round: self.round,
        }
    }
}

fn before(versions: &[Version], index: u32) -> Option<&Version> {
    let place = versions.partition_point(|version| version.index < index);
    versions[..place].last()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use plasma_core::{MemoryState, State};

    use super::*;

    const KEY: StateKey = StateKey::repeat_byte(7);

    #[allow(clippy::unnecessary_wraps)]
    fn value(byte: u8) -> Option<Bytes> {
        Some(vec![byte].into())
    }

    #[test]
    fn a_transaction_sees_the_last_write_before_its_own() {
        let mut base = MemoryState::default();
        base.set(KEY, value(0));
        let memory = Memory::new(&base);
        memory.publish(4, Round::Guess, vec![(KEY, value(4))], &[]);
        memory.publish(2, Round::Guess, vec![(KEY, value(2))], &[]);
        memory.publish(9, Round::Guess, vec![(KEY, None)], &[]);
        let origin = |index, round| Origin::Transaction { index, round };
        let (guess, repair) = (Round::Guess, Round::Repair);
        let seen = [
            (0, Origin::Base, value(0)),
            (2, Origin::Base, value(0)),
            (3, origin(2, guess), value(2)),
            (5, origin(4, guess), value(4)),
            (10, origin(9, guess), None),
        ];
        for (index, origin, value) in seen {
            let read = memory.written(&KEY, index);
            assert_eq!(
                read.unwrap_or_else(|| (Origin::Base, base.get(&KEY))),
                (origin, value)
            );
            assert_eq!(memory.origin(&KEY, index), origin);
        }
        // Written again: another version, unless it says the same.
        memory.publish(4, repair, vec![(KEY, value(4))], &[KEY]);
        assert_eq!(memory.origin(&KEY, 5), origin(4, guess));
        memory.publish(4, repair, vec![(KEY, value(5))], &[KEY]);
        assert_eq!(memory.written(&KEY, 5), Some((origin(4, repair), value(5))));
        // Not written again: the one before shows.
        assert!(memory.publish(4, repair, vec![], &[KEY]).is_empty());
        assert_eq!(memory.written(&KEY, 5), Some((origin(2, guess), value(2))));
    }

    #[test]
    fn what_changed_is_told_piece_by_piece_and_there_and_back_is_no_change() {
        let mut base = MemoryState::default();
        base.set(KEY, value(0));
        let memory = Memory::new(&base);
        // The index and what it writes.
        for (index, byte) in [(0, 1), (1, 0), (2, 5), (4, 6), (5, 5), (6, 8), (8, 9)] {
            memory.publish(index, Round::Guess, vec![(KEY, value(byte))], &[]);
        }
        let mut drained = memory.drain(usize::from(KEY[0] >> 2), &[2, 3, 4, 6, 7]);
        let expected = [None, value(5), None, None, value(8)];
        let said = [0, 1, 2, 3, 4].map(|piece| drained.take(piece).next().and_then(|it| it.1));
        assert_eq!(said, expected);
    }
}
