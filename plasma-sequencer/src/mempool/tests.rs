//! The pool against a naive model of it: a list, searched and sorted anew each time.

use std::cmp::Reverse;

use plasma_core::{
    Address, Admission, B256, Bytes, Gas, NonceRule, Rejection, SubmitError, Timestamp,
    TransactionHash, U256,
};
use proptest::prelude::*;

use super::{Mempool, MempoolLimits, TRANSACTION_OVERHEAD_BYTES};

const BLOCK_GAS: Gas = Gas(100);
const LIMITS: MempoolLimits = MempoolLimits {
    bytes: 12 * 600,
    sender_bytes: 6 * 600,
    bump_percent: 10,
};
const NOW: Timestamp = Timestamp(10_000);

/// A transaction, with what decides about it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    hash: TransactionHash,
    bytes: Bytes,
    sender: Address,
    nonce: u64,
    gas: u64,
    max_fee: u128,
    priority: u128,
    cost: u64,
    expires_at: Option<u64>,
    arrival: u64,
    in_flight: bool,
}

impl Item {
    fn size(&self) -> usize {
        self.bytes.len() + TRANSACTION_OVERHEAD_BYTES
    }

    /// What cannot be paid for ranks below all that can.
    fn pay(&self, base_fee: u128) -> (bool, u128) {
        match self.max_fee.checked_sub(base_fee) {
            Some(room) => (true, room.min(self.priority)),
            None => (false, self.max_fee),
        }
    }
}

fn sequential(sender: Address) -> bool {
    sender[0] == 0
}

/// What the chain knows of an account.
#[derive(Clone, Copy, Debug)]
struct State {
    next: u64,
    balance: u64,
}

/// The naive model.
#[derive(Debug, Default)]
struct Model {
    items: Vec<Item>,
    base_fee: u128,
    arrivals: u64,
    next: std::collections::BTreeMap<Address, u64>,
}

