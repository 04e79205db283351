//! Changing a bucket: which nodes there are. Their hashes come after it, see `due.rs`.

use alloy_primitives::{B256, Bytes};
use plasma_core::StateKey;

use super::bucket::{BUCKET_BITS, Bucket, Change, Leaf, way};
use super::due::{Changed, Due, Place};
use super::nodes::{EMPTY, LEAF, Link, NONE};
use super::value::Value;

/// Longest path within a bucket that is walked without recursion; a longer one takes 2^48 keys, or their maker.
const WALKED: usize = 48;

/// No key.
const NOTHING: Changed = Changed::Known(NONE, EMPTY.hash);

impl Bucket {
    /// Applies changes, in key order, as `version`. The hashes above them are right once those `due` are computed.
    pub(super) fn apply(&mut self, version: u64, changes: &[Change<'_>], due: &mut Due) {
        let link = self.root.link;
        match self.update(link, Place::TOP, BUCKET_BITS, version, changes, due) {
            Changed::Same => {}
            Changed::Due(link) => {
                self.root.link = link;
                due.push(BUCKET_BITS, link, Place::TOP);
            }
            Changed::Known(link, hash) => {
                self.root.link = link;
                self.root.hash = hash;
            }
        }
    }

    /// Puts the hash of what hangs at `place` there.
    #[inline]
    pub(super) fn set_hash(&mut self, place: Place, hash: B256) {
        match place.parent() {
            Some((node, side)) => self.nodes.set_hash(node, side, hash),
            None => self.root.hash = hash,
        }
    }

    /// The hash of what hangs at `place`.
    fn hash_at(&self, place: Place) -> B256 {
        match place.parent() {
            Some((node, side)) => self.nodes.hashes(node)[side],
            None => self.root.hash,
        }
    }

    /// Makes `changes`, all of which belong in the subtree of `link`, which hangs at `place`. Recurses 256 deep at most.
    fn update(
        &mut self,
        link: Link,
        place: Place,
        depth: usize,
        version: u64,
        changes: &[Change<'_>],
        due: &mut Due,
    ) -> Changed {
        match changes {
            [] => Changed::Same,
            _ if link & LEAF != 0 => self.update_leaf(link, place, depth, version, changes, due),
            [change] => self.update_one(link, depth, version, *change, due),
            _ => {
                let (lower, upper) =
                    changes.split_at(changes.partition_point(|(key, _)| way(key, depth) == 0));
                let links = self.nodes.links(link);
                let mut half = |side: usize, changes| {
                    let place = Place::below(link, side);
                    self.update(links[side], place, depth + 1, version, changes, due)
                };
                let halves = [half(0, lower), half(1, upper)];
                self.close(link, depth, halves, due)
            }
        }
    }

    /// Makes one change below the internal node of `link`.
    ///
    /// First down along the links, then up again.
    fn update_one(
        &mut self,
        link: Link,
        depth: usize,
        version: u64,
        change: Change<'_>,
        due: &mut Due,
    ) -> Changed {
        let key = change.0;
        let mut path = [0; WALKED];
        let mut length = 0;
        let mut below = link;
        while below & LEAF == 0 && length < WALKED {
            path[length] = below;
            below = self.nodes.links(below)[way(key, depth + length)];
            length += 1;
        }
        let end = depth + length;
        let place = Place::below(path[length - 1], way(key, end - 1));
        let mut child = self.update(below, place, end, version, &[change], due);
        for (step, node) in path[..length].iter().enumerate().rev() {
            let mut halves = [Changed::Same; 2];
            halves[way(key, depth + step)] = child;
            child = self.close(*node, depth + step, halves, due);
        }
        child
    }

    /// What becomes of an internal node at `depth` with new children: it stays, or gives way to the only one left.
    #[inline]
    fn close(
        &mut self,
        node: Link,
        depth: usize,
        children: [Changed; 2],
        due: &mut Due,
    ) -> Changed {
        if let [Changed::Same, Changed::Same] = children {
            return Changed::Same;
        }
        let mut links = self.nodes.links(node);
        for (link, child) in links.iter_mut().zip(&children) {
            match child {
                Changed::Same => {}
                Changed::Due(new) | Changed::Known(new, _) => *link = *new,
            }
        }
        let [left, right] = links;
        let only = match (left, right) {
            (NONE, NONE) => return self.give_way(node, NOTHING),
            (NONE, leaf) if leaf & LEAF != 0 => 1,
            (leaf, NONE) if leaf & LEAF != 0 => 0,
            _ => {
                self.hang(node, depth, children, due);
                return Changed::Due(node);
            }
        };
        let rest = match children[only] {
            Changed::Same => Changed::Known(links[only], self.nodes.hashes(node)[only]),
            changed => changed,
        };
        self.give_way(node, rest)
    }

    fn give_way(&mut self, node: Link, rest: Changed) -> Changed {
        self.nodes.free(node);
        rest
    }

    /// Hangs new children below a node at `depth`.
    #[inline]
    fn hang(&mut self, node: Link, depth: usize, children: [Changed; 2], due: &mut Due) {
        for (side, child) in children.into_iter().enumerate() {
            match child {
                Changed::Same => {}
                Changed::Due(link) => {
                    self.nodes.set_link(node, side, link);
                    due.push(depth + 1, link, Place::below(node, side));
                }
                Changed::Known(link, hash) => {
                    self.nodes.set_link(node, side, link);
                    self.nodes.set_hash(node, side, hash);
                }
            }
        }
    }

    /// Changes where there was one key or none.
    fn update_leaf(
        &mut self,
        link: Link,
        place: Place,
        depth: usize,
        version: u64,
        changes: &[Change<'_>],
        due: &mut Due,
    ) -> Changed {
        let mut standing = self.leaf(link).map(|leaf| leaf.key);
        if let ([(key, value)], Some(leaf)) = (changes, &standing)
            && leaf == *key
        {
            return self.replace(link, version, *value);
        }
        // The one that stands, where it stays as it is.
        let stays = |bucket: &Self, replaced: Changed| match replaced {
            Changed::Same => Changed::Known(link, bucket.hash_at(place)),
            changed => changed,
        };
        let mut items: Vec<(StateKey, Changed)> = Vec::with_capacity(changes.len() + 1);
        for (key, value) in changes {
            if let Some(leaf) = standing.take_if(|leaf| *leaf < **key) {
                items.push((leaf, stays(self, Changed::Same)));
            }
            if standing.take_if(|leaf| leaf == *key).is_some() {
                let replaced = self.replace(link, version, *value);
                if value.is_some() {
                    items.push((**key, stays(self, replaced)));
                }
            } else if let Some(value) = value {
                self.remember(version, **key, None);
                items.push((**key, Changed::Due(self.insert(**key, value))));
            }
        }
        items.extend(standing.map(|leaf| (leaf, stays(self, Changed::Same))));
        self.build(depth, &items, due)
    }

    /// Another value, or none, for the key of a leaf.
    fn replace(&mut self, link: Link, version: u64, value: Option<&Bytes>) -> Changed {
        let place = link & !LEAF;
        let leaf = &mut self.leaves[place];
        let key = leaf.key;
        let Some(value) = value else {
            let old = leaf.value.clone();
            self.leaves.free(place);
            self.remember(version, key, Some(old));
            return NOTHING;
        };
        if leaf.value.as_slice() == value.as_ref() {
            return Changed::Same;
        }
        let old = std::mem::replace(&mut leaf.value, Value::from(value));
        self.remember(version, key, Some(old));
        Changed::Due(link)
    }

    fn insert(&mut self, key: StateKey, value: &Bytes) -> Link {
        let value = Value::from(value);
        self.leaves.insert(Leaf { key, value }) | LEAF
    }

    /// The subtree at `depth` of exactly these leaves, in key order.
    fn build(&mut self, depth: usize, leaves: &[(StateKey, Changed)], due: &mut Due) -> Changed {
        match leaves {
            [] => NOTHING,
            [(_, leaf)] => *leaf,
            _ => {
                let (lower, upper) =
                    leaves.split_at(leaves.partition_point(|(key, _)| way(key, depth) == 0));
                let left = self.build(depth + 1, lower, due);
                let right = self.build(depth + 1, upper, due);
                // Two leaves or more: no compaction is due.
                let node = self.nodes.insert([EMPTY; 2]);
                self.hang(node, depth, [left, right], due);
                Changed::Due(node)
            }
        }
    }
}
