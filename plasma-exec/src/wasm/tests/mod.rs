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

use alloc::{string::String, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use plasma_core::{
    BlockContext, Call, CallOutcome, Execution, Height, MemoryState, Query, Receipt, Recorder,
    Reply, State, StateRead, Step, Timestamp, fold_block, keccak256,
};

use super::{WasmExecution, WasmGenesis};
use crate::ethereum::testing::{CHAIN, GWEI, deposit, ether, forced, ordinary, sign, user};

const PROPOSER: Address = Address::repeat_byte(0xee);

/// A module out of its text. `$plasma` in it is replaced with imports of all host functions.
fn wasm(text: &str) -> Vec<u8> {
    let text = text.replace("$plasma", IMPORTS);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

const IMPORTS: &str = r#"
    (import "plasma" "input_len" (func $input_len (result i32)))
    (import "plasma" "input" (func $input (param i32 i32 i32)))
    (import "plasma" "output" (func $output (param i32 i32)))
    (import "plasma" "revert" (func $revert (param i32 i32)))
    (import "plasma" "storage_read" (func $storage_read (param i32 i32 i32) (result i32)))
    (import "plasma" "storage_write" (func $storage_write (param i32 i32 i32)))
    (import "plasma" "caller" (func $caller (param i32)))
    (import "plasma" "address" (func $address (param i32)))
    (import "plasma" "value" (func $value (param i32)))
    (import "plasma" "balance" (func $balance (param i32 i32)))
    (import "plasma" "block_number" (func $block_number (result i64)))
    (import "plasma" "block_time" (func $block_time (result i64)))
    (import "plasma" "chain_id" (func $chain_id (result i64)))
    (import "plasma" "gas_left" (func $gas_left (result i64)))
    (import "plasma" "transfer" (func $transfer (param i32 i32) (result i32)))
    (import "plasma" "call" (func $call (param i32 i32 i32 i32 i64) (result i32)))
    (import "plasma" "call_static" (func $call_static (param i32 i32 i32 i64) (result i32)))
    (import "plasma" "returned_len" (func $returned_len (result i32)))
    (import "plasma" "returned" (func $returned (param i32 i32 i32)))
    (import "plasma" "log" (func $log (param i32 i32 i32 i32)))
    (import "plasma" "keccak256" (func $keccak256 (param i32 i32 i32)))
    (import "plasma" "read_input" (func $read_input (param i32 i32) (result i32)))
    (import "plasma" "storage_add" (func $storage_add (param i32 i32) (result i32)))
    (import "plasma" "storage_sub" (func $storage_sub (param i32 i32) (result i32)))
    (import "plasma" "add" (func $add (param i32 i32 i32) (result i32)))
    (import "plasma" "sub" (func $sub (param i32 i32 i32) (result i32)))
    (import "plasma" "mul" (func $mul (param i32 i32 i32) (result i32)))
    (import "plasma" "div" (func $div (param i32 i32 i32) (result i32)))
"#;

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

/// A chain in memory.
struct Chain {
    execution: WasmExecution,
    state: MemoryState,
    /// The context of the next block.
    block: BlockContext,
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
        let (execution, mut state) = (WasmExecution::new(), MemoryState::default());
        execution
            .genesis(&mut state, &genesis.to_json())
            .expect("a valid genesis");
        let block = BlockContext {
            chain_id: CHAIN,
            genesis: B256::repeat_byte(1),
            height: Height(1),
            parent: keccak256(b"block 0"),
            timestamp: Timestamp(1_700_000_000_500),
            proposer: PROPOSER,
        };
        Self {
            execution,
            state,
            block,
        }
    }

    /// Makes a block of these steps, between its beginning and its end; gives their receipts. Whole or step by
    /// step, in a new execution or in an old one, with new instances or used ones, it must come to the same.
    fn block(&mut self, steps: impl IntoIterator<Item = Step>) -> Vec<Receipt> {
        let steps: Vec<Step> = core::iter::once(Step::Begin)
            .chain(steps)
            .chain([Step::End])
            .collect();
        let block = self.block.clone();
        let whole = self.execution.apply_block(&self.state, &block, &steps);
        let fresh = WasmExecution::new().fresh_instances();
        let folded = fold_block(
            |state, step| fresh.apply(state, &block, step),
            &self.state,
            &steps,
        );
        assert_eq!(whole, folded, "a block is the fold of its steps");
        let outcome = fresh.apply_block(&self.state, &block, &steps);
        assert_eq!(outcome, whole, "with new instances");
        // What it read is all that it needs: a witness of it serves someone who has nothing else.
        let recorder = Recorder::new(&self.state);
        self.execution.apply_block(&recorder, &block, &steps);
        let mut witness = MemoryState::default();
        for key in recorder.keys() {
            witness.set(key, self.state.get(&key));
        }
        let outcome = WasmExecution::new().apply_block(&witness, &block, &steps);
        assert_eq!(outcome, whole, "by its witness alone");
        self.state.apply(&whole.changes);
        self.block = BlockContext {
            height: block.height.next(),
            parent: keccak256([&b"block"[..], &block.height.0.to_be_bytes()].concat()),
            timestamp: block.timestamp + 1_000,
            ..block
        };
        let mut receipts = whole.receipts;
        receipts.pop();
        receipts.split_off(1)
    }

    /// A block of transactions.
    fn transactions(&mut self, bytes: impl IntoIterator<Item = Bytes>) -> Vec<Receipt> {
        self.block(bytes.into_iter().map(Step::Transaction))
    }

    /// A block with one transaction of EIP-1559.
    fn send(&mut self, from: u8, to: TxKind, value: U256, input: impl Into<Bytes>) -> Receipt {
        let transaction = ordinary(self.nonce(user(from)), to, value, input);
        self.transactions([sign(from, transaction)]).remove(0)
    }

    fn call(&mut self, from: u8, to: Address, input: impl Into<Bytes>) -> Receipt {
        self.send(from, TxKind::Call(to), U256::ZERO, input)
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

    fn reply(&self, query: &Query) -> Reply {
        self.execution
            .query(&self.state, &self.block, query)
            .expect("an answer")
    }

    fn word(&self, query: &Query) -> U256 {
        match self.reply(query) {
            Reply::Word(word) => word,
            other => panic!("{query:?} gives {other:?}"),
        }
    }

    fn balance(&self, address: Address) -> U256 {
        self.word(&Query::Balance(address))
    }

    fn nonce(&self, address: Address) -> u64 {
        self.word(&Query::Nonce(address)).to()
    }

    fn bytes(&self, query: &Query) -> Bytes {
        match self.reply(query) {
            Reply::Bytes(bytes) => bytes,
            other => panic!("{query:?} gives {other:?}"),
        }
    }

    fn outcome(&self, query: &Query) -> CallOutcome {
        match self.reply(query) {
            Reply::Call(outcome) => outcome,
            other => panic!("{query:?} gives {other:?}"),
        }
    }

    fn ask(&self, to: Address, input: impl Into<Bytes>) -> CallOutcome {
        self.outcome(&Query::Call(Call {
            to: Some(to),
            input: input.into(),
            ..Call::default()
        }))
    }
}

/// What a receipt says of a failure, or nothing.
fn reason(receipt: &Receipt) -> String {
    receipt.reason.clone()
}
