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
use plasma_core::{Address, Height, Timestamp};

/// How many times what heights took is waited for a proposal, and for votes.
const PROPOSE_MARGIN: u64 = 4;
const VOTE_MARGIN: u64 = 2;
/// The least that is waited, as a share of what is configured.
const LEAST_SHARE: u64 = 10;
/// What is forgotten of the longest one with each height: one part of so many. A seat that is far away and was passed
/// over once has its next turn before that is forgotten.
const FORGOTTEN: u64 = 64;
/// Rounds whose beginnings are remembered.
const MAX_ROUNDS: usize = 32;
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
    /// The last rounds, of earlier heights too: what comes too late may come after the decision.
    rounds: VecDeque<Begun>,
    latencies: VecDeque<u64>,
}

/// A round that began.
#[derive(Clone, Copy, Debug)]
struct Begun {
    height: Height,
    round: Round,
    proposer: Address,
    at: u64,
    /// Whether its proposal came. Said again it shows nothing.
    proposed: bool,
}

impl Patience {
    /// Nothing is known yet: as configured.
    pub(super) fn new(timeouts: LinearTimeouts) -> Self {
        Self {
            usual: millis(&timeouts, TimeoutKind::Propose, Round::new(0)) / PROPOSE_MARGIN,
            timeouts,
            height: None,
            rounds: VecDeque::new(),
            latencies: VecDeque::new(),
        }
    }

    pub(super) fn begin(&mut self, now: Timestamp) {
        self.height = Some(now.0);
    }

    pub(super) fn start_round(
        &mut self,
        (height, round): (Height, Round),
        proposer: Address,
        now: Timestamp,
    ) {
        if self.rounds.len() >= MAX_ROUNDS {
            self.rounds.pop_front();
        }
        self.rounds.push_back(Begun {
            height,
            round,
            proposer,
            at: now.0,
            proposed: false,
        });
    }

    /// A proposal arrived whose signature holds.
    pub(super) fn proposed(
        &mut self,
        (height, round): (Height, Round),
        proposer: Address,
        now: Timestamp,
    ) {
        let Some(begun) = self.find(height, round) else {
            return;
        };
        if begun.proposer == proposer && !begun.proposed {
            begun.proposed = true;
            let at = begun.at;
            self.takes(at, now);
        }
    }

    /// A part arrived of the block that is proposed in a round.
    pub(super) fn arriving(&mut self, (height, round): (Height, Round), now: Timestamp) {
        if let Some(Begun { at, .. }) = self.find(height, round).copied() {
            self.takes(at, now);
        }
    }

    fn find(&mut self, height: Height, round: Round) -> Option<&mut Begun> {
        let mut rounds = self.rounds.iter_mut().rev();
        rounds.find(|one| (one.height, one.round) == (height, round))
    }

    fn takes(&mut self, at: u64, now: Timestamp) {
        self.usual = self.usual.max(now.0.saturating_sub(at));
    }

    /// The engine decided.
    pub(super) fn decided(&mut self, now: Timestamp) {
        self.usual -= self.usual.div_ceil(FORGOTTEN);
        if let Some(Begun { at, .. }) = self.rounds.back().copied() {
            self.takes(at, now);
        }
        if let Some(began) = self.height.take() {
            if self.latencies.len() >= MAX_LATENCIES {
                self.latencies.pop_front();
            }
            self.latencies.push_back(now.0.saturating_sub(began));
        }
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

    fn far() -> Address {
        Address::repeat_byte(9)
    }

    /// Heights that take so long each, after `from`.
    fn heights(patience: &mut Patience, from: u64, count: u64, took: u64) {
        for height in from..from + count {
            let now = height * 10_000;
            let place = (Height(height), Round::new(0));
            patience.begin(Timestamp(now));
            patience.start_round(place, far(), Timestamp(now));
            patience.proposed(place, far(), Timestamp(now + took / 2));
            patience.decided(Timestamp(now + took));
        }
    }

    #[test]
    fn timeouts_follow_what_heights_take_and_grow_to_what_is_configured() {
        let mut patience = Patience::new(ReplicaConfig::default().timeouts);
        assert_eq!(propose(&patience, 0), 1_000);
        heights(&mut patience, 0, 300, 10);
        assert_eq!(propose(&patience, 0), 100, "not less than a tenth");
        assert_eq!(propose(&patience, 1), 200);
        for round in 5..100 {
            let configured = 1_000 + 250 * u64::from(round);
            assert_eq!(propose(&patience, round), configured.min(10_000));
        }
        heights(&mut patience, 300, 1, 80);
        assert_eq!(propose(&patience, 0), 320);
        heights(&mut patience, 301, 1, 900);
        assert_eq!(propose(&patience, 0), 1_000, "not more than is configured");
        let rebroadcast = Timeout::new(Round::new(0), TimeoutKind::Rebroadcast);
        assert_eq!(patience.wait(rebroadcast), 1_500);
        assert_eq!(patience.latencies().len(), MAX_LATENCIES);
    }

    #[test]
    fn a_seat_that_is_far_away_is_waited_for_the_next_time() {
        let mut patience = Patience::new(ReplicaConfig::default().timeouts);
        heights(&mut patience, 0, 300, 10);
        let place = (Height(300), Round::new(0));
        let near = Address::repeat_byte(1);
        patience.start_round(place, far(), Timestamp(0));
        patience.start_round((Height(300), Round::new(1)), near, Timestamp(130));
        patience.decided(Timestamp(140));
        // Decided without it, and then it comes.
        patience.proposed(place, near, Timestamp(150));
        assert_eq!(propose(&patience, 0), 100, "not whose turn it was");
        patience.proposed(place, far(), Timestamp(220));
        assert_eq!(propose(&patience, 0), 880);
        heights(&mut patience, 301, 20, 10);
        assert!(propose(&patience, 0) > 600, "{}", propose(&patience, 0));
        patience.proposed(place, far(), Timestamp(900_000));
        assert!(propose(&patience, 0) < 880, "said again");
        patience.proposed((Height(7), Round::new(7)), far(), Timestamp(900_000));
        assert!(propose(&patience, 0) < 880, "of a round that never began");
    }
}
