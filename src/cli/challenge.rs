//! `plasma challenge`: defending the truth about a chain, without a stake in it but the bond.

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use plasma_bridge::{Role, RootAccount, RootClient, RootConfig};
use plasma_core::{Signer, TokioEnv};

use super::{Failure, bridge::Actor, verify};
use crate::node::ProposerConfig;

#[derive(Args)]
pub(super) struct ChallengeArgs {
    /// The root's JSON-RPC. The chain, its contracts and a node that serves its bytes are found from there; what that
    /// node says is checked. Default: what the devnet's file says.
    #[arg(long, value_name = "URL")]
    root: Option<String>,
    /// How often to look at the root, in milliseconds.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    poll_ms: u64,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn run(args: ChallengeArgs) -> Result<ExitCode, Failure> {
    let (open, key) = args.actor.open_at(args.root.as_deref()).await?;
    let signer =
        Signer::from_bytes(&key.word()).ok_or("--key is zero or beyond the curve's order")?;
    let client = RootClient::connect(
        &open.report.root.rpc,
        Arc::new(TokioEnv),
        RootConfig::local(),
    )
    .await?;
    let account = RootAccount::new(client, signer);
    let address = account.address();
    let (builder, _) = verify::builder(&open, None, None, Some(account)).await?;
    let chain = builder
        .proposer(Some(ProposerConfig {
            poll: Duration::from_millis(args.poll_ms),
            role: Role::Challenger,
        }))
        .launch(Arc::new(TokioEnv))
        .await?;
    println!(
        "{address} defends chain {} ({}) on {}; Ctrl-C stops",
        open.chain.name, open.chain.chain_id, open.report.root.rpc
    );
    let ended = loop {
        tokio::select! {
            stop = tokio::signal::ctrl_c() => break stop.map_err(Failure::from),
            () = tokio::time::sleep(Duration::from_millis(500)) => {
                let troubles = chain.health().troubles();
                if let Some((task, report)) = troubles.into_iter().find(|(_, report)| report.fatal) {
                    break Err(format!("{task}: {}", report.trouble).into());
                }
            }
        }
    };
    chain.stop().await?;
    ended.map(|()| ExitCode::SUCCESS)
}
