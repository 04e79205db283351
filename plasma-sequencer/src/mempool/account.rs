//! What one sender has here.

use core::ops::{Index, IndexMut};

use plasma_core::{Address, NonceRule, U256};

use super::{
    list::{Linked, Links, List},
    names::{Named, Names},
    pooled::{Lane, Pooled},
    slab::{Id, Slab},
    sorted::Sorted,
};

/// What one sender has here.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) address: Address,
    pub(super) rule: NonceRule,
    pub(super) balance: U256,
    /// The most that all of it, waiting and in blocks, can take from the balance.
    pub(super) cost: U256,
    /// What waits, as the limits count it.
    pub(super) bytes: usize,
    pub(super) waiting: Sorted<Pooled>,
    pub(super) in_flight: Sorted<Pooled>,
    /// Sequential: the first nonce that could be in the next block.
    pub(super) head: u64,
    /// Sequential: the first nonce from `head` on that is not here.
    pub(super) end: u64,
    links: Links<Self>,
}

impl Account {
    pub(super) fn new(address: Address, rule: NonceRule) -> Self {
        let head = lowest(rule);
        Self {
            address,
            rule,
            balance: U256::ZERO,
            cost: U256::ZERO,
            bytes: 0,
            waiting: Sorted::default(),
            in_flight: Sorted::default(),
            head,
            end: head,
            links: Links::default(),
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
        self.in_flight.free_from(self.lowest())
    }

    /// Finds head and end of the run anew.
    pub(super) fn find_run(&mut self) {
        self.head = self.find_head();
        self.end = self.waiting.free_from(self.head);
    }

    /// Moves the end over what is here.
    pub(super) fn extend_run(&mut self) {
        self.end = self.waiting.free_from(self.end);
    }

    /// Whether it has this nonce in its run.
    pub(super) fn in_run(&self, nonce: u64) -> bool {
        self.sequential() && (self.head..self.end).contains(&nonce)
    }

    pub(super) fn lane(&self, nonce: u64) -> Lane {
        if !self.sequential() || nonce == self.head {
            Lane::Ready
        } else if self.in_run(nonce) {
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
        let last = self.waiting.last().max(self.in_flight.last());
        last.map_or(0, |(nonce, _)| nonce + 1).max(self.lowest())
    }

    /// Takes note that a nonce was used by a block that is executed.
    pub(super) fn pass(&mut self, nonce: u64) {
        debug_assert!(
            self.lane(nonce) != Lane::Ready,
            "what is in flight is before the head"
        );
        // A later one cannot have been used, whatever its block says: the one before it was not.
        if nonce == self.lowest() {
            self.rule = with_lowest(self.rule, nonce + 1);
        }
    }
}

pub(super) fn lowest(rule: NonceRule) -> u64 {
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

/// All senders with something here.
#[derive(Debug)]
pub(super) struct Accounts {
    slab: Slab<Account>,
    addresses: Names<Account>,
    /// Those with something waiting, in the order in which the gate last answered about them.
    checks: List<Account, 0>,
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self {
            slab: Slab::default(),
            addresses: Names::new(),
            checks: List::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = Id<Account>> {
        self.slab.ids()
    }

    pub(super) fn find(&self, address: &Address) -> Option<Id<Account>> {
        self.addresses.find(address, &self.slab)
    }

    pub(super) fn get(&self, id: Id<Account>) -> Option<&Account> {
        self.slab.get(id)
    }

    pub(super) fn get_mut(&mut self, id: Id<Account>) -> Option<&mut Account> {
        self.slab.get_mut(id)
    }

    /// Makes one for a sender of whom nothing is here.
    pub(super) fn open(&mut self, address: Address, rule: NonceRule) -> Id<Account> {
        let id = self.slab.insert(Account::new(address, rule));
        self.addresses.insert(&address, id);
        id
    }

    /// Forgets a sender of whom nothing is here any more.
    pub(super) fn close(&mut self, id: Id<Account>) {
        let account = self.slab.remove(id);
        self.addresses.remove(&account.address, id);
    }

    /// Puts a sender at the end of those to look up, of whom something begins to wait.
    pub(super) fn watch(&mut self, id: Id<Account>) {
        self.checks.push(&mut self.slab, id);
    }

    /// Takes a sender out of those to look up, of whom nothing waits any more.
    pub(super) fn unwatch(&mut self, id: Id<Account>) {
        self.checks.remove(&mut self.slab, id);
    }

    /// Puts one of those to look up at the end: the gate answered about it just now.
    pub(super) fn answered(&mut self, id: Id<Account>) {
        if self.checks.last() != Some(id) {
            self.checks.remove(&mut self.slab, id);
            self.checks.push(&mut self.slab, id);
        }
    }

    /// Those to look up, the one looked up longest ago first.
    pub(super) fn watched(&self) -> impl Iterator<Item = Id<Account>> {
        self.checks.iter(&self.slab)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.slab.values_mut()
    }
}

impl Index<Id<Account>> for Accounts {
    type Output = Account;

    fn index(&self, id: Id<Account>) -> &Account {
        &self.slab[id]
    }
}

impl IndexMut<Id<Account>> for Accounts {
    fn index_mut(&mut self, id: Id<Account>) -> &mut Account {
        &mut self.slab[id]
    }
}

impl Linked for Account {
    fn links(&self, _: usize) -> &Links<Self> {
        &self.links
    }

    fn links_mut(&mut self, _: usize) -> &mut Links<Self> {
        &mut self.links
    }
}

impl Named for Account {
    type Name = Address;

    fn name(&self) -> &Address {
        &self.address
    }
}
