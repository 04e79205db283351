//! Finding the state again that a directory holds.

use alloy_primitives::B256;

use super::{MemoryStore, snapshot};
use crate::store::entry::Entry;
use crate::store::heights::Mark;
use crate::store::log::Damage;
use crate::store::{Disk, StoreError};

impl MemoryStore {
    /// Loads the newest snapshot, if there is one; returns the sequence of the log record after it.
    pub(super) fn load_snapshot(&mut self, disk: &dyn Disk) -> Result<u64, StoreError> {
        let Some(found) = snapshot::load(disk, &mut |entries| {
            let changes = entries.iter().map(|(key, value)| (key, value.as_ref()));
            self.shared.tree.apply_one(0, changes.collect());
            self.shared.tree.forget(0);
        })?
        else {
            return Ok(0);
        };
        let computed = self.shared.tree.root();
        if computed != found.root {
            let (height, recorded, path) = (found.height, found.root, found.path);
            return Err(StoreError::Root {
                height,
                computed,
                recorded,
                path,
            });
        }
        let mark = Mark {
            version: 0,
            root: computed,
            sequence: found.sequence,
        };
        self.shared.heights_mut().commit(found.height, mark);
        self.recovery.snapshot = Some(found.height);
        Ok(found.sequence)
    }

    /// Does again what a record says was done.
    pub(super) fn replay(&self, sequence: u64, payload: &[u8]) -> Result<(), Damage> {
        let root = self.shared.heights().latest().root;
        let follows = |before: B256| {
            let wrong = || format!("the record follows root {before}, but the state has {root}");
            if before == root {
                Ok(())
            } else {
                Err(Damage(wrong()))
            }
        };
        let bad = |error: StoreError| Damage(error.to_string());
        let mut writer = self.writer();
        match Entry::parse(payload) {
            Some(Entry::Commit {
                height,
                before,
                changes,
            }) => {
                follows(before)?;
                self.shared.heights().check_next(height).map_err(bad)?;
                let changes = changes.iter().map(|(key, value)| (key, value.as_ref()));
                let version = writer.next_version();
                let root = self.shared.tree.apply_one(version, changes.collect());
                let mark = Mark {
                    version,
                    root,
                    sequence: sequence + 1,
                };
                self.shared.heights_mut().commit(height, mark);
                Ok(())
            }
            Some(Entry::Rollback {
                height,
                before,
                after,
            }) => {
                follows(before)?;
                let target = self.shared.heights().find(height).map_err(bad)?;
                if target.root != after {
                    let root = target.root;
                    let wrong =
                        format!("it goes back to root {after}, but height {height} has {root}");
                    return Err(Damage(wrong));
                }
                let version = writer.next_version();
                let root = self.shared.restore(target, version);
                let mark = Mark {
                    version,
                    root,
                    sequence: sequence + 1,
                };
                self.shared.heights_mut().rollback(height, mark);
                Ok(())
            }
            _ => Err(Damage("not a record of a memory store".to_owned())),
        }
    }
}
