//! The subtrie of the keys that share their first [`BUCKET_BITS`] bits.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::{B256, Bytes};
use plasma_core::{EMPTY_ROOT, NodeKind, PreimageMap, StateKey, TrieNode, sha256};

use super::arena::Arena;
use super::value::Value;

/// Bits of a key that choose its bucket.
pub(super) const BUCKET_BITS: usize = 12;

/// A key and its new value.
pub(super) type Change<'c> = (&'c StateKey, Option<&'c Bytes>);

/// Names a node: none, or a leaf if the first bit is set, or else an internal node.
type Link = u32;
const NONE: Link = u32::MAX;
const LEAF: Link = 1 << 31;

/// A subtree: its topmost node and its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Subtree {
    link: Link,
    hash: B256,
}

const EMPTY: Subtree = Subtree {
    link: NONE,
    hash: EMPTY_ROOT,
};

/// Children's hashes stand in their parent, so that a changed path is hashed without visiting its siblings.
struct Internal {
    hashes: [B256; 2],
    links: [Link; 2],
}

struct Leaf {
    key: StateKey,
    value: Value,
}

/// The value that a key had until `version`.
struct Past {
    version: u64,
    key: StateKey,
    value: Option<Value>,
}

/// What to collect besides the nodes on a key's path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Collect {
    /// Nothing.
    Path,
    /// The key's value.
    Value,
    /// Leaves beside the path: removing the key may lift one of them to where another key's path ends.
    Siblings,
}

/// One bucket: current subtrie, and what its keys were before, newest last.
pub(super) struct Bucket {
    root: Subtree,
    internals: Arena<Internal>,
    leaves: Arena<Leaf>,
    past: VecDeque<Past>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            root: EMPTY,
            internals: Arena::default(),
            leaves: Arena::default(),
            past: VecDeque::new(),
        }
    }
}

