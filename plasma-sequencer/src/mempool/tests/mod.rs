//! The pool against a plain one: whatever is done with both, in whatever order, both say the same.

mod cases;
mod indexes;
mod plain;

use plasma_core::{
    Address, Admission, B256, Bytes, Gas, NonceRule, Rejection, Timestamp, TransactionHash, U256,
};
use proptest::{prelude::*, sample::Index};

use super::{Mempool, MempoolLimits, Picked, TRANSACTION_OVERHEAD_BYTES};
use plain::Plain;

const BLOCK_GAS: Gas = Gas(100);
const SIZE: usize = TRANSACTION_OVERHEAD_BYTES + 88;
const LIMITS: MempoolLimits = MempoolLimits {
    bytes: 12 * SIZE,
    sender_bytes: 6 * SIZE,
    bump_percent: 10,
};
const NOW: Timestamp = Timestamp(10_000);
const SENDERS: u8 = 6;

/// What can be done. Nonces and times are counted from where the sender and the clock are.
#[derive(Clone, Debug)]
enum Action {
    Insert {
        offer: Offer,
        life: Option<u64>,
        /// How many nonces have been used since the gate answered.
        lag: u64,
    },
    /// Submits one again that was made before.
    InsertAgain(Index),
    Take {
        gas: u64,
        bytes: usize,
    },
    /// The first block is executed, its transactions with success or not.
    Execute {
        good: bool,
    },
    /// All blocks but so many are overridden; one of other transactions is among them.
    Override {
        kept: usize,
        stranger: bool,
    },
    /// Others order one that was made before, or a new one whose sender can be told or not.
    Order {
        known: Option<Index>,
        offer: Offer,
        told: bool,
    },
    Include {
        offer: Offer,
        told: bool,
    },
    Refresh {
        sender: u8,
        answer: Answer,
    },
    Spend {
        sender: u8,
        left: u64,
    },
    BaseFee(u128),
    Pass {
        seconds: u64,
    },
}

#[derive(Clone, Debug)]
struct Offer {
    sender: u8,
    nonce: u64,
    gas: u64,
    max_fee: u128,
    priority: u128,
    cost: u64,
    size: usize,
}

#[derive(Clone, Debug)]
enum Answer {
    Fine,
    NonceTooLow {
        more: u64,
    },
    Funds {
        balance: u64,
    },
    FeeTooLow {
        base_fee: u128,
    },
    Malformed,
    /// About another than what waits first.
    Astray,
}

fn offers(fees: u128) -> impl Strategy<Value = Offer> {
    let parts = (
        0..SENDERS,
        0..8_u64,
        1..60_u64,
        0..fees,
        0..fees,
        1..30_u64,
        8..200_usize,
    );
    parts.prop_map(
        |(sender, nonce, gas, max_fee, priority, cost, size)| Offer {
            sender,
            nonce,
            gas,
            max_fee,
            priority,
            cost,
            size,
        },
    )
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => Just(Answer::Fine),
        1 => (0..3_u64).prop_map(|more| Answer::NonceTooLow { more }),
        1 => (0..100_u64).prop_map(|balance| Answer::Funds { balance }),
        1 => (0..60_u128).prop_map(|base_fee| Answer::FeeTooLow { base_fee }),
        1 => Just(Answer::Malformed),
        1 => Just(Answer::Astray),
    ]
}

/// What is done, with offers between 0 and `fees`: few make many alike.
fn actions(fees: u128) -> impl Strategy<Value = Vec<Action>> {
    let insert = (offers(fees), prop::option::of(0..30_u64), 0..3_u64);
    let order = (any::<Option<Index>>(), offers(fees), any::<bool>());
    let action = prop_oneof![
        30 => insert.prop_map(|(offer, life, lag)| Action::Insert { offer, life, lag }),
        2 => any::<Index>().prop_map(Action::InsertAgain),
        4 => (20..400_u64, 0..2_000_usize).prop_map(|(gas, bytes)| Action::Take { gas, bytes }),
        4 => prop::bool::weighted(0.9).prop_map(|good| Action::Execute { good }),
        1 => (0..3_usize, any::<bool>())
            .prop_map(|(kept, stranger)| Action::Override { kept, stranger }),
        2 => order.prop_map(|(known, offer, told)| Action::Order { known, offer, told }),
        1 => (offers(fees), any::<bool>()).prop_map(|(offer, told)| Action::Include { offer, told }),
        3 => (0..SENDERS, answers()).prop_map(|(sender, answer)| Action::Refresh { sender, answer }),
        1 => (0..SENDERS, 0..100_u64).prop_map(|(sender, left)| Action::Spend { sender, left }),
        3 => (0..fees).prop_map(Action::BaseFee),
        1 => (0..6_u64).prop_map(|seconds| Action::Pass { seconds }),
    ];
    prop::collection::vec(action, 1..150)
}

