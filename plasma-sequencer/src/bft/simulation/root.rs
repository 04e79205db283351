//! What members hear of the root: committees to come, blocks that it has, and overrides.
//!
//! Each member has a node that reads the root, some later than others. What the node executed before the member had it
//! certified, it says so; and where the derived chain goes another way, the member goes on after the root's block.

use std::collections::{BTreeSet, VecDeque};

use plasma_core::{
    Address, B256, Block, BlockHeader, ChainUpdate, Height, Timestamp, body_commitment,
    conformance::sequencer::{toy_genesis, toy_root},
    transaction_hash,
};
use rand::{Rng as _, rngs::SmallRng};

use crate::{Journal as _, bft::Domain};

use super::{
    scenario::{Event, Scenario},
    world::{DAWN, Wish, World},
};

/// How far ahead the root tells of committees, in milliseconds: less than some members hear of it late.
const AHEAD_MS: u64 = 2_500;
/// How late members hear of the root at most, and how often they do, in milliseconds.
const LATEST_MS: u64 = 4_000;
const READ_MS: u64 = 500;

/// What is on its way from the root.
#[derive(Debug)]
pub(super) struct Root {
    /// How much later members hear of it.
    lags: Vec<u64>,
    /// When each hears of what is new.
    reads: Vec<u64>,
    /// Overrides that members were not told of yet.
    overrides: Vec<VecDeque<(u64, BlockHeader)>>,
    /// Whether it says anything beside committees, and whether it overrode something.
    pub(super) speaks: bool,
    pub(super) overrode: bool,
    forgot: BTreeSet<B256>,
    /// What rounds count from since the last override.
    pub(super) base: Option<u32>,
    told_late: bool,
}

impl Root {
    pub(super) fn new(scenario: &Scenario, nodes: usize, rng: &mut SmallRng) -> Self {
        let speaks = |(_, event): &(u64, Event)| {
            matches!(
                event,
                Event::Derive { .. } | Event::Force { .. } | Event::Forget { .. }
            )
        };
        Self {
            lags: (0..nodes).map(|_| rng.random_range(0..LATEST_MS)).collect(),
            reads: (0..nodes).map(|_| rng.random_range(0..READ_MS)).collect(),
            overrides: vec![VecDeque::new(); nodes],
            speaks: scenario.events.iter().any(speaks),
            overrode: false,
            forgot: BTreeSet::new(),
            base: None,
            told_late: scenario.told_late,
        }
    }

    /// From now on everybody hears of it at once.
    pub(super) fn calm(&mut self) {
        self.lags.fill(0);
        self.reads.fill(0);
        for overrides in &mut self.overrides {
            for (at, _) in overrides {
                *at = 0;
            }
        }
    }

    pub(super) fn due(&self) -> u64 {
        let told = self.overrides.iter().filter_map(|one| one.front());
        let told = told.map(|(at, _)| *at).min().unwrap_or(u64::MAX);
        let reads = self.reads.iter().copied().min().filter(|_| self.told_late);
        told.min(reads.unwrap_or(u64::MAX))
    }
}

impl World {
    /// Up to which time a member knows of all committees.
    pub(super) fn known(&self, number: usize) -> Timestamp {
        if !self.scenario.told_late {
            return Timestamp(u64::MAX);
        }
        let heard = (self.now + AHEAD_MS).saturating_sub(self.root.lags[number]);
        Timestamp(DAWN + heard)
    }

    /// Members hear what they are to hear by now.
    pub(super) fn hear_of_root(&mut self) {
        for number in 0..self.nodes.len() {
            let due = self.root.overrides[number].front().map(|(at, _)| *at);
            if due.is_some_and(|at| at <= self.now) {
                let told = self.root.overrides[number].pop_front();
                let (_, header) = told.expect("looked at");
                if self.nodes[number].replica.is_none() {
                    // Its node tells it once it is up again.
                    let again = (self.now + READ_MS, header);
                    self.root.overrides[number].push_front(again);
                    continue;
                }
                self.overridden(number, header);
            }
            if self.scenario.told_late && self.root.reads[number] <= self.now {
                self.root.reads[number] = self.now + READ_MS;
                let known = self.known(number);
                let terms = self.terms[1..].iter().filter(|(from, _)| *from <= known);
                let terms: Vec<_> = terms.cloned().collect();
                let now = self.nodes[number].clock(self.now);
                if let Some(replica) = &mut self.nodes[number].replica {
                    let told = replica.announce(terms, known, now);
                    told.expect("one after the other");
                }
                self.settle(number);
            }
        }
    }

