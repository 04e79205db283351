//! Who may enter, and who has to leave for it.

use std::collections::BTreeMap;

use plasma_core::{Admission, Bytes, Rejection, SubmitError, Timestamp, TransactionHash, U256};

use super::{
    Mempool,
    account::{Account, lowest},
    pooled::{Lane, Pooled, size},
    ranking::{Offer, Pay},
    slab::Id,
};

/// What a transaction that would enter is weighed by.
struct Newcomer {
    /// Of whom it is, if something of that sender is here.
    account: Option<Id<Account>>,
    /// What it would replace.
    old: Option<Id<Pooled>>,
    lane: Lane,
    pay: Pay,
}

impl Mempool {
    /// Takes a transaction in that the gate admitted, or says why not. `hash` names the bytes.
    ///
    /// Returns whether a block could take it now; else it waits for an earlier nonce or a lower
    /// base fee.
    pub fn insert(
        &mut self,
        hash: TransactionHash,
        bytes: Bytes,
        admission: &Admission,
        now: Timestamp,
    ) -> Result<bool, SubmitError> {
        self.expire(now);
        self.check_alone(hash, admission, now)?;
        let account = self.learn(admission);
        let size = size(&bytes);
        let offer = Offer::new(admission, 0);
        let newcomer = self.check_slot(account, &offer, size, admission)?;
        let freed = newcomer.old.map_or(0, |old| self.transactions[old].size());
        let growth = size.saturating_sub(freed);
        let surplus = (self.statistics.bytes + growth).saturating_sub(self.limits.bytes);
        let Some(victims) = self.victims(&newcomer, surplus) else {
            let (offered, limit) = (offer.priority, self.limits.bytes);
            return Err(SubmitError::PoolFull { offered, limit });
        };

        // Nothing is refused from here on.
        self.statistics.evicted += victims.len() as u64;
        for victim in victims {
            self.detach(victim);
        }
        self.enter(hash, bytes, admission, &newcomer);
        self.statistics.accepted += 1;
        self.statistics.replaced += u64::from(newcomer.old.is_some());
        Ok(newcomer.lane != Lane::Gapped && offer.affordable(self.lanes.base_fee()))
    }

    /// What can be said without looking at the sender.
    fn check_alone(
        &self,
        hash: TransactionHash,
        it: &Admission,
        now: Timestamp,
    ) -> Result<(), SubmitError> {
        if self.contains(&hash) {
            return Err(SubmitError::AlreadyKnown(hash));
        }
        let now = now.seconds().0;
        if let Some(expires_at) = it.expires_at.filter(|last| *last < now) {
            return Err(Rejection::Expired { expires_at, now }.into());
        }
        if it.gas_limit > self.block_gas {
            let (offered, most) = (it.gas_limit.0, self.block_gas.0);
            return Err(Rejection::GasLimit {
                offered,
                least: 0,
                most,
            }
            .into());
        }
        if it.nonce == u64::MAX {
            let (next, last) = (0, u64::MAX - 1);
            return Err(Rejection::NonceTooHigh {
                sender: it.sender,
                next,
                last,
                got: it.nonce,
            }
            .into());
        }
        Ok(())
    }

    /// Nonce, replacement, funds and the sender's own limit.
    fn check_slot(
        &self,
        id: Option<Id<Account>>,
        offer: &Offer,
        size: usize,
        it: &Admission,
    ) -> Result<Newcomer, SubmitError> {
        let (sender, got) = (it.sender, it.nonce);
        let unknown;
        let account = if let Some(id) = id {
            &self.accounts[id]
        } else {
            unknown = Account::new(sender, it.nonce_rule);
            &unknown
        };
        let next = account.lowest().max(lowest(it.nonce_rule));
        if got < next {
            return Err(Rejection::NonceTooLow { sender, next, got }.into());
        }
        if account.in_flight.get(got).is_some() {
            let next = account.next_nonce();
            return Err(Rejection::NonceTooLow { sender, next, got }.into());
        }
        let replaced = account.waiting.get(got);
        let old = replaced.map(|id| &self.transactions[id]);
        if let Some(old) = old {
            self.check_bump(offer, &old.offer)?;
        }
        let freed = old.map_or(U256::ZERO, |old| old.max_cost);
        let kept = account.cost.saturating_sub(freed);
        let needed = kept.saturating_add(it.max_cost);
        if needed > it.balance {
            return Err(Rejection::Funds {
                sender,
                balance: it.balance,
                needed,
            }
            .into());
        }
        let freed = old.map_or(0, Pooled::size);
        let limit = self.limits.sender_bytes;
        if account.bytes - freed + size > limit {
            return Err(SubmitError::SenderFull {
                sender,
                waiting: account.bytes,
                limit,
            });
        }
        Ok(Newcomer {
            account: id,
            old: replaced,
            lane: account.lane_if_added(got),
            pay: offer.pay(self.lanes.base_fee()),
        })
    }

