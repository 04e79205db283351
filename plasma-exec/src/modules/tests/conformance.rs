//! The port's own suite.

use alloc::{vec, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Bytes, U256};
use plasma_core::{
    Execution, Status, Step,
    conformance::execution::{Suite, deposit, force},
};
use proptest::prelude::*;

use super::chain::*;
use crate::{Bank, IBank, IBridge, Interface, ModuleRuntime, XPL, module_address};

fn suite(runtime: &ModuleRuntime) -> Suite<'_> {
    Suite::new(runtime, CHAIN, genesis().as_bytes()).conserving(|state| audit(runtime, state))
}

/// One of everything.
fn steps() -> Vec<Vec<Step>> {
    let bank_interface = Interface::of(&Bank);
    let transfer = IBank::transferCall {
        asset: DOLLAR,
        to: who(1),
        amount: U256::from(7),
    };
    let native = native(&bank_interface, 3, &transfer);
    let native = native
        .sign(&signer(0), CHAIN, GENESIS)
        .expect("it can be signed")
        .to_bytes();
    let with = |n, nonce, transaction: TxEip1559| {
        Step::Transaction(sign(
            &signer(n),
            TxEip1559 {
                nonce,
                ..transaction
            },
        ))
    };
    let withdraw = IBridge::withdrawCall {
        asset: XPL,
        recipient: who(1),
        amount: U256::from(5),
    };
    vec![
        vec![
            deposit(0, who(4), XPL, U256::from(1_000)),
            force(sign(&signer(4), to(who(0)))),
            with(
                0,
                0,
                TxEip1559 {
                    value: U256::from(1),
                    ..to(who(1))
                },
            ),
            with(0, 2, call(bank(), &transfer)),
            Step::Transaction(native),
            with(1, 0, call(trouble(), &ITrouble::failCall { key: 1 })),
            with(
                2,
                0,
                call(trouble(), &ITrouble::burn_gasCall { gas: u64::MAX }),
            ),
            with(3, 0, call(module_address("bridge"), &withdraw)),
        ],
        vec![],
        vec![
            with(
                0,
                1,
                TxEip1559 {
                    value: U256::from(FUNDS) / U256::from(2),
                    ..to(who(1))
                },
            ),
            with(
                0,
                4,
                TxEip1559 {
                    value: U256::from(FUNDS) / U256::from(2),
                    ..to(who(1))
                },
            ),
            Step::Transaction(Bytes::from_static(b"noise")),
        ],
    ]
}

#[test]
fn one_of_everything_conforms() {
    let runtime = runtime();
    let receipts = suite(&runtime).check(&steps());
    let statuses = |block: usize| -> Vec<Status> {
        let receipts: &[_] = &receipts[block];
        receipts[1..receipts.len() - 1]
            .iter()
            .map(|receipt| receipt.status)
            .collect()
    };
    use Status::{Invalid, Reverted, Success};
    assert_eq!(
        statuses(0),
        [
            Success, Success, Success, Success, Success, Reverted, Reverted, Success
        ]
    );
    assert_eq!(statuses(2), [Success, Invalid, Invalid]);
}

#[test]
fn noise_conforms() {
    let runtime = runtime();
    suite(&runtime).check_noise(&steps(), 64);
}

fn any_step() -> impl Strategy<Value = Step> {
    let account = 0..5_u8;
    let amount = prop_oneof![
        Just(0),
        1..2_000_u64,
        Just(FUNDS),
        FUNDS / 4..FUNDS,
        Just(u64::MAX),
    ];
    let asset = prop::sample::select(vec![XPL, DOLLAR]);
    let fields = (
        0..9_u8,
        account.clone(),
        account,
        0..6_u64,
        amount,
        asset,
        any::<bool>(),
    );
    fields.prop_map(|(kind, from, to_whom, nonce, amount, asset, forced)| {
        let (recipient, value) = (who(to_whom), U256::from(amount));
        let transaction = match kind {
            0..3 => TxEip1559 {
                value,
                ..to(recipient)
            },
            3 => call(
                bank(),
                &IBank::transferCall {
                    asset,
                    to: recipient,
                    amount: value,
                },
            ),
            4 => call(
                module_address("bridge"),
                &IBridge::withdrawCall {
                    asset,
                    recipient,
                    amount: value,
                },
            ),
            5 => call(
                trouble(),
                &ITrouble::spendCall {
                    asset,
                    amount: value,
                },
            ),
            6 => call(trouble(), &ITrouble::failCall { key: amount }),
            7 => {
                let write = ITrouble::writeCall {
                    key: nonce,
                    value: Bytes::from_static(&[1, 2]),
                };
                TxEip1559 {
                    value,
                    ..call(trouble(), &write)
                }
            }
            _ => return deposit(nonce, recipient, asset, value),
        };
        let bytes = sign(
            &signer(from),
            TxEip1559 {
                nonce,
                ..transaction
            },
        );
        if forced {
            force(bytes)
        } else {
            Step::Transaction(bytes)
        }
    })
}

#[test]
fn random_blocks_conform() {
    let runtime = runtime();
    let blocks = prop::collection::vec(prop::collection::vec(any_step(), 0..12), 1..3);
    suite(&runtime).check_strategy(blocks, 48);
}

#[test]
fn a_cached_sender_is_the_recovered_one() {
    // The same blocks on a runtime that has seen all, and on one that has seen nothing.
    let (warm, blocks) = (runtime(), steps());
    let first = suite(&warm).check(&blocks);
    assert_eq!(suite(&warm).check(&blocks), first);
    assert_eq!(suite(&runtime()).check(&blocks), first);
}

#[test]
fn preparing_recovers_every_sender_there_is() {
    let chain = Chain::new();
    let bank = Interface::of(&Bank);
    let supply = IBank::supplyOfCall { asset: XPL };
    let native = native(&bank, 0, &supply)
        .sign(&signer(1), CHAIN, GENESIS)
        .expect("it can be signed");
    let wallets: Vec<Bytes> = (0..40)
        .map(|nonce| {
            sign(
                &signer(0),
                TxEip1559 {
                    nonce,
                    ..to(who(1))
                },
            )
        })
        .collect();
    chain.runtime.prepare(&wallets);
    assert_eq!(chain.runtime.known.count(), 40);
    // What a native call signs depends on the chain, which a runtime learns from its first block.
    let begin = Step::Begin;
    chain
        .runtime
        .apply(&mut chain.state.clone(), &chain.block, &begin);
    chain
        .runtime
        .prepare(&[native.to_bytes(), Bytes::from_static(b"noise")]);
    assert_eq!(chain.runtime.known.count(), 41);
    chain.admit(&native.to_bytes()).expect("admitted");
    assert_eq!(
        chain.runtime.known.count(),
        41,
        "and it is the one that the block asks for"
    );
}
