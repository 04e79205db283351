//! What the next block takes, and what becomes of it.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    iter::Peekable,
};

use plasma_core::{Address, Bytes, Gas, MAX_BODY_TRANSACTIONS, Timestamp, TransactionHash};

use super::{
    Lanes, Mempool, Place,
    account::{Account, Lane, Pooled},
    place,
    ranking::{Offer, Pay, Slot},
};

/// How many that do not fit a block passes over before it is closed.
const MAX_MISFITS: usize = 64;

/// A transaction on its way into a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Its name.
    pub hash: TransactionHash,
    /// The transaction.
    pub bytes: Bytes,
}

/// Walks what could be in the next block, best-paying first, each after those of its sender that
/// come before it.
pub(super) struct Selection<'a> {
    pool: &'a Mempool,
    heads: Peekable<Box<dyn Iterator<Item = &'a Offer> + 'a>>,
    /// Next in the runs whose earlier ones were accepted.
    successors: BinaryHeap<(Pay, Reverse<u64>, Slot)>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(pool: &'a Mempool) -> Self {
        let heads: Box<dyn Iterator<Item = &'a Offer> + 'a> = Box::new(pool.lanes.ready.best());
        Self {
            pool,
            heads: heads.peekable(),
            successors: BinaryHeap::new(),
        }
    }

    /// The best one left. What follows it in its sender's run comes only if it is
    /// [accepted](Self::accept).
    pub(super) fn next(&mut self) -> Option<&'a Pooled> {
        let rank = |offer: &&Offer| (offer.pay(self.pool.base_fee), Reverse(offer.arrival));
        let head = self.heads.peek().map(rank);
        let successor = self
            .successors
            .peek()
            .map(|(pay, arrival, _)| (*pay, *arrival));
        let slot = if successor > head {
            self.successors.pop()?.2
        } else {
            self.heads.next()?.slot
        };
        self.pool.waiting(slot)
    }

    pub(super) fn accept(&mut self, pooled: &Pooled) {
        let (sender, nonce) = pooled.slot();
        let Some(account) = self.pool.accounts.get(&sender) else {
            return;
        };
        if !account.sequential() {
            return;
        }
        let base_fee = self.pool.base_fee;
        let next = account.waiting.get(&(nonce + 1)).map(|next| next.offer);
        if let Some(next) = next.filter(|next| next.affordable(base_fee)) {
            self.successors
                .push((next.pay(base_fee), Reverse(next.arrival), next.slot));
        }
    }
}

