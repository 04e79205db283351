//! The largest segments that anyone can make: all of them fit the machine's 2^28 instructions.

use alloy_primitives::TxKind;
use plasma_core::*;
use plasma_exec::{
    EvmExecution, EvmGenesis, EvmGenesisAccount, INSTRUCTIONS_PER_GAS, MACHINE_TRANSACTION_GAS,
    ModuleRuntime,
};

use super::{
    chain::{Chain, Dice, block, deposit, program, rounds, sign, signer},
    dearest,
};

/// What a segment may take.
const MOST: u64 = 1 << 28;
/// Instructions of an EVM segment that are not for gas: the program's beginning and end, its reads of the checkpoint,
/// of the block and of the state around a transaction.
const AROUND: u64 = 12_000_000;

/// Opens a batch of blocks with these bodies; the instructions that it took.
fn opening(bodies: Vec<Vec<Bytes>>, messages: u64) -> u64 {
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    let mut chain = Chain::new(&runtime, &program, b"{}");
    for _ in 0..messages {
        chain.send(deposit(
            signer(0).address(),
            Address::ZERO,
            U256::from(5),
            Bytes::new(),
        ));
    }
    let mut blocks = Vec::new();
    let mut parent = chain.head();
    for body in bodies {
        let waiting = if blocks.is_empty() { messages } else { 0 };
        let block = block(&parent, body, waiting);
        parent = block.header.clone();
        blocks.push(block);
    }
    let weight: usize = blocks.iter().map(batch_weight).sum();
    assert!(weight <= MAX_BATCH_PAYLOAD_BYTES, "{weight}");
    let bytes = encode_batch(&blocks);
    println!("{weight:>11} weigh {} compressed", bytes.len());
    let batch = chain.batch(&blocks, &bytes);
    let (derived, _) = chain.open(EntryKind::Batch(batch), messages, &bytes);
    assert_eq!(derived.defect, None);
    chain.instructions[0]
}

/// Transactions of `length` bytes each, as many as fit in a batch, in blocks as large as they may be.
fn filled(length: usize, mut make: impl FnMut(usize) -> Bytes) -> Vec<Vec<Bytes>> {
    let mut left = MAX_BATCH_PAYLOAD_BYTES - 4 * 256;
    let mut bodies = vec![Vec::new()];
    let mut bytes = 0;
    let mut number = 0;
    while left >= length + 48 {
        let transaction = make(number);
        assert!(transaction.len() <= length);
        number += 1;
        left -= transaction.len() + 48;
        let last = bodies.len() - 1;
        let room = bytes + transaction.len() <= MAX_BODY_BYTES
            && bodies[last].len() < MAX_BODY_TRANSACTIONS;
        if room {
            bytes += transaction.len();
            bodies[last].push(transaction);
        } else {
            if bodies.len() == 4 {
                break;
            }
            bytes = transaction.len();
            bodies.push(vec![transaction]);
        }
    }
    bodies
}

#[test]
fn opening_the_largest_batches_fits_the_machine() {
    let mut dice = Dice::new(5);
    let mut noise = |length: usize| -> Bytes {
        (0..length)
            .map(|_| dice.below(256) as u8)
            .collect::<Vec<_>>()
            .into()
    };
    let words: Vec<Bytes> = (0..64).map(|_| noise(4)).collect();
    let long = noise(120_000);
    let mut cases: Vec<(&str, Vec<Vec<Bytes>>, u64)> = vec![
        (
            "noise in long transactions",
            filled(120_000, |_| noise(120_000)),
            0,
        ),
        (
            "one long transaction over and over",
            filled(120_000, |_| long.clone()),
            0,
        ),
        (
            "as many transactions as there can be",
            filled(4, |n| Bytes::copy_from_slice(&(n as u32).to_le_bytes())),
            0,
        ),
        (
            "as many messages as there can be",
            vec![vec![]],
            MAX_ENTRY_MESSAGES,
        ),
        (
            "payments",
            filled(140, |n| {
                sign(
                    (n % 200) as u8,
                    n as u64 / 200,
                    TxKind::Call(Address::repeat_byte(n as u8)),
                    U256::from(n),
                    vec![],
                    21_000,
                )
            }),
            0,
        ),
    ];
    let mut pick = Dice::new(6);
    // As much of what is dear to decompress as a frame may have, and noise; then more of it, which is left as it is.
    for (what, most) in [("short matches, and noise", 5), ("short matches", 100)] {
        let matches = filled(100_000, |n| {
            let mut bytes = Vec::new();
            while n < most && bytes.len() < 99_990 {
                bytes.extend_from_slice(&words[pick.below(64) as usize]);
                if pick.below(3) == 0 {
                    bytes.push(pick.below(256) as u8);
                }
            }
            bytes.resize_with(99_990, || pick.below(256) as u8);
            bytes.into()
        });
        cases.push((what, matches, 0));
    }
    for (what, most) in [("letters, and noise", 1), ("letters", 100)] {
        let letters = filled(120_000, |n| {
            let mut letter = || b'a' + (pick.below(40).min(pick.below(40))) as u8;
            let mut bytes: Vec<u8> = Vec::new();
            if n < most {
                bytes.resize_with(120_000, &mut letter);
            } else {
                bytes.resize_with(120_000, || pick.below(256) as u8);
            }
            bytes.into()
        });
        cases.push((what, letters, 0));
    }
    for (what, bodies, messages) in cases {
        let count: usize = bodies.iter().map(Vec::len).sum();
        let instructions = opening(bodies, messages);
        println!("{instructions:>11} {what}, {count} transactions");
        assert!(instructions < MOST, "{what}: {instructions}");
    }
}

/// A transaction that does one thing for all its gas.
fn transaction(dear: &dearest::Dear, gas: u64) {
    let name = &dear.name;
    let (program, execution) = (program("evm"), EvmExecution::new());
    let at = Address::repeat_byte(0xcc);
    let mut genesis = EvmGenesis::default().with_balance(signer(0).address(), U256::MAX >> 8);
    let mut contract = |at: Address, code: &[u8]| {
        let account = EvmGenesisAccount {
            code: code.to_vec().into(),
            ..EvmGenesisAccount::default()
        };
        genesis.alloc.insert(at, account);
    };
    contract(at, &dear.code);
    for (at, code) in &dear.others {
        contract(*at, code);
    }
    let mut chain = Chain::new(&execution, &program, &genesis.to_json());
    let bytes = sign(0, 0, TxKind::Call(at), U256::ZERO, dear.input.clone(), gas);
    let block = block(&chain.head(), vec![bytes], 0);
    chain.append(&[block]);
    let instructions = chain.instructions.iter().copied().max().unwrap_or(0);
    let rate = instructions / chain.gas.max(1);
    println!(
        "{instructions:>11} {rate:>4} for each of {:>8} gas: {name}",
        chain.gas
    );
    let most = AROUND + INSTRUCTIONS_PER_GAS * chain.gas;
    assert!(chain.gas > gas / 2, "{name} uses up {} gas", chain.gas);
    assert!(instructions <= most, "{name}: {instructions} over {most}");
}

#[test]
fn gas_bounds_instructions() {
    const { assert!(AROUND + INSTRUCTIONS_PER_GAS * MACHINE_TRANSACTION_GAS < MOST) };
    let gas = rounds(400_000, MACHINE_TRANSACTION_GAS);
    for dear in dearest::programs(gas) {
        transaction(&dear, gas);
    }
}
