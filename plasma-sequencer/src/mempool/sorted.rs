//! Numbered things in order: one in place, more in a tree.

use std::collections::BTreeMap;

use super::slab::Id;

/// Values of a slab, each under a number of its own. There is often one or none.
#[derive(Debug)]
pub(super) enum Sorted<T> {
    Few(Option<(u64, Id<T>)>),
    Many(BTreeMap<u64, Id<T>>),
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self::Few(None)
    }
}

impl<T> Sorted<T> {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(one) => one.is_none(),
            Self::Many(map) => map.is_empty(),
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<Id<T>> {
        match self {
            Self::Few(one) => one.filter(|(it, _)| *it == number).map(|(_, id)| id),
            Self::Many(map) => map.get(&number).copied(),
        }
    }

    pub(super) fn first(&self) -> Option<(u64, Id<T>)> {
        match self {
            Self::Few(one) => *one,
            Self::Many(map) => map.first_key_value().map(|(number, id)| (*number, *id)),
        }
    }

    pub(super) fn last(&self) -> Option<(u64, Id<T>)> {
        match self {
            Self::Few(one) => *one,
            Self::Many(map) => map.last_key_value().map(|(number, id)| (*number, *id)),
        }
    }

    /// Puts one under a number that is free.
    pub(super) fn insert(&mut self, number: u64, id: Id<T>) {
        match self {
            Self::Few(one @ None) => *one = Some((number, id)),
            Self::Few(Some(other)) => *self = Self::Many([*other, (number, id)].into()),
            Self::Many(map) => {
                map.insert(number, id);
            }
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Id<T>> {
        match self {
            Self::Few(one) => one.take_if(|(it, _)| *it == number).map(|(_, id)| id),
            Self::Many(map) => {
                let removed = map.remove(&number);
                if map.is_empty() {
                    *self = Self::default();
                }
                removed
            }
        }
    }

    /// The lowest number from `number` on that is free.
    pub(super) fn free_from(&self, number: u64) -> u64 {
        match self {
            Self::Few(one) => number + u64::from(one.is_some_and(|(it, _)| it == number)),
            Self::Many(map) => {
                let taken = map.range(number..).zip(number..);
                let run = taken.take_while(|((taken, _), number)| *taken == number);
                number + run.count() as u64
            }
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, Id<T>)> {
        let (one, map) = match self {
            Self::Few(one) => (*one, None),
            Self::Many(map) => (None, Some(map)),
        };
        let many = map.into_iter().flatten();
        one.into_iter()
            .chain(many.map(|(number, id)| (*number, *id)))
    }
}