impl Model {
    fn of(&self, sender: Address) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.sender == sender)
    }

    fn find(&self, sender: Address, nonce: u64) -> Option<&Item> {
        self.of(sender).find(|item| item.nonce == nonce)
    }

    fn lowest(&self, sender: Address) -> u64 {
        self.next.get(&sender).copied().unwrap_or_default()
    }

    /// The run: from the first nonce that is not in a block, as far as there is no hole.
    fn run(&self, sender: Address) -> (u64, u64) {
        let in_flight = |nonce| self.find(sender, nonce).is_some_and(|item| item.in_flight);
        let waits = |nonce| self.find(sender, nonce).is_some_and(|item| !item.in_flight);
        let mut head = self.lowest(sender);
        while in_flight(head) {
            head += 1;
        }
        let mut end = head;
        while waits(end) {
            end += 1;
        }
        (head, end)
    }

    fn gapped(&self, sender: Address, nonce: u64) -> bool {
        let (head, end) = self.run(sender);
        sequential(sender) && !(head..=end).contains(&nonce)
    }

    fn bytes(&self) -> usize {
        self.items
            .iter()
            .filter(|item| !item.in_flight)
            .map(Item::size)
            .sum()
    }

    fn insert(&mut self, mut new: Item, state: State) -> Result<(), SubmitError> {
        self.arrivals += 1;
        new.arrival = self.arrivals;
        let sender = new.sender;
        let known = self.of(sender).next().is_some();
        let next = self.lowest(sender).max(state.next);
        if known {
            self.set_next(sender, next);
        }
        if new.nonce < next {
            return Err(Rejection::NonceTooLow {
                sender,
                next,
                got: new.nonce,
            }
            .into());
        }
        if !known {
            self.next.insert(sender, state.next);
        }
        let result = self.insert_checked(new, state);
        if result.is_err() && !known {
            self.next.remove(&sender);
        }
        result
    }

    fn insert_checked(&mut self, new: Item, state: State) -> Result<(), SubmitError> {
        let (sender, got) = (new.sender, new.nonce);
        let old = self.find(sender, got).cloned();
        if let Some(old) = &old {
            if old.in_flight {
                let highest = self
                    .of(sender)
                    .map(|item| item.nonce + 1)
                    .max()
                    .unwrap_or_default();
                let next = if sequential(sender) {
                    self.run(sender).1
                } else {
                    highest
                };
                return Err(Rejection::NonceTooLow { sender, next, got }.into());
            }
            for (offered, old) in [(new.max_fee, old.max_fee), (new.priority, old.priority)] {
                let needed = old + (old * 10).div_ceil(100).max(1);
                if offered < needed {
                    return Err(SubmitError::Underpriced { offered, needed });
                }
            }
        }
        let others = |item: &&Item| item.nonce != got;
        let needed: u64 = self
            .of(sender)
            .filter(others)
            .map(|item| item.cost)
            .sum::<u64>()
            + new.cost;
        if needed > state.balance {
            let (balance, needed) = (U256::from(state.balance), U256::from(needed));
            return Err(Rejection::Funds {
                sender,
                balance,
                needed,
            }
            .into());
        }
        let waits = |item: &&Item| !item.in_flight;
        let rest: usize = self
            .of(sender)
            .filter(waits)
            .filter(others)
            .map(Item::size)
            .sum();
        if rest + new.size() > LIMITS.sender_bytes {
            let waiting = self.of(sender).filter(waits).map(Item::size).sum();
            return Err(SubmitError::SenderFull {
                sender,
                waiting,
                limit: LIMITS.sender_bytes,
            });
        }
        let freed = old.as_ref().map_or(0, Item::size);
        let growth = new.size().saturating_sub(freed);
        let surplus = (self.bytes() + growth).saturating_sub(LIMITS.bytes);
        let refused = SubmitError::PoolFull {
            offered: new.priority,
            limit: LIMITS.bytes,
        };
        let victims = self.victims(&new, surplus).ok_or(refused)?;
        self.items.retain(|item| !victims.contains(&item.hash));
        self.items
            .retain(|item| (item.sender, item.nonce) != (sender, got));
        self.items.push(new);
        Ok(())
    }

    fn victims(&self, new: &Item, surplus: usize) -> Option<Vec<TransactionHash>> {
        let worst = |gapped: bool| {
            let of_kind =
                |item: &&Item| !item.in_flight && self.gapped(item.sender, item.nonce) == gapped;
            let mut items: Vec<&Item> = self.items.iter().filter(of_kind).collect();
            items.sort_by_key(|item| (item.pay(self.base_fee), Reverse(item.arrival)));
            items
        };
        let (mut victims, mut freed) = (Vec::new(), 0);
        let pay = new.pay(self.base_fee);
        let gapped = self.gapped(new.sender, new.nonce);
        for item in worst(true) {
            if freed >= surplus {
                return Some(victims);
            }
            if gapped && item.pay(self.base_fee) >= pay {
                return None;
            }
            if (item.sender, item.nonce) != (new.sender, new.nonce) {
                freed += item.size();
                victims.push(item.hash);
            }
        }
        for item in worst(false) {
            if freed >= surplus {
                return Some(victims);
            }
            if gapped || item.pay(self.base_fee) >= pay {
                return None;
            }
            let mut victim = item;
            if sequential(item.sender) {
                if item.sender == new.sender {
                    return None;
                }
                let run = self.of(item.sender).filter(|item| {
                    !item.in_flight
                        && !self.gapped(item.sender, item.nonce)
                        && !victims.contains(&item.hash)
                });
                victim = run.max_by_key(|item| item.nonce)?;
            } else if (item.sender, item.nonce) == (new.sender, new.nonce) {
                continue;
            }
            freed += victim.size();
            victims.push(victim.hash);
        }
        (freed >= surplus).then_some(victims)
    }

    fn set_next(&mut self, sender: Address, next: u64) {
        self.next.insert(sender, next);
        self.items
            .retain(|item| item.sender != sender || item.in_flight || item.nonce >= next);
    }

    /// Everything in the order of blocks without limits.
    fn order(&self) -> Vec<&Item> {
        let mut order: Vec<&Item> = Vec::new();
        loop {
            let could_be_next = |item: &&Item| {
                let taken = |nonce| {
                    order
                        .iter()
                        .any(|one| (one.sender, one.nonce) == (item.sender, nonce))
                };
                let (head, _) = self.run(item.sender);
                let turn = !sequential(item.sender)
                    || item.nonce == head
                    || (item.nonce > head && taken(item.nonce - 1));
                !item.in_flight && !taken(item.nonce) && turn && item.pay(self.base_fee).0
            };
            let rank = |item: &&Item| (item.pay(self.base_fee), Reverse(item.arrival));
            let Some(best) = self.items.iter().filter(could_be_next).max_by_key(rank) else {
                return order;
            };
            order.push(best);
        }
    }

    fn take(&mut self, mut gas: u64) -> Vec<TransactionHash> {
        let mut taken: Vec<TransactionHash> = Vec::new();
        let mut passed: Vec<(Address, u64)> = Vec::new();
        for item in self.order() {
            let behind = passed.iter().any(|(sender, nonce)| {
                sequential(*sender) && *sender == item.sender && *nonce < item.nonce
            });
            if behind {
                continue;
            }
            if item.gas > gas {
                passed.push((item.sender, item.nonce));
                continue;
            }
            gas -= item.gas;
            taken.push(item.hash);
        }
        for item in &mut self.items {
            item.in_flight |= taken.contains(&item.hash);
        }
        taken
    }
}

