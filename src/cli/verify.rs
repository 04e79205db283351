//! `plasma verify`: deriving a chain from its root and the published bytes alone.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use plasma_bridge::{RootAccount, RootClient, RootConfig};
use plasma_core::{B256, Genesis, Height, TokioEnv};
use serde::Deserialize;
use serde_json::json;

use super::{
    Failure,
    bridge::{Open, Target},
    progress::Progress,
    rpc::ChainRpc,
};
use crate::{
    assembly::{ChainBuilder, RootHandle, RunningChain},
    remote::{RemoteGenesis, RpcBlobs},
};

const POLL: Duration = Duration::from_millis(20);

#[derive(Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    target: Target,
    /// Where to ask for the published bytes, whose commitments are checked. Default: the chain's node.
    #[arg(long, value_name = "URL")]
    da: Option<String>,
    /// Keep what is derived here. Default: in memory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Theirs {
    hash: B256,
    state_root: B256,
}

pub(super) async fn run(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let open = args.target.open()?;
    let rpc = ChainRpc::connect(&open.chain.rpc, None)?;
    let started = Instant::now();
    let (verifier, _) = launch(&open, args.da.as_deref(), args.data.as_ref()).await?;
    let derived = derive(&verifier).await?;
    let seconds = started.elapsed().as_secs_f64();
    let outcome = compare(&verifier, &rpc, derived).await;
    let transactions = transactions(&verifier, derived)?;
    verifier.stop().await?;
    let differs = outcome?;
    if args.json {
        let blocks = derived.0;
        println!(
            "{}",
            json!({ "blocks": blocks, "transactions": transactions, "seconds": seconds, "differsAt": differs })
        );
    } else {
        println!(
            "derived blocks 1 to {derived} with {transactions} transactions from the root and the published bytes alone in \
             {seconds:.2} s ({:.0} transactions/s)",
            transactions as f64 / seconds
        );
        match differs {
            None => println!("all block hashes and state roots are equal to the node's"),
            Some(height) => println!("DIFFERENT from block {height} on: do not trust this node"),
        }
    }
    Ok(if differs.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Starts to derive a chain from its root, with the bytes from `da`, or from the chain's node.
pub(super) async fn launch(
    open: &Open,
    da: Option<&str>,
    data: Option<&PathBuf>,
) -> Result<(RunningChain, RemoteGenesis), Failure> {
    let (builder, remote) = builder(open, da, data, None).await?;
    Ok((builder.launch(Arc::new(TokioEnv)).await?, remote))
}

/// A node that derives a chain from its root; with an account, one that can play there.
pub(super) async fn builder(
    open: &Open,
    da: Option<&str>,
    data: Option<&PathBuf>,
    account: Option<RootAccount>,
) -> Result<(ChainBuilder, RemoteGenesis), Failure> {
    let rpc = ChainRpc::connect(&open.chain.rpc, None)?;
    let remote: RemoteGenesis = rpc.call("plasma_genesis", json!([])).await?;
    let Genesis {
        chain_id,
        timestamp,
        config,
    } = remote.genesis.clone();
    let root = RootHandle {
        client: RootClient::connect(
            &open.report.root.rpc,
            Arc::new(TokioEnv),
            RootConfig::local(),
        )
        .await?,
        contracts: open.report.root.contracts,
        account,
        url: open.report.root.rpc.clone(),
    };
    let builder = ChainBuilder::new(chain_id).name(&open.chain.name);
    let mut builder = remote
        .execution(builder)?
        .genesis_time(timestamp)
        .genesis_bytes(config)
        .verifier()
        .root(root)
        .da(Arc::new(RpcBlobs::layer(da.unwrap_or(&open.chain.rpc))?));
    if let Some(data) = data {
        builder = builder.data(data);
    }
    Ok((builder, remote))
}

/// Derives until all that is in the root's inbox now is.
pub(super) async fn derive(verifier: &RunningChain) -> Result<Height, Failure> {
    let settlement = verifier.settlement().ok_or("the verifier has no root")?;
    let target = settlement.view().await?.entries;
    let mut progress = Progress::new("deriving", target);
    loop {
        let done = verifier.chain().inbox().entry_count()?;
        if done >= target {
            break;
        }
        if let Some((task, report)) = verifier
            .health()
            .troubles()
            .into_iter()
            .find(|(_, report)| report.fatal)
        {
            return Err(format!("{task}: {}", report.trouble).into());
        }
        progress.at(done, "inbox entries");
        tokio::time::sleep(POLL).await;
    }
    progress.finish();
    Ok(verifier.chain().derived_head()?.height)
}

/// The first block in which the node says otherwise.
async fn compare(
    verifier: &RunningChain,
    rpc: &ChainRpc,
    derived: Height,
) -> Result<Option<Height>, Failure> {
    let mut progress = Progress::new("comparing", derived.0);
    for height in 0..=derived.0 {
        let own = verifier.chain().block(Height(height))?;
        let theirs: Theirs = rpc
            .call("plasma_block", json!([format!("{height:#x}")]))
            .await?;
        if (theirs.hash, theirs.state_root) != (own.hash, own.state_root) {
            return Ok(Some(Height(height)));
        }
        progress.at(height, "blocks");
    }
    progress.finish();
    Ok(None)
}

fn transactions(verifier: &RunningChain, derived: Height) -> Result<u64, Failure> {
    let mut count = 0;
    for height in 1..=derived.0 {
        count += verifier
            .chain()
            .block(Height(height))?
            .block
            .transactions
            .len() as u64;
    }
    Ok(count)
}
