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
//! - Order follows from what was called with what, and from nothing else.
//! - Submitting and removing one transaction is logarithmic in what waits. Only what opens or
//!   closes a gap in one sender's run, or moves the base fee across offers, touches others: those
//!   and no more.

mod account;
mod block;
mod insert;
mod limits;
mod ranking;
mod upkeep;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use plasma_core::{Address, Bytes, Gas, TransactionHash};

use account::{Account, Lane, Pooled};
use block::Selection;
use ranking::{Ranking, Slot};

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
    base_fee: u128,
    accounts: HashMap<Address, Account>,
    hashes: HashMap<TransactionHash, Place>,
    lanes: Lanes,
    /// Last second and slot of what expires.
    expiries: BTreeSet<(u64, Slot)>,
    /// Senders with something waiting, the one looked up longest ago first.
    checks: BTreeSet<(u64, Address)>,
    arrivals: u64,
    lookups: u64,
    statistics: MempoolStatistics,
}

/// Where a known transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting(Slot),
    InFlight(Slot),
    /// In a block of before the restart, by a sender that could not be told.
    Included,
}

#[derive(Debug, Default)]
struct Lanes {
    ready: Ranking,
    following: Ranking,
    gapped: Ranking,
}

impl Lanes {
    fn of(&mut self, lane: Lane) -> &mut Ranking {
        match lane {
            Lane::Ready => &mut self.ready,
            Lane::Following => &mut self.following,
            Lane::Gapped => &mut self.gapped,
        }
    }
}

impl Mempool {
    /// An empty pool for blocks of at most `block_gas`.
    pub fn new(limits: MempoolLimits, block_gas: Gas) -> Self {
        Self {
            limits,
            block_gas,
            base_fee: 0,
            accounts: HashMap::new(),
            hashes: HashMap::new(),
            lanes: Lanes::default(),
            expiries: BTreeSet::new(),
            checks: BTreeSet::new(),
            arrivals: 0,
            lookups: 0,
            statistics: MempoolStatistics::default(),
        }
    }

    /// Whether this transaction waits here or is in a block that is not executed yet.
    pub fn contains(&self, hash: &TransactionHash) -> bool {
        self.hashes.contains_key(hash)
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
        match *self.hashes.get(hash)? {
            Place::Waiting((sender, nonce)) => self.accounts.get(&sender)?.waiting.get(&nonce),
            Place::InFlight((sender, nonce)) => self.accounts.get(&sender)?.in_flight.get(&nonce),
            Place::Included => None,
        }
    }

    /// The next nonce for `account` to use, counting what waits and what is not executed yet;
    /// `None` when there is neither.
    pub fn next_nonce(&self, account: &Address) -> Option<u64> {
        self.accounts.get(account).map(Account::next_nonce)
    }

    /// At most `limit` of those that wait: in the order in which blocks would take them, then those
    /// behind gaps.
    pub fn pending(&self, limit: usize) -> Vec<Bytes> {
        let mut pending = Vec::new();
        let mut selection = Selection::new(self);
        while pending.len() < limit {
            let Some(pooled) = selection.next() else {
                break;
            };
            pending.push(pooled.bytes.clone());
            selection.accept(pooled);
        }
        let rest = limit - pending.len();
        let gapped = self.lanes.gapped.best().take(rest);
        pending.extend(
            gapped
                .filter_map(|offer| self.waiting(offer.slot))
                .map(|tx| tx.bytes.clone()),
        );
        pending
    }

    /// What waits, and what became of the rest.
    pub fn statistics(&self) -> MempoolStatistics {
        MempoolStatistics {
            ready: self.lanes.ready.len() + self.lanes.following.len(),
            gapped: self.lanes.gapped.len(),
            senders: self.accounts.len(),
            ..self.statistics
        }
    }

    /// Whether a block could be filled now.
    pub fn has_ready(&self) -> bool {
        self.lanes.ready.best().next().is_some()
    }

