//! How long to wait for whose turn it is.
//!
//! Timeouts matter to progress alone: no vote that a short one brings about is unsafe. They only have to become as long
//! as the network needs, in some round. So the first rounds of a height wait for a few times what heights took lately,
//! and each round twice as long as the one before, up to what is configured for it. A seat that is dead costs little
//! that way where blocks come fast, and nobody is hurried where they come slowly.
//!
//! What is measured is from the beginning of a round, by the own clock, until the decision; and until a proposal that
//! came too late, so that timeouts that were too short become longer. Whoever delays its proposals on purpose makes
//! others wait no longer than they would by configuration.

use std::collections::VecDeque;

use arc_malachitebft_core_types::{LinearTimeouts, Round, Timeout, TimeoutKind};
use plasma_core::Timestamp;

/// How many times what heights took is waited for a proposal, and for votes.
const PROPOSE_MARGIN: u64 = 4;
const VOTE_MARGIN: u64 = 2;
/// The least that is waited, as a share of what is configured.
const LEAST_SHARE: u64 = 10;
/// What is forgotten of the longest one with each height: one part of so many.
const FORGOTTEN: u64 = 8;
/// Rounds of a height whose beginnings are remembered.
const MAX_ROUNDS: usize = 16;
/// Heights whose latencies wait to be fetched.
const MAX_LATENCIES: usize = 64;

/// What rounds took, and what follows from it.
#[derive(Debug)]
pub(super) struct Patience {
    timeouts: LinearTimeouts,
    /// What a round takes lately, in milliseconds: a maximum that is forgotten slowly.
    usual: u64,
    /// When the height began here.
    height: Option<u64>,
    /// When its last rounds did.
    rounds: VecDeque<(Round, u64)>,
    latencies: VecDeque<u64>,
}

impl Patience {
    /// Nothing is known yet: as configured.
    pub(super) fn new(timeouts: LinearTimeouts) -> Self {
        Self {
            usual: millis(&timeouts, TimeoutKind::Propose, Round::new(0)),
            timeouts,
            height: None,
            rounds: VecDeque::new(),
            latencies: VecDeque::new(),
        }
    }

    pub(super) fn begin(&mut self, now: Timestamp) {
        self.height = Some(now.0);
        self.rounds.clear();
    }

    pub(super) fn start_round(&mut self, round: Round, now: Timestamp) {
        if self.rounds.len() >= MAX_ROUNDS {
            self.rounds.pop_front();
        }
        self.rounds.push_back((round, now.0));
    }

    /// Something of a round's proposer arrived.
    pub(super) fn heard(&mut self, round: Round, now: Timestamp) {
        let begun = self.rounds.iter().find(|(one, _)| *one == round);
        if let Some((_, at)) = begun {
            self.usual = self.usual.max(now.0.saturating_sub(*at));
        }
    }

    /// The engine decided.
    pub(super) fn decided(&mut self, now: Timestamp) {
        if let Some((_, at)) = self.rounds.back() {
            let took = now.0.saturating_sub(*at);
            self.usual = took.max(self.usual - self.usual.div_ceil(FORGOTTEN));
        }
        if let Some(began) = self.height.take() {
            if self.latencies.len() >= MAX_LATENCIES {
                self.latencies.pop_front();
            }
            self.latencies.push_back(now.0.saturating_sub(began));
        }
        self.rounds.clear();
    }

    /// How long the heights took that were decided since the last call, in milliseconds.
    pub(super) fn latencies(&mut self) -> VecDeque<u64> {
        std::mem::take(&mut self.latencies)
    }

    /// How long to wait, in milliseconds.
    pub(super) fn wait(&self, timeout: Timeout) -> u64 {
        let configured = millis(&self.timeouts, timeout.kind, timeout.round);
        let margin = match timeout.kind {
            TimeoutKind::Propose => PROPOSE_MARGIN,
            TimeoutKind::Prevote | TimeoutKind::Precommit => VOTE_MARGIN,
            _ => return configured,
        };
        let round = timeout.round.as_u32().unwrap_or_default();
        let first = millis(&self.timeouts, timeout.kind, Round::new(0));
        let usual = self.usual.saturating_mul(margin).max(first / LEAST_SHARE);
        let doubled = usual.saturating_mul(1 << round.min(20));
        doubled.min(configured)
    }
}

fn millis(timeouts: &LinearTimeouts, kind: TimeoutKind, round: Round) -> u64 {
    let duration = timeouts.duration_for(Timeout::new(round, kind));
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::ReplicaConfig;

    fn propose(patience: &Patience, round: u32) -> u64 {
        patience.wait(Timeout::new(Round::new(round), TimeoutKind::Propose))
    }

    /// Heights that take so long each.
    fn heights(patience: &mut Patience, count: u64, took: u64) {
        for height in 0..count {
            let now = height * 10_000;
            patience.begin(Timestamp(now));
            patience.start_round(Round::new(0), Timestamp(now));
            patience.decided(Timestamp(now + took));
        }
    }

    #[test]
    fn timeouts_follow_what_heights_take_and_grow_to_what_is_configured() {
        let mut patience = Patience::new(ReplicaConfig::default().timeouts);
        assert_eq!(propose(&patience, 0), 1_000);
        heights(&mut patience, 60, 10);
        assert_eq!(propose(&patience, 0), 100, "not less than a tenth");
        assert_eq!(propose(&patience, 1), 200);
        for round in 5..100 {
            let configured = 1_000 + 250 * u64::from(round);
            assert_eq!(propose(&patience, round), configured.min(10_000));
        }
        heights(&mut patience, 1, 80);
        assert_eq!(propose(&patience, 0), 320);
        heights(&mut patience, 1, 900);
        assert_eq!(propose(&patience, 0), 1_000, "not more than is configured");
        let rebroadcast = Timeout::new(Round::new(0), TimeoutKind::Rebroadcast);
        assert_eq!(patience.wait(rebroadcast), 1_500);
        assert_eq!(patience.latencies().len(), 62);
    }

    #[test]
    fn a_proposal_that_comes_too_late_makes_the_next_timeouts_longer() {
        let mut patience = Patience::new(ReplicaConfig::default().timeouts);
        heights(&mut patience, 60, 10);
        patience.begin(Timestamp(0));
        patience.start_round(Round::new(0), Timestamp(0));
        patience.start_round(Round::new(1), Timestamp(130));
        patience.heard(Round::new(0), Timestamp(150));
        assert_eq!(propose(&patience, 0), 600);
        patience.heard(Round::new(7), Timestamp(5_000));
        assert_eq!(propose(&patience, 0), 600, "of a round that never began");
    }
}
