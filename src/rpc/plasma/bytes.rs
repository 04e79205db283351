//! Bytes of the availability layer, for verifiers that have no copy of their own.

use std::sync::Arc;

use plasma_core::{BlobRef, Bytes, DaCommitment, DataAvailability};
use serde::Deserialize;

use crate::rpc::{
    error::{Outcome, Refusal},
    methods::Methods,
    node::Node,
};

/// A blob, or its commitment where that suffices to find it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Blob(BlobRef),
    Commitment(DaCommitment),
}

pub(super) fn register(methods: &mut Methods) {
    methods.quick("da_properties", 0, |node, _| Ok(layer(node)?.properties()));
    methods.waiting("da_fetch", 1, |node, arguments| async move {
        let blob = match arguments.required(0, "commitment")? {
            Wanted::Blob(blob) => blob,
            Wanted::Commitment(commitment) => BlobRef::from(commitment),
        };
        // Two characters for each byte, and the answer around them.
        let limit = u64::from(node.context.limits.response_bytes / 2).saturating_sub(1_024);
        if blob.commitment.length > limit {
            let length = blob.commitment.length;
            return Err(Refusal::limit(format!(
                "a blob of {length} bytes is over the limit of {limit} for one answer"
            )));
        }
        fetch(&node, blob).await
    });
}

fn layer(node: &Node) -> Outcome<&Arc<dyn DataAvailability>> {
    let missing = || {
        Refusal::unsupported("this node serves no bytes; ask one that keeps the chain's batches")
    };
    node.context.da.as_ref().ok_or_else(missing)
}

async fn fetch(node: &Node, blob: BlobRef) -> Outcome<Bytes> {
    // What the root carries is there for everyone; a verifier may ask here all the same.
    if let Some(bytes) = node.context.chain.inbox().carried(&blob.commitment)? {
        return Ok(bytes);
    }
    Ok(layer(node)?.fetch(&blob).await?)
}