    /// A replacement has to raise both caps.
    fn check_bump(&self, new: &Offer, old: &Offer) -> Result<(), SubmitError> {
        for (offered, old) in [(new.max_fee, old.max_fee), (new.priority, old.priority)] {
            let needed = self.limits.bumped(old);
            if offered < needed {
                return Err(SubmitError::Underpriced { offered, needed });
            }
        }
        Ok(())
    }

    /// Which are to go for the newcomer to fit, from the worst-paying up; `None` when it pays too
    /// little for that.
    ///
    /// What waits behind a gap costs its sender nothing, so it goes first, and never displaces what
    /// could be in a block. From a run goes the last one, not the one that pays worst, so that no
    /// gap opens.
    fn victims(&self, newcomer: &Newcomer, surplus: usize) -> Option<Vec<Id<Pooled>>> {
        let (mut victims, mut freed) = (Vec::new(), 0);
        if surplus == 0 {
            return Some(victims);
        }
        for worst in self.lanes.worst(Lane::Gapped) {
            if newcomer.lane == Lane::Gapped && worst.pay >= newcomer.pay {
                return None;
            }
            if Some(worst.id) != newcomer.old {
                freed += self.transactions[worst.id].size();
                victims.push(worst.id);
            }
            if freed >= surplus {
                return Some(victims);
            }
        }
        if newcomer.lane == Lane::Gapped {
            return None;
        }
        // Of senders with runs, where what is left of them ends.
        let mut tails: BTreeMap<Id<Account>, u64> = BTreeMap::new();
        for worst in self.lanes.worst_in_line() {
            if worst.pay >= newcomer.pay {
                return None;
            }
            let owner = self.transactions[worst.id].account;
            let account = &self.accounts[owner];
            let mut victim = worst.id;
            if account.sequential() {
                if Some(owner) == newcomer.account {
                    return None;
                }
                let end = tails.entry(owner).or_insert(account.end);
                *end -= 1;
                victim = account.waiting.get(*end)?;
            } else if Some(victim) == newcomer.old {
                continue;
            }
            freed += self.transactions[victim].size();
            victims.push(victim);
            if freed >= surplus {
                return Some(victims);
            }
        }
        None
    }

    /// Puts a transaction into its slot, in place of what is there.
    fn enter(&mut self, hash: TransactionHash, bytes: Bytes, it: &Admission, as_is: &Newcomer) {
        // Who had to leave may have been the last one of the same sender.
        let here = as_is.account.filter(|id| self.accounts.get(*id).is_some());
        let owner = here.unwrap_or_else(|| self.accounts.open(it.sender, it.nonce_rule));
        if let Some(old) = as_is.old {
            self.unlist(old);
            let replaced = self.transactions.remove(old);
            self.hashes.remove(&replaced.hash, old);
            let account = &mut self.accounts[owner];
            account.cost = account.cost.saturating_sub(replaced.max_cost);
        }
        self.accounts[owner].balance = it.balance;
        let id = self.add(hash, bytes, it, owner);
        self.attach(id);
        self.accounts.answered(owner);
    }

    /// Makes a transaction known that is in no list yet.
    pub(super) fn add(
        &mut self,
        hash: TransactionHash,
        bytes: Bytes,
        it: &Admission,
        owner: Id<Account>,
    ) -> Id<Pooled> {
        self.arrivals += 1;
        let pooled = Pooled::new(hash, bytes, it, owner, self.arrivals);
        let id = self.transactions.insert(pooled);
        self.hashes.insert(&hash, id);
        id
    }

    /// Takes in what an admission says about its sender, of whom something may be here.
    fn learn(&mut self, it: &Admission) -> Option<Id<Account>> {
        let id = self.accounts.find(&it.sender)?;
        if self.accounts[id].advance(it.nonce_rule) {
            self.prune(id);
            self.resettle(id);
        }
        self.accounts.get(id).map(|_| id)
    }
}
