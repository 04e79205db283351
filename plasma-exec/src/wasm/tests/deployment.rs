//! Creations, and what is no module of a contract.

use alloc::{format, vec, vec::Vec};

use super::*;
use crate::wasm::MAX_MODULE_BYTES;

#[test]
fn a_creation_runs_deploy_once_with_its_arguments() {
    let mut chain = Chain::new();
    let module = wasm(
        "(module $plasma (memory 1)
           (func (export \"deploy\")
             (call $input (i32.const 32) (i32.const 0) (call $input_len))
             (call $storage_write (i32.const 0) (i32.const 32) (call $input_len)))
           (func (export \"call\")
             (call $output (i32.const 32) (call $storage_read (i32.const 0) (i32.const 32) (i32.const 99)))))",
    );
    let length = u32::try_from(module.len()).expect("short").to_be_bytes();
    let creation = [&length[..], &module, b"arguments"].concat();
    let receipt = chain.try_deploy(creation);
    let at = receipt.created.expect("a contract");
    assert_eq!(at, user(0).create(0));
    assert_eq!(chain.call(1, at, []).output.as_ref(), b"arguments");
    assert_eq!(chain.code(at).as_ref(), module);
    assert_eq!(chain.nonce(at), 1);
    // Arguments for who has no use for them.
    let module = echo();
    let length = u32::try_from(module.len()).expect("short").to_be_bytes();
    let receipt = chain.try_deploy([&length[..], &module, b"x"].concat());
    assert!(receipt.reason.contains("no function deploy"), "{receipt:?}");
    assert_eq!(receipt.created, None);
    // Without any it is the same with the length and without.
    for creation in [module.clone(), [&length[..], &module].concat()] {
        let at = chain.try_deploy(creation).created.expect("a contract");
        assert_eq!(chain.call(1, at, b"x").output.as_ref(), b"x");
    }
}

#[test]
fn a_deploy_that_fails_leaves_nothing() {
    let mut chain = Chain::new();
    let module = wasm(
        "(module $plasma (memory 1)
           (func (export \"deploy\") (call $revert (i32.const 0) (i32.const 0)))
           (func (export \"call\")))",
    );
    let receipt = chain.try_deploy(module);
    assert_eq!(reason(&receipt), "execution reverted");
    let at = user(0).create(0);
    assert!(chain.code(at).is_empty());
    assert_eq!(chain.nonce(at), 0);
}

/// What no contract may be, and a part of what is said about it.
fn refused() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let module = |body: &str| wasm(&format!("(module $plasma {body} (func (export \"call\")))"));
    let doing = |body: &str| {
        wasm(&format!(
            "(module $plasma (memory 1) (table 4 funcref) (global $g (mut i32) (i32.const 0)) (func $f) \
             (elem $e (i32.const 0) $f) (func (export \"call\") {body}))"
        ))
    };
    let good = echo();
    let custom = |length: usize| {
        let mut bytes = good.clone();
        let mut body = vec![1, b'x'];
        body.resize(length, 0);
        bytes.push(0);
        let n = body.len() as u32;
        bytes.extend([n as u8 | 0x80, (n >> 7) as u8 | 0x80, (n >> 14) as u8]);
        bytes.extend(body);
        bytes
    };
    vec![
        ("nothing", vec![], "less than four bytes"),
        ("garbage", b"\0asm\x01\0\0\0garbage".to_vec(), ""),
        ("another version", b"\0asm\x02\0\0\0".to_vec(), ""),
        (
            "an empty module",
            b"\0asm\x01\0\0\0".to_vec(),
            "exports no function call",
        ),
        ("a truncated one", good[..good.len() - 3].to_vec(), ""),
        ("a long one", custom(MAX_MODULE_BYTES), "over the limit"),
        (
            "no call",
            wasm("(module (func (export \"run\")))"),
            "exports no function call",
        ),
        (
            "a call with a parameter",
            wasm("(module (func (export \"call\") (param i32)))"),
            "without parameters",
        ),
        (
            "a call that is a memory",
            wasm("(module (memory (export \"call\") 1))"),
            "without parameters",
        ),
        (
            "an unknown import",
            wasm("(module (import \"plasma\" \"gold\" (func)) (func (export \"call\")))"),
            "gold",
        ),
        (
            "an import of another type",
            wasm("(module (import \"plasma\" \"caller\" (func)) (func (export \"call\")))"),
            "imports",
        ),
        (
            "a foreign import",
            wasm("(module (import \"env\" \"caller\" (func)) (func (export \"call\")))"),
            "none of plasma's",
        ),
        (
            "an imported memory",
            wasm("(module (import \"plasma\" \"memory\" (memory 1)) (func (export \"call\")))"),
            "no function",
        ),
        (
            "an imported global",
            wasm("(module (import \"plasma\" \"g\" (global i32)) (func (export \"call\")))"),
            "no function",
        ),
        (
            "a start function",
            wasm("(module (func $f (loop (br 0))) (start $f) (func (export \"call\")))"),
            "at its start",
        ),
        (
            "a float",
            doing("(drop (f32.add (f32.const 1) (f32.const 2)))"),
            "",
        ),
        ("a double", doing("(drop (f64.const 1))"), ""),
        (
            "a float from bits",
            doing("(drop (f32.reinterpret_i32 (i32.const 1)))"),
            "",
        ),
        (
            "a local float",
            wasm("(module (func (export \"call\") (local f64)))"),
            "",
        ),
        ("a float parameter", module("(func (param f32))"), ""),
        ("a global float", module("(global f64 (f64.const 0))"), ""),
        ("a vector", doing("(drop (v128.const i64x2 1 2))"), ""),
        ("a long memory", module("(memory 65536)"), "memory"),
        (
            "a memory over the limit",
            module("(memory 17)"),
            "over the limit",
        ),
        ("two memories", module("(memory 1) (memory 1)"), ""),
        ("64 bits of memory", module("(memory i64 1)"), ""),
        ("a shared memory", module("(memory 1 1 shared)"), ""),
        (
            "a huge table",
            module("(table 1000000000 funcref)"),
            "over the limit",
        ),
        (
            "two tables",
            module("(table 1 funcref) (table 1 funcref)"),
            "",
        ),
        (
            "data outside",
            module("(memory 1) (data (i32.const 65535) \"xx\")"),
            "",
        ),
        (
            "elements outside",
            module("(table 1 funcref) (func $f) (elem (i32.const 1) $f)"),
            "",
        ),
        (
            "passive data",
            module("(memory 1) (data \"xx\")"),
            "not active",
        ),
        (
            "passive elements",
            module("(table 1 funcref) (func $f) (elem func $f)"),
            "not active",
        ),
        (
            "table.grow",
            doing("(drop (table.grow (ref.null func) (i32.const 9)))"),
            "no place",
        ),
        (
            "table.set",
            doing("(table.set (i32.const 0) (ref.func $f))"),
            "no place",
        ),
        (
            "table.copy",
            doing("(table.copy (i32.const 0) (i32.const 1) (i32.const 1))"),
            "no place",
        ),
        (
            "table.init",
            doing("(table.init $e (i32.const 0) (i32.const 0) (i32.const 1))"),
            "no place",
        ),
        ("a tail call", doing("(return_call $f)"), ""),
        (
            "many locals",
            wasm(&format!(
                "(module (func (export \"call\") (local {})))",
                "i64 ".repeat(500)
            )),
            "locals",
        ),
        (
            "many globals",
            module(&"(global i32 (i32.const 0))".repeat(65)),
            "globals",
        ),
        (
            "many functions",
            module(&"(func)".repeat(1_024)),
            "functions",
        ),
        (
            "many parameters",
            module(&format!("(func (param {}))", "i32 ".repeat(33))),
            "parameters",
        ),
        (
            "several results",
            module("(func (result i32 i32) (i32.const 1) (i32.const 2))"),
            "",
        ),
        (
            "a type that does not fit",
            wasm("(module (func (export \"call\") (drop (i32.add (i64.const 1) (i32.const 1)))))"),
            "",
        ),
        (
            "a reserved name",
            wasm("(module (func (export \"plasma:0\")) (func (export \"call\")))"),
            "may begin with",
        ),
    ]
}

#[test]
fn what_is_no_module_of_a_contract_is_refused_and_paid_for() {
    let mut chain = Chain::new();
    for (what, creation, says) in refused() {
        let receipt = chain.try_deploy(creation);
        assert_eq!(
            receipt.status,
            plasma_core::Status::Reverted,
            "{what}: {receipt:?}"
        );
        assert!(receipt.gas_used.0 > 53_000, "{what}");
        assert!(receipt.reason.contains(says), "{what}: {}", receipt.reason);
    }
}

#[test]
fn a_genesis_has_contracts_and_refuses_what_is_none() {
    let at = Address::repeat_byte(0xc0);
    let chain = Chain::with(&Chain::config().with_contract(at, echo()));
    assert_eq!(chain.ask(at, b"hi").output.as_ref(), b"hi");
    let execution = WasmExecution::new();
    let bad = [
        Chain::config().with_contract(at, b"\0asm\x01\0\0\0".to_vec()).to_json(),
        br#"{"gasLimit": 5}"#.to_vec(),
        br#"{"baseFeeElasticity": 0}"#.to_vec(),
        br#"{"baseFee": 1, "minBaseFee": 2}"#.to_vec(),
        br#"{"alloc": {"0x00000000000000000000000000000000000000aa": {"storage": {"0x0000000000000000000000000000000000000000000000000000000000000001": "0x01"}}}}"#.to_vec(),
        b"{".to_vec(),
    ];
    for config in bad {
        let error = execution.genesis(&mut MemoryState::default(), &config);
        assert!(error.is_err(), "{}", String::from_utf8_lossy(&config));
    }
}
