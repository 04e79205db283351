//! `plasma explain`.

use std::path::PathBuf;

use clap::Args;
use plasma_core::B256;
use serde_json::json;

use super::{Failure, bridge::Target, rpc::ChainRpc};
use crate::explain::Explanation;

#[derive(Args)]
pub(super) struct ExplainArgs {
    /// The hash of a transaction, deposit or withdrawal.
    id: B256,
    #[command(flatten)]
    target: Target,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: ExplainArgs) -> Result<(), Failure> {
    let (rpc, delivered) = match args.target.open() {
        Ok(open) => {
            let paid = open.client(None).await?.is_paid(args.id).await.ok();
            (open.chain.rpc, paid)
        }
        Err(error) => match &args.target.rpc {
            Some(rpc) => (rpc.clone(), None),
            None => return Err(error),
        },
    };
    let explanation: Explanation = ChainRpc::connect(&rpc, None)?
        .call("plasma_explain", json!([args.id, delivered]))
        .await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&explanation)?);
    } else {
        print(&explanation);
    }
    Ok(())
}

/// The file or URL that tells where to ask.
pub(super) const DEFAULT_CONFIG: &str = "plasma-devnet.json";

pub(super) fn default_config() -> PathBuf {
    std::env::var_os("PLASMA_CONFIG").map_or_else(|| DEFAULT_CONFIG.into(), PathBuf::from)
}

pub(super) fn print(explanation: &Explanation) {
    println!("{} {}", explanation.subject, explanation.id);
    match (explanation.stage, explanation.height) {
        (Some(stage), Some(height)) => println!("  stage      {stage} (block {height})"),
        (Some(stage), None) => println!("  stage      {stage}"),
        _ => println!("  stage      unknown here"),
    }
    for line in &explanation.history {
        println!("  so far     {line}");
    }
    if explanation.waits_for.is_empty() {
        println!("  waits for  nothing: it is done");
        return;
    }
    println!("  waits for  {}", explanation.waits_for);
    println!("  who        {}", explanation.who_can_act);
    if let Some(seconds) = explanation.seconds {
        println!("  at most    {seconds} s");
    }
}
