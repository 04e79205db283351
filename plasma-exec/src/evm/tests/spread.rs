//! The EVM on many threads, against the fold.

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

use alloy_consensus::{TxEip1559, TxEip7702};
use alloy_eips::eip7702::Authorization;
use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use alloy_sol_types::{SolCall, SolValue, sol};
use plasma_core::{
    BlockOutcome, Changes, Execution, Status, Step, conformance::execution::Suite, fold_segments,
};
use proptest::prelude::*;

use super::*;
use crate::{
    MemoryConfig, MemoryStore, Store,
    evm::predeploys::{FACTORY, L2_BRIDGE},
};

sol! {
    function withdraw(address asset, address recipient, uint256 amount);
    function transfer(address to, uint256 amount) returns (bool);
}

const THREADS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Slot CALLDATA[0..32] takes CALLDATA[32..64].
const SETTER: &[u8] = &hex!("6020355f355500");
/// Slot 0 counts, and a log says how far.
const COUNTER: &[u8] = &hex!("5f546001015f555f545f525f545f5fa100");
/// Slot CALLDATA[32..64] takes what is in slot CALLDATA[0..32], and one more.
const CHAINED: &[u8] = &hex!("5f35546001016020355500");
/// Slot 0 takes the proposer's balance.
const WATCHER: &[u8] = &hex!("41315f5500");
/// Writes, and reverts.
const REVERTER: &[u8] = &hex!("60015f555f5ffd");
/// JUMPDEST, PUSH0, JUMP.
const ENDLESS: &[u8] = &hex!("5b5f56");
/// Gives all it has to the proposer, and is destroyed if it was created just now.
const SUICIDE: &[u8] = &hex!("41ff");
/// Slot NUMBER-1 takes the hash of the block before the last, and slot 9 the gas that is left.
const ENVIRONMENT: &[u8] = &hex!("600243034060014303555a60095500");

fn fold(
    execution: &EvmExecution,
    base: &dyn StateRead,
    block: &BlockContext,
    steps: &[Step],
) -> BlockOutcome {
    fold_block(
        |state, step| execution.apply(state, block, step),
        base,
        steps,
    )
}

/// On every number of threads a block, whole or in segments, is its fold.
fn check(base: &MemoryState, block: &BlockContext, steps: &[Step]) -> BlockOutcome {
    let sequential = EvmExecution::new();
    let whole = fold(&sequential, base, block, steps);
    let segments = fold_segments(
        sequential.segment_gas(),
        |state, step| sequential.work(state, step),
        |state, steps| fold(&sequential, state, block, steps),
        base,
        steps,
    );
    let always = THREADS.map(Parallelism::always);
    for parallelism in always.into_iter().chain([Parallelism::default()]) {
        let execution = EvmExecution::new().parallelism(parallelism);
        let outcome = execution.apply_block(base, block, steps);
        assert_eq!(outcome, whole, "{parallelism:?}");
        let outcome = execution.apply_segments(base, block, steps);
        assert_eq!(outcome, segments, "{parallelism:?} in segments");
    }
    whole
}

fn block(transactions: impl IntoIterator<Item = Step>) -> Vec<Step> {
    core::iter::once(Step::Begin)
        .chain(transactions)
        .chain([Step::End])
        .collect()
}

/// From whom, to whom, how much, and with what.
type Sent = (u8, TxKind, U256, Vec<u8>);

/// A chain with contracts for trouble; the last of the ten proposes its blocks.
struct World {
    chain: Chain,
    contracts: Vec<Address>,
    token: Address,
    nonces: [u64; 10],
}

impl World {
    fn new(gas_limit: u64) -> Self {
        let mut chain = Chain::with(&EvmGenesis {
            gas_limit,
            base_fee: 1_000,
            ..Chain::config()
        });
        chain.block.proposer = user(9);
        let codes = [
            SETTER,
            COUNTER,
            CHAINED,
            WATCHER,
            REVERTER,
            ENDLESS,
            SUICIDE,
            ENVIRONMENT,
        ];
        let contracts = codes.map(|code| chain.deploy(code)).to_vec();
        let code = [
            artifact(contracts::TEST_TOKEN),
            ("Gold", "GLD", U256::from(6), U256::from(1_000_000)).abi_encode_params(),
        ]
        .concat();
        let token = chain.send(0, TxKind::Create, U256::ZERO, code).created;
        let token = token.expect("a contract");
        for number in 1..10 {
            let amount = U256::from(1_000 * u64::from(number));
            chain.call(
                0,
                token,
                transferCall {
                    to: user(number),
                    amount,
                }
                .abi_encode(),
            );
        }
        let nonces = core::array::from_fn(|number| chain.nonce(user(number as u8)));
        Self {
            chain,
            contracts,
            token,
            nonces,
        }
    }

