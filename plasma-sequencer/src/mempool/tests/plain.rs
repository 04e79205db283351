//! The pool as plainly as can be said: a list, searched and sorted anew for each question.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use plasma_core::{
    Address, Admission, Bytes, Gas, MAX_BODY_TRANSACTIONS, NonceRule, Rejection, SubmitError,
    Timestamp, TransactionHash, U256,
};

use crate::mempool::{
    MempoolLimits, MempoolStatistics, Picked, TRANSACTION_OVERHEAD_BYTES,
    account::{lowest, with_lowest},
    block::MAX_MISFITS,
    pooled::Lane,
};

/// A transaction that waits or is in a block.
#[derive(Clone, Debug)]
struct Item {
    hash: TransactionHash,
    bytes: Bytes,
    it: Admission,
    arrival: u64,
    in_flight: bool,
}

impl Item {
    fn size(&self) -> usize {
        self.bytes.len() + TRANSACTION_OVERHEAD_BYTES
    }

    fn slot(&self) -> (Address, u64) {
        (self.it.sender, self.it.nonce)
    }
}

/// What is known of a sender's nonces.
#[derive(Clone, Debug)]
struct Sender {
    rule: NonceRule,
    balance: U256,
    /// Sequential: where its run begins.
    head: u64,
}

fn sequential(rule: NonceRule) -> bool {
    matches!(rule, NonceRule::Sequential { .. })
}

/// What offers pay, those below the base fee below all others.
fn pay(it: &Admission, base_fee: u128) -> (bool, u128) {
    match it.max_fee_per_gas.checked_sub(base_fee) {
        Some(room) => (true, room.min(it.priority_fee_per_gas)),
        None => (false, it.max_fee_per_gas),
    }
}

/// Nobody offers more priority than the cap leaves.
fn bounded(it: &Admission) -> Admission {
    let priority_fee_per_gas = it.priority_fee_per_gas.min(it.max_fee_per_gas);
    Admission {
        priority_fee_per_gas,
        ..it.clone()
    }
}

/// The plain pool.
pub(super) struct Plain {
    limits: MempoolLimits,
    block_gas: Gas,
    base_fee: u128,
    items: Vec<Item>,
    senders: BTreeMap<Address, Sender>,
    strangers: BTreeSet<TransactionHash>,
    /// Senders of whom something waits, in the order in which the gate answered about them.
    checks: Vec<Address>,
    arrivals: u64,
    counts: MempoolStatistics,
}

impl Plain {
    pub(super) fn new(limits: MempoolLimits, block_gas: Gas) -> Self {
        Self {
            limits,
            block_gas,
            base_fee: 0,
            items: Vec::new(),
            senders: BTreeMap::new(),
            strangers: BTreeSet::new(),
            checks: Vec::new(),
            arrivals: 0,
            counts: MempoolStatistics::default(),
        }
    }

    fn known(&self, hash: &TransactionHash) -> Option<&Item> {
        self.items.iter().find(|item| item.hash == *hash)
    }

    /// What waits of a sender, by nonce.
    fn waiting(&self, sender: Address) -> Vec<&Item> {
        let of_sender = |item: &&Item| !item.in_flight && item.it.sender == sender;
        let mut waiting: Vec<&Item> = self.items.iter().filter(of_sender).collect();
        waiting.sort_by_key(|item| item.it.nonce);
        waiting
    }

    fn in_flight(&self, slot: (Address, u64)) -> bool {
        let same = |item: &Item| item.in_flight && item.slot() == slot;
        self.items.iter().any(same)
    }

    fn cost(&self, sender: Address) -> U256 {
        let of_sender = self.items.iter().filter(|item| item.it.sender == sender);
        of_sender.map(|item| item.it.max_cost).sum()
    }

    fn rank(&self, item: &Item) -> ((bool, u128), Reverse<u64>) {
        (pay(&item.it, self.base_fee), Reverse(item.arrival))
    }

