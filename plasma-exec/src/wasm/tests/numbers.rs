//! Numbers of 256 bits: what a contract lets the chain compute, and what it keeps of them.

use alloc::{format, vec, vec::Vec};

use super::*;

const MAX: U256 = U256::MAX;

fn words(words: &[U256]) -> Vec<u8> {
    words.iter().flat_map(U256::to_be_bytes::<32>).collect()
}

/// Numbers of all lengths.
fn numbers() -> Vec<U256> {
    let mut numbers = vec![U256::ZERO, U256::ONE, U256::from(2), MAX, MAX - U256::ONE];
    for n in 0..8_u8 {
        let hash = keccak256([n]);
        numbers.push(U256::from_be_bytes(hash.0) >> (usize::from(n) * 32));
    }
    numbers
}

#[test]
fn the_chain_computes_with_numbers_of_256_bits() {
    type Computes = fn(U256, U256) -> (U256, bool);
    let cases: [(&str, Computes); 4] = [
        ("add", |a, b| {
            (a.wrapping_add(b), a.checked_add(b).is_some())
        }),
        ("sub", |a, b| (a.wrapping_sub(b), a >= b)),
        ("mul", |a, b| {
            (a.wrapping_mul(b), a.checked_mul(b).is_some())
        }),
        ("div", |a, b| {
            let quotient = a.checked_div(b);
            (quotient.unwrap_or_default(), quotient.is_some())
        }),
    ];
    let mut chain = Chain::new();
    for (name, computes) in cases {
        // In place too: over the first number, over the second.
        for to in [64, 0, 32] {
            let at = chain.deploy(&contract(&format!(
                "(drop (call $read_input (i32.const 0) (i32.const 64)))
                 (i32.store8 (i32.const 159) (call ${name} (i32.const 0) (i32.const 32) (i32.const {to})))
                 (memory.copy (i32.const 96) (i32.const {to}) (i32.const 32))
                 (call $output (i32.const 96) (i32.const 64))"
            )));
            for a in numbers() {
                for b in numbers() {
                    let (number, exact) = computes(a, b);
                    let outcome = chain.ask(at, words(&[a, b]));
                    let expected = words(&[number, U256::from(exact)]);
                    assert_eq!(outcome.output.as_ref(), expected, "{name} {a} {b}");
                }
            }
        }
    }
}

/// Does to the number under the key 0 what the first byte says, with the word behind it; returns what came of it, and the
/// number.
fn account() -> Vec<u8> {
    contract(
        "(local $done i32)
         (drop (call $read_input (i32.const 0) (i32.const 33)))
         (if (i32.eqz (i32.load8_u (i32.const 0)))
           (then (local.set $done (call $storage_add (i32.const 64) (i32.const 1))))
           (else (local.set $done (call $storage_sub (i32.const 64) (i32.const 1)))))
         (i32.store8 (i32.const 159) (local.get $done))
         (i32.store8 (i32.const 160) (call $storage_read (i32.const 64) (i32.const 96) (i32.const 32)))
         (call $output (i32.const 96) (i32.const 65))",
    )
}

#[test]
fn a_number_in_storage_is_added_to_and_taken_from() {
    let mut chain = Chain::new();
    let at = chain.deploy(&account());
    let mut call = |sub: bool, by: U256| {
        let receipt = chain.call(1, at, [&[u8::from(sub)], &words(&[by])[..]].concat());
        assert!(receipt.succeeded(), "{}", receipt.reason);
        let output = receipt.output;
        let word = |at: usize| U256::from_be_slice(&output[at..at + 32]);
        assert_eq!(chain.word(&Query::Storage(at, U256::ZERO)), word(0));
        // Zero is nothing.
        assert_eq!(output[64], if word(0).is_zero() { 0 } else { 32 });
        (!word(32).is_zero(), word(0))
    };
    let (five, seven) = (U256::from(5), U256::from(7));
    assert_eq!(call(true, U256::ONE), (false, U256::ZERO));
    assert_eq!(call(true, U256::ZERO), (true, U256::ZERO));
    assert_eq!(call(false, five), (true, five));
    assert_eq!(call(false, MAX), (false, five));
    assert_eq!(call(true, seven), (false, five));
    assert_eq!(call(false, MAX - five), (true, MAX));
    assert_eq!(call(false, U256::ONE), (false, MAX));
    assert_eq!(call(true, MAX), (true, U256::ZERO));
}

#[test]
fn what_is_no_number_is_not_computed_with() {
    let at = Address::repeat_byte(0xc0);
    for length in [1, 31, 33, 4_096] {
        let mut genesis = Chain::config().with_contract(at, account());
        let contract = genesis.alloc.entry(at).or_default();
        contract
            .storage
            .insert(B256::ZERO, vec![7_u8; length].into());
        let mut chain = Chain::with(&genesis);
        let receipt = chain.call(1, at, [0; 33]);
        assert_eq!(
            receipt.reason, "what is stored under a key is no number of 32 bytes",
            "{length}"
        );
    }
}

#[test]
fn a_static_call_computes_and_keeps_nothing() {
    let mut chain = Chain::new();
    let at = chain.deploy(&account());
    let asks = chain.deploy(&contract(
        "(local $n i32)
         (local.set $n (call $read_input (i32.const 0) (i32.const 100)))
         (i32.store8 (i32.const 128) (call $call_static (i32.const 0) (i32.const 20) (i32.sub (local.get $n) (i32.const 20)) (i64.const 100000)))
         (call $output (i32.const 128) (i32.const 1))",
    ));
    for sub in [0, 1] {
        let receipt = chain.call(1, asks, [at.as_slice(), &[sub; 33]].concat());
        assert_eq!(receipt.output.as_ref(), [0]);
    }
    assert_eq!(chain.word(&Query::Storage(at, U256::ZERO)), U256::ZERO);
}
