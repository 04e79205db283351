//! Changing a bucket.

use alloy_primitives::Bytes;
use plasma_core::{NodeKind, StateKey, TrieNode, sha256};

use super::bucket::{Bucket, Change, Leaf, way};
use super::nodes::{EMPTY, LEAF, NONE, Subtree};
use super::value::Value;

/// Longest path within a bucket that is walked without recursion; a longer one takes 2^48 keys, or their maker.
const WALKED: usize = 48;

impl Bucket {
    /// The subtree after `changes`, all of which belong in it. Recurses 256 deep at most.
    pub(super) fn update(
        &mut self,
        tree: Subtree,
        depth: usize,
        version: u64,
        changes: &[Change<'_>],
    ) -> Subtree {
        match changes {
            [] => tree,
            _ if tree.link & LEAF != 0 => self.update_leaf(tree, depth, version, changes),
            [change] => self.update_one(tree, depth, version, *change),
            _ => {
                let (lower, upper) =
                    changes.split_at(changes.partition_point(|(key, _)| way(key, depth) == 0));
                let old = self.nodes.children(tree.link);
                let left = self.update(old[0], depth + 1, version, lower);
                let right = self.update(old[1], depth + 1, version, upper);
                if [left, right] == old {
                    return tree;
                }
                self.nodes.set(tree.link, [left, right]);
                self.close(tree, [left, right])
            }
        }
    }

    /// The subtree after one change, below an internal node.
    ///
    /// First down along the links, then up over the hashes.
    fn update_one(
        &mut self,
        tree: Subtree,
        depth: usize,
        version: u64,
        change: Change<'_>,
    ) -> Subtree {
        let key = change.0;
        let mut path = [0; WALKED];
        let mut length = 0;
        let mut link = tree.link;
        while link & LEAF == 0 && length < WALKED {
            path[length] = link;
            link = self.nodes.links(link)[way(key, depth + length)];
            length += 1;
        }
        let end = depth + length;
        let below = path[length - 1];
        let old = self.nodes.children(below)[way(key, end - 1)];
        let mut child = self.update(old, end, version, &[change]);
        if child == old {
            return tree;
        }
        for (step, place) in path[..length].iter().enumerate().rev() {
            let children = self.nodes.set_child(*place, way(key, depth + step), child);
            child = self.close(
                Subtree {
                    link: *place,
                    hash: child.hash,
                },
                children,
            );
        }
        child
    }

    /// The subtree of an internal node with new children: itself with another hash, or the only one left.
    #[inline]
    fn close(&mut self, tree: Subtree, [left, right]: [Subtree; 2]) -> Subtree {
        let Some(only) = TrieNode::only_child(&left.hash, &right.hash) else {
            let hash = TrieNode::internal_hash(&left.hash, &right.hash);
            return Subtree {
                link: tree.link,
                hash,
            };
        };
        self.nodes.free(tree.link);
        match NodeKind::of(&only) {
            NodeKind::Terminator => EMPTY,
            _ if only == left.hash => left,
            _ => right,
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
        let mut standing = self.leaf(tree.link).map(|leaf| (leaf.key, tree));
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
                let hash = TrieNode::internal_hash(&left.hash, &right.hash);
                Subtree {
                    link: self.nodes.insert([left, right]),
                    hash,
                }
            }
        }
    }
}
