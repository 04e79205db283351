//! Code, analysed once.

use alloy_primitives::B256;
use plasma_core::StateRead;
use revm::bytecode::Bytecode;

use super::account::CODES;

/// Analysed code by its hash: where one may jump to, found once and not at every call.
///
/// State is read nonetheless, so that a witness of what was read holds the code. Bounded: two generations, of
/// which the older is forgotten when the younger is full. Without `std` it remembers nothing.
#[derive(Debug, Default)]
pub(super) struct CodeCache {
    #[cfg(feature = "std")]
    generations: std::sync::Mutex<memory::Generations>,
}

impl CodeCache {
    /// The code of this hash; none for what is not in state.
    pub(super) fn get(&self, state: &dyn StateRead, hash: B256) -> Bytecode {
        if let Some(code) = self.find(&hash).filter(|_| CODES.touch(state, &hash)) {
            return code;
        }
        let code = Bytecode::new_legacy(CODES.get(state, &hash).unwrap_or_default());
        self.insert(hash, code.clone());
        code
    }

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self)]
    fn find(&self, _: &B256) -> Option<Bytecode> {
        None
    }

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self)]
    fn insert(&self, _: B256, _: Bytecode) {}
}

#[cfg(feature = "std")]
mod memory {
    use std::sync::PoisonError;

    use alloy_primitives::{B256, map::HashMap};
    use revm::bytecode::Bytecode;

    use super::CodeCache;

    /// Bytes of code in one generation.
    const GENERATION: usize = 32 * 1024 * 1024;

    #[derive(Debug, Default)]
    pub(super) struct Generations {
        young: HashMap<B256, Bytecode>,
        young_bytes: usize,
        old: HashMap<B256, Bytecode>,
    }

    impl CodeCache {
        pub(super) fn find(&self, hash: &B256) -> Option<Bytecode> {
            let held = self
                .generations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            held.young.get(hash).or_else(|| held.old.get(hash)).cloned()
        }

        pub(super) fn insert(&self, hash: B256, code: Bytecode) {
            let mut held = self
                .generations
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if held.young_bytes >= GENERATION {
                held.old = core::mem::take(&mut held.young);
                held.young_bytes = 0;
            }
            held.young_bytes += code.len();
            held.young.insert(hash, code);
        }
    }
}