    /// Eighty transactions.
    fn block(&self, of: &dyn Fn(&Self, u64) -> Sent) -> Vec<Step> {
        let mut nonces = self.nonces;
        block((0..80).map(|n| {
            let (from, to, value, input) = of(self, n);
            let nonce = nonces[usize::from(from)];
            nonces[usize::from(from)] += 1;
            let transaction = TxEip1559 {
                gas_limit: 200_000,
                ..ordinary(nonce, to, value, input)
            };
            Step::Transaction(sign(from, transaction))
        }))
    }
}

fn stranger(n: u64) -> Address {
    Address::left_padding_from(&(n + 1_000_000).to_be_bytes())
}

fn words(one: u64, other: u64) -> Vec<u8> {
    (U256::from(one), U256::from(other)).abi_encode()
}

type Case = (&'static str, fn(&World, u64) -> Sent);

#[test]
fn blocks_of_one_kind_are_their_folds() {
    const ONE: U256 = U256::ONE;
    let cases: [Case; 20] = [
        ("to strangers", |_, n| {
            ((n % 9) as u8, stranger(n).into(), ONE, vec![])
        }),
        ("all to one", |_, n| {
            ((n % 9) as u8, stranger(0).into(), ONE, vec![])
        }),
        ("all from one", |_, n| (0, stranger(n).into(), ONE, vec![])),
        ("to oneself", |_, n| {
            ((n % 9) as u8, user((n % 9) as u8).into(), ONE, vec![])
        }),
        ("in a ring", |_, n| {
            (
                (n % 9) as u8,
                user(((n + 1) % 9) as u8).into(),
                ether(400),
                vec![],
            )
        }),
        ("to the proposer", |_, n| {
            ((n % 9) as u8, user(9).into(), ONE, vec![])
        }),
        ("from the proposer", |_, n| {
            (
                if n % 7 == 0 { 9 } else { (n % 9) as u8 },
                stranger(n).into(),
                ONE,
                vec![],
            )
        }),
        ("to a setter", |world, n| {
            (
                (n % 9) as u8,
                world.contracts[0].into(),
                U256::ZERO,
                words(n, n),
            )
        }),
        ("that set and delete", |world, n| {
            (
                (n % 9) as u8,
                world.contracts[0].into(),
                U256::ZERO,
                words(n % 4, n % 3),
            )
        }),
        ("to a counter", |world, n| {
            ((n % 9) as u8, world.contracts[1].into(), U256::ZERO, vec![])
        }),
        ("each on the last", |world, n| {
            (
                (n % 9) as u8,
                world.contracts[2].into(),
                U256::ZERO,
                words(n, n + 1),
            )
        }),
        ("that watch the proposer", |world, n| {
            (
                (n % 9) as u8,
                world.contracts[if n % 3 == 0 { 3 } else { 1 }].into(),
                U256::ZERO,
                vec![],
            )
        }),
        ("that revert", |world, n| {
            ((n % 9) as u8, world.contracts[4].into(), ONE, vec![])
        }),
        ("out of gas", |world, n| {
            ((n % 9) as u8, world.contracts[5].into(), ONE, vec![])
        }),
        ("that end a contract", |world, n| {
            ((n % 9) as u8, world.contracts[6].into(), ONE, vec![])
        }),
        ("that create", |_, n| {
            (
                (n % 9) as u8,
                TxKind::Create,
                U256::ZERO,
                init_code(if n % 2 == 0 { COUNTER } else { SETTER }),
            )
        }),
        ("that create and destroy", |_, n| {
            (
                (n % 9) as u8,
                TxKind::Create,
                ONE,
                if n % 2 == 0 {
                    hex!("41ff").to_vec()
                } else {
                    hex!("33ff").to_vec()
                },
            )
        }),
        ("that create at one address", |_, n| {
            (
                (n % 9) as u8,
                FACTORY.into(),
                U256::ZERO,
                [&[(n % 3) as u8; 32][..], &init_code(COUNTER)].concat(),
            )
        }),
        ("of tokens", |world, n| {
            (
                (n % 9) as u8,
                world.token.into(),
                U256::ZERO,
                transferCall {
                    to: if n % 2 == 0 { stranger(n) } else { user(0) },
                    amount: U256::from(n * 9),
                }
                .abi_encode(),
            )
        }),
        ("over the bridge", |_, n| {
            (
                (n % 9) as u8,
                L2_BRIDGE.into(),
                U256::from(n),
                withdrawCall {
                    asset: Address::ZERO,
                    recipient: stranger(n),
                    amount: U256::from(n),
                }
                .abi_encode(),
            )
        }),
    ];
    for gas_limit in [100_000_000, 3_000_000] {
        let world = World::new(gas_limit);
        for (what, of) in &cases {
            std::println!("{what}, {gas_limit}");
            let outcome = check(&world.chain.state, &world.chain.block, &world.block(of));
            let paid = outcome
                .receipts
                .iter()
                .filter(|receipt| receipt.gas_used.0 > 0);
            assert!(paid.count() >= 10, "{what}: {:?}", outcome.receipts[1]);
        }
    }
}

#[derive(Clone, Debug)]
struct Action {
    kind: u8,
    from: u8,
    whom: u8,
    one: u64,
    other: u64,
    /// How far the nonce is off.
    off: u8,
    forced: u8,
}

fn any_action() -> impl Strategy<Value = Action> {
    (
        0..20_u8,
        0..10_u8,
        0..12_u8,
        0..5_u64,
        0..4_u64,
        0..16_u8,
        0..14_u8,
    )
        .prop_map(|(kind, from, whom, one, other, off, forced)| Action {
            kind,
            from,
            whom,
            one,
            other,
            off,
            forced,
        })
}

impl World {
    fn step(&self, nonces: &mut [u64; 10], action: &Action) -> Step {
        let Action {
            kind,
            from,
            whom,
            one,
            other,
            off,
            forced,
        } = action.clone();
        let nonce = &mut nonces[usize::from(from)];
        *nonce += 1;
        let nonce = (*nonce - 1).wrapping_add(match off {
            0 => 1,
            1 => u64::MAX,
            _ => 0,
        });
        let whom = if whom < 10 {
            user(whom)
        } else {
            stranger(whom.into())
        };
        let contract = |at: usize| TxKind::Call(self.contracts[at]);
        let value = match one {
            0 => U256::ZERO,
            1 => ether(600),
            _ => U256::from(other),
        };
        let (to, value, input) = match kind {
            0..4 => (whom.into(), value, vec![]),
            4 => (contract(0), U256::ZERO, words(one, other)),
            5 => (contract(1), U256::ZERO, vec![]),
            6 => (contract(2), U256::ZERO, words(one, other)),
            7 => (contract(3), U256::ZERO, vec![]),
            8 => (contract(4), value, vec![]),
            9 => (contract(5), U256::ZERO, vec![]),
            10 => (contract(6), value, vec![]),
            11 => (contract(7), U256::ZERO, vec![]),
            12 => (TxKind::Create, U256::from(other), init_code(CHAINED)),
            13 => (TxKind::Create, U256::from(other), hex!("41ff").to_vec()),
            14 => (TxKind::Create, U256::from(other), hex!("33ff").to_vec()),
            15 => {
                let input = [&[one as u8; 32][..], &init_code(COUNTER)].concat();
                (FACTORY.into(), U256::ZERO, input)
            }
            16 | 17 => {
                let amount = U256::from(other * 3_000);
                (
                    self.token.into(),
                    U256::ZERO,
                    transferCall { to: whom, amount }.abi_encode(),
                )
            }
            18 => {
                let amount = U256::from(other);
                let call = withdrawCall {
                    asset: Address::ZERO,
                    recipient: whom,
                    amount,
                };
                (L2_BRIDGE.into(), amount, call.abi_encode())
            }
            _ => {
                // An account takes a contract's code for its own, or whichever it is given; and may run it at once.
                let authorization = Authorization {
                    chain_id: U256::from(CHAIN.0),
                    address: self.contracts[one as usize],
                    nonce: self.nonces[other as usize],
                };
                let signature = signer(other as u8).sign(authorization.signature_hash());
                let signature = alloy_primitives::Signature::new(
                    signature.r.into(),
                    signature.s.into(),
                    signature.v == 28,
                );
                let transaction = TxEip7702 {
                    chain_id: CHAIN.0,
                    nonce,
                    gas_limit: 300_000,
                    max_fee_per_gas: GWEI,
                    max_priority_fee_per_gas: 3,
                    to: user(other as u8),
                    value: U256::ZERO,
                    access_list: Vec::new().into(),
                    authorization_list: vec![authorization.into_signed(signature)],
                    input: words(one, other).into(),
                };
                return Step::Transaction(sign(from, transaction));
            }
        };
        let transaction = TxEip1559 {
            gas_limit: 150_000,
            max_priority_fee_per_gas: u128::from(off),
            ..ordinary(nonce, to, value, input)
        };
        let bytes = sign(from, transaction);
        match forced {
            0 => super::forced(one, &bytes),
            1 => deposit(one, Address::ZERO, whom, U256::from(other), b"data"),
            2 => Step::Transaction(Bytes::copy_from_slice(&bytes[1..])),
            _ => Step::Transaction(bytes),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: plasma_core::conformance::cases(12),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn random_blocks_are_their_folds(
        actions in prop::collection::vec(any_action(), 0..120),
        small in any::<bool>(),
    ) {
        let world = World::new(if small { 3_000_000 } else { 100_000_000 });
        let mut nonces = world.nonces;
        let steps = block(actions.iter().map(|action| world.step(&mut nonces, action)));
        check(&world.chain.state, &world.chain.block, &steps);
    }
}

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

#[test]
fn one_block_has_one_root_whatever_the_threads_the_caches_and_the_store() {
    let world = World::new(100_000_000);
    let mut nonces = world.nonces;
    // So many changes that stores spread them over threads, too.
    let steps = block((0..600_u64).map(|n| {
        let from = (n % 9) as u8;
        let to = [stranger(n), world.contracts[1], world.token, user(9)][(n % 4) as usize];
        let transfer = transferCall {
            to: stranger(n),
            amount: U256::from(n % 7),
        };
        let nonce = nonces[usize::from(from)];
        nonces[usize::from(from)] += 1;
        let transaction = TxEip1559 {
            gas_limit: 200_000,
            ..ordinary(nonce, to.into(), U256::from(n % 3), transfer.abi_encode())
        };
        Step::Transaction(sign(from, transaction))
    }));
    let first = world.chain.state.entries().iter();
    let first = first
        .map(|(key, value)| (*key, Some(value.clone())))
        .collect();
    let mut roots = Vec::new();
    for (name, store, _directory) in stores() {
        store.commit(0, &first).expect("it is taken");
        let view = store.view(0).expect("it is kept");
        for threads in THREADS {
            let execution = EvmExecution::new().parallelism(Parallelism::always(threads));
            let segments = execution.apply_segments(&*view, &world.chain.block, &steps);
            let changes: Vec<Changes> = segments
                .into_iter()
                .map(|(_, outcome)| outcome.changes)
                .collect();
            let of_segments = store.commit_segments(1, &changes).expect("they are taken");
            store.rollback(0).expect("it is kept");
            let outcome = execution.apply_block(&*view, &world.chain.block, &steps);
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

#[test]
fn code_that_is_seen_before_it_is_whole_is_not_remembered() {
    // Created by one transaction and called by the next: a guess may find the account before its code.
    let world = World::new(100_000_000);
    let steps = world.block(&|_, n| {
        let (salt, code) = ([(n / 2) as u8; 32], init_code(COUNTER));
        let from = (n % 9) as u8;
        if n % 2 == 0 {
            return (
                from,
                FACTORY.into(),
                U256::ZERO,
                [&salt[..], &code].concat(),
            );
        }
        let created = FACTORY.create2_from_code(B256::from(salt), &code);
        (from, created.into(), U256::ZERO, vec![])
    });
    let (base, block) = (&world.chain.state, &world.chain.block);
    let expected = fold(&EvmExecution::new(), base, block, &steps);
    assert!(expected.receipts.iter().all(Receipt::succeeded));
    let execution = EvmExecution::new().parallelism(Parallelism::always(4));
    for _ in 0..20 {
        assert_eq!(execution.apply_block(base, block, &steps), expected);
    }
    let mut after = base.clone();
    after.apply(&expected.changes);
    let created = FACTORY.create2_from_code(B256::ZERO, init_code(COUNTER));
    let call = Query::Call(Call {
        to: Some(created),
        ..Call::default()
    });
    let asked = |execution: &EvmExecution| execution.query(&after, block, &call);
    assert_eq!(asked(&execution), asked(&EvmExecution::new()));
}

#[test]
fn the_suite_passes_on_many_threads() {
    let execution = EvmExecution::new().parallelism(Parallelism::always(3));
    let genesis = Chain::config().to_json();
    let suite = Suite::new(&execution, CHAIN, &genesis);
    let blocks = vec![
        (0..10)
            .map(|from| {
                let transaction = ordinary(0, user(3).into(), U256::from(7), vec![]);
                Step::Transaction(sign(from, transaction))
            })
            .collect(),
        vec![Step::Transaction(sign(
            0,
            ordinary(1, TxKind::Create, U256::ZERO, init_code(COUNTER)),
        ))],
    ];
    let receipts = suite.check(&blocks);
    assert!(
        receipts
            .iter()
            .flatten()
            .all(|receipt| receipt.status == Status::Success)
    );
    suite.check_noise(&blocks, 32);
}
