//! Reporting to the root what a member found out about others.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use plasma_bridge::{BlockVote, DoubleVote, SequencerNetwork};
use plasma_core::{Address, Env, Sequencer as _, Severe as _, Severity};
use plasma_sequencer::BftSequencer;

use crate::node::Health;

const TASK: &str = "report-evidence";
const POLL: Duration = Duration::from_secs(1);

/// Reports double votes, once each, until it is stopped.
pub(crate) async fn run(
    bft: Arc<BftSequencer>,
    network: SequencerNetwork,
    env: Arc<dyn Env>,
    health: Arc<Health>,
) {
    let mut done = BTreeSet::new();
    loop {
        for (key, double_vote) in found(&bft) {
            if done.contains(&key) {
                continue;
            }
            match network.report_double_vote(&double_vote).await {
                Ok(lost) => {
                    health.well(TASK);
                    tracing::warn!(%key, %lost, "reported a double vote to the root");
                    metrics::counter!("plasma_double_votes_reported_total").increment(1);
                    done.insert(key);
                }
                Err(error) if error.severity() == Severity::Transient => {
                    health.met(TASK, &error);
                }
                // Somebody else reported it, or it is too old to count.
                Err(error) => {
                    tracing::info!(%key, %error, "a double vote is not to be reported");
                    done.insert(key);
                }
            }
        }
        env.sleep(POLL).await;
    }
}

/// Against whom there is something that the root takes.
fn found(bft: &BftSequencer) -> Vec<(Address, DoubleVote)> {
    let evidence = bft.evidence();
    let votes = evidence
        .iter()
        .flat_map(|evidence| evidence.double_votes(bft.head().chain_id));
    let votes = votes.filter_map(|[first, second]| {
        let double_vote = DoubleVote {
            chain_id: first.0.chain_id,
            epoch: first.0.epoch,
            height: first.0.height,
            round: first.0.round,
            first: BlockVote {
                block: first.0.block,
                signature: first.1,
            },
            second: BlockVote {
                block: second.0.block,
                signature: second.1,
            },
        };
        Some((double_vote.signer().ok()?, double_vote))
    });
    votes.collect()
}
