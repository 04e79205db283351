//! Native modules: the bank's assets as tokens, and a module each for pools and for order books.

mod orderbook;
mod pool;

use plasma_core::{Bytes, Execution, Query, U256};
use plasma_exec::{
    AssetGenesis, Bank, IBank, Module, ModuleGenesis, ModuleRuntime, Parallelism, SolCall as _,
    module_address,
};

pub use orderbook::{IOrderBook, OrderBookModule, WaitingOrder};
pub use pool::{IPool, PoolModule, PoolState};

use super::{
    Contender, EthereumCall, FUNDS, Fact, Nonces, Operation, World,
    world::{BASE_FEE, BLOCK_GAS, DEPOSIT, RESERVE, TOKENS},
};

/// The assets that are the tokens.
const ASSETS: [plasma_core::Address; 2] = [
    plasma_core::Address::repeat_byte(0xd0),
    plasma_core::Address::repeat_byte(0xd1),
];

/// What calls may use.
const TOKEN_GAS: u64 = 60_000;
const POOL_GAS: u64 = 150_000;
const OPEN_GAS: u64 = 200_000;
const PLACE_GAS: u64 = 600_000;
const CANCEL_GAS: u64 = 120_000;

/// Native modules.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModulesContender;

fn call<M: Module>(gas_limit: u64, input: Vec<u8>) -> EthereumCall {
    EthereumCall {
        to: Some(module_address(M::NAME)),
        value: U256::ZERO,
        gas_limit,
        input: input.into(),
    }
}

impl Contender for ModulesContender {
    fn name(&self) -> &'static str {
        "modules"
    }

    fn execution(&self, parallelism: Parallelism) -> Box<dyn Execution> {
        let runtime = ModuleRuntime::new()
            .module(PoolModule)
            .module(OrderBookModule);
        Box::new(runtime.parallelism(parallelism))
    }

    fn genesis(&self, world: &World) -> Vec<u8> {
        let amount = |amount: u128| plasma_exec::Amount(U256::from(amount));
        let workload = world.workload();
        let mut genesis = ModuleGenesis {
            balances: world.addresses().map(|who| (who, amount(FUNDS))).collect(),
            base_fee: Some(amount(BASE_FEE.into())),
            gas_limit: Some(BLOCK_GAS),
            ..ModuleGenesis::default()
        };
        if workload.uses_tokens() {
            let mut balances: std::collections::BTreeMap<_, _> =
                world.addresses().map(|who| (who, amount(TOKENS))).collect();
            if workload.uses_pools() {
                let whole = TOKENS + RESERVE * world.pools() as u128;
                balances.insert(world.address(0), amount(whole));
            }
            for (address, symbol) in ASSETS.into_iter().zip(["ONE", "TWO"]) {
                genesis.assets.push(AssetGenesis {
                    address,
                    name: format!("Token {symbol}"),
                    symbol: symbol.to_owned(),
                    decimals: 18,
                    balances: balances.clone(),
                });
            }
        }
        genesis.to_json().into_bytes()
    }

    fn set_up(&self, world: &World, nonces: &mut Nonces) -> Vec<Vec<Bytes>> {
        let workload = world.workload();
        let mut block = Vec::new();
        let mut send = |person: usize, call: EthereumCall| {
            block.push(world.sign(person, nonces.next(person), call));
        };
        let [one, two] = ASSETS;
        if workload.uses_pools() {
            for pool in 0..world.pools() as u64 {
                let open = IPool::openCall {
                    token0: one,
                    token1: two,
                };
                send(0, call::<PoolModule>(OPEN_GAS, open.abi_encode()));
                let amount = U256::from(RESERVE);
                let add = IPool::addCall {
                    pool,
                    amount0: amount,
                    amount1: amount,
                };
                send(0, call::<PoolModule>(POOL_GAS, add.abi_encode()));
            }
        }
        if workload.uses_books() {
            for _ in 0..world.books() {
                let open = IOrderBook::openCall {
                    base: one,
                    quote: two,
                };
                send(0, call::<OrderBookModule>(OPEN_GAS, open.abi_encode()));
            }
            for person in 0..world.people() {
                let amount = U256::from(DEPOSIT);
                let deposit = IOrderBook::depositCall {
                    book: world.book_of(person) as u64,
                    base: amount,
                    quote: amount,
                };
                let deposit = deposit.abi_encode();
                send(person, call::<OrderBookModule>(OPEN_GAS, deposit));
            }
        }
        vec![block]
    }

    fn encode(&self, world: &World, operation: &Operation, nonce: u64) -> Option<Bytes> {
        let does = match *operation {
            Operation::Transfer { to, amount, .. } => EthereumCall {
                to: Some(world.address(to)),
                value: U256::from(amount),
                gas_limit: 21_000,
                input: Bytes::new(),
            },
            Operation::TokenTransfer { to, amount, .. } => {
                let transfer = IBank::transferCall {
                    asset: ASSETS[0],
                    to: world.address(to),
                    amount: U256::from(amount),
                };
                call::<Bank>(TOKEN_GAS, transfer.abi_encode())
            }
            Operation::Swap {
                pool, side, amount, ..
            } => {
                let swap = IPool::swapCall {
                    pool: pool as u64,
                    token: ASSETS[side],
                    amount: U256::from(amount),
                    least: U256::ZERO,
                };
                call::<PoolModule>(POOL_GAS, swap.abi_encode())
            }
            Operation::PlaceOrder {
                book,
                sell,
                price,
                amount,
                ..
            } => {
                let place = IOrderBook::placeCall {
                    book: book as u64,
                    sell,
                    price,
                    amount,
                };
                call::<OrderBookModule>(PLACE_GAS, place.abi_encode())
            }
            Operation::CancelOrder { book, order, .. } => {
                let cancel = IOrderBook::cancelCall {
                    book: book as u64,
                    number: order,
                };
                call::<OrderBookModule>(CANCEL_GAS, cancel.abi_encode())
            }
        };
        Some(world.sign(operation.by(), nonce, does))
    }

    fn ask(&self, world: &World, fact: &Fact) -> Option<Query> {
        let (module, input) = match *fact {
            Fact::Tokens { person, token } => {
                let balance = IBank::balanceOfCall {
                    asset: ASSETS[token],
                    account: world.address(person),
                };
                (Bank::NAME, balance.abi_encode())
            }
            Fact::Reserve { pool, side } => {
                let reserve = IPool::reserveCall {
                    pool: pool as u64,
                    index: side as u8,
                };
                (PoolModule::NAME, reserve.abi_encode())
            }
            Fact::Free {
                book,
                person,
                token,
            } => {
                let free = IOrderBook::freeOfCall {
                    book: book as u64,
                    index: token as u8,
                    holder: world.address(person),
                };
                (OrderBookModule::NAME, free.abi_encode())
            }
            Fact::Best { book, sell } => {
                let book = book as u64;
                let best = IOrderBook::bestCall { book, sell };
                (OrderBookModule::NAME, best.abi_encode())
            }
            Fact::Waiting { book, sell, price } => {
                let book = book as u64;
                let level = IOrderBook::levelCall { book, sell, price };
                (OrderBookModule::NAME, level.abi_encode())
            }
            Fact::Order { book, order } => {
                let order = IOrderBook::orderCall {
                    book: book as u64,
                    number: order,
                };
                (OrderBookModule::NAME, order.abi_encode())
            }
        };
        Some(Query::Module {
            module: module.to_owned(),
            input: input.into(),
        })
    }
}
