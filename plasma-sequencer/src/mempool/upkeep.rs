//! Keeping what waits in step with time and state.

use std::sync::{Mutex, PoisonError};

use plasma_core::{Address, Admission, Bytes, Gate, Rejection, Timestamp, TransactionHash};

use super::{
    Mempool,
    account::{Pooled, with_lowest},
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
        while let Some(&(last, slot)) = self.expiries.first() {
            if last >= now {
                break;
            }
            self.detach(slot);
            self.statistics.expired += 1;
        }
    }

    /// The transaction by which to look a sender up: the first that waits.
    pub fn probe(&self, sender: &Address) -> Option<(TransactionHash, Bytes)> {
        let (_, first) = self.accounts.get(sender)?.waiting.first_key_value()?;
        Some((first.hash, first.bytes.clone()))
    }

    /// At most `limit` senders, those looked up longest ago: money also moves without its owner's
    /// doing.
    pub fn stalest(&self, limit: usize) -> Vec<Address> {
        self.checks
            .iter()
            .take(limit)
            .map(|(_, sender)| *sender)
            .collect()
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
        self.lookups += 1;
        let lookups = self.lookups;
        let Some(account) = self.accounts.get_mut(&sender) else {
            return false;
        };
        let Some((&first, Pooled { hash, .. })) = account.waiting.first_key_value() else {
            return false;
        };
        if hash != probed {
            return true;
        }
        self.checks.remove(&(account.checked, sender));
        account.checked = lookups;
        self.checks.insert((lookups, sender));
        let mut again = false;
        match answer {
            Ok(admission) => {
                account.rule = admission.nonce_rule;
                account.balance = admission.balance;
            }
            Err(Rejection::NonceTooLow { next, .. }) => {
                account.rule = with_lowest(account.rule, *next);
                // Within a window, a used nonce may be above the lowest unused one.
                if first >= *next {
                    self.invalidate(sender, first);
                }
                again = true;
            }
            Err(Rejection::Funds { balance, .. }) => account.balance = *balance,
            Err(Rejection::FeeTooLow { base_fee, .. }) => {
                let base_fee = *base_fee;
                self.set_base_fee(base_fee);
            }
            Err(_) => {
                self.invalidate(sender, first);
                again = true;
            }
        }
        self.prune(sender);
        self.trim(sender);
        let moved = self
            .accounts
            .get(&sender)
            .is_some_and(|account| account.head != account.find_head());
        if moved {
            self.resettle(sender);
        }
        again
    }

    /// Forgets what is known of nonces: the chain went back. Gives the senders to look up.
    pub fn rewind(&mut self) -> Vec<Address> {
        let senders: Vec<Address> = self.checks.iter().map(|(_, sender)| *sender).collect();
        for account in self.accounts.values_mut() {
            account.rule = with_lowest(account.rule, 0);
        }
        senders
    }

    /// Drops what has a used nonce.
    pub(super) fn prune(&mut self, sender: Address) {
        while let Some(account) = self.accounts.get(&sender) {
            match account.waiting.first_key_value() {
                Some((&first, _)) if first < account.lowest() => self.invalidate(sender, first),
                _ => break,
            }
        }
    }

    /// Drops the last ones until the sender can pay for all.
    fn trim(&mut self, sender: Address) {
        while let Some(account) = self.accounts.get(&sender) {
            match account.waiting.last_key_value() {
                Some((&last, _)) if account.cost > account.balance => self.invalidate(sender, last),
                _ => break,
            }
        }
    }

    fn invalidate(&mut self, sender: Address, nonce: u64) {
        if self.detach((sender, nonce)).is_some() {
            self.statistics.invalidated += 1;
        }
    }
}
