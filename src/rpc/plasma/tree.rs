//! The outbox's tree with all its nodes, so that a proof costs no walk over all messages.

use plasma_core::{B256, OUTBOX_DEPTH, OutboxProof, keccak256};

/// All full subtrees of an append-only tree, level by level; level 0 are the leaves.
#[derive(Debug, Default)]
pub(crate) struct OutboxTree {
    levels: Vec<Vec<B256>>,
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

impl OutboxTree {
    /// How many leaves are known.
    pub(crate) fn len(&self) -> u64 {
        self.levels.first().map_or(0, Vec::len) as u64
    }

    /// The leaf at `index`.
    pub(crate) fn leaf(&self, index: u64) -> Option<B256> {
        self.levels
            .first()?
            .get(usize::try_from(index).ok()?)
            .copied()
    }

    /// Appends a leaf, and completes the subtrees that it fills.
    pub(crate) fn push(&mut self, leaf: B256) {
        let mut value = leaf;
        for level in 0..=OUTBOX_DEPTH {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(value);
            if nodes.len() % 2 == 1 {
                return;
            }
            value = node(nodes[nodes.len() - 2], nodes[nodes.len() - 1]);
        }
    }

    /// Forgets all leaves from `count` on.
    pub(crate) fn truncate(&mut self, count: u64) {
        for (level, nodes) in self.levels.iter_mut().enumerate() {
            nodes.truncate((count >> level) as usize);
        }
    }

    /// Proves leaf `index` in the tree of the first `count` leaves; `None` when there is no such
    /// leaf there.
    pub(crate) fn prove(&self, index: u64, count: u64) -> Option<OutboxProof> {
        if index >= count || count > self.len() {
            return None;
        }
        let mut empty = vec![B256::ZERO];
        for level in 0..OUTBOX_DEPTH {
            empty.push(node(empty[level], empty[level]));
        }
        let siblings =
            (0..OUTBOX_DEPTH).map(|level| self.subtree(level, (index >> level) ^ 1, count, &empty));
        Some(OutboxProof {
            index,
            siblings: siblings.collect(),
        })
    }

    /// The root of the subtree `at` of a level, with all leaves from `count` on empty.
    fn subtree(&self, level: usize, at: u64, count: u64, empty: &[B256]) -> B256 {
        if at << level >= count {
            return empty[level];
        }
        if (at + 1) << level <= count {
            return self.levels[level][at as usize];
        }
        // Only the right edge is neither full nor empty: one such subtree on each level.
        let left = self.subtree(level - 1, at * 2, count, empty);
        node(left, self.subtree(level - 1, at * 2 + 1, count, empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_equal_those_of_core_at_every_size() {
        let leaves: Vec<B256> = (0..40_u8).map(|n| keccak256([n])).collect();
        let mut tree = OutboxTree::default();
        for leaf in &leaves {
            tree.push(*leaf);
        }
        for count in 1..=leaves.len() {
            for index in 0..count {
                let expected = OutboxProof::of(&leaves[..count], index as u64).ok();
                assert_eq!(
                    tree.prove(index as u64, count as u64),
                    expected,
                    "{index} of {count}"
                );
            }
        }
        assert_eq!(tree.prove(40, 40), None);
        assert_eq!(tree.prove(0, 41), None);
    }

    #[test]
    fn leaves_taken_back_leave_no_trace() {
        let leaf = |n: u8| keccak256([n]);
        for (before, after) in [(9, 0), (9, 7), (8, 8), (16, 3), (5, 4)] {
            let mut tree = OutboxTree::default();
            (0..before).for_each(|n| tree.push(leaf(n)));
            tree.truncate(u64::from(after));
            (after..20).for_each(|n| tree.push(leaf(n + 100)));
            let expected: Vec<B256> = (0..20)
                .map(|n| leaf(if n < after { n } else { n + 100 }))
                .collect();
            let index = 19;
            assert_eq!(
                tree.prove(index, 20),
                OutboxProof::of(&expected, index).ok(),
                "{before} to {after}"
            );
        }
    }
}
