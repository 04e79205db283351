//! The memory that programs run on: flat words, and a note of the pages that changed since the tree was last built.

use std::sync::Arc;

use plasma_core::B256;

use super::tree::{MemoryTree, PAGE_BITS, PAGE_WORDS, Page, leaf_of};

/// Flat memory, with the tree over what it was at the last [`Memory::sync`].
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// Words of eight bytes, little-endian.
    pub(crate) words: Vec<u64>,
    /// For each page, whether it may differ from the tree's.
    pub(crate) dirty: Vec<bool>,
    tree: MemoryTree,
    bits: u32,
}

impl Memory {
    pub(crate) fn new(tree: MemoryTree) -> Self {
        let bits = tree.height() + 5;
        let mut memory = Self {
            words: vec![0; 1 << (bits - 3)],
            dirty: vec![false; 1 << (bits - PAGE_BITS)],
            tree: MemoryTree::zero(bits),
            bits,
        };
        memory.restore(&tree);
        memory
    }

    /// Its size is 2^`bits` bytes.
    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// Becomes what this tree of the same size says.
    pub(crate) fn restore(&mut self, tree: &MemoryTree) {
        let current = self.sync().clone();
        tree.visit_changes(&current, |index, page| {
            let start = index as usize * PAGE_WORDS;
            let words = &mut self.words[start..start + PAGE_WORDS];
            match page {
                Some(page) => words.copy_from_slice(page.words()),
                None => words.fill(0),
            }
        });
        self.tree = tree.clone();
    }

    /// The tree over what memory holds now.
    pub(crate) fn sync(&mut self) -> &MemoryTree {
        let mut pages = Vec::new();
        for (index, dirty) in self.dirty.iter_mut().enumerate() {
            if !std::mem::take(dirty) {
                continue;
            }
            let start = index * PAGE_WORDS;
            let mut words = [0; PAGE_WORDS];
            words.copy_from_slice(&self.words[start..start + PAGE_WORDS]);
            pages.push((index as u64, Arc::new(Page::new(&words))));
        }
        if !pages.is_empty() {
            self.tree = self.tree.with(&pages);
        }
        &self.tree
    }

    /// Whether `[address, address + length)` is inside, where `length` is a power of two and `address` a multiple of it.
    pub(crate) fn holds(&self, address: u64) -> bool {
        address >> self.bits == 0
    }

    /// The bytes from an address that is a multiple of eight; the range must be inside.
    pub(crate) fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let start = (address >> 3) as usize;
        let words = &self.words[start..start + length.div_ceil(8)];
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }

    /// The leaf at an address that is a multiple of 32; it must be inside.
    pub(crate) fn leaf(&self, address: u64) -> B256 {
        let start = (address >> 3) as usize;
        leaf_of(&self.words[start..start + 4])
    }

    /// Writes the leaf at an address that is a multiple of 32; it must be inside.
    pub(crate) fn set_leaf(&mut self, address: u64, leaf: &B256) {
        let start = (address >> 3) as usize;
        let words = &mut self.words[start..start + 4];
        for (word, bytes) in words.iter_mut().zip(leaf.0.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        self.dirty[(address >> PAGE_BITS) as usize] = true;
    }
}
