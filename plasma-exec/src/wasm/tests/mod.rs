//! Tests of contracts in WebAssembly: each through whole blocks, executed at once and step by step, with instances used
//! again and with new ones.

mod bounds;
mod bridge;
mod calls;
mod conformance;
mod deployment;
mod generated;
mod hostile;
mod numbers;
mod queries;
mod reuse;
mod sdk;
mod spread;

use alloc::{string::String, vec, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use plasma_core::{Call, Execution, MemoryState, Query, Receipt, Step, keccak256};

use super::{WasmExecution, WasmGenesis};
use crate::{
    Parallelism,
    ethereum::testing::{
        self, CHAIN, GWEI, PROPOSER, Tested, conform, deposit, ether, forced, ordinary, sign,
        tokens, user, withdrawal,
    },
};

/// A module out of its text. `$plasma` in it is replaced with imports of all host functions.
fn wasm(text: &str) -> Vec<u8> {
    let text = text.replace("$plasma", IMPORTS);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

const IMPORTS: &str = include_str!("imports.wat");

/// A contract whose `call` is this.
fn contract(body: &str) -> Vec<u8> {
    wasm(&alloc::format!(
        "(module $plasma (memory 1) (func (export \"call\") {body}))"
    ))
}

/// Counts in the first slot, from 64 bits, lowest first; returns the count.
fn counter() -> Vec<u8> {
    contract(
        "(drop (call $storage_read (i32.const 0) (i32.const 32) (i32.const 8)))
         (i64.store (i32.const 32) (i64.add (i64.load (i32.const 32)) (i64.const 1)))
         (call $storage_write (i32.const 0) (i32.const 32) (i32.const 8))
         (call $output (i32.const 32) (i32.const 8))",
    )
}

/// Returns what it was called with.
fn echo() -> Vec<u8> {
    contract(
        "(call $input (i32.const 0) (i32.const 0) (call $input_len))
         (call $output (i32.const 0) (call $input_len))",
    )
}

/// Calls the address in the first 20 bytes with the rest and all gas, and the XPL it was sent; returns what that
/// returned, or reverts with it.
fn proxy() -> Vec<u8> {
    contract(
        "(local $n i32)
         (local.set $n (call $input_len))
         (call $input (i32.const 0) (i32.const 0) (local.get $n))
         (call $value (i32.const 4096))
         (if (call $call (i32.const 0) (i32.const 4096) (i32.const 20)
                         (i32.sub (local.get $n) (i32.const 20)) (i64.const -1))
           (then (call $returned (i32.const 0) (i32.const 0) (call $returned_len))
                 (call $output (i32.const 0) (call $returned_len)))
           (else (call $returned (i32.const 0) (i32.const 0) (call $returned_len))
                 (call $revert (i32.const 0) (call $returned_len))))",
    )
}

type Chain = testing::Chain<WasmExecution>;

impl Tested for WasmExecution {
    fn plain() -> Self {
        Self::new().fresh_instances()
    }

    fn on(parallelism: Parallelism) -> Self {
        Self::new().parallelism(parallelism)
    }

    fn others() -> Vec<(&'static str, Self)> {
        vec![("with new instances", Self::plain())]
    }
}

impl Chain {
    fn new() -> Self {
        Self::with(&Self::config())
    }

    fn config() -> WasmGenesis {
        (0..10).fold(WasmGenesis::default(), |genesis, number| {
            genesis.with_balance(user(number), ether(1_000))
        })
    }

    fn with(genesis: &WasmGenesis) -> Self {
        Self::begin(&genesis.to_json())
    }

    /// A creation by a transaction with all the gas that there is.
    fn try_deploy(&mut self, input: impl Into<Bytes>) -> Receipt {
        let mut transaction = ordinary(self.nonce(user(0)), TxKind::Create, U256::ZERO, input);
        transaction.gas_limit = super::WASM_TRANSACTION_GAS;
        self.transactions([sign(0, transaction)]).remove(0)
    }

    /// Puts a contract with this module on the chain.
    fn deploy(&mut self, module: &[u8]) -> Address {
        let receipt = self.try_deploy(module.to_vec());
        assert!(receipt.succeeded(), "{receipt:?}");
        receipt.created.expect("a contract")
    }
}

/// What a receipt says of a failure, or nothing.
fn reason(receipt: &Receipt) -> String {
    receipt.reason.clone()
}
