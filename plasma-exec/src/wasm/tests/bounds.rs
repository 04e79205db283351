//! What is longer, deeper or larger costs more gas; and what a block holds in memory has an end. Counted, not timed.

use alloc::{format, string::String, vec, vec::Vec};

use super::*;
use crate::wasm::{
    MAX_MODULE_BYTES, WASM_TRANSACTION_GAS,
    instance::Pool,
    module::{Compiled, HEAD},
    prices::MAX_MEMORY_BYTES,
};

/// The gas of a call of a contract with this body and 16 pages of memory, which must succeed.
fn gas(body: &str) -> u64 {
    let at = Address::repeat_byte(0xc0);
    let module = wasm(&format!(
        "(module $plasma (memory 16) (func (export \"call\") {body}))"
    ));
    let mut chain = Chain::with(&Chain::config().with_contract(at, module));
    let receipt = chain.call(1, at, vec![7; 30_000]);
    assert!(receipt.succeeded(), "{body}: {}", receipt.reason);
    receipt.gas_used.0
}

#[test]
fn whatever_takes_a_length_costs_by_it() {
    /// Bytes for one gas, at most.
    const MOST: u64 = 16;
    type Case = (&'static str, fn(u64) -> String, u64);
    let cases: [Case; 12] = [
        (
            "memory.fill",
            |n| format!("(memory.fill (i32.const 0) (i32.const 1) (i32.const {n}))"),
            1 << 20,
        ),
        (
            "memory.copy",
            |n| format!("(memory.copy (i32.const 0) (i32.const 1) (i32.const {n}))"),
            1_000_000,
        ),
        (
            "memory.copy backwards",
            |n| format!("(memory.copy (i32.const 1) (i32.const 0) (i32.const {n}))"),
            1_000_000,
        ),
        (
            "input",
            |n| format!("(call $input (i32.const 0) (i32.const 0) (i32.const {n}))"),
            30_000,
        ),
        (
            "read_input",
            |n| format!("(drop (call $read_input (i32.const 0) (i32.const {n})))"),
            30_000,
        ),
        (
            "output",
            |n| format!("(call $output (i32.const 0) (i32.const {n}))"),
            32_768,
        ),
        (
            "keccak256",
            |n| format!("(call $keccak256 (i32.const 0) (i32.const {n}) (i32.const 0))"),
            1 << 20,
        ),
        (
            "a log",
            |n| format!("(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {n}))"),
            32_768,
        ),
        (
            "a write",
            |n| {
                format!(
                    "(call $storage_write (i32.const 0) (i32.const 0) (i32.const {}))",
                    n.max(1)
                )
            },
            4_096,
        ),
        (
            "a read",
            |n| {
                format!(
                    "(call $storage_write (i32.const 0) (i32.const 0) (i32.const 4096))
                     (drop (call $storage_read (i32.const 0) (i32.const 0) (i32.const {n})))"
                )
            },
            4_096,
        ),
        (
            "what another gets",
            |n| {
                format!(
                    "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {n}) (i64.const 0)))"
                )
            },
            32_768,
        ),
        (
            "what a static call gets",
            |n| {
                format!(
                    "(drop (call $call_static (i32.const 0) (i32.const 0) (i32.const {n}) (i64.const 0)))"
                )
            },
            32_768,
        ),
    ];
    for (what, body, most) in cases {
        let (none, half, whole) = (gas(&body(0)), gas(&body(most / 2)), gas(&body(most)));
        let least = most / 2 / MOST;
        assert!(
            half >= none + least && whole >= half + least,
            "{what}: {none}, {half}, {whole} for {most} bytes"
        );
    }
}

#[test]
fn every_call_of_the_host_costs_something() {
    for call in [
        "(drop (call $input_len))",
        "(call $caller (i32.const 0))",
        "(call $address (i32.const 0))",
        "(call $value (i32.const 0))",
        "(call $balance (i32.const 0) (i32.const 64))",
        "(drop (call $block_number))",
        "(drop (call $block_time))",
        "(drop (call $chain_id))",
        "(drop (call $gas_left))",
        "(drop (call $transfer (i32.const 0) (i32.const 64)))",
        "(drop (call $returned_len))",
        "(drop (call $read_input (i32.const 0) (i32.const 0)))",
        "(drop (call $storage_add (i32.const 0) (i32.const 64)))",
        "(drop (call $storage_sub (i32.const 0) (i32.const 64)))",
        "(drop (call $add (i32.const 0) (i32.const 32) (i32.const 64)))",
        "(drop (call $sub (i32.const 0) (i32.const 32) (i32.const 64)))",
        "(drop (call $mul (i32.const 0) (i32.const 32) (i32.const 64)))",
        "(drop (call $div (i32.const 0) (i32.const 32) (i32.const 64)))",
        "(drop (memory.grow (i32.const 0)))",
    ] {
        let (one, many) = (gas(call), gas(&call.repeat(51)));
        assert!(many >= one + 50 * 20, "{call}: {one}, {many}");
    }
}

/// Modules of all kinds, as long as they may be.
fn large() -> Vec<(&'static str, Vec<u8>)> {
    let fill = |head: &str, unit: &str, tail: &str, each: usize| {
        // As many as fit, found from above.
        let mut count = MAX_MODULE_BYTES / each;
        loop {
            let text = format!("(module {head} {} {tail})", unit.repeat(count));
            let module = wasm(&text);
            if module.len() <= MAX_MODULE_BYTES {
                return module;
            }
            count -= (module.len() - MAX_MODULE_BYTES).div_ceil(each).max(1);
        }
    };
    let table = format!(
        "{} i32.const 1 br_table {} {}",
        "block ".repeat(100),
        "0 1 2 3 4 5 6 7 8 9 ".repeat(2_350),
        "end ".repeat(100)
    );
    let deep = format!("{}{}", "block ".repeat(8_000), "end ".repeat(8_000));
    vec![
        (
            "instructions",
            fill("(func (export \"call\")", "(nop)", ")", 1),
        ),
        (
            "constants",
            fill(
                "(func (export \"call\")",
                "(drop (i64.const 0x7fffffffffffffff))",
                ")",
                12,
            ),
        ),
        (
            "nested blocks",
            wasm(&format!("(module (func (export \"call\") {deep}))")),
        ),
        (
            "a table of branches",
            wasm(&format!("(module (func (export \"call\") {table}))")),
        ),
        (
            "data",
            wasm(&format!(
                "(module (memory 1) (data (i32.const 0) \"{}\") (func (export \"call\")))",
                "x".repeat(24_000)
            )),
        ),
        (
            "calls",
            fill(
                "(func $f (param i32)) (func (export \"call\")",
                "(call $f (i32.const 1))",
                ")",
                4,
            ),
        ),
    ]
}

#[test]
fn the_largest_modules_are_paid_for_by_what_they_hold_and_fit_a_transaction() {
    for (what, module) in large() {
        assert!(module.starts_with(HEAD) && module.len() > MAX_MODULE_BYTES * 3 / 5);
        let (_, shape) = Compiled::new(&module).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(
            u64::from(shape.load) > module.len() as u64 / MOST_BYTES,
            "{what}: {shape:?}"
        );
        let mut chain = Chain::new();
        let receipt = chain.try_deploy(module.clone());
        assert!(receipt.succeeded(), "{what}: {}", receipt.reason);
        assert!(receipt.gas_used.0 > module.len() as u64 * 50, "{what}");
        let at = receipt.created.expect("a contract");
        let mut transaction = ordinary(0, at.into(), U256::ZERO, vec![]);
        transaction.gas_limit = WASM_TRANSACTION_GAS;
        let receipt = chain.transactions([sign(1, transaction)]).remove(0);
        assert!(receipt.succeeded(), "{what}: {}", receipt.reason);
        assert!(
            receipt.gas_used.0 >= 21_000 + u64::from(shape.load),
            "{what}"
        );
    }
}

/// Bytes of a module that are made ready for one gas, at most.
const MOST_BYTES: u64 = 32;

#[test]
fn instances_that_wait_have_a_bound() {
    let module = wasm("(module (memory 4) (func (export \"call\")))");
    let mut pool = Pool::new(true);
    let mut hashes = Vec::new();
    for n in 0..40_u8 {
        let hash = B256::repeat_byte(n);
        let compiled = alloc::sync::Arc::new(Compiled::new(&module).expect("a module").0);
        let taken: Vec<_> = (0..20)
            .map(|_| {
                pool.take(hash, || Ok(compiled.clone()))
                    .expect("an instance")
            })
            .collect();
        for instance in taken {
            pool.give(&hash, instance);
        }
        hashes.push(hash);
        let waiting: usize = hashes.iter().map(|hash| pool.waiting(hash)).sum();
        assert!(pool.waiting(&hash) <= 16);
        assert!(waiting * 4 * 65_536 <= 16 << 20, "{waiting} after {n}");
    }
}

#[test]
fn calls_as_deep_as_they_go_with_the_largest_memories_are_paid_for() {
    let at = Address::repeat_byte(0xc0);
    // Calls itself, after it has grown to all that it may have, and more than that is not to be had.
    let module = wasm(
        "(module $plasma (memory 1) (func (export \"call\")
           (drop (memory.grow (i32.const 15)))
           (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
           (if (i32.ne (memory.size) (i32.const 16)) (then (unreachable)))
           (i32.store (i32.const 1048572) (i32.const 1))
           (call $address (i32.const 0))
           (drop (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.const -1)))))",
    );
    let mut chain = Chain::with(&Chain::config().with_contract(at, module));
    let receipt = chain.call(1, at, []);
    assert!(receipt.succeeded(), "{}", receipt.reason);
    // Sixteen times all of the memory, but for the first page, at 16 bytes for a gas.
    let grown = 16 * (MAX_MEMORY_BYTES as u64 - 65_536) / 16;
    assert!(receipt.gas_used.0 > grown, "{receipt:?}");
}