/// Of every second account the nonces are sequential.
fn account(number: u8) -> Address {
    let mut bytes = [0; 20];
    (bytes[0], bytes[19]) = (number % 2, number + 1);
    bytes.into()
}

/// What the chain knows of an account.
#[derive(Clone, Copy, Debug)]
struct State {
    next: u64,
    balance: u64,
}

impl State {
    fn rule(self, number: u8) -> NonceRule {
        let Self { next, .. } = self;
        if number.is_multiple_of(2) {
            NonceRule::Sequential { next }
        } else {
            NonceRule::Window { base: next }
        }
    }
}

type Made = (TransactionHash, Bytes, Admission);

/// Both pools, and the chain behind them.
struct Bench {
    pool: Mempool,
    plain: Plain,
    states: [State; SENDERS as usize],
    blocks: Vec<Vec<TransactionHash>>,
    now: Timestamp,
    made: Vec<Made>,
}

impl Bench {
    fn new() -> Self {
        let (next, balance) = (0, 100);
        Self {
            pool: Mempool::new(LIMITS, BLOCK_GAS),
            plain: Plain::new(LIMITS, BLOCK_GAS),
            states: [State { next, balance }; SENDERS as usize],
            blocks: Vec::new(),
            now: NOW,
            made: Vec::new(),
        }
    }

    fn make(&mut self, offer: &Offer, life: Option<u64>, lag: u64) -> Made {
        let number = self.made.len() as u64 + 1;
        let state = self.states[usize::from(offer.sender)];
        let seen = State {
            next: state.next.saturating_sub(lag),
            ..state
        };
        let hash = B256::from(U256::from(number));
        let mut bytes = vec![0; offer.size];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        let admission = Admission {
            hash,
            sender: account(offer.sender),
            nonce: offer.nonce + state.next.saturating_sub(1),
            nonce_rule: seen.rule(offer.sender),
            gas_limit: Gas(offer.gas),
            max_fee_per_gas: offer.max_fee,
            priority_fee_per_gas: offer.priority,
            max_cost: U256::from(offer.cost),
            balance: U256::from(state.balance),
            expires_at: life.map(|life| self.now.seconds().0 + life),
        };
        self.made.push((hash, bytes.into(), admission));
        self.made[number as usize - 1].clone()
    }

