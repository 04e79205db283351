//! The EVM on many threads, against the fold.

use alloc::{vec, vec::Vec};

use alloy_consensus::{TxEip1559, TxEip7702};
use alloy_primitives::{Bytes, TxKind, U256, hex};
use alloy_sol_types::SolValue;
use plasma_core::{Execution, Status, Step};
use proptest::prelude::*;

use super::*;
use crate::{
    ethereum::testing::{Action, Case, World, any_action, by, stranger, withdraw, words},
    evm::predeploys::{FACTORY, L2_BRIDGE},
};

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

/// In the order of a world's contracts, but for the token.
const CODES: [&[u8]; 8] = [
    SETTER,
    COUNTER,
    CHAINED,
    WATCHER,
    REVERTER,
    ENDLESS,
    SUICIDE,
    ENVIRONMENT,
];
const SUICIDES: usize = 7;
const ENVIRONMENTS: usize = 8;

fn world(gas_limit: u64) -> World {
    let mut chain = Chain::with(&EvmGenesis {
        gas_limit,
        base_fee: 1_000,
        ..Chain::config()
    });
    chain.block.proposer = user(9);
    let mut contracts = CODES.map(|code| chain.deploy(code)).to_vec();
    let code = [
        artifact(contracts::TEST_TOKEN),
        ("Gold", "GLD", U256::from(6), U256::from(1_000_000)).abi_encode_params(),
    ]
    .concat();
    let token = chain.send(0, TxKind::Create, U256::ZERO, code).created;
    let token = token.expect("a contract");
    for number in 1..10 {
        chain.call(0, token, tokens(user(number), 1_000 * u64::from(number)));
    }
    contracts.insert(World::TOKEN, token);
    World::new(chain, contracts)
}

#[test]
fn blocks_of_one_kind_are_their_folds() {
    const ONE: U256 = U256::ONE;
    const ZERO: U256 = U256::ZERO;
    let cases: [Case; 6] = [
        ("that watch the proposer", |world, n| {
            let at = if n % 3 == 0 {
                World::WATCHER
            } else {
                World::COUNTER
            };
            (by(n), world.at(at), ZERO, vec![])
        }),
        ("that revert", |world, n| {
            (by(n), world.at(World::REVERTER), ONE, vec![])
        }),
        ("that end a contract", |world, n| {
            (by(n), world.at(SUICIDES), ONE, vec![])
        }),
        ("that create", |_, n| {
            let code = init_code(if n % 2 == 0 { COUNTER } else { SETTER });
            (by(n), TxKind::Create, ZERO, code)
        }),
        ("that create and destroy", |_, n| {
            let code = if n % 2 == 0 {
                hex!("41ff")
            } else {
                hex!("33ff")
            };
            (by(n), TxKind::Create, ONE, code.to_vec())
        }),
        ("that create at one address", |_, n| {
            let input = [&[(n % 3) as u8; 32][..], &init_code(COUNTER)].concat();
            (by(n), FACTORY.into(), ZERO, input)
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
        off,
        ..
    } = *action;
    let (whom, value) = (action.whom(), action.value());
    let (to, value, input) = match kind {
        0..4 => (whom.into(), value, vec![]),
        4 => (world.at(World::SETTER), U256::ZERO, words(one, other)),
        5 => (world.at(World::COUNTER), U256::ZERO, vec![]),
        6 => (world.at(World::CHAINED), U256::ZERO, words(one, other)),
        7 => (world.at(World::WATCHER), U256::ZERO, vec![]),
        8 => (world.at(World::REVERTER), value, vec![]),
        9 => (world.at(World::ENDLESS), U256::ZERO, vec![]),
        10 => (world.at(SUICIDES), value, vec![]),
        11 => (world.at(ENVIRONMENTS), U256::ZERO, vec![]),
        12 => (TxKind::Create, U256::from(other), init_code(CHAINED)),
        13 => (TxKind::Create, U256::from(other), hex!("41ff").to_vec()),
        14 => (TxKind::Create, U256::from(other), hex!("33ff").to_vec()),
        15 => {
            let input = [&[one as u8; 32][..], &init_code(COUNTER)].concat();
            (FACTORY.into(), U256::ZERO, input)
        }
        16 | 17 => (
            world.at(World::TOKEN),
            U256::ZERO,
            tokens(whom, other * 3_000),
        ),
        18 => (L2_BRIDGE.into(), U256::from(other), withdraw(whom, other)),
        _ => {
            // An account takes a contract's code for its own, or whichever it is given; and may run it at once.
            let authorization = Authorization {
                chain_id: U256::from(CHAIN.0),
                address: world.contracts[one as usize],
                nonce: world.nonces[other as usize],
            };
            let transaction = TxEip7702 {
                chain_id: CHAIN.0,
                nonce,
                gas_limit: 300_000,
                max_fee_per_gas: GWEI,
                max_priority_fee_per_gas: 3,
                to: user(other as u8),
                value: U256::ZERO,
                access_list: Vec::new().into(),
                authorization_list: vec![authorize(other as u8, authorization)],
                input: words(one, other).into(),
            };
            return sign(from, transaction);
        }
    };
    let transaction = TxEip1559 {
        gas_limit: 150_000,
        max_priority_fee_per_gas: u128::from(off),
        ..ordinary(nonce, to, value, input)
    };
    sign(from, transaction)
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
        let world = world(if small { 3_000_000 } else { 100_000_000 });
        world.check(&world.block_of(&actions, transaction));
    }
}

#[test]
fn one_block_has_one_root_whatever_the_threads_the_caches_and_the_store() {
    let world = world(100_000_000);
    // So many changes that stores spread them over threads, too.
    world.check_roots(&world.block(600, &|world, n| {
        let at = [
            stranger(n).into(),
            world.at(World::COUNTER),
            world.at(World::TOKEN),
            user(9).into(),
        ];
        let (to, value) = (at[(n % 4) as usize], U256::from(n % 3));
        (by(n), to, value, tokens(stranger(n), n % 7))
    }));
}

#[test]
fn code_that_is_seen_before_it_is_whole_is_not_remembered() {
    // Created by one transaction and called by the next: a guess may find the account before its code.
    let world = world(100_000_000);
    let steps = world.block(80, &|_, n| {
        let (salt, code) = ([(n / 2) as u8; 32], init_code(COUNTER));
        if n % 2 == 0 {
            let input = [&salt[..], &code].concat();
            return (by(n), FACTORY.into(), U256::ZERO, input);
        }
        let created = FACTORY.create2_from_code(B256::from(salt), &code);
        (by(n), created.into(), U256::ZERO, vec![])
    });
    let (base, block) = (&world.state, &world.block);
    let expected = world.fold(base, &steps);
    assert!(expected.receipts.iter().all(Receipt::succeeded));
    let execution = EvmExecution::on(Parallelism::always(4));
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
    let payment = |from| sign(from, ordinary(0, user(3).into(), U256::from(7), vec![]));
    let creation = ordinary(1, TxKind::Create, U256::ZERO, init_code(COUNTER));
    let blocks = [
        (0..10).map(payment).map(Step::Transaction).collect(),
        vec![Step::Transaction(sign(0, creation))],
    ];
    let execution = EvmExecution::on(Parallelism::always(3));
    let statuses = conform(&execution, &Chain::config().to_json(), &blocks, 32);
    let mut statuses = statuses.iter().flatten();
    assert!(statuses.all(|status| *status == Status::Success));
}
