//! The memory tree as a value: cheap to copy, pages and hashes shared between copies.
//!
//! ```text
//!   height 27  root                     (memory of 2^32 bytes; 23 for 2^28)
//!          ..  inner nodes              shared, hashed when asked for
//!           7  page of 4,096 bytes      shared, its nodes hashed when asked for
//!           0  leaf of 32 bytes, not hashed
//! ```

use std::sync::{Arc, OnceLock};

use plasma_core::{B256, keccak256};

use super::keccak::hash_all;

/// The height of the tallest tree: memory of 2^32 bytes.
const MAX_HEIGHT: u32 = 27;
/// The bytes of a page, as a power of two.
pub(crate) const PAGE_BITS: u32 = 12;
/// The words of eight bytes in a page.
pub(crate) const PAGE_WORDS: usize = 1 << (PAGE_BITS - 3);
/// The height of a page's root.
pub(crate) const PAGE_HEIGHT: u32 = PAGE_BITS - 5;
const PAGE_LEAVES: usize = 1 << PAGE_HEIGHT;

/// Keccak-256 of two nodes.
pub(crate) fn hash_pair(left: &B256, right: &B256) -> B256 {
    keccak256([left.0, right.0].as_flattened())
}

/// The hash of a subtree of this height in which all leaves are zero.
pub(crate) fn zero_hash(height: u32) -> B256 {
    static HASHES: OnceLock<[B256; MAX_HEIGHT as usize + 1]> = OnceLock::new();
    HASHES.get_or_init(|| {
        let mut hashes = [B256::ZERO; MAX_HEIGHT as usize + 1];
        for height in 1..hashes.len() {
            hashes[height] = hash_pair(&hashes[height - 1], &hashes[height - 1]);
        }
        hashes
    })[height as usize]
}

/// 4,096 bytes of memory, with the nodes over them once someone asked.
#[derive(Debug)]
pub(crate) struct Page {
    words: [u64; PAGE_WORDS],
    /// Node 1 is the root, and the children of `i` are `2i` and `2i + 1`; the last half are the parents of leaves.
    nodes: OnceLock<Box<[B256; PAGE_LEAVES]>>,
}

impl Page {
    pub(crate) fn new(words: &[u64; PAGE_WORDS]) -> Self {
        Self {
            words: *words,
            nodes: OnceLock::new(),
        }
    }

    pub(crate) fn words(&self) -> &[u64; PAGE_WORDS] {
        &self.words
    }

    fn leaf(&self, index: usize) -> B256 {
        leaf_of(&self.words[4 * index..4 * index + 4])
    }

    fn nodes(&self) -> &[B256; PAGE_LEAVES] {
        self.nodes.get_or_init(|| {
            let mut nodes = Box::new([B256::ZERO; PAGE_LEAVES]);
            let mut pairs = [[0; 64]; PAGE_LEAVES / 2];
            for (i, pair) in pairs.iter_mut().enumerate() {
                pair[..32].copy_from_slice(self.leaf(2 * i).as_slice());
                pair[32..].copy_from_slice(self.leaf(2 * i + 1).as_slice());
            }
            let (mut hashes, mut width) = (Vec::new(), PAGE_LEAVES / 2);
            loop {
                hash_all(&pairs[..width], &mut hashes);
                nodes[width..2 * width].copy_from_slice(&hashes);
                if width == 1 {
                    return nodes;
                }
                width /= 2;
                for (pair, two) in pairs.iter_mut().zip(hashes.as_chunks::<2>().0) {
                    pair[..32].copy_from_slice(two[0].as_slice());
                    pair[32..].copy_from_slice(two[1].as_slice());
                }
            }
        })
    }

    fn node(&self, height: u32, index: u64) -> B256 {
        let place = index as usize & ((PAGE_LEAVES >> height) - 1);
        if height == 0 {
            self.leaf(place)
        } else {
            self.nodes()[(PAGE_LEAVES >> height) + place]
        }
    }
}

/// The leaf of four words of memory.
pub(crate) fn leaf_of(words: &[u64]) -> B256 {
    let mut leaf = B256::ZERO;
    for (bytes, word) in leaf.0.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    leaf
}

#[derive(Clone, Debug)]
enum Node {
    /// All zero.
    Zero,
    Page(Arc<Page>),
    Inner(Arc<Inner>),
}

