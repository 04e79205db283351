//! The subtrie of the keys that share their first [`BUCKET_BITS`] bits.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::Bytes;
use plasma_core::StateKey;

use super::arena::Arena;
use super::nodes::{EMPTY, LEAF, Link, NONE, Nodes, Subtree};
use super::value::Value;

/// Bits of a key that choose its bucket.
pub(super) const BUCKET_BITS: usize = 12;

/// A key and its new value.
pub(super) type Change<'c> = (&'c StateKey, Option<&'c Bytes>);

/// A key and its value.
pub(super) struct Leaf {
    pub(super) key: StateKey,
    pub(super) value: Value,
}

/// The value that a key had until `version`.
struct Past {
    version: u64,
    key: StateKey,
    value: Option<Value>,
}

/// One bucket: current subtrie, and what its keys were before, newest last.
pub(super) struct Bucket {
    pub(super) root: Subtree,
    pub(super) nodes: Nodes,
    pub(super) leaves: Arena<Leaf>,
    past: VecDeque<Past>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            root: EMPTY,
            nodes: Nodes::default(),
            leaves: Arena::default(),
            past: VecDeque::new(),
        }
    }
}

/// Which way the path of `key` goes at `depth`: 0 or 1.
#[inline]
pub(super) fn way(key: &StateKey, depth: usize) -> usize {
    usize::from(key.0[depth / 8] >> (7 - depth % 8) & 1)
}

impl Bucket {
    /// Number of keys.
    pub(super) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Bytes of memory taken, but for long values.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.nodes.bytes()
            + self.leaves.bytes()
            + self.past.capacity() * size_of::<Past>()
    }

    /// The value of `key` at `version`.
    pub(super) fn get(&self, key: &StateKey, version: u64) -> Option<Bytes> {
        let newer = self
            .past
            .iter()
            .rev()
            .take_while(|past| past.version > version);
        match newer.filter(|past| past.key == *key).last() {
            Some(past) => past.value.as_ref().map(Value::to_bytes),
            None => self.find(key).map(|leaf| leaf.value.to_bytes()),
        }
    }

    fn find(&self, key: &StateKey) -> Option<&Leaf> {
        let mut link = self.root.link;
        let mut depth = BUCKET_BITS;
        while link & LEAF == 0 {
            link = self.nodes.links(link)[way(key, depth)];
            depth += 1;
        }
        self.leaf(link).filter(|leaf| leaf.key == *key)
    }

    /// The leaf that a link names, if it names one.
    pub(super) fn leaf(&self, link: Link) -> Option<&Leaf> {
        (link & LEAF != 0 && link != NONE).then(|| &self.leaves[link & !LEAF])
    }

    /// The values that keys changed after `version` had then.
    pub(super) fn changed_since(&self, version: u64, into: &mut BTreeMap<StateKey, Option<Bytes>>) {
        for past in self
            .past
            .iter()
            .rev()
            .take_while(|past| past.version > version)
        {
            into.insert(past.key, past.value.as_ref().map(Value::to_bytes));
        }
    }

    /// Notes what a key was until `version`.
    pub(super) fn remember(&mut self, version: u64, key: StateKey, value: Option<Value>) {
        self.past.push_back(Past {
            version,
            key,
            value,
        });
    }

    /// Forgets values that only readers of versions below `version` could ask for.
    pub(super) fn forget(&mut self, version: u64) {
        while self
            .past
            .front()
            .is_some_and(|past| past.version <= version)
        {
            self.past.pop_front();
        }
        if self.past.capacity() > 4 * self.past.len().max(8) {
            self.past.shrink_to(2 * self.past.len());
        }
    }

    /// All keys and values at `version`, in key order.
    pub(super) fn entries(&self, version: u64) -> Vec<(StateKey, Bytes)> {
        let mut old = BTreeMap::new();
        self.changed_since(version, &mut old);
        let mut entries = Vec::with_capacity(self.len() + old.len());
        self.walk(self.root.link, &mut |leaf| {
            if !old.contains_key(&leaf.key) {
                entries.push((leaf.key, leaf.value.to_bytes()));
            }
        });
        if !old.is_empty() {
            entries.extend(
                old.into_iter()
                    .filter_map(|(key, value)| Some((key, value?))),
            );
            entries.sort_unstable_by_key(|(key, _)| *key);
        }
        entries
    }

    fn walk(&self, link: Link, visit: &mut impl FnMut(&Leaf)) {
        if link & LEAF == 0 {
            self.nodes
                .links(link)
                .into_iter()
                .for_each(|link| self.walk(link, visit));
        } else if let Some(leaf) = self.leaf(link) {
            visit(leaf);
        }
    }

    /// One step of the way to `key`, reading a little of the leaf at its end.
    #[inline]
    pub(super) fn touch(&self, key: &StateKey, link: Link, depth: usize) -> (u8, Link) {
        if link & LEAF == 0 {
            return (0, self.nodes.links(link)[way(key, depth)]);
        }
        let read = self
            .leaf(link)
            .map(|leaf| leaf.key.0[0] ^ leaf.value.first_byte());
        (read.unwrap_or_default(), NONE)
    }
}