#[derive(Clone, Debug)]
enum Action {
    Insert {
        sender: u8,
        nonce: u64,
        gas: u64,
        max_fee: u128,
        priority: u128,
        cost: u64,
        size: usize,
        life: Option<u64>,
    },
    Take {
        gas: u64,
    },
    Execute {
        good: bool,
    },
    Override,
    BaseFee(u128),
    Spend {
        sender: u8,
        left: u64,
    },
    Pass {
        seconds: u64,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let insert = (
        0..6_u8,
        0..6_u64,
        1..60_u64,
        0..60_u128,
        0..60_u128,
        1..30_u64,
        0..200_usize,
        prop::option::of(0..30_u64),
    );
    let insert = insert.prop_map(
        |(sender, nonce, gas, max_fee, priority, cost, size, life)| {
            let priority = priority.min(max_fee);
            Action::Insert {
                sender,
                nonce,
                gas,
                max_fee,
                priority,
                cost,
                size,
                life,
            }
        },
    );
    let action = prop_oneof![
        20 => insert,
        3 => (20..200_u64).prop_map(|gas| Action::Take { gas }),
        3 => prop::bool::weighted(0.9).prop_map(|good| Action::Execute { good }),
        1 => Just(Action::Override),
        2 => (0..60_u128).prop_map(Action::BaseFee),
        1 => (0..6_u8, 0..100_u64).prop_map(|(sender, left)| Action::Spend { sender, left }),
        1 => (0..5_u64).prop_map(|seconds| Action::Pass { seconds }),
    ];
    prop::collection::vec(action, 1..150)
}

fn account(number: u8) -> Address {
    let mut bytes = [0; 20];
    (bytes[0], bytes[19]) = (number % 2, number + 1);
    bytes.into()
}

fn admission(item: &Item, state: State) -> Admission {
    let next = state.next;
    Admission {
        hash: item.hash,
        sender: item.sender,
        nonce: item.nonce,
        nonce_rule: if sequential(item.sender) {
            NonceRule::Sequential { next }
        } else {
            NonceRule::Window { base: next }
        },
        gas_limit: Gas(item.gas),
        max_fee_per_gas: item.max_fee,
        priority_fee_per_gas: item.priority,
        max_cost: U256::from(item.cost),
        balance: U256::from(state.balance),
        expires_at: item.expires_at,
    }
}

/// Pool, model, and the chain behind both.
struct Bench {
    pool: Mempool,
    model: Model,
    states: [State; 6],
    blocks: Vec<Vec<TransactionHash>>,
    now: Timestamp,
    made: u64,
}

impl Bench {
    fn new() -> Self {
        Self {
            pool: Mempool::new(LIMITS, BLOCK_GAS),
            model: Model::default(),
            states: [State {
                next: 0,
                balance: 100,
            }; 6],
            blocks: Vec::new(),
            now: NOW,
            made: 0,
        }
    }

