//! State over the trie, and what it cannot answer.

#[cfg(feature = "std")]
use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use alloy_primitives::{B256, Bytes};

use super::TransitionError;
use crate::{Preimages, StateKey, StateRead, Trie};

/// The state under a root, for [`TrieState::execute`].
///
/// A read that has no answer is remembered, and nothing that came of it counts. Natively it ends the execution there
/// and then, by unwinding: an execution may believe what its own state says, and must not be told what it does not.
/// In the fault-proof machine there is no such read.
pub(super) struct TrieState<'a> {
    trie: Trie<'a>,
    root: B256,
    failed: AtomicBool,
    /// The first key that had no answer, as integers: the floor has no lock.
    key: [AtomicU64; 4],
}

impl<'a> TrieState<'a> {
    pub(super) fn new(preimages: &'a dyn Preimages, root: B256) -> Self {
        Self {
            trie: Trie::proven(preimages),
            root,
            failed: AtomicBool::new(false),
            key: Default::default(),
        }
    }

    /// Does `work` on this state; says what was missing for it.
    #[cfg(feature = "std")]
    pub(super) fn execute<R>(&self, work: impl FnOnce() -> R) -> Result<R, TransitionError> {
        use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

        // Nothing of what is cut short is used again but caches, which hold only what is right.
        let result = catch_unwind(AssertUnwindSafe(work));
        self.intact()?;
        result.map_err(|panic| resume_unwind(panic))
    }

    /// Does `work` on this state; says what was missing for it.
    #[cfg(not(feature = "std"))]
    pub(super) fn execute<R>(&self, work: impl FnOnce() -> R) -> Result<R, TransitionError> {
        let result = work();
        self.intact()?;
        Ok(result)
    }

    /// Whether every read had its answer.
    fn intact(&self) -> Result<(), TransitionError> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut key = StateKey::ZERO;
        for (bytes, word) in key.0.as_chunks_mut::<8>().0.iter_mut().zip(&self.key) {
            *bytes = word.load(Ordering::Acquire).to_be_bytes();
        }
        self.trie.read(self.root, &key)?;
        Ok(())
    }

    fn note(&self, key: &StateKey) {
        if self.failed.swap(true, Ordering::AcqRel) {
            return;
        }
        for (bytes, word) in key.0.as_chunks::<8>().0.iter().zip(&self.key) {
            word.store(u64::from_be_bytes(*bytes), Ordering::Release);
        }
    }
}

impl StateRead for TrieState<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        self.trie.read(self.root, key).unwrap_or_else(|_| {
            self.note(key);
            #[cfg(feature = "std")]
            std::panic::resume_unwind(Box::new("a read without an answer"));
            #[cfg(not(feature = "std"))]
            None
        })
    }
}
