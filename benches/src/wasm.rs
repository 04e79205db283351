//! Contracts in WebAssembly: transfers of the example token in a block, with instances that are used again, with a new
//! one for each call, and on all cores. Beside them what bounds them: calls of a contract that does nothing, and the same
//! transfers by a native module.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use plasma_core::{
    Address, B256, BlockContext, Bytes, Execution, Genesis, Receipt, Signer, Step, Timestamp, U256,
    keccak256,
};
use plasma_exec::{
    IBank, MemoryStore, ModuleRuntime, Parallelism, SolCall as _, SolValue as _, Store as _,
    WasmExecution, WasmGenesis, module_address, sol,
};
use plasma_sdk::bench::{Times, in_parallel, time};

use crate::{
    Failure, Figure, Options,
    figure::{cores, digits},
    node::now,
    workload::{BASE_FEE, CHAIN, FUNDS},
};

sol! {
    function transfer(address to, uint256 amount) returns (bool);
}

pub(crate) const NAMES: &[&str] = &[
    "wasm.token_transfers_per_second",
    "wasm.token_transfers_fresh_per_second",
    "wasm.empty_calls_per_second",
    "wasm.module_transfers_per_second",
    "parallel.wasm_tokens_ratio",
];

const PEOPLE: usize = 1_000;
const RUNS: usize = 7;
/// The asset that the native module's transfers are of.
const DOLLAR: Address = Address::repeat_byte(0xd0);
/// A contract that does nothing: a type, a function of it, exported as `call`.
const EMPTY: &[u8] =
    b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x08\x01\x04call\0\0\x0a\x04\x01\x02\0\x0b";
const EMPTY_AT: Address = Address::repeat_byte(0xe0);
const TOKEN: &[u8] = include_bytes!("../../examples/contracts/artifacts/token.wasm");

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

/// A block, and the state that it stands on.
struct Work {
    store: MemoryStore,
    height: u64,
    block: BlockContext,
    steps: Vec<Step>,
}

impl Work {
    /// On the genesis with this configuration, after blocks of `before`.
    fn new(
        execution: &dyn Execution,
        config: Vec<u8>,
        before: Vec<Vec<Step>>,
        steps: Vec<Step>,
    ) -> Result<Self, Failure> {
        let timestamp = Timestamp(now() * 1_000);
        let birth = Genesis {
            chain_id: CHAIN,
            timestamp,
            config: config.into(),
        };
        let mut work = Self {
            store: MemoryStore::ephemeral(),
            height: 0,
            block: BlockContext {
                chain_id: CHAIN,
                timestamp,
                proposer: Address::repeat_byte(0x99),
                ..BlockContext::default()
            },
            steps: whole(steps),
        };
        let first = birth.state(execution)?;
        work.store.commit(0, &first.changes)?;
        for steps in before {
            let base = work.store.view(work.height)?;
            let outcome = execution.apply_block(&*base, &work.block, &whole(steps));
            succeeded(&outcome.receipts)?;
            work.height += 1;
            work.block.timestamp = timestamp + work.height * 1_000;
            work.store.commit(work.height, &outcome.changes)?;
        }
        Ok(work)
    }

