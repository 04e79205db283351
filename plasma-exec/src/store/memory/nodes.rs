use alloy_primitives::B256;
use plasma_core::EMPTY_ROOT;

use super::chunks::Chunks;

/// Names a node: none, or a leaf if the first bit is set, or else an internal node.
pub(super) type Link = u32;
/// No node.
pub(super) const NONE: Link = u32::MAX;
/// Set in the link of a leaf.
pub(super) const LEAF: Link = 1 << 31;

/// A subtree: its topmost node and its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) link: Link,
    pub(super) hash: B256,
}

/// A subtree without keys.
pub(super) const EMPTY: Subtree = Subtree {
    link: NONE,
    hash: EMPTY_ROOT,
};

/// Hashes of a node's children: one line of cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Hashes([B256; 2]);

/// Internal nodes.
///
/// Children's hashes stand in their parent, so that a changed path is hashed without visiting its siblings; and apart
/// from the links, so that finding a key reads little memory, most of which stays cached.
#[derive(Default)]
pub(super) struct Nodes {
    links: Vec<[Link; 2]>,
    hashes: Chunks<Hashes>,
    free: Vec<Link>,
}

impl Nodes {
    #[inline]
    pub(super) fn links(&self, place: Link) -> [Link; 2] {
        self.links[place as usize]
    }

    #[inline]
    pub(super) fn hashes(&self, place: Link) -> &[B256; 2] {
        &self.hashes[place].0
    }

    /// A node's children.
    #[inline]
    pub(super) fn children(&self, place: Link) -> [Subtree; 2] {
        let (links, [left, right]) = (self.links(place), self.hashes(place));
        [
            Subtree {
                link: links[0],
                hash: *left,
            },
            Subtree {
                link: links[1],
                hash: *right,
            },
        ]
    }

    /// Names another child of a node.
    #[inline]
    pub(super) fn set_link(&mut self, place: Link, side: usize, child: Link) {
        self.links[place as usize][side] = child;
    }

    /// Gives a child of a node another hash.
    #[inline]
    pub(super) fn set_hash(&mut self, place: Link, side: usize, hash: B256) {
        self.hashes[place].0[side] = hash;
    }

    fn set(&mut self, place: Link, [left, right]: [Subtree; 2]) {
        self.links[place as usize] = [left.link, right.link];
        self.hashes[place] = Hashes([left.hash, right.hash]);
    }

    pub(super) fn insert(&mut self, children: [Subtree; 2]) -> Link {
        if let Some(place) = self.free.pop() {
            self.set(place, children);
            return place;
        }
        if self.links.len() == self.links.capacity() {
            // Not by doubling: memory is what limits this store.
            self.links.reserve_exact((self.links.len() / 4).max(32));
        }
        let [left, right] = children;
        self.links.push([left.link, right.link]);
        self.hashes.push(Hashes([left.hash, right.hash]));
        (self.links.len() - 1) as Link
    }

    pub(super) fn free(&mut self, place: Link) {
        self.free.push(place);
    }

    pub(super) fn bytes(&self) -> usize {
        self.links.capacity() * size_of::<[Link; 2]>()
            + self.hashes.bytes()
            + self.free.capacity() * size_of::<Link>()
    }
}