    fn state(&self, sender: Address) -> State {
        self.states[usize::from(sender[19] - 1)]
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Insert {
                sender,
                nonce,
                gas,
                max_fee,
                priority,
                cost,
                size,
                life,
            } => {
                self.made += 1;
                let sender = account(sender);
                let hash = B256::from(U256::from(self.made));
                let expires_at = life.map(|life| self.now.seconds().0 + life);
                let bytes = Bytes::from(vec![0; size]);
                let (arrival, in_flight) = (0, false);
                let item = Item {
                    hash,
                    bytes,
                    sender,
                    nonce,
                    gas,
                    max_fee,
                    priority,
                    cost,
                    expires_at,
                    arrival,
                    in_flight,
                };
                self.insert(item);
            }
            Action::Take { gas } => {
                self.expire();
                let taken = self.pool.take(Gas(gas), usize::MAX, self.now);
                let taken: Vec<_> = taken.into_iter().map(|picked| picked.hash).collect();
                assert_eq!(taken, self.model.take(gas), "what a block takes");
                self.blocks.push(taken);
            }
            Action::Execute { good } => self.execute(good),
            Action::Override => self.rewind(),
            Action::BaseFee(base_fee) => {
                self.pool.set_base_fee(base_fee);
                self.model.base_fee = base_fee;
            }
            Action::Spend { sender, left } => {
                self.states[usize::from(sender)].balance = left;
                self.refresh(account(sender));
            }
            Action::Pass { seconds } => {
                self.now = Timestamp(self.now.0 + 1_000 * seconds);
                self.pool.expire(self.now);
                self.expire();
            }
        }
        self.compare();
    }

    fn expire(&mut self) {
        let now = self.now.seconds().0;
        let stays = |item: &Item| item.expires_at.is_none_or(|last| last >= now);
        self.model
            .items
            .retain(|item| item.in_flight || stays(item));
        self.forget_empty();
    }

    fn insert(&mut self, item: Item) {
        let state = self.state(item.sender);
        if item.cost > state.balance {
            // The gate refuses it before the pool is asked.
            return;
        }
        self.expire();
        let admission = admission(&item, state);
        let got = self
            .pool
            .insert(item.hash, item.bytes.clone(), &admission, self.now)
            .map(|_| ());
        let expected = self.model.insert(item, state);
        assert_eq!(got, expected, "whether it is taken in");
        self.forget_empty();
    }

    fn execute(&mut self, good: bool) {
        if self.blocks.is_empty() {
            return;
        }
        let block = self.blocks.remove(0);
        let mut touched = Vec::new();
        for hash in &block {
            let at = self.model.items.iter().position(|item| item.hash == *hash);
            let item = self
                .model
                .items
                .remove(at.expect("what is in flight is known"));
            let state = &mut self.states[usize::from(item.sender[19] - 1)];
            // The pool believes in what it ordered until it is told otherwise.
            if sequential(item.sender) {
                let next = self.model.next.entry(item.sender).or_default();
                *next += u64::from(*next == item.nonce);
            }
            if good {
                if sequential(item.sender) {
                    state.next = item.nonce + 1;
                }
                state.balance = state.balance.saturating_sub(item.cost);
            }
            touched.push(item.sender);
        }
        touched.sort_unstable();
        touched.dedup();
        let waits = |sender: &Address| self.model.of(*sender).any(|item| !item.in_flight);
        let cost = |sender: &Address| self.model.of(*sender).map(|item| item.cost).sum::<u64>();
        let (expected, others): (Vec<Address>, Vec<Address>) = touched
            .iter()
            .copied()
            .filter(waits)
            .partition(|sender| sequential(*sender));
        for other in &others {
            assert!(
                cost(other) <= self.state(*other).balance,
                "what waits is paid for"
            );
        }
        let got = self.pool.executed(&block);
        assert!(
            expected.iter().all(|sender| got.contains(sender)),
            "who is to be looked up"
        );
        for sender in touched {
            self.refresh(sender);
        }
    }

