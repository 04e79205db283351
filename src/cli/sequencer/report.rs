//! Showing the root that a sequencer lied.

use std::{fs, path::PathBuf};

use clap::Args;
use plasma_bridge::DoubleVote;

use super::target::{Actor, grouped};
use crate::cli::Failure;

/// Evidence is two hashes and two signatures; more than this is none.
const MAX_FILE: u64 = 16_384;

#[derive(Args)]
pub(in crate::cli) struct ReportArgs {
    /// The evidence, as JSON: chainId, epoch, height, round, and `first` and `second`, each with `block` (its hash) and
    /// `signature` (r, s, v) by one key.
    file: PathBuf,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn run(args: ReportArgs) -> Result<(), Failure> {
    let shown = args.file.display();
    let length = fs::metadata(&args.file)
        .map_err(|error| format!("{shown}: {error}"))?
        .len();
    if length > MAX_FILE {
        return Err(format!("{shown} has {length} bytes; evidence has at most {MAX_FILE}").into());
    }
    let text = fs::read(&args.file).map_err(|error| format!("{shown}: {error}"))?;
    let evidence: DoubleVote = serde_json::from_slice(&text)
        .map_err(|error| format!("{shown} is no evidence of a double vote: {error}"))?;
    let key = evidence
        .signer()
        .map_err(|error| format!("{shown} proves nothing: {error}"))?;
    let (open, _) = args.actor.open().await?;
    let Some(operator) = open.network.operator_of(key).await? else {
        return Err(format!(
            "both votes are by {key}, which is no key of this network's sequencers; is it another network's?"
        )
        .into());
    };
    if !open.network.serves(evidence.chain_id).await? {
        return Err(format!(
            "chain {} is none of this network's: what its sequencers sign there counts for nothing here",
            evidence.chain_id
        )
        .into());
    }
    let lost = open.network.report_double_vote(&evidence).await?;
    println!(
        "{operator} voted twice with {key} (chain {}, epoch {}, height {}, round {}); its pool lost {} XPL, and it is never elected \
         again",
        evidence.chain_id,
        evidence.epoch,
        evidence.height,
        evidence.round,
        grouped(lost)
    );
    Ok(())
}
