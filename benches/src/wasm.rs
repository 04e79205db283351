//! Contracts in WebAssembly: transfers of the example token in a block, with instances that are used again and with a
//! new one for each call.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use plasma_core::{
    Address, B256, BlockContext, Bytes, Execution, Genesis, Receipt, Signer, Step, Timestamp, U256,
    keccak256,
};
use plasma_exec::{
    MemoryStore, SolCall as _, SolValue as _, Store as _, WasmExecution, WasmGenesis, sol,
};

use crate::{
    Failure, Figure, Options,
    figure::digits,
    measure::{Times, in_parallel, time},
    node::now,
    workload::{BASE_FEE, CHAIN, FUNDS},
};

sol! {
    function transfer(address to, uint256 amount) returns (bool);
}

pub(crate) const NAMES: &[&str] = &[
    "wasm.token_transfers_per_second",
    "wasm.token_transfers_fresh_per_second",
];

const PEOPLE: usize = 1_000;
const RUNS: usize = 7;
const TOKEN: &[u8] = include_bytes!("../../examples/contracts/token/token.wasm");

/// People, who send by turns.
struct People {
    signers: Vec<Signer>,
    nonces: Vec<u64>,
}

impl People {
    fn new() -> Self {
        let key = |n: usize| keccak256([b"plasma bench".as_slice(), &n.to_be_bytes()].concat());
        let keys: Vec<B256> = (0..PEOPLE).map(key).collect();
        let signers = in_parallel(&keys, Signer::from_bytes);
        Self {
            signers: signers.into_iter().flatten().collect(),
            nonces: vec![0; PEOPLE],
        }
    }

    fn address(&self, n: usize) -> Address {
        self.signers[n % PEOPLE].address()
    }

    fn send(&mut self, n: usize, to: Option<Address>, gas_limit: u64, input: Vec<u8>) -> Step {
        let (signer, nonce) = (&self.signers[n % PEOPLE], &mut self.nonces[n % PEOPLE]);
        let transaction = TxEip1559 {
            chain_id: CHAIN.0,
            nonce: *nonce,
            gas_limit,
            max_fee_per_gas: u128::from(2 * BASE_FEE),
            max_priority_fee_per_gas: 1_000,
            to: to.map_or(alloy_primitives::TxKind::Create, Into::into),
            input: input.into(),
            ..TxEip1559::default()
        };
        *nonce += 1;
        let signature = signer.sign(transaction.signature_hash());
        let signature = alloy_primitives::Signature::new(
            signature.r.into(),
            signature.s.into(),
            signature.v == 28,
        );
        let envelope = EthereumTxEnvelope::<TxEip4844>::from(transaction.into_signed(signature));
        Step::Transaction(envelope.encoded_2718().into())
    }
}

fn transfer(to: Address, amount: u64) -> Vec<u8> {
    let amount = U256::from(amount);
    transferCall { to, amount }.abi_encode()
}

fn whole(steps: Vec<Step>) -> Vec<Step> {
    let mut block = vec![Step::Begin];
    block.extend(steps);
    block.push(Step::End);
    block
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    if !NAMES.iter().any(|name| options.wants(name)) {
        return Ok(Vec::new());
    }
    let count = options.size(10_000, 2_000);
    let mut people = People::new();
    let mut genesis = WasmGenesis {
        gas_limit: 1 << 40,
        base_fee: BASE_FEE,
        ..WasmGenesis::default()
    };
    for n in 0..PEOPLE {
        genesis = genesis.with_balance(people.address(n), U256::from(FUNDS));
    }
    let token = people.address(0).create(0);
    let length = u32::try_from(TOKEN.len())?.to_be_bytes();
    let supply = U256::from(10).pow(U256::from(24)).abi_encode();
    let creation = [&length[..], TOKEN, &supply].concat();
    let mut first = vec![people.send(0, None, 4_000_000, creation)];
    for n in 1..PEOPLE {
        let input = transfer(people.address(n), 1_000_000_000);
        first.push(people.send(0, Some(token), 600_000, input));
    }
    let steps = (0..count).map(|n| {
        let input = transfer(people.address(n * 7 + 13), 3);
        people.send(n, Some(token), 600_000, input)
    });
    let steps = whole(steps.collect());

    let executions = [
        (NAMES[0], WasmExecution::new()),
        (NAMES[1], WasmExecution::new().fresh_instances()),
    ];
    let timestamp = Timestamp(now() * 1_000);
    let birth = Genesis {
        chain_id: CHAIN,
        timestamp,
        config: genesis.to_json().into(),
    };
    let store = MemoryStore::ephemeral();
    store.commit(0, &birth.state(&executions[0].1)?.changes)?;
    let block = |height: u64| BlockContext {
        chain_id: CHAIN,
        timestamp: timestamp + height * 1_000,
        proposer: Address::repeat_byte(0x99),
        ..BlockContext::default()
    };
    let outcome = executions[0]
        .1
        .apply_block(&*store.view(0)?, &block(1), &whole(first));
    succeeded(&outcome.receipts)?;
    store.commit(1, &outcome.changes)?;
    let base = store.view(1)?;
    let transactions: Vec<Bytes> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Transaction(bytes) => Some(bytes.clone()),
            _ => None,
        })
        .collect();
    let mut figures = Vec::new();
    let mut outcomes = Vec::new();
    for (name, execution) in &executions {
        execution.prepare(&transactions);
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let (elapsed, outcome) = time(|| execution.apply_block(&*base, &block(2), &steps));
            succeeded(&outcome.receipts)?;
            times.push(elapsed);
            outcomes.push(outcome);
        }
        let times = Times::new(times);
        let gas = outcomes[0]
            .receipts
            .iter()
            .map(|receipt| receipt.gas_used.0);
        let gas = gas.sum::<u64>() / count as u64;
        let detail = format!(
            "{count} transfers in one block, {} gas each, on one core; {}",
            digits(gas as f64),
            times.spread(count)
        );
        let on = ["signatures checked before", "no Merkle root", "not durable"];
        if options.wants(name) {
            figures.push(Figure::new(name, times.rate(count), "a second", &on).detail(detail));
        }
    }
    if outcomes.iter().any(|outcome| *outcome != outcomes[0]) {
        return Err(
            "with new instances the block came to something else than with used ones".into(),
        );
    }
    Ok(figures)
}

fn succeeded(receipts: &[Receipt]) -> Result<(), Failure> {
    match receipts.iter().find(|receipt| !receipt.succeeded()) {
        Some(receipt) => Err(format!("a transaction failed: {}", receipt.reason).into()),
        None => Ok(()),
    }
}