    fn rewind(&mut self) {
        let blocks: Vec<Vec<_>> = self
            .blocks
            .drain(..)
            .map(|block| {
                let picked = |hash| super::Picked {
                    hash,
                    bytes: Bytes::new(),
                };
                block.into_iter().map(picked).collect()
            })
            .collect();
        self.pool.rewind();
        for block in &blocks {
            assert_eq!(self.pool.put_back(block), [], "all of them are known");
        }
        let before = self.pool.statistics().evicted;
        // Which the pool sheds is its own affair; the model follows, and checks the bound below.
        self.model
            .items
            .iter_mut()
            .for_each(|item| item.in_flight = false);
        let pool = &self.pool;
        self.model.items.retain(|item| pool.contains(&item.hash));
        assert!(before == 0 || self.pool.statistics().bytes <= LIMITS.bytes);
        for number in 0..6 {
            self.refresh(account(number));
        }
    }

    /// Looks a sender up, in both.
    fn refresh(&mut self, sender: Address) {
        let state = self.state(sender);
        while let Some((hash, _)) = self.pool.probe(&sender) {
            let item = self
                .model
                .items
                .iter()
                .find(|item| item.hash == hash)
                .expect("a known one");
            let answer = if item.nonce < state.next {
                Err(Rejection::NonceTooLow {
                    sender,
                    next: state.next,
                    got: item.nonce,
                })
            } else if item.cost > state.balance {
                let (balance, needed) = (U256::from(state.balance), U256::from(item.cost));
                Err(Rejection::Funds {
                    sender,
                    balance,
                    needed,
                })
            } else {
                Ok(admission(item, state))
            };
            if !self.pool.refresh(sender, &hash, &answer) {
                break;
            }
        }
        if self.model.of(sender).any(|item| !item.in_flight) {
            let first = self
                .model
                .of(sender)
                .filter(|item| !item.in_flight)
                .min_by_key(|item| item.nonce);
            // An answer about money says nothing about nonces.
            if first.is_some_and(|first| first.nonce < state.next || first.cost <= state.balance) {
                self.model.set_next(sender, state.next);
            }
            loop {
                let cost: u64 = self.model.of(sender).map(|item| item.cost).sum();
                let last = self
                    .model
                    .of(sender)
                    .filter(|item| !item.in_flight)
                    .max_by_key(|item| item.nonce);
                match last.map(|item| item.hash) {
                    Some(last) if cost > state.balance => {
                        self.model.items.retain(|item| item.hash != last);
                    }
                    _ => break,
                }
            }
        } else if let Some(next) = self.model.next.get_mut(&sender) {
            *next = (*next).max(state.next);
        }
        self.forget_empty();
    }

    /// Of whom nothing is here, nothing is remembered.
    fn forget_empty(&mut self) {
        let Model { items, next, .. } = &mut self.model;
        next.retain(|sender, _| items.iter().any(|item| item.sender == *sender));
    }