#[derive(Debug)]
struct Inner {
    children: [Node; 2],
    hash: OnceLock<B256>,
}

impl Node {
    fn hash(&self, height: u32) -> B256 {
        match self {
            Self::Zero => zero_hash(height),
            Self::Page(page) => page.nodes()[1],
            Self::Inner(inner) => *inner.hash.get_or_init(|| {
                let [left, right] = &inner.children;
                hash_pair(&left.hash(height - 1), &right.hash(height - 1))
            }),
        }
    }

    fn child(&self, side: usize) -> &Self {
        match self {
            Self::Inner(inner) => &inner.children[side],
            _ => &Self::Zero,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Zero, Self::Zero) => true,
            (Self::Page(one), Self::Page(two)) => Arc::ptr_eq(one, two),
            (Self::Inner(one), Self::Inner(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }

    /// The node with these pages in place of its own; `pages` are sorted and all below it.
    fn with(&self, height: u32, pages: &[(u64, Arc<Page>)]) -> Self {
        if pages.is_empty() {
            return self.clone();
        }
        if height == PAGE_HEIGHT {
            let page = &pages[pages.len() - 1].1;
            return if page.words == [0; PAGE_WORDS] {
                Self::Zero
            } else {
                Self::Page(page.clone())
            };
        }
        let bit = height - 1 - PAGE_HEIGHT;
        let middle = pages.partition_point(|(index, _)| index >> bit & 1 == 0);
        let children = [
            self.child(0).with(height - 1, &pages[..middle]),
            self.child(1).with(height - 1, &pages[middle..]),
        ];
        if matches!(children, [Self::Zero, Self::Zero]) {
            return Self::Zero;
        }
        Self::Inner(Arc::new(Inner {
            children,
            hash: OnceLock::new(),
        }))
    }

    fn visit_changes(
        &self,
        from: &Self,
        height: u32,
        index: u64,
        visit: &mut impl FnMut(u64, Option<&Page>),
    ) {
        if self.is_same(from) {
            return;
        }
        if height == PAGE_HEIGHT {
            return match self {
                Self::Page(page) => visit(index, Some(page)),
                _ => visit(index, None),
            };
        }
        for side in 0..2 {
            let place = 2 * index + side as u64;
            self.child(side)
                .visit_changes(from.child(side), height - 1, place, visit);
        }
    }
}

/// A memory and the tree over it. A copy costs nothing, and shares all that does not change.
#[derive(Clone, Debug)]
pub(crate) struct MemoryTree {
    root: Node,
    height: u32,
}

impl MemoryTree {
    /// Zeros, 2^`bits` bytes of them.
    pub(crate) fn zero(bits: u32) -> Self {
        Self {
            root: Node::Zero,
            height: bits - 5,
        }
    }

    /// The height of its root over the leaves.
    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    pub(crate) fn root(&self) -> B256 {
        self.root.hash(self.height)
    }

    /// The same memory with other pages at these places, which are sorted.
    pub(crate) fn with(&self, pages: &[(u64, Arc<Page>)]) -> Self {
        Self {
            root: self.root.with(self.height, pages),
            height: self.height,
        }
    }

    /// Visits each page that is another than in `from`, a memory of the same size; `None` stands for zeros.
    pub(crate) fn visit_changes(&self, from: &Self, mut visit: impl FnMut(u64, Option<&Page>)) {
        self.root
            .visit_changes(&from.root, self.height, 0, &mut visit);
    }

    /// The node at this height over the leaves, and this place from the left.
    pub(crate) fn node(&self, height: u32, index: u64) -> B256 {
        let mut node = &self.root;
        for level in (height.max(PAGE_HEIGHT)..self.height).rev() {
            if let Node::Zero = node {
                return zero_hash(height);
            }
            node = node.child((index >> (level - height) & 1) as usize);
        }
        match node {
            Node::Zero => zero_hash(height),
            Node::Page(page) => page.node(height, index),
            Node::Inner(_) => node.hash(height),
        }
    }

    /// The siblings on the way from a node up to the root, bottom up.
    pub(crate) fn siblings(&self, height: u32, index: u64) -> impl Iterator<Item = B256> + '_ {
        (height..self.height).map(move |level| self.node(level, index >> (level - height) ^ 1))
    }
}
