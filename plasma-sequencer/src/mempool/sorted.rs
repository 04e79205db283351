//! Numbered things in order: one in place, more in a queue.

use std::collections::{BTreeMap, VecDeque};

use super::slab::Id;

/// A value of a slab under its number.
type Numbered<T> = (u64, Id<T>);

/// Values of a slab, each under a number of its own. There is often one or none.
#[derive(Debug)]
pub(super) enum Sorted<T> {
    Few(Option<Numbered<T>>),
    Many(Box<Queue<T>>),
}

/// Those that came in order, and those that did not.
///
/// Most come above all others and go from below, so that either takes one step, and most numbers follow each other, so
/// that it takes one to find any. What goes from the middle leaves a hole, until most are holes; what comes late goes
/// where it left one, or else into a tree.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// By number. Neither the first nor the last is a hole.
    line: VecDeque<(u64, Option<Id<T>>)>,
    holes: usize,
    late: BTreeMap<u64, Id<T>>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self::Few(None)
    }
}

impl<T> Sorted<T> {
    pub(super) fn is_empty(&self) -> bool {
        // A queue with nothing in it is given up.
        matches!(self, Self::Few(None))
    }

    pub(super) fn get(&self, number: u64) -> Option<Id<T>> {
        match self {
            Self::Few(one) => one.filter(|(it, _)| *it == number).map(|(_, id)| id),
            Self::Many(queue) => queue.get(number),
        }
    }

    pub(super) fn first(&self) -> Option<Numbered<T>> {
        self.ascending().next()
    }

    pub(super) fn last(&self) -> Option<Numbered<T>> {
        self.descending().next()
    }

    /// Puts one under a number that is free.
    pub(super) fn insert(&mut self, number: u64, id: Id<T>) {
        match self {
            Self::Few(one @ None) => *one = Some((number, id)),
            Self::Few(Some(one)) => {
                let mut queue = Queue::new(*one);
                queue.insert(number, id);
                *self = Self::Many(Box::new(queue));
            }
            Self::Many(queue) => queue.insert(number, id),
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Id<T>> {
        match self {
            Self::Few(one) => one.take_if(|(it, _)| *it == number).map(|(_, id)| id),
            Self::Many(queue) => {
                let removed = queue.remove(number);
                if queue.is_empty() {
                    *self = Self::default();
                }
                removed
            }
        }
    }

    /// The lowest number from `number` on that is free.
    pub(super) fn free_from(&self, mut number: u64) -> u64 {
        while self.get(number).is_some() {
            number += 1;
        }
        number
    }

    /// The lowest number first.
    pub(super) fn ascending(&self) -> impl Iterator<Item = Numbered<T>> {
        let (one, many) = self.parts();
        let many = many.into_iter().flat_map(|many| {
            let late = many.late.iter().map(|(number, id)| (*number, *id));
            merge(many.in_order(), late, |one, other| one < other)
        });
        one.into_iter().chain(many)
    }

    /// The highest number first.
    pub(super) fn descending(&self) -> impl Iterator<Item = Numbered<T>> {
        let (one, many) = self.parts();
        let many = many.into_iter().flat_map(|many| {
            let late = many.late.iter().map(|(number, id)| (*number, *id));
            merge(many.in_order().rev(), late.rev(), |one, other| one > other)
        });
        one.into_iter().chain(many)
    }

    /// For how many there is room in line.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.parts().1.map_or(0, |many| many.line.capacity())
    }

    fn parts(&self) -> (Option<Numbered<T>>, Option<&Queue<T>>) {
        match self {
            Self::Few(one) => (*one, None),
            Self::Many(queue) => (None, Some(queue)),
        }
    }
}

impl<T> Queue<T> {
    fn new((number, id): Numbered<T>) -> Self {
        Self {
            line: [(number, Some(id))].into(),
            holes: 0,
            late: BTreeMap::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.line.is_empty() && self.late.is_empty()
    }

    fn in_order(&self) -> impl DoubleEndedIterator<Item = Numbered<T>> {
        let taken = |(number, id): &(u64, Option<Id<T>>)| id.map(|id| (*number, id));
        self.line.iter().filter_map(taken)
    }

    /// Where a number is in the line, be it a hole.
    fn position(&self, number: u64) -> Option<usize> {
        let (first, _) = self.line.front()?;
        let guess = usize::try_from(number.checked_sub(*first)?).ok()?;
        if self.line.get(guess).is_some_and(|(it, _)| *it == number) {
            return Some(guess);
        }
        self.line.binary_search_by_key(&number, |(it, _)| *it).ok()
    }

    fn get(&self, number: u64) -> Option<Id<T>> {
        let queued = self.position(number).and_then(|at| self.line[at].1);
        queued.or_else(|| self.late.get(&number).copied())
    }

    fn insert(&mut self, number: u64, id: Id<T>) {
        if self.line.back().is_none_or(|(last, _)| *last < number) {
            self.line.push_back((number, Some(id)));
        } else if let Some(at) = self.position(number) {
            self.line[at].1 = Some(id);
            self.holes -= 1;
        } else {
            self.late.insert(number, id);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Id<T>> {
        let Some(id) = self.position(number).and_then(|at| self.line[at].1.take()) else {
            return self.late.remove(&number);
        };
        self.holes += 1;
        while self.line.pop_front_if(|(_, id)| id.is_none()).is_some() {
            self.holes -= 1;
        }
        while self.line.pop_back_if(|(_, id)| id.is_none()).is_some() {
            self.holes -= 1;
        }
        if self.holes > self.line.len() / 2 {
            self.line.retain(|(_, id)| id.is_some());
            self.holes = 0;
        }
        // What was given back costs as many steps as were made since the queue was so long.
        if self.line.len() < self.line.capacity() / 4 {
            self.line.shrink_to(self.line.capacity() / 2);
        }
        Some(id)
    }
}

/// Two runs, sorted alike by number, as one.
fn merge<T>(
    one: impl Iterator<Item = Numbered<T>>,
    other: impl Iterator<Item = Numbered<T>>,
    before: fn(u64, u64) -> bool,
) -> impl Iterator<Item = Numbered<T>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some((a, _)), Some((b, _))) if before(*b, *a) => other.next(),
        (None, _) => other.next(),
        _ => one.next(),
    })
}
