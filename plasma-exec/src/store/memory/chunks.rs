use std::ops::{Index, IndexMut};

/// Values in a chunk. All chunks of a store are alike, so that none leaves a hole in memory that fits no other.
const CHUNK: usize = 32;

/// A vector that grows without moving what is in it.
pub(super) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    pub(super) fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1) * CHUNK;
        self.0.last().map_or(0, |last| full + last.len())
    }

    pub(super) fn push(&mut self, value: T) {
        if let Some(last) = self.0.last_mut().filter(|last| last.len() < CHUNK) {
            last.push(value);
            return;
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        chunk.push(value);
        self.0.push(chunk);
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Vec<T>>() + self.0.len() * CHUNK * size_of::<T>()
    }
}

impl<T> Index<u32> for Chunks<T> {
    type Output = T;
    #[inline]
    fn index(&self, place: u32) -> &T {
        &self.0[place as usize / CHUNK][place as usize % CHUNK]
    }
}

impl<T> IndexMut<u32> for Chunks<T> {
    #[inline]
    fn index_mut(&mut self, place: u32) -> &mut T {
        &mut self.0[place as usize / CHUNK][place as usize % CHUNK]
    }
}
