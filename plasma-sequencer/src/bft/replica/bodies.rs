//! Blocks on their way, and those that wait for a verdict.

use std::collections::{BTreeMap, BTreeSet};

use arc_malachitebft_core_consensus::{Input, ProposedValue};
use arc_malachitebft_core_types::{Round, Validator as _, Validity, ValueOrigin};
use plasma_core::{Address, B256, Timestamp, decode};

use super::Replica;
use crate::bft::{
    app::{Payload, Verdict},
    context::{Assembly, BlockId, MAX_PART_BYTES, MAX_PARTS, SignedPart},
    log::LogEntry,
};

/// Blocks that one round's proposer may have under way: a second one shows that it equivocates.
const MAX_PER_ROUND: usize = 2;
/// Rounds ahead of the own one whose blocks are taken.
const MAX_ROUNDS_AHEAD: u32 = 10;
/// Parts of the next height that are kept until it begins, and those of one peer among them.
const MAX_EARLY: usize = 32;
const MAX_EARLY_OF_ONE: usize = 8;
/// Unfinished blocks for rounds to come that one proposer may have under way: rounds are not reached that fast.
const MAX_AHEAD_OF_ONE: usize = 2;
/// How often to look again at a block about which there is no verdict yet, in milliseconds.
const RECONSIDER_MS: u64 = 50;
/// The longest encoding of a block.
const MAX_PAYLOAD_BYTES: usize = MAX_PART_BYTES * MAX_PARTS as usize;

/// Blocks of one height.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// By round and hash.
    arriving: BTreeMap<(u32, B256), Arriving>,
    /// What the engine knows.
    told: BTreeSet<(u32, B256)>,
    waiting: Vec<(u32, B256)>,
    reconsider: Option<u64>,
    early: Vec<(Address, SignedPart)>,
}

/// A block that comes in parts.
#[derive(Debug)]
struct Arriving {
    proposer: Address,
    assembly: Assembly,
    /// To be passed on.
    parts: Vec<SignedPart>,
    whole: bool,
}

impl Bodies {
    pub(super) fn clear(&mut self) {
        let early = std::mem::take(&mut self.early);
        *self = Self::default();
        self.early = early;
    }

    /// Keeps a part of the height after the next one. Who sends it is known, who signed it is not yet.
    fn keep_early(&mut self, from: Address, part: SignedPart) {
        let same = self.early.iter().filter(|(peer, _)| *peer == from).count();
        if self.early.len() < MAX_EARLY && same < MAX_EARLY_OF_ONE {
            self.early.push((from, part));
        }
    }

    /// Forgets unfinished blocks of rounds that are long over: whoever decides one of them has it.
    pub(super) fn forget_rounds_below(&mut self, round: u32) {
        self.arriving
            .retain(|(number, _), one| one.whole || *number >= round);
    }

    pub(super) fn take_early(&mut self) -> Vec<(Address, SignedPart)> {
        std::mem::take(&mut self.early)
    }

    pub(super) fn due(&self) -> u64 {
        self.reconsider.unwrap_or(u64::MAX)
    }

    /// The parts of a block that is whole, as its proposer signed them.
    pub(super) fn parts(&self, round: u32, block: B256) -> &[SignedPart] {
        let arrived = self.arriving.get(&(round, block));
        arrived
            .filter(|arrived| arrived.whole)
            .map_or(&[], |arrived| &arrived.parts)
    }
}

