//! Contracts on many threads, against the fold.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, TxKind, U256};
use plasma_core::Status;
use proptest::prelude::*;

use super::*;
use crate::{
    L2_BRIDGE,
    ethereum::testing::{Action, Case, World, any_action, by, stranger, withdraw, words},
};

const TOKEN: &[u8] = include_bytes!("../../../../examples/contracts/artifacts/token.wasm");

/// What each of the contracts does: those that every world has, and others.
fn modules() -> Vec<Vec<u8>> {
    let input = "(call $input (i32.const 0) (i32.const 0) (call $input_len))";
    vec![
        // The first word's place takes the second word, or nothing where that is zero.
        contract(&alloc::format!(
            "{input} (call $storage_write (i32.const 0) (i32.const 32)
               (select (i32.const 32) (i32.const 0) (i32.load8_u (i32.const 63))))"
        )),
        counter(),
        // The second word's place takes what is in the first word's, and one more.
        contract(&alloc::format!(
            "{input} (drop (call $storage_read (i32.const 0) (i32.const 64) (i32.const 8)))
             (i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.const 1)))
             (call $storage_write (i32.const 32) (i32.const 64) (i32.const 8))"
        )),
        // The balance of who is named.
        contract(&alloc::format!(
            "{input} (call $balance (i32.const 12) (i32.const 64))
             (call $storage_write (i32.const 100) (i32.const 64) (i32.const 32))"
        )),
        contract(
            "(call $storage_write (i32.const 0) (i32.const 0) (i32.const 9))
             (call $log (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0))
             (call $revert (i32.const 0) (i32.const 9))",
        ),
        contract("(loop (br 0))"),
        TOKEN.to_vec(),
        // Leaves garbage everywhere, and says what it found.
        wasm(
            "(module $plasma (memory 1 2) (global $g (mut i64) (i64.const 7))
               (func (export \"call\")
                 (i64.store (i32.const 8) (i64.xor (i64.load (i32.const 60000)) (global.get $g)))
                 (i32.store (i32.const 16) (memory.size))
                 (call $output (i32.const 0) (i32.const 24))
                 (call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 24))
                 (memory.fill (i32.const 0) (i32.const 165) (i32.const 65536))
                 (global.set $g (call $gas_left))
                 (call $input (i32.const 0) (i32.const 0) (call $input_len))
                 (if (i32.and (i32.load8_u (i32.const 31)) (i32.const 1))
                   (then (drop (memory.grow (i32.const 1)))))
                 (if (i32.and (i32.load8_u (i32.const 31)) (i32.const 2)) (then (unreachable)))))",
        ),
        proxy(),
    ]
}

const GARBAGE: usize = 7;
const PROXY: usize = 8;

fn world(gas_limit: u64) -> World {
    let mut chain = Chain::with(&WasmGenesis {
        gas_limit,
        base_fee: 1_000,
        ..Chain::config()
    });
    chain.block.proposer = user(9);
    let contracts: Vec<Address> = modules()
        .into_iter()
        .map(|module| {
            let length = u32::try_from(module.len()).expect("short").to_be_bytes();
            let supply = if module == TOKEN {
                ether(1).to_be_bytes_vec()
            } else {
                vec![]
            };
            // Fits the smallest block here.
            let transaction = TxEip1559 {
                gas_limit: 1_900_000,
                ..ordinary(
                    chain.nonce(user(0)),
                    TxKind::Create,
                    U256::ZERO,
                    [&length[..], &module, &supply].concat(),
                )
            };
            let receipt = chain.transactions([sign(0, transaction)]).remove(0);
            receipt
                .created
                .unwrap_or_else(|| panic!("{}", receipt.reason))
        })
        .collect();
    for number in 1..10 {
        let transaction = TxEip1559 {
            gas_limit: 600_000,
            ..ordinary(
                chain.nonce(user(0)),
                contracts[World::TOKEN].into(),
                U256::ZERO,
                tokens(user(number), 1_000 * u64::from(number)),
            )
        };
        let receipt = chain.transactions([sign(0, transaction)]).remove(0);
        assert!(receipt.succeeded(), "{}", receipt.reason);
    }
    World::new(chain, contracts)
}

fn watch(whom: Address) -> Vec<u8> {
    whom.into_word().to_vec()
}

fn through(at: TxKind, input: &[u8]) -> Vec<u8> {
    [at.to().expect("a call").as_slice(), input].concat()
}

