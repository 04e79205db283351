//! Following the elections on the root.
//!
//! Who certifies a block follows from its parent's time: an elected committee takes over with the first block of its
//! *border* or later, which is a notice after its election. So every member has the notice to hear of it, and one that
//! has not asked the root lately waits rather than certify beside the committee that took over.

use std::{sync::Arc, time::Duration};

use plasma_bridge::SequencerNetwork;
use plasma_core::{
    Committee, Env, Epoch, RootBlock, SettlementError, Severe as _, Severity, Timestamp,
};
use plasma_sequencer::{BftSequencer, Schedule};

use crate::{assembly::LaunchError, node::Health};

const TASK: &str = "epochs";
/// How often to ask the root.
const POLL: Duration = Duration::from_millis(500);
/// How long to wait after a refusal.
const RETRY: Duration = Duration::from_secs(2);
/// How long each seat waits for the one before it to begin the next epoch.
const STAGGER: Duration = Duration::from_secs(5);
/// Epochs of before that a node learns when it starts: for certificates of then.
const PAST_EPOCHS: u64 = 64;

/// How elections become borders. The same at all members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borders {
    /// From an election to the border, by the root's clock.
    pub notice: Duration,
    /// How far the root's clock, in a block that becomes known now, may be behind the own one.
    pub lag: Duration,
}

impl Default for Borders {
    /// For a root with a block every 12 seconds.
    fn default() -> Self {
        Self {
            notice: Duration::from_mins(1),
            lag: Duration::from_secs(20),
        }
    }
}

impl Borders {
    fn border(&self, elected: plasma_core::Seconds) -> Timestamp {
        Timestamp(elected.0.saturating_mul(1_000)) + self.notice.as_millis() as u64
    }

    /// Up to when all borders are known to who asked the root at `asked`.
    fn known(&self, asked: Timestamp) -> Timestamp {
        let ms = |duration: Duration| duration.as_millis() as u64;
        Timestamp((asked.0 + ms(self.notice)).saturating_sub(ms(self.lag)))
    }
}

/// What a member knows when it starts: the committees so far, for a chain that was registered at `registered`.
pub(crate) async fn schedule(
    network: &SequencerNetwork,
    borders: Borders,
    registered: RootBlock,
    asked: Timestamp,
) -> Result<Schedule, LaunchError> {
    let current = network.epoch().await?;
    let oldest = current.0.saturating_sub(PAST_EPOCHS);
    // The chain begins with the committee that was there when it was registered, or with the first one after.
    let mut past = Vec::new();
    for epoch in (oldest..=current.0).rev().map(Epoch) {
        let Some(election) = network.election(epoch).await? else {
            continue;
        };
        let first = election.block.number <= registered.number;
        past.push((borders.border(election.block.timestamp), election.committee));
        if first {
            break;
        }
    }
    let wrong = |error: &dyn std::fmt::Display| LaunchError::Configuration(error.to_string());
    let Some((_, first)) = past.pop() else {
        return Err(wrong(&format!(
            "the network at {} elected nobody in its last {PAST_EPOCHS} epochs; let operators join, and advance",
            network.registry()
        )));
    };
    let mut schedule = Schedule::new(first).map_err(|error| wrong(&error))?;
    for (from, committee) in past.into_iter().rev() {
        let announced = schedule.announce(from, committee);
        announced.map_err(|error| wrong(&error))?;
    }
    schedule.inform(borders.known(asked));
    Ok(schedule)
}

/// Follows elections, and holds them when they are due, until it is stopped.
pub(crate) async fn follow(
    bft: Arc<BftSequencer>,
    network: SequencerNetwork,
    borders: Borders,
    env: Arc<dyn Env>,
    health: Arc<Health>,
) {
    let mut follower = Follower {
        bft,
        network,
        borders,
        env: env.clone(),
        health: health.clone(),
        last: None,
    };
    loop {
        let wait = match follower.turn().await {
            Ok(()) => {
                health.well(TASK);
                POLL
            }
            Err(error) => {
                if health.met(TASK, &error) {
                    return;
                }
                RETRY
            }
        };
        if let Some(height) = follower.bft.status().and_then(|status| status.diverged) {
            let trouble = format!(
                "the committee executed block {height} otherwise than this node; compare versions and state, the root \
                 decides"
            );
            health.note("committee", trouble, Severity::Fatal);
        }
        env.sleep(wait).await;
    }
}

struct Follower {
    bft: Arc<BftSequencer>,
    network: SequencerNetwork,
    borders: Borders,
    env: Arc<dyn Env>,
    health: Arc<Health>,
    /// The last epoch that was announced.
    last: Option<Epoch>,
}

impl Follower {
    async fn turn(&mut self) -> Result<(), SettlementError> {
        let asked = self.env.now();
        let current = self.network.epoch().await?;
        // The start told of those before.
        let from = self.last.map_or(current.0, |last| last.0 + 1);
        let mut terms = Vec::new();
        for epoch in (from..=current.0).map(Epoch) {
            if let Some(election) = self.network.election(epoch).await? {
                terms.push((
                    self.borders.border(election.block.timestamp),
                    election.committee,
                ));
            }
        }
        if self.last != Some(current) {
            tracing::info!(epoch = current.0, "a committee was elected");
            metrics::gauge!("plasma_epoch").set(current.0 as f64);
        }
        self.announce(terms, asked)?;
        self.last = Some(current);
        // Whoever has no coins left still follows.
        match self.advance().await {
            Err(error) if error.severity() == Severity::Fatal => {
                self.health.met("advance", &error);
            }
            Err(error) => return Err(error),
            Ok(()) => self.health.well("advance"),
        }
        Ok(())
    }

    fn announce(
        &self,
        terms: Vec<(Timestamp, Committee)>,
        asked: Timestamp,
    ) -> Result<(), SettlementError> {
        let known = self.borders.known(asked);
        let mut terms = terms;
        // At the start the first committee has no border.
        if self.last.is_none() {
            let bft = &self.bft;
            terms.retain(|(_, committee)| !bft.knows(committee));
        }
        self.bft.announce(terms, known).map_err(|error| {
            SettlementError::Contract(format!(
                "{error}: the root took an election back after the notice of {:?}",
                self.borders.notice
            ))
        })
    }

    /// Begins the next epoch once it is time: each seat after the one before it had time to.
    async fn advance(&self) -> Result<(), SettlementError> {
        if !self.network.acts() {
            return Ok(());
        }
        let Some(times) = self.network.epoch_times().await? else {
            return Ok(());
        };
        let seats = self.bft.status().map(|status| status.committee.seats);
        let seats = seats.unwrap_or_default();
        let me = self.bft.address();
        let place = seats.iter().position(|seat| seat.key == me);
        let turn = STAGGER * place.unwrap_or(seats.len()) as u32;
        let now = self.env.now().seconds();
        if now.0 < times.ends.0 + turn.as_secs() {
            return Ok(());
        }
        match self.network.advance().await {
            Ok(_) => Ok(()),
            // Somebody else was quicker.
            Err(error) if error.severity() == Severity::Reset => Ok(()),
            Err(error) => Err(error),
        }
    }
}
