//! Beginning the next epoch.

use clap::Args;

use super::target::Actor;
use crate::cli::Failure;

#[derive(Args)]
pub(in crate::cli) struct AdvanceArgs {
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn advance(args: AdvanceArgs) -> Result<(), Failure> {
    let (open, _) = args.actor.open().await?;
    let receipt = open.network.advance().await.map_err(|error| {
        if error.to_string().contains("NoCandidates") {
            "there is nobody to elect; let somebody join first (`plasma sequencer join`)".into()
        } else {
            Failure::from(error)
        }
    })?;
    let epoch = open.network.epoch().await?;
    match receipt {
        Some(receipt) => {
            let seats = open.network.committee(epoch).await?;
            println!(
                "epoch {epoch} began with {} in the committee; root transaction {}, {} gas",
                seats.map_or(0, |committee| committee.seats.len()),
                receipt.transaction,
                receipt.gas_used
            );
            Ok(())
        }
        None => {
            let ends = open.network.epoch_times().await?;
            let ends = ends.map(|times| times.ends.0).unwrap_or_default();
            Err(format!(
                "epoch {epoch} goes on until {ends} (Unix seconds); advance again from then on"
            )
            .into())
        }
    }
}
