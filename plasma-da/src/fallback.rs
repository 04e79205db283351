//! Several layers, asked one after the other.

use std::sync::Arc;

use async_trait::async_trait;
use plasma_core::{BlobRef, Bytes, DaError, DaProperties, DataAvailability, Quote};

/// Publishes to one layer, and fetches from the first that answers truthfully.
///
/// What only a later one had is kept in the first, when that takes publications: so a verifier
/// downloads a blob once, and a damaged file heals.
#[derive(Clone)]
pub struct FallbackDa {
    first: Arc<dyn DataAvailability>,
    others: Vec<Arc<dyn DataAvailability>>,
}

impl FallbackDa {
    /// Everything from and to `first`.
    pub fn new(first: Arc<dyn DataAvailability>) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }

    /// Asks `other` when those before it do not have the bytes.
    pub fn or(mut self, other: Arc<dyn DataAvailability>) -> Self {
        self.others.push(other);
        self
    }

    async fn keep(&self, bytes: Bytes) {
        match self.first.publish(bytes).await {
            Ok(_) | Err(DaError::ReadOnly(_)) => {}
            // Whoever asked has the bytes, and this is only about the next time.
            Err(error) => tracing::warn!("a fetched blob could not be kept: {error}"),
        }
    }
}

#[async_trait]
impl DataAvailability for FallbackDa {
    fn properties(&self) -> DaProperties {
        self.first.properties()
    }

    async fn quote(&self, bytes: u64) -> Result<Quote, DaError> {
        self.first.quote(bytes).await
    }

    async fn publish(&self, bytes: Bytes) -> Result<BlobRef, DaError> {
        self.first.publish(bytes).await
    }

    async fn fetch(&self, blob: &BlobRef) -> Result<Bytes, DaError> {
        let mut worst = match self.first.fetch(blob).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        for other in &self.others {
            match other.fetch(blob).await {
                // Each layer checks, and so does this one: it is where the promise is made.
                Ok(bytes) if blob.commitment.binds(&bytes) => {
                    self.keep(bytes.clone()).await;
                    return Ok(bytes);
                }
                Ok(_) => worst = worse(worst, DaError::Corrupt(blob.commitment)),
                Err(error) => worst = worse(worst, error),
            }
        }
        Err(worst)
    }
}

/// Of two reasons, the one that says more than that the bytes are not there.
fn worse(one: DaError, other: DaError) -> DaError {
    if matches!(one, DaError::NotFound(_)) {
        other
    } else {
        one
    }
}
