//! Finding the values of a slab by what strangers name them.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::OnceLock,
};

use foldhash::{SharedSeed, quality::SeedableRandomState};
use hashbrown::HashTable;

use super::slab::{Id, Slab};

/// A value that is found by its name.
pub(super) trait Named {
    type Name: Hash + Eq;

    fn name(&self) -> &Self::Name;
}

/// The numbers of a slab's values by their names.
///
/// Names are in the values alone; the table has eight bytes for each, so that most of it stays close to the processor.
/// Nobody looks at its order. Its key is of the system's randomness, so that nobody who chooses names knows which fall
/// together.
#[derive(Debug)]
pub(super) struct Names<T> {
    table: HashTable<Entry<T>>,
    key: SeedableRandomState,
}

#[derive(Debug)]
struct Entry<T> {
    /// What is left of the name's hash.
    mark: u32,
    id: Id<T>,
}

impl<T: Named> Names<T> {
    pub(super) fn new() -> Self {
        Self {
            table: HashTable::new(),
            key: key(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    fn mark(&self, name: &T::Name) -> u32 {
        self.key.hash_one(name) as u32
    }

    pub(super) fn find(&self, name: &T::Name, slab: &Slab<T>) -> Option<Id<T>> {
        let mark = self.mark(name);
        let same = |it: &Entry<T>| it.mark == mark && slab[it.id].name() == name;
        self.table.find(spread(mark), same).map(|it| it.id)
    }

    /// Adds a value whose name no other has.
    pub(super) fn insert(&mut self, name: &T::Name, id: Id<T>) {
        let mark = self.mark(name);
        let again = |it: &Entry<T>| spread(it.mark);
        self.table
            .insert_unique(spread(mark), Entry { mark, id }, again);
    }

    pub(super) fn remove(&mut self, name: &T::Name, id: Id<T>) {
        let same = |it: &Entry<T>| it.id == id;
        if let Ok(entry) = self.table.find_entry(spread(self.mark(name)), same) {
            entry.remove();
        }
    }
}

/// The mark at both ends: the table looks at the lowest bits and at the highest.
fn spread(mark: u32) -> u64 {
    u64::from(mark) << 32 | u64::from(mark)
}

/// Names of what is nowhere else.
pub(super) type NameSet<N> = HashSet<N, SeedableRandomState>;

/// An empty set.
pub(super) fn name_set<N>() -> NameSet<N> {
    HashSet::with_hasher(key())
}

/// A new key.
fn key() -> SeedableRandomState {
    static SHARED: OnceLock<SharedSeed> = OnceLock::new();
    let random = || RandomState::new().hash_one(0);
    let shared = SHARED.get_or_init(|| SharedSeed::from_u64(random()));
    SeedableRandomState::with_seed(random(), shared)
}
