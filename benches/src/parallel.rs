//! Blocks on all cores against the same blocks on one: how many times as fast.
//!
//! Each figure measures both in turn, in one run. What cannot be spread, such as one key that everybody writes, should
//! come out at 1 and not below: the execution finds out by itself.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::hex;
use plasma_core::{
    Address, B256, BlockContext, Bytes, Execution, Genesis, Receipt, Signer, Step, Timestamp, U256,
    keccak256,
};
use plasma_exec::{
    EvmExecution, EvmGenesis, EvmGenesisAccount, IBank, MemoryStore, ModuleRuntime, Parallelism,
    SolCall as _, SolValue as _, Store as _, module_address, sol,
};

use crate::{
    Failure, Figure, Options,
    figure::{cores, digits},
    measure::{Times, in_parallel, time},
    node::now,
    workload::{BASE_FEE, CHAIN, FUNDS},
};

sol! {
    function transfer(address to, uint256 amount) returns (bool);
}

pub(crate) const NAMES: &[&str] = &[
    "parallel.modules_transfers_ratio",
    "parallel.modules_tokens_ratio",
    "parallel.modules_hot_key_ratio",
    "parallel.evm_transfers_ratio",
    "parallel.evm_erc20_ratio",
    "parallel.evm_swaps_ratio",
    "parallel.evm_hot_account_ratio",
];

const PEOPLE: usize = 1_000;
const POOLS: usize = 500;
const RUNS: usize = 7;
/// The asset that modules' tokens are of.
const DOLLAR: Address = Address::repeat_byte(0xd0);
/// The ERC-20 contract of the bridge's tests, on OpenZeppelin.
const TOKEN: &str = include_str!("../../plasma-bridge/contracts/artifacts/TestToken.json");

/// A pool of two assets whose product stays the same, with fee, books for its users and an event: the arithmetic and
/// the storage of a swap, without the calls of tokens that one of Uniswap's makes.
///
/// ```text
///   x = in * 997; out = x * slot[1] / (slot[0] * 1000 + x); slot[0] += in; slot[1] -= out
///   slot[keccak(caller . 0)] -= in; slot[keccak(caller . 1)] += out; log(caller; out, in)
/// ```
const POOL: &[u8] = &hex!(
    "5f35806103e50260015481025f546103e802820190049050"
    "815f54015f558060015403600155335f525f60205260405f20828154039055"
    "600160205260405f208181540190555f526020523360405fa100"
);

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
    let mut figures = Vec::new();
    for name in NAMES.iter().copied().filter(|name| options.wants(name)) {
        let mut people = People::new();
        let figure = if name.contains("modules") {
            modules(name, &mut people, count)?
        } else {
            evm(name, &mut people, count)?
        };
        figures.push(figure);
    }
    Ok(figures)
}

fn modules(name: &'static str, people: &mut People, count: usize) -> Result<Figure, Failure> {
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

fn evm(name: &'static str, people: &mut People, count: usize) -> Result<Figure, Failure> {
    let mut genesis = EvmGenesis {
        gas_limit: 4_000_000_000,
        base_fee: BASE_FEE,
        ..EvmGenesis::default()
    };
    for n in 0..PEOPLE {
        genesis = genesis.with_balance(people.address(n), U256::from(FUNDS));
    }
    let pool = |n: usize| Address::left_padding_from(&(n % POOLS + 0xff_0000).to_be_bytes());
    for n in 0..POOLS {
        let reserve = U256::from(10).pow(U256::from(24));
        let account = EvmGenesisAccount {
            nonce: 1,
            code: Bytes::from_static(POOL),
            storage: [(U256::ZERO, reserve), (U256::ONE, reserve)].into(),
            ..EvmGenesisAccount::default()
        };
        genesis.alloc.insert(pool(n), account);
    }
    let mut before = Vec::new();
    let mut token = Address::ZERO;
    if name == "parallel.evm_erc20_ratio" {
        token = people.address(0).create(0);
        let supply = U256::from(10).pow(U256::from(24));
        let names = ("Gold", "GLD", U256::from(6), supply).abi_encode_params();
        let deploy = Call {
            to: Address::ZERO,
            value: 0,
            gas_limit: 3_000_000,
            input: [token_code()?, names].concat().into(),
        };
        let deploy = people.send(0, None, deploy);
        before.push(vec![Step::Begin, deploy, Step::End]);
        let mut steps = vec![Step::Begin];
        for n in 1..PEOPLE {
            let call = erc20(token, people.address(n), 1_000_000_000);
            steps.push(people.send(0, Some(token), call));
        }
        steps.push(Step::End);
        before.push(steps);
    }
    let steps = people.block(count, |people, n| match name {
        "parallel.evm_erc20_ratio" => erc20(token, people.address(another(n)), 3),
        "parallel.evm_swaps_ratio" => Call {
            to: pool(n),
            value: 0,
            gas_limit: 150_000,
            input: U256::from(1_000_000).to_be_bytes_vec().into(),
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

fn token_code() -> Result<Vec<u8>, Failure> {
    let artifact: serde_json::Value = serde_json::from_str(TOKEN)?;
    let code = artifact["bytecode"]
        .as_str()
        .ok_or("the artifact has no bytecode")?;
    Ok(hex::decode(code)?)
}

/// Executes a block by turns on one core and on all, as a node does: in segments, signatures checked before.
fn compare(
    name: &'static str,
    of: impl Fn(Parallelism) -> Box<dyn Execution>,
    genesis: &[u8],
    before: &[Vec<Step>],
    steps: &[Step],
) -> Result<Figure, Failure> {
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
    for execution in &executions {
        execution.prepare(&transactions);
    }
    for _ in 0..RUNS {
        for (at, execution) in executions.iter().enumerate() {
            let (elapsed, segments) = time(|| execution.apply_segments(&*base, &block, steps));
            for (_, outcome) in &segments {
                succeeded(&outcome.receipts)?;
            }
            times[at].push(elapsed);
            outcomes[at] = Some(segments);
        }
    }
    if outcomes[0] != outcomes[1] {
        return Err("on all cores the block came to something else than on one".into());
    }
    let [one, all] = times.map(Times::new);
    let ratio = one.median().as_secs_f64() / all.median().as_secs_f64();
    let detail = format!(
        "{count} transactions in one block: {} a second on one core, {} on {}; {}",
        digits(one.rate(count)),
        digits(all.rate(count)),
        cores(),
        all.spread(count)
    );
    let on = ["signatures checked before", "no Merkle root", "not durable"];
    Ok(Figure::new(name, ratio, "times one core", &on).detail(detail))
}

fn succeeded(receipts: &[Receipt]) -> Result<(), Failure> {
    match receipts.iter().find(|receipt| !receipt.succeeded()) {
        Some(receipt) => Err(format!("a transaction failed: {}", receipt.reason).into()),
        None => Ok(()),
    }
}
