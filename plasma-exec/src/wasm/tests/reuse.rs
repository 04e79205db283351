//! An instance that is used again is as a new one.

use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::wasm::{instance::Pool, module::Compiled};

/// A contract that does to its instance what the input says, and returns what it found before: memory, globals, size.
///
/// The input is a list of writes, eight bytes each: where, and what. What the last two bytes of one say goes to a global,
/// and where a write ends in 0xff the memory grows by a page.
fn changeable() -> Vec<u8> {
    wasm(
        "(module $plasma (memory 1 3)
           (global $a (mut i32) (i32.const 11)) (global $b (mut i64) (i64.const -5)) (global $c i32 (i32.const 3))
           (data (i32.const 100) \"in the beginning\") (data (i32.const 40000) \"and at the end\")
           (func (export \"call\") (local $n i32) (local $i i32)
             (local.set $n (call $input_len))
             (i32.store (i32.const 60000) (global.get $a))
             (i64.store (i32.const 60004) (global.get $b))
             (i32.store (i32.const 60012) (memory.size))
             (call $keccak256 (i32.const 0) (i32.const 65536) (i32.const 60016))
             (call $output (i32.const 60000) (i32.const 48))
             (call $input (i32.const 62000) (i32.const 0) (local.get $n))
             (block $done (loop $next
               (br_if $done (i32.ge_u (i32.add (local.get $i) (i32.const 8)) (local.get $n)))
               (i32.store8
                 (i32.and (i32.load (i32.add (i32.const 62000) (local.get $i))) (i32.const 65535))
                 (i32.load8_u (i32.add (i32.const 62004) (local.get $i))))
               (global.set $a (i32.load16_u (i32.add (i32.const 62006) (local.get $i))))
               (global.set $b (i64.load (i32.add (i32.const 62000) (local.get $i))))
               (if (i32.eq (i32.load8_u (i32.add (i32.const 62007) (local.get $i))) (i32.const 255))
                 (then (drop (memory.grow (i32.const 1)))))
               (local.set $i (i32.add (local.get $i) (i32.const 8)))
               (br $next)))
             (if (i32.eq (i32.and (local.get $n) (i32.const 7)) (i32.const 7)) (then (unreachable)))
             (if (i32.eq (i32.and (local.get $n) (i32.const 7)) (i32.const 6))
               (then (call $revert (i32.const 60000) (i32.const 48))))))",
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(plasma_core::conformance::cases(24)))]

    /// Whatever calls before did, returned or not, each call finds what the first one did. (`Chain::block` compares with new
    /// instances besides.)
    #[test]
    fn every_call_finds_the_image(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
    ) {
        let at = Address::repeat_byte(0xc0);
        let mut chain = Chain::with(&Chain::config().with_contract(at, changeable()));
        let first = chain.ask(at, vec![]).output;
        let transactions: Vec<Bytes> = (0..)
            .zip(&inputs)
            .map(|(nonce, input)| sign(1, ordinary(nonce, at.into(), U256::ZERO, input.clone())))
            .collect();
        for (receipt, input) in chain.transactions(transactions).iter().zip(&inputs) {
            // One that gives up says nothing, and one that reverts says what it has written.
            if input.len() % 8 < 6 {
                prop_assert_eq!(&receipt.output, &first, "{}", receipt.reason);
            }
        }
    }
}

#[test]
fn what_is_given_back_is_reset_in_every_byte_and_global() {
    let bytes = changeable();
    let (module, _) = Compiled::new(&bytes).expect("a module");
    let module = alloc::sync::Arc::new(module);
    let hash = keccak256(&bytes);
    let mut pool = Pool::new(true);
    let take =
        |pool: &mut Pool<'static>| pool.take(hash, || Ok(module.clone())).expect("an instance");
    // The first one is not kept: there is no image yet.
    let first = take(&mut pool);
    pool.give(&hash, first);
    assert_eq!(pool.waiting(&hash), 0);
    let new = take(&mut pool);
    let expected = new.parts();
    pool.give(&hash, new);
    assert_eq!(pool.waiting(&hash), 1);
    let mut used = take(&mut pool);
    used.spoil();
    assert_ne!(used.parts(), expected);
    pool.give(&hash, used);
    assert_eq!(pool.waiting(&hash), 1, "it is used again");
    assert_eq!(take(&mut pool).parts(), expected);
    // One that grew is not.
    let mut grown = take(&mut pool);
    grown.grow();
    pool.give(&hash, grown);
    assert_eq!(pool.waiting(&hash), 0);
    assert_eq!(take(&mut pool).parts(), expected);
    let mut never = Pool::new(false);
    let instance = take(&mut never);
    never.give(&hash, instance);
    assert_eq!(never.waiting(&hash), 0);
}

#[test]
fn a_memory_that_the_module_keeps_to_itself_is_reset_too() {
    let at = Address::repeat_byte(0xc0);
    // Neither memory nor global is exported under any name.
    let module = wasm(
        "(module $plasma (memory 1) (global $g (mut i64) (i64.const 1))
           (func (export \"call\")
             (i64.store (i32.const 8) (global.get $g))
             (call $output (i32.const 0) (i32.const 16))
             (i64.store (i32.const 0) (i64.const 77))
             (global.set $g (i64.const 78))))",
    );
    let mut chain = Chain::with(&Chain::config().with_contract(at, module));
    let calls = (0..3).map(|nonce| sign(1, ordinary(nonce, at.into(), U256::ZERO, vec![])));
    let expected = [0_u64.to_le_bytes(), 1_u64.to_le_bytes()].concat();
    for receipt in chain.transactions(calls.collect::<Vec<_>>()) {
        assert_eq!(receipt.output.as_ref(), expected);
    }
}
