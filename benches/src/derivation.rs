//! How fast a verifier derives a chain from its root and the published bytes alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use plasma_core::{ChainId, Env, Height, TokioEnv, U256};
use plasma_sdk::{
    BatcherConfig, EmbeddedRoot, EmbeddedRootConfig, RootHandle, RunningChain,
    bench::rate,
    bridge::{Deployment, RootAccount},
    devnet::DevAccount,
};
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    Failure, Figure, Options,
    node::{builder, load, now},
    workload::{BASE_FEE, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &["derivation.transactions_per_s", "derivation.share_of_live"];

const ON: [&str; 5] = [
    "signatures checked",
    "Merkle root per block",
    "batches bound to their commitments",
    "hashes and roots compared",
    "state in memory",
];
const PEOPLE: usize = 1_000;
const POLL: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(30_000, 8_000);
    let runtime = Runtime::new()?;
    let (live, derived, entries) = runtime.block_on(run(count))?;
    let detail = format!(
        "{count} EIP-1559 transfers in {entries} batches; live execution on the same root did {live:.0} a second from \
         submission to receipt"
    );
    Ok(vec![
        Figure::new(NAMES[0], derived, "transactions/s", &ON).detail(detail),
        Figure::new(NAMES[1], derived / live, "x", &ON),
    ])
}

/// Transactions a second live, and derived; and how many batches they were in.
async fn run(count: usize) -> Result<(f64, f64, u64), Failure> {
    let env: Arc<dyn Env> = Arc::new(TokioEnv);
    let operator = DevAccount::operator();
    let coins = U256::from(10_000) * U256::from(10_u64.pow(18));
    let config = EmbeddedRootConfig {
        chain_id: ChainId(31_337),
        balances: vec![(operator.address, coins)],
        signer: DevAccount::root_sequencer().signer(),
        block_time: Duration::ZERO,
        data: None,
        listen: None,
    };
    let root = EmbeddedRoot::launch(config, env.clone()).await?;
    let account = RootAccount::new(root.client(), operator.signer());
    let mut crowd = Crowd::new(PEOPLE);
    let chain = || builder(&crowd).challenge_window(3_600).forced_delay(3_600);
    let deployed = Deployment::new(&account)
        .chain(chain().registration()?)
        .deploy(&account)
        .await?;
    let handle = |account| RootHandle {
        client: root.client(),
        contracts: deployed.contracts,
        account,
        url: String::new(),
    };
    let batches = BatcherConfig {
        max_age: Duration::from_millis(200),
        ..BatcherConfig::default()
    };
    let full = chain()
        .root(handle(Some(account.clone())))
        .da(root.da().clone())
        .batcher(batches)
        .proposer(None);
    let full = full.launch(env.clone()).await?;
    let verifier = chain().verifier().root(handle(None)).da(root.da().clone());

    let kind = Kind::Ethereum;
    let transactions =
        crowd.transfers(kind, count, BASE_FEE, now(), full.chain().genesis_hash())?;
    let live = rate(count, load(&full, &transactions, kind.batch()).await?);
    // What comes after the last transfer are blocks that seal batches: nobody publishes them for their own sake.
    let mut last = full.chain().head();
    while last.block.transactions.is_empty() {
        last = full.chain().block(Height(last.height().0 - 1))?;
    }
    let last = last.height();
    until(&full, "publish the transfers", || {
        Ok(full.chain().stages().published >= last)
    })
    .await?;

    let started = Instant::now();
    let verifier = verifier.launch(env).await?;
    until(&verifier, "derive the transfers", || {
        Ok(verifier.chain().derived_head()?.height >= last)
    })
    .await?;
    let derived = rate(count, started.elapsed());

    let entries = verifier.chain().inbox().entry_count()?;
    for height in 0..=last.0 {
        let [ours, theirs] = [&verifier, &full].map(|node| node.chain().block(Height(height)));
        let (ours, theirs) = (ours?, theirs?);
        if (ours.hash, ours.state_root) != (theirs.hash, theirs.state_root) {
            return Err(format!("the verifier derives another block {height}").into());
        }
    }
    verifier.stop().await?;
    full.stop().await?;
    root.stop().await?;
    Ok((live, derived, entries))
}

async fn until(
    node: &RunningChain,
    what: &str,
    done: impl Fn() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let started = Instant::now();
    while !done()? {
        let trouble = node
            .health()
            .troubles()
            .into_iter()
            .find(|(_, report)| report.fatal);
        if let Some((task, report)) = trouble {
            return Err(format!("{task}: {}", report.trouble).into());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("the node did not {what} within {PATIENCE:?}").into());
        }
        sleep(POLL).await;
    }
    Ok(())
}
