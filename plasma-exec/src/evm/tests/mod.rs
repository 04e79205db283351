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

use alloc::{string::String, vec, vec::Vec};

use alloy_consensus::TxEip1559;
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, B256, TxKind, U256, hex};
use plasma_core::{
    BlockContext, Call, CallOutcome, ChainId, Execution, Query, Receipt, Reply, StateRead, Step,
    fold_block, keccak256,
};

use super::{EvmExecution, EvmGenesis, EvmSpec, Prices};
use crate::{
    Parallelism,
    ethereum::testing::{
        self, CHAIN, GWEI, PROPOSER, Tested, conform, deposit, ether, forced, ordinary, sign,
        signature, signer, tokens, user, withdrawal,
    },
};

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

type Chain = testing::Chain<EvmExecution>;

impl Tested for EvmExecution {
    fn plain() -> Self {
        Self::new()
    }

    fn on(parallelism: Parallelism) -> Self {
        Self::new().parallelism(parallelism)
    }

    fn others() -> Vec<(&'static str, Self)> {
        let on = |threads| Self::on(Parallelism::always(threads));
        vec![("on one thread", on(1)), ("on three threads", on(3))]
    }
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
        Self::begin(&genesis.to_json())
    }

    /// Puts a contract with this code on the chain.
    fn deploy(&mut self, runtime: &[u8]) -> Address {
        let receipt = self.send(0, TxKind::Create, U256::ZERO, init_code(runtime));
        assert!(receipt.succeeded(), "{receipt:?}");
        receipt.created.expect("a contract")
    }

    fn slot(&self, address: Address, slot: u64) -> U256 {
        self.word(&Query::Storage(address, U256::from(slot)))
    }

    fn base_fee(&self) -> u128 {
        match self.reply(&Query::Fees) {
            Reply::Fees(fees) => fees.base_fee,
            other => panic!("fees are {other:?}"),
        }
    }
}

/// An authorization of EIP-7702, signed.
fn authorize(number: u8, authorization: Authorization) -> SignedAuthorization {
    let signature = signature(number, authorization.signature_hash());
    authorization.into_signed(signature)
}

/// `PUSH20 address`.
fn push(address: Address) -> Vec<u8> {
    [&[0x73], address.as_slice()].concat()
}