/// Which way the path of `key` goes at `depth`: 0 or 1.
#[inline]
fn way(key: &StateKey, depth: usize) -> usize {
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
            + self.internals.bytes()
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
            link = self.internals[link].links[way(key, depth)];
            depth += 1;
        }
        if link == NONE {
            return None;
        }
        Some(&self.leaves[link & !LEAF]).filter(|leaf| leaf.key == *key)
    }

    /// Applies changes, in key order, as `version`; returns the new hash.
    pub(super) fn apply(&mut self, version: u64, changes: &[Change<'_>]) -> B256 {
        self.root = self.update(self.root, BUCKET_BITS, version, changes);
        self.root.hash
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

    /// Forgets values that only readers of versions below `version` could ask for.
    pub(super) fn forget(&mut self, version: u64) {
        while self
            .past
            .front()
            .is_some_and(|past| past.version <= version)
        {
            self.past.pop_front();
        }
        if self.past.is_empty() {
            self.past.shrink_to(8);
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
            let links = self.internals[link].links;
            links.into_iter().for_each(|link| self.walk(link, visit));
        } else if link != NONE {
            visit(&self.leaves[link & !LEAF]);
        }
    }

    /// Adds the nodes on the path of `key`, and what else `what` says.
    pub(super) fn collect(&self, key: &StateKey, what: Collect, into: &mut PreimageMap) {
        let mut link = self.root.link;
        let mut depth = BUCKET_BITS;
        while link & LEAF == 0 {
            let Internal {
                hashes: [left, right],
                links,
            } = self.internals[link];
            into.insert_node(&TrieNode::Internal { left, right });
            let side = way(key, depth);
            if what == Collect::Siblings {
                self.collect_leaf(links[1 - side], into);
            }
            link = links[side];
            depth += 1;
        }
        if let Some(leaf) = self.collect_leaf(link, into)
            && leaf.key == *key
            && what == Collect::Value
        {
            into.insert_value(leaf.value.to_bytes());
        }
    }

    /// Adds the bucket's only leaf, if it has just one.
    pub(super) fn collect_only(&self, into: &mut PreimageMap) {
        self.collect_leaf(self.root.link, into);
    }

    fn collect_leaf(&self, link: Link, into: &mut PreimageMap) -> Option<&Leaf> {
        if link & LEAF == 0 || link == NONE {
            return None;
        }
        let leaf = &self.leaves[link & !LEAF];
        let value_hash = sha256(leaf.value.as_slice());
        into.insert_node(&TrieNode::Leaf {
            key: leaf.key,
            value_hash,
        });
        Some(leaf)
    }

    fn remember(&mut self, version: u64, key: StateKey, value: Option<Value>) {
        self.past.push_back(Past {
            version,
            key,
            value,
        });
    }

    /// The subtree after `changes`, all of which belong in it. Recurses 256 deep at most.
    fn update(
        &mut self,
        tree: Subtree,
        depth: usize,
        version: u64,
        changes: &[Change<'_>],
    ) -> Subtree {
        if changes.is_empty() {
            return tree;
        }
        if tree.link & LEAF != 0 {
            return self.update_leaf(tree, depth, version, changes);
        }
        let place = tree.link;
        let Internal { hashes, links } = self.internals[place];
        let (lower, upper) =
            changes.split_at(changes.partition_point(|(key, _)| way(key, depth) == 0));
        let old = [0, 1].map(|side| Subtree {
            link: links[side],
            hash: hashes[side],
        });
        let left = self.update(old[0], depth + 1, version, lower);
        let right = self.update(old[1], depth + 1, version, upper);
        if [left, right] == old {
            return tree;
        }
        if let Some(only) = only_child(left, right) {
            self.internals.free(place);
            return only;
        }
        self.internals[place] = Internal {
            hashes: [left.hash, right.hash],
            links: [left.link, right.link],
        };
        Subtree {
            link: place,
            hash: TrieNode::internal_hash(&left.hash, &right.hash),
        }
    }

    /// Changes where there was one key or none.
    fn update_leaf(
        &mut self,
        tree: Subtree,
        depth: usize,
        version: u64,
        changes: &[Change<'_>],
    ) -> Subtree {
        let mut standing = (tree.link != NONE).then(|| (self.leaves[tree.link & !LEAF].key, tree));
        if let ([(key, value)], Some((leaf, _))) = (changes, &standing)
            && leaf == *key
        {
            return self.replace(tree, version, *value);
        }
        let mut items: Vec<(StateKey, Subtree)> = Vec::with_capacity(changes.len() + 1);
        for (key, value) in changes {
            if let Some(leaf) = standing.take_if(|(leaf, _)| *leaf < **key) {
                items.push(leaf);
            }
            let tree = if let Some((_, tree)) = standing.take_if(|(leaf, _)| leaf == *key) {
                self.replace(tree, version, *value)
            } else if let Some(value) = value {
                self.remember(version, **key, None);
                self.insert(**key, value)
            } else {
                EMPTY
            };
            if tree.link != NONE {
                items.push((**key, tree));
            }
        }
        items.extend(standing);
        self.build(depth, &items)
    }

    /// Another value, or none, for the key of a leaf.
    fn replace(&mut self, tree: Subtree, version: u64, value: Option<&Bytes>) -> Subtree {
        let place = tree.link & !LEAF;
        let leaf = &mut self.leaves[place];
        let key = leaf.key;
        let Some(value) = value else {
            let old = leaf.value.clone();
            self.leaves.free(place);
            self.remember(version, key, Some(old));
            return EMPTY;
        };
        if leaf.value.as_slice() == value.as_ref() {
            return tree;
        }
        let old = std::mem::replace(&mut leaf.value, Value::from(value));
        self.remember(version, key, Some(old));
        Subtree {
            link: tree.link,
            hash: TrieNode::leaf_hash(&key, &sha256(value)),
        }
    }

    fn insert(&mut self, key: StateKey, value: &Bytes) -> Subtree {
        let hash = TrieNode::leaf_hash(&key, &sha256(value));
        let place = self.leaves.insert(Leaf {
            key,
            value: Value::from(value),
        });
        Subtree {
            link: place | LEAF,
            hash,
        }
    }

    /// The subtree at `depth` of exactly these leaves, in key order.
    fn build(&mut self, depth: usize, leaves: &[(StateKey, Subtree)]) -> Subtree {
        match leaves {
            [] => EMPTY,
            [(_, leaf)] => *leaf,
            _ => {
                let (lower, upper) =
                    leaves.split_at(leaves.partition_point(|(key, _)| way(key, depth) == 0));
                let left = self.build(depth + 1, lower);
                let right = self.build(depth + 1, upper);
                // Two leaves or more: no compaction is due.
                let hashes = [left.hash, right.hash];
                let place = self.internals.insert(Internal {
                    hashes,
                    links: [left.link, right.link],
                });
                Subtree {
                    link: place,
                    hash: TrieNode::internal_hash(&left.hash, &right.hash),
                }
            }
        }
    }

    /// The hash that [`Bucket::apply`] would return, changing nothing.
    pub(super) fn preview(&self, changes: &[Change<'_>]) -> B256 {
        self.preview_at(self.root, BUCKET_BITS, changes)
    }

    fn preview_at(&self, tree: Subtree, depth: usize, changes: &[Change<'_>]) -> B256 {
        if changes.is_empty() {
            return tree.hash;
        }
        if tree.link & LEAF == 0 {
            let Internal { hashes, links } = &self.internals[tree.link];
            let (lower, upper) =
                changes.split_at(changes.partition_point(|(key, _)| way(key, depth) == 0));
            let child = |side: usize| Subtree {
                link: links[side],
                hash: hashes[side],
            };
            let left = self.preview_at(child(0), depth + 1, lower);
            let right = self.preview_at(child(1), depth + 1, upper);
            return TrieNode::join_hash(&left, &right);
        }
        let mut leaves: Vec<(StateKey, B256)> = changes
            .iter()
            .filter_map(|(key, value)| Some((**key, TrieNode::leaf_hash(key, &sha256((*value)?)))))
            .collect();
        if tree.link != NONE {
            let key = self.leaves[tree.link & !LEAF].key;
            if changes
                .binary_search_by(|(other, _)| (*other).cmp(&key))
                .is_err()
            {
                let place = leaves.partition_point(|(other, _)| *other < key);
                leaves.insert(place, (key, tree.hash));
            }
        }
        build_hash(depth, &leaves)
    }
}

fn build_hash(depth: usize, leaves: &[(StateKey, B256)]) -> B256 {
    match leaves {
        [] => EMPTY_ROOT,
        [(_, hash)] => *hash,
        _ => {
            let (lower, upper) =
                leaves.split_at(leaves.partition_point(|(key, _)| way(key, depth) == 0));
            TrieNode::internal_hash(&build_hash(depth + 1, lower), &build_hash(depth + 1, upper))
        }
    }
}

/// The child that stands for the whole, when no internal node is due over these two.
fn only_child(left: Subtree, right: Subtree) -> Option<Subtree> {
    let only = TrieNode::only_child(&left.hash, &right.hash)?;
    Some(match NodeKind::of(&only) {
        NodeKind::Terminator => EMPTY,
        _ if only == left.hash => left,
        _ => right,
    })
}
