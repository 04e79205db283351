use alloc::vec::Vec;
use core::marker::PhantomData;

use alloy_primitives::Bytes;
use borsh::BorshSerialize;

use crate::{
    MAX_VALUE_LEN,
    ports::{State, StateKey, StateRead},
};

/// Bytes of any length in state by key, split over as many keys of state as they need.
///
/// The first part is the whole length, four bytes little-endian, and what fits behind it; the others follow, each
/// under the SHA-256 of the namespace, a NUL, the key's encoding and the part's number (`u32`). Bytes up to
/// [`MAX_VALUE_LEN`] less four take one key.
pub struct Blobs<K: ?Sized> {
    namespace: &'static str,
    key: PhantomData<fn(&K)>,
}

/// What the length takes of the first part.
const HEAD: usize = 4;

impl<K: BorshSerialize + ?Sized> Blobs<K> {
    /// The blobs of this namespace, which must be unique in the chain and hold no NUL.
    pub const fn new(namespace: &'static str) -> Self {
        Self {
            namespace,
            key: PhantomData,
        }
    }

    /// Where the first part of `key`'s bytes is.
    pub fn key(&self, key: &K) -> StateKey {
        self.part(key, 0)
    }

    fn part(&self, key: &K, number: u32) -> StateKey {
        let mut bytes = Vec::with_capacity(self.namespace.len() + 64);
        bytes.extend_from_slice(self.namespace.as_bytes());
        bytes.push(0);
        key.serialize(&mut bytes).expect("encoding to memory");
        bytes.extend_from_slice(&number.to_le_bytes());
        crate::sha256(&bytes)
    }

    /// Reads every part, handing each to `take` but for the length; the length.
    fn read(
        &self,
        state: &(impl StateRead + ?Sized),
        key: &K,
        mut take: impl FnMut(&[u8]),
    ) -> Option<u32> {
        let first = state.get(&self.key(key))?;
        // Only this module writes below its keys: anything else is a broken store, as for `Map`.
        let (head, rest) = first
            .split_first_chunk::<HEAD>()
            .expect("a blob begins with its length");
        let length = u32::from_le_bytes(*head);
        take(rest);
        let parts = (length as usize + HEAD).div_ceil(MAX_VALUE_LEN);
        for number in 1..parts as u32 {
            // A part that is missing is reported by the state that lacks it.
            if let Some(part) = state.get(&self.part(key, number)) {
                take(&part);
            }
        }
        Some(length)
    }

    /// The bytes of `key`, if there are any.
    pub fn get(&self, state: &(impl StateRead + ?Sized), key: &K) -> Option<Bytes> {
        let mut bytes = Vec::new();
        self.append(state, key, &mut bytes)?;
        Some(bytes.into())
    }

    /// Puts the bytes of `key` behind what `out` holds; how many they are, if there are any.
    pub fn append(
        &self,
        state: &(impl StateRead + ?Sized),
        key: &K,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        let length = self.read(state, key, |part| out.extend_from_slice(part))?;
        Some(length as usize)
    }

    /// Reads all of the bytes of `key` without putting them together; whether there are any.
    pub fn touch(&self, state: &(impl StateRead + ?Sized), key: &K) -> bool {
        self.read(state, key, |_| {}).is_some()
    }

    /// The writes that give `key`, which has none, these bytes.
    pub fn writes(&self, key: &K, bytes: &[u8]) -> Vec<(StateKey, Bytes)> {
        let mut whole = Vec::with_capacity(HEAD + bytes.len());
        whole.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        whole.extend_from_slice(bytes);
        let whole = Bytes::from(whole);
        (0..whole.len())
            .step_by(MAX_VALUE_LEN)
            .zip(0..)
            .map(|(start, number)| {
                let end = whole.len().min(start + MAX_VALUE_LEN);
                (self.part(key, number), whole.slice(start..end))
            })
            .collect()
    }

    /// Gives `key`, which has none, these bytes.
    pub fn set(&self, state: &mut (impl State + ?Sized), key: &K, bytes: &[u8]) {
        for (key, value) in self.writes(key, bytes) {
            state.set(key, Some(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::MemoryState;

    const BLOBS: Blobs<u32> = Blobs::new("test/blobs");

    #[test]
    fn bytes_of_any_length_are_split_and_come_back() {
        let cases = [
            (0, 1),
            (1, 1),
            (4_092, 1),
            (4_093, 2),
            (8_188, 2),
            (8_189, 3),
            (24_576, 7),
        ];
        for (length, parts) in cases {
            let mut state = MemoryState::default();
            let bytes: Vec<u8> = (0..length).map(|n: usize| (n / 5) as u8).collect();
            BLOBS.set(&mut state, &7, &bytes);
            assert_eq!(state.entries().len(), parts, "{length} bytes");
            assert!(
                state
                    .entries()
                    .values()
                    .all(|part| part.len() <= MAX_VALUE_LEN)
            );
            assert_eq!(BLOBS.get(&state, &7), Some(bytes.into()));
            assert!(BLOBS.touch(&state, &7));
            assert_eq!(BLOBS.get(&state, &8), None);
        }
    }

    #[test]
    fn a_value_that_is_too_long_is_not_written() {
        let mut state = MemoryState::default();
        let key = StateKey::repeat_byte(1);
        let longest: Bytes = vec![7; MAX_VALUE_LEN].into();
        state.set(key, Some(longest.clone()));
        state.set(key, Some(vec![8; MAX_VALUE_LEN + 1].into()));
        assert_eq!(state.get(&key), Some(longest.clone()));
        let mut overlay = crate::Overlay::new(&state);
        overlay.set(key, Some(vec![9; MAX_VALUE_LEN + 1].into()));
        assert_eq!(overlay.get(&key), Some(longest));
        assert!(overlay.into_changes().is_empty());
    }
}
