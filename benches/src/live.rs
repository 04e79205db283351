//! Blocks a second, and how soon a transfer has its receipt.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use plasma_core::{B256, Bytes, transaction_hash};
use plasma_sdk::{
    RunningChain,
    bench::{Times, rate},
};
use tokio::runtime::Runtime;

use crate::{
    Failure, Figure, Options,
    node::{Arrivals, durable, now},
    suite::directory,
    workload::{BASE_FEE, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &[
    "blocks.per_s",
    "submit_to_sequenced.p50_ms",
    "submit_to_sequenced.p99_ms",
    "submit_to_sequenced.loaded_p50_ms",
    "submit_to_sequenced.loaded_p99_ms",
];

const ON: [&str; 4] = [
    "signatures checked",
    "certificate per block",
    "Merkle root per block",
    "journal synced per block",
];
const PEOPLE: usize = 1_000;
/// Transfers a second while the loaded figure is taken, one each millisecond.
const LOAD: usize = 1_000;

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let (blocks, single, loaded) = (
        options.size(2_000, 500),
        options.size(1_000, 300),
        options.size(5_000, 1_500),
    );
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let directory = directory()?;
        let mut crowd = Crowd::new(PEOPLE);
        let node = durable(&crowd, directory.path()).await?;
        let genesis = node.chain().genesis_hash();
        let mut transfers =
            |count| crowd.transfers(Kind::Ethereum, count, BASE_FEE, now(), genesis);
        let made = one_a_block(&node, &transfers(blocks)?).await?;
        let idle = one_by_one(&node, &transfers(single)?).await?;
        let busy = paced(&node, &transfers(loaded)?).await?;
        node.stop().await?;
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        let alone = format!("{single} transfers, each sent when the last one's receipt is there");
        let among = format!("{loaded} transfers, {LOAD} a second");
        let each =
            "one transfer in each; a block's time is after its parent's by a millisecond or more";
        Ok(vec![
            Figure::new(NAMES[0], made, "blocks/s", &ON).detail(each),
            Figure::new(NAMES[1], ms(idle.median()), "ms", &ON).detail(alone.clone()),
            Figure::new(NAMES[2], ms(idle.percentile(99)), "ms", &ON).detail(alone),
            Figure::new(NAMES[3], ms(busy.median()), "ms", &ON).detail(among.clone()),
            Figure::new(NAMES[4], ms(busy.percentile(99)), "ms", &ON).detail(among),
        ])
    })
}

/// Blocks a second: each transfer is sent when the one before is in a certified block, executed or not.
async fn one_a_block(node: &RunningChain, transactions: &[Bytes]) -> Result<f64, Failure> {
    let sequencer = node.sequencer().ok_or("the node has no sequencer")?;
    let mut arrivals = Arrivals::of(node);
    let mut blocks = sequencer.blocks(node.chain().head().height().next());
    let started = Instant::now();
    for bytes in transactions {
        sequencer.submit(bytes.clone()).await?;
        blocks.next().await.ok_or("the sequencer stopped")??;
    }
    for _ in transactions {
        arrivals.next().await?;
    }
    Ok(rate(transactions.len(), started.elapsed()))
}

/// From submission to receipt, with nothing else going on.
async fn one_by_one(node: &RunningChain, transactions: &[Bytes]) -> Result<Times, Failure> {
    let sequencer = node.sequencer().ok_or("the node has no sequencer")?;
    let mut arrivals = Arrivals::of(node);
    let mut times = Vec::with_capacity(transactions.len());
    for bytes in transactions {
        let started = Instant::now();
        sequencer.submit(bytes.clone()).await?;
        arrivals.next().await?;
        times.push(started.elapsed());
    }
    Ok(Times::new(times))
}

/// The same, while one comes every millisecond.
async fn paced(node: &RunningChain, transactions: &[Bytes]) -> Result<Times, Failure> {
    let sequencer = node.sequencer().ok_or("the node has no sequencer")?.clone();
    let mut arrivals = Arrivals::of(node);
    let batch = transactions.to_vec();
    let submitter = tokio::spawn(async move {
        let mut clock = tokio::time::interval(Duration::from_secs(1) / LOAD as u32);
        let mut sent: HashMap<B256, Instant> = HashMap::new();
        for bytes in batch {
            // What the clock missed while it slept comes at once, and its wait counts.
            let due = clock.tick().await;
            sent.insert(transaction_hash(&bytes), due.into_std());
            sequencer.submit(bytes).await?;
        }
        Ok::<_, plasma_core::SubmitError>(sent)
    });
    let mut shown = Vec::with_capacity(transactions.len());
    while shown.len() < transactions.len() {
        let block = arrivals.next().await?;
        let at = Instant::now();
        shown.extend(
            block
                .block
                .transactions
                .iter()
                .map(|bytes| (transaction_hash(bytes), at)),
        );
    }
    let sent = submitter.await??;
    Ok(Times::new(
        shown
            .iter()
            .filter_map(|(hash, at)| Some(at.duration_since(*sent.get(hash)?)))
            .collect(),
    ))
}