    /// The times of the block on each of these executions, which take turns and must agree.
    fn times(&self, executions: &[&dyn Execution]) -> Result<Vec<Times>, Failure> {
        let transactions: Vec<Bytes> = self
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Transaction(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .collect();
        let base = self.store.view(self.height)?;
        let mut times = vec![Vec::new(); executions.len()];
        let mut first = None;
        for execution in executions {
            execution.prepare(&transactions);
        }
        for _ in 0..RUNS {
            for (execution, times) in executions.iter().zip(&mut times) {
                let (elapsed, outcome) =
                    time(|| execution.apply_block(&*base, &self.block, &self.steps));
                succeeded(&outcome.receipts)?;
                times.push(elapsed);
                if *first.get_or_insert_with(|| outcome.clone()) != outcome {
                    return Err("one block came to two outcomes".into());
                }
            }
        }
        Ok(times.into_iter().map(Times::new).collect())
    }

    /// The gas of a transaction, on average.
    fn gas(&self, execution: &dyn Execution) -> Result<u64, Failure> {
        let base = self.store.view(self.height)?;
        let outcome = execution.apply_block(&*base, &self.block, &self.steps);
        let gas = outcome.receipts.iter().map(|receipt| receipt.gas_used.0);
        Ok(gas.sum::<u64>() / self.steps.len() as u64)
    }
}

fn genesis(people: &People) -> WasmGenesis {
    let genesis = WasmGenesis {
        gas_limit: 1 << 40,
        base_fee: BASE_FEE,
        ..WasmGenesis::default()
    };
    (0..PEOPLE).fold(genesis, |genesis, n| {
        genesis.with_balance(people.address(n), U256::from(FUNDS))
    })
}

fn tokens(execution: &dyn Execution, count: usize) -> Result<Work, Failure> {
    let mut people = People::new();
    let token = people.address(0).create(0);
    let length = u32::try_from(TOKEN.len())?.to_be_bytes();
    let supply = U256::from(10).pow(U256::from(24)).abi_encode();
    let creation = [&length[..], TOKEN, &supply].concat();
    let mut first = vec![people.send(0, None, 4_000_000, creation)];
    for n in 1..PEOPLE {
        let input = transfer(people.address(n), 1_000_000_000);
        first.push(people.send(0, Some(token), 600_000, input));
    }
    let config = genesis(&people).to_json();
    let steps = (0..count).map(|n| {
        let input = transfer(people.address(n * 7 + 13), 3);
        people.send(n, Some(token), 600_000, input)
    });
    let steps = steps.collect();
    Work::new(execution, config, vec![first], steps)
}

fn nothing(execution: &dyn Execution, count: usize) -> Result<Work, Failure> {
    let mut people = People::new();
    let config = genesis(&people).with_contract(EMPTY_AT, EMPTY).to_json();
    let steps = (0..count).map(|n| people.send(n, Some(EMPTY_AT), 100_000, vec![n as u8]));
    let steps = steps.collect();
    Work::new(execution, config, Vec::new(), steps)
}

fn native(execution: &dyn Execution, count: usize) -> Result<Work, Failure> {
    let mut people = People::new();
    let holdings: Vec<String> = (0..PEOPLE)
        .map(|n| format!("\"{}\": \"{FUNDS}\"", people.address(n)))
        .collect();
    let holdings = holdings.join(", ");
    let config = format!(
        r#"{{ "balances": {{ {holdings} }}, "baseFee": "{BASE_FEE}", "gasLimit": 4000000000,
             "assets": [ {{ "address": "{DOLLAR}", "name": "Dollar", "symbol": "USD", "decimals": 6,
                            "balances": {{ {holdings} }} }} ] }}"#
    );
    let bank = module_address("bank");
    let steps = (0..count).map(|n| {
        let call = IBank::transferCall {
            asset: DOLLAR,
            to: people.address(n * 7 + 13),
            amount: U256::from(3),
        };
        people.send(n, Some(bank), 60_000, call.abi_encode())
    });
    let steps = steps.collect();
    Work::new(execution, config.into_bytes(), Vec::new(), steps)
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    if !NAMES.iter().any(|name| options.wants(name)) {
        return Ok(Vec::new());
    }
    let count = options.size(10_000, 2_000);
    let one = WasmExecution::new().parallelism(Parallelism::sequential());
    let fresh = WasmExecution::new()
        .parallelism(Parallelism::sequential())
        .fresh_instances();
    let all = WasmExecution::new();
    let modules = ModuleRuntime::new().parallelism(Parallelism::sequential());

    let work = tokens(&one, count)?;
    let gas = digits(work.gas(&one)? as f64);
    let times = work.times(&[&one, &fresh, &all])?;
    let [used, new, spread] = &times[..] else {
        return Err("three executions have three times".into());
    };
    let empty = nothing(&one, count)?.times(&[&one])?;
    let native = native(&modules, count)?.times(&[&modules])?;
    let on = ["signatures checked before", "no Merkle root", "not durable"];
    let on_one_core = |times: &Times, what: &str| {
        format!(
            "{count} {what} in one block, on one core; {}",
            times.spread(count)
        )
    };
    let transfers = format!("transfers of {gas} gas each");
    let rates = [
        (used, transfers.as_str()),
        (new, transfers.as_str()),
        (&empty[0], "calls of a contract that does nothing"),
        (&native[0], "transfers by a native module"),
    ];
    let mut figures: Vec<Figure> = NAMES
        .iter()
        .zip(rates)
        .map(|(name, (times, what))| {
            Figure::new(name, times.rate(count), "a second", &on).detail(on_one_core(times, what))
        })
        .collect();
    let ratio = used.median().as_secs_f64() / spread.median().as_secs_f64();
    let detail = format!(
        "{count} {transfers} in one block: {} a second on one core, {} on {}; {}",
        digits(used.rate(count)),
        digits(spread.rate(count)),
        cores(),
        spread.spread(count)
    );
    figures.push(Figure::new(NAMES[4], ratio, "times one core", &on).detail(detail));
    figures.retain(|figure| options.wants(figure.name));
    Ok(figures)
}

fn succeeded(receipts: &[Receipt]) -> Result<(), Failure> {
    match receipts.iter().find(|receipt| !receipt.succeeded()) {
        Some(receipt) => Err(format!("a transaction failed: {}", receipt.reason).into()),
        None => Ok(()),
    }
}
