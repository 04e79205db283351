//! Blocks on all cores against the same blocks on one: how many times as fast.
//!
//! Each figure measures both in turn, in one run. What cannot be spread, such as one key that everybody writes, should
//! come out at 1 and not below: the execution finds out by itself. More than the machine's own ratio is not to be had:
//! how many times as much it does when every core executes the same block for itself, on one thread.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::hex;
use plasma_core::{
    Address, B256, BlockContext, Bytes, Execution, Genesis, Receipt, Signer, Step, Timestamp, U256,
    keccak256,
};
use plasma_exec::{
    EvmExecution, EvmGenesis, IBank, MemoryStore, ModuleRuntime, Parallelism, SolCall as _,
    SolValue as _, Store as _, module_address, sol,
};
use plasma_sdk::bench::{Times, in_parallel, time};

use plasma_sdk::bench::{Contender, ModulesContender, Settings, Threads, Workload, run};

use crate::{
    Failure, Figure, Options,
    figure::{cores, digits},
    node::now,
    workload::{BASE_FEE, CHAIN, FUNDS},
};

sol! {
    function transfer(address to, uint256 amount) returns (bool);
    function approve(address spender, uint256 amount) returns (bool);
    function swap(address from, uint256 amount, uint256 least) returns (uint256);
    function add(uint256 amount0, uint256 amount1) returns (uint256);
}

pub(crate) const NAMES: &[&str] = &[
    "parallel.modules_transfers_ratio",
    "parallel.modules_tokens_ratio",
    "parallel.modules_hot_key_ratio",
    "parallel.modules_swaps_ratio",
    "parallel.modules_orderbook_ratio",
    "parallel.evm_transfers_ratio",
    "parallel.evm_erc20_ratio",
    "parallel.evm_swaps_ratio",
    "parallel.evm_hot_account_ratio",
    MACHINE,
];

/// What the others are to be compared with.
const MACHINE: &str = "parallel.machine_ratio";

/// The workloads that are taken from the bench of backends, whose modules they call.
const OF_BACKENDS: [(&str, Workload); 2] = [
    ("parallel.modules_swaps_ratio", Workload::Swaps),
    ("parallel.modules_orderbook_ratio", Workload::Orderbook),
];

const PEOPLE: usize = 1_000;
const POOLS: usize = 500;
const RUNS: usize = 7;
/// The asset that modules' tokens are of.
const DOLLAR: Address = Address::repeat_byte(0xd0);
/// The ERC-20 contract of the bridge's tests, on OpenZeppelin.
const TOKEN: &str = include_str!("../../plasma-bridge/contracts/artifacts/TestToken.json");

/// A pool of two tokens whose product stays the same, with fee, as Uniswap's pairs are.
const POOL: &str = include_str!("../../examples/contracts/artifacts/pool.json");

/// What a workload's transaction calls, and with what.
struct Call {
    to: Address,
    value: u64,
    gas_limit: u64,
    input: Bytes,
}

