//! Subscriptions, over WebSocket.

use std::sync::Arc;

use alloy::rpc::types::Filter;
use jsonrpsee::{
    PendingSubscriptionSink,
    core::{JsonRawValue, to_json_raw_value},
    server::SubscriptionSink,
    types::ErrorObjectOwned,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::logs::{check, pick};
use crate::{
    ChainEvent, StoredBlock,
    rpc::{
        arguments::Arguments,
        error::{Outcome, Refusal},
        follow::{Follower, Move},
        methods::{Methods, blocking},
        node::Node,
        objects::{BlockObject, Transactions, hash_value, waiting},
    },
};

/// What one may subscribe to.
#[derive(Debug)]
enum Topic {
    Heads,
    Logs(Box<Filter>),
    Pending { full: bool },
    Syncing,
    Stages,
}

pub(super) fn register(methods: &mut Methods) {
    let module = methods.module();
    let registered = module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, node, _| async move {
            let topic = Arguments::read(&params, 2).and_then(|arguments| eth_topic(&arguments));
            serve(node, pending, topic).await;
        },
    );
    assert!(registered.is_ok(), "eth_subscribe is registered once");
    let registered = module.register_subscription(
        "plasma_subscribe",
        "plasma_subscription",
        "plasma_unsubscribe",
        |params, pending, node, _| async move {
            let topic = Arguments::read(&params, 1).and_then(|arguments| plasma_topic(&arguments));
            serve(node, pending, topic).await;
        },
    );
    assert!(registered.is_ok(), "plasma_subscribe is registered once");
}

fn eth_topic(arguments: &Arguments) -> Outcome<Topic> {
    let topic: String = arguments.required(0, "topic")?;
    match topic.as_str() {
        "newHeads" => Ok(Topic::Heads),
        "logs" => {
            let filter: Filter = arguments.optional(1, "filter")?.unwrap_or_default();
            check(&filter)?;
            Ok(Topic::Logs(Box::new(filter)))
        }
        "newPendingTransactions" => {
            let full = arguments.optional(1, "full transactions")?.unwrap_or(false);
            Ok(Topic::Pending { full })
        }
        "syncing" => Ok(Topic::Syncing),
        other => Err(Refusal::invalid(format!(
            "no \"{other}\" subscription; there are newHeads, logs, newPendingTransactions and syncing"
        ))),
    }
}

fn plasma_topic(arguments: &Arguments) -> Outcome<Topic> {
    let topic: String = arguments.required(0, "topic")?;
    match topic.as_str() {
        "stages" => Ok(Topic::Stages),
        other => Err(Refusal::invalid(format!(
            "no \"{other}\" subscription; there is stages"
        ))),
    }
}

async fn serve(node: Arc<Node>, pending: PendingSubscriptionSink, topic: Outcome<Topic>) {
    let topic = match topic {
        Ok(topic) => topic,
        Err(refusal) => return pending.reject(ErrorObjectOwned::from(refusal)).await,
    };
    // Before it is accepted, so that nothing after the acceptance is missed.
    let follower = Follower::from_head(&node.context.chain);
    let Ok(sink) = pending.accept().await else {
        return;
    };
    let ended = match topic {
        Topic::Heads => follow(node, &sink, follower, heads).await,
        Topic::Logs(filter) => {
            let filter = Arc::new(filter);
            follow(node, &sink, follower, move |node, change| {
                logs(node, &filter, change)
            })
            .await
        }
        Topic::Pending { full } => transactions(node, &sink, full).await,
        Topic::Syncing => {
            // Whole from the first moment on: it is said once, and never changes.
            let sent = send(&sink, &Value::Bool(false)).await;
            sink.closed().await;
            sent
        }
        Topic::Stages => stages(node, &sink).await,
    };
    if let Err(Stopped::Failed(reason)) = ended {
        tracing::warn!(%reason, "a subscription ended");
    }
}

/// Why a subscription ended.
enum Stopped {
    /// The subscriber, or the node, is gone.
    Gone,
    /// The chain could not be read.
    Failed(String),
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(ErrorObjectOwned::from(refusal).message().to_owned())
    }
}

