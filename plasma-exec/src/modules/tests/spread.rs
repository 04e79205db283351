//! Modules on many threads, against the fold.

use alloc::{vec, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{
    BlockContext, BlockOutcome, Execution, MemoryState, Step,
    conformance::execution::{Suite, deposit, force},
    fold_block, fold_segments,
};
use proptest::prelude::*;

use super::chain::*;
use crate::{IBank, IBridge, IFees, Interface, ModuleRuntime, Parallelism, XPL, module_address};

const THREADS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn fold(
    runtime: &ModuleRuntime,
    base: &dyn plasma_core::StateRead,
    block: &BlockContext,
    steps: &[Step],
) -> BlockOutcome {
    fold_block(|state, step| runtime.apply(state, block, step), base, steps)
}

/// On every number of threads a block, whole or in segments, is its fold.
pub(super) fn check(base: &MemoryState, block: &BlockContext, steps: &[Step]) -> BlockOutcome {
    let sequential = runtime();
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
        let runtime = runtime().parallelism(parallelism);
        let outcome = runtime.apply_block(base, block, steps);
        assert_eq!(outcome, whole, "{parallelism:?}");
        let outcome = runtime.apply_segments(base, block, steps);
        assert_eq!(outcome, segments, "{parallelism:?} in segments");
    }
    whole
}

pub(super) fn block(transactions: impl IntoIterator<Item = Step>) -> Vec<Step> {
    core::iter::once(Step::Begin)
        .chain(transactions)
        .chain([Step::End])
        .collect()
}

fn signed(from: u8, nonce: u64, transaction: TxEip1559) -> Step {
    Step::Transaction(sign(
        &signer(from),
        TxEip1559 {
            nonce,
            ..transaction
        },
    ))
}

fn pays(whom: Address, amount: u64) -> TxEip1559 {
    TxEip1559 {
        value: U256::from(amount),
        ..to(whom)
    }
}

fn dollars(whom: Address, amount: u64) -> TxEip1559 {
    call(
        bank(),
        &IBank::transferCall {
            asset: DOLLAR,
            to: whom,
            amount: U256::from(amount),
        },
    )
}

