//! Code, analysed once: when it is written to state.
//!
//! Unsafe here: giving the interpreter code with a jump table from state, instead of having it look through the code
//! again. What it relies on is that code ends in bytes that stop it, and these are put there in the same place.

#![allow(unsafe_code)]

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};
use plasma_core::{StateKey, StateRead};
use revm::bytecode::{Bytecode, JumpTable};

use super::account::{CODES, JUMPS};

/// Zeros behind the code, where the interpreter stops: as many as the longest instruction that the code may end in the
/// middle of (`PUSH32`) has bytes, and one.
const PADDING: usize = 34;

/// The writes that put code which is not there into state.
pub(super) fn writes(hash: &B256, code: &Bytecode) -> Vec<(StateKey, Bytes)> {
    let bytes = code.original_byte_slice();
    let mut writes = CODES.writes(hash, bytes);
    // A delegation has none, and does not stand here.
    if let Some(table) = code.legacy_jump_table() {
        let used = bytes.len().div_ceil(8);
        writes.extend(JUMPS.writes(hash, &table.as_slice()[..used]));
    }
    writes
}

/// The code of this hash as it was written; none for what is not there.
fn read(state: &dyn StateRead, hash: &B256) -> Bytecode {
    let (mut code, mut jumps) = (Vec::new(), Vec::new());
    let Some(length) = CODES
        .append(state, hash, &mut code)
        .filter(|length| *length > 0)
    else {
        return Bytecode::default();
    };
    // Only this module writes below these keys, both at once: anything else is a broken store, as for `Blobs`.
    JUMPS
        .append(state, hash, &mut jumps)
        .filter(|_| jumps.len() == length.div_ceil(8))
        .expect("code stands in state with its jump table");
    code.resize(length + PADDING, 0);
    let table = JumpTable::from_slice(&jumps, length);
    // SAFETY: the table has a bit for each of the `length` bytes, and the interpreter, which reads on from instruction
    // to instruction, comes to a STOP within the padding, whatever the code ends in the middle of.
    unsafe { Bytecode::new_analyzed(code.into(), length, table) }
}

/// Code by its hash, put together once and not at every call.
///
/// State is read nonetheless where reads are noted, so that a witness of what was read holds the code. Bounded: two generations, of
/// which the older is forgotten when the younger is full. Without `std` it remembers nothing.
#[derive(Debug, Default)]
pub(super) struct CodeCache {
    #[cfg(feature = "std")]
    generations: std::sync::Mutex<memory::Generations>,
}

impl CodeCache {
    /// The code of this hash; none for what is not in state.
    pub(super) fn get(&self, state: &dyn StateRead, hash: B256) -> Bytecode {
        let touched = |_: &Bytecode| {
            state.reads_freely() || CODES.touch(state, &hash) && JUMPS.touch(state, &hash)
        };
        if let Some(code) = self.find(&hash).filter(touched) {
            return code;
        }
        let code = read(state, &hash);
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

/// Code that a thread keeps for itself while others are at work: what threads share they count references of, each in
/// the other's way. Bounded: what is more is taken from the [`CodeCache`] each time.
#[cfg(feature = "std")]
#[derive(Default)]
pub(super) struct OwnCodes {
    codes: alloy_primitives::map::B256Map<Bytecode>,
    bytes: usize,
}

#[cfg(feature = "std")]
impl OwnCodes {
    /// Bytes of code.
    const MOST: usize = 1024 * 1024;

    /// The code of this hash, which is `shared` with others.
    pub(super) fn get(&mut self, hash: B256, shared: impl FnOnce() -> Bytecode) -> Bytecode {
        if let Some(code) = self.codes.get(&hash) {
            return code.clone();
        }
        let code = shared();
        let bytes = code.original_byte_slice();
        // Who reads by guess may find half of it, or nothing.
        let fits = self.bytes + bytes.len() <= Self::MOST;
        if !fits || alloy_primitives::keccak256(bytes) != hash {
            return code;
        }
        self.bytes += bytes.len();
        let own = Bytecode::new_legacy(Bytes::copy_from_slice(bytes));
        self.codes.insert(hash, own.clone());
        own
    }
}

#[cfg(feature = "std")]
mod memory {
    use std::sync::PoisonError;

    use alloy_primitives::{B256, keccak256, map::HashMap};
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

        /// Who reads by guess may find an account before its code, or half of the code: only what is of this hash is
        /// remembered.
        pub(super) fn insert(&self, hash: B256, code: Bytecode) {
            if keccak256(code.original_byte_slice()) != hash {
                return;
            }
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use plasma_core::{MemoryState, State as _};
    use proptest::prelude::*;
    use revm::bytecode::opcode;

    use super::*;

    fn check(bytes: Vec<u8>) {
        let analysed = Bytecode::new_legacy(bytes.into());
        let hash = analysed.hash_slow();
        let mut state = MemoryState::default();
        for (key, value) in writes(&hash, &analysed) {
            state.set(key, Some(value));
        }
        let restored = CodeCache::default().get(&state, hash);
        assert_eq!(restored.original_bytes(), analysed.original_bytes());
        assert_eq!(restored.hash_slow(), hash);
        let (ours, theirs) = (restored.bytes_slice(), analysed.bytes_slice());
        assert!(ours.starts_with(theirs), "{ours:?} {theirs:?}");
        for at in 0..=analysed.len() + 64 {
            let jump = |code: &Bytecode| code.legacy_jump_table().map(|table| table.is_valid(at));
            assert_eq!(jump(&restored), jump(&analysed), "{at}");
        }
    }

    #[test]
    fn code_that_ends_in_the_middle_of_an_instruction_comes_back_as_it_was_analysed() {
        for last in 0..=u8::MAX {
            check(vec![opcode::JUMPDEST, last]);
            check(vec![last; 9]);
        }
        check(vec![opcode::JUMPDEST; 24_576]);
    }

    #[test]
    fn a_thread_keeps_code_that_is_whole_and_only_so_much_of_it() {
        let code = |n: u8| Bytecode::new_legacy(vec![n; 24_576].into());
        let asked = core::cell::Cell::new(0);
        let mut own = OwnCodes::default();
        let mut get = |hash: B256, code: &Bytecode| {
            let shared = || {
                asked.set(asked.get() + 1);
                code.clone()
            };
            assert_eq!(
                own.get(hash, shared).original_bytes(),
                code.original_bytes()
            );
        };
        // Not there yet.
        let hash = code(0).hash_slow();
        get(hash, &Bytecode::default());
        for _ in 0..3 {
            get(hash, &code(0));
        }
        assert_eq!(asked.get(), 2);
        for n in 1..100 {
            for _ in 0..2 {
                get(code(n).hash_slow(), &code(n));
            }
        }
        let kept = OwnCodes::MOST / 24_576;
        assert_eq!(asked.get(), 2 + (kept - 1) + 2 * (100 - kept));
    }

    proptest! {
        #[test]
        fn any_code_comes_back_as_it_was_analysed(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
            check(bytes);
        }
    }
}
