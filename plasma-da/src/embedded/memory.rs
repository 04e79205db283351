//! Blobs in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use plasma_core::{Bytes, DaCommitment, DaError, Timestamp};

use super::Pruned;

/// Blobs in memory, and when each was last published.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<DaCommitment, (Bytes, Timestamp)>>);

impl Memory {
    fn blobs(&self) -> MutexGuard<'_, HashMap<DaCommitment, (Bytes, Timestamp)>> {
        // Each change is one insertion or one removal, whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, bytes: Bytes) -> DaCommitment {
        let commitment = DaCommitment::chunk_tree(&bytes);
        self.blobs()
            .insert(commitment, (bytes, timestamp(SystemTime::now())));
        commitment
    }

    pub(super) fn fetch(&self, commitment: &DaCommitment) -> Result<Bytes, DaError> {
        let blobs = self.blobs();
        blobs
            .get(commitment)
            .map(|(bytes, _)| bytes.clone())
            .ok_or(DaError::NotFound(*commitment))
    }

    pub(super) fn prune(&self, before: Timestamp) -> Pruned {
        let mut pruned = Pruned::default();
        self.blobs().retain(|commitment, (_, published)| {
            let keep = *published >= before;
            if !keep {
                pruned.blobs += 1;
                pruned.bytes += commitment.length;
            }
            keep
        });
        pruned
    }
}

/// A time of this machine's clock; one before 1970 counts as 1970.
pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp(
        time.duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as u64,
    )
}
