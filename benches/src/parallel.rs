//! Blocks on all cores against the same blocks on one: how many times as fast.
//!
//! Each figure measures both in turn, in one run. What cannot be spread, such as one key that everybody writes, should
//! come out at 1 and not below: the execution finds out by itself. More than the machine's own ratio is not to be had:
//! how many times as much it does when every core executes the same block for itself, on one thread.

use alloy_primitives::hex;
use plasma_core::{Address, Execution, Step, U256};
use plasma_exec::{
    EvmExecution, EvmGenesis, ModuleRuntime, Parallelism, SolCall as _, SolValue as _, sol,
};
use plasma_sdk::bench::{
    Contender, ModulesContender, Settings, Threads, Times, Workload, in_parallel, run, time,
};

use crate::{
    Failure, Figure, Options,
    figure::{cores, digits},
    people::{Call, ON, PEOPLE, People, RUNS, Work, succeeded},
    workload::{BASE_FEE, FUNDS},
};

sol! {
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

const POOLS: usize = 500;
/// What calling a token takes, and some more.
const TOKEN_GAS: u64 = 100_000;
/// The ERC-20 contract of the bridge's tests, on OpenZeppelin.
const TOKEN: &str = include_str!("../../plasma-bridge/contracts/artifacts/TestToken.json");

/// A pool of two tokens whose product stays the same, with fee, as Uniswap's pairs are.
const POOL: &str = include_str!("../../examples/contracts/artifacts/pool.json");

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
    let steps = people.turns(count, |people, n| match name {
        "parallel.modules_tokens_ratio" => Call::dollars(people.another(n)),
        "parallel.modules_hot_key_ratio" => Call::pay(people.address(0)),
        _ => Call::pay(people.another(n)),
    });
    let of = |parallelism| -> Box<dyn Execution> {
        Box::new(ModuleRuntime::new().parallelism(parallelism))
    };
    compare(name, of, people.modules_genesis(), Vec::new(), steps)
}

fn evm(name: &'static str, people: &mut People, count: usize) -> Result<(Figure, f64), Failure> {
    let mut genesis = EvmGenesis {
        gas_limit: 4_000_000_000,
        base_fee: BASE_FEE,
        ..EvmGenesis::default()
    };
    for address in people.addresses() {
        genesis = genesis.with_balance(address, U256::from(FUNDS));
    }
    let mut before = Vec::new();
    let (mut token, mut pools) = (Address::ZERO, Vec::new());
    if name == "parallel.evm_erc20_ratio" {
        token = people.creates(0);
        before.push(vec![deploy_token(people)?]);
        before.push(people.give_all(token, TOKEN_GAS));
    } else if name == "parallel.evm_swaps_ratio" {
        let tokens = [0, 1].map(|nonce| people.address(0).create(nonce));
        before.push(vec![deploy_token(people)?, deploy_token(people)?]);
        pools = open_pools(people, tokens, &mut before)?;
        token = tokens[0];
    }
    let steps = people.turns(count, |people, n| match name {
        "parallel.evm_erc20_ratio" => Call::tokens(token, people.another(n), 3, TOKEN_GAS),
        "parallel.evm_swaps_ratio" => {
            let swap = swapCall {
                from: token,
                amount: U256::from(1_000),
                least: U256::ZERO,
            };
            Call::new(pools[n % POOLS], 250_000, swap.abi_encode())
        }
        "parallel.evm_hot_account_ratio" => Call::pay(people.address(0)),
        _ => Call::pay(people.another(n)),
    });
    let of = |parallelism| -> Box<dyn Execution> {
        Box::new(EvmExecution::new().parallelism(parallelism))
    };
    compare(name, of, genesis.to_json(), before, steps)
}

/// The first person creates a contract.
fn deploy(people: &mut People, artifact: &str, arguments: Vec<u8>) -> Result<Step, Failure> {
    let artifact: serde_json::Value = serde_json::from_str(artifact)?;
    let code = artifact["bytecode"]
        .as_str()
        .ok_or("the artifact has no bytecode")?;
    let input = [hex::decode(code)?, arguments].concat();
    Ok(people.send(0, Call::create(3_000_000, input)))
}

/// The first person creates a token, and has all of it.
fn deploy_token(people: &mut People) -> Result<Step, Failure> {
    let supply = U256::from(10).pow(U256::from(30));
    let names = ("Gold", "GLD", U256::from(6), supply).abi_encode_params();
    deploy(people, TOKEN, names)
}

/// The first person opens pools of two tokens; everybody has the first of them, and lets the pool that they swap in
/// take it.
fn open_pools(
    people: &mut People,
    tokens: [Address; 2],
    before: &mut Vec<Vec<Step>>,
) -> Result<Vec<Address>, Failure> {
    let approve = |token: Address, spender: Address| {
        let amount = U256::MAX;
        let call = approveCall { spender, amount };
        Call::new(token, TOKEN_GAS, call.abi_encode())
    };
    before.push(people.give_all(tokens[0], TOKEN_GAS));
    let mut pools = Vec::new();
    let mut created = Vec::new();
    for _ in 0..POOLS {
        pools.push(people.creates(0));
        created.push(deploy(people, POOL, tokens.abi_encode())?);
    }
    before.push(created);
    let mut filled = Vec::new();
    for pool in &pools {
        for token in tokens {
            filled.push(people.send(0, approve(token, *pool)));
        }
        let amount = U256::from(10).pow(U256::from(24));
        let add = addCall {
            amount0: amount,
            amount1: amount,
        };
        filled.push(people.send(0, Call::new(*pool, 400_000, add.abi_encode())));
    }
    before.push(filled);
    let approved: Vec<Step> = (1..PEOPLE)
        .map(|n| people.send(n, approve(tokens[0], pools[n % POOLS])))
        .collect();
    before.push(approved);
    Ok(pools)
}

/// Executes a block by turns on one core and on all, as a node does: in segments, signatures checked before. Gives also
/// the machine's own ratio.
fn compare(
    name: &'static str,
    of: impl Fn(Parallelism) -> Box<dyn Execution>,
    config: Vec<u8>,
    before: Vec<Vec<Step>>,
    steps: Vec<Step>,
) -> Result<(Figure, f64), Failure> {
    let executions = [of(Parallelism::sequential()), of(Parallelism::default())];
    let work = Work::new(&*executions[0], config, before, steps)?;
    let (base, block, steps) = (work.base()?, &work.block, &work.steps);
    let transactions = work.transactions();
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
            let (elapsed, segments) = time(|| execution.apply_segments(&*base, block, steps));
            for (_, outcome) in &segments {
                succeeded(&outcome.receipts)?;
            }
            times[at].push(elapsed);
            outcomes[at] = Some(segments);
        }
        let all = || {
            in_parallel(&apart, |one| {
                drop(one.apply_segments(&*base, block, steps));
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