    /// The first nonce after a sender's run.
    fn end(&self, sender: Address, known: &Sender) -> u64 {
        let waiting = self.waiting(sender);
        let missing = |nonce: &u64| waiting.iter().all(|item| item.it.nonce != *nonce);
        (known.head..=u64::MAX).find(missing).expect("a free nonce")
    }

    fn lane(&self, sender: Address, nonce: u64, known: &Sender) -> Lane {
        if !sequential(known.rule) || nonce == known.head {
            Lane::Ready
        } else if (known.head..self.end(sender, known)).contains(&nonce) {
            Lane::Following
        } else {
            Lane::Gapped
        }
    }

    /// What is on some lanes, the worst first.
    fn worst(&self, lanes: &[Lane]) -> Vec<&Item> {
        let on_lanes = |item: &&Item| {
            let (sender, nonce) = item.slot();
            !item.in_flight && lanes.contains(&self.lane(sender, nonce, &self.senders[&sender]))
        };
        let mut items: Vec<&Item> = self.items.iter().filter(on_lanes).collect();
        items.sort_by_key(|item| self.rank(item));
        items
    }

    fn bytes(&self) -> usize {
        let waiting = self.items.iter().filter(|item| !item.in_flight);
        waiting.map(Item::size).sum()
    }

    /// Forgets senders of whom nothing is here, and looks after those of whom something waits.
    fn tidy(&mut self) {
        let Self { items, senders, .. } = self;
        senders.retain(|sender, _| items.iter().any(|item| item.it.sender == *sender));
        let waits = |sender: &Address| {
            items
                .iter()
                .any(|item| !item.in_flight && item.it.sender == *sender)
        };
        self.checks.retain(waits);
        for sender in senders.keys() {
            if waits(sender) && !self.checks.contains(sender) {
                self.checks.push(*sender);
            }
        }
    }

    fn drop_all(&mut self, leaves: impl Fn(&Item) -> bool) -> u64 {
        let before = self.items.len();
        self.items.retain(|item| item.in_flight || !leaves(item));
        let dropped = before - self.items.len();
        self.tidy();
        dropped as u64
    }

    /// Drops what has a used nonce.
    fn prune(&mut self, sender: Address) {
        if let Some(known) = self.senders.get(&sender) {
            let next = lowest(known.rule);
            self.counts.invalidated +=
                self.drop_all(|item| item.it.sender == sender && item.it.nonce < next);
        }
    }

    fn find_head(&self, sender: Address, known: &Sender) -> u64 {
        let free = |nonce: &u64| !self.in_flight((sender, *nonce));
        (lowest(known.rule)..=u64::MAX)
            .find(free)
            .expect("a free nonce")
    }

