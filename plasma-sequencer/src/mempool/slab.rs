//! Values in a few pieces of memory, each under a small number.

use core::{
    fmt,
    marker::PhantomData,
    num::NonZeroU32,
    ops::{Index, IndexMut},
};

/// The number of a value in a [`Slab`].
///
/// It is used again once its value is taken out, so whoever takes one out first removes its number from everywhere.
pub(super) struct Id<T> {
    number: NonZeroU32,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    fn new(place: usize) -> Self {
        let number = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        Self {
            number: number.expect("memory ends before numbers do"),
            kind: PhantomData,
        }
    }

    fn place(self) -> usize {
        self.number.get() as usize - 1
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.number.cmp(&other.number)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number)
    }
}

/// How many values are in one piece of memory: so few that the last piece is no waste, and none is ever copied to grow.
const PIECE: usize = 64;

/// Values under numbers. Which numbers are given depends on nothing but the calls before.
#[derive(Debug)]
pub(super) struct Slab<T> {
    /// All full but the last one.
    pieces: Vec<Vec<Option<T>>>,
    free: Vec<Id<T>>,
    count: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            free: Vec::new(),
            count: 0,
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// All numbers that name something.
    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = Id<T>> {
        let taken = |(place, value): (usize, &Option<T>)| value.as_ref().map(|_| Id::new(place));
        self.pieces.iter().flatten().enumerate().filter_map(taken)
    }

    pub(super) fn insert(&mut self, value: T) -> Id<T> {
        self.count += 1;
        if let Some(id) = self.free.pop() {
            *self.place_mut(id) = Some(value);
            return id;
        }
        if self.pieces.last().is_none_or(|last| last.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        let full = (self.pieces.len() - 1) * PIECE;
        let last = self.pieces.last_mut().expect("there is one now");
        last.push(Some(value));
        Id::new(full + last.len() - 1)
    }

    pub(super) fn remove(&mut self, id: Id<T>) -> T {
        let value = self.place_mut(id).take();
        self.free.push(id);
        self.count -= 1;
        value.expect("what has a number is here")
    }

    fn place_mut(&mut self, id: Id<T>) -> &mut Option<T> {
        &mut self.pieces[id.place() / PIECE][id.place() % PIECE]
    }

    pub(super) fn get(&self, id: Id<T>) -> Option<&T> {
        self.pieces[id.place() / PIECE][id.place() % PIECE].as_ref()
    }

    pub(super) fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.place_mut(id).as_mut()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pieces.iter_mut().flatten().flatten()
    }
}

impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;

    fn index(&self, id: Id<T>) -> &T {
        self.get(id).expect("what has a number is here")
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        self.get_mut(id).expect("what has a number is here")
    }
}
