//! NOMT, seen through what a store needs of it.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use nomt::hasher::Sha2Hasher;
use nomt::proof::{PathProof, PathProofTerminal};
use nomt::{
    FinishedSession, IoUringPermission, KeyReadWrite, Nomt, Options, Session, SessionParams,
};
use plasma_core::{NodeKind, PreimageKind, PreimageMap, StateKey, TrieNode};

use super::NomtConfig;
use crate::store::StoreError;
use crate::store::undo::Collect;

pub(super) struct Database {
    nomt: Nomt<Sha2Hasher>,
    path: String,
}

/// Fails with what to do if the machine does not let a process use io_uring.
///
/// NOMT's own check takes a kernel without io_uring for one with it, and then its workers panic; so the kernel's
/// version and switch are read first.
fn check_io_uring() -> Result<(), StoreError> {
    let unsupported = |reason: String, remedy| {
        Err(StoreError::Unsupported {
            need: "io_uring, which the NOMT store needs,",
            reason,
            remedy,
        })
    };
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc/sys/kernel").join(name));
    if let Ok(release) = read("osrelease") {
        let major = release
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < 6) {
            let reason = format!("the kernel is {}", release.trim());
            return unsupported(reason, "use Linux 6.0 or later, or the memory store");
        }
    }
    if read("io_uring_disabled").is_ok_and(|switch| switch.trim() == "2") {
        let remedy = "run `sysctl kernel.io_uring_disabled=0` as root, or use the memory store";
        return unsupported("kernel.io_uring_disabled is 2".to_owned(), remedy);
    }
    match nomt::check_iou_permissions() {
        IoUringPermission::Allowed => Ok(()),
        IoUringPermission::Denied => unsupported(
            "the kernel denied it".to_owned(),
            "allow io_uring in the container's seccomp profile, or use the memory store",
        ),
        IoUringPermission::NotSupported => unsupported(
            "the kernel does not know the flags that NOMT uses".to_owned(),
            "use Linux 6.0 or later, or the memory store",
        ),
    }
}

impl Database {
    pub(super) fn open(config: &NomtConfig) -> Result<Self, StoreError> {
        check_io_uring()?;
        let directory = config.directory.join("nomt");
        let mut options = Options::new();
        options.path(&directory);
        options.hashtable_buckets(config.pages);
        options.preallocate_ht(config.preallocate);
        options.commit_concurrency(config.threads.clamp(1, 64));
        options.page_cache_size(config.cache_mib);
        options.leaf_cache_size(config.cache_mib);
        let path = directory.display().to_string();
        match Nomt::open(options) {
            Ok(nomt) => Ok(Self { nomt, path }),
            Err(error) => Err(StoreError::Database {
                path,
                reason: format!("{error:#}"),
            }),
        }
    }

    fn failed<T, E: std::fmt::Display>(&self, result: Result<T, E>) -> Result<T, StoreError> {
        // The alternate form shows causes too.
        result.map_err(|error| StoreError::Database {
            path: self.path.clone(),
            reason: format!("{error:#}"),
        })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn root(&self) -> B256 {
        B256::new(self.nomt.root().into_inner())
    }

    pub(super) fn get(&self, key: &StateKey) -> Result<Option<Bytes>, StoreError> {
        Ok(self.failed(self.nomt.read(key.0))?.map(Bytes::from))
    }

    /// Prepares a commit; also returns the values that it replaces.
    pub(super) fn prepare(
        &self,
        changes: &[(StateKey, Option<Bytes>)],
    ) -> Result<Prepared, StoreError> {
        let session = self.nomt.begin_session(SessionParams::default());
        let mut replaced = Vec::with_capacity(changes.len());
        let mut writes = Vec::with_capacity(changes.len());
        for (key, _) in changes {
            session.warm_up(key.0);
        }
        for (key, value) in changes {
            let old = self.failed(session.read(key.0))?.map(Bytes::from);
            // Rewriting a value leaves the trie as it is, but would cost as much as changing it.
            if old != *value {
                replaced.push((*key, old));
                writes.push((
                    key.0,
                    KeyReadWrite::Write(value.as_ref().map(|v| v.to_vec())),
                ));
            }
        }
        let finished = self.failed(session.finish(writes))?;
        let root = B256::new(finished.root().into_inner());
        Ok(Prepared {
            finished,
            root,
            replaced,
        })
    }

    /// Makes a prepared commit the latest state, durably.
    pub(super) fn commit(&self, finished: FinishedSession) -> Result<(), StoreError> {
        // Whether it was done is unknown after a failure: only opening anew tells.
        finished
            .commit(&self.nomt)
            .map_err(|error| StoreError::Stopped {
                reason: format!("committing to {}: {error:#}", self.path),
            })
    }

    /// Adds the nodes on the paths of keys, and what else is asked for each.
    pub(super) fn collect<'k>(
        &self,
        keys: impl Iterator<Item = (&'k StateKey, Collect)>,
        into: &mut PreimageMap,
    ) -> Result<(), StoreError> {
        let session = self.nomt.begin_session(SessionParams::default());
        for (key, what) in keys {
            let proof = self.failed(session.prove(key.0))?;
            add_path(key, &proof, into);
            match what {
                Collect::Path => {}
                Collect::Value => {
                    if let Some(value) = self.failed(session.read(key.0))? {
                        into.insert_value(value.into());
                    }
                }
                Collect::Siblings => self.collect_siblings(&session, key, &proof, into)?,
            }
        }
        Ok(())
    }

    /// A leaf beside the path is where the path of any key with its prefix ends.
    fn collect_siblings(
        &self,
        session: &Session<Sha2Hasher>,
        key: &StateKey,
        proof: &PathProof,
        into: &mut PreimageMap,
    ) -> Result<(), StoreError> {
        for (depth, sibling) in proof.siblings.iter().enumerate() {
            let sibling = B256::new(*sibling);
            if NodeKind::of(&sibling) == NodeKind::Leaf
                && !into.contains(PreimageKind::TrieNode, &sibling)
            {
                let mut beside = *key;
                beside.0[depth / 8] ^= 0x80 >> (depth % 8);
                let proof = self.failed(session.prove(beside.0))?;
                add_path(&beside, &proof, into);
            }
        }
        Ok(())
    }
}

/// A commit that was computed but not made.
pub(super) struct Prepared {
    pub(super) finished: FinishedSession,
    pub(super) root: B256,
    pub(super) replaced: Vec<(StateKey, Option<Bytes>)>,
}

/// The nodes of a path, from its end upwards.
fn add_path(key: &StateKey, proof: &PathProof, into: &mut PreimageMap) {
    let mut hash = match &proof.terminal {
        PathProofTerminal::Leaf(leaf) => into.insert_node(&TrieNode::Leaf {
            key: B256::new(leaf.key_path),
            value_hash: B256::new(leaf.value_hash),
        }),
        PathProofTerminal::Terminator(_) => B256::ZERO,
    };
    for (depth, sibling) in proof.siblings.iter().enumerate().rev() {
        let sibling = B256::new(*sibling);
        let goes_right = key.0[depth / 8] >> (7 - depth % 8) & 1 == 1;
        let (left, right) = if goes_right {
            (sibling, hash)
        } else {
            (hash, sibling)
        };
        hash = into.insert_node(&TrieNode::Internal { left, right });
    }
}
