//! Modules out of random bytes: each is a contract, and whatever it does ends in a receipt that is the same everywhere.

use alloc::vec::Vec;

use plasma_core::Status;
use proptest::prelude::*;

use super::*;
use crate::Parallelism;

#[path = "generator.rs"]
mod generator;

/// Runs a module, by itself and called by another contract. (`Chain::block` compares whole blocks with their folds, used
/// instances with new ones.)
fn run(data: &[u8], input: &[u8]) -> Vec<Receipt> {
    let (at, through) = (Address::repeat_byte(0xc0), Address::repeat_byte(0xc1));
    let module = generator::module(data);
    let genesis = Chain::config()
        .with_contract(at, module.clone())
        .with_contract(through, proxy());
    let mut chain = Chain::with(&genesis);
    chain.execution = WasmExecution::new().parallelism(Parallelism::always(2));
    let calls = (0..6).map(|n: u8| {
        let from = n % 3;
        let (to, input) = match n {
            5 => (TxKind::Create, module.clone()),
            n if n % 2 == 0 => (at.into(), input.to_vec()),
            _ => (through.into(), [at.as_slice(), input].concat()),
        };
        let transaction = TxEip1559 {
            gas_limit: 600_000,
            ..ordinary(u64::from(n / 3), to, U256::from(n), input)
        };
        sign(from, transaction)
    });
    chain.transactions(calls.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: plasma_core::conformance::cases(96),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn modules_of_any_bytes_end_in_receipts(
        data in prop::collection::vec(any::<u8>(), 0..400),
        input in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        for receipt in run(&data, &input) {
            prop_assert!(receipt.status != Status::Invalid, "{}", receipt.reason);
            prop_assert!(receipt.gas_used.0 <= 600_000);
            prop_assert!(receipt.succeeded() || receipt.logs.is_empty());
            // Every one of them is a module.
            prop_assert!(!receipt.reason.contains("module"), "{}", receipt.reason);
        }
    }
}

#[test]
fn the_generator_comes_to_all_ends() {
    let mut seen = [false; 4];
    let mut seed = 1_u64;
    for _ in 0..120 {
        let data: Vec<u8> = (0..300)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                (seed >> 24) as u8
            })
            .collect();
        for receipt in run(&data, &[1; 40]) {
            seen[0] |= receipt.succeeded();
            seen[1] |= receipt.reason.contains("out of gas");
            seen[2] |= receipt.reason.contains("pointer");
            seen[3] |= receipt.reason == "execution reverted";
        }
        if seen == [true; 4] {
            return;
        }
    }
    panic!("{seen:?}: succeeded, out of gas, a bad pointer, reverted");
}
