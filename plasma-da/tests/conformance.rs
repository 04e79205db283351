//! Every implementation passes the port's suite.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use plasma_core::{
    BlobRef, Bytes, DaCommitment, DaError, DataAvailability, Retention, Severe as _, Severity,
    conformance::data_availability::{check, check_pair},
};
use plasma_da::{BlobSource, EmbeddedDa, FallbackDa, RemoteDa};

/// A node that has blobs, and what it makes of them.
#[derive(Clone)]
struct Node {
    da: EmbeddedDa,
    manner: Manner,
}

#[derive(Clone, Copy)]
enum Manner {
    Honest,
    Liar,
    Away,
}

#[async_trait]
impl BlobSource for Node {
    fn name(&self) -> String {
        "a node".to_owned()
    }

    async fn blob(&self, commitment: &DaCommitment) -> Result<Bytes, DaError> {
        match self.manner {
            Manner::Honest => self.da.fetch(&BlobRef::from(*commitment)).await,
            Manner::Liar => Ok(vec![0; commitment.length.min(1_000) as usize].into()),
            Manner::Away => Err(DaError::Unavailable("connection refused".to_owned())),
        }
    }
}

fn remote(da: &EmbeddedDa, manner: Manner) -> Arc<RemoteDa<Arc<dyn BlobSource>>> {
    let da = da.clone();
    Arc::new(RemoteDa::new(Arc::new(Node { da, manner })))
}

#[tokio::test]
async fn memory_conforms() {
    check(&EmbeddedDa::in_memory()).await;
    check(&EmbeddedDa::in_memory().with_max_blob_bytes(100_000)).await;
}

#[tokio::test]
async fn a_directory_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    check(&EmbeddedDa::open(folder.path()).expect("opened")).await;
    let again = EmbeddedDa::open(folder.path()).expect("opened again");
    check(&again.with_retention(Retention::AtLeast(Duration::from_mins(1)))).await;
}

#[tokio::test]
async fn a_remote_conforms_and_takes_nothing() {
    let da = EmbeddedDa::in_memory();
    let remote = remote(&da, Manner::Honest);
    check_pair(&da, &*remote).await;
    let error = remote
        .publish(Bytes::from_static(b"bytes"))
        .await
        .expect_err("read-only");
    assert_eq!(
        (error.severity(), error),
        (Severity::Fatal, DaError::ReadOnly("a node".to_owned()))
    );
}

#[tokio::test]
async fn a_fallback_conforms_whoever_comes_first() {
    let (da, own) = (EmbeddedDa::in_memory(), EmbeddedDa::in_memory());
    check(&FallbackDa::new(Arc::new(own.clone())).or(remote(&da, Manner::Liar))).await;
    let hard = FallbackDa::new(remote(&da, Manner::Liar))
        .or(Arc::new(own))
        .or(remote(&da, Manner::Honest));
    check_pair(&da, &hard).await;
}

#[tokio::test]
async fn who_is_away_is_passed_over_and_waited_for() {
    let da = EmbeddedDa::in_memory();
    let blob = da
        .publish(Bytes::from_static(b"somewhere"))
        .await
        .expect("published");
    let away = FallbackDa::new(remote(&da, Manner::Away)).or(Arc::new(EmbeddedDa::in_memory()));
    let error = away
        .fetch(&blob)
        .await
        .expect_err("the one who has it is away");
    assert!(
        matches!(error, DaError::Unavailable(_)) && error.severity() == Severity::Transient,
        "{error}"
    );
    let passed_over = away.or(remote(&da, Manner::Honest));
    assert_eq!(
        passed_over.fetch(&blob).await,
        Ok(Bytes::from_static(b"somewhere"))
    );
}

#[tokio::test]
async fn a_liar_is_caught() {
    let da = EmbeddedDa::in_memory();
    let blob = da
        .publish(Bytes::from_static(b"the truth"))
        .await
        .expect("published");
    let error = remote(&da, Manner::Liar).fetch(&blob).await;
    assert_eq!(error, Err(DaError::Corrupt(blob.commitment)));
    let all = FallbackDa::new(Arc::new(EmbeddedDa::in_memory())).or(remote(&da, Manner::Liar));
    assert_eq!(
        all.fetch(&blob).await,
        Err(DaError::Corrupt(blob.commitment))
    );
}

#[tokio::test]
async fn what_was_fetched_is_kept() {
    let (da, own) = (EmbeddedDa::in_memory(), EmbeddedDa::in_memory());
    let blob = da
        .publish(Bytes::from_static(b"once is enough"))
        .await
        .expect("published");
    let fallback = FallbackDa::new(Arc::new(own.clone())).or(remote(&da, Manner::Honest));
    assert_eq!(
        own.fetch(&blob).await,
        Err(DaError::NotFound(blob.commitment))
    );
    let bytes = fallback.fetch(&blob).await.expect("fetched");
    assert_eq!(own.fetch(&blob).await, Ok(bytes));
}
