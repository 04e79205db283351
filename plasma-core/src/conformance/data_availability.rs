//! What every implementation of [`DataAvailability`] keeps to.
//!
//! ```
//! # use plasma_core::DataAvailability;
//! async fn my_layer_conforms(layer: &dyn DataAvailability) {
//!     plasma_core::conformance::data_availability::check(layer).await;
//! }
//! ```

use alloc::vec::Vec;

use crate::{
    B256, BlobRef, Bytes, CHUNK_BYTES, CommitmentScheme, DaCommitment, DaError, DataAvailability,
    Severe, Severity,
};

/// The largest blob that the suite publishes, whatever the layer allows.
const LARGEST: usize = 16 * 1024 * 1024;

/// Checks a layer that bytes can be published to. Panics with what is wrong.
pub async fn check(layer: &dyn DataAvailability) {
    check_properties(layer).await;
    check_pair(layer, layer).await;
    check_repetition(layer).await;
    check_limit(layer).await;
}

/// Checks that `reader` gives truly what is published through `publisher`, and nothing else.
pub async fn check_pair(publisher: &dyn DataAvailability, reader: &dyn DataAvailability) {
    let most = publisher.properties().max_blob_bytes.min(LARGEST as u64) as usize;
    for length in [
        1,
        31,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        5 * CHUNK_BYTES + 7,
        most,
    ] {
        let bytes = content(length, 1);
        let blob = publisher
            .publish(bytes.clone())
            .await
            .unwrap_or_else(|error| {
                panic!("{length} bytes, which the layer's properties allow, are refused: {error}")
            });
        assert_eq!(
            blob.commitment.length, length as u64,
            "the commitment says how many bytes there are"
        );
        assert_eq!(
            blob.commitment.scheme,
            publisher.properties().scheme,
            "commitments are of the layer's scheme"
        );
        if blob.commitment.scheme == CommitmentScheme::ChunkTree {
            assert_eq!(
                blob.commitment,
                DaCommitment::chunk_tree(&bytes),
                "the commitment binds the bytes"
            );
        }
        let got = reader.fetch(&blob).await;
        assert_eq!(
            got.as_ref(),
            Ok(&bytes),
            "what was published is there, {length} bytes"
        );
        check_forgeries(reader, &blob).await;
    }
}

/// Nothing is given for a commitment that binds nothing which was published.
async fn check_forgeries(layer: &dyn DataAvailability, blob: &BlobRef) {
    let true_one = blob.commitment;
    let mut root = true_one.root;
    root.0[31] ^= 1;
    for commitment in [
        DaCommitment { root, ..true_one },
        DaCommitment {
            root: B256::ZERO,
            ..true_one
        },
        DaCommitment {
            length: true_one.length + 1,
            ..true_one
        },
        DaCommitment {
            length: true_one.length - 1,
            ..true_one
        },
        DaCommitment {
            length: u64::MAX,
            ..true_one
        },
    ] {
        let forged = BlobRef {
            commitment,
            location: blob.location.clone(),
        };
        let error = layer
            .fetch(&forged)
            .await
            .expect_err("a commitment that binds nothing here has no bytes");
        assert!(
            matches!(
                error,
                DaError::NotFound(_) | DaError::Corrupt(_) | DaError::TooLarge { .. }
            ),
            "a commitment that binds nothing here is not found, instead of: {error}"
        );
    }
    for scheme in [CommitmentScheme::ChunkTree, CommitmentScheme::Blobs] {
        if scheme != layer.properties().scheme {
            let forged = BlobRef {
                commitment: DaCommitment { scheme, ..true_one },
                location: blob.location.clone(),
            };
            let error = layer
                .fetch(&forged)
                .await
                .expect_err("another scheme is not opened");
            assert!(
                matches!(error, DaError::Scheme { .. }),
                "another scheme is named, instead of: {error}"
            );
            assert_eq!(error.severity(), Severity::Fatal);
        }
    }
}

async fn check_properties(layer: &dyn DataAvailability) {
    let properties = layer.properties();
    assert!(!properties.name.is_empty(), "the layer has a name");
    assert!(
        properties.max_blob_bytes >= CHUNK_BYTES as u64,
        "a blob holds a chunk at least"
    );
    assert_eq!(
        layer.properties(),
        properties,
        "the properties stay as they are"
    );
    for bytes in [0, 1, properties.max_blob_bytes] {
        let quote = layer
            .quote(bytes)
            .await
            .unwrap_or_else(|error| panic!("no quote for {bytes} bytes: {error}"));
        assert!(!quote.valid_for.is_zero(), "a quote holds for a time");
    }
}

/// The same bytes again, also at the same time, are the same blob; other bytes are another one.
async fn check_repetition(layer: &dyn DataAvailability) {
    let (bytes, others) = (content(10_000, 2), content(10_000, 3));
    let first = layer.publish(bytes.clone()).await.expect("published");
    let again = layer.publish(bytes.clone()).await.expect("published again");
    assert_eq!(first, again, "publishing is idempotent");
    let fresh = content(20_000, 4);
    let all = [
        layer.publish(fresh.clone()),
        layer.publish(others.clone()),
        layer.publish(fresh.clone()),
    ];
    let all = futures::future::join_all(all).await;
    let [one, other, same] = all.as_slice() else {
        unreachable!("three were published")
    };
    assert_eq!(one, same, "two who publish the same at once get the same");
    let other = other.as_ref().expect("published at the same time");
    assert_ne!(other.commitment, first.commitment);
    for (blob, bytes) in [
        (&first, &bytes),
        (other, &others),
        (one.as_ref().expect("published at once"), &fresh),
    ] {
        assert_eq!(
            layer.fetch(blob).await.as_ref(),
            Ok(bytes),
            "what was published stays"
        );
    }
}

async fn check_limit(layer: &dyn DataAvailability) {
    let limit = layer.properties().max_blob_bytes;
    let quote = layer.quote(limit.saturating_add(1)).await;
    assert!(
        limit == u64::MAX || matches!(quote, Err(DaError::TooLarge { .. })),
        "no price for more than a blob holds, instead of: {quote:?}"
    );
    if limit > LARGEST as u64 {
        return;
    }
    let bytes = content(limit as usize + 1, 5);
    let error = layer
        .publish(bytes.clone())
        .await
        .expect_err("a blob over the limit is refused");
    assert_eq!(
        error,
        DaError::TooLarge {
            length: limit + 1,
            limit
        }
    );
    if layer.properties().scheme == CommitmentScheme::ChunkTree {
        let blob = DaCommitment::chunk_tree(&bytes).into();
        assert!(
            layer.fetch(&blob).await.is_err(),
            "what was refused is not there"
        );
    }
}

/// Bytes that differ from chunk to chunk and from seed to seed.
fn content(length: usize, seed: u8) -> Bytes {
    let bytes: Vec<u8> = (0..length)
        .map(|n| (n % 251) as u8 ^ (n / CHUNK_BYTES) as u8 ^ seed)
        .collect();
    bytes.into()
}
