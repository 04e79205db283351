//! Claiming results on the root, settling them, and forcing what is overdue.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    B256, Checkpoint, DisputeView, Height, Move, Seconds, Settlement, Severe as _, Severity,
    TraceCommitment,
};

use super::{RETRY, Shared};
use crate::chain::{Chain, ChainError};

const TASK: &str = "proposer";

/// How a node claims.
#[derive(Clone, Copy, Debug)]
pub struct ProposerConfig {
    /// How often to look at the root.
    pub poll: Duration,
}

impl Default for ProposerConfig {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
        }
    }
}

pub(super) async fn run(shared: Shared, settlement: Arc<dyn Settlement>, config: ProposerConfig) {
    loop {
        let wait = match turn(&shared, &settlement).await {
            Ok(true) => RETRY / 10,
            Ok(false) => config.poll,
            Err(true) => return,
            Err(false) => RETRY,
        };
        shared.env.sleep(wait).await;
    }
}

/// Makes the next move, if there is one. `Err(true)` stops the proposer for good.
async fn turn(shared: &Shared, settlement: &Arc<dyn Settlement>) -> Result<bool, bool> {
    let view = settlement
        .view()
        .await
        .map_err(|error| shared.health.met(TASK, &error))?;
    let chain = shared.chain.clone();
    // A root that makes no blocks while it is idle stands still in time; the block that takes the move will not.
    let now = view.at.timestamp.max(shared.env.now().seconds());
    let next = tokio::task::spawn_blocking(move || next_move(&chain, &view, now))
        .await
        .map_err(|panic| {
            shared
                .health
                .note(TASK, format!("claiming stopped: {panic}"), Severity::Fatal)
        })?
        .map_err(|error| shared.health.met(TASK, &error))?;
    let Some(action) = next else {
        shared.health.well(TASK);
        return Ok(false);
    };
    match settlement.play(&action).await {
        Ok(receipt) => {
            shared.health.well(TASK);
            tracing::info!(
                action = name(&action),
                gas = receipt.gas_used,
                "moved on the root"
            );
            metrics::counter!("plasma_proposer_moves_total", "move" => name(&action)).increment(1);
            Ok(true)
        }
        // Somebody else was quicker, or the root's clock is behind: look again, without hurry.
        Err(error) if error.severity() == Severity::Reset => {
            shared.env.sleep(RETRY * 5).await;
            Ok(false)
        }
        Err(error) => Err(shared.health.met(TASK, &error)),
    }
}

fn name(action: &Move) -> &'static str {
    match action {
        Move::Join { .. } => "claim",
        Move::Settle => "settle",
        Move::Force => "force",
        Move::WithdrawBond => "withdraw-bond",
        _ => "other",
    }
}

/// What to do next, from what the root says and what this node derived: a pure function, asked anew each time.
fn next_move(chain: &Chain, view: &DisputeView, now: Seconds) -> Result<Option<Move>, ChainError> {
    if view.overdue_at.is_some_and(|deadline| now > deadline) {
        return Ok(Some(Move::Force));
    }
    if let Some(claim) = &view.claim {
        if claim.contested {
            return Ok(None);
        }
        // A claim that is not what this node derives must not stand alone.
        if let Some(own) = claim_of(chain, view, claim.entries)?
            && own.0.hash() != claim.checkpoint
        {
            tracing::error!(claimant = %claim.claimant, entries = claim.entries, "a false claim stands on the root");
            return Ok(Some(join(claim.entries, own)));
        }
        return Ok((now >= claim.deadline).then_some(Move::Settle));
    }
    if !view.withdrawable.is_zero() {
        return Ok(Some(Move::WithdrawBond));
    }
    let derived = chain.inbox().entry_count()?.min(view.entries);
    if derived <= view.settled_entries {
        return Ok(None);
    }
    Ok(claim_of(chain, view, derived)?.map(|own| join(derived, own)))
}

fn join(entries: u64, (checkpoint, trace): (Checkpoint, TraceCommitment)) -> Move {
    Move::Join {
        entries,
        trace,
        checkpoint,
    }
}

/// The checkpoint after all entries below `entries`, and the trace that leads to it from what is settled. `None`
/// while this node has not derived that far, or does not agree with what is settled.
fn claim_of(
    chain: &Chain,
    view: &DisputeView,
    entries: u64,
) -> Result<Option<(Checkpoint, TraceCommitment)>, ChainError> {
    let mut leaves: Vec<B256> = Vec::new();
    let Some(start) = checkpoint_before(chain, view.settled_entries)? else {
        return Ok(None);
    };
    if start.hash() != view.settled {
        tracing::error!(
            entries = view.settled_entries,
            "the root settled another state than this node derives"
        );
        return Ok(None);
    }
    let mut last = start;
    for entry in view.settled_entries..entries {
        let Some(record) = chain.inbox().entry(entry)? else {
            return Ok(None);
        };
        for height in last.height.0 + 1..=record.head.height.0 {
            // Inside an entry the cursor stays on it; the last block's leaf moves it on.
            let done = height == record.head.height.0;
            last = chain
                .block(Height(height))?
                .checkpoint(if done { entry + 1 } else { entry });
            leaves.push(last.hash());
        }
        if last.entry != entry + 1 {
            // An entry without blocks is a leaf of its own.
            last.entry = entry + 1;
            leaves.push(last.hash());
        }
    }
    Ok(TraceCommitment::of(&leaves).map(|trace| (last, trace)))
}

/// The checkpoint after all entries below `entries`.
fn checkpoint_before(chain: &Chain, entries: u64) -> Result<Option<Checkpoint>, ChainError> {
    if entries == 0 {
        return Ok(Some(chain.block(Height(0))?.checkpoint(0)));
    }
    match chain.inbox().entry(entries - 1)? {
        Some(record) => Ok(Some(chain.block(record.head.height)?.checkpoint(entries))),
        None => Ok(None),
    }
}