/// People, and what they send by turns: each has the next nonce of its own.
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

    /// A transaction of person `n`.
    fn send(&mut self, n: usize, kind: Option<Address>, call: Call) -> Step {
        let (signer, nonce) = (&self.signers[n % PEOPLE], &mut self.nonces[n % PEOPLE]);
        let transaction = TxEip1559 {
            chain_id: CHAIN.0,
            nonce: *nonce,
            gas_limit: call.gas_limit,
            max_fee_per_gas: u128::from(2 * BASE_FEE),
            max_priority_fee_per_gas: 1_000,
            to: kind.map_or(alloy_primitives::TxKind::Create, Into::into),
            value: U256::from(call.value),
            input: call.input,
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

    /// A block of so many transactions; the others are each as `of` says.
    fn block(&mut self, count: usize, of: impl Fn(&Self, usize) -> Call) -> Vec<Step> {
        let steps: Vec<Step> = (0..count)
            .map(|n| {
                let call = of(self, n);
                self.send(n, Some(call.to), call)
            })
            .collect();
        let mut block = vec![Step::Begin];
        block.extend(steps);
        block.push(Step::End);
        block
    }
}

/// Somebody whom nobody else in the block pays, for most of a block.
fn another(n: usize) -> usize {
    n * 7 + 13
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(10_000, 3_000);
    let all = options.wants(MACHINE);
    let (mut figures, mut machine) = (Vec::new(), Vec::new());
    let of_workloads = NAMES.iter().copied().filter(|name| *name != MACHINE);
    for name in of_workloads.filter(|name| all || options.wants(name)) {
        if let Some((_, workload)) = OF_BACKENDS.iter().find(|(known, _)| *known == name) {
            figures.push(of_backends(name, *workload, count)?);
            continue;
        }
        let mut people = People::new();
        let (figure, limit) = if name.contains("modules") {
            modules(name, &mut people, count)?
        } else {
            evm(name, &mut people, count)?
        };
        figures.push(figure);
        machine.push(limit);
    }
    if all {
        machine.sort_by(f64::total_cmp);
        let [least, most] = [machine[0], machine[machine.len() - 1]];
        let detail = format!(
            "each of {} cores executing a block of its own on one thread, against one core alone: median of the \
             workloads above, {least:.2} to {most:.2}",
            cores()
        );
        let median = machine[machine.len() / 2];
        figures.push(Figure::new(MACHINE, median, "times one core", &ON).detail(detail));
    }
    Ok(figures)
}

/// Blocks of a workload as `plasma bench execution` makes and checks them, on native modules.
fn of_backends(name: &'static str, workload: Workload, count: usize) -> Result<Figure, Failure> {
    let settings = Settings {
        transactions: count / 2,
        runs: RUNS,
        ..Settings::default()
    };
    let contenders: [Box<dyn Contender>; 1] = [Box::new(ModulesContender)];
    let report = run(&settings, &contenders, &[workload], None, &mut |_| ())?;
    let rate = |threads| {
        let row = report.rows.iter().find(|row| row.threads == threads);
        let measured = row.and_then(|row| row.measured.as_ref());
        measured.map(|measured| measured.transactions_per_second.median)
    };
    let (Some(one), Some(all)) = (rate(Threads::One), rate(Threads::All)) else {
        return Err(format!("{name}: the bench of backends did not measure it").into());
    };
    let detail = format!(
        "{} transactions in {} blocks: {} a second on one core, {} on {}",
        settings.transactions,
        settings.blocks,
        digits(one),
        digits(all),
        cores()
    );
    Ok(Figure::new(name, all / one, "times one core", &ON).detail(detail))
}

fn modules(
    name: &'static str,
    people: &mut People,
    count: usize,
) -> Result<(Figure, f64), Failure> {
    let holdings: Vec<String> = (0..PEOPLE)
        .map(|n| format!("\"{}\": \"{FUNDS}\"", people.address(n)))
        .collect();
    let holdings = holdings.join(", ");
    let genesis = format!(
        r#"{{ "balances": {{ {holdings} }}, "baseFee": "{BASE_FEE}", "gasLimit": 4000000000,
             "assets": [ {{ "address": "{DOLLAR}", "name": "Dollar", "symbol": "USD", "decimals": 6,
                            "balances": {{ {holdings} }} }} ] }}"#
    );
    let bank = module_address("bank");
    let steps = people.block(count, |people, n| match name {
        "parallel.modules_tokens_ratio" => {
            let call = IBank::transferCall {
                asset: DOLLAR,
                to: people.address(another(n)),
                amount: U256::from(3),
            };
            Call {
                to: bank,
                value: 0,
                gas_limit: 60_000,
                input: call.abi_encode().into(),
            }
        }
        "parallel.modules_hot_key_ratio" => transfer(people.address(0)),
        _ => transfer(people.address(another(n))),
    });
    let of = |parallelism| -> Box<dyn Execution> {
        Box::new(ModuleRuntime::new().parallelism(parallelism))
    };
    compare(name, of, genesis.as_bytes(), &[], &steps)
}

fn transfer(to: Address) -> Call {
    Call {
        to,
        value: 1,
        gas_limit: 21_000,
        input: Bytes::new(),
    }
}

