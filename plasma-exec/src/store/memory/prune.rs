//! Putting a snapshot in the place of a log.

use std::sync::Arc;

use super::{BROKEN, MemoryStore, Shared, snapshot};
use crate::store::heights::Mark;
use crate::store::{Disk, StoreError};

impl MemoryStore {
    /// See [`Store::prune`](crate::store::Store::prune).
    pub(super) fn prune_below(&self, keep_from: u64) -> Result<(), StoreError> {
        let _pruning = self.pruning.lock().expect(BROKEN);
        let mark = self.shared.heights().find(keep_from)?;
        let Some(disk) = self.begin_snapshot(mark)? else {
            self.shared.drop_below(keep_from);
            return Ok(());
        };
        let Mark { root, sequence, .. } = mark;
        let header = snapshot::Header {
            height: keep_from,
            root,
            sequence,
        };
        // Commits go on meanwhile; a pin keeps what the snapshot reads.
        let written = snapshot::write(&*disk, &header, self.shared.tree.entries(mark.version));
        self.shared.heights_mut().unpin(mark.version);
        written?;
        self.end_snapshot(&*disk, &header, mark)
    }

    /// If enough of the log lies before `mark` to be worth a snapshot: where to write it. Pins the version.
    fn begin_snapshot(&self, mark: Mark) -> Result<Option<Arc<dyn Disk>>, StoreError> {
        let mut guard = self.running()?;
        let writer = &mut *guard;
        let (Some(log), Some(disk)) = (&mut writer.log, &writer.disk) else {
            return Ok(None);
        };
        if log.bytes_before(mark.sequence) < self.config.snapshot_after_bytes {
            return Ok(None);
        }
        let disk = Arc::clone(disk);
        // The log must not end before the snapshot does.
        let synced = log.sync();
        writer.noting(synced)?;
        self.shared.heights_mut().pin(mark.version);
        Ok(Some(disk))
    }

    /// Puts a snapshot in the place of the log before it.
    fn end_snapshot(
        &self,
        disk: &dyn Disk,
        header: &snapshot::Header,
        mark: Mark,
    ) -> Result<(), StoreError> {
        let mut guard = self.running()?;
        let writer = &mut *guard;
        // A rollback went behind it meanwhile: what was undone must not come back.
        if self.shared.heights().get(header.height) != Some(mark) {
            return snapshot::discard(disk);
        }
        // If this fails, the name may be there after a crash or not: no rollback may go behind it.
        let published = snapshot::publish(disk, header).map_err(|error| StoreError::Stopped {
            reason: error.to_string(),
        });
        writer.noting(published)?;
        self.shared.drop_below(header.height);
        if let Some(log) = &mut writer.log {
            log.truncate_before(mark.sequence)?;
        }
        snapshot::discard_older(disk, mark.sequence)
    }
}

impl Shared {
    /// Forgets heights below `height`, and what only they needed.
    pub(super) fn drop_below(&self, height: u64) {
        let mut heights = self.heights_mut();
        heights.prune(height);
        let floor = heights.floor();
        drop(heights);
        self.tree.forget(floor);
    }
}
