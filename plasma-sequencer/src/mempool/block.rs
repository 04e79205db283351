//! What the next block takes, and what becomes of it.

use std::{collections::BinaryHeap, iter::Peekable};

use plasma_core::{
    Address, Admission, Bytes, Gas, MAX_BODY_TRANSACTIONS, Timestamp, TransactionHash,
};

use super::{
    Mempool,
    account::Account,
    pooled::{Lane, Pooled},
    ranking::Ranked,
    slab::Id,
};

/// How many that do not fit a block passes over before it is closed.
pub(super) const MAX_MISFITS: usize = 64;

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
    heads: Peekable<Box<dyn Iterator<Item = Ranked> + 'a>>,
    /// Next in the runs whose earlier ones were accepted.
    successors: BinaryHeap<Ranked>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(pool: &'a Mempool) -> Self {
        let heads: Box<dyn Iterator<Item = Ranked> + 'a> = Box::new(pool.lanes.best(Lane::Ready));
        Self {
            pool,
            heads: heads.peekable(),
            successors: BinaryHeap::new(),
        }
    }

    /// The best one left. What follows it in its sender's run comes only if it is
    /// [accepted](Self::accept).
    pub(super) fn next(&mut self) -> Option<Id<Pooled>> {
        let next = if self.successors.peek() > self.heads.peek() {
            self.successors.pop()
        } else {
            self.heads.next()
        };
        next.map(|next| next.id)
    }

    pub(super) fn accept(&mut self, id: Id<Pooled>) {
        let pool = self.pool;
        let pooled = &pool.transactions[id];
        let account = &pool.accounts[pooled.account];
        if !account.sequential() {
            return;
        }
        let base_fee = pool.lanes.base_fee();
        if let Some(next) = account.waiting.get(pooled.nonce + 1) {
            let offer = &pool.transactions[next].offer;
            if offer.affordable(base_fee) {
                self.successors.push(Ranked::new(offer, base_fee, next));
            }
        }
    }
}

