//! Modules that are ready, by their hash, for as long as there is room.
//!
//! A memory alone: what it holds was made of bytes of this hash, so no result depends on it. Bounded: two generations,
//! of which the older is forgotten when the younger is full. Without `std` it remembers nothing.

use alloc::sync::Arc;

use alloy_primitives::B256;

use super::module::Compiled;

#[derive(Default)]
pub(super) struct ModuleCache {
    #[cfg(feature = "std")]
    generations: std::sync::Mutex<memory::Generations>,
}

impl ModuleCache {
    /// Whether it remembers anything.
    pub(super) const REMEMBERS: bool = cfg!(feature = "std");
}

impl core::fmt::Debug for ModuleCache {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ModuleCache").finish_non_exhaustive()
    }
}

#[cfg(not(feature = "std"))]
#[allow(clippy::unused_self)]
impl ModuleCache {
    pub(super) fn get(&self, _: &B256, _: bool) -> Option<Arc<Compiled>> {
        None
    }

    pub(super) fn insert(&self, _: B256, _: Arc<Compiled>) {}
}

#[cfg(feature = "std")]
mod memory {
    use std::sync::PoisonError;

    use alloc::vec::Vec;

    use super::{super::HashMap, Arc, B256, Compiled, ModuleCache};

    /// What the modules of one generation take, about, in bytes.
    const GENERATION: usize = 64 * 1024 * 1024;

    /// How often a module is held, for as many threads.
    const MOST_TWINS: usize = 64;

    /// A module, as often as threads had it for themselves at the same time.
    type Twins = Vec<Arc<Compiled>>;

    #[derive(Default)]
    pub(super) struct Generations {
        young: HashMap<B256, Twins>,
        young_weight: usize,
        old: HashMap<B256, Twins>,
    }

    impl ModuleCache {
        /// The module; where it is to be had `alone`, one that nobody else has at the moment. What two threads share of a
        /// module they count in each other's way, with every call.
        pub(in super::super) fn get(&self, hash: &B256, alone: bool) -> Option<Arc<Compiled>> {
            let held = self
                .generations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let twins = held.young.get(hash).or_else(|| held.old.get(hash))?;
            let mut twins = twins.iter();
            let free = |module: &&Arc<Compiled>| !alone || Arc::strong_count(module) == 1;
            twins.find(free).cloned()
        }

        pub(in super::super) fn insert(&self, hash: B256, module: Arc<Compiled>) {
            let mut held = self
                .generations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if held.young_weight >= GENERATION {
                held.old = core::mem::take(&mut held.young);
                held.young_weight = 0;
            }
            held.young_weight += module.weight;
            let twins = held.young.entry(hash).or_default();
            if twins.len() >= MOST_TWINS {
                // As many weigh no more than a generation may.
                twins.clear();
            }
            twins.push(module);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn who_wants_a_module_alone_gets_one_that_nobody_has() {
            let cache = ModuleCache::default();
            let hash = B256::repeat_byte(1);
            let module = || {
                let bytes = wat::parse_str(r#"(module (func (export "call")))"#);
                let (module, _) = Compiled::new(&bytes.expect("a module")).expect("a contract");
                Arc::new(module)
            };
            assert!(cache.get(&hash, false).is_none());
            cache.insert(hash, module());
            let shared = cache.get(&hash, false).expect("it was put there");
            assert!(cache.get(&hash, true).is_none());
            cache.insert(hash, module());
            let alone = cache.get(&hash, true).expect("the second one is free");
            assert!(!Arc::ptr_eq(&shared, &alone));
            assert!(cache.get(&hash, true).is_none() && cache.get(&hash, false).is_some());
            drop(alone);
            assert!(cache.get(&hash, true).is_some());
            for _ in 0..3 * MOST_TWINS {
                cache.insert(hash, module());
            }
            let held = cache.generations.lock().expect("not poisoned");
            assert!(held.young[&hash].len() <= MOST_TWINS);
        }
    }
}
