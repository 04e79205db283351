//! Signed transfers a second, from submission to receipt.

use plasma_core::{B256, Bytes, Changes, Height, Signature, Signer, execute_block, keccak256};
use plasma_exec::{Durability, MemoryConfig, MemoryStore, Store as _};
use plasma_sdk::RunningChain;
use tokio::runtime::Runtime;

use crate::{
    Failure, Figure, Options,
    figure::cores,
    measure::{Times, in_parallel, rate, time},
    node::{durable, load, now},
    suite::directory,
    workload::{BASE_FEE, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &[
    "transfers.end_to_end_per_s",
    "transfers.native_end_to_end_per_s",
    "transfers.prepared_end_to_end_per_s",
    "transfers.ceiling_recover_per_s",
    "transfers.ceiling_sign_per_s",
    "transfers.ceiling_commit_per_s",
];

const ON: [&str; 5] = [
    "signatures checked",
    "certificate per block",
    "Merkle root per block",
    "journal synced per block",
    "state and receipts on disk",
];
const PREPARED: [&str; 5] = ["signatures checked before", ON[1], ON[2], ON[3], ON[4]];
const PEOPLE: usize = 10_000;

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(30_000, 8_000);
    let runs = options.size(3, 1);
    let runtime = Runtime::new()?;
    let (sign, recover) = signatures(options.size(8_000, 2_000))?;
    let mut commit = 0.0;
    let mut figures = Vec::new();
    for (name, kind, prepared) in [
        (NAMES[0], Kind::Ethereum, false),
        (NAMES[1], Kind::Native, false),
        (NAMES[2], Kind::Ethereum, true),
    ] {
        if !options.wants(name) && name != NAMES[0] {
            continue;
        }
        let (mut times, mut blocks) = (Vec::new(), 0);
        for _ in 0..runs {
            let (time, made, changes) = runtime.block_on(run(kind, count, prepared))?;
            times.push(time);
            blocks = made;
            if name == NAMES[0] {
                commit = commits(count, &changes)?;
            }
        }
        let times = Times::new(times);
        let value = times.rate(count);
        let of = |ceiling: f64| format!("{:.1}%", 100.0 * value / ceiling);
        let ceilings = if prepared {
            format!(
                "{} of bare signing, {} of bare commits",
                of(sign),
                of(commit)
            )
        } else {
            let (recovered, committed) = (of(recover), of(commit));
            format!("{recovered} of bare signature recovery, {committed} of bare commits")
        };
        let spread = times.spread(count);
        let detail = format!(
            "{count} transfers of {PEOPLE} people in {blocks} blocks; {ceilings}; {spread}"
        );
        let on = if prepared { &PREPARED } else { &ON };
        figures.push(Figure::new(name, value, "transfers/s", on).detail(detail));
    }
    let alone = format!("libsecp256k1 alone, on {} cores", cores());
    figures.push(Figure::new(NAMES[3], recover, "signatures/s", &[]).detail(alone));
    let alone = format!("k256 alone, on {} cores", cores());
    let promised = format!("{alone}; the sequencer signs a promise for each transaction");
    figures.push(Figure::new(NAMES[4], sign, "signatures/s", &[]).detail(promised));
    let alone = "the same blocks' writes alone, durable per block, roots computed";
    figures.push(
        Figure::new(
            NAMES[5],
            commit,
            "transfers/s",
            &["Merkle root per block", "synced per block"],
        )
        .detail(alone),
    );
    Ok(figures)
}

/// One run on a new node: the time, the number of blocks, and what they wrote.
async fn run(
    kind: Kind,
    count: usize,
    prepared: bool,
) -> Result<(std::time::Duration, u64, Vec<Changes>), Failure> {
    let directory = directory()?;
    let mut crowd = Crowd::new(PEOPLE);
    let node = durable(&crowd, directory.path()).await?;
    let genesis = node.chain().genesis_hash();
    let transactions = crowd.transfers(kind, count, BASE_FEE, now(), genesis)?;
    if prepared {
        prepare(&node, &transactions)?;
    }
    let time = load(&node, &transactions).await?;
    let changes = writes(&node)?;
    node.stop().await?;
    Ok((time, changes.len() as u64 - 1, changes))
}

/// Has all signatures checked ahead of time, as a node does that saw the transactions before.
fn prepare(node: &RunningChain, transactions: &[Bytes]) -> Result<(), Failure> {
    let chain = node.chain();
    let head = chain.head();
    let context = chain.next_context(&head, node.env().now());
    let first = transactions.first().ok_or("no transactions")?;
    // Once seen, the execution knows the chain that the signatures are for.
    chain
        .execution()
        .admit(&*chain.state_at(head.height())?, &context, first)?;
    chain.execution().prepare(transactions);
    Ok(())
}

/// What each block wrote, genesis first.
fn writes(node: &RunningChain) -> Result<Vec<Changes>, Failure> {
    let chain = node.chain();
    let mut all = vec![chain.genesis().state(&**chain.execution())?.changes];
    for height in 1..=chain.head().height().0 {
        let (block, base) = (
            chain.block(Height(height))?,
            chain.state_at(Height(height - 1))?,
        );
        all.push(
            execute_block(
                &**chain.execution(),
                &*base,
                chain.genesis_hash(),
                &block.block,
                &[],
            )
            .into_changes(),
        );
    }
    Ok(all)
}

/// The ceiling of state: transfers whose writes a durable store takes in a second.
fn commits(count: usize, writes: &[Changes]) -> Result<f64, Failure> {
    let directory = directory()?;
    let path = Some(directory.path().to_owned());
    let config = MemoryConfig {
        directory: path,
        durability: Durability::Commit,
        ..MemoryConfig::default()
    };
    let store = MemoryStore::open(config)?;
    store.commit(0, &writes[0])?;
    let (elapsed, done) = time(|| {
        (1..)
            .zip(&writes[1..])
            .try_for_each(|(at, changes)| store.commit(at, changes).map(drop))
    });
    done?;
    Ok(rate(count, elapsed))
}

/// The ceilings of signatures: how many a second are made, and recovered, on all cores, with nothing
/// else to do.
fn signatures(count: usize) -> Result<(f64, f64), Failure> {
    let signer = Signer::from_bytes(&B256::repeat_byte(0x11)).ok_or("no key")?;
    let digests: Vec<B256> = (0..count).map(|n| keccak256(n.to_be_bytes())).collect();
    let (signing, signed): (_, Vec<(B256, Signature)>) =
        time(|| in_parallel(&digests, |digest| (*digest, signer.sign(*digest))));
    let (recovering, right) = time(|| {
        in_parallel(&signed, |(digest, signature)| {
            signature.recover(*digest) == Ok(signer.address())
        })
    });
    if right.contains(&false) {
        return Err("a signature does not recover to its signer".into());
    }
    Ok((rate(count, signing), rate(count, recovering)))
}
