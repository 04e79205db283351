//! The example token in a block: the same in the machine, and how fast natively, which is printed and never judged.

use std::time::Instant;

use alloy_primitives::TxKind;
use plasma_core::*;
use plasma_exec::{SolCall as _, SolValue as _, WasmExecution, WasmGenesis, sol};

use super::chain::{CHAIN, Chain, block, program, rounds, sign, signer};

sol! {
    function transfer(address to, uint256 amount) returns (bool);
}

const TOKEN: &[u8] = include_bytes!("../../../examples/contracts/artifacts/token.wasm");
const PEOPLE: u64 = 100;

fn genesis() -> Vec<u8> {
    let genesis = WasmGenesis {
        gas_limit: 1 << 40,
        ..WasmGenesis::default()
    };
    (0..PEOPLE as u8)
        .fold(genesis, |genesis, n| {
            genesis.with_balance(signer(n).address(), U256::from(10).pow(U256::from(24)))
        })
        .to_json()
}

fn creation() -> Bytes {
    let length = (TOKEN.len() as u32).to_be_bytes();
    let supply = U256::from(10).pow(U256::from(24)).abi_encode();
    let input = [&length[..], TOKEN, &supply].concat();
    sign(0, 0, TxKind::Create, U256::ZERO, input, 4_000_000)
}

fn transfer(from: u8, nonce: u64, to: u8, amount: u64) -> Bytes {
    let call = transferCall {
        to: signer(to).address(),
        amount: U256::from(amount),
    };
    let token = signer(0).address().create(0);
    sign(
        from,
        nonce,
        TxKind::Call(token),
        U256::ZERO,
        call.abi_encode(),
        1_000_000,
    )
}

/// Who has none gets some.
fn endowment() -> Vec<Bytes> {
    (1..PEOPLE)
        .map(|n| transfer(0, n, n as u8, 1_000_000))
        .collect()
}

#[test]
fn a_block_of_token_transfers_is_the_same_in_the_machine() {
    let (program, execution) = (program("wasm"), WasmExecution::new());
    let mut chain = Chain::new(&execution, &program, &genesis());
    let first = block(&chain.head(), vec![creation()], 0);
    let second = block(
        &first.header,
        (1..5).map(|n| transfer(0, n, n as u8, 100)).collect(),
        0,
    );
    chain.append(&[first, second]);
    let before = (chain.gas, chain.instructions.len());
    let transfers = (1..5).map(|n| transfer(n, 0, 5 + n, 7)).collect();
    let third = block(&chain.head(), transfers, 0);
    chain.append(&[third]);
    assert_eq!(chain.statuses[1..], [0, 0], "all of them succeed");
    let instructions = chain.instructions[before.1..].iter().sum::<u64>();
    println!(
        "a transfer uses {} gas; {} instructions of the machine with its part of the block's",
        (chain.gas - before.0) / 4,
        instructions / 4
    );
}

#[test]
fn the_speed_of_token_transfers_is_printed() {
    let count = rounds(2_000, 20_000);
    let mut state = MemoryState::default();
    let used = WasmExecution::new();
    used.genesis(&mut state, &genesis())
        .expect("a valid genesis");
    let context = |height| BlockContext {
        chain_id: CHAIN,
        height: Height(height),
        timestamp: Timestamp(1_700_000_000_000 + height * 1_000),
        ..BlockContext::default()
    };
    let whole = |transactions: Vec<Bytes>| -> Vec<Step> {
        let transactions = transactions.into_iter().map(Step::Transaction);
        core::iter::once(Step::Begin)
            .chain(transactions)
            .chain([Step::End])
            .collect()
    };
    let mut first = vec![creation()];
    first.extend(endowment());
    let outcome = used.apply_block(&state, &context(1), &whole(first));
    assert!(outcome.receipts.iter().all(Receipt::succeeded));
    state.apply(&outcome.changes);
    let transfers: Vec<Bytes> = (0..count)
        .map(|n| {
            let from = n % (PEOPLE - 1) + 1;
            transfer(from as u8, n / (PEOPLE - 1), (n * 7 % PEOPLE) as u8, 1)
        })
        .collect();
    let steps = whole(transfers.clone());
    let fresh = WasmExecution::new().fresh_instances();
    let mut outcomes = Vec::new();
    for (what, execution) in [("used instances", &used), ("new instances", &fresh)] {
        execution.prepare(&transfers);
        let best = (0..5)
            .map(|_| {
                let start = Instant::now();
                outcomes.push(execution.apply_block(&state, &context(2), &steps));
                start.elapsed()
            })
            .min()
            .unwrap_or_default();
        println!(
            "{:.0} token transfers a second with {what}, {} gas each",
            count as f64 / best.as_secs_f64(),
            outcomes[0].receipts[1].gas_used.0
        );
    }
    assert!(outcomes[0].receipts.iter().all(Receipt::succeeded));
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}
