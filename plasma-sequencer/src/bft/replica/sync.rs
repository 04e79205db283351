//! Catching up: whoever is behind asks, whoever is ahead answers.
//!
//! Certified blocks need no trust in whom they come from: the core adopts what the root would
//! accept. One request is under way at a time; it is repeated elsewhere when nothing comes of it.

use std::collections::{BTreeMap, BTreeSet};

use arc_malachitebft_core_types::Round;
use plasma_core::{Address, CertifiedBlock, Height, Timestamp, encode};

use super::Replica;
use crate::bft::{
    bucket::Bucket,
    context::{Domain, Key, SignedVote, Vote, VoteSignature},
    wire::{Decided, Message, Signed},
};

/// Blocks in one answer, and their bytes.
const MAX_ANSWER_BLOCKS: usize = 64;
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// Answers to one peer: at once, and a second. They read the disk, and most peers are not behind.
const ANSWERS_AT_ONCE: u64 = 8;
const ANSWERS_A_SECOND: u64 = 20;
/// How long an answer may take before another is asked, in milliseconds.
const PATIENCE_MS: u64 = 1_000;
/// How often one peer is told of the same decision, in milliseconds.
const TELL_AGAIN_MS: u64 = 250;

/// What is asked of whom.
#[derive(Debug)]
pub(super) struct Fetching {
    /// Until when an answer is awaited.
    until: u64,
    /// The next time to ask without a reason.
    probe: u64,
    interval: u64,
    /// Whom to ask then.
    turn: usize,
    told: BTreeMap<Address, (Height, u64)>,
    /// Who may send blocks, for it was asked.
    asked: BTreeSet<Address>,
    /// What peers may still ask for.
    answers: BTreeMap<Address, Bucket>,
}

impl Fetching {
    pub(super) fn new(now: Timestamp, interval: u64) -> Self {
        Self {
            until: 0,
            // Who comes back asks at once.
            probe: now.0,
            interval,
            turn: 0,
            told: BTreeMap::new(),
            asked: BTreeSet::new(),
            answers: BTreeMap::new(),
        }
    }

    pub(super) fn due(&self) -> u64 {
        self.probe
    }

    /// Asks at the next occasion.
    pub(super) fn wish(&mut self) {
        self.probe = 0;
    }
}

impl Replica {
    /// Asks a peer for what was missed, each in its turn.
    pub(super) fn probe(&mut self, now: Timestamp) {
        if now.0 < self.fetching.probe || self.failure.is_some() {
            return;
        }
        self.fetching.probe = now.0 + self.fetching.interval;
        let me = self.app.address();
        let seats = &self.seats.committee().seats;
        let others: Vec<Address> = seats
            .iter()
            .map(|seat| seat.key)
            .filter(|key| *key != me)
            .collect();
        if others.is_empty() {
            return;
        }
        self.fetching.turn = (self.fetching.turn + 1) % others.len();
        self.fetch(others[self.fetching.turn]);
    }

    /// `peer` is at a later height.
    pub(super) fn behind(&mut self, peer: Address, height: Height, now: Timestamp) {
        if height <= self.app.next() || now.0 < self.fetching.until {
            return;
        }
        self.fetching.until = now.0 + PATIENCE_MS;
        self.fetch(peer);
    }

    /// Asks for what comes next.
    fn fetch(&mut self, peer: Address) {
        self.fetching.asked.insert(peer);
        let from = self.app.next();
        self.send(Some(peer), Message::Fetch { from });
    }

    /// Tells `peer` of the newest decision: it still votes on an earlier one.
    pub(super) fn tell_decision(&mut self, peer: Address, now: Timestamp) {
        let head = self.app.head().height;
        let told = self.fetching.told.get(&peer);
        if told.is_some_and(|(height, at)| *height == head && now.0 < at + TELL_AGAIN_MS) {
            return;
        }
        let Ok(Some(held)) = self.app.journal().get(head) else {
            return;
        };
        self.fetching.told.insert(peer, (head, now.0));
        let decided = Decided {
            certificate: held.certificate,
            beside: Vec::new(),
        };
        self.send(Some(peer), Message::Decided(decided));
    }