async fn send(sink: &SubscriptionSink, message: &impl Serialize) -> Result<(), Stopped> {
    send_raw(
        sink,
        to_json_raw_value(message).map_err(|error| Stopped::Failed(error.to_string()))?,
    )
    .await
}

async fn send_raw(sink: &SubscriptionSink, message: Box<JsonRawValue>) -> Result<(), Stopped> {
    sink.send(message).await.map_err(|_| Stopped::Gone)
}

/// Sends what `say` makes of each move of the chain, at the subscriber's pace.
async fn follow(
    node: Arc<Node>,
    sink: &SubscriptionSink,
    mut follower: Follower,
    say: impl Fn(&Node, &Move) -> Outcome<Vec<Box<JsonRawValue>>> + Clone + Send + 'static,
) -> Result<(), Stopped> {
    let mut events = node.context.chain.subscribe();
    loop {
        loop {
            let (reader, speaker) = (node.clone(), say.clone());
            let step = blocking(move || {
                let change = follower.step(&reader.context.chain)?;
                let said = change.map(|change| speaker(&reader, &change)).transpose()?;
                Ok((follower, said))
            });
            let (followed, said) = step.await?;
            follower = followed;
            let Some(messages) = said else { break };
            for message in messages {
                send_raw(sink, message).await?;
            }
        }
        tokio::select! {
            event = events.recv() => match event {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(Stopped::Gone),
            },
            () = sink.closed() => return Err(Stopped::Gone),
        }
    }
}

fn raw(value: &impl Serialize) -> Outcome<Box<JsonRawValue>> {
    to_json_raw_value(value).map_err(|error| Refusal::internal(error.to_string()))
}

fn heads(node: &Node, change: &Move) -> Outcome<Vec<Box<JsonRawValue>>> {
    let show = |block: &StoredBlock| {
        raw(&BlockObject::new(
            &node.context.chain,
            &node.blooms,
            block,
            Transactions::None,
        ))
    };
    match change {
        Move::Added(block) => Ok(vec![show(block)?]),
        // The heads that take its place follow.
        Move::Undone(_) => Ok(Vec::new()),
    }
}

fn logs(node: &Node, filter: &Filter, change: &Move) -> Outcome<Vec<Box<JsonRawValue>>> {
    let (block, removed) = match change {
        Move::Added(block) => (block, false),
        Move::Undone(block) => (block, true),
    };
    let picked = pick(node, filter, block).into_iter().map(|mut log| {
        log.removed = removed;
        raw(&log)
    });
    picked.collect()
}

async fn transactions(node: Arc<Node>, sink: &SubscriptionSink, full: bool) -> Result<(), Stopped> {
    let mut submitted = node.submitted.subscribe();
    loop {
        let news = tokio::select! {
            news = submitted.recv() => news,
            () = sink.closed() => return Err(Stopped::Gone),
        };
        match news {
            Ok((hash, _)) if !full => send(sink, &hash_value(hash)).await?,
            Ok((_, bytes)) => {
                let chain = &node.context.chain;
                let context = chain.next_context(&chain.head(), node.context.env.now());
                send(sink, &waiting(&**chain.execution(), &context, &bytes)).await?;
            }
            // Who is too slow for them misses some, as from any mempool.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(Stopped::Gone),
        }
    }
}

async fn stages(node: Arc<Node>, sink: &SubscriptionSink) -> Result<(), Stopped> {
    let mut events = node.context.chain.subscribe();
    let mut last = node.context.chain.stages();
    send(sink, &json!(last)).await?;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = sink.closed() => return Err(Stopped::Gone),
        };
        match event {
            Ok(ChainEvent::Stages(_)) | Err(RecvError::Lagged(_)) => {}
            Ok(_) => continue,
            Err(RecvError::Closed) => return Err(Stopped::Gone),
        }
        // As it is now: what lies between two reads, nobody needs.
        let now = node.context.chain.stages();
        if now != last {
            last = now;
            send(sink, &json!(last)).await?;
        }
    }
}
