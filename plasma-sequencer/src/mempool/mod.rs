//! What waits to be ordered.
//!
//! ```text
//!              insert                       take                    executed
//!   submit ───────────────► waiting ─────────────────► in flight ─────────────► gone
//!                           │  ready      could be next    │
//!                           │  following  behind a ready   │ put_back (its block was overridden)
//!                           │  gapped     behind a hole ◄──┘
//!                           └─► replaced, evicted, expired, invalidated
//! ```
//!
//! Invariants:
//! - What waits never exceeds the limits in bytes, in all and by sender, whatever is sent. (Only an
//!   override may go over, by the blocks that it brings back, and the worst-paying go at once.)
//! - All that one sender has here, blocks that are not executed included, costs at most its
//!   balance.
//! - A slot, sender and nonce, is held by one transaction at most.
//! - Order follows from what was called with what, and from nothing else: nothing walks through a
//!   map by hash.
//! - Submitting and removing one transaction is logarithmic in what waits, averaged over those that
//!   come and go. Only what opens or closes a gap in one sender's run, or moves the base fee across
//!   offers, touches others: those and no more. Where offers are alike, as most are, it takes a few
//!   steps.
//! - Memory is bounded by the limits, and given back as what it was for goes.
//!
//! From its entry until it is executed or dropped, a transaction stays in one place, a slab. All
//! else names it by its number there:
//!
//! ```text
//!   hashes    name ──────────────────► transaction ──► account ◄────────── address
//!   lanes     what it pays, arrival ─► transaction     │ waiting            nonce ─► transaction
//!             turning point ─────────► list of them    │ in flight          nonce ─► transaction
//!   expiries  last second ───────────► list of them    └ in the list of those to look up
//! ```
//!
//! What waits is in all of these but `in flight`, and what is in a block is in that and in `hashes`.
//! A number is used again: it leaves all of them before its transaction leaves the slab.

mod account;
mod block;
mod insert;
mod lanes;
mod limits;
mod list;
mod names;
mod pooled;
mod ranking;
mod slab;
mod sorted;
mod upkeep;

#[cfg(test)]
mod tests;

use plasma_core::{Address, Bytes, Gas, TransactionHash};

use account::{Account, Accounts};
use block::Selection;
use lanes::Lanes;
use list::Lists;
use names::{NameSet, Names, name_set};
use pooled::{EXPIRY, Lane, Pooled};
use slab::{Id, Slab};

pub use block::Picked;
pub use limits::{MempoolLimits, MempoolStatistics, TRANSACTION_OVERHEAD_BYTES};
pub(crate) use upkeep::look_up;

/// Transactions that wait to be ordered: bounded, fair and deterministic.
///
/// It never looks at state: whoever owns it asks the [`Gate`](plasma_core::Gate) and passes the
/// answers in.
#[derive(Debug)]
pub struct Mempool {
    limits: MempoolLimits,
    block_gas: Gas,
    transactions: Slab<Pooled>,
    accounts: Accounts,
    hashes: Names<Pooled>,
    /// In blocks, by senders that could not be told, or with nonces that are in blocks already.
    strangers: NameSet<TransactionHash>,
    lanes: Lanes,
    /// What expires, by the last second.
    expiries: Lists<u64, Pooled, EXPIRY>,
    arrivals: u64,
    statistics: MempoolStatistics,
}

impl Mempool {
    /// An empty pool for blocks of at most `block_gas`.
    pub fn new(limits: MempoolLimits, block_gas: Gas) -> Self {
        Self {
            limits,
            block_gas,
            transactions: Slab::default(),
            accounts: Accounts::new(),
            hashes: Names::new(),
            strangers: name_set(),
            lanes: Lanes::default(),
            expiries: Lists::default(),
            arrivals: 0,
            statistics: MempoolStatistics::default(),
        }
    }

    /// Whether this transaction waits here or is in a block that is not executed yet.
    pub fn contains(&self, hash: &TransactionHash) -> bool {
        self.find(hash).is_some() || self.strangers.contains(hash)
    }

    /// A transaction that waits here or is in a block that is not executed yet.
    pub fn get(&self, hash: &TransactionHash) -> Option<&Bytes> {
        self.known(hash).map(|pooled| &pooled.bytes)
    }

    /// The gas limit of one that [`Self::get`] gives.
    pub fn gas_limit(&self, hash: &TransactionHash) -> Option<Gas> {
        self.known(hash).map(|pooled| pooled.gas_limit)
    }

    fn known(&self, hash: &TransactionHash) -> Option<&Pooled> {
        self.find(hash).map(|id| &self.transactions[id])
    }

    fn find(&self, hash: &TransactionHash) -> Option<Id<Pooled>> {
        self.hashes.find(hash, &self.transactions)
    }

