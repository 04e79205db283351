//! Proofs at any height kept.

use plasma_core::{PreimageMap, StateKey};

use super::MemoryStore;
use crate::store::StoreError;
use crate::store::undo::{Collect, Collected, undo};

impl MemoryStore {
    /// The preimages of the paths of keys at `height`, and of the values of those to be read; more than those if
    /// the height is not the latest.
    pub(super) fn collect(
        &self,
        height: u64,
        reads: &[StateKey],
        writes: &[StateKey],
    ) -> Result<Collected, StoreError> {
        let mut known = PreimageMap::default();
        // Held so that nobody writes: the nodes must be of one state.
        let writer = self.writer();
        let (target, latest) = {
            let heights = self.shared.heights();
            (heights.find(height)?, heights.latest())
        };
        let tree = &self.shared.tree;
        for key in reads {
            tree.collect(key, Collect::Value, &mut known);
        }
        for key in writes {
            tree.collect(key, Collect::Path, &mut known);
        }
        let exact = target.root == latest.root;
        if !exact {
            let changed = tree.changed_since(target.version);
            for key in changed.keys() {
                tree.collect(key, Collect::Siblings, &mut known);
            }
            drop(writer);
            undo(&mut known, latest.root, target.root, changed, reads)?;
        }
        Ok(Collected {
            root: target.root,
            known,
            exact,
        })
    }
}
