//! Claiming results on the root, defending them, settling them, and forcing what is overdue.

use std::{sync::Arc, time::Duration};

use plasma_bridge::{Role, next_move};
use plasma_core::{Settlement, Severe as _, Severity, TraceProvider};

use super::{RETRY, Shared};

const TASK: &str = "proposer";

/// How a node plays on the root.
#[derive(Clone, Copy, Debug)]
pub struct ProposerConfig {
    /// How often to look at the root.
    pub poll: Duration,
    /// Whether it claims by itself, or only contradicts what is false.
    pub role: Role,
}

impl Default for ProposerConfig {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            role: Role::Proposer,
        }
    }
}

/// Plays until its tasks are stopped. `traces` say what it stands for.
pub(crate) async fn run(
    shared: Shared,
    settlement: Arc<dyn Settlement>,
    traces: Arc<dyn TraceProvider>,
    config: ProposerConfig,
) {
    loop {
        let wait = match turn(&shared, &settlement, &traces, config.role).await {
            Ok(true) => RETRY / 10,
            Ok(false) => config.poll,
            Err(true) => return,
            Err(false) => RETRY,
        };
        shared.env.sleep(wait).await;
    }
}

/// Makes the next move, if there is one. `Err(true)` stops the player for good.
async fn turn(
    shared: &Shared,
    settlement: &Arc<dyn Settlement>,
    traces: &Arc<dyn TraceProvider>,
    role: Role,
) -> Result<bool, bool> {
    let view = settlement
        .view()
        .await
        .map_err(|error| shared.health.met(TASK, &error))?;
    // A root that makes no blocks while it is idle stands still in time; the block that takes the move will not.
    let now = view.at.timestamp.max(shared.env.now().seconds());
    let traces = traces.clone();
    let next = tokio::task::spawn_blocking(move || next_move(&view, now, &*traces, role))
        .await
        .map_err(|panic| {
            shared
                .health
                .note(TASK, format!("playing stopped: {panic}"), Severity::Fatal)
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
                action = action.name(),
                gas = receipt.gas_used,
                "moved on the root"
            );
            metrics::counter!("plasma_proposer_moves_total", "move" => action.name()).increment(1);
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