fn evm(name: &'static str, people: &mut People, count: usize) -> Result<(Figure, f64), Failure> {
    let mut genesis = EvmGenesis {
        gas_limit: 4_000_000_000,
        base_fee: BASE_FEE,
        ..EvmGenesis::default()
    };
    for n in 0..PEOPLE {
        genesis = genesis.with_balance(people.address(n), U256::from(FUNDS));
    }
    let mut before = Vec::new();
    let (mut token, mut pools) = (Address::ZERO, Vec::new());
    if name == "parallel.evm_erc20_ratio" {
        token = people.address(0).create(0);
        before.push(block([deploy_token(people)?]));
        before.push(give_all(people, token));
    } else if name == "parallel.evm_swaps_ratio" {
        let tokens = [0, 1].map(|nonce| people.address(0).create(nonce));
        before.push(block([deploy_token(people)?, deploy_token(people)?]));
        pools = open_pools(people, tokens, &mut before)?;
        token = tokens[0];
    }
    let steps = people.block(count, |people, n| match name {
        "parallel.evm_erc20_ratio" => erc20(token, people.address(another(n)), 3),
        "parallel.evm_swaps_ratio" => Call {
            to: pools[n % POOLS],
            value: 0,
            gas_limit: 250_000,
            input: swapCall {
                from: token,
                amount: U256::from(1_000),
                least: U256::ZERO,
            }
            .abi_encode()
            .into(),
        },
        "parallel.evm_hot_account_ratio" => transfer(people.address(0)),
        _ => transfer(people.address(another(n))),
    });
    let of = |parallelism| -> Box<dyn Execution> {
        Box::new(EvmExecution::new().parallelism(parallelism))
    };
    compare(name, of, &genesis.to_json(), &before, &steps)
}

fn erc20(token: Address, to: Address, amount: u64) -> Call {
    let input = transferCall {
        to,
        amount: U256::from(amount),
    };
    Call {
        to: token,
        value: 0,
        gas_limit: 100_000,
        input: input.abi_encode().into(),
    }
}

/// A block of these transactions.
fn block(transactions: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut steps = vec![Step::Begin];
    steps.extend(transactions);
    steps.push(Step::End);
    steps
}

/// The first person creates a contract.
fn deploy(people: &mut People, artifact: &str, arguments: Vec<u8>) -> Result<Step, Failure> {
    let artifact: serde_json::Value = serde_json::from_str(artifact)?;
    let code = artifact["bytecode"]
        .as_str()
        .ok_or("the artifact has no bytecode")?;
    let create = Call {
        to: Address::ZERO,
        value: 0,
        gas_limit: 3_000_000,
        input: [hex::decode(code)?, arguments].concat().into(),
    };
    Ok(people.send(0, None, create))
}

/// The first person creates a token, and has all of it.
fn deploy_token(people: &mut People) -> Result<Step, Failure> {
    let supply = U256::from(10).pow(U256::from(30));
    let names = ("Gold", "GLD", U256::from(6), supply).abi_encode_params();
    deploy(people, TOKEN, names)
}

/// The first person gives of a token to everybody else.
fn give_all(people: &mut People, token: Address) -> Vec<Step> {
    let transfers: Vec<Step> = (1..PEOPLE)
        .map(|n| {
            let call = erc20(token, people.address(n), 1_000_000_000);
            people.send(0, Some(token), call)
        })
        .collect();
    block(transfers)
}

/// The first person opens pools of two tokens; everybody has the first of them, and lets the pool that they swap in
/// take it.
fn open_pools(
    people: &mut People,
    tokens: [Address; 2],
    before: &mut Vec<Vec<Step>>,
) -> Result<Vec<Address>, Failure> {
    let call = |to: Address, gas_limit, input: Vec<u8>| Call {
        to,
        value: 0,
        gas_limit,
        input: input.into(),
    };
    let approve = |token: Address, spender: Address| {
        let amount = U256::MAX;
        call(token, 100_000, approveCall { spender, amount }.abi_encode())
    };
    before.push(give_all(people, tokens[0]));
    let mut pools = Vec::new();
    let mut created = Vec::new();
    for _ in 0..POOLS {
        pools.push(people.address(0).create(people.nonces[0]));
        created.push(deploy(people, POOL, tokens.abi_encode())?);
    }
    before.push(block(created));
    let mut filled = Vec::new();
    for pool in &pools {
        for token in tokens {
            filled.push(people.send(0, Some(token), approve(token, *pool)));
        }
        let amount = U256::from(10).pow(U256::from(24));
        let add = addCall {
            amount0: amount,
            amount1: amount,
        };
        filled.push(people.send(0, Some(*pool), call(*pool, 400_000, add.abi_encode())));
    }
    before.push(block(filled));
    let approved: Vec<Step> = (1..PEOPLE)
        .map(|n| people.send(n, Some(tokens[0]), approve(tokens[0], pools[n % POOLS])))
        .collect();
    before.push(block(approved));
    Ok(pools)
}

