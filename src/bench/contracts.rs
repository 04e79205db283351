//! Contracts that users deploy: the same ones in Solidity on the EVM, and in WebAssembly.
//!
//! They are those in `examples/contracts`, with one ABI, so both are set up and called by the same transactions. Only
//! what creates them differs, and what they need of gas.

use plasma_core::{Address, Bytes, Call, Execution, Query, U256};
use plasma_exec::{
    EvmExecution, EvmGenesis, Parallelism, SolCall as _, SolValue as _, WasmExecution, WasmGenesis,
    sol,
};

use super::{
    Contender, EthereumCall, FUNDS, Fact, Nonces, Operation, World,
    world::{BASE_FEE, BLOCK_GAS, DEPOSIT, RESERVE, TOKENS},
};

sol! {
    interface IToken {
        function transfer(address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address holder) external view returns (uint256);
    }

    interface IPoolContract {
        function add(uint256 amount0, uint256 amount1) external returns (uint256);
        function swap(address token, uint256 amount, uint256 least) external returns (uint256);
        function reserve(uint256 index) external view returns (uint256);
    }

    interface IBookContract {
        function deposit(uint256 base, uint256 quote) external;
        function place(bool sell, uint256 price, uint256 amount) external returns (uint256);
        function cancel(uint256 number) external;
        function freeOf(uint256 index, address holder) external view returns (uint256);
        function level(bool sell, uint256 price) external view returns (uint256, uint256, uint256);
        function order(uint256 number) external view returns (address, uint256);
        function best(bool sell) external view returns (uint256);
    }
}

/// What a call may use.
struct GasLimits {
    creation: u64,
    token: u64,
    swap: u64,
    deposit: u64,
    place: u64,
    cancel: u64,
}

/// What creates each contract, without its arguments.
struct Code {
    token: Bytes,
    pool: Bytes,
    book: Bytes,
}

/// The contracts of a world on one machine: in Solidity or in WebAssembly.
pub struct ContractContender {
    name: &'static str,
    execution: fn(Parallelism) -> Box<dyn Execution>,
    genesis: fn(&World) -> Vec<u8>,
    limits: GasLimits,
    code: Code,
}

/// Transactions in a block of the set-up.
const SET_UP_BLOCK: usize = 1_000;
/// Who creates the contracts, and has all tokens first.
const OWNER: usize = 0;

/// Where the contracts are: person 0 creates them before anything else, tokens first, then pools, then books.
fn token(world: &World, token: usize) -> Address {
    world.address(OWNER).create(token as u64)
}

fn pool(world: &World, pool: usize) -> Address {
    world.address(OWNER).create(2 + pool as u64)
}

fn book(world: &World, book: usize) -> Address {
    let pools = if world.workload().uses_pools() {
        world.pools()
    } else {
        0
    };
    world.address(OWNER).create((2 + pools + book) as u64)
}

fn call(to: Address, gas_limit: u64, input: Vec<u8>) -> EthereumCall {
    EthereumCall {
        to: Some(to),
        value: U256::ZERO,
        gas_limit,
        input: input.into(),
    }
}

impl ContractContender {
    /// Solidity on the EVM.
    pub fn evm() -> Self {
        let code = |artifact: &str| {
            let artifact: serde_json::Value =
                serde_json::from_str(artifact).expect("artifacts are JSON");
            let code = artifact["bytecode"]
                .as_str()
                .and_then(|code| code.parse().ok());
            code.expect("artifacts have bytecode")
        };
        Self {
            name: "evm",
            execution: |parallelism| Box::new(EvmExecution::new().parallelism(parallelism)),
            genesis: |world| {
                let genesis = EvmGenesis {
                    gas_limit: BLOCK_GAS,
                    base_fee: BASE_FEE,
                    ..EvmGenesis::default()
                };
                let funds =
                    |genesis: EvmGenesis, address| genesis.with_balance(address, U256::from(FUNDS));
                world.addresses().fold(genesis, funds).to_json()
            },
            limits: GasLimits {
                creation: 3_000_000,
                token: 100_000,
                swap: 300_000,
                deposit: 300_000,
                place: 600_000,
                cancel: 100_000,
            },
            code: Code {
                token: code(include_str!(
                    "../../examples/contracts/artifacts/token.json"
                )),
                pool: code(include_str!("../../examples/contracts/artifacts/pool.json")),
                book: code(include_str!(
                    "../../examples/contracts/artifacts/orderbook.json"
                )),
            },
        }
    }

