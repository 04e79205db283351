//! Maps of what strangers name.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::OnceLock,
};

use foldhash::{SharedSeed, quality::SeedableRandomState};

/// A map whose order nobody looks at. Its key is the system's randomness, so that nobody who chooses what is in it knows
/// what falls together.
pub(super) type KeyedMap<K, V> = HashMap<K, V, SeedableRandomState>;

/// An empty one, with a key of its own.
pub(super) fn keyed_map<K, V>() -> KeyedMap<K, V> {
    static SEED: OnceLock<SharedSeed> = OnceLock::new();
    let random = || RandomState::new().hash_one(0);
    let shared = SEED.get_or_init(|| SharedSeed::from_u64(random()));
    HashMap::with_hasher(SeedableRandomState::with_seed(random(), shared))
}