/// What is on while they are measured.
const ON: [&str; 3] = ["signatures checked before", "no Merkle root", "not durable"];

/// Executes a block by turns on one core and on all, as a node does: in segments, signatures checked before. Gives also
/// the machine's own ratio.
fn compare(
    name: &'static str,
    of: impl Fn(Parallelism) -> Box<dyn Execution>,
    genesis: &[u8],
    before: &[Vec<Step>],
    steps: &[Step],
) -> Result<(Figure, f64), Failure> {
    let executions = [of(Parallelism::sequential()), of(Parallelism::default())];
    let timestamp = Timestamp(now() * 1_000);
    let birth = Genesis {
        chain_id: CHAIN,
        timestamp,
        config: genesis.to_vec().into(),
    };
    let store = MemoryStore::ephemeral();
    store.commit(0, &birth.state(&*executions[0])?.changes)?;
    let mut block = BlockContext {
        chain_id: CHAIN,
        timestamp,
        proposer: Address::repeat_byte(0x99),
        ..BlockContext::default()
    };
    let mut height = 0;
    for steps in before {
        block.timestamp = block.timestamp + 1_000;
        let outcome = executions[0].apply_block(&*store.view(height)?, &block, steps);
        succeeded(&outcome.receipts)?;
        height += 1;
        store.commit(height, &outcome.changes)?;
    }
    block.timestamp = block.timestamp + 1_000;
    let base = store.view(height)?;
    let transactions: Vec<Bytes> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Transaction(bytes) => Some(bytes.clone()),
            _ => None,
        })
        .collect();
    let count = transactions.len();
    let mut times = [Vec::new(), Vec::new()];
    let mut outcomes = [None, None];
    // As many as there are cores, each with what it remembers for itself.
    let apart: Vec<_> = (0..cores())
        .map(|_| of(Parallelism::sequential()))
        .collect();
    for execution in executions.iter().chain(&apart) {
        execution.prepare(&transactions);
    }
    let mut together = Vec::new();
    for _ in 0..RUNS {
        for (at, execution) in executions.iter().enumerate() {
            let (elapsed, segments) = time(|| execution.apply_segments(&*base, &block, steps));
            for (_, outcome) in &segments {
                succeeded(&outcome.receipts)?;
            }
            times[at].push(elapsed);
            outcomes[at] = Some(segments);
        }
        let all = || {
            in_parallel(&apart, |one| {
                drop(one.apply_segments(&*base, &block, steps));
            })
        };
        together.push(time(all).0);
    }
    if outcomes[0] != outcomes[1] {
        return Err("on all cores the block came to something else than on one".into());
    }
    let [one, all] = times.map(Times::new);
    let ratio = one.median().as_secs_f64() / all.median().as_secs_f64();
    let together = Times::new(together).median().as_secs_f64();
    let machine = cores() as f64 * one.median().as_secs_f64() / together;
    let detail = format!(
        "{count} transactions in one block: {} a second on one core, {} on {}; {}; {:.0}% of the machine's own \
         {machine:.2}",
        digits(one.rate(count)),
        digits(all.rate(count)),
        cores(),
        all.spread(count),
        100.0 * ratio / machine
    );
    let figure = Figure::new(name, ratio, "times one core", &ON).detail(detail);
    Ok((figure, machine))
}

fn succeeded(receipts: &[Receipt]) -> Result<(), Failure> {
    match receipts.iter().find(|receipt| !receipt.succeeded()) {
        Some(receipt) => Err(format!("a transaction failed: {}", receipt.reason).into()),
        None => Ok(()),
    }
}
