//! Tests of the EVM: each through whole blocks, executed both at once and step by step.

mod conformance;
mod contracts;
mod forced;
mod genesis;
mod messages;
mod oracle;
mod queries;
mod rules;
mod speed;
mod spread;
mod transactions;

use alloc::{string::String, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use plasma_core::{
    BlockContext, Call, CallOutcome, ChainId, Execution, Height, MemoryState, Query, Receipt,
    Recorder, Reply, State, StateRead, Step, Timestamp, fold_block, keccak256,
};

use super::{EvmExecution, EvmGenesis, EvmSpec, Prices};
use crate::{
    Parallelism,
    ethereum::testing::{CHAIN, GWEI, deposit, ether, forced, ordinary, sign, signer, user},
};

const PROPOSER: Address = Address::repeat_byte(0xee);

/// Init code that leaves `runtime` (up to 255 bytes) as the contract's code.
fn init_code(runtime: &[u8]) -> Vec<u8> {
    // PUSH1 length, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN
    let length = u8::try_from(runtime.len()).expect("short code");
    [
        &[0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3],
        runtime,
    ]
    .concat()
}

/// The creation code of a contract of the committed artifacts.
fn artifact(json: &str) -> Vec<u8> {
    let artifact: serde_json::Value = serde_json::from_str(json).expect("an artifact");
    hex::decode(artifact["bytecode"].as_str().expect("bytecode")).expect("hexadecimal")
}

/// A chain in memory.
struct Chain {
    execution: EvmExecution,
    state: MemoryState,
    /// The context of the next block.
    block: BlockContext,
}

impl Chain {
    fn new() -> Self {
        Self::with(&Self::config())
    }

    /// At Ethereum's prices, so that whatever is known of Ethereum can be expected.
    fn config() -> EvmGenesis {
        let genesis = EvmGenesis {
            prices: Prices::Ethereum,
            ..EvmGenesis::default()
        };
        (0..10).fold(genesis, |genesis, number| {
            genesis.with_balance(user(number), ether(1_000))
        })
    }

    fn with(genesis: &EvmGenesis) -> Self {
        let (execution, mut state) = (EvmExecution::new(), MemoryState::default());
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
    /// step, in a new execution or in an old one, it must come to the same.
    fn block(&mut self, steps: impl IntoIterator<Item = Step>) -> Vec<Receipt> {
        let steps: Vec<Step> = core::iter::once(Step::Begin)
            .chain(steps)
            .chain([Step::End])
            .collect();
        let block = self.block.clone();
        let whole = self.execution.apply_block(&self.state, &block, &steps);
        let fresh = EvmExecution::new();
        let folded = fold_block(
            |state, step| fresh.apply(state, &block, step),
            &self.state,
            &steps,
        );
        assert_eq!(whole, folded, "a block is the fold of its steps");
        for threads in [1, 3] {
            let many = EvmExecution::new().parallelism(Parallelism::always(threads));
            let outcome = many.apply_block(&self.state, &block, &steps);
            assert_eq!(outcome, whole, "on {threads} threads");
        }
        // What it read is all that it needs: a witness of it serves someone who has nothing else.
        let recorder = Recorder::new(&self.state);
        self.execution.apply_block(&recorder, &block, &steps);
        let mut witness = MemoryState::default();
        for key in recorder.keys() {
            witness.set(key, self.state.get(&key));
        }
        assert_eq!(
            fresh.apply_block(&witness, &block, &steps),
            whole,
            "by its witness alone"
        );
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

    /// Puts a contract with this code on the chain.
    fn deploy(&mut self, runtime: &[u8]) -> Address {
        let receipt = self.send(0, TxKind::Create, U256::ZERO, init_code(runtime));
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

    fn slot(&self, address: Address, slot: u64) -> U256 {
        self.word(&Query::Storage(address, U256::from(slot)))
    }

    fn code(&self, address: Address) -> Bytes {
        match self.reply(&Query::Code(address)) {
            Reply::Bytes(code) => code,
            other => panic!("code is {other:?}"),
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

    fn base_fee(&self) -> u128 {
        match self.reply(&Query::Fees) {
            Reply::Fees(fees) => fees.base_fee,
            other => panic!("fees are {other:?}"),
        }
    }
}

/// `PUSH20 address`.
fn push(address: Address) -> Vec<u8> {
    [&[0x73], address.as_slice()].concat()
}