    /// Contracts in WebAssembly.
    pub fn wasm() -> Self {
        // What creates a contract begins with the module's length.
        let code = |module: &[u8]| {
            let length = (module.len() as u32).to_be_bytes();
            Bytes::from([&length[..], module].concat())
        };
        Self {
            name: "wasm",
            execution: |parallelism| Box::new(WasmExecution::new().parallelism(parallelism)),
            genesis: |world| {
                let genesis = WasmGenesis {
                    gas_limit: BLOCK_GAS,
                    base_fee: BASE_FEE,
                    ..WasmGenesis::default()
                };
                let funds = |genesis: WasmGenesis, address| {
                    genesis.with_balance(address, U256::from(FUNDS))
                };
                world.addresses().fold(genesis, funds).to_json()
            },
            limits: GasLimits {
                creation: 4_000_000,
                token: 200_000,
                swap: 500_000,
                deposit: 600_000,
                place: 1_200_000,
                cancel: 300_000,
            },
            code: Code {
                token: code(include_bytes!(
                    "../../examples/contracts/artifacts/token.wasm"
                )),
                pool: code(include_bytes!(
                    "../../examples/contracts/artifacts/pool.wasm"
                )),
                book: code(include_bytes!(
                    "../../examples/contracts/artifacts/orderbook.wasm"
                )),
            },
        }
    }
}

