//! Any module at all, made of the bytes or the bytes themselves: creating and calling it ends in receipts, and they are
//! the same with new instances and used ones, step by step, in a block, and on many threads.
#![no_main]

use std::sync::OnceLock;

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::TxKind;
use libfuzzer_sys::fuzz_target;
use plasma_core::{
    Address, B256, BlockContext, Bytes, ChainId, Execution, MemoryState, Signer, Step, Timestamp,
    U256, fold_block,
};
use plasma_exec::{Parallelism, WasmExecution, WasmGenesis};

#[path = "../../src/wasm/tests/generator.rs"]
mod generator;

const CHAIN: ChainId = ChainId(7);

fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::from_bytes(&B256::repeat_byte(1)).expect("a valid scalar"))
}

fn send(nonce: u64, to: TxKind, input: Vec<u8>) -> Step {
    let transaction = TxEip1559 {
        chain_id: CHAIN.0,
        nonce,
        gas_limit: 1_500_000,
        max_fee_per_gas: 1 << 40,
        max_priority_fee_per_gas: 1,
        to,
        input: input.into(),
        ..TxEip1559::default()
    };
    let signature = signer().sign(transaction.signature_hash());
    let signature = alloy_primitives::Signature::new(
        signature.r.into(),
        signature.s.into(),
        signature.v == 28,
    );
    let envelope: EthereumTxEnvelope<TxEip4844> = transaction.into_signed(signature).into();
    Step::Transaction(Bytes::from(envelope.encoded_2718()))
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let module = if kind % 4 == 0 { data.to_vec() } else { generator::module(data) };
    let at = signer().address().create(0);
    let input = data.iter().rev().take(64).copied().collect::<Vec<_>>();
    let mut steps = vec![Step::Begin, send(0, TxKind::Create, module)];
    steps.extend((1..5).map(|nonce| send(nonce, at.into(), input.clone())));
    steps.push(Step::End);

    let genesis = WasmGenesis::default().with_balance(signer().address(), U256::MAX >> 8);
    let block = BlockContext {
        chain_id: CHAIN,
        timestamp: Timestamp(1_700_000_000_000),
        proposer: Address::repeat_byte(9),
        ..BlockContext::default()
    };
    let fresh = WasmExecution::new().fresh_instances();
    let mut base = MemoryState::default();
    fresh.genesis(&mut base, &genesis.to_json()).expect("a valid genesis");
    let whole = fold_block(|state, step| fresh.apply(state, &block, step), &base, &steps);
    for parallelism in [Parallelism::sequential(), Parallelism::always(2)] {
        let execution = WasmExecution::new().parallelism(parallelism);
        assert_eq!(execution.apply_block(&base, &block, &steps), whole);
    }
});
