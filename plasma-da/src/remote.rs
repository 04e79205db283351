//! Blobs that somebody else has.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use plasma_core::{
    BlobRef, Bytes, CommitmentScheme, DaCommitment, DaError, DaProperties, DataAvailability, Quote,
    Retention, Trust,
};

use crate::embedded::check_scheme;

/// Whoever can be asked for bytes: a node over JSON-RPC, an archive over HTTP, a disk.
#[async_trait]
pub trait BlobSource: Send + Sync {
    /// How it is called in errors and logs, usually its address.
    fn name(&self) -> String;

    /// The bytes that `commitment` binds. They are checked by whoever asks; a source that lies
    /// wastes time, no more. It should stop reading once there are more than `commitment.length`
    /// bytes.
    async fn blob(&self, commitment: &DaCommitment) -> Result<Bytes, DaError>;
}

#[async_trait]
impl<S: BlobSource + ?Sized> BlobSource for Arc<S> {
    fn name(&self) -> String {
        (**self).name()
    }

    async fn blob(&self, commitment: &DaCommitment) -> Result<Bytes, DaError> {
        (**self).blob(commitment).await
    }
}

/// Reads blobs from a [`BlobSource`], and believes only what the commitment binds. Nothing can be
/// published here.
#[derive(Clone, Debug)]
pub struct RemoteDa<S> {
    source: S,
}

impl<S: BlobSource> RemoteDa<S> {
    /// Reads from `source`.
    pub fn new(source: S) -> Self {
        Self { source }
    }
}

#[async_trait]
impl<S: BlobSource> DataAvailability for RemoteDa<S> {
    fn properties(&self) -> DaProperties {
        DaProperties {
            name: self.source.name(),
            scheme: CommitmentScheme::ChunkTree,
            max_blob_bytes: 0,
            latency: Duration::from_millis(100),
            retention: Retention::AtLeast(Duration::ZERO),
            trust: Trust::Operator,
        }
    }

    async fn quote(&self, _: u64) -> Result<Quote, DaError> {
        Err(DaError::ReadOnly(self.source.name()))
    }

    async fn publish(&self, _: Bytes) -> Result<BlobRef, DaError> {
        Err(DaError::ReadOnly(self.source.name()))
    }

    async fn fetch(&self, blob: &BlobRef) -> Result<Bytes, DaError> {
        let commitment = &blob.commitment;
        check_scheme(commitment)?;
        let bytes = self.source.blob(commitment).await?;
        if commitment.binds(&bytes) {
            Ok(bytes)
        } else {
            Err(DaError::Corrupt(*commitment))
        }
    }
}
