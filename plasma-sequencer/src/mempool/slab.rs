//! Values in one piece of memory, each under a small number.

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

/// Values under numbers. Which numbers are given depends on nothing but the calls before.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<Id<T>>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// All numbers that name something.
    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = Id<T>> {
        let taken = |(place, value): (usize, &Option<T>)| value.as_ref().map(|_| Id::new(place));
        self.places.iter().enumerate().filter_map(taken)
    }

    pub(super) fn insert(&mut self, value: T) -> Id<T> {
        if let Some(id) = self.free.pop() {
            self.places[id.place()] = Some(value);
            return id;
        }
        if self.places.len() == self.places.capacity() {
            // Not twice as many, for what waits bounds memory.
            self.places.reserve_exact(self.places.len() / 4 + 16);
        }
        let id = Id::new(self.places.len());
        self.places.push(Some(value));
        id
    }

    pub(super) fn remove(&mut self, id: Id<T>) -> T {
        let value = self.places[id.place()].take();
        self.free.push(id);
        value.expect("what has a number is here")
    }

    pub(super) fn get(&self, id: Id<T>) -> Option<&T> {
        self.places[id.place()].as_ref()
    }

    pub(super) fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        self.places[id.place()].as_mut()
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }
}

impl<T> Index<Id<T>> for Slab<T> {
    type Output = T;

    fn index(&self, id: Id<T>) -> &T {
        let value = self.places[id.place()].as_ref();
        value.expect("what has a number is here")
    }
}

impl<T> IndexMut<Id<T>> for Slab<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        let value = self.places[id.place()].as_mut();
        value.expect("what has a number is here")
    }
}
