//! Who may enter, and who has to leave for it.

use std::collections::HashMap;

use plasma_core::{
    Address, Admission, Bytes, NonceRule, Rejection, SubmitError, Timestamp, TransactionHash, U256,
};

use super::{
    Lanes, Mempool,
    account::{Account, Lane, Pooled},
    ranking::{Merged, Offer, Slot},
};

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
        self.learn(admission.sender, admission.nonce_rule);
        let pooled = self.pooled(hash, bytes, admission);
        let replaced = self.check_slot(&pooled, admission)?;
        let lane = match self.accounts.get(&admission.sender) {
            Some(account) => account.lane_if_added(admission.nonce),
            None => Account::new(admission.nonce_rule, 0).lane_if_added(admission.nonce),
        };
        let size = pooled.size().saturating_sub(replaced.unwrap_or_default());
        let surplus = (self.statistics.bytes + size).saturating_sub(self.limits.bytes);
        let victims = self.victims(&pooled.offer, lane, surplus).ok_or_else(|| {
            let offered = pooled.offer.priority;
            SubmitError::PoolFull {
                offered,
                limit: self.limits.bytes,
            }
        })?;

        let ready = lane != Lane::Gapped && pooled.offer.affordable(self.base_fee);

        // Nothing is refused from here on.
        self.statistics.evicted += victims.len() as u64;
        for victim in victims {
            self.detach(victim);
        }
        self.enter(pooled, admission.nonce_rule, admission.balance);
        self.statistics.accepted += 1;
        self.statistics.replaced += u64::from(replaced.is_some());
        Ok(ready)
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

    /// Nonce, replacement, funds and the sender's own limit. Gives the bytes that a replacement
    /// frees.
    fn check_slot(&self, new: &Pooled, it: &Admission) -> Result<Option<usize>, SubmitError> {
        let (sender, got) = new.slot();
        let fresh = Account::new(it.nonce_rule, 0);
        let account = self.accounts.get(&sender).unwrap_or(&fresh);
        let next = account.lowest().max(fresh.lowest());
        if got < next {
            return Err(Rejection::NonceTooLow { sender, next, got }.into());
        }
        if account.in_flight.contains_key(&got) {
            let next = account.next_nonce();
            return Err(Rejection::NonceTooLow { sender, next, got }.into());
        }
        let old = account.waiting.get(&got);
        if let Some(old) = old {
            let fees = [
                (new.offer.max_fee, old.offer.max_fee),
                (new.offer.priority, old.offer.priority),
            ];
            for (offered, old) in fees {
                let needed = self.limits.bumped(old);
                if offered < needed {
                    return Err(SubmitError::Underpriced { offered, needed });
                }
            }
        }
        let freed = old.map_or(U256::ZERO, |old| old.max_cost);
        let needed = account
            .cost
            .saturating_sub(freed)
            .saturating_add(new.max_cost);
        if needed > it.balance {
            return Err(Rejection::Funds {
                sender,
                balance: it.balance,
                needed,
            }
            .into());
        }
        let freed = old.map(Pooled::size);
        let limit = self.limits.sender_bytes;
        if account.bytes - freed.unwrap_or_default() + new.size() > limit {
            return Err(SubmitError::SenderFull {
                sender,
                waiting: account.bytes,
                limit,
            });
        }
        Ok(freed)
    }

    /// Which are to go for the newcomer to fit, from the worst-paying up; `None` when it pays too
    /// little for that.
    ///
    /// What waits behind a gap costs its sender nothing, so it goes first, and never displaces what
    /// could be in a block. From a run goes the last one, not the one that pays worst, so that no
    /// gap opens.
    fn victims(&self, newcomer: &Offer, lane: Lane, surplus: usize) -> Option<Vec<Slot>> {
        let (mut victims, mut freed) = (Vec::new(), 0);
        let pay = newcomer.pay(self.base_fee);
        for offer in self.lanes.gapped.worst() {
            if freed >= surplus {
                return Some(victims);
            }
            if lane == Lane::Gapped && offer.pay(self.base_fee) >= pay {
                return None;
            }
            if offer.slot != newcomer.slot {
                freed += self.waiting(offer.slot).map_or(0, Pooled::size);
                victims.push(offer.slot);
            }
        }
        if freed >= surplus {
            return Some(victims);
        }
        if lane == Lane::Gapped {
            return None;
        }
        let mut tails: HashMap<Address, u64> = HashMap::new();
        let Lanes {
            ready, following, ..
        } = &self.lanes;
        for offer in Merged::ascending(self.base_fee, ready.worst(), following.worst()) {
            if freed >= surplus {
                break;
            }
            if offer.pay(self.base_fee) >= pay {
                return None;
            }
            let (sender, mut nonce) = offer.slot;
            let account = self.accounts.get(&sender)?;
            if account.sequential() {
                if sender == newcomer.slot.0 {
                    return None;
                }
                let end = tails.entry(sender).or_insert(account.end);
                *end -= 1;
                nonce = *end;
            } else if offer.slot == newcomer.slot {
                continue;
            }
            freed += account.waiting.get(&nonce).map_or(0, Pooled::size);
            victims.push((sender, nonce));
        }
        (freed >= surplus).then_some(victims)
    }

    /// Puts a transaction into its slot, in place of what is there.
    fn enter(&mut self, pooled: Pooled, rule: NonceRule, balance: U256) {
        let (sender, nonce) = pooled.slot();
        self.lookups += 1;
        let checked = self.lookups;
        let account = self
            .accounts
            .entry(sender)
            .or_insert_with(|| Account::new(rule, checked));
        account.balance = balance;
        if let Some(old) = account.waiting.remove(&nonce) {
            account.cost = account.cost.saturating_sub(old.max_cost);
            self.hashes.remove(&old.hash);
            self.forget_waiting(&old);
        }
        self.attach(pooled);
    }

    /// Takes in what an admission says about its sender.
    fn learn(&mut self, sender: Address, rule: NonceRule) {
        let Some(account) = self.accounts.get_mut(&sender) else {
            return;
        };
        if account.advance(rule) {
            self.prune(sender);
            self.resettle(sender);
        }
    }

    pub(super) fn pooled(&mut self, hash: TransactionHash, bytes: Bytes, it: &Admission) -> Pooled {
        self.arrivals += 1;
        let (max_fee, arrival) = (it.max_fee_per_gas, self.arrivals);
        let priority = it.priority_fee_per_gas.min(max_fee);
        Pooled {
            bytes,
            hash,
            gas_limit: it.gas_limit,
            max_cost: it.max_cost,
            expires_at: it.expires_at,
            offer: Offer {
                max_fee,
                priority,
                arrival,
                slot: (it.sender, it.nonce),
            },
            lane: None,
        }
    }
}
