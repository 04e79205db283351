//! Contracts that mean harm: each ends in a receipt, within time and memory.

use alloc::{format, vec, vec::Vec};
use std::time::{Duration, Instant};

use plasma_core::Status;
use proptest::prelude::*;

use super::*;
use crate::wasm::WASM_TRANSACTION_GAS;

/// The longest that a transaction of all its gas may take here, several times what it takes.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Calls whose end is known: what they do, the contract, what the receipt says.
fn calls() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let far = "(i32.const -1)";
    vec![
        ("loops for ever", contract("(loop (br 0))"), "out of gas"),
        (
            "loops and pays for nothing",
            contract("(loop (nop) (block) (br 0))"),
            "out of gas",
        ),
        (
            "recurses",
            wasm("(module (func $f (export \"call\") (call $f)))"),
            "call stack exhausted",
        ),
        (
            "recurses with a large frame",
            wasm(&format!(
                "(module (func $f (param {}) (local {}) (call $f {})) (func (export \"call\") (call $f {})))",
                "i64 ".repeat(32),
                "i64 ".repeat(150),
                "(i64.const 1)".repeat(32),
                "(i64.const 1)".repeat(32),
            )),
            "call stack exhausted",
        ),
        (
            "grows its memory for ever",
            contract("(loop (drop (memory.grow (i32.const 1))) (br 0))"),
            "out of gas",
        ),
        (
            "grows its memory at once",
            contract(
                "(if (i32.ne (memory.grow (i32.const 65535)) (i32.const -1)) (then (return))) (unreachable)",
            ),
            "unreachable",
        ),
        (
            "fills memory for ever",
            contract("(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0))"),
            "out of gas",
        ),
        (
            "reads outside",
            contract("(drop (i32.load (i32.const -4)))"),
            "out of bounds",
        ),
        (
            "writes outside",
            contract("(i64.store (i32.const 65532) (i64.const 1))"),
            "out of bounds",
        ),
        (
            "divides by zero",
            contract("(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
            "by zero",
        ),
        (
            "divides the least number",
            contract("(drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))"),
            "overflow",
        ),
        ("gives up", contract("(unreachable)"), "unreachable"),
        (
            "calls nothing",
            wasm(
                "(module (type $t (func)) (table 2 funcref) (func (export \"call\") (call_indirect (type $t) (i32.const 1))))",
            ),
            "",
        ),
        (
            "calls another type",
            wasm(
                "(module (type $t (func (param i32))) (table 2 funcref) (elem (i32.const 0) $f) (func $f) (func (export \"call\") (call_indirect (type $t) (i32.const 1) (i32.const 0))))",
            ),
            "",
        ),
        (
            "hashes outside",
            contract(&format!(
                "(call $keccak256 (i32.const 0) (i32.const 70000) {far})"
            )),
            "pointer",
        ),
        (
            "hashes 4 GiB",
            contract("(call $keccak256 (i32.const 0) (i32.const -1) (i32.const 0))"),
            "out of gas",
        ),
        (
            "hashes to outside",
            contract(&format!(
                "(call $keccak256 (i32.const 0) (i32.const 1) {far})"
            )),
            "pointer",
        ),
        (
            "reads a key outside",
            contract("(drop (call $storage_read (i32.const 65505) (i32.const 0) (i32.const 0)))"),
            "pointer",
        ),
        (
            "reads a value to outside",
            contract(&format!(
                "(call $storage_write (i32.const 0) (i32.const 0) (i32.const 4)) (drop (call $storage_read (i32.const 0) {far} (i32.const -1)))"
            )),
            "pointer",
        ),
        (
            "writes 4 GiB",
            contract("(call $storage_write (i32.const 0) (i32.const 0) (i32.const -1))"),
            "limit",
        ),
        (
            "writes from outside",
            contract("(call $storage_write (i32.const 0) (i32.const 65535) (i32.const 2))"),
            "pointer",
        ),
        (
            "returns 4 GiB",
            contract("(call $output (i32.const 0) (i32.const -1))"),
            "limit",
        ),
        (
            "returns from outside",
            contract(&format!("(call $output {far} (i32.const 2))")),
            "pointer",
        ),
        (
            "reverts with 4 GiB",
            contract("(call $revert (i32.const 0) (i32.const -1))"),
            "limit",
        ),
        (
            "takes 4 GiB of input",
            contract("(call $input (i32.const 0) (i32.const 0) (i32.const -1))"),
            "out of gas",
        ),
        (
            "takes what it was not given",
            contract("(call $input (i32.const 0) (i32.const 3) (i32.const 1))"),
            "pointer",
        ),
        (
            "takes nothing from far",
            contract("(call $input (i32.const 0) (i32.const -1) (i32.const 0))"),
            "pointer",
        ),
        (
            "takes what nobody returned",
            contract("(call $returned (i32.const 0) (i32.const 0) (i32.const 1))"),
            "pointer",
        ),
        (
            "logs five topics",
            contract("(call $log (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0))"),
            "four topics",
        ),
        (
            "logs 2^32 - 1 topics",
            contract("(call $log (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0))"),
            "four topics",
        ),
        (
            "logs topics outside",
            contract("(call $log (i32.const 65500) (i32.const 4) (i32.const 0) (i32.const 0))"),
            "pointer",
        ),
        (
            "logs 4 GiB",
            contract("(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1))"),
            "out of gas",
        ),
        (
            "logs for ever",
            contract(
                "(loop (call $log (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 32768)) (br 0))",
            ),
            "out of gas",
        ),
        (
            "writes for ever",
            contract(
                "(loop (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))) \
             (call $storage_write (i32.const 0) (i32.const 0) (i32.const 4096)) (br 0))",
            ),
            "out of gas",
        ),
        (
            "asks for a caller outside",
            contract(&format!("(call $caller {far})")),
            "pointer",
        ),
        (
            "calls with an address outside",
            contract(&format!(
                "(drop (call $call {far} (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)))"
            )),
            "pointer",
        ),
        (
            "calls with 4 GiB",
            contract(
                "(drop (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i64.const 0)))",
            ),
            "limit",
        ),
        (
            "uses the host without a memory",
            wasm("(module $plasma (func (export \"call\") (call $caller (i32.const 0))))"),
            "pointer",
        ),
    ]
}

