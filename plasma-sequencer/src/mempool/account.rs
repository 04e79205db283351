//! What one sender has here.

use std::collections::BTreeMap;

use plasma_core::{Bytes, Gas, NonceRule, TransactionHash, U256};

use super::{
    limits::TRANSACTION_OVERHEAD_BYTES,
    ranking::{Offer, Slot},
};

/// A transaction in the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pooled {
    pub(super) bytes: Bytes,
    pub(super) hash: TransactionHash,
    pub(super) gas_limit: Gas,
    pub(super) max_cost: U256,
    pub(super) expires_at: Option<u64>,
    pub(super) offer: Offer,
    /// Where it is ranked; `None` while it is in a block.
    pub(super) lane: Option<Lane>,
}

impl Pooled {
    pub(super) fn slot(&self) -> Slot {
        self.offer.slot
    }

    /// What it counts for against the limits.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + TRANSACTION_OVERHEAD_BYTES
    }
}

/// What a waiting transaction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A block.
    Ready,
    /// The one before it in its sender's run, which may be in the same block.
    Following,
    /// A nonce that is not here.
    Gapped,
}

/// What one sender has here.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) rule: NonceRule,
    pub(super) balance: U256,
    /// The most that all of it, waiting and in blocks, can take from the balance.
    pub(super) cost: U256,
    /// What waits, as the limits count it.
    pub(super) bytes: usize,
    pub(super) waiting: BTreeMap<u64, Pooled>,
    pub(super) in_flight: BTreeMap<u64, Pooled>,
    /// Sequential: the first nonce that could be in the next block.
    pub(super) head: u64,
    /// Sequential: the first nonce from `head` on that is not here.
    pub(super) end: u64,
    /// When its nonce and balance were last looked up, as a running number.
    pub(super) checked: u64,
}

impl Account {
    pub(super) fn new(rule: NonceRule, checked: u64) -> Self {
        let head = lowest(rule);
        Self {
            rule,
            balance: U256::ZERO,
            cost: U256::ZERO,
            bytes: 0,
            waiting: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            head,
            end: head,
            checked,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_empty()
    }

    pub(super) fn sequential(&self) -> bool {
        matches!(self.rule, NonceRule::Sequential { .. })
    }

    /// The lowest nonce that may be used.
    pub(super) fn lowest(&self) -> u64 {
        lowest(self.rule)
    }

    /// Takes the newer of two states of the nonces. Says whether that was another than before.
    pub(super) fn advance(&mut self, rule: NonceRule) -> bool {
        let same_kind = core::mem::discriminant(&rule) == core::mem::discriminant(&self.rule);
        let newer = !same_kind || lowest(rule) > self.lowest();
        if newer {
            self.rule = rule;
        }
        newer
    }

    /// Where the run begins: after what is in blocks already.
    pub(super) fn find_head(&self) -> u64 {
        let mut head = self.lowest();
        while self.in_flight.contains_key(&head) {
            head += 1;
        }
        head
    }

    /// Finds head and end of the run anew.
    pub(super) fn find_run(&mut self) {
        self.head = self.find_head();
        self.end = self.head;
        self.extend_run();
    }

    /// Moves the end over what is here.
    pub(super) fn extend_run(&mut self) {
        while self.waiting.contains_key(&self.end) {
            self.end += 1;
        }
    }

    pub(super) fn lane(&self, nonce: u64) -> Lane {
        if !self.sequential() || nonce == self.head {
            Lane::Ready
        } else if (self.head..self.end).contains(&nonce) {
            Lane::Following
        } else {
            Lane::Gapped
        }
    }

    /// Where a transaction with this nonce would be.
    pub(super) fn lane_if_added(&self, nonce: u64) -> Lane {
        if self.sequential() && nonce == self.end && nonce != self.head {
            Lane::Following
        } else {
            self.lane(nonce)
        }
    }

    /// The next nonce for the account's owner to use.
    pub(super) fn next_nonce(&self) -> u64 {
        if self.sequential() {
            return self.end;
        }
        let last = |map: &BTreeMap<u64, Pooled>| map.last_key_value().map(|(nonce, _)| nonce + 1);
        let highest = last(&self.waiting).max(last(&self.in_flight));
        highest.unwrap_or_default().max(self.lowest())
    }
}

fn lowest(rule: NonceRule) -> u64 {
    match rule {
        NonceRule::Sequential { next } => next,
        NonceRule::Window { base } => base,
    }
}

/// The rule with another lowest nonce.
pub(super) fn with_lowest(rule: NonceRule, lowest: u64) -> NonceRule {
    match rule {
        NonceRule::Sequential { .. } => NonceRule::Sequential { next: lowest },
        NonceRule::Window { .. } => NonceRule::Window { base: lowest },
    }
}
