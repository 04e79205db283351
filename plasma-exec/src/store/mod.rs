//! The authenticated store: the state at every height kept, its root, and proofs of it.
//!
//! Two backends, one root: [`MemoryStore`] holds the trie in memory, with a write-ahead log and snapshots on disk
//! (or nothing on disk at all); `NomtStore` (feature `nomt`) keeps a state larger than memory on disk. Both
//! answer as [`Store`] says, and the property tests hold them to the pruned trie of `plasma-core`.
//!
//! ```
//! use plasma_core::{B256, Bytes, Changes};
//! use plasma_exec::{MemoryStore, Store};
//!
//! let store = MemoryStore::ephemeral();
//! let key = B256::repeat_byte(7);
//! let root = store.commit(0, &Changes::from([(key, Some(Bytes::from_static(b"old")))]))?;
//! store.commit(1, &Changes::from([(key, Some(Bytes::from_static(b"new")))]))?;
//!
//! assert_eq!(store.view(0)?.get(&key), Some(Bytes::from_static(b"old")));
//! assert_eq!(store.prove(0, &key)?.verify(root, &key)?, Some(Bytes::from_static(b"old")));
//! assert_eq!(store.rollback(0)?, root);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disk;
mod entry;
mod error;
mod heights;
mod log;
mod memory;
#[cfg(feature = "nomt")]
mod nomt;
mod record;
mod undo;

#[cfg(test)]
mod tests;

use alloc::{sync::Arc, vec, vec::Vec};

use alloy_primitives::{B256, Bytes};
use plasma_core::{
    Changes, PreimageMap, StateKey, StateProof, StateRead, StateWitness, Trie, sha256,
};

pub use disk::{Directory, Disk, DiskFile};
pub use error::StoreError;
pub use log::TornTail;
pub use memory::{MemoryConfig, MemoryStore, Recovery};
#[cfg(feature = "nomt")]
pub use nomt::{NomtConfig, NomtStore};

/// When a commit is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When [`Store::commit`] returns.
    #[default]
    Commit,
    /// When [`Store::sync`] returns: many commits share one write barrier. A crash before loses the latest of
    /// them, in order and whole.
    Sync,
}

/// The state of a chain, by height.
///
/// Contract. Heights are committed one after another, the first being any. A commit shows whole or not at all: to
/// readers, and after a crash, which loses no durable commit. A view stays
/// what it is while it is held, whatever is committed, pruned or rolled back meanwhile. Equal contents have equal
/// roots, on every backend. Calls may come from any thread; those that write are served one at a time.
pub trait Store: Send + Sync {
    /// The latest height, if anything was committed.
    fn height(&self) -> Option<u64>;

    /// The oldest height kept.
    fn oldest(&self) -> Option<u64>;

    /// Root of the latest state.
    fn root(&self) -> B256;

    /// Root of the state at `height`, if it is kept.
    fn root_at(&self, height: u64) -> Option<B256>;

    /// The latest value of `key`.
    fn get(&self, key: &StateKey) -> Option<Bytes>;

    /// The state at `height`. Keeps what it needs from being pruned as long as it is held.
    fn view(&self, height: u64) -> Result<Arc<dyn StateRead>, StoreError>;

    /// Makes `changes` the state at `height`, the one after the latest; returns its root.
    ///
    /// An error but [`StoreError::Stopped`] leaves the store as it was.
    fn commit(&self, height: u64, changes: &Changes) -> Result<B256, StoreError>;

    /// Makes `segments`, one after another, the state at `height`, the one after the latest; returns the root after
    /// each. Only the last state is kept; all of it is one commit, shown whole or not at all. No segments are a
    /// commit that changes nothing, and give its root.
    ///
    /// The one of a single segment costs what [`Store::commit`] does.
    fn commit_segments(&self, height: u64, segments: &[Changes]) -> Result<Vec<B256>, StoreError> {
        let first = match segments {
            [] => return Ok(vec![self.commit(height, &Changes::new())?]),
            [changes] => return Ok(vec![self.commit(height, changes)?]),
            [first @ .., _] => first,
        };
        // What is between two states is a trie that is pruned to what all the segments write.
        let mut merged = Changes::new();
        for changes in segments {
            merged.extend(changes.clone());
        }
        let writes: Vec<StateKey> = merged.keys().copied().collect();
        let mut known = match self.height() {
            Some(latest) => self.witness(latest, &[], &writes)?.preimages().clone(),
            None => PreimageMap::default(),
        };
        let mut root = self.root();
        let mut roots = Vec::with_capacity(segments.len());
        for changes in first {
            let hashes: Vec<_> = changes
                .iter()
                .map(|(key, value)| (*key, value.as_ref().map(|value| sha256(value))))
                .collect();
            let mut made = Vec::new();
            root = Trie::proven(&known)
                .update_hashes(root, &hashes, &mut |node, _| made.push(*node))?;
            for node in &made {
                known.insert_node(node);
            }
            roots.push(root);
        }
        roots.push(self.commit(height, &merged)?);
        Ok(roots)
    }

    /// The root that the latest state would have after `changes`, committing nothing.
    fn preview(&self, changes: &Changes) -> Result<B256, StoreError>;

    /// Proves the value of `key` at `height`, or its absence. Costs as much as the changes since then.
    fn prove(&self, height: u64, key: &StateKey) -> Result<StateProof, StoreError>;

    /// What reading `reads` and writing `writes` at `height` needs of the trie. Costs like [`Store::prove`].
    fn witness(
        &self,
        height: u64,
        reads: &[StateKey],
        writes: &[StateKey],
    ) -> Result<StateWitness, StoreError>;

    /// Forgets all heights below `keep_from`. May write for a while; commits go on meanwhile.
    fn prune(&self, keep_from: u64) -> Result<(), StoreError>;

    /// Undoes all commits above `height`; returns the root there. Durable like a commit.
    fn rollback(&self, height: u64) -> Result<B256, StoreError>;

    /// Makes all that was committed durable.
    fn sync(&self) -> Result<(), StoreError>;
}
