//! Contracts in WebAssembly: transfers of the example token in a block, with instances that are used again, with a new
//! one for each call, and on all cores. Beside them what bounds them: calls of a contract that does nothing, and the same
//! transfers by a native module.

use plasma_core::{Address, Execution, U256};
use plasma_exec::{ModuleRuntime, Parallelism, SolValue as _, WasmExecution, WasmGenesis};
use plasma_sdk::bench::{Times, time};

use crate::{
    Failure, Figure, Options,
    figure::{cores, digits},
    people::{Call, ON, People, RUNS, Work, succeeded},
    workload::{BASE_FEE, FUNDS},
};

pub(crate) const NAMES: &[&str] = &[
    "wasm.token_transfers_per_second",
    "wasm.token_transfers_fresh_per_second",
    "wasm.empty_calls_per_second",
    "wasm.module_transfers_per_second",
    "parallel.wasm_tokens_ratio",
];

/// A contract that does nothing: a type, a function of it, exported as `call`.
const EMPTY: &[u8] =
    b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x08\x01\x04call\0\0\x0a\x04\x01\x02\0\x0b";
const EMPTY_AT: Address = Address::repeat_byte(0xe0);
/// What calling a token takes, and some more.
const TOKEN_GAS: u64 = 600_000;
const TOKEN: &[u8] = include_bytes!("../../examples/contracts/artifacts/token.wasm");

/// The times of a block on each of these executions, which take turns and must agree.
fn times(work: &Work, executions: &[&dyn Execution]) -> Result<Vec<Times>, Failure> {
    let (base, transactions) = (work.base()?, work.transactions());
    let mut times = vec![Vec::new(); executions.len()];
    let mut first = None;
    for execution in executions {
        execution.prepare(&transactions);
    }
    for _ in 0..RUNS {
        for (execution, times) in executions.iter().zip(&mut times) {
            let (elapsed, outcome) =
                time(|| execution.apply_block(&*base, &work.block, &work.steps));
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
fn gas(work: &Work, execution: &dyn Execution) -> Result<u64, Failure> {
    let outcome = execution.apply_block(&*work.base()?, &work.block, &work.steps);
    let gas = outcome.receipts.iter().map(|receipt| receipt.gas_used.0);
    Ok(gas.sum::<u64>() / work.steps.len() as u64)
}

fn genesis(people: &People) -> WasmGenesis {
    let genesis = WasmGenesis {
        gas_limit: 1 << 40,
        base_fee: BASE_FEE,
        ..WasmGenesis::default()
    };
    people.addresses().fold(genesis, |genesis, address| {
        genesis.with_balance(address, U256::from(FUNDS))
    })
}

fn tokens(execution: &dyn Execution, count: usize) -> Result<Work, Failure> {
    let mut people = People::new();
    let token = people.creates(0);
    let length = u32::try_from(TOKEN.len())?.to_be_bytes();
    let supply = U256::from(10).pow(U256::from(24)).abi_encode();
    let creation = [&length[..], TOKEN, &supply].concat();
    let mut first = vec![people.send(0, Call::create(4_000_000, creation))];
    first.extend(people.give_all(token, TOKEN_GAS));
    let steps = people.turns(count, |people, n| {
        Call::tokens(token, people.another(n), 3, TOKEN_GAS)
    });
    Work::new(execution, genesis(&people).to_json(), vec![first], steps)
}

fn nothing(execution: &dyn Execution, count: usize) -> Result<Work, Failure> {
    let mut people = People::new();
    let config = genesis(&people).with_contract(EMPTY_AT, EMPTY).to_json();
    let steps = people.turns(count, |_, n| Call::new(EMPTY_AT, 100_000, vec![n as u8]));
    Work::new(execution, config, Vec::new(), steps)
}

fn native(execution: &dyn Execution, count: usize) -> Result<Work, Failure> {
    let mut people = People::new();
    let steps = people.turns(count, |people, n| Call::dollars(people.another(n)));
    Work::new(execution, people.modules_genesis(), Vec::new(), steps)
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
    let each = digits(gas(&work, &one)? as f64);
    let of_tokens = times(&work, &[&one, &fresh, &all])?;
    let [used, new, spread] = &of_tokens[..] else {
        return Err("three executions have three times".into());
    };
    let empty = times(&nothing(&one, count)?, &[&one])?;
    let native = times(&native(&modules, count)?, &[&modules])?;
    let on_one_core = |times: &Times, what: &str| {
        format!(
            "{count} {what} in one block, on one core; {}",
            times.spread(count)
        )
    };
    let transfers = format!("transfers of {each} gas each");
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
            Figure::new(name, times.rate(count), "a second", &ON).detail(on_one_core(times, what))
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
    figures.push(Figure::new(NAMES[4], ratio, "times one core", &ON).detail(detail));
    figures.retain(|figure| options.wants(figure.name));
    Ok(figures)
}