impl Mempool {
    /// Takes the best-paying for a block at `now`, at most `gas` and `bytes` of them. They stay
    /// known until [`Self::executed`].
    pub fn take(&mut self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Picked> {
        self.expire(now);
        let selected = self.select(gas, bytes, now);
        let mut runs = Vec::new();
        let mut picked = Vec::with_capacity(selected.len());
        for id in selected {
            self.launch(id);
            let pooled = &self.transactions[id];
            picked.push(Picked {
                hash: pooled.hash,
                bytes: pooled.bytes.clone(),
            });
            if self.accounts[pooled.account].sequential() {
                runs.push(pooled.account);
            }
        }
        runs.sort_unstable();
        runs.dedup();
        for owner in runs {
            let account = &self.accounts[owner];
            if account.in_flight.get(account.head).is_some() {
                // A block that failed to use a nonce let it be used again, before later ones that
                // are on their way.
                self.resettle(owner);
            } else {
                self.settle(owner, account.head);
            }
        }
        picked
    }

    /// What [`Self::take`] would take. It goes on waiting.
    pub fn ready(&self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        let selected = self.select(gas, bytes, now).into_iter();
        selected
            .map(|id| self.transactions[id].bytes.clone())
            .collect()
    }

    fn select(&self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Id<Pooled>> {
        let (mut gas, mut bytes, mut misfits) = (gas.0, bytes, 0);
        let now = now.seconds().0;
        let mut selected = Vec::new();
        let mut selection = Selection::new(self);
        while selected.len() < MAX_BODY_TRANSACTIONS && misfits < MAX_MISFITS {
            let Some(id) = selection.next() else {
                break;
            };
            let pooled = &self.transactions[id];
            let expired = pooled.expires_at.is_some_and(|last| last < now);
            if expired || pooled.gas_limit.0 > gas || pooled.bytes.len() > bytes {
                misfits += 1;
                continue;
            }
            gas -= pooled.gas_limit.0;
            bytes -= pooled.bytes.len();
            selected.push(id);
            selection.accept(id);
        }
        selected
    }

    /// Moves a waiting transaction into a block.
    fn launch(&mut self, id: Id<Pooled>) {
        self.unlist(id);
        self.statistics.in_flight += 1;
        let pooled = &self.transactions[id];
        let account = &mut self.accounts[pooled.account];
        if account.sequential() {
            account.head = pooled.nonce + 1;
        }
        account.in_flight.insert(pooled.nonce, id);
    }

    /// Takes note of a block's execution. Gives the senders of whom something waits that may be out
    /// of question now, each once; look them up again.
    ///
    /// Who may use nonces in any order is not among them. What is left of the balance pays for what
    /// waits, for it paid for both; and a nonce that was not used after all holds nothing up.
    pub fn executed(&mut self, block: &[TransactionHash]) -> Vec<Address> {
        let mut touched = Vec::new();
        for hash in block {
            let Some(id) = self.land(hash) else {
                continue;
            };
            let pooled = self.transactions.remove(id);
            self.hashes.remove(hash, id);
            let owner = pooled.account;
            let account = &mut self.accounts[owner];
            if account.sequential() {
                account.pass(pooled.nonce);
                let astray = account.head < account.lowest();
                if !account.waiting.is_empty() && touched.last() != Some(&account.address) {
                    touched.push(account.address);
                }
                if astray {
                    self.prune(owner);
                    self.resettle(owner);
                }
            }
            if self.accounts.get(owner).is_some_and(Account::is_empty) {
                self.accounts.close(owner);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Takes a transaction out of its block. It is in no list then.
    fn land(&mut self, hash: &TransactionHash) -> Option<Id<Pooled>> {
        let Some(id) = self.find(hash) else {
            self.strangers.remove(hash);
            return None;
        };
        let pooled = &self.transactions[id];
        if pooled.lane.is_some() {
            return None;
        }
        self.statistics.in_flight -= 1;
        let account = &mut self.accounts[pooled.account];
        account.in_flight.remove(pooled.nonce);
        account.cost = account.cost.saturating_sub(pooled.max_cost);
        Some(id)
    }

    /// Lets the transactions of an overridden block wait again, as far as they are known here.
    /// Gives those that are not: they were executed.
    ///
    /// Whoever pays worst goes if that is too much; see [`Self::rewind`] for the nonces.
    pub fn put_back(&mut self, block: &[Picked]) -> Vec<Picked> {
        let mut unknown = Vec::new();
        for picked in block {
            if self.known(&picked.hash).is_some_and(|it| it.lane.is_some()) {
                continue;
            }
            let Some(id) = self.land(&picked.hash) else {
                unknown.push(picked.clone());
                continue;
            };
            let owner = self.transactions[id].account;
            self.attach(id);
            self.resettle(owner);
        }
        self.shed();
        unknown
    }

    /// Evicts the worst-paying until what waits is within the limit.
    fn shed(&mut self) {
        while self.statistics.bytes > self.limits.bytes {
            let worst = |lane| self.lanes.worst(lane).next();
            let lanes = [Lane::Gapped, Lane::Ready, Lane::Following];
            let Some(worst) = lanes.into_iter().find_map(worst) else {
                break;
            };
            self.detach(worst.id);
            self.statistics.evicted += 1;
        }
    }

    /// Takes note of a transaction in a certified block, whoever made the block: it waits no more,
    /// and is known until it is executed. `admission` is asked only about one that is not here.
    pub fn ordered(
        &mut self,
        hash: TransactionHash,
        bytes: &Bytes,
        admission: impl FnOnce() -> Option<Admission>,
    ) {
        match self.find(&hash) {
            None if self.strangers.contains(&hash) => {}
            None => self.included(hash, bytes.clone(), admission().as_ref()),
            Some(id) if self.transactions[id].lane.is_some() => {
                self.launch(id);
                self.resettle(self.transactions[id].account);
            }
            Some(_) => {}
        }
    }

    /// Drops what waits in the slot of one that is in a block: the block decides which of the two it is. Says whether the
    /// slot is free then. It is not, if another block has it as well: at most one of them can be executed.
    fn makes_way(&mut self, it: &Admission) -> bool {
        let Some(owner) = self.accounts.find(&it.sender) else {
            return it.nonce != u64::MAX;
        };
        let account = &self.accounts[owner];
        let free = account.in_flight.get(it.nonce).is_none() && it.nonce != u64::MAX;
        if let Some(rival) = account.waiting.get(it.nonce) {
            self.detach(rival);
        }
        free
    }

    /// Takes note of a block of before the restart: its transactions are known until it is
    /// executed.
    pub fn included(&mut self, hash: TransactionHash, bytes: Bytes, admission: Option<&Admission>) {
        if self.contains(&hash) {
            return;
        }
        let Some(it) = admission.filter(|it| self.makes_way(it)) else {
            self.strangers.insert(hash);
            return;
        };
        let owner = self.accounts.find(&it.sender);
        let owner = owner.unwrap_or_else(|| self.accounts.open(it.sender, it.nonce_rule));
        let id = self.add(hash, bytes, it, owner);
        let account = &mut self.accounts[owner];
        account.balance = it.balance;
        account.cost = account.cost.saturating_add(it.max_cost);
        account.in_flight.insert(it.nonce, id);
        self.statistics.in_flight += 1;
        self.resettle(owner);
    }
}