impl Contender for ContractContender {
    fn name(&self) -> &'static str {
        self.name
    }

    fn execution(&self, parallelism: Parallelism) -> Box<dyn Execution> {
        (self.execution)(parallelism)
    }

    fn genesis(&self, world: &World) -> Vec<u8> {
        (self.genesis)(world)
    }

    fn set_up(&self, world: &World, nonces: &mut Nonces) -> Vec<Vec<Bytes>> {
        let workload = world.workload();
        if !workload.uses_tokens() {
            return Vec::new();
        }
        let tokens = [0, 1].map(|n| token(world, n));
        let pools = if workload.uses_pools() {
            world.pools()
        } else {
            0
        };
        let books = if workload.uses_books() {
            world.books()
        } else {
            0
        };
        let supply = TOKENS * world.people() as u128 + RESERVE * pools as u128;
        let mut blocks: Vec<Vec<Bytes>> = Vec::new();
        let mut send = |person: usize, call: EthereumCall| {
            let transaction = world.sign(person, nonces.next(person), call);
            match blocks.last_mut() {
                Some(block) if block.len() < SET_UP_BLOCK => block.push(transaction),
                _ => blocks.push(vec![transaction]),
            }
        };
        let create = |code: &Bytes, arguments: Vec<u8>| EthereumCall {
            to: None,
            value: U256::ZERO,
            gas_limit: self.limits.creation,
            input: [code.to_vec(), arguments].concat().into(),
        };
        for _ in tokens {
            send(
                OWNER,
                create(&self.code.token, U256::from(supply).abi_encode()),
            );
        }
        let pair = (tokens[0], tokens[1]).abi_encode_params();
        for _ in 0..pools {
            send(OWNER, create(&self.code.pool, pair.clone()));
        }
        for _ in 0..books {
            send(OWNER, create(&self.code.book, pair.clone()));
        }
        let approve = |spender: Address| IToken::approveCall {
            spender,
            amount: U256::MAX,
        };
        for person in 1..world.people() {
            for token in tokens {
                let transfer = IToken::transferCall {
                    to: world.address(person),
                    amount: U256::from(TOKENS),
                };
                send(OWNER, call(token, self.limits.token, transfer.abi_encode()));
            }
        }
        for pool in (0..pools).map(|n| pool(world, n)) {
            for token in tokens {
                send(
                    OWNER,
                    call(token, self.limits.token, approve(pool).abi_encode()),
                );
            }
            let amount = U256::from(RESERVE);
            let add = IPoolContract::addCall {
                amount0: amount,
                amount1: amount,
            };
            send(OWNER, call(pool, self.limits.swap, add.abi_encode()));
        }
        for person in 0..world.people() {
            let pool = (pools > 0 && person != OWNER).then(|| pool(world, world.pool_of(person)));
            let book = (books > 0).then(|| book(world, world.book_of(person)));
            for spender in pool.into_iter().chain(book) {
                for token in tokens {
                    send(
                        person,
                        call(token, self.limits.token, approve(spender).abi_encode()),
                    );
                }
            }
            if let Some(book) = book {
                let amount = U256::from(DEPOSIT);
                let deposit = IBookContract::depositCall {
                    base: amount,
                    quote: amount,
                };
                send(
                    person,
                    call(book, self.limits.deposit, deposit.abi_encode()),
                );
            }
        }
        blocks
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
                let transfer = IToken::transferCall {
                    to: world.address(to),
                    amount: U256::from(amount),
                };
                call(token(world, 0), self.limits.token, transfer.abi_encode())
            }
            Operation::Swap {
                pool: at,
                side,
                amount,
                ..
            } => {
                let swap = IPoolContract::swapCall {
                    token: token(world, side),
                    amount: U256::from(amount),
                    least: U256::ZERO,
                };
                call(pool(world, at), self.limits.swap, swap.abi_encode())
            }
            Operation::PlaceOrder {
                book: at,
                sell,
                price,
                amount,
                ..
            } => {
                let place = IBookContract::placeCall {
                    sell,
                    price: U256::from(price),
                    amount: U256::from(amount),
                };
                call(book(world, at), self.limits.place, place.abi_encode())
            }
            Operation::CancelOrder {
                book: at, order, ..
            } => {
                let number = U256::from(order);
                let cancel = IBookContract::cancelCall { number };
                call(book(world, at), self.limits.cancel, cancel.abi_encode())
            }
        };
        Some(world.sign(operation.by(), nonce, does))
    }

    fn ask(&self, world: &World, fact: &Fact) -> Option<Query> {
        let (to, input) = match *fact {
            Fact::Tokens { person, token: of } => {
                let holder = world.address(person);
                let balance = IToken::balanceOfCall { holder };
                (token(world, of), balance.abi_encode())
            }
            Fact::Reserve { pool: of, side } => {
                let index = U256::from(side);
                let reserve = IPoolContract::reserveCall { index };
                (pool(world, of), reserve.abi_encode())
            }
            Fact::Free {
                book: of,
                person,
                token,
            } => {
                let free = IBookContract::freeOfCall {
                    index: U256::from(token),
                    holder: world.address(person),
                };
                (book(world, of), free.abi_encode())
            }
            Fact::Best { book: of, sell } => (
                book(world, of),
                IBookContract::bestCall { sell }.abi_encode(),
            ),
            Fact::Waiting {
                book: of,
                sell,
                price,
            } => {
                let price = U256::from(price);
                let level = IBookContract::levelCall { sell, price };
                (book(world, of), level.abi_encode())
            }
            Fact::Order { book: of, order } => {
                let number = U256::from(order);
                let order = IBookContract::orderCall { number };
                (book(world, of), order.abi_encode())
            }
        };
        Some(Query::Call(Call {
            to: Some(to),
            input: input.into(),
            ..Call::default()
        }))
    }
}
