//! The contracts and the modules where the bench does not come: what they refuse, and what leaves them again.

use plasma_core::{
    Address, BlockContext, Execution, Genesis, MemoryState, Receipt, Step, Timestamp, U256,
};
use plasma_exec::{Parallelism, SolCall as _, module_address, sol};

use super::super::{
    Contender, ContractContender, EthereumCall, IOrderBook, IPool, ModulesContender, Nonces,
    Workload, World,
};

sol! {
    interface IAll {
        function place(bool sell, uint256 price, uint256 amount) external returns (uint256);
        function cancel(uint256 number) external;
        function deposit(uint256 base, uint256 quote) external;
        function withdraw(uint256 base, uint256 quote) external;
        function freeOf(uint256 index, address holder) external view returns (uint256);
        function level(bool sell, uint256 price) external view returns (uint256, uint256, uint256);
        function order(uint256 number) external view returns (address, uint256);
        function best(bool sell) external view returns (uint256);
        function token(uint256 index) external view returns (address);
        function add(uint256 amount0, uint256 amount1) external returns (uint256);
        function remove(uint256 shares) external returns (uint256, uint256);
        function swap(address token, uint256 amount, uint256 least) external returns (uint256);
        function quote(address token, uint256 amount) external view returns (uint256);
        function reserve(uint256 index) external view returns (uint256);
        function sharesOf(address holder) external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        function totalSupply() external view returns (uint256);
        function name() external view returns (string memory);
        function symbol() external view returns (string memory);
        function decimals() external view returns (uint8);
    }
}

/// A chain that is set up for everything, and everybody's next nonce.
struct Chain {
    world: World,
    execution: Box<dyn Execution>,
    state: MemoryState,
    nonces: Nonces,
    height: u64,
}

impl Chain {
    fn new(contender: &dyn Contender) -> Self {
        let world = World::new(Workload::Mixed, 24);
        let genesis = Genesis {
            chain_id: world.chain(),
            timestamp: Timestamp(0),
            config: contender.genesis(&world).into(),
        };
        let execution = contender.execution(Parallelism::sequential());
        let mut nonces = Nonces::new(world.people());
        let blocks = contender.set_up(&world, &mut nonces);
        let mut chain = Self {
            state: MemoryState::default(),
            world,
            nonces,
            height: 0,
            execution,
        };
        let first = genesis.state(&*chain.execution).expect("it begins");
        chain.state.apply(&first.changes);
        for block in blocks {
            let steps = block.into_iter().map(Step::Transaction).collect();
            let receipts = chain.block(steps);
            assert!(receipts.iter().all(Receipt::succeeded));
        }
        chain
    }

    fn block(&mut self, steps: Vec<Step>) -> Vec<Receipt> {
        self.height += 1;
        let block = BlockContext {
            chain_id: self.world.chain(),
            timestamp: Timestamp(self.height * 1_000),
            ..BlockContext::default()
        };
        let mut all = vec![Step::Begin];
        all.extend(steps);
        all.push(Step::End);
        let outcome = self.execution.apply_block(&self.state, &block, &all);
        self.state.apply(&outcome.changes);
        outcome.receipts[1..all.len() - 1].to_vec()
    }

    fn send(&mut self, person: usize, to: Address, input: Vec<u8>) -> Receipt {
        let call = EthereumCall {
            to: Some(to),
            gas_limit: 3_000_000,
            input: input.into(),
            ..EthereumCall::default()
        };
        let nonce = self.nonces.next(person);
        let step = Step::Transaction(self.world.sign(person, nonce, call));
        self.block(vec![step]).remove(0)
    }
}

/// Two who share book 0, and one who has nothing in it.
const ONE: usize = 0;
const OTHER: usize = 16;
const STRANGER: usize = 5;

/// The number of an order of who sells.
fn selling(price: u64, place: u64) -> U256 {
    U256::from(u128::from(price) << 64 | u128::from(place))
}

