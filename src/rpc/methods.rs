//! How methods are registered: where each runs, how it is counted, how its answer is written.

use std::{sync::Arc, time::Instant};

use jsonrpsee::{
    RpcModule,
    core::{JsonRawValue, to_json_raw_value},
    types::{ErrorObjectOwned, Params},
};
use serde::Serialize;

use super::{
    arguments::Arguments,
    error::{Outcome, Refusal},
    node::Node,
};

type Written = Outcome<Box<JsonRawValue>>;

/// Collects methods into a module.
///
/// A method is a function of the node and its arguments, registered with the number of arguments
/// that it takes.
pub(super) struct Methods {
    module: RpcModule<Node>,
    node: Arc<Node>,
}

impl Methods {
    pub(super) fn new(node: Node) -> Self {
        let node = Arc::new(node);
        Self {
            module: RpcModule::from_arc(node.clone()),
            node,
        }
    }

    pub(super) fn into_module(self) -> RpcModule<()> {
        self.module.remove_context()
    }

    /// The module itself, for subscriptions.
    pub(super) fn module(&mut self) -> &mut RpcModule<Node> {
        &mut self.module
    }

    /// A method that neither waits nor reads from disk.
    pub(super) fn quick<R: Serialize>(
        &mut self,
        name: &'static str,
        arity: usize,
        method: impl Fn(&Node, &Arguments) -> Outcome<R> + Send + Sync + 'static,
    ) {
        let registered = self.module.register_method(name, move |params, node, _| {
            let started = Instant::now();
            let outcome =
                Arguments::read(&params, arity).and_then(|arguments| method(node, &arguments));
            finish(name, started, outcome.and_then(write))
        });
        expect_new(registered.map(drop));
    }

    /// A method that reads blocks or state.
    pub(super) fn read<R: Serialize>(
        &mut self,
        name: &'static str,
        arity: usize,
        method: impl Fn(&Node, &Arguments) -> Outcome<R> + Clone + Send + Sync + 'static,
    ) {
        self.asynchronous(name, arity, move |node, arguments| {
            let method = method.clone();
            async move { blocking(move || method(&node, &arguments).and_then(write)).await }
        });
    }

    /// A method that executes or searches: few run at once, so that blocks never wait for queries.
    pub(super) fn work<R: Serialize>(
        &mut self,
        name: &'static str,
        arity: usize,
        method: impl Fn(&Node, &Arguments) -> Outcome<R> + Clone + Send + Sync + 'static,
    ) {
        self.asynchronous(name, arity, move |node, arguments| {
            let method = method.clone();
            async move {
                let permit = node.worker().await?;
                blocking(move || {
                    let _permit = permit;
                    method(&node, &arguments).and_then(write)
                })
                .await
            }
        });
    }

    /// A method that waits for others.
    pub(super) fn waiting<R: Serialize, F: Future<Output = Outcome<R>> + Send>(
        &mut self,
        name: &'static str,
        arity: usize,
        method: impl Fn(Arc<Node>, Arguments) -> F + Clone + Send + Sync + 'static,
    ) {
        self.asynchronous(name, arity, move |node, arguments| {
            let method = method.clone();
            async move { write(method(node, arguments).await?) }
        });
    }

    fn asynchronous<F: Future<Output = Written> + Send>(
        &mut self,
        name: &'static str,
        arity: usize,
        method: impl Fn(Arc<Node>, Arguments) -> F + Clone + Send + Sync + 'static,
    ) {
        let node = self.node.clone();
        let registered =
            self.module
                .register_async_method(name, move |params: Params<'static>, _, _| {
                    let (method, node) = (method.clone(), node.clone());
                    async move {
                        let started = Instant::now();
                        let outcome = match Arguments::read(&params, arity) {
                            Ok(arguments) => method(node, arguments).await,
                            Err(refusal) => Err(refusal),
                        };
                        finish(name, started, outcome)
                    }
                });
        expect_new(registered.map(drop));
    }
}

/// Runs what blocks off the threads that serve connections.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(stopped) if stopped.is_cancelled() => Err(Refusal::internal("the node is stopping")),
        Err(stopped) => {
            tracing::error!(%stopped, "a request's work did not finish");
            Err(Refusal::internal(
                "the request's work did not finish; this is a bug, see the node's log",
            ))
        }
    }
}

pub(super) fn write<R: Serialize>(result: R) -> Written {
    to_json_raw_value(&result).map_err(|error| Refusal::internal(error.to_string()))
}

fn finish(
    name: &'static str,
    started: Instant,
    outcome: Written,
) -> Result<Box<JsonRawValue>, ErrorObjectOwned> {
    let code = outcome
        .as_ref()
        .map_or_else(|refusal| refusal.code().to_string(), |_| "ok".to_owned());
    metrics::counter!("plasma_rpc_requests_total", "method" => name, "outcome" => code)
        .increment(1);
    metrics::histogram!("plasma_rpc_seconds", "method" => name).record(started.elapsed());
    outcome.map_err(Into::into)
}

fn expect_new<E: std::fmt::Display>(registered: Result<(), E>) {
    if let Err(error) = registered {
        panic!("each method is registered once: {error}");
    }
}