    fn compare(&self) {
        let statistics = self.pool.statistics();
        assert_eq!(statistics.bytes, self.model.bytes(), "bytes");
        assert!(statistics.bytes <= LIMITS.bytes, "the bound");
        let waiting = self.model.items.iter().filter(|item| !item.in_flight);
        let gapped = waiting
            .clone()
            .filter(|item| self.model.gapped(item.sender, item.nonce))
            .count();
        assert_eq!(statistics.gapped, gapped, "gapped");
        assert_eq!(statistics.ready, waiting.count() - gapped, "ready");
        assert_eq!(
            statistics.in_flight,
            self.blocks.iter().map(Vec::len).sum::<usize>(),
            "in flight"
        );
        let order: Vec<&Bytes> = self
            .model
            .order()
            .into_iter()
            .map(|item| &item.bytes)
            .collect();
        let pending = self.pool.pending(order.len());
        assert_eq!(pending.iter().collect::<Vec<_>>(), order, "the order");
        assert_eq!(self.pool.has_ready(), !order.is_empty());
        for item in &self.model.items {
            assert!(self.pool.contains(&item.hash), "{item:?} is known");
        }
        for number in 0..6 {
            let sender = account(number);
            let highest = self.model.of(sender).map(|item| item.nonce + 1).max();
            let expected = if sequential(sender) {
                highest.map(|_| self.model.run(sender).1)
            } else {
                highest.map(|nonce| nonce.max(self.model.lowest(sender)))
            };
            assert_eq!(
                self.pool.next_nonce(&sender),
                expected,
                "the next nonce of {sender}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(plasma_core::conformance::cases(512)))]

    #[test]
    fn the_pool_is_as_its_model(actions in actions()) {
        let mut bench = Bench::new();
        for action in actions {
            bench.act(action);
        }
    }
}

#[test]
fn what_others_ordered_waits_no_more_and_takes_the_place_of_a_rival() {
    let mut pool = Mempool::new(LIMITS, BLOCK_GAS);
    let item = |nonce, mark: u8| {
        let bytes = Bytes::from(vec![mark, nonce as u8]);
        Item {
            hash: plasma_core::transaction_hash(&bytes),
            bytes,
            sender: account(0),
            nonce,
            gas: 1,
            max_fee: 1,
            priority: 1,
            cost: 1,
            expires_at: None,
            arrival: 0,
            in_flight: false,
        }
    };
    let state = State {
        next: 0,
        balance: 100,
    };
    let mine: Vec<Item> = (0..4).map(|nonce| item(nonce, 0)).collect();
    // The first is not here yet, so the others wait for it.
    for item in &mine[1..] {
        let admission = admission(item, state);
        let taken = pool.insert(item.hash, item.bytes.clone(), &admission, NOW);
        assert_eq!(taken, Ok(false));
    }
    // A block has it, the second, and another in the place of the third.
    let rival = item(2, 9);
    let ask = || panic!("it is here");
    let first = admission(&mine[0], state);
    pool.ordered(mine[0].hash, &mine[0].bytes, || Some(first));
    pool.ordered(mine[1].hash, &mine[1].bytes, ask);
    let third = admission(&rival, state);
    pool.ordered(rival.hash, &rival.bytes, || Some(third));
    assert!(!pool.contains(&mine[2].hash), "its nonce is used");
    assert_eq!(pool.pending(10), [mine[3].bytes.clone()]);
    assert!(pool.has_ready());
    assert_eq!(pool.gas_limit(&rival.hash), Some(Gas(1)));
    let statistics = pool.statistics();
    assert_eq!((statistics.in_flight, statistics.ready), (3, 1));
    pool.ordered(mine[1].hash, &mine[1].bytes, ask);
    assert_eq!(pool.statistics().in_flight, 3, "told twice");
    let taken = pool.take(BLOCK_GAS, 1_000, NOW);
    assert_eq!(taken.len(), 1);
    let all = [mine[0].hash, mine[1].hash, rival.hash, mine[3].hash];
    pool.executed(&all);
    assert_eq!(pool.statistics().in_flight, 0);
    // One that cannot be told is known until it is executed.
    let unknown = item(7, 7);
    pool.ordered(unknown.hash, &unknown.bytes, || None);
    assert!(pool.contains(&unknown.hash));
    pool.executed(&[unknown.hash]);
    assert!(!pool.contains(&unknown.hash));
}
