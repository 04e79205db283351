//! How fast the plain paths are: printed, never judged, for it depends on the machine.

use std::{println, time::Instant};

use alloc::vec::Vec;

use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::SolValue;
use plasma_core::{Execution, Step};

use super::*;

const COUNT: u64 = 2_000;

fn chain() -> Chain {
    Chain::with(&EvmGenesis {
        gas_limit: 1_000_000_000,
        ..Chain::config()
    })
}

/// Each of ten users sends to accounts that exist and to new ones, in turn.
fn measure(what: &str, chain: &Chain, transaction: impl Fn(Address) -> (TxKind, u64, Bytes)) {
    let steps: Vec<Step> = (0..COUNT)
        .map(|n| {
            let from = (n % 10) as u8;
            let to = Address::left_padding_from(&(n % 1_000 + 1_000_000).to_be_bytes());
            let (to, gas_limit, input) = transaction(to);
            let nonce = chain.nonce(user(from)) + n / 10;
            let transaction = ordinary(nonce, to, U256::ZERO, input);
            let value = U256::from(u8::from(transaction.input.is_empty()));
            Step::Transaction(sign(
                from,
                TxEip1559 {
                    gas_limit,
                    value,
                    ..transaction
                },
            ))
        })
        .collect();
    let bytes: Vec<Bytes> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Transaction(bytes) => Some(bytes.clone()),
            _ => None,
        })
        .collect();
    for (cores, parallelism) in [
        ("one core", Parallelism::sequential()),
        ("all cores", Parallelism::default()),
    ] {
        let execution = EvmExecution::new().parallelism(parallelism);
        execution.prepare(&bytes);
        let best = (0..5)
            .map(|_| {
                let start = Instant::now();
                let outcome = execution.apply_block(&chain.state, &chain.block, &steps);
                let elapsed = start.elapsed();
                assert!(outcome.receipts.iter().all(Receipt::succeeded));
                elapsed
            })
            .min()
            .expect("five runs");
        let rate = COUNT as f64 / best.as_secs_f64();
        println!("{rate:.0} {what} a second, decoded, executed and turned into writes on {cores}");
    }
    chain.execution.prepare(&bytes);
    let rate = |start: Instant| COUNT as f64 / start.elapsed().as_secs_f64();
    let start = Instant::now();
    for bytes in &bytes {
        chain
            .execution
            .admit(&chain.state, &chain.block, bytes)
            .expect("to be admitted");
    }
    println!("{:.0} {what} a second admitted", rate(start));
    let start = Instant::now();
    fold_block(
        |state, step| chain.execution.apply(state, &chain.block, step),
        &chain.state,
        &steps,
    );
    println!("{:.0} {what} a second executed one by one", rate(start));
}

#[test]
fn blocks_with_known_senders() {
    let mut chain = chain();
    measure("plain transfers", &chain, |to| {
        (to.into(), 21_000, Bytes::new())
    });
    let code = [
        artifact(contracts::TEST_TOKEN),
        ("Gold", "GLD", U256::from(6), U256::from(10_u64.pow(18))).abi_encode_params(),
    ]
    .concat();
    let token = chain
        .send(0, TxKind::Create, U256::ZERO, code)
        .created
        .expect("a contract");
    for number in 1..10 {
        chain.call(0, token, tokens(user(number), 1_000_000));
    }
    measure("ERC-20 transfers", &chain, |to| {
        (token.into(), 100_000, tokens(to, 1).into())
    });
}
