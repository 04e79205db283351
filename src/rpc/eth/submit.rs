//! Taking transactions.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::U64;
use futures::future::{Either, select};
use jsonrpsee::core::client::{ClientT, Error as ClientError};
use plasma_core::{B256, Bytes, MAX_TRANSACTION_BYTES, Promise, Rejection, SubmitError};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::transactions::receipt;
use crate::rpc::{
    error::{Outcome, Refusal},
    methods::{Methods, blocking},
    node::Node,
    objects::ReceiptObject,
};

/// Hashes remembered for those who poll.
const REMEMBERED: usize = 4_096;
/// The most transactions in one request.
const MOST_AT_ONCE: usize = 1_024;

pub(super) fn register(methods: &mut Methods) {
    methods.waiting("eth_sendRawTransaction", 1, |node, arguments| async move {
        enter(&node, arguments.required(0, "transaction")?).await
    });
    methods.waiting(
        "eth_sendRawTransactionSync",
        2,
        |node, arguments| async move {
            let timeout: Option<Timeout> = arguments.optional(1, "timeout")?;
            send_and_wait(&node, arguments.required(0, "transaction")?, timeout).await
        },
    );
    methods.waiting("plasma_submit", 1, |node, arguments| async move {
        send(&node, arguments.required(0, "transaction")?).await
    });
    methods.waiting("plasma_submitAll", 1, |node, arguments| async move {
        enter_all(&node, arguments.required(0, "transactions")?).await
    });
}

/// Transactions taken by this node, newest last, for subscriptions and filters.
#[derive(Debug)]
pub(in crate::rpc) struct Submitted {
    news: broadcast::Sender<(B256, Bytes)>,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    hashes: VecDeque<B256>,
    /// How many there were in all.
    count: u64,
}

impl Default for Submitted {
    fn default() -> Self {
        Self {
            news: broadcast::channel(REMEMBERED).0,
            recent: Mutex::default(),
        }
    }
}

impl Submitted {
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, hash: B256, bytes: Bytes) {
        let mut recent = self.recent();
        recent.hashes.push_back(hash);
        recent.count += 1;
        if recent.hashes.len() > REMEMBERED {
            recent.hashes.pop_front();
        }
        let _ = self.news.send((hash, bytes));
    }

    /// Each from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<(B256, Bytes)> {
        self.news.subscribe()
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.recent().count
    }

    /// Those after the first `count`, as far as they are remembered, and how many there are now.
    pub(super) fn since(&self, count: u64) -> (Vec<B256>, u64) {
        let recent = self.recent();
        let new = usize::try_from(recent.count.saturating_sub(count)).unwrap_or(usize::MAX);
        let skip = recent.hashes.len().saturating_sub(new);
        (
            recent.hashes.iter().skip(skip).copied().collect(),
            recent.count,
        )
    }
}

/// What became of one of many transactions.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Entered {
    /// It waits, under this name.
    Hash(B256),
    /// It was not taken, and why.
    Error(String),
}

/// Gives a transaction to the sequencer, as [`send`] does, for who asks for no promise.
async fn enter(node: &Arc<Node>, bytes: Bytes) -> Outcome<B256> {
    let Some(sequencer) = &node.context.sequencer else {
        return Ok(send(node, bytes).await?.transaction);
    };
    let hash = match sequencer.submit_all(vec![bytes.clone()]).await.pop() {
        Some(answer) => answer?,
        None => return Err(Refusal::internal("the sequencer did not answer")),
    };
    node.submitted.push(hash, bytes);
    Ok(hash)
}

