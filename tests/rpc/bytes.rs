//! Bytes of the availability layer.

use plasma_core::{Bytes, DaCommitment, DataAvailability};
use serde_json::json;

use crate::harness::{Options, start};

/// Holds one blob.
struct OneBlob(Bytes);

#[async_trait::async_trait]
impl DataAvailability for OneBlob {
    fn properties(&self) -> plasma_core::DaProperties {
        plasma_core::DaProperties {
            name: "one".to_owned(),
            scheme: plasma_core::CommitmentScheme::ChunkTree,
            max_blob_bytes: 9,
            latency: std::time::Duration::ZERO,
            retention: plasma_core::Retention::Forever,
            trust: plasma_core::Trust::Operator,
        }
    }

    async fn quote(&self, _: u64) -> Result<plasma_core::Quote, plasma_core::DaError> {
        Ok(plasma_core::Quote {
            wei: 0,
            valid_for: std::time::Duration::ZERO,
        })
    }

    async fn publish(&self, bytes: Bytes) -> Result<plasma_core::BlobRef, plasma_core::DaError> {
        Ok(DaCommitment::chunk_tree(&bytes).into())
    }

    async fn fetch(&self, blob: &plasma_core::BlobRef) -> Result<Bytes, plasma_core::DaError> {
        let found = blob.commitment == DaCommitment::chunk_tree(&self.0);
        if found {
            Ok(self.0.clone())
        } else {
            Err(plasma_core::DaError::NotFound(blob.commitment))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_served_by_commitment() {
    let bytes = Bytes::from_static(b"a batch");
    let da = std::sync::Arc::new(OneBlob(bytes.clone()));
    let harness = start(Options {
        da: Some(da),
        ..Options::evm()
    });
    let commitment = DaCommitment::chunk_tree(&bytes);
    assert_eq!(
        harness.call("da_fetch", json!([commitment])).await,
        json!(bytes)
    );
    assert_eq!(
        harness
            .call("da_fetch", json!([plasma_core::BlobRef::from(commitment)]))
            .await,
        json!(bytes)
    );
    assert_eq!(
        harness.call("da_properties", json!([])).await["maxBlobBytes"],
        9
    );
    assert_eq!(
        harness
            .refusal("da_fetch", json!([DaCommitment::chunk_tree(b"other")]))
            .await
            .0,
        -32_001
    );
    let huge = DaCommitment {
        length: u64::MAX,
        ..commitment
    };
    assert_eq!(harness.refusal("da_fetch", json!([huge])).await.0, -32_005);
    assert_eq!(
        harness.refusal("da_fetch", json!(["0x12"])).await.0,
        -32_602
    );
}