    /// Sets the base fee of the next block, in wei. What offers less waits until it falls.
    pub fn set_base_fee(&mut self, base_fee: u128) {
        if self.base_fee != base_fee {
            self.base_fee = base_fee;
            for lane in [Lane::Ready, Lane::Following, Lane::Gapped] {
                self.lanes.of(lane).set_base_fee(base_fee);
            }
        }
    }

    fn waiting(&self, (sender, nonce): Slot) -> Option<&Pooled> {
        self.accounts.get(&sender)?.waiting.get(&nonce)
    }

    /// Puts a checked transaction into an empty slot of an account that is here.
    fn attach(&mut self, mut pooled: Pooled) {
        let slot @ (sender, nonce) = pooled.slot();
        let account = self
            .accounts
            .get_mut(&sender)
            .expect("the account of what is attached");
        if account.waiting.is_empty() {
            self.checks.insert((account.checked, sender));
        }
        account.bytes += pooled.size();
        account.cost = account.cost.saturating_add(pooled.max_cost);
        self.statistics.bytes += pooled.size();
        self.hashes.insert(pooled.hash, Place::Waiting(slot));
        if let Some(expires_at) = pooled.expires_at {
            self.expiries.insert((expires_at, slot));
        }
        let end = account.end;
        let extends = account.sequential() && nonce == end;
        pooled.lane = None;
        account.waiting.insert(nonce, pooled);
        if extends {
            account.extend_run();
        }
        // What it closes the gap to comes along; nothing else moves.
        let moved = if extends {
            end..account.end
        } else {
            nonce..nonce + 1
        };
        for nonce in moved {
            place(&mut self.lanes, account, nonce);
        }
    }

    /// Takes a waiting transaction out, and leaves those behind it behind a gap.
    fn detach(&mut self, (sender, nonce): Slot) -> Option<Pooled> {
        let account = self.accounts.get_mut(&sender)?;
        let pooled = account.waiting.remove(&nonce)?;
        account.cost = account.cost.saturating_sub(pooled.max_cost);
        self.forget_waiting(&pooled);
        self.hashes.remove(&pooled.hash);
        let account = self.accounts.get_mut(&sender)?;
        if account.sequential() && (account.head..account.end).contains(&nonce) {
            let cut = nonce + 1..account.end;
            account.end = nonce;
            for nonce in cut {
                place(&mut self.lanes, account, nonce);
            }
        }
        if account.is_empty() {
            self.accounts.remove(&sender);
        }
        Some(pooled)
    }

    /// Takes what is no more among the waiting out of all that counts them.
    fn forget_waiting(&mut self, pooled: &Pooled) {
        let slot @ (sender, _) = pooled.slot();
        if let Some(lane) = pooled.lane {
            self.lanes.of(lane).remove(&pooled.offer);
        }
        if let Some(expires_at) = pooled.expires_at {
            self.expiries.remove(&(expires_at, slot));
        }
        self.statistics.bytes -= pooled.size();
        if let Some(account) = self.accounts.get_mut(&sender) {
            account.bytes -= pooled.size();
            if account.waiting.is_empty() {
                self.checks.remove(&(account.checked, sender));
            }
        }
    }

    /// Finds a sender's run anew and moves what is on the wrong lane.
    fn resettle(&mut self, sender: Address) {
        let Some(account) = self.accounts.get_mut(&sender) else {
            return;
        };
        account.find_run();
        let wrong: Vec<u64> = account
            .waiting
            .iter()
            .filter(|(nonce, pooled)| pooled.lane != Some(account.lane(**nonce)))
            .map(|(nonce, _)| *nonce)
            .collect();
        for nonce in wrong {
            place(&mut self.lanes, account, nonce);
        }
    }
}

/// Puts a waiting transaction on the lane where it belongs.
fn place(lanes: &mut Lanes, account: &mut Account, nonce: u64) {
    let lane = account.lane(nonce);
    let Some(pooled) = account.waiting.get_mut(&nonce) else {
        return;
    };
    if pooled.lane != Some(lane) {
        if let Some(before) = pooled.lane {
            lanes.of(before).remove(&pooled.offer);
        }
        lanes.of(lane).insert(pooled.offer);
        pooled.lane = Some(lane);
    }
}