#[test]
fn in_solidity_and_in_webassembly_they_answer_refuse_and_log_the_same() {
    let mut chains = [
        Chain::new(&ContractContender::evm()),
        Chain::new(&ContractContender::wasm()),
    ];
    let world = World::new(Workload::Mixed, 24);
    let contract = |n: u64| world.address(0).create(n);
    let (token, pool, book) = (contract(0), contract(2), contract(2 + 24));
    let n = |amount: u128| U256::from(amount);
    let huge = U256::from(1) << 200;
    let place = |sell: bool, price: u128, amount: u128| {
        let (price, amount) = (n(price), n(amount));
        IAll::placeCall {
            sell,
            price,
            amount,
        }
        .abi_encode()
    };
    let cancel = |number: U256| IAll::cancelCall { number }.abi_encode();
    let deposit = |base: u128, quote: u128| {
        let (base, quote) = (n(base), n(quote));
        IAll::depositCall { base, quote }.abi_encode()
    };
    let withdraw = |base: U256, quote: U256| IAll::withdrawCall { base, quote }.abi_encode();
    let free = |index: u64, person: usize| {
        let (index, holder) = (U256::from(index), world.address(person));
        IAll::freeOfCall { index, holder }.abi_encode()
    };
    let level = |sell: bool, price: u128| {
        let price = n(price);
        IAll::levelCall { sell, price }.abi_encode()
    };
    let order = |number: U256| IAll::orderCall { number }.abi_encode();
    let best = |sell: bool| IAll::bestCall { sell }.abi_encode();
    let swap = |token: Address, amount: U256, least: U256| {
        IAll::swapCall {
            token,
            amount,
            least,
        }
        .abi_encode()
    };
    let quote = |token: Address, amount: U256| IAll::quoteCall { token, amount }.abi_encode();
    let index = |index: u64| U256::from(index);
    let mut calls: Vec<(usize, Address, Vec<u8>, bool)> = vec![
        (ONE, book, place(true, 100, 50), true),
        (OTHER, book, place(false, 100, 20), true),
        (OTHER, book, place(false, 101, 10), true),
        (OTHER, book, cancel(selling(100, 0)), false),
        (ONE, book, order(selling(100, 0)), true),
        (ONE, book, cancel(selling(100, 0)), true),
        (ONE, book, cancel(selling(100, 0)), false),
        (ONE, book, cancel(huge), false),
        (
            ONE,
            book,
            cancel(U256::from(1) << 255 | selling(100, 0)),
            false,
        ),
        (ONE, book, order(huge), true),
        (ONE, book, place(true, 0, 1), false),
        (ONE, book, place(true, 256, 1), false),
        (ONE, book, place(true, 1, 0), false),
        (ONE, book, place(true, 1, 1 << 64), false),
        (ONE, book, place(true, 255, (1 << 64) - 1), false),
        (ONE, book, place(false, 255, (1 << 64) - 1), false),
        (STRANGER, book, place(true, 90, 1), false),
        // Met by its own owner, at the ends of the prices.
        (ONE, book, place(true, 255, 7), true),
        (ONE, book, place(false, 255, 9), true),
        (ONE, book, best(false), true),
        (ONE, book, place(false, 1, 3), true),
        (OTHER, book, place(true, 1, 14), true),
        (ONE, book, best(true), true),
        (ONE, book, best(false), true),
    ];
    // More orders than one order meets, one of them cancelled.
    calls.extend((0..10).map(|_| (ONE, book, place(true, 50, 1), true)));
    calls.extend([
        (ONE, book, cancel(selling(50, 3)), true),
        (OTHER, book, place(false, 60, 100), true),
        (ONE, book, level(true, 50), true),
        (ONE, book, level(true, 0), false),
        (ONE, book, order(selling(50, 9)), true),
        (ONE, book, order(selling(50, 7)), true),
        (OTHER, book, place(false, 60, 100), true),
        (ONE, book, level(true, 50), true),
        (ONE, book, level(false, 60), true),
        (ONE, book, free(0, ONE), true),
        (ONE, book, free(1, ONE), true),
        (ONE, book, free(0, OTHER), true),
        (ONE, book, free(1, OTHER), true),
        (ONE, book, free(2, OTHER), false),
        (ONE, book, withdraw(n(1), n(2)), true),
        (ONE, book, withdraw(huge, n(0)), false),
        (ONE, book, withdraw(n(0), huge), false),
        (ONE, book, deposit(5, 0), true),
        (STRANGER, book, deposit(1, 1), false),
        (ONE, book, free(0, ONE), true),
        (
            ONE,
            book,
            IAll::tokenCall { index: index(0) }.abi_encode(),
            true,
        ),
        (ONE, book, vec![1, 2, 3, 4], false),
        (ONE, pool, quote(token, n(1_000)), true),
        (ONE, pool, quote(token, U256::MAX), false),
        (ONE, pool, swap(token, n(1_000), n(990)), true),
        (ONE, pool, swap(token, n(1_000), n(998)), false),
        (ONE, pool, swap(pool, n(1_000), n(0)), false),
        (STRANGER, pool, swap(token, n(1_000), n(0)), false),
        (ONE, pool, swap(token, huge, n(0)), false),
        (
            ONE,
            pool,
            IAll::addCall {
                amount0: n(1_000),
                amount1: n(2_000),
            }
            .abi_encode(),
            true,
        ),
        (
            ONE,
            pool,
            IAll::addCall {
                amount0: n(0),
                amount1: n(2_000),
            }
            .abi_encode(),
            false,
        ),
        (
            ONE,
            pool,
            IAll::removeCall { shares: n(12_345) }.abi_encode(),
            true,
        ),
        (
            ONE,
            pool,
            IAll::removeCall { shares: huge }.abi_encode(),
            false,
        ),
        (
            OTHER,
            pool,
            IAll::removeCall { shares: n(1) }.abi_encode(),
            false,
        ),
        (
            ONE,
            pool,
            IAll::sharesOfCall {
                holder: world.address(ONE),
            }
            .abi_encode(),
            true,
        ),
        (
            ONE,
            pool,
            IAll::reserveCall { index: index(0) }.abi_encode(),
            true,
        ),
        (
            ONE,
            pool,
            IAll::reserveCall { index: index(1) }.abi_encode(),
            true,
        ),
        (
            ONE,
            pool,
            IAll::reserveCall { index: index(2) }.abi_encode(),
            false,
        ),
        (ONE, token, IAll::totalSupplyCall {}.abi_encode(), true),
        (ONE, token, IAll::nameCall {}.abi_encode(), true),
        (ONE, token, IAll::symbolCall {}.abi_encode(), true),
        (ONE, token, IAll::decimalsCall {}.abi_encode(), true),
        (
            ONE,
            token,
            IAll::transferCall {
                to: pool,
                amount: huge,
            }
            .abi_encode(),
            false,
        ),
        (
            ONE,
            token,
            IAll::transferCall {
                to: world.address(ONE),
                amount: n(7),
            }
            .abi_encode(),
            true,
        ),
        (
            ONE,
            token,
            IAll::approveCall {
                spender: world.address(STRANGER),
                amount: n(9),
            }
            .abi_encode(),
            true,
        ),
    ]);
    let take = |amount: u128| {
        let (from, to, amount) = (world.address(ONE), world.address(OTHER), n(amount));
        IAll::transferFromCall { from, to, amount }.abi_encode()
    };
    let (owner, spender) = (world.address(ONE), world.address(STRANGER));
    calls.extend([
        (STRANGER, token, take(10), false),
        (STRANGER, token, take(6), true),
        (STRANGER, token, take(6), false),
        (
            ONE,
            token,
            IAll::allowanceCall { owner, spender }.abi_encode(),
            true,
        ),
    ]);
    for (at, (person, to, input, succeeds)) in calls.into_iter().enumerate() {
        let [evm, wasm] = chains
            .each_mut()
            .map(|chain| chain.send(person, to, input.clone()));
        assert_eq!(
            evm.succeeded(),
            succeeds,
            "call {at} in Solidity: {}",
            evm.reason
        );
        assert_eq!(
            wasm.succeeded(),
            succeeds,
            "call {at} in WebAssembly: {}",
            wasm.reason
        );
        assert_eq!(evm.logs, wasm.logs, "call {at}");
        if succeeds {
            assert_eq!(evm.output, wasm.output, "call {at}");
        }
    }
}

