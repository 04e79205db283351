//! Looking into a bucket: what a change would make of it, and the nodes that proofs need.

use alloy_primitives::B256;
use plasma_core::{EMPTY_ROOT, PreimageMap, StateKey, TrieNode, sha256};

use super::bucket::{BUCKET_BITS, Bucket, Change, Leaf, way};
use super::nodes::{LEAF, Link, Subtree};
use crate::store::undo::Collect;

impl Bucket {
    /// Adds the nodes on the path of `key`, and what else `what` says.
    pub(super) fn collect(&self, key: &StateKey, what: Collect, into: &mut PreimageMap) {
        let mut link = self.root.link;
        let mut depth = BUCKET_BITS;
        while link & LEAF == 0 {
            let [left, right] = *self.nodes.hashes(link);
            into.insert_node(&TrieNode::Internal { left, right });
            let (links, side) = (self.nodes.links(link), way(key, depth));
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
        let leaf = self.leaf(link)?;
        let value_hash = sha256(leaf.value.as_slice());
        into.insert_node(&TrieNode::Leaf {
            key: leaf.key,
            value_hash,
        });
        Some(leaf)
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
            let (lower, upper) =
                changes.split_at(changes.partition_point(|(key, _)| way(key, depth) == 0));
            let [left, right] = self.nodes.children(tree.link);
            let left = self.preview_at(left, depth + 1, lower);
            let right = self.preview_at(right, depth + 1, upper);
            return TrieNode::join_hash(&left, &right);
        }
        let mut leaves: Vec<(StateKey, B256)> = changes
            .iter()
            .filter_map(|(key, value)| Some((**key, TrieNode::leaf_hash(key, &sha256((*value)?)))))
            .collect();
        if let Some(Leaf { key, .. }) = self.leaf(tree.link)
            && changes
                .binary_search_by(|(other, _)| (*other).cmp(key))
                .is_err()
        {
            let place = leaves.partition_point(|(other, _)| other < key);
            leaves.insert(place, (*key, tree.hash));
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