    fn find(&self, hash: &TransactionHash) -> &Made {
        let found = self.made.iter().find(|made| made.0 == *hash);
        found.expect("one that was made")
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Insert { offer, life, lag } => {
                let made = self.make(&offer, life, lag);
                self.insert(made);
            }
            Action::InsertAgain(which) => {
                if !self.made.is_empty() {
                    self.insert(which.get(&self.made).clone());
                }
            }
            Action::Take { gas, bytes } => self.take(Gas(gas), bytes),
            Action::Execute { good } => self.execute(good),
            Action::Override { kept, stranger } => self.rewind(kept, stranger),
            Action::Order { known, offer, told } => self.order(known, &offer, told),
            Action::Include { offer, told } => {
                let (hash, bytes, admission) = self.make(&offer, None, 0);
                let told = told.then_some(&admission);
                self.pool.included(hash, bytes.clone(), told);
                self.plain.included(hash, bytes, told);
                self.blocks.push(vec![hash]);
            }
            Action::Refresh { sender, answer } => self.refresh(sender, &answer),
            Action::Spend { sender, left } => self.states[usize::from(sender)].balance = left,
            Action::BaseFee(base_fee) => {
                self.pool.set_base_fee(base_fee);
                self.plain.set_base_fee(base_fee);
            }
            Action::Pass { seconds } => {
                self.now = Timestamp(self.now.0 + 1_000 * seconds);
                self.pool.expire(self.now);
                self.plain.expire(self.now);
            }
        }
        self.compare();
    }

    fn insert(&mut self, (hash, bytes, admission): Made) {
        let now = self.now;
        let got = self.pool.insert(hash, bytes.clone(), &admission, now);
        let expected = self.plain.insert(hash, bytes, &admission, now);
        assert_eq!(got, expected, "whether {hash} is taken in");
        assert!(self.pool.statistics().bytes <= LIMITS.bytes, "the bound");
    }

    fn take(&mut self, gas: Gas, bytes: usize) {
        let now = self.now;
        let ready = self.pool.ready(gas, bytes, now);
        assert_eq!(ready, self.plain.ready(gas, bytes, now), "what is ready");
        let taken = self.pool.take(gas, bytes, now);
        let expected = self.plain.take(gas, bytes, now);
        assert_eq!(taken, expected, "what a block takes");
        self.blocks.push(taken.iter().map(|it| it.hash).collect());
    }

    fn execute(&mut self, good: bool) {
        if self.blocks.is_empty() {
            return;
        }
        let block = self.blocks.remove(0);
        for hash in &block {
            let (sender, nonce) = {
                let it = &self.find(hash).2;
                (it.sender[19] - 1, it.nonce)
            };
            let state = &mut self.states[usize::from(sender)];
            let usable = nonce == state.next || (sender % 2 == 1 && nonce > state.next);
            if good && usable {
                state.next = nonce + 1;
                state.balance = state.balance.saturating_sub(1);
            }
        }
        let touched = self.pool.executed(&block);
        assert_eq!(touched, self.plain.executed(&block), "who is to look up");
    }

    fn rewind(&mut self, kept: usize, stranger: bool) {
        assert_eq!(self.pool.rewind(), self.plain.rewind(), "who is to look up");
        let dropped = self.blocks.split_off(kept.min(self.blocks.len()));
        for block in dropped {
            let picked = |hash: &TransactionHash| {
                let (hash, bytes, _) = self.find(hash).clone();
                Picked { hash, bytes }
            };
            let mut block: Vec<Picked> = block.iter().map(picked).collect();
            if stranger {
                let (hash, bytes) = (B256::repeat_byte(9), Bytes::from_static(b"stranger"));
                block.push(Picked { hash, bytes });
            }
            let unknown = self.pool.put_back(&block);
            assert_eq!(unknown, self.plain.put_back(&block), "what is unknown");
            assert!(self.pool.statistics().bytes <= LIMITS.bytes, "the bound");
        }
    }

    fn order(&mut self, known: Option<Index>, offer: &Offer, told: bool) {
        let known = known.filter(|_| !self.made.is_empty());
        let (hash, bytes, admission) = match known {
            Some(which) => which.get(&self.made).clone(),
            None => self.make(offer, None, 0),
        };
        let told = told.then_some(admission);
        self.pool.ordered(hash, &bytes, || told.clone());
        self.plain.ordered(hash, &bytes, told.as_ref());
        if !self.blocks.iter().flatten().any(|it| *it == hash) {
            self.blocks.push(vec![hash]);
        }
    }

    fn refresh(&mut self, number: u8, answer: &Answer) {
        let sender = account(number);
        let state = self.states[usize::from(number)];
        let Some((mut hash, _)) = self.pool.probe(&sender) else {
            return;
        };
        let answer = match *answer {
            Answer::Fine => {
                let mut admission = self.find(&hash).2.clone();
                admission.nonce_rule = state.rule(number);
                admission.balance = U256::from(state.balance);
                Ok(admission)
            }
            Answer::NonceTooLow { more } => Err(Rejection::NonceTooLow {
                sender,
                next: state.next + more,
                got: 0,
            }),
            Answer::Funds { balance } => Err(Rejection::Funds {
                sender,
                balance: U256::from(balance),
                needed: U256::MAX,
            }),
            Answer::FeeTooLow { base_fee } => Err(Rejection::FeeTooLow {
                offered: 0,
                base_fee,
            }),
            Answer::Malformed => Err(Rejection::Malformed(String::new())),
            Answer::Astray => {
                hash = B256::ZERO;
                Err(Rejection::Malformed(String::new()))
            }
        };
        let again = self.pool.refresh(sender, &hash, &answer);
        let expected = self.plain.refresh(sender, &hash, &answer);
        assert_eq!(again, expected, "whether to ask again");
    }

    fn compare(&self) {
        let (pool, plain) = (&self.pool, &self.plain);
        assert_eq!(pool.statistics(), plain.statistics());
        let pending = pool.pending(usize::MAX);
        assert_eq!(pending, plain.pending(usize::MAX), "the order");
        assert_eq!(pool.pending(3), plain.pending(3), "the first ones");
        assert_eq!(pool.stalest(usize::MAX), plain.stalest(usize::MAX));
        assert_eq!(pool.stalest(2), plain.stalest(2));
        for (hash, _, _) in &self.made {
            assert_eq!(pool.contains(hash), plain.contains(hash), "{hash}");
            assert_eq!(pool.get(hash), plain.get(hash), "{hash}");
            let gas_limit = plain.get(hash).map(|_| self.find(hash).2.gas_limit);
            assert_eq!(pool.gas_limit(hash), gas_limit, "{hash}");
        }
        for sender in (0..SENDERS).map(account) {
            assert_eq!(pool.probe(&sender), plain.probe(&sender), "{sender}");
            let next = pool.next_nonce(&sender);
            assert_eq!(next, plain.next_nonce(&sender), "{sender}");
        }
        pool.check_indexes();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(plasma_core::conformance::cases(384)))]

    #[test]
    fn the_pool_is_as_the_plain_one(actions in actions(60)) {
        let mut bench = Bench::new();
        for action in actions {
            bench.act(action);
        }
    }

    #[test]
    fn the_pool_is_as_the_plain_one_where_offers_are_alike(actions in actions(4)) {
        let mut bench = Bench::new();
        for action in actions {
            bench.act(action);
        }
    }
}
