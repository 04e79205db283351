//! Nodes under load.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use plasma_core::{Bytes, Height, Sequencer, SubmitError, TokioEnv};
use plasma_exec::ModuleRuntime;
use plasma_sdk::{ChainBuilder, ChainEvent, RunningChain, Solo, StoredBlock, devnet::DevAccount};
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    Failure,
    figure::cores,
    workload::{BASE_FEE, CHAIN, Crowd, FUNDS},
};

/// How long nothing may happen before a measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A chain of modules that makes a block as soon as there is something to include, on which the crowd
/// has funds.
pub(crate) fn builder(crowd: &Crowd) -> ChainBuilder {
    ChainBuilder::new(CHAIN)
        .execution(ModuleRuntime::new())
        .genesis(&genesis(crowd))
        .sequencer(Solo::new(DevAccount::sequencer(0).signer()).block_time(Duration::ZERO))
}

/// A genesis of modules, in which the crowd has funds.
pub(crate) fn genesis(crowd: &Crowd) -> Value {
    let funds = Value::from(FUNDS.to_string());
    let balances: serde_json::Map<String, Value> = crowd
        .addresses()
        .map(|address| (address.to_string(), funds.clone()))
        .collect();
    let floor = json!({ "fees": { "floor": BASE_FEE.to_string() } });
    json!({ "balances": balances, "baseFee": BASE_FEE.to_string(), "modules": floor })
}

/// Such a chain with everything on disk, and no root.
pub(crate) async fn durable(crowd: &Crowd, directory: &Path) -> Result<RunningChain, Failure> {
    Ok(builder(crowd)
        .sovereign()
        .data(directory)
        .launch(Arc::new(TokioEnv))
        .await?)
}

/// Submits everything in batches, from as many tasks as there are cores, and waits until the last receipt shows.
pub(crate) async fn load(
    node: &RunningChain,
    transactions: &[Bytes],
    batch: usize,
) -> Result<Duration, Failure> {
    submit(node, transactions, |sequencer, chunk| async move {
        for batch in chunk.chunks(batch) {
            for answer in sequencer.submit_all(batch.to_vec()).await {
                answer?;
            }
            // Users' requests are tasks of their own: nobody keeps a thread to himself.
            tokio::task::yield_now().await;
        }
        Ok(())
    })
    .await
}

/// Submits everything one by one, as [`load`] does otherwise, and gets a promise for each.
pub(crate) async fn load_promised(
    node: &RunningChain,
    transactions: &[Bytes],
) -> Result<Duration, Failure> {
    submit(node, transactions, |sequencer, chunk| async move {
        for bytes in chunk {
            sequencer.submit(bytes).await?;
            // Users' requests are tasks of their own: nobody keeps a thread to himself.
            tokio::task::yield_now().await;
        }
        Ok(())
    })
    .await
}

/// Lets as many tasks submit as there are cores, each its share, and waits until the last receipt shows.
async fn submit<F: Future<Output = Result<(), SubmitError>> + Send + 'static>(
    node: &RunningChain,
    transactions: &[Bytes],
    work: impl Fn(Arc<dyn Sequencer>, Vec<Bytes>) -> F,
) -> Result<Duration, Failure> {
    let sequencer = node.sequencer().ok_or("the node has no sequencer")?;
    let mut arrivals = Arrivals::of(node);
    let started = Instant::now();
    let share = transactions.len().div_ceil(cores()).max(1);
    let submitters: Vec<_> = transactions
        .chunks(share)
        .map(|chunk| tokio::spawn(work(sequencer.clone(), chunk.to_vec())))
        .collect();
    let mut included = 0;
    while included < transactions.len() {
        included += arrivals.next().await?.block.transactions.len();
    }
    let elapsed = started.elapsed();
    for submitter in submitters {
        submitter.await??;
    }
    Ok(elapsed)
}

/// The blocks of a node as their receipts come to show, each checked: a transfer that failed is none.
pub(crate) struct Arrivals {
    node: Arc<plasma_sdk::Chain>,
    events: Receiver<ChainEvent>,
    next: Height,
}

impl Arrivals {
    pub(crate) fn of(node: &RunningChain) -> Self {
        let node = node.chain().clone();
        let events = node.subscribe();
        let next = node.head().height().next();
        Self { node, events, next }
    }

    pub(crate) async fn next(&mut self) -> Result<Arc<StoredBlock>, Failure> {
        // The stage moves once all of a block can be found.
        while self.node.stages().sequenced < self.next {
            match tokio::time::timeout(PATIENCE, self.events.recv()).await {
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) => return Err("the node stopped".into()),
                Err(_) => return Err(format!("no block {} within {PATIENCE:?}", self.next).into()),
            }
        }
        let block = self.node.block(self.next)?;
        self.next = self.next.next();
        match block.receipts.iter().find(|receipt| !receipt.succeeded()) {
            None => Ok(block),
            Some(receipt) => Err(format!(
                "a step of block {} failed: {}",
                block.height(),
                receipt.reason
            )
            .into()),
        }
    }
}
