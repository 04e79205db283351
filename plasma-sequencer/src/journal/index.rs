//! What a journal holds, by height.

use std::collections::{HashMap, VecDeque};

use plasma_core::{B256, BlockHeader, Height};

use super::JournalError;

/// What is held, and where; shared by the journals.
#[derive(Debug)]
pub(super) struct Index<P> {
    entries: VecDeque<Entry<P>>,
    seals: HashMap<B256, Height>,
    head: Option<(BlockHeader, B256)>,
}

/// A block, or an override whose block is not held.
#[derive(Debug)]
pub(super) struct Entry<P> {
    pub(super) height: Height,
    pub(super) place: P,
    pub(super) block: bool,
    seal: B256,
}

impl<P> Default for Index<P> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            seals: HashMap::new(),
            head: None,
        }
    }
}

impl<P> Index<P> {
    pub(super) fn head(&self) -> Option<&BlockHeader> {
        self.head.as_ref().map(|(header, _)| header)
    }

    pub(super) fn first(&self) -> Option<Height> {
        self.entries.front().map(|entry| entry.height)
    }

    pub(super) fn sealed(&self, seal: &B256) -> Option<Height> {
        self.seals.get(seal).copied()
    }

    pub(super) fn next(&self, from: Height) -> Option<Height> {
        let start = self.entries.partition_point(|entry| entry.height < from);
        self.entries
            .range(start..)
            .find(|entry| entry.block)
            .map(|entry| entry.height)
    }

    pub(super) fn get(&self, height: Height) -> Option<&P> {
        let at = self
            .entries
            .binary_search_by_key(&height, |entry| entry.height)
            .ok()?;
        let entry = &self.entries[at];
        entry.block.then_some(&entry.place)
    }

    /// Refuses what does not follow the head. The first block of all may follow any.
    pub(super) fn check(&self, header: &BlockHeader) -> Result<(), JournalError> {
        match &self.head {
            Some((head, hash)) if header.parent != *hash || header.height != head.height.next() => {
                Err(JournalError::NotNext {
                    head: head.height,
                    got: header.height,
                })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn push(&mut self, header: &BlockHeader, hash: B256, place: P) {
        let (height, seal) = (header.height, header.seal);
        if seal != B256::ZERO {
            self.seals.insert(seal, height);
        }
        self.entries.push_back(Entry {
            height,
            place,
            block: true,
            seal,
        });
        self.head = Some((header.clone(), hash));
    }

    /// Whether rewinding to `to` would change nothing.
    pub(super) fn is_head(&self, to: &BlockHeader) -> bool {
        self.head
            .as_ref()
            .is_some_and(|(_, hash)| *hash == to.hash())
    }

    /// Takes back what `to` overrides. `hold` says that the block at its height is `to` itself.
    pub(super) fn rewind(&mut self, to: &BlockHeader, hold: bool, place: P) {
        let kept = if hold { to.height.next() } else { to.height };
        while let Some(last) = self.entries.pop_back_if(|entry| entry.height >= kept) {
            if self.seals.get(&last.seal) == Some(&last.height) {
                self.seals.remove(&last.seal);
            }
        }
        if !hold {
            let (height, seal) = (to.height, B256::ZERO);
            self.entries.push_back(Entry {
                height,
                place,
                block: false,
                seal,
            });
        }
        self.head = Some((to.clone(), to.hash()));
    }

    /// Forgets what is below, but for the last entry.
    pub(super) fn prune(&mut self, below: Height) {
        while self.entries.len() > 1 {
            let Some(entry) = self.entries.pop_front_if(|entry| entry.height < below) else {
                break;
            };
            if self.seals.get(&entry.seal) == Some(&entry.height) {
                self.seals.remove(&entry.seal);
            }
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry<P>> {
        self.entries.iter()
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry<P>> {
        self.entries.iter_mut()
    }
}
