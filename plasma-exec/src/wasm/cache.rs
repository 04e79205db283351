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
    pub(super) fn get(&self, _: &B256) -> Option<Arc<Compiled>> {
        None
    }

    pub(super) fn insert(&self, _: B256, _: Arc<Compiled>) {}
}

#[cfg(feature = "std")]
mod memory {
    use std::sync::PoisonError;

    use super::{super::HashMap, Arc, B256, Compiled, ModuleCache};

    /// What the modules of one generation take, about, in bytes.
    const GENERATION: usize = 64 * 1024 * 1024;

    #[derive(Default)]
    pub(super) struct Generations {
        young: HashMap<B256, Arc<Compiled>>,
        young_weight: usize,
        old: HashMap<B256, Arc<Compiled>>,
    }

    impl ModuleCache {
        pub(in super::super) fn get(&self, hash: &B256) -> Option<Arc<Compiled>> {
            let held = self
                .generations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            held.young.get(hash).or_else(|| held.old.get(hash)).cloned()
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
            held.young.insert(hash, module);
        }
    }
}