    /// A member's node has derived blocks, which the member may not have.
    pub(super) fn derive(&mut self, number: usize) {
        let waits = !self.root.overrides[number].is_empty();
        let Some((height, block)) = self.chain.last_key_value().filter(|_| !waits) else {
            return;
        };
        let (height, header) = (*height, block.header.clone());
        if height <= self.nodes[number].executed || self.nodes[number].replica.is_none() {
            return;
        }
        self.catch_up(number, height);
        let now = self.nodes[number].clock(self.now);
        if let Some(replica) = &mut self.nodes[number].replica {
            let told = replica.observe(ChainUpdate::Derived(header), now);
            assert_eq!(told, Ok(None), "it is only behind");
        }
        self.settle(number);
    }

    /// A node executes the derived chain up to a height.
    fn catch_up(&mut self, number: usize, height: Height) {
        let now = self.nodes[number].clock(self.now);
        while self.nodes[number].executed < height {
            let node = &mut self.nodes[number];
            let next = node.executed.next();
            let block = &self.chain[&next];
            node.ledger.execute(&block.transactions);
            node.executed = next;
            let state_root = toy_root(next, block.header.hash());
            let update = ChainUpdate::Executed {
                height: next,
                state_root,
            };
            if let Some(replica) = &mut node.replica {
                replica.observe(update, now).expect("known news");
            }
        }
    }

    /// The root goes on `back` blocks below the newest one: with a block of its own, or from that one.
    pub(super) fn force(&mut self, back: u64, own: bool) {
        let head = self.chain.last_key_value();
        let head = head.map_or(0, |(height, _)| height.0);
        let last = Height(head.saturating_sub(back));
        let genesis = toy_genesis();
        let parent = match self.chain.get(&last) {
            Some(block) => block.header.clone(),
            None => genesis,
        };
        // From one block it goes on once: rounds would count from the same base the second time.
        if !own && (last.0 == 0 || !self.root.forgot.insert(parent.hash())) {
            return;
        }
        let lost = self.chain.split_off(&last.next());
        for block in lost.into_values() {
            for bytes in &block.transactions {
                self.included.remove(&transaction_hash(bytes));
                let bytes = bytes.clone();
                self.wishes.push(Wish { bytes, sent: 0 });
            }
        }
        let header = if own {
            let forced = BlockHeader {
                height: last.next(),
                parent: parent.hash(),
                timestamp: Timestamp((parent.timestamp.0 + 1).max(DAWN + self.now)),
                proposer: Address::ZERO,
                body: body_commitment(&[]),
                ..parent
            };
            let block = Block {
                header: forced.clone(),
                transactions: Vec::new(),
            };
            self.chain.insert(forced.height, block);
            forced
        } else {
            parent
        };
        self.root.overrode = true;
        self.root.base = Some(Domain::base_after(header.hash()));
        for (lag, overrides) in self.root.lags.iter().zip(&mut self.root.overrides) {
            // All see at once that the root reorganised.
            let lag = if own { *lag } else { 0 };
            overrides.push_back((self.now + lag, header.clone()));
        }
    }

    fn overridden(&mut self, number: usize, header: BlockHeader) {
        let stands = self.derived(header.height);
        if stands.is_none_or(|(hash, _)| hash != header.hash()) {
            // It was overridden itself; the member hears of that too.
            return;
        }
        let node = &mut self.nodes[number];
        if !header.proposer.is_zero() {
            // Of what the root forgot only those hear who have it, and those who are there.
            let journal = node.journal.reopen();
            let head = journal.head().map_or(Height(0), |head| head.height);
            let next = journal.get(header.height.next()).ok().flatten();
            let known = self.chain.get(&header.height.next());
            let came_back = next.is_some_and(|next| Some(&next.block) == known);
            if head < header.height || came_back {
                return;
            }
        }
        node.ledger.reset();
        node.executed = Height(0);
        for (_, block) in self.chain.range(..=header.height) {
            node.ledger.execute(&block.transactions);
        }
        node.executed = header.height;
        let now = node.clock(self.now);
        if let Some(replica) = &mut node.replica {
            let told = replica.observe(ChainUpdate::Override(header.clone()), now);
            told.expect("a block of this chain");
            let (height, state_root) = (header.height, toy_root(header.height, header.hash()));
            let update = ChainUpdate::Executed { height, state_root };
            replica.observe(update, now).expect("known news");
        }
        self.settle(number);
    }
}