#[test]
fn hostile_contracts_end_in_a_receipt() {
    for (what, module, says) in calls() {
        let at = Address::repeat_byte(0xc0);
        let mut chain = Chain::with(&Chain::config().with_contract(at, module));
        let mut transaction = ordinary(0, at.into(), U256::ZERO, vec![]);
        transaction.gas_limit = WASM_TRANSACTION_GAS;
        let start = Instant::now();
        let receipt = chain.transactions([sign(1, transaction)]).remove(0);
        let took = start.elapsed();
        assert_eq!(receipt.status, Status::Reverted, "{what}");
        assert!(receipt.reason.contains(says), "{what}: {}", receipt.reason);
        assert_eq!(
            receipt.gas_used.0, WASM_TRANSACTION_GAS,
            "{what} takes all gas"
        );
        assert!(
            receipt.logs.is_empty() && receipt.messages.is_empty(),
            "{what}"
        );
        assert!(took < MOST_TIME, "{what} took {took:?}");
        assert_eq!(chain.nonce(user(1)), 1, "{what}");
    }
}

/// Calls itself with all gas, as deep as it goes, and then once more.
#[test]
fn calls_go_so_deep_and_no_deeper_and_a_contract_may_be_in_use_many_times() {
    let mut chain = Chain::new();
    // Counts how deep it is in the input's first byte, and returns how deep the deepest one was.
    let module = contract(
        "(call $input (i32.const 64) (i32.const 0) (i32.const 1))
         (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
         (call $address (i32.const 0))
         (if (call $call (i32.const 0) (i32.const 128) (i32.const 64) (i32.const 1) (i64.const -1))
           (then (call $returned (i32.const 64) (i32.const 0) (i32.const 1))))
         (call $output (i32.const 64) (i32.const 1))",
    );
    let at = chain.deploy(&module);
    let receipt = chain.call(1, at, [0]);
    assert_eq!(receipt.output.as_ref(), [16], "{}", receipt.reason);
    // A tree of calls: many, and no deeper.
    let tree = contract(
        "(call $address (i32.const 0))
         (drop (call $call (i32.const 0) (i32.const 128) (i32.const 0) (i32.const 0) (i64.const -1)))
         (drop (call $call (i32.const 0) (i32.const 128) (i32.const 0) (i32.const 0) (i64.const -1)))",
    );
    let at = chain.deploy(&tree);
    let start = Instant::now();
    let receipt = chain.call(1, at, []);
    assert!(receipt.gas_used.0 > 2_000_000, "{receipt:?}");
    assert!(start.elapsed() < MOST_TIME);
}

/// A module out of which others are made by changing it.
fn valid() -> Vec<Vec<u8>> {
    vec![
        counter(),
        echo(),
        proxy(),
        wasm(
            "(module $plasma (memory 1 4) (table 3 funcref) (global $g (mut i64) (i64.const 5))
               (elem (i32.const 0) $a $b) (data (i32.const 16) \"some data\")
               (func $a (global.set $g (i64.const 9)))
               (func $b (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
               (func (export \"deploy\") (call $a))
               (func (export \"call\") (local i32)
                 (local.set 0 (call $b (i32.const 7)))
                 (block (loop (br_if 1 (i32.eqz (local.get 0)))
                   (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0)))
                 (drop (memory.grow (i32.const 1)))
                 (memory.copy (i32.const 100) (i32.const 0) (i32.const 50))
                 (call $output (i32.const 0) (i32.const 32))))",
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(plasma_core::conformance::cases(192)))]

    #[test]
    fn changed_modules_end_in_receipts(
        which in 0..4_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
        input in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut module = valid().swap_remove(which);
        for (at, byte, kind) in edits {
            let at = at.index(module.len().max(1));
            match kind {
                0 => module.truncate(at.max(8)),
                1 => module.insert(at, byte),
                2 => module[at] ^= 1 << (byte % 8),
                _ => module[at] = byte,
            }
        }
        let mut chain = Chain::new();
        let start = Instant::now();
        let receipt = chain.try_deploy(module);
        if let Some(at) = receipt.created {
            for from in 1..3 {
                let receipt = chain.call(from, at, input.clone());
                prop_assert!(receipt.status != Status::Invalid, "{receipt:?}");
            }
        }
        prop_assert!(start.elapsed() < MOST_TIME);
    }
}