/// Gives many at once, for what they have in common to be done once.
async fn enter_all(node: &Arc<Node>, all: Vec<Bytes>) -> Outcome<Vec<Entered>> {
    if all.len() > MOST_AT_ONCE {
        let count = all.len();
        return Err(Refusal::limit(format!(
            "{count} transactions are over the limit of {MOST_AT_ONCE} at once; send fewer"
        )));
    }
    let Some(sequencer) = &node.context.sequencer else {
        let forwarded: Result<Vec<Entered>, _> =
            node.upstream()?.request("plasma_submitAll", [&all]).await;
        return match forwarded {
            Ok(entered) => {
                for (entered, bytes) in entered.iter().zip(all) {
                    if let Entered::Hash(hash) = entered {
                        node.submitted.push(*hash, bytes);
                    }
                }
                Ok(entered)
            }
            Err(ClientError::Call(refusal)) => Err(refusal.into()),
            Err(error) => Err(away(&error)),
        };
    };
    let answers = sequencer.submit_all(all.clone()).await;
    let entered = answers
        .into_iter()
        .zip(all)
        .map(|(answer, bytes)| match answer {
            Ok(hash) => {
                node.submitted.push(hash, bytes);
                Entered::Hash(hash)
            }
            Err(error) => Entered::Error(error.to_string()),
        });
    Ok(entered.collect())
}

fn away(error: &ClientError) -> Refusal {
    Refusal::refused(format!(
        "the node to which transactions are forwarded is away: {error}; send it again"
    ))
}

/// Gives a transaction to the sequencer, or to the node that has one, and brings its promise.
pub(in crate::rpc) async fn send(node: &Arc<Node>, bytes: Bytes) -> Outcome<Promise> {
    if bytes.len() > MAX_TRANSACTION_BYTES {
        let length = bytes.len();
        return Err(SubmitError::from(Rejection::TooLarge {
            length,
            limit: MAX_TRANSACTION_BYTES,
        })
        .into());
    }
    let promise = match &node.context.sequencer {
        Some(sequencer) => sequencer.submit(bytes.clone()).await?,
        None => match node
            .upstream()?
            .request("plasma_submit", [bytes.clone()])
            .await
        {
            Ok(promise) => promise,
            Err(ClientError::Call(refusal)) => return Err(refusal.into()),
            Err(error) => return Err(away(&error)),
        },
    };
    node.submitted.push(promise.transaction, bytes);
    Ok(promise)
}

/// Milliseconds, as a number or in hex.
#[derive(Deserialize)]
#[serde(untagged)]
enum Timeout {
    Plain(u64),
    Hex(U64),
}

/// EIP-7966: sends, and answers with the receipt.
async fn send_and_wait(
    node: &Arc<Node>,
    bytes: Bytes,
    timeout: Option<Timeout>,
) -> Outcome<ReceiptObject> {
    let limits = &node.context.limits;
    let asked = match timeout {
        None => limits.sync_timeout,
        Some(Timeout::Plain(ms)) => Duration::from_millis(ms),
        Some(Timeout::Hex(ms)) => Duration::from_millis(ms.to()),
    };
    // The standard has what is out of bounds replaced, not refused.
    let timeout = if asked.is_zero() {
        limits.sync_timeout
    } else {
        asked.min(limits.sync_timeout_max)
    };
    let hash = plasma_core::transaction_hash(&bytes);
    // Before it is sent, so that its block cannot be missed.
    let mut events = node.context.chain.subscribe();
    let sent = enter(node, bytes).await;
    if let Err(refusal) = sent {
        // Asked again for what is here already, it answers as it would have.
        if node.locate(hash)?.is_none() && node.pending(&hash).is_none() {
            return Err(refusal);
        }
    }
    let mut over = node.context.env.sleep(timeout);
    loop {
        let reader = node.clone();
        if let Some(receipt) = blocking(move || receipt(&reader, hash)).await? {
            return Ok(receipt);
        }
        let event = std::pin::pin!(events.recv());
        match select(event, over).await {
            Either::Left((Err(broadcast::error::RecvError::Closed), _)) => {
                return Err(Refusal::internal("the node is stopping"));
            }
            Either::Left((_, still)) => over = still,
            Either::Right(_) => {
                let waited = timeout.as_millis();
                let message = format!(
                    "The transaction was added to the mempool but wasn't processed in {waited}ms; \
                     ask for its receipt later"
                );
                return Err(Refusal::timeout(message, hash));
            }
        }
    }
}
