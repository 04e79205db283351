//! Typed access to state.

use alloc::vec::Vec;
use core::marker::PhantomData;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{
    codec,
    ports::{State, StateKey, StateRead},
};

/// One value in state.
///
/// The key is the SHA-256 of the namespace, which must be unique in the chain and hold no NUL.
pub struct Item<T> {
    namespace: &'static str,
    value: PhantomData<fn() -> T>,
}

/// Values in state by key.
///
/// A key's place is the SHA-256 of the namespace, a NUL and the key's encoding.
pub struct Map<K: ?Sized, V> {
    namespace: &'static str,
    entry: PhantomData<fn(&K) -> V>,
}

fn read<V: BorshDeserialize>(state: &(impl StateRead + ?Sized), key: &StateKey) -> Option<V> {
    // Only this module writes below its keys, in this encoding: anything else is a broken store, and to go on
    // from it would be to certify nonsense.
    state.get(key).map(|bytes| {
        codec::decode(&bytes, bytes.len()).expect("state holds what its own type wrote")
    })
}

impl<T: BorshSerialize + BorshDeserialize> Item<T> {
    /// The item of this namespace.
    pub const fn new(namespace: &'static str) -> Self {
        Self {
            namespace,
            value: PhantomData,
        }
    }

    /// Where it is.
    pub fn key(&self) -> StateKey {
        crate::sha256(self.namespace.as_bytes())
    }

    /// The value, if it was ever set.
    pub fn get(&self, state: &(impl StateRead + ?Sized)) -> Option<T> {
        read(state, &self.key())
    }

    /// Sets the value.
    pub fn set(&self, state: &mut (impl State + ?Sized), value: &T) {
        state.set(self.key(), Some(codec::encode(value).into()));
    }

    /// Removes the value.
    pub fn remove(&self, state: &mut (impl State + ?Sized)) {
        state.set(self.key(), None);
    }
}

impl<K: BorshSerialize + ?Sized, V: BorshSerialize + BorshDeserialize> Map<K, V> {
    /// The map of this namespace.
    pub const fn new(namespace: &'static str) -> Self {
        Self {
            namespace,
            entry: PhantomData,
        }
    }

    /// Where the value of `key` is.
    pub fn key(&self, key: &K) -> StateKey {
        let mut bytes = Vec::with_capacity(self.namespace.len() + 64);
        bytes.extend_from_slice(self.namespace.as_bytes());
        bytes.push(0);
        key.serialize(&mut bytes).expect("encoding to memory");
        crate::sha256(&bytes)
    }

    /// The value of `key`, if there is one.
    pub fn get(&self, state: &(impl StateRead + ?Sized), key: &K) -> Option<V> {
        read(state, &self.key(key))
    }

    /// Sets the value of `key`.
    pub fn set(&self, state: &mut (impl State + ?Sized), key: &K, value: &V) {
        state.set(self.key(key), Some(codec::encode(value).into()));
    }

    /// Removes `key`.
    pub fn remove(&self, state: &mut (impl State + ?Sized), key: &K) {
        state.set(self.key(key), None);
    }
}

impl<K: BorshSerialize + ?Sized, V: BorshSerialize + BorshDeserialize + Default + PartialEq>
    Map<K, V>
{
    /// The value of `key`, or the type's default.
    pub fn get_or_default(&self, state: &(impl StateRead + ?Sized), key: &K) -> V {
        self.get(state, key).unwrap_or_default()
    }

    /// Sets the value of `key`, and keeps no entry for a default, so that state does not grow by zeros.
    pub fn set_or_remove(&self, state: &mut (impl State + ?Sized), key: &K, value: &V) {
        if *value == V::default() {
            self.remove(state, key);
        } else {
            self.set(state, key, value);
        }
    }
}
