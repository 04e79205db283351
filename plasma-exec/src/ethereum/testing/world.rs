//! Blocks of any kind, on any number of threads, against their folds.

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use plasma_core::{
    BlockContext, BlockOutcome, Changes, Execution, MemoryState, StateRead, Step, fold_block,
    fold_segments,
};
use proptest::prelude::*;

use super::{
    Chain, Tested, block, deposit, ether, forced, ordinary, sign, stranger, tokens, user,
    withdrawal, words,
};
use crate::{L2_BRIDGE, MemoryConfig, MemoryStore, Parallelism, Store};

/// From whom, to whom, how much, and with what.
pub(crate) type Sent = (u8, TxKind, U256, Vec<u8>);

/// What the transactions of a block do, each by its number.
pub(crate) type Case = (&'static str, fn(&World, u64) -> Sent);

/// A chain with contracts for trouble; the last of the ten proposes its blocks.
pub(crate) struct World {
    pub(crate) state: MemoryState,
    pub(crate) block: BlockContext,
    /// Those that every world has, by their numbers here, and then others.
    pub(crate) contracts: Vec<Address>,
    pub(crate) nonces: [u64; 10],
    plain: Box<dyn Execution>,
    on: fn(Parallelism) -> Box<dyn Execution>,
}

impl World {
    /// The place of the first word takes the second word.
    pub(crate) const SETTER: usize = 0;
    /// One place counts.
    pub(crate) const COUNTER: usize = 1;
    /// The place of the second word takes what is in the first word's, and one more.
    pub(crate) const CHAINED: usize = 2;
    /// A place takes a balance.
    pub(crate) const WATCHER: usize = 3;
    /// Writes, and reverts.
    pub(crate) const REVERTER: usize = 4;
    /// Loops until there is no gas.
    pub(crate) const ENDLESS: usize = 5;
    /// A token, of which the ten have some.
    pub(crate) const TOKEN: usize = 6;

    const THREADS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    /// What a chain has become, with these contracts on it.
    pub(crate) fn new<E: Tested>(chain: Chain<E>, contracts: Vec<Address>) -> Self {
        Self {
            contracts,
            nonces: core::array::from_fn(|number| chain.nonce(user(number as u8))),
            state: chain.state,
            block: chain.block,
            plain: Box::new(E::plain()),
            on: |parallelism| Box::new(E::on(parallelism)),
        }
    }

    pub(crate) fn at(&self, contract: usize) -> TxKind {
        TxKind::Call(self.contracts[contract])
    }

    pub(crate) fn fold(&self, base: &dyn StateRead, steps: &[Step]) -> BlockOutcome {
        let apply = |state: &mut dyn plasma_core::State, step: &Step| {
            self.plain.apply(state, &self.block, step)
        };
        fold_block(apply, base, steps)
    }

    /// On every number of threads a block, whole or in segments, is its fold.
    pub(crate) fn check(&self, steps: &[Step]) -> BlockOutcome {
        let (base, block) = (&self.state, &self.block);
        let whole = self.fold(base, steps);
        let segments = fold_segments(
            self.plain.segment_gas(),
            |state, step| self.plain.work(state, step),
            |state, steps| self.fold(state, steps),
            base,
            steps,
        );
        let transactions: Vec<Bytes> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Transaction(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .collect();
        let always = Self::THREADS.map(Parallelism::always);
        let others = [Parallelism::default(), Parallelism::sequential()];
        for parallelism in always.into_iter().chain(others) {
            let execution = (self.on)(parallelism);
            let outcome = execution.apply_block(base, block, steps);
            assert_eq!(outcome, whole, "{parallelism:?}");
            let outcome = execution.apply_segments(base, block, steps);
            assert_eq!(outcome, segments, "{parallelism:?} in segments");
            execution.prepare(&transactions);
            let outcome = execution.apply_block(base, block, steps);
            assert_eq!(outcome, whole, "{parallelism:?}, read before");
        }
        whole
    }

    /// A block of so many transactions.
    pub(crate) fn block(&self, count: u64, of: &dyn Fn(&Self, u64) -> Sent) -> Vec<Step> {
        let mut nonces = self.nonces;
        block((0..count).map(|n| {
            let (from, to, value, input) = of(self, n);
            let nonce = nonces[usize::from(from)];
            nonces[usize::from(from)] += 1;
            let transaction = TxEip1559 {
                gas_limit: 300_000,
                ..ordinary(nonce, to, value, input)
            };
            Step::Transaction(sign(from, transaction))
        }))
    }

    /// A block of each kind is its fold, whether or not there is room for all of it: of those that every world knows, and
    /// of these.
    pub(crate) fn check_cases(new: fn(u64) -> Self, cases: &[Case]) {
        for gas_limit in [100_000_000, 3_000_000] {
            let world = new(gas_limit);
            for (what, of) in COMMON.iter().chain(cases) {
                std::println!("{what}, {gas_limit}");
                let outcome = world.check(&world.block(80, of));
                let receipts = outcome.receipts.iter();
                let paid = receipts.filter(|receipt| receipt.gas_used.0 > 0);
                assert!(paid.count() >= 9, "{what}: {:?}", outcome.receipts[1]);
            }
        }
    }

    /// Whatever the threads, the caches and the store, a block has one root.
    pub(crate) fn check_roots(&self, steps: &[Step]) {
        let first = self.state.entries().iter();
        let first = first
            .map(|(key, value)| (*key, Some(value.clone())))
            .collect();
        let mut roots = Vec::new();
        for (name, store, _directory) in stores() {
            store.commit(0, &first).expect("it is taken");
            let view = store.view(0).expect("it is kept");
            for threads in Self::THREADS {
                let execution = (self.on)(Parallelism::always(threads));
                let segments = execution.apply_segments(&*view, &self.block, steps);
                let changes: Vec<Changes> = segments
                    .into_iter()
                    .map(|(_, outcome)| outcome.changes)
                    .collect();
                let of_segments = store.commit_segments(1, &changes).expect("they are taken");
                store.rollback(0).expect("it is kept");
                let outcome = execution.apply_block(&*view, &self.block, steps);
                let whole = store.preview(&outcome.changes).expect("a root");
                assert_eq!(of_segments.last(), Some(&whole), "{name}");
                roots.push((name.clone(), threads, of_segments));
            }
        }
        let (_, _, expected) = roots[0].clone();
        for (name, threads, of_segments) in roots {
            assert_eq!(of_segments, expected, "{name}, executed on {threads}");
        }
    }
}

/// Who sends the transaction of this number; the proposer sends none.
pub(crate) fn by(n: u64) -> u8 {
    (n % 9) as u8
}

/// A withdrawal of XPL.
pub(crate) fn withdraw(to: Address, amount: u64) -> Vec<u8> {
    withdrawal(Address::ZERO, to, U256::from(amount))
}

/// What blocks of every world do.
const COMMON: [Case; 14] = {
    const ONE: U256 = U256::ONE;
    const ZERO: U256 = U256::ZERO;
    [
        ("to strangers", |_, n| {
            (by(n), stranger(n).into(), ONE, vec![])
        }),
        ("all to one", |_, n| {
            (by(n), stranger(0).into(), ONE, vec![])
        }),
        ("all from one", |_, n| (0, stranger(n).into(), ONE, vec![])),
        ("to oneself", |_, n| {
            (by(n), user(by(n)).into(), ONE, vec![])
        }),
        ("in a ring", |_, n| {
            (by(n), user(by(n + 1)).into(), ether(400), vec![])
        }),
        ("to the proposer", |_, n| {
            (by(n), user(9).into(), ONE, vec![])
        }),
        ("from the proposer", |_, n| {
            let from = if n % 7 == 0 { 9 } else { by(n) };
            (from, stranger(n).into(), ONE, vec![])
        }),
        ("to a setter", |world, n| {
            (by(n), world.at(World::SETTER), ZERO, words(n, n))
        }),
        ("that set and delete", |world, n| {
            (by(n), world.at(World::SETTER), ZERO, words(n % 4, n % 3))
        }),
        ("to a counter", |world, n| {
            (by(n), world.at(World::COUNTER), ZERO, vec![])
        }),
        ("each on the last", |world, n| {
            (by(n), world.at(World::CHAINED), ZERO, words(n, n + 1))
        }),
        ("out of gas", |world, n| {
            (by(n), world.at(World::ENDLESS), ONE, vec![])
        }),
        ("of tokens", |world, n| {
            let to = if n % 2 == 0 { stranger(n) } else { user(0) };
            (by(n), world.at(World::TOKEN), ZERO, tokens(to, n * 9))
        }),
        ("over the bridge", |_, n| {
            let input = withdraw(stranger(n), n);
            (by(n), L2_BRIDGE.into(), U256::from(n), input)
        }),
    ]
};

/// Stores of every kind, with threads and caches of several sizes; the directories are theirs.
fn stores() -> Vec<(String, Box<dyn Store>, Option<tempfile::TempDir>)> {
    let mut stores: Vec<(String, Box<dyn Store>, _)> = Vec::new();
    for threads in [1, 2, 5] {
        let directory = tempfile::tempdir().expect("a directory");
        let config = MemoryConfig {
            threads,
            directory: (threads > 1).then(|| directory.path().to_owned()),
            ..MemoryConfig::default()
        };
        let store = MemoryStore::open(config).expect("a store");
        let name = format!("in memory, {threads} threads");
        stores.push((name, Box::new(store), Some(directory)));
    }
    #[cfg(feature = "nomt")]
    for (cache_mib, threads) in [(1, 1), (64, 3)] {
        let directory = tempfile::tempdir().expect("a directory");
        let config = crate::NomtConfig {
            pages: 4096,
            cache_mib,
            threads,
            ..crate::NomtConfig::new(directory.path())
        };
        match crate::NomtStore::open(config) {
            Ok(store) => {
                let name = format!("NOMT, {cache_mib} MiB, {threads} threads");
                stores.push((name, Box::new(store), Some(directory)));
            }
            Err(error) => assert!(
                matches!(error, crate::StoreError::Unsupported { .. }),
                "{error}"
            ),
        }
    }
    stores
}

/// What somebody might do: numbers for a chain's tests to make something of.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) kind: u8,
    pub(crate) from: u8,
    whom: u8,
    pub(crate) one: u64,
    pub(crate) other: u64,
    /// How far the nonce is off.
    pub(crate) off: u8,
    how: u8,
}

pub(crate) fn any_action() -> impl Strategy<Value = Action> {
    (
        0..20_u8,
        0..10_u8,
        0..12_u8,
        0..5_u64,
        0..4_u64,
        0..16_u8,
        0..14_u8,
    )
        .prop_map(|(kind, from, whom, one, other, off, how)| Action {
            kind,
            from,
            whom,
            one,
            other,
            off,
            how,
        })
}

impl Action {
    /// One of the ten, or a stranger.
    pub(crate) fn whom(&self) -> Address {
        if self.whom < 10 {
            user(self.whom)
        } else {
            stranger(self.whom.into())
        }
    }

    /// Nothing, a little, or more than anybody has twice.
    pub(crate) fn value(&self) -> U256 {
        match self.one {
            0 => U256::ZERO,
            1 => ether(600),
            _ => U256::from(self.other),
        }
    }
}

impl World {
    /// A block of what everybody does: `of` makes a signed transaction of it, with this nonce.
    pub(crate) fn block_of(
        &self,
        actions: &[Action],
        of: impl Fn(&Self, &Action, u64) -> Bytes,
    ) -> Vec<Step> {
        let mut nonces = self.nonces;
        block(actions.iter().map(|action| {
            let nonce = &mut nonces[usize::from(action.from)];
            *nonce += 1;
            let nonce = (*nonce - 1).wrapping_add(match action.off {
                0 => 1,
                1 => u64::MAX,
                _ => 0,
            });
            let bytes = of(self, action, nonce);
            match action.how {
                0 => forced(action.one, &bytes),
                1 => {
                    let amount = U256::from(action.other);
                    deposit(action.one, Address::ZERO, action.whom(), amount, &bytes)
                }
                2 => Step::Transaction(Bytes::copy_from_slice(&bytes[1..])),
                _ => Step::Transaction(bytes),
            }
        }))
    }
}