#[test]
fn blocks_of_one_kind_are_their_folds() {
    let chain = Chain::new();
    let stranger = |n: u64| Address::left_padding_from(&(n + 1_000).to_be_bytes());
    let of = |make: &dyn Fn(u64) -> (u8, TxEip1559)| -> Vec<Step> {
        let mut nonces = [0; 5];
        block((0..80).map(|n| {
            let (from, transaction) = make(n);
            let nonce = nonces[usize::from(from)];
            nonces[usize::from(from)] += 1;
            signed(from, nonce, transaction)
        }))
    };
    let from = |n: u64| (n % 5) as u8;
    let used = IFees::gasUsedCall {};
    let spend = |asset, amount: u64| ITrouble::spendCall {
        asset,
        amount: U256::from(amount),
    };
    let burn = |gas| ITrouble::burn_gasCall { gas };
    let withdraw = IBridge::withdrawCall {
        asset: XPL,
        recipient: who(1),
        amount: U256::from(5),
    };
    let cases: Vec<(&str, Vec<Step>)> = vec![
        ("to strangers", of(&|n| (from(n), pays(stranger(n), 1)))),
        ("all to one", of(&|n| (from(n), pays(who(0), 1)))),
        ("all from one", of(&|n| (0, pays(stranger(n), 1)))),
        ("to oneself", of(&|n| (from(n), pays(who(from(n)), 1)))),
        (
            "in a ring",
            of(&|n| (from(n), pays(who(from(n + 1)), FUNDS / 3))),
        ),
        (
            "to the proposer",
            of(&|n| (from(n), pays(Suite::PROPOSER, 7))),
        ),
        ("of dollars", of(&|n| (from(n), dollars(stranger(n), 3)))),
        (
            "of too many dollars",
            of(&|n| (from(n), dollars(who(0), 400))),
        ),
        (
            "that look at the market",
            of(&|n| (from(n), call(module_address("fees"), &used))),
        ),
        (
            "that fail",
            of(&|n| (from(n), call(trouble(), &ITrouble::failCall { key: n }))),
        ),
        (
            "out of gas",
            of(&|n| (from(n), call(trouble(), &burn(u64::MAX)))),
        ),
        (
            "that fill the block",
            of(&|n| {
                let burning = call(trouble(), &burn(1_500_000));
                (
                    from(n),
                    TxEip1559 {
                        gas_limit: 1_600_000,
                        ..burning
                    },
                )
            }),
        ),
        (
            "into the module",
            of(&|n| (from(n), call(trouble(), &spend(DOLLAR, 30)))),
        ),
        (
            "over the bridge",
            of(&|n| (from(n), call(module_address("bridge"), &withdraw))),
        ),
        (
            "of minting",
            of(&|n| {
                let issue = ITrouble::issueCall {
                    to: stranger(n),
                    amount: U256::from(n),
                };
                (from(n), call(trouble(), &issue))
            }),
        ),
        (
            "of storing",
            of(&|n| {
                let write = ITrouble::writeCall {
                    key: n % 3,
                    value: vec![n as u8; 30].into(),
                };
                (from(n), call(trouble(), &write))
            }),
        ),
    ];
    for (what, steps) in cases {
        std::println!("{what}");
        let outcome = check(&chain.state, &chain.block, &steps);
        assert!(
            outcome.receipts[1..81]
                .iter()
                .any(|receipt| receipt.gas_used.0 > 0)
        );
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let amount = prop_oneof![Just(0), 1..2_000_u64, Just(FUNDS), FUNDS / 4..FUNDS];
    let asset = prop::sample::select(vec![XPL, DOLLAR]);
    let fields = (
        0..14_u8,
        0..5_u8,
        0..6_u8,
        0..40_u64,
        amount,
        asset,
        0..12_u8,
    );
    fields.prop_map(|(kind, from, whom, nonce, amount, asset, forced)| {
        let value = U256::from(amount);
        let whom = if whom == 5 {
            Suite::PROPOSER
        } else {
            who(whom)
        };
        let transfer = IBank::transferCall {
            asset,
            to: whom,
            amount: value,
        };
        let transaction = match kind {
            0..4 => pays(whom, amount),
            4 | 5 => call(bank(), &transfer),
            6 => call(
                trouble(),
                &ITrouble::spendCall {
                    asset,
                    amount: value,
                },
            ),
            7 => call(trouble(), &ITrouble::failCall { key: amount }),
            8 => call(
                trouble(),
                &ITrouble::issueCall {
                    to: whom,
                    amount: value,
                },
            ),
            9 => call(module_address("fees"), &IFees::gasUsedCall {}),
            10 => {
                let withdraw = IBridge::withdrawCall {
                    asset,
                    recipient: whom,
                    amount: value,
                };
                call(module_address("bridge"), &withdraw)
            }
            11 => {
                let bank = Interface::of(&crate::Bank);
                let native = native(&bank, nonce, &transfer).sign(&signer(from), CHAIN, GENESIS);
                return Step::Transaction(native.expect("it can be signed").to_bytes());
            }
            12 => {
                let burn = ITrouble::burn_gasCall { gas: 900_000 };
                TxEip1559 {
                    gas_limit: 1_000_000,
                    ..call(trouble(), &burn)
                }
            }
            _ => return deposit(nonce, whom, asset, value),
        };
        let bytes = sign(
            &signer(from),
            TxEip1559 {
                nonce,
                ..transaction
            },
        );
        match forced {
            0 => force(bytes),
            1 => Step::Transaction(Bytes::copy_from_slice(&bytes[..bytes.len() - 1])),
            _ => Step::Transaction(bytes),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: plasma_core::conformance::cases(24),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn random_blocks_are_their_folds(steps in prop::collection::vec(any_step(), 0..90)) {
        let chain = Chain::new();
        check(&chain.state, &chain.block, &block(steps));
    }
}

#[test]
fn the_suite_passes_on_many_threads() {
    let runtime = runtime().parallelism(Parallelism::always(3));
    let genesis = genesis();
    let suite =
        Suite::new(&runtime, CHAIN, genesis.as_bytes()).conserving(|state| audit(&runtime, state));
    let blocks = prop::collection::vec(prop::collection::vec(any_step(), 0..10), 1..3);
    suite.check_strategy(blocks, 16);
}
