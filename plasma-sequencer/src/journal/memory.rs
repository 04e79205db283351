//! A journal that lasts as long as the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plasma_core::{B256, BlockHeader, CertifiedBlock, Height};

use super::{Journal, JournalError, index::Index};

/// A journal in memory. Its clones share what they hold, so that a sequencer can be reopened on it.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    index: Arc<Mutex<Index<Option<CertifiedBlock>>>>,
    /// A copy, for it is lent out.
    head: Option<BlockHeader>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same journal, opened anew.
    pub fn reopen(&self) -> Self {
        let head = self.index().head().cloned();
        Self {
            index: Arc::clone(&self.index),
            head,
        }
    }

    fn index(&self) -> MutexGuard<'_, Index<Option<CertifiedBlock>>> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn head(&self) -> Option<&BlockHeader> {
        self.head.as_ref()
    }

    fn first(&self) -> Option<Height> {
        self.index().first()
    }

    fn next(&self, from: Height) -> Option<Height> {
        self.index().next(from)
    }

    fn get(&self, height: Height) -> Result<Option<CertifiedBlock>, JournalError> {
        Ok(self.index().get(height).cloned().flatten())
    }

    fn sealed(&self, seal: &B256) -> Option<Height> {
        self.index().sealed(seal)
    }

    fn append(&mut self, block: &CertifiedBlock) -> Result<(), JournalError> {
        let header = &block.block.header;
        let mut index = self.index();
        index.check(header)?;
        index.push(header, header.hash(), Some(block.clone()));
        drop(index);
        self.head = Some(header.clone());
        Ok(())
    }

    fn rewind(&mut self, to: &BlockHeader) -> Result<(), JournalError> {
        let mut index = self.index();
        if !index.is_head(to) {
            let held = index.get(to.height).and_then(Option::as_ref);
            let hold = held.is_some_and(|held| held.block.header == *to);
            index.rewind(to, hold, None);
        }
        drop(index);
        self.head = Some(to.clone());
        Ok(())
    }

    fn prune(&mut self, below: Height) -> Result<(), JournalError> {
        self.index().prune(below);
        Ok(())
    }
}
