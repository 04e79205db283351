//! Taking part although a batcher left one out.
//!
//! A seat took part in a window of an epoch if it signed one of the certificates that the root saw in it. A member that voted
//! for the last of them, and is in none, shows the root its vote.

use std::{sync::Arc, time::Duration};

use plasma_bridge::SequencerNetwork;
use plasma_core::{Env, Sequencer as _, SettlementError, Severe as _, Severity};
use plasma_sequencer::BftSequencer;

use crate::node::Health;

const TASK: &str = "attest";
/// How often to look, at most: a window has to be seen before the one after it is over.
const POLL: Duration = Duration::from_mins(1);

/// Looks in each window, until it is stopped.
pub(crate) async fn run(
    bft: Arc<BftSequencer>,
    network: SequencerNetwork,
    env: Arc<dyn Env>,
    health: Arc<Health>,
) {
    loop {
        let wait = match turn(&bft, &network).await {
            Ok(wait) => {
                health.well(TASK);
                wait
            }
            Err(error) if error.severity() == Severity::Fatal => {
                // What the root does not take now it may take in the next window.
                health.note(TASK, error.to_string(), Severity::Transient);
                POLL
            }
            Err(_) => POLL,
        };
        env.sleep(wait.min(POLL)).await;
    }
}

/// Signs in where this member was left out; gives a third of a window.
async fn turn(bft: &BftSequencer, network: &SequencerNetwork) -> Result<Duration, SettlementError> {
    let (head, Some(times)) = (network.root().head().await?, network.epoch_times().await?) else {
        return Ok(POLL);
    };
    let third = Duration::from_secs(times.ends.0.saturating_sub(times.started.0))
        / (3 * plasma_bridge::EPOCH_WINDOWS as u32);
    let third = third.max(Duration::from_secs(1));
    let current = times.window_at(head.timestamp);
    let Some(committee) = network.committee(times.epoch).await? else {
        return Ok(third);
    };
    let me = bft.address();
    let Some(seat) = committee.seats.iter().position(|seat| seat.key == me) else {
        return Ok(third);
    };
    // The window before can be signed for until this one is over, and no certificate comes to it any more.
    let Some(window) = current.checked_sub(1) else {
        return Ok(third);
    };
    let chain_id = bft.head().chain_id;
    let vote = network.last_vote(chain_id, times.epoch, window).await?;
    let signed = network.signed_in(times.epoch, window).await?;
    if vote.is_zero() || signed.bit(seat) {
        return Ok(third);
    }
    if let Some(signature) = bft.precommit(vote) {
        let attested = network.attest(chain_id, window, &committee, seat, &signature);
        let receipt = attested.await?;
        tracing::info!(
            window,
            gas = receipt.gas_used,
            "signed in beside a certificate"
        );
        metrics::counter!("plasma_attestations_total").increment(1);
    }
    Ok(third)
}
