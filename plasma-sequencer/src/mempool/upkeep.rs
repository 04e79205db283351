//! Keeping what waits in step with time and state.

use std::sync::{Mutex, PoisonError};

use plasma_core::{Address, Admission, Bytes, Gate, Rejection, Timestamp, TransactionHash};

use super::{
    Mempool,
    account::{Account, with_lowest},
    pooled::Pooled,
    slab::Id,
};

/// Asks the gate about a sender, and drops of it what can no more be executed.
pub(crate) fn look_up(pool: &Mutex<Mempool>, gate: &dyn Gate, sender: Address) {
    let pool = || pool.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let Some((hash, bytes)) = pool().probe(&sender) else {
            return;
        };
        // Not under the lock: it may recover a signature.
        let answer = gate.admit(&bytes);
        if !pool().refresh(sender, &hash, &answer) {
            return;
        }
    }
}

impl Mempool {
    /// Drops what may be in no block any more.
    pub fn expire(&mut self, now: Timestamp) {
        let now = now.seconds().0;
        while let Some((last, id)) = self.expiries.first() {
            if last >= now {
                break;
            }
            self.detach(id);
            self.statistics.expired += 1;
        }
    }

    /// The transaction by which to look a sender up: the first that waits.
    pub fn probe(&self, sender: &Address) -> Option<(TransactionHash, Bytes)> {
        let account = &self.accounts[self.accounts.find(sender)?];
        let (_, first) = account.waiting.first()?;
        let first = &self.transactions[first];
        Some((first.hash, first.bytes.clone()))
    }

    /// At most `limit` senders, those looked up longest ago: money also moves without its owner's
    /// doing.
    pub fn stalest(&self, limit: usize) -> Vec<Address> {
        let watched = self.accounts.watched().take(limit);
        watched.map(|id| self.accounts[id].address).collect()
    }

    /// Takes in what the gate says now about the sender of what [`Self::probe`] gave. Drops what is
    /// thereby out of question. Returns whether to probe again: the answer was about that
    /// transaction and not about the sender.
    pub fn refresh(
        &mut self,
        sender: Address,
        probed: &TransactionHash,
        answer: &Result<Admission, Rejection>,
    ) -> bool {
        let Some(id) = self.accounts.find(&sender) else {
            return false;
        };
        let account = &self.accounts[id];
        let Some((nonce, first)) = account.waiting.first() else {
            return false;
        };
        if self.transactions[first].hash != *probed {
            return true;
        }
        let sequential = account.sequential();
        self.accounts.answered(id);
        let account = &mut self.accounts[id];
        let mut again = false;
        match answer {
            Ok(admission) => {
                account.rule = admission.nonce_rule;
                account.balance = admission.balance;
            }
            Err(Rejection::NonceTooLow { next, .. }) => {
                account.rule = with_lowest(account.rule, *next);
                // Within a window, a used nonce may be above the lowest unused one.
                if nonce >= *next {
                    self.invalidate(first);
                }
                again = true;
            }
            Err(Rejection::Funds { balance, .. }) => account.balance = *balance,
            Err(Rejection::FeeTooLow { base_fee, .. }) => self.set_base_fee(*base_fee),
            Err(_) => {
                self.invalidate(first);
                again = true;
            }
        }
        self.prune(id);
        self.trim(id);
        let moved = |account: &Account| {
            account.sequential() != sequential || account.head != account.find_head()
        };
        if self.accounts.get(id).is_some_and(moved) {
            self.resettle(id);
        }
        again
    }

    /// Forgets what is known of nonces: the chain went back. Gives the senders to look up.
    pub fn rewind(&mut self) -> Vec<Address> {
        for account in self.accounts.values_mut() {
            account.rule = with_lowest(account.rule, 0);
        }
        self.stalest(usize::MAX)
    }

    /// Drops what has a used nonce.
    pub(super) fn prune(&mut self, owner: Id<Account>) {
        while let Some(account) = self.accounts.get(owner) {
            match account.waiting.first() {
                Some((nonce, first)) if nonce < account.lowest() => self.invalidate(first),
                _ => break,
            }
        }
    }

    /// Drops the last ones until the sender can pay for all.
    fn trim(&mut self, owner: Id<Account>) {
        while let Some(account) = self.accounts.get(owner) {
            match account.waiting.last() {
                Some((_, last)) if account.cost > account.balance => self.invalidate(last),
                _ => break,
            }
        }
    }

    fn invalidate(&mut self, id: Id<Pooled>) {
        self.detach(id);
        self.statistics.invalidated += 1;
    }
}