#[test]
fn modules_refuse_what_the_contracts_refuse_and_give_back_what_was_put_in() {
    let mut chain = Chain::new(&ModulesContender);
    let (pool, book) = (module_address("pool"), module_address("orderbook"));
    let n = |amount: u128| U256::from(amount);
    let huge = U256::from(1) << 200;
    let place = |sell: bool, price: u8, amount: u64| {
        let order = IOrderBook::placeCall {
            book: 0,
            sell,
            price,
            amount,
        };
        order.abi_encode()
    };
    let cancel = |number: U256| {
        let number = number.to::<u128>();
        IOrderBook::cancelCall { book: 0, number }.abi_encode()
    };
    let withdraw = |base: U256, quote: U256| {
        IOrderBook::withdrawCall {
            book: 0,
            base,
            quote,
        }
        .abi_encode()
    };
    let token = Address::repeat_byte(0xd0);
    let swap = |pool: u64, token: Address, least: u128| {
        let (amount, least) = (n(1_000), n(least));
        IPool::swapCall {
            pool,
            token,
            amount,
            least,
        }
        .abi_encode()
    };
    let remove = |shares: U256| IPool::removeCall { pool: 0, shares }.abi_encode();
    let add = |amount0: u128, amount1: u128| {
        let (amount0, amount1) = (n(amount0), n(amount1));
        IPool::addCall {
            pool: 0,
            amount0,
            amount1,
        }
        .abi_encode()
    };
    let cases = [
        (ONE, book, place(true, 100, 50), ""),
        (OTHER, book, place(false, 100, 20), ""),
        (OTHER, book, cancel(selling(100, 0)), "NoOrder"),
        (ONE, book, cancel(selling(100, 0)), ""),
        (ONE, book, cancel(selling(100, 0)), "NoOrder"),
        (ONE, book, place(true, 0, 1), "Zero"),
        (ONE, book, place(true, 1, 0), "Zero"),
        (ONE, book, place(true, 255, u64::MAX), "TooMuch"),
        (ONE, book, place(false, 255, u64::MAX), "TooMuch"),
        (STRANGER, book, place(true, 90, 1), "TooMuch"),
        (ONE, book, withdraw(n(1), n(2)), ""),
        (ONE, book, withdraw(huge, n(0)), "TooMuch"),
        (ONE, book, withdraw(n(0), huge), "TooMuch"),
        (
            ONE,
            book,
            IOrderBook::openCall {
                base: token,
                quote: token,
            }
            .abi_encode(),
            "SameToken",
        ),
        (
            ONE,
            book,
            IOrderBook::depositCall {
                book: 99,
                base: n(1),
                quote: n(1),
            }
            .abi_encode(),
            "NoBook",
        ),
        (ONE, pool, swap(0, token, 990), ""),
        (ONE, pool, swap(0, token, 998), "PriceMoved"),
        (ONE, pool, swap(0, pool, 0), "NoToken"),
        (ONE, pool, swap(99, token, 0), "NoPool"),
        (ONE, pool, add(1_000, 2_000), ""),
        (ONE, pool, add(0, 2_000), "TooLittle"),
        (ONE, pool, remove(n(12_345)), ""),
        (ONE, pool, remove(huge), "TooMuch"),
        (OTHER, pool, remove(n(1)), "TooMuch"),
        (
            ONE,
            pool,
            IPool::openCall {
                token0: token,
                token1: token,
            }
            .abi_encode(),
            "SameToken",
        ),
    ];
    for (at, (person, to, input, refusal)) in cases.into_iter().enumerate() {
        let receipt = chain.send(person, to, input);
        assert_eq!(
            receipt.succeeded(),
            refusal.is_empty(),
            "call {at}: {}",
            receipt.reason
        );
        assert!(
            receipt.reason.contains(refusal),
            "call {at}: {}",
            receipt.reason
        );
    }
}