#[test]
fn blocks_of_one_kind_are_their_folds() {
    const ZERO: U256 = U256::ZERO;
    let cases: [Case; 6] = [
        ("that watch the proposer", |world, n| {
            let whom = if n % 3 == 0 { user(9) } else { stranger(n) };
            (by(n), world.at(World::WATCHER), ZERO, watch(whom))
        }),
        ("that revert", |world, n| {
            (by(n), world.at(World::REVERTER), ZERO, vec![])
        }),
        ("that leave garbage", |world, n| {
            (by(n), world.at(GARBAGE), ZERO, words(n % 5, n))
        }),
        ("through a proxy", |world, n| {
            let input = through(
                world.at(if n % 2 == 0 { World::COUNTER } else { GARBAGE }),
                b"",
            );
            (by(n), world.at(PROXY), ZERO, input)
        }),
        ("that create", |_, n| {
            let module = if n % 2 == 0 { echo() } else { counter() };
            (by(n), TxKind::Create, ZERO, module)
        }),
        ("to what was just created", |world, n| {
            // The first one of each creates, and all others call what the first one of all creates.
            if n < 9 {
                return (by(n), TxKind::Create, ZERO, echo());
            }
            let at = user(0).create(world.nonces[0]);
            (by(n), at.into(), ZERO, vec![n as u8])
        }),
    ];
    World::check_cases(world, &cases);
}

/// What somebody does, signed.
fn transaction(world: &World, action: &Action, nonce: u64) -> Bytes {
    let Action {
        kind,
        from,
        one,
        other,
        ..
    } = *action;
    let (whom, value) = (action.whom(), action.value());
    // One of the contracts that the block itself creates, perhaps.
    let young = user((one % 3) as u8).create(world.nonces[(one % 3) as usize] + other);
    let (to, value, input) = match kind {
        0..3 => (whom.into(), value, vec![]),
        3 => (world.at(World::SETTER), U256::ZERO, words(one, other)),
        4 => (world.at(World::COUNTER), U256::from(other), vec![]),
        5 => (world.at(World::CHAINED), U256::ZERO, words(one, other)),
        6 => (world.at(World::WATCHER), U256::ZERO, watch(whom)),
        7 => (world.at(World::REVERTER), value, vec![]),
        8 => (world.at(World::ENDLESS), U256::ZERO, vec![]),
        9 | 10 => (world.at(GARBAGE), U256::ZERO, words(one, other)),
        11 => (
            world.at(PROXY),
            value,
            through(world.at(GARBAGE), &words(other, one)),
        ),
        12 => (
            world.at(PROXY),
            value,
            through(world.at(World::REVERTER), b""),
        ),
        13 => (TxKind::Create, U256::ZERO, counter()),
        14 => (TxKind::Create, value, echo()),
        15 => (young.into(), U256::ZERO, words(one, other)),
        18 => (L2_BRIDGE.into(), U256::from(other), withdraw(whom, other)),
        _ => (
            world.at(World::TOKEN),
            U256::ZERO,
            tokens(whom, other * 3_000),
        ),
    };
    let transaction = TxEip1559 {
        gas_limit: if kind == 19 { 70_000 } else { 300_000 },
        max_priority_fee_per_gas: u128::from(one) * 1_000,
        ..ordinary(nonce, to, value, input)
    };
    sign(from, transaction)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: plasma_core::conformance::cases(10),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_block_is_its_fold(
        actions in prop::collection::vec(any_action(), 0..60),
        full in any::<bool>(),
    ) {
        let world = world(if full { 2_000_000 } else { 100_000_000 });
        world.check(&world.block_of(&actions, transaction));
    }
}

#[test]
fn blocks_stay_on_one_thread_unless_told_otherwise() {
    let settings = |execution: &WasmExecution| execution.settings.parallelism;
    let execution = WasmExecution::new();
    assert_eq!(settings(&execution), Parallelism::sequential());
    let execution = execution.parallelism(Parallelism::default());
    assert_eq!(settings(&execution), Parallelism::default());
}

#[test]
fn the_suite_passes_on_many_threads() {
    let genesis = Chain::config().to_json();
    for threads in [2, 4] {
        let execution = WasmExecution::on(Parallelism::always(threads));
        let statuses = conform(&execution, &genesis, &conformance::blocks(), 0);
        assert!(statuses.iter().flatten().any(|one| *one == Status::Success));
    }
}

#[test]
fn what_is_written_has_one_root_whatever_the_threads_the_caches_and_the_store() {
    let world = world(100_000_000);
    world.check_roots(&world.block(60, &|world, n| {
        let input = tokens(stranger(n), 1);
        (by(n), world.at(World::TOKEN), U256::ZERO, input)
    }));
}
