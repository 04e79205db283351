//! The port of data availability: where are the bytes, and who can check?

use alloc::{boxed::Box, string::String};
use core::time::Duration;

use alloy_primitives::Bytes;
use async_trait::async_trait;

use crate::{BlobRef, CommitmentScheme, DaCommitment, Severe, Severity};

/// Who vouches that the bytes can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub enum Trust {
    /// One operator, who keeps them.
    Operator,
    /// The chain's own committee.
    Committee,
    /// Another network.
    Network,
    /// The root layer itself.
    Root,
}

/// How long the bytes can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub enum Retention {
    /// For good.
    Forever,
    /// At least this long.
    AtLeast(Duration),
}

/// What a layer promises. Shown to users: it is part of what their chain's safety rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct DaProperties {
    /// The layer's name.
    pub name: String,
    /// How its commitments bind bytes.
    pub scheme: CommitmentScheme,
    /// The most bytes in one blob.
    pub max_blob_bytes: u64,
    /// How long a publication usually takes.
    pub latency: Duration,
    /// How long the bytes can be had.
    pub retention: Retention,
    /// Who vouches for that.
    pub trust: Trust,
}

/// What a publication would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Quote {
    /// The price, in wei of the layer's token.
    pub wei: u128,
    /// How long the price holds.
    pub valid_for: Duration,
}

/// Why bytes could not be published or fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DaError {
    /// More bytes than one blob holds.
    #[error(
        "a blob of {length} bytes is over the layer's limit of {limit}; publish smaller batches"
    )]
    TooLarge {
        /// Bytes given.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The layer does not have them.
    #[error("no blob {root} of {length} bytes here; it may not have arrived yet, or its retention is over", root = .0.root, length = .0.length)]
    NotFound(DaCommitment),
    /// The layer gave other bytes than were committed to.
    #[error("the bytes given for blob {root} do not match its commitment; ask another holder", root = .0.root)]
    Corrupt(DaCommitment),
    /// The commitment is of a kind that this layer does not open.
    #[error("this layer opens {expected:?} commitments, not {got:?}")]
    Scheme {
        /// The layer's.
        expected: CommitmentScheme,
        /// The commitment's.
        got: CommitmentScheme,
    },
    /// Bytes can be read from here, not published.
    #[error("{0} is only read from; publish where its owner does")]
    ReadOnly(String),
    /// The layer, or the disk beneath it, is away.
    #[error("the availability layer is away: {0}")]
    Unavailable(String),
    /// The layer's own store is damaged.
    #[error("the availability store is damaged: {0}")]
    Damaged(String),
}

impl Severe for DaError {
    fn severity(&self) -> Severity {
        match self {
            Self::NotFound(_) | Self::Unavailable(_) | Self::Corrupt(_) => Severity::Transient,
            Self::TooLarge { .. } | Self::Scheme { .. } | Self::ReadOnly(_) | Self::Damaged(_) => {
                Severity::Fatal
            }
        }
    }
}

/// Keeps bytes where everyone can have them.
///
/// The service is not trusted: whatever it gives is checked against the commitment, which
/// [`DaCommitment::binds`] and the fault proof do by themselves.
#[async_trait]
pub trait DataAvailability: Send + Sync {
    /// Limits, commitment scheme, latency, retention, trust.
    fn properties(&self) -> DaProperties;

    /// What publishing so many bytes would cost now.
    async fn quote(&self, bytes: u64) -> Result<Quote, DaError>;

    /// Publishes, and returns once the bytes are durable. The same bytes again are the same blob. Cancelled, it
    /// either happened or not; ask again.
    async fn publish(&self, bytes: Bytes) -> Result<BlobRef, DaError>;

    /// The bytes of a blob, checked against its commitment.
    async fn fetch(&self, blob: &BlobRef) -> Result<Bytes, DaError>;
}
