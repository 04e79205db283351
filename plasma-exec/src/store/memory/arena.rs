use std::ops::{Index, IndexMut};

use super::chunks::Chunks;

/// Values named by small indices; freed places are used again.
pub(super) struct Arena<T> {
    places: Chunks<T>,
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            places: Chunks::default(),
            free: Vec::new(),
        }
    }
}

impl<T> Arena<T> {
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self[place] = value;
            return place;
        }
        self.places.push(value);
        (self.places.len() - 1) as u32
    }

    /// Gives the place back; what is in it stays until it is used again.
    pub(super) fn free(&mut self, place: u32) {
        self.free.push(place);
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.bytes() + self.free.capacity() * size_of::<u32>()
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;
    #[inline]
    fn index(&self, place: u32) -> &T {
        &self.places[place]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.places[place]
    }
}
