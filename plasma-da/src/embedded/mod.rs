//! Blobs kept by the node itself.

mod directory;
mod memory;

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use plasma_core::{
    BlobRef, Bytes, CommitmentScheme, DaCommitment, DaError, DaProperties, DataAvailability,
    MAX_BATCH_BYTES, Quote, Retention, Timestamp, Trust,
};

use directory::Directory;
use memory::Memory;

/// Blobs kept by the node itself: in files that are durable once published, or in memory.
///
/// Blobs are found by their commitment, and every fetch checks it, so the store needs no index and
/// no repair: a damaged file is named, and publishing its bytes again replaces it.
#[derive(Clone, Debug)]
pub struct EmbeddedDa {
    store: Store,
    max_blob_bytes: u64,
    retention: Retention,
}

#[derive(Clone, Debug)]
enum Store {
    Memory(Arc<Memory>),
    Directory(Arc<Directory>),
}

/// What a prune removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many blobs.
    pub blobs: u64,
    /// How many bytes in all.
    pub bytes: u64,
}

impl EmbeddedDa {
    /// Blobs in files below `directory`, which is made when there is none.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, DaError> {
        Ok(Self::with(Store::Directory(Arc::new(Directory::open(
            directory.into(),
        )?))))
    }

    /// Blobs in memory, gone with the process.
    pub fn in_memory() -> Self {
        Self::with(Store::Memory(Arc::default()))
    }

    fn with(store: Store) -> Self {
        Self {
            store,
            max_blob_bytes: MAX_BATCH_BYTES as u64,
            retention: Retention::Forever,
        }
    }

    /// Takes blobs of up to `bytes` bytes, instead of [`MAX_BATCH_BYTES`].
    pub fn with_max_blob_bytes(mut self, bytes: u64) -> Self {
        self.max_blob_bytes = bytes;
        self
    }

    /// Promises `retention`. Keeping it is up to whoever calls [`Self::prune`].
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Removes the blobs last published before `before`, by this machine's clock.
    pub async fn prune(&self, before: Timestamp) -> Result<Pruned, DaError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.prune(before)),
            Store::Directory(directory) => {
                blocking(directory, move |directory| directory.prune(before)).await
            }
        }
    }

    fn check_length(&self, length: u64) -> Result<(), DaError> {
        let limit = self.max_blob_bytes;
        if length > limit {
            Err(DaError::TooLarge { length, limit })
        } else {
            Ok(())
        }
    }
}

/// Runs what waits for a disk where it keeps nobody else waiting.
async fn blocking<T: Send + 'static>(
    directory: &Arc<Directory>,
    work: impl FnOnce(&Directory) -> Result<T, DaError> + Send + 'static,
) -> Result<T, DaError> {
    let directory = Arc::clone(directory);
    let task = tokio::task::spawn_blocking(move || work(&directory));
    task.await.unwrap_or_else(|error| {
        Err(DaError::Unavailable(format!(
            "the runtime is stopping: {error}"
        )))
    })
}

#[async_trait]
impl DataAvailability for EmbeddedDa {
    fn properties(&self) -> DaProperties {
        DaProperties {
            name: "embedded".to_owned(),
            scheme: CommitmentScheme::ChunkTree,
            max_blob_bytes: self.max_blob_bytes,
            latency: Duration::from_millis(10),
            retention: self.retention,
            trust: Trust::Operator,
        }
    }

    async fn quote(&self, bytes: u64) -> Result<Quote, DaError> {
        self.check_length(bytes)?;
        Ok(Quote {
            wei: 0,
            valid_for: Duration::from_hours(1),
        })
    }

    async fn publish(&self, bytes: Bytes) -> Result<BlobRef, DaError> {
        self.check_length(bytes.len() as u64)?;
        let commitment = match &self.store {
            Store::Memory(memory) => memory.publish(bytes),
            Store::Directory(directory) => {
                blocking(directory, move |directory| directory.publish(&bytes)).await?
            }
        };
        Ok(commitment.into())
    }

    async fn fetch(&self, blob: &BlobRef) -> Result<Bytes, DaError> {
        let commitment = blob.commitment;
        check_scheme(&commitment)?;
        match &self.store {
            Store::Memory(memory) => memory.fetch(&commitment),
            Store::Directory(directory) => {
                blocking(directory, move |directory| directory.fetch(&commitment)).await
            }
        }
    }
}

/// Chunk trees are what bytes alone can be checked against.
pub(crate) fn check_scheme(commitment: &DaCommitment) -> Result<(), DaError> {
    match commitment.scheme {
        CommitmentScheme::ChunkTree => Ok(()),
        got => Err(DaError::Scheme {
            expected: CommitmentScheme::ChunkTree,
            got,
        }),
    }
}