impl Mempool {
    /// Takes the best-paying for a block at `now`, at most `gas` and `bytes` of them. They stay
    /// known until [`Self::executed`].
    pub fn take(&mut self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Picked> {
        self.expire(now);
        let slots: Vec<Slot> = self
            .select(gas, bytes, now)
            .into_iter()
            .map(Pooled::slot)
            .collect();
        let picked = slots.iter().filter_map(|slot| self.launch(*slot)).collect();
        let senders: BTreeSet<Address> = slots.into_iter().map(|(sender, _)| sender).collect();
        for sender in senders {
            let Some(account) = self.accounts.get_mut(&sender) else {
                continue;
            };
            if account.in_flight.contains_key(&account.head) {
                // A block that failed to use a nonce let it be used again, before later ones that
                // are on their way.
                self.resettle(sender);
            } else {
                place(&mut self.lanes, account, account.head);
            }
        }
        picked
    }

    /// What [`Self::take`] would take. It goes on waiting.
    pub fn ready(&self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        let selected = self.select(gas, bytes, now);
        selected
            .into_iter()
            .map(|pooled| pooled.bytes.clone())
            .collect()
    }

    fn select(&self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<&Pooled> {
        let (mut gas, mut bytes, mut misfits) = (gas.0, bytes, 0);
        let now = now.seconds().0;
        let mut selected = Vec::new();
        let mut selection = Selection::new(self);
        while selected.len() < MAX_BODY_TRANSACTIONS && misfits < MAX_MISFITS {
            let Some(pooled) = selection.next() else {
                break;
            };
            let expired = pooled.expires_at.is_some_and(|last| last < now);
            if expired || pooled.gas_limit.0 > gas || pooled.bytes.len() > bytes {
                misfits += 1;
                continue;
            }
            gas -= pooled.gas_limit.0;
            bytes -= pooled.bytes.len();
            selected.push(pooled);
            selection.accept(pooled);
        }
        selected
    }

    /// Moves a waiting transaction into a block.
    fn launch(&mut self, slot @ (sender, nonce): Slot) -> Option<Picked> {
        let mut pooled = self.accounts.get_mut(&sender)?.waiting.remove(&nonce)?;
        self.forget_waiting(&pooled);
        pooled.lane = None;
        let picked = Picked {
            hash: pooled.hash,
            bytes: pooled.bytes.clone(),
        };
        self.hashes.insert(pooled.hash, Place::InFlight(slot));
        self.statistics.in_flight += 1;
        let account = self.accounts.get_mut(&sender)?;
        if account.sequential() {
            account.head = nonce + 1;
        }
        account.in_flight.insert(nonce, pooled);
        Some(picked)
    }

    /// Takes note of a block's execution. Gives the senders of whom something waits that may be out
    /// of question now; look them up again.
    ///
    /// Who may use nonces in any order is not among them. What is left of the balance pays for what
    /// waits, for it paid for both; and a nonce that was not used after all holds nothing up.
    pub fn executed(&mut self, block: &[TransactionHash]) -> BTreeSet<Address> {
        let mut touched = BTreeSet::new();
        for hash in block {
            let Some(pooled) = self.land(hash) else {
                continue;
            };
            let (sender, nonce) = pooled.slot();
            let Some(account) = self.accounts.get_mut(&sender) else {
                continue;
            };
            let mut astray = false;
            if account.sequential() {
                account.pass(nonce);
                astray = account.head < account.lowest();
            }
            if !account.waiting.is_empty() {
                if account.sequential() {
                    touched.insert(sender);
                }
            } else if account.is_empty() {
                self.accounts.remove(&sender);
            }
            if astray {
                self.prune(sender);
                self.resettle(sender);
            }
        }
        touched
    }

    /// Takes a transaction out of its block.
    fn land(&mut self, hash: &TransactionHash) -> Option<Pooled> {
        match self.hashes.get(hash)? {
            Place::Waiting(_) => None,
            Place::Included => {
                self.hashes.remove(hash);
                None
            }
            Place::InFlight((sender, nonce)) => {
                let (sender, nonce) = (*sender, *nonce);
                self.hashes.remove(hash);
                self.statistics.in_flight -= 1;
                let account = self.accounts.get_mut(&sender)?;
                let pooled = account.in_flight.remove(&nonce)?;
                account.cost = account.cost.saturating_sub(pooled.max_cost);
                Some(pooled)
            }
        }
    }

    /// Lets the transactions of an overridden block wait again, as far as they are known here.
    /// Gives those that are not: they were executed.
    ///
    /// Whoever pays worst goes if that is too much; see [`Self::rewind`] for the nonces.
    pub fn put_back(&mut self, block: &[Picked]) -> Vec<Picked> {
        let mut unknown = Vec::new();
        for picked in block {
            if matches!(self.hashes.get(&picked.hash), Some(Place::Waiting(_))) {
                continue;
            }
            let Some(pooled) = self.land(&picked.hash) else {
                unknown.push(picked.clone());
                continue;
            };
            let sender = pooled.slot().0;
            self.attach(pooled);
            self.resettle(sender);
        }
        self.shed();
        unknown
    }

    /// Evicts the worst-paying until what waits is within the limit.
    fn shed(&mut self) {
        while self.statistics.bytes > self.limits.bytes {
            let Lanes {
                ready,
                following,
                gapped,
            } = &self.lanes;
            let worst = gapped
                .worst()
                .chain(ready.worst())
                .chain(following.worst())
                .next();
            let Some(slot) = worst.map(|offer| offer.slot) else {
                break;
            };
            self.detach(slot);
            self.statistics.evicted += 1;
        }
    }

    /// Takes note of a transaction in a certified block, whoever made the block: it waits no more,
    /// and is known until it is executed. `admission` is asked only about one that is not here.
    pub fn ordered(
        &mut self,
        hash: TransactionHash,
        bytes: &Bytes,
        admission: impl FnOnce() -> Option<plasma_core::Admission>,
    ) {
        match self.hashes.get(&hash) {
            Some(&Place::Waiting(slot)) => {
                self.launch(slot);
                self.resettle(slot.0);
            }
            Some(_) => {}
            None => {
                let admission = admission();
                if let Some(it) = &admission {
                    // The block decides which of two with one nonce it is.
                    self.detach((it.sender, it.nonce));
                }
                self.included(hash, bytes.clone(), admission.as_ref());
            }
        }
    }

    /// Takes note of a block of before the restart: its transactions are known until it is
    /// executed.
    pub fn included(
        &mut self,
        hash: TransactionHash,
        bytes: Bytes,
        admission: Option<&plasma_core::Admission>,
    ) {
        if self.contains(&hash) {
            return;
        }
        let Some(it) = admission else {
            self.hashes.insert(hash, Place::Included);
            return;
        };
        let slot @ (sender, nonce) = (it.sender, it.nonce);
        let pooled = self.pooled(hash, bytes, it);
        let lookups = self.lookups;
        let account = self
            .accounts
            .entry(sender)
            .or_insert_with(|| Account::new(it.nonce_rule, lookups));
        account.balance = it.balance;
        account.cost = account.cost.saturating_add(it.max_cost);
        if account.in_flight.insert(nonce, pooled).is_none() {
            self.statistics.in_flight += 1;
        }
        self.hashes.insert(hash, Place::InFlight(slot));
        self.resettle(sender);
    }
}

impl Account {
    /// Takes note that a nonce was used by a block that is executed.
    fn pass(&mut self, nonce: u64) {
        debug_assert!(
            self.lane(nonce) != Lane::Ready,
            "what is in flight is before the head"
        );
        // A later one cannot have been used, whatever its block says: the one before it was not.
        if nonce == self.lowest() {
            self.rule = super::account::with_lowest(self.rule, nonce + 1);
        }
    }
}
