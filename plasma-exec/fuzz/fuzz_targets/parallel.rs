//! Any block at all: on many threads it comes to what it comes to step by step.
#![no_main]

use std::sync::OnceLock;

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844,
};
use alloy_eips::eip2718::Encodable2718 as _;
use libfuzzer_sys::fuzz_target;
use plasma_core::{
    Address, B256, BlockContext, Bytes, ChainId, Execution, MemoryState, Signer, Step, Timestamp,
    U256, fold_block, fold_segments,
};
use plasma_exec::{EvmExecution, EvmGenesis, ModuleRuntime, Parallelism};

const CHAIN: ChainId = ChainId(7);
const ACCOUNTS: u8 = 6;
/// What one transaction is made of.
const CHUNK: usize = 5;
/// Enough to conflict in every way, few enough to be quick.
const MOST: usize = 64;
/// Code of contracts that are there from genesis, one after the other.
const CODES: [&[u8]; 7] = [
    // Slot CALLDATA[0..32] takes CALLDATA[32..64].
    &[0x60, 0x20, 0x35, 0x5f, 0x35, 0x55],
    // Slot 0 counts.
    &[0x5f, 0x54, 0x60, 0x01, 0x01, 0x5f, 0x55],
    // Slot CALLDATA[32..64] takes slot CALLDATA[0..32].
    &[0x5f, 0x35, 0x54, 0x60, 0x20, 0x35, 0x55],
    // Slot 0 takes the proposer's balance.
    &[0x41, 0x31, 0x5f, 0x55],
    // Writes and reverts.
    &[0x60, 0x01, 0x5f, 0x55, 0x5f, 0x5f, 0xfd],
    // Runs out of gas.
    &[0x5b, 0x5f, 0x56],
    // Gives all to the proposer.
    &[0x41, 0xff],
];

fn signers() -> &'static [Signer] {
    static SIGNERS: OnceLock<Vec<Signer>> = OnceLock::new();
    SIGNERS.get_or_init(|| {
        let signer = |n| Signer::from_bytes(&B256::repeat_byte(n)).expect("a valid scalar");
        (1..=ACCOUNTS).map(signer).collect()
    })
}

fn contract(n: u8) -> Address {
    Address::repeat_byte(0xc0 + n % CODES.len() as u8)
}

fn transactions(data: &[u8]) -> Vec<Step> {
    let mut nonces = [0; ACCOUNTS as usize];
    let chunks = data.chunks_exact(CHUNK).take(MOST);
    let steps = chunks.map(|chunk| {
        let [kind, from, to, a, b] = *chunk else { unreachable!("chunks have one size") };
        let from = usize::from(from % ACCOUNTS);
        let nonce = nonces[from] + u64::from(kind == 0xff);
        nonces[from] += 1;
        let words = || [B256::with_last_byte(a).0, B256::with_last_byte(b).0].concat();
        let account = signers()[usize::from(to % ACCOUNTS)].address();
        let (to, value, input) = match kind % 6 {
            0 => (account.into(), U256::from(b), Vec::new()),
            1 => (Address::repeat_byte(to).into(), U256::from(b) << 56, Vec::new()),
            2 | 3 => (contract(to).into(), U256::ZERO, words()),
            // Whatever it is, as init code.
            4 => (alloy_primitives::TxKind::Create, U256::from(b), vec![0x5f, a, to, b, 0xf3]),
            _ => (alloy_primitives::TxKind::Create, U256::from(b), vec![0x41, 0xff]),
        };
        let transaction = TxEip1559 {
            chain_id: CHAIN.0,
            nonce,
            gas_limit: 120_000,
            max_fee_per_gas: 1 << 40,
            max_priority_fee_per_gas: u128::from(a),
            to,
            value,
            input: input.into(),
            ..TxEip1559::default()
        };
        let signature = signers()[from].sign(transaction.signature_hash());
        let signature = alloy_primitives::Signature::new(
            signature.r.into(),
            signature.s.into(),
            signature.v == 28,
        );
        let envelope: EthereumTxEnvelope<TxEip4844> = transaction.into_signed(signature).into();
        Step::Transaction(Bytes::from(envelope.encoded_2718()))
    });
    std::iter::once(Step::Begin).chain(steps).chain([Step::End]).collect()
}

fn check(genesis: &[u8], steps: &[Step], sequential: &dyn Execution, parallel: &dyn Execution) {
    let block = BlockContext {
        chain_id: CHAIN,
        timestamp: Timestamp(1_700_000_000_000),
        proposer: signers()[0].address(),
        ..BlockContext::default()
    };
    let mut base = MemoryState::default();
    sequential.genesis(&mut base, genesis).expect("a valid genesis");
    let whole = fold_block(|state, step| sequential.apply(state, &block, step), &base, steps);
    assert_eq!(parallel.apply_block(&base, &block, steps), whole);
    let segments = fold_segments(
        sequential.segment_gas(),
        |state, step| sequential.work(state, step),
        |state, steps| fold_block(|state, step| sequential.apply(state, &block, step), state, steps),
        &base,
        steps,
    );
    assert_eq!(parallel.apply_segments(&base, &block, steps), segments);
}

fuzz_target!(|data: &[u8]| {
    let Some((&threads, data)) = data.split_first() else {
        return;
    };
    let parallelism = Parallelism::always(usize::from(threads % 8) + 1);
    let steps = transactions(data);
    let funds = U256::from(u64::MAX);

    let mut genesis = EvmGenesis::default();
    for signer in signers() {
        genesis = genesis.with_balance(signer.address(), funds);
    }
    for (n, code) in (0..).zip(CODES) {
        let account = genesis.alloc.entry(contract(n)).or_default();
        (account.nonce, account.code) = (1, Bytes::from_static(code));
    }
    genesis.gas_limit = if threads < 128 { 1_000_000 } else { 30_000_000 };
    let parallel = EvmExecution::new().parallelism(parallelism);
    check(&genesis.to_json(), &steps, &EvmExecution::new(), &parallel);

    let balances: Vec<String> = signers()
        .iter()
        .map(|signer| format!("\"{}\": \"{funds}\"", signer.address()))
        .collect();
    let genesis = format!("{{ \"balances\": {{ {} }} }}", balances.join(", "));
    let parallel = ModuleRuntime::new().parallelism(parallelism);
    check(genesis.as_bytes(), &steps, &ModuleRuntime::new(), &parallel);
});