    /// The next nonce for `account` to use, counting what waits and what is not executed yet;
    /// `None` when there is neither.
    pub fn next_nonce(&self, account: &Address) -> Option<u64> {
        let id = self.accounts.find(account)?;
        Some(self.accounts[id].next_nonce())
    }

    /// At most `limit` of those that wait: in the order in which blocks would take them, then those
    /// behind gaps.
    pub fn pending(&self, limit: usize) -> Vec<Bytes> {
        let mut pending = Vec::new();
        let mut selection = Selection::new(self);
        while pending.len() < limit {
            let Some(id) = selection.next() else {
                break;
            };
            pending.push(self.transactions[id].bytes.clone());
            selection.accept(id);
        }
        let rest = limit - pending.len();
        let gapped = self.lanes.best(Lane::Gapped).take(rest);
        pending.extend(gapped.map(|it| self.transactions[it.id].bytes.clone()));
        pending
    }

    /// What waits, and what became of the rest.
    pub fn statistics(&self) -> MempoolStatistics {
        let count = |lane| self.lanes.of(lane).len();
        MempoolStatistics {
            ready: count(Lane::Ready) + count(Lane::Following),
            gapped: count(Lane::Gapped),
            senders: self.accounts.len(),
            ..self.statistics
        }
    }

    /// Whether a block could be filled now.
    pub fn has_ready(&self) -> bool {
        self.lanes.best(Lane::Ready).next().is_some()
    }

    /// Sets the base fee of the next block, in wei. What offers less waits until it falls.
    pub fn set_base_fee(&mut self, base_fee: u128) {
        self.lanes.set_base_fee(&self.transactions, base_fee);
    }

    /// Lets a transaction wait that is in no list, in an empty slot of its account.
    fn attach(&mut self, id: Id<Pooled>) {
        let pooled = &self.transactions[id];
        let (owner, nonce, size) = (pooled.account, pooled.nonce, pooled.size());
        let (max_cost, expires_at) = (pooled.max_cost, pooled.expires_at);
        self.statistics.bytes += size;
        if let Some(second) = expires_at {
            self.expiries.push(&mut self.transactions, second, id);
        }
        if self.accounts[owner].waiting.is_empty() {
            self.accounts.watch(owner);
        }
        let account = &mut self.accounts[owner];
        account.bytes += size;
        account.cost = account.cost.saturating_add(max_cost);
        account.waiting.insert(nonce, id);
        if !account.sequential() || nonce != account.end {
            let lane = account.lane(nonce);
            self.lanes.place(&mut self.transactions, id, Some(lane));
            return;
        }
        // What it closes the gap to comes along; nothing else moves.
        account.extend_run();
        for moved in nonce..account.end {
            self.settle(owner, moved);
        }
    }

    /// Drops a waiting transaction, and leaves those behind it behind a gap.
    fn detach(&mut self, id: Id<Pooled>) {
        self.unlist(id);
        let pooled = self.transactions.remove(id);
        self.hashes.remove(&pooled.hash, id);
        let account = &mut self.accounts[pooled.account];
        account.cost = account.cost.saturating_sub(pooled.max_cost);
        if account.in_run(pooled.nonce) {
            let cut = pooled.nonce + 1..account.end;
            account.end = pooled.nonce;
            for behind in cut {
                self.settle(pooled.account, behind);
            }
        }
        if self.accounts[pooled.account].is_empty() {
            self.accounts.close(pooled.account);
        }
    }

    /// Takes a waiting transaction out of all that lists what waits.
    fn unlist(&mut self, id: Id<Pooled>) {
        self.lanes.place(&mut self.transactions, id, None);
        let pooled = &self.transactions[id];
        let (owner, nonce, size) = (pooled.account, pooled.nonce, pooled.size());
        if let Some(second) = pooled.expires_at {
            self.expiries.remove(&mut self.transactions, second, id);
        }
        self.statistics.bytes -= size;
        let account = &mut self.accounts[owner];
        account.bytes -= size;
        account.waiting.remove(nonce);
        if account.waiting.is_empty() {
            self.accounts.unwatch(owner);
        }
    }

    /// Finds a sender's run anew and moves what is on the wrong lane.
    fn resettle(&mut self, owner: Id<Account>) {
        let Some(account) = self.accounts.get_mut(owner) else {
            return;
        };
        account.find_run();
        for (nonce, id) in account.waiting.ascending() {
            let lane = Some(account.lane(nonce));
            self.lanes.place(&mut self.transactions, id, lane);
        }
    }

    /// Puts what a sender has waiting under a nonce on the lane where it belongs.
    fn settle(&mut self, owner: Id<Account>, nonce: u64) {
        let account = &self.accounts[owner];
        if let Some(id) = account.waiting.get(nonce) {
            let lane = Some(account.lane(nonce));
            self.lanes.place(&mut self.transactions, id, lane);
        }
    }
}