    fn resettle(&mut self, sender: Address) {
        if let Some(known) = self.senders.get(&sender) {
            let head = self.find_head(sender, known);
            self.senders.entry(sender).and_modify(|it| it.head = head);
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp) {
        let now = now.seconds().0;
        let over = |item: &Item| item.it.expires_at.is_some_and(|last| last < now);
        self.counts.expired += self.drop_all(over);
    }

    pub(super) fn insert(
        &mut self,
        hash: TransactionHash,
        bytes: Bytes,
        it: &Admission,
        now: Timestamp,
    ) -> Result<bool, SubmitError> {
        self.expire(now);
        let it = &bounded(it);
        let (sender, got, now) = (it.sender, it.nonce, now.seconds().0);
        if self.contains(&hash) {
            return Err(SubmitError::AlreadyKnown(hash));
        }
        if let Some(expires_at) = it.expires_at.filter(|last| *last < now) {
            return Err(Rejection::Expired { expires_at, now }.into());
        }
        if it.gas_limit > self.block_gas {
            let (offered, most) = (it.gas_limit.0, self.block_gas.0);
            let least = 0;
            return Err(Rejection::GasLimit {
                offered,
                least,
                most,
            }
            .into());
        }
        if let Some(known) = self.senders.get_mut(&sender)
            && (sequential(known.rule) != sequential(it.nonce_rule)
                || lowest(known.rule) < lowest(it.nonce_rule))
        {
            known.rule = it.nonce_rule;
            self.prune(sender);
            self.resettle(sender);
        }
        let mut known = self.senders.get(&sender).cloned().unwrap_or(Sender {
            rule: it.nonce_rule,
            balance: it.balance,
            head: lowest(it.nonce_rule),
        });
        let (old, lane) = self.check(&bytes, it, &known)?;
        let waits = lane != Lane::Gapped && it.max_fee_per_gas >= self.base_fee;
        let size = bytes.len() + TRANSACTION_OVERHEAD_BYTES;
        let growth = size.saturating_sub(old.as_ref().map_or(0, Item::size));
        let surplus = (self.bytes() + growth).saturating_sub(self.limits.bytes);
        let Some(victims) = self.victims(it, lane, surplus) else {
            let (offered, limit) = (it.priority_fee_per_gas, self.limits.bytes);
            return Err(SubmitError::PoolFull { offered, limit });
        };
        self.counts.evicted += self.drop_all(|item| victims.contains(&item.hash));
        if !self.senders.contains_key(&sender) {
            known.rule = it.nonce_rule;
            known.head = lowest(it.nonce_rule);
        }
        known.balance = it.balance;
        self.items.retain(|item| item.slot() != (sender, got));
        self.checks.retain(|one| *one != sender);
        self.senders.insert(sender, known);
        self.add(hash, bytes, it, false);
        self.counts.accepted += 1;
        self.counts.replaced += u64::from(old.is_some());
        Ok(waits)
    }

    /// Nonce, replacement, funds and the sender's own limit. Gives what is replaced, and the lane.
    fn check(
        &self,
        bytes: &Bytes,
        it: &Admission,
        known: &Sender,
    ) -> Result<(Option<Item>, Lane), SubmitError> {
        let (sender, got) = (it.sender, it.nonce);
        let next = lowest(known.rule).max(lowest(it.nonce_rule));
        if got < next {
            return Err(Rejection::NonceTooLow { sender, next, got }.into());
        }
        if self.in_flight((sender, got)) {
            let next = self.next_nonce(&sender).unwrap_or_default();
            return Err(Rejection::NonceTooLow { sender, next, got }.into());
        }
        let waiting = self.waiting(sender);
        let old = waiting.iter().find(|item| item.it.nonce == got).copied();
        if let Some(Item { it: old, .. }) = old {
            for (offered, old) in [
                (it.max_fee_per_gas, old.max_fee_per_gas),
                (it.priority_fee_per_gas, old.priority_fee_per_gas),
            ] {
                let needed = old + (old * 10).div_ceil(100).max(1);
                if offered < needed {
                    return Err(SubmitError::Underpriced { offered, needed });
                }
            }
        }
        let freed = old.map_or(U256::ZERO, |old| old.it.max_cost);
        let needed = self.cost(sender) - freed + it.max_cost;
        if needed > it.balance {
            let balance = it.balance;
            return Err(Rejection::Funds {
                sender,
                balance,
                needed,
            }
            .into());
        }
        let size = bytes.len() + TRANSACTION_OVERHEAD_BYTES;
        let all: usize = waiting.iter().map(|item| item.size()).sum();
        let limit = self.limits.sender_bytes;
        if all - old.map_or(0, Item::size) + size > limit {
            return Err(SubmitError::SenderFull {
                sender,
                waiting: all,
                limit,
            });
        }
        let mut lane = self.lane(sender, got, known);
        if lane == Lane::Gapped && got == self.end(sender, known) {
            lane = Lane::Following;
        }
        Ok((old.cloned(), lane))
    }

    fn victims(&self, new: &Admission, lane: Lane, surplus: usize) -> Option<Vec<TransactionHash>> {
        let (mut victims, mut freed) = (Vec::new(), 0);
        let (slot, pays) = ((new.sender, new.nonce), pay(new, self.base_fee));
        let too_much = |item: &Item| pay(&item.it, self.base_fee) >= pays;
        for item in self.worst(&[Lane::Gapped]) {
            if freed >= surplus {
                return Some(victims);
            }
            if lane == Lane::Gapped && too_much(item) {
                return None;
            }
            if item.slot() != slot {
                freed += item.size();
                victims.push(item.hash);
            }
        }
        for item in self.worst(&[Lane::Ready, Lane::Following]) {
            if freed >= surplus {
                return Some(victims);
            }
            if lane == Lane::Gapped || too_much(item) {
                return None;
            }
            let (sender, known) = (item.it.sender, &self.senders[&item.it.sender]);
            let mut victim = item;
            if sequential(known.rule) {
                if sender == new.sender {
                    return None;
                }
                let end = self.end(sender, known);
                let run = self.waiting(sender).into_iter().filter(|item| {
                    item.it.nonce < end
                        && item.it.nonce >= known.head
                        && !victims.contains(&item.hash)
                });
                victim = run.last()?;
            } else if item.slot() == slot {
                continue;
            }
            freed += victim.size();
            victims.push(victim.hash);
        }
        (freed >= surplus).then_some(victims)
    }

    fn add(&mut self, hash: TransactionHash, bytes: Bytes, it: &Admission, in_flight: bool) {
        self.arrivals += 1;
        self.items.push(Item {
            hash,
            bytes,
            it: bounded(it),
            arrival: self.arrivals,
            in_flight,
        });
        self.tidy();
    }

    /// Those that could be next in the order of what they pay, as far as `accepts` takes those
    /// before them. Gives what it took.
    fn walk(&self, mut accepts: impl FnMut(&Item) -> Option<bool>) -> Vec<&Item> {
        let (mut seen, mut taken) = (BTreeSet::new(), Vec::<&Item>::new());
        loop {
            let could_be_next = |item: &&Item| {
                let (sender, nonce) = item.slot();
                let known = &self.senders[&sender];
                let follows = |one: &&Item| one.it.sender == sender && one.it.nonce + 1 == nonce;
                let turn =
                    !sequential(known.rule) || nonce == known.head || taken.iter().any(follows);
                let affordable = item.it.max_fee_per_gas >= self.base_fee;
                !item.in_flight && turn && affordable && !seen.contains(&item.hash)
            };
            let next = self.items.iter().filter(could_be_next);
            let Some(best) = next.max_by_key(|item| self.rank(item)) else {
                return taken;
            };
            seen.insert(best.hash);
            match accepts(best) {
                Some(true) => taken.push(best),
                Some(false) => {}
                None => return taken,
            }
        }
    }

    fn select(&self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<&Item> {
        let (mut gas, mut bytes, mut misfits, mut count) = (gas.0, bytes, 0, 0);
        let now = now.seconds().0;
        self.walk(|item| {
            if misfits == MAX_MISFITS || count == MAX_BODY_TRANSACTIONS {
                return None;
            }
            let expired = item.it.expires_at.is_some_and(|last| last < now);
            if expired || item.it.gas_limit.0 > gas || item.bytes.len() > bytes {
                misfits += 1;
                return Some(false);
            }
            gas -= item.it.gas_limit.0;
            bytes -= item.bytes.len();
            count += 1;
            Some(true)
        })
    }

    pub(super) fn take(&mut self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Picked> {
        self.expire(now);
        let selected: Vec<Item> = self.select(gas, bytes, now).into_iter().cloned().collect();
        for item in &selected {
            self.launch(item.hash);
        }
        for item in &selected {
            let sender = item.it.sender;
            if self.in_flight((sender, self.senders[&sender].head)) {
                self.resettle(sender);
            }
        }
        let picked = |Item { hash, bytes, .. }| Picked { hash, bytes };
        selected.into_iter().map(picked).collect()
    }

    pub(super) fn ready(&self, gas: Gas, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        let selected = self.select(gas, bytes, now).into_iter();
        selected.map(|item| item.bytes.clone()).collect()
    }

    fn launch(&mut self, hash: TransactionHash) {
        for item in &mut self.items {
            if item.hash == hash {
                item.in_flight = true;
                let next = item.it.nonce + 1;
                let sender = self.senders.entry(item.it.sender);
                sender.and_modify(|sender| sender.head = next);
            }
        }
        self.tidy();
    }

    /// Takes one out of its block.
    fn land(&mut self, hash: &TransactionHash) -> Option<Item> {
        self.strangers.remove(hash);
        let at = |item: &Item| item.in_flight && item.hash == *hash;
        let at = self.items.iter().position(at)?;
        Some(self.items.remove(at))
    }

    pub(super) fn executed(&mut self, block: &[TransactionHash]) -> Vec<Address> {
        let mut touched = BTreeSet::new();
        for hash in block {
            let Some(item) = self.land(hash) else {
                continue;
            };
            let (sender, nonce) = item.slot();
            let waits = !self.waiting(sender).is_empty();
            let known = self.senders.get_mut(&sender).expect("a known sender");
            if sequential(known.rule) {
                if lowest(known.rule) == nonce {
                    known.rule = with_lowest(known.rule, nonce + 1);
                }
                if waits {
                    touched.insert(sender);
                }
                if known.head < lowest(known.rule) {
                    self.prune(sender);
                    self.resettle(sender);
                }
            }
            self.tidy();
        }
        touched.into_iter().collect()
    }

    pub(super) fn put_back(&mut self, block: &[Picked]) -> Vec<Picked> {
        let mut unknown = Vec::new();
        for picked in block {
            if self.known(&picked.hash).is_some_and(|item| !item.in_flight) {
                continue;
            }
            let Some(mut item) = self.land(&picked.hash) else {
                unknown.push(picked.clone());
                continue;
            };
            let sender = item.it.sender;
            item.in_flight = false;
            self.items.push(item);
            self.tidy();
            self.resettle(sender);
        }
        while self.bytes() > self.limits.bytes {
            let lanes = [Lane::Gapped, Lane::Ready, Lane::Following];
            let mut worst = lanes.iter().filter_map(|lane| {
                let worst = self.worst(&[*lane]);
                worst.first().map(|item| item.hash)
            });
            let worst = worst.next().expect("something waits");
            self.counts.evicted += self.drop_all(|item| item.hash == worst);
        }
        unknown
    }

    pub(super) fn ordered(&mut self, hash: TransactionHash, bytes: &Bytes, it: Option<&Admission>) {
        match self.known(&hash).cloned() {
            Some(item) if !item.in_flight => {
                self.launch(hash);
                self.resettle(item.it.sender);
            }
            Some(_) => {}
            None => self.included(hash, bytes.clone(), it),
        }
    }

    pub(super) fn included(&mut self, hash: TransactionHash, bytes: Bytes, it: Option<&Admission>) {
        if self.contains(&hash) {
            return;
        }
        let slot = it.map(|it| (it.sender, it.nonce));
        self.drop_all(|item| Some(item.slot()) == slot);
        let Some(it) = it.filter(|it| !self.in_flight((it.sender, it.nonce))) else {
            self.strangers.insert(hash);
            return;
        };
        let sender = self.senders.entry(it.sender).or_insert(Sender {
            rule: it.nonce_rule,
            balance: it.balance,
            head: lowest(it.nonce_rule),
        });
        sender.balance = it.balance;
        self.add(hash, bytes, it, true);
        self.resettle(it.sender);
    }

    pub(super) fn refresh(
        &mut self,
        sender: Address,
        probed: &TransactionHash,
        answer: &Result<Admission, Rejection>,
    ) -> bool {
        let first = self.waiting(sender).first().copied().cloned();
        let (Some(first), Some(known)) = (first, self.senders.get_mut(&sender)) else {
            return false;
        };
        if first.hash != *probed {
            return true;
        }
        self.checks.retain(|one| *one != sender);
        self.checks.push(sender);
        let kind = sequential(known.rule);
        let mut invalid = false;
        match answer {
            Ok(it) => (known.rule, known.balance) = (it.nonce_rule, it.balance),
            Err(Rejection::NonceTooLow { next, .. }) => {
                known.rule = with_lowest(known.rule, *next);
                invalid = first.it.nonce >= *next;
            }
            Err(Rejection::Funds { balance, .. }) => known.balance = *balance,
            Err(Rejection::FeeTooLow { base_fee, .. }) => self.base_fee = *base_fee,
            Err(_) => invalid = true,
        }
        let balance = known.balance;
        if invalid {
            self.counts.invalidated += self.drop_all(|item| item.hash == first.hash);
        }
        self.prune(sender);
        while let Some(last) = self.waiting(sender).last().map(|item| item.hash)
            && self.cost(sender) > balance
        {
            self.counts.invalidated += self.drop_all(|item| item.hash == last);
        }
        if let Some(known) = self.senders.get(&sender)
            && (kind != sequential(known.rule) || known.head != self.find_head(sender, known))
        {
            self.resettle(sender);
        }
        invalid || matches!(answer, Err(Rejection::NonceTooLow { .. }))
    }

    pub(super) fn rewind(&mut self) -> Vec<Address> {
        for known in self.senders.values_mut() {
            known.rule = with_lowest(known.rule, 0);
        }
        self.checks.clone()
    }

    pub(super) fn set_base_fee(&mut self, base_fee: u128) {
        self.base_fee = base_fee;
    }

    pub(super) fn contains(&self, hash: &TransactionHash) -> bool {
        self.known(hash).is_some() || self.strangers.contains(hash)
    }

    pub(super) fn get(&self, hash: &TransactionHash) -> Option<&Bytes> {
        self.known(hash).map(|item| &item.bytes)
    }

    pub(super) fn probe(&self, sender: &Address) -> Option<(TransactionHash, Bytes)> {
        let first = *self.waiting(*sender).first()?;
        Some((first.hash, first.bytes.clone()))
    }

    pub(super) fn stalest(&self, limit: usize) -> Vec<Address> {
        self.checks.iter().take(limit).copied().collect()
    }

    pub(super) fn next_nonce(&self, sender: &Address) -> Option<u64> {
        let known = self.senders.get(sender)?;
        if sequential(known.rule) {
            return Some(self.end(*sender, known));
        }
        let of_sender = self.items.iter().filter(|item| item.it.sender == *sender);
        let next = of_sender.map(|item| item.it.nonce + 1).max();
        Some(next.unwrap_or_default().max(lowest(known.rule)))
    }

    pub(super) fn pending(&self, limit: usize) -> Vec<Bytes> {
        let mut pending = self.walk(|_| Some(true));
        let gapped = self.worst(&[Lane::Gapped]).into_iter().rev();
        pending.extend(gapped.filter(|item| item.it.max_fee_per_gas >= self.base_fee));
        let pending = pending.into_iter().take(limit);
        pending.map(|item| item.bytes.clone()).collect()
    }

    pub(super) fn statistics(&self) -> MempoolStatistics {
        MempoolStatistics {
            ready: self.worst(&[Lane::Ready, Lane::Following]).len(),
            gapped: self.worst(&[Lane::Gapped]).len(),
            in_flight: self.items.iter().filter(|item| item.in_flight).count(),
            senders: self.senders.len(),
            bytes: self.bytes(),
            ..self.counts
        }
    }
}
