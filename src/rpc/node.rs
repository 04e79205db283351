//! What all methods share.

use std::sync::{Arc, Mutex};

use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    RpcContext,
    error::{Outcome, Refusal},
    eth::{Filters, Submitted},
    objects::Blooms,
    plasma::OutboxTree,
};

/// The context, and what the methods remember.
pub(super) struct Node {
    pub(super) context: RpcContext,
    pub(super) blooms: Blooms,
    pub(super) filters: Filters,
    pub(super) submitted: Submitted,
    pub(super) outbox: Mutex<OutboxTree>,
    workers: Arc<Semaphore>,
    upstream: Option<Result<HttpClient, String>>,
}

impl Node {
    pub(super) fn new(context: RpcContext) -> Self {
        let limits = &context.limits;
        let upstream = context.forward.as_ref().map(|url| {
            HttpClientBuilder::default()
                .max_request_size(limits.request_bytes)
                .max_response_size(limits.response_bytes)
                .build(url)
                .map_err(|error| format!("transactions cannot be forwarded to {url}: {error}"))
        });
        Self {
            blooms: Blooms::default(),
            filters: Filters::new(limits.filters),
            submitted: Submitted::default(),
            outbox: Mutex::default(),
            workers: Arc::new(Semaphore::new(limits.workers.max(1))),
            upstream,
            context,
        }
    }

    /// Waits until another piece of heavy work may run.
    pub(super) async fn worker(&self) -> Outcome<OwnedSemaphorePermit> {
        let permit = self.workers.clone().acquire_owned().await;
        permit.map_err(|_| Refusal::internal("the node is stopping"))
    }

    /// The node to which transactions go when there is no sequencer here.
    pub(super) fn upstream(&self) -> Outcome<&HttpClient> {
        match &self.upstream {
            Some(Ok(client)) => Ok(client),
            Some(Err(reason)) => Err(Refusal::refused(reason.clone())),
            None => Err(Refusal::refused(
                "this node has no sequencer and no node to forward transactions to; send them to the chain's \
                 sequencer, or configure its RPC as the one to forward to",
            )),
        }
    }
}
