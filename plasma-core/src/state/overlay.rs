//! Writes over a base that stays as it is.

use alloc::vec::Vec;

use alloy_primitives::{Bytes, map::B256Map};

use crate::{
    MAX_VALUE_LEN,
    ports::{Changes, State, StateKey, StateRead},
};

/// A state that reads through to a base and keeps the writes to itself.
pub struct Overlay<'a> {
    base: &'a dyn StateRead,
    writes: B256Map<Option<Bytes>>,
    /// What each write replaced, so that the writes since a mark can be undone.
    journal: Vec<(StateKey, Replaced)>,
}

/// What stood in an overlay's writes before a write.
enum Replaced {
    /// Nothing: the key was read from the base.
    Nothing,
    /// Another write.
    Write(Option<Bytes>),
}

/// A point that a [`State`] can go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

impl Mark {
    /// The mark after so many writes, for those who implement [`State`].
    pub fn at(position: usize) -> Self {
        Self(position)
    }

    /// How many writes there were.
    pub fn position(self) -> usize {
        self.0
    }
}

impl<'a> Overlay<'a> {
    /// Nothing written yet.
    pub fn new(base: &'a dyn StateRead) -> Self {
        Self {
            base,
            writes: B256Map::default(),
            journal: Vec::new(),
        }
    }

    /// Makes what was written final: no earlier mark can be gone back to.
    pub fn settle(&mut self) {
        self.journal.clear();
    }

    /// Takes back what was written at `key`, and gives it: what is read there is the base's again. Only after
    /// [`Self::settle`]: an earlier mark would bring back what it replaced.
    pub fn withdraw(&mut self, key: &StateKey) -> Option<Option<Bytes>> {
        debug_assert!(self.journal.is_empty(), "not settled");
        self.writes.remove(key)
    }

    /// All writes, in key order; those that changed nothing are left out.
    pub fn into_changes(self) -> Changes {
        let base = self.base;
        self.writes
            .into_iter()
            .filter(|(key, value)| base.get(key) != *value)
            .collect()
    }
}

impl StateRead for Overlay<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        match self.writes.get(key) {
            Some(value) => value.clone(),
            None => self.base.get(key),
        }
    }

    fn reads_freely(&self) -> bool {
        self.base.reads_freely()
    }
}

impl State for Overlay<'_> {
    fn set(&mut self, key: StateKey, value: Option<Bytes>) {
        if value
            .as_ref()
            .is_some_and(|value| value.len() > MAX_VALUE_LEN)
        {
            return;
        }
        let before = self.writes.insert(key, value);
        self.journal
            .push((key, before.map_or(Replaced::Nothing, Replaced::Write)));
    }

    fn mark(&mut self) -> Mark {
        Mark(self.journal.len())
    }

    fn revert(&mut self, mark: Mark) {
        for (key, before) in self.journal.drain(mark.0..).rev() {
            match before {
                Replaced::Write(value) => self.writes.insert(key, value),
                Replaced::Nothing => self.writes.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryState;

    #[test]
    fn reverting_brings_back_what_was_and_no_change_is_none() {
        let mut base = MemoryState::default();
        let [a, b] = [StateKey::repeat_byte(1), StateKey::repeat_byte(2)];
        base.set(a, Some(Bytes::from_static(b"old")));
        let mut overlay = Overlay::new(&base);
        overlay.set(a, Some(Bytes::from_static(b"new")));
        let mark = overlay.mark();
        overlay.set(a, None);
        overlay.set(b, Some(Bytes::from_static(b"b")));
        assert_eq!((overlay.get(&a), overlay.get(&b).is_some()), (None, true));
        overlay.revert(mark);
        assert_eq!(overlay.get(&a), Some(Bytes::from_static(b"new")));
        assert_eq!(overlay.get(&b), None);
        overlay.settle();
        let mark = overlay.mark();
        overlay.set(a, None);
        overlay.revert(mark);
        assert_eq!(overlay.get(&a), Some(Bytes::from_static(b"new")));
        overlay.set(b, Some(Bytes::from_static(b"b")));
        overlay.settle();
        assert_eq!(overlay.withdraw(&b), Some(Some(Bytes::from_static(b"b"))));
        assert_eq!((overlay.withdraw(&b), overlay.get(&b)), (None, None));
        overlay.set(a, Some(Bytes::from_static(b"old")));
        assert!(overlay.into_changes().is_empty());
    }
}