    pub(super) fn receive_decided(&mut self, from: Address, decided: Decided, now: Timestamp) {
        let certificate = &decided.certificate;
        let (height, next) = (certificate.height, self.app.next());
        let chain_id = self.seats.domain().chain_id;
        if height > next {
            // Not checked: it only makes this member ask, once in a while.
            self.behind(from, height, now);
            return;
        }
        let Some(committee) = self.app.schedule().of(certificate.epoch).cloned() else {
            return;
        };
        if !self.verifier.certificate(chain_id, &committee, certificate) {
            return;
        }
        self.witness_decided(&decided);
        if height < next {
            self.app
                .evidence_mut()
                .certificate(&committee, &decided.certificate);
            return;
        }
        let body = self.app.undecided(&certificate.block);
        if body.is_some_and(|body| body.block.header.height == height) {
            match self.app.commit(decided.certificate) {
                Ok(Some(certified)) => self.adopted(certified),
                Ok(None) => {}
                Err(error) => self.fail(error),
            }
        } else if now.0 >= self.fetching.until {
            self.fetching.until = now.0 + PATIENCE_MS;
            self.fetch(from);
        }
    }

    /// Compares the votes in a decision, and beside it, with those seen here.
    fn witness_decided(&mut self, decided: &Decided) {
        let certificate = &decided.certificate;
        let Some(known) = self.domain(certificate.height) else {
            return;
        };
        let domain = Domain {
            epoch: certificate.epoch,
            base: Domain::base_of(certificate.round),
            ..known
        };
        let Some(round) = domain.round(certificate.round) else {
            return;
        };
        let Some(committee) = self.app.schedule().of(certificate.epoch).cloned() else {
            return;
        };
        let signed = committee
            .seats
            .iter()
            .enumerate()
            .filter(|(number, _)| certificate.signers.bit(*number));
        let precommits: Vec<SignedVote> = signed
            .zip(&certificate.signatures)
            .map(|((_, seat), signature)| {
                let vote = precommit(certificate, round, Key(seat.key));
                SignedVote::new(vote, VoteSignature(*signature))
            })
            .collect();
        let beside = decided.beside.iter().cloned().map(Signed::into_engine);
        for vote in precommits.into_iter().chain(beside) {
            let seated = committee
                .seats
                .iter()
                .any(|seat| seat.key == vote.message.seat.0);
            let here = vote.message.height.0 == certificate.height.0;
            if seated && here && self.verifier.vote(&domain, &vote) {
                self.app.evidence_mut().vote(&domain, &vote);
            }
        }
    }

    pub(super) fn answer(&mut self, to: Address, from: Height, now: Timestamp) {
        if from > self.app.head().height {
            return;
        }
        let full = Bucket::new(ANSWERS_A_SECOND, ANSWERS_AT_ONCE, now);
        let budget = self.fetching.answers.entry(to).or_insert(full);
        if !budget.open(now) {
            return;
        }
        budget.spend(1, now);
        let (mut height, mut bytes) = (from, 0);
        let mut blocks = Vec::new();
        while blocks.len() < MAX_ANSWER_BLOCKS && height <= self.app.head().height {
            let Ok(Some(held)) = self.app.journal().get(height) else {
                break;
            };
            bytes += encode(&held).len();
            if bytes > MAX_ANSWER_BYTES && !blocks.is_empty() {
                break;
            }
            blocks.push(held);
            height = height.next();
        }
        if !blocks.is_empty() {
            self.send(Some(to), Message::Blocks(blocks));
        }
    }

    pub(super) fn receive_blocks(&mut self, from: Address, blocks: Vec<CertifiedBlock>) {
        // Each certificate costs many recoveries: nobody sends what was not asked for.
        if !self.fetching.asked.remove(&from) {
            return;
        }
        let full = blocks.len() > 1;
        let mut adopted = false;
        for certified in blocks {
            if certified.block.header.height != self.app.next() {
                continue;
            }
            match self.app.adopt(certified) {
                Ok(certified) => {
                    adopted = true;
                    self.adopted(certified);
                }
                Err(error @ plasma_core::SequencerError::Journal(_)) => return self.fail(error),
                Err(error) => {
                    tracing::debug!(%from, %error, "a peer's block is not adopted");
                    return;
                }
            }
        }
        self.fetching.until = 0;
        if adopted && full {
            self.fetch(from);
        }
    }

    fn adopted(&mut self, certified: CertifiedBlock) {
        self.committed(certified);
        self.turn_to_next();
    }
}

fn precommit(certificate: &plasma_core::Certificate, round: Round, seat: Key) -> Vote {
    Vote {
        kind: arc_malachitebft_core_types::VoteType::Precommit,
        height: certificate.height.into(),
        round,
        value: arc_malachitebft_core_types::NilOrVal::Val(certificate.block),
        seat,
    }
}