impl Replica {
    /// Takes a part of a block that is proposed at the next height.
    pub(super) fn receive_part(&mut self, from: Address, part: SignedPart, now: Timestamp) {
        let header = part.part.header;
        let (next, round) = (self.app.height(), header.round());
        if header.height.0 == next.0 + 1 {
            self.bodies.keep_early(from, part);
            return;
        }
        let Some(number) = round.as_u32().filter(|_| header.height == next) else {
            return;
        };
        let reached = self.round().as_u32().unwrap_or_default();
        if number > reached.saturating_add(MAX_ROUNDS_AHEAD) {
            return;
        }
        let proposer = self.seats.proposer(number).address().0;
        let key = (number, header.block);
        let arrived = self.bodies.arriving.get(&key).is_some_and(|one| one.whole);
        if arrived || self.bodies.told.contains(&key) {
            return;
        }
        if !self.verifier.part(self.seats.domain(), &part, &proposer) {
            return;
        }
        if !self.begun && self.seated() {
            self.begin(now);
        }
        if self.app.undecided(&header.block).is_some() {
            // Proposed again, or known from the log.
            self.consider(key, now);
            return;
        }
        self.patience.arriving((self.app.next(), round), now);
        let Some(body) = self.assemble(key, part, proposer) else {
            return;
        };
        let payload = decode::<Payload>(&body, MAX_PAYLOAD_BYTES).ok();
        let Some(payload) = payload.filter(|payload| payload.id() == header.block) else {
            tracing::debug!(%proposer, block = %header.block, "parts of no block");
            return;
        };
        self.append(&LogEntry::Body(payload.clone(), false));
        let locked = self
            .engine
            .as_ref()
            .and_then(|engine| engine.driver.valid_value())
            .map(|valid| valid.value.0);
        self.app.hold(payload, locked);
        self.consider(key, now);
    }

    /// Adds a part whose signature holds; gives the block's encoding once it is whole.
    fn assemble(
        &mut self,
        key: (u32, B256),
        part: SignedPart,
        proposer: Address,
    ) -> Option<Vec<u8>> {
        let reached = self.round().as_u32().unwrap_or_default();
        let arriving = &mut self.bodies.arriving;
        if !arriving.contains_key(&key) {
            let all = (key.0, B256::ZERO)..=(key.0, B256::repeat_byte(0xff));
            if arriving.range(all).count() >= MAX_PER_ROUND {
                return None;
            }
            let ahead = arriving.iter().filter(|((round, _), one)| {
                *round > reached && !one.whole && one.proposer == proposer
            });
            if key.0 > reached && ahead.count() >= MAX_AHEAD_OF_ONE {
                return None;
            }
            let size = self.config.part_bytes.clamp(1, MAX_PART_BYTES);
            let limit = (MAX_PAYLOAD_BYTES.div_ceil(size)).min(usize::from(u16::MAX));
            let assembly = Assembly::new(&part.part, limit as u16).ok()?;
            let parts = Vec::new();
            let whole = false;
            arriving.insert(
                key,
                Arriving {
                    proposer,
                    assembly,
                    parts,
                    whole,
                },
            );
        }
        let one = arriving.get_mut(&key)?;
        let body = one.assembly.add(&part.part).ok()?;
        if !one
            .parts
            .iter()
            .any(|held| held.part.header == part.part.header)
        {
            one.parts.push(part);
        }
        one.whole = body.is_some();
        body
    }

    /// Says to the engine what to think of a block, once that is clear.
    fn consider(&mut self, key @ (number, block): (u32, B256), now: Timestamp) {
        if self.bodies.told.contains(&key) {
            return;
        }
        let Some(payload) = self.app.undecided(&block) else {
            return;
        };
        let rounds = number.min(self.seats.turns().len() as u32 - 1);
        let turns: Vec<Address> = (0..=rounds)
            .map(|round| self.seats.proposer(round).address().0)
            .collect();
        let validity = match self.app.validate(payload, &turns, now) {
            Verdict::Valid => Validity::Valid,
            Verdict::Invalid(reason) => {
                tracing::debug!(%block, round = number, %reason, "a block that must not be");
                Validity::Invalid
            }
            Verdict::NotYet(reason) => {
                tracing::trace!(%block, round = number, %reason, "a block to be looked at again");
                if !self.bodies.waiting.contains(&key) {
                    self.bodies.waiting.push(key);
                }
                self.bodies.reconsider = Some(now.0 + RECONSIDER_MS);
                return;
            }
        };
        self.bodies.told.insert(key);
        let value = ProposedValue {
            height: self.app.height(),
            round: Round::new(number),
            valid_round: Round::Nil,
            proposer: *self.seats.proposer(number).address(),
            value: BlockId(block),
            validity,
        };
        self.run(Input::ProposedValue(value, ValueOrigin::Consensus), now);
    }

    /// Looks again at blocks about which there was no verdict.
    pub(super) fn reconsider(&mut self, now: Timestamp) {
        self.bodies.reconsider = None;
        for key in std::mem::take(&mut self.bodies.waiting) {
            self.consider(key, now);
        }
    }
}
