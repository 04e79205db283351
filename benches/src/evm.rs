//! The EVM's plain transfers, one after the other.

use plasma_core::{B256, BlockContext, Execution as _, Genesis, Step, Timestamp, U256};
use plasma_exec::{EvmExecution, EvmGenesis, MemoryStore, Parallelism, Store as _};
use plasma_sdk::bench::{Times, time};

use crate::{
    Failure, Figure, Options,
    node::now,
    workload::{BASE_FEE, CHAIN, Crowd, FUNDS, Kind},
};

pub(crate) const NAMES: &[&str] = &["evm.transfers_per_s"];

const PEOPLE: usize = 1_000;
const RUNS: usize = 5;

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(10_000, 4_000);
    let mut crowd = Crowd::new(PEOPLE);
    let genesis = EvmGenesis {
        gas_limit: 1_000_000_000,
        base_fee: BASE_FEE,
        ..EvmGenesis::default()
    };
    let genesis = crowd.addresses().fold(genesis, |genesis, who| {
        genesis.with_balance(who, U256::from(FUNDS))
    });
    let execution = EvmExecution::new().parallelism(Parallelism::sequential());
    let timestamp = Timestamp(now() * 1_000);
    let birth = Genesis {
        chain_id: CHAIN,
        timestamp,
        config: genesis.to_json().into(),
    };
    let store = MemoryStore::ephemeral();
    store.commit(0, &birth.state(&execution)?.changes)?;
    let base = store.view(0)?;

    let transactions = crowd.transfers(Kind::Ethereum, count, BASE_FEE, now(), B256::ZERO)?;
    execution.prepare(&transactions);
    let mut steps = vec![Step::Begin];
    steps.extend(transactions.into_iter().map(Step::Transaction));
    steps.push(Step::End);
    let block = BlockContext {
        chain_id: CHAIN,
        timestamp: timestamp + 1,
        ..BlockContext::default()
    };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let (elapsed, outcome) = time(|| execution.apply_block(&*base, &block, &steps));
        if let Some(receipt) = outcome.receipts.iter().find(|receipt| !receipt.succeeded()) {
            return Err(format!("a transfer failed: {}", receipt.reason).into());
        }
        times.push(elapsed);
    }
    let times = Times::new(times);
    let detail = format!(
        "{count} EIP-1559 transfers of {PEOPLE} people in one block; {}",
        times.spread(count)
    );
    let on = [
        "signatures checked before",
        "one core",
        "no Merkle root",
        "not durable",
    ];
    Ok(vec![
        Figure::new(NAMES[0], times.rate(count), "transfers/s", &on).detail(detail),
    ])
}
