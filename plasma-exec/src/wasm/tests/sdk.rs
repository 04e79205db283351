//! The example contracts, written with `plasma-contract` and compiled from Rust.

use alloc::{vec, vec::Vec};

use alloy_sol_types::{SolCall, SolEvent, SolValue, sol};
use plasma_core::Status;

use super::*;

sol! {
    interface IToken {
        event Transfer(address indexed from, address indexed to, uint256 amount);

        function name() external view returns (string);
        function decimals() external view returns (uint8);
        function totalSupply() external view returns (uint256);
        function balanceOf(address holder) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
        function approve(address spender, uint256 amount) external returns (bool);
        function transferFrom(address from, address to, uint256 amount) external returns (bool);
    }

    interface IPool {
        function reserve(uint256 index) external view returns (uint256);
        function sharesOf(address holder) external view returns (uint256);
        function quote(address token, uint256 amount) external view returns (uint256);
        function add(uint256 amount0, uint256 amount1) external returns (uint256);
        function remove(uint256 shares) external returns (uint256, uint256);
        function swap(address token, uint256 amount, uint256 least) external returns (uint256);
    }
}

const TOKEN: &[u8] = include_bytes!("../../../../examples/contracts/artifacts/token.wasm");
const POOL: &[u8] = include_bytes!("../../../../examples/contracts/artifacts/pool.wasm");

/// What creates a contract of the module with these arguments.
fn creation(module: &[u8], arguments: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(module.len()).expect("short").to_be_bytes();
    [&length[..], module, &arguments].concat()
}

impl Chain {
    fn token(&mut self, supply: U256) -> Address {
        let receipt = self.try_deploy(creation(TOKEN, supply.abi_encode()));
        assert!(receipt.succeeded(), "{}", receipt.reason);
        receipt.created.expect("a contract")
    }

    fn balance_of(&self, token: Address, holder: Address) -> U256 {
        let outcome = self.ask(token, IToken::balanceOfCall { holder }.abi_encode());
        IToken::balanceOfCall::abi_decode_returns(&outcome.output).expect("a number")
    }
}

#[test]
fn the_token_is_one_as_erc_20_has_them() {
    let mut chain = Chain::new();
    let supply = ether(1_000_000);
    let token = chain.token(supply);
    assert_eq!(chain.balance_of(token, user(0)), supply);
    let name = chain.ask(token, IToken::nameCall {}.abi_encode()).output;
    assert_eq!(
        IToken::nameCall::abi_decode_returns(&name).as_deref(),
        Ok("Example Token")
    );
    let transfer = |to, amount| IToken::transferCall { to, amount }.abi_encode();
    let receipt = chain.call(0, token, transfer(user(1), ether(5)));
    let log = &receipt.logs[0];
    let event = IToken::Transfer::decode_raw_log(log.topics.iter().copied(), &log.data);
    let event = event.expect("the event");
    assert_eq!(
        (event.from, event.to, event.amount),
        (user(0), user(1), ether(5))
    );
    assert_eq!(receipt.output.as_ref(), true.abi_encode());
    let receipt = chain.call(1, token, transfer(user(2), ether(6)));
    assert_eq!(
        (receipt.status, receipt.reason.as_str()),
        (
            Status::Reverted,
            "execution reverted: more than the holder has"
        )
    );
    let approve = IToken::approveCall {
        spender: user(2),
        amount: ether(3),
    };
    assert!(chain.call(1, token, approve.abi_encode()).succeeded());
    let take = |amount| IToken::transferFromCall {
        from: user(1),
        to: user(3),
        amount,
    };
    let receipt = chain.call(2, token, take(ether(4)).abi_encode());
    assert!(receipt.reason.contains("approved"), "{}", receipt.reason);
    assert!(
        chain
            .call(2, token, take(ether(3)).abi_encode())
            .succeeded()
    );
    let held = [0, 1, 2, 3].map(|n| chain.balance_of(token, user(n)));
    assert_eq!(held, [supply - ether(5), ether(2), U256::ZERO, ether(3)]);
    // To oneself, nothing, everything; and what is no call.
    assert!(
        chain
            .call(3, token, transfer(user(3), ether(3)))
            .succeeded()
    );
    assert!(
        chain
            .call(5, token, transfer(user(3), U256::ZERO))
            .succeeded()
    );
    assert!(
        chain
            .call(3, token, transfer(user(1), ether(3)))
            .succeeded()
    );
    assert_eq!(chain.balance_of(token, user(1)), ether(5));
    for input in [
        vec![],
        vec![1],
        transfer(user(1), ether(1))[..40].to_vec(),
        vec![0xa9; 300],
    ] {
        assert_eq!(chain.call(1, token, input).status, Status::Reverted);
    }
}

#[test]
fn a_block_of_transfers_is_the_same_with_new_instances_and_used_ones() {
    let mut chain = Chain::new();
    let token = chain.token(ether(1_000_000));
    for to in 1..10 {
        let call = IToken::transferCall {
            to: user(to),
            amount: ether(100),
        };
        assert!(chain.call(0, token, call.abi_encode()).succeeded());
    }
    // `block` compares.
    let transfers = (0..60_u8).map(|n| {
        let call = IToken::transferCall {
            to: user(1 + n % 9 * 7 % 9),
            amount: ether(u64::from(n) * 9),
        };
        let nonce = u64::from(n / 9);
        sign(
            1 + n % 9,
            ordinary(nonce, token.into(), U256::ZERO, call.abi_encode()),
        )
    });
    let receipts = chain.transactions(transfers.collect::<Vec<_>>());
    let succeeded = receipts
        .iter()
        .filter(|receipt| receipt.succeeded())
        .count();
    assert!(succeeded > 10 && succeeded < 60, "{succeeded}");
}

#[test]
fn a_pool_swaps_one_token_for_another() {
    let mut chain = Chain::new();
    let (gold, silver) = (chain.token(ether(1_000)), chain.token(ether(1_000)));
    let receipt = chain.try_deploy(creation(POOL, (gold, silver).abi_encode()));
    let pool = receipt
        .created
        .unwrap_or_else(|| panic!("{}", receipt.reason));
    let approve = IToken::approveCall {
        spender: pool,
        amount: U256::MAX,
    };
    for token in [gold, silver] {
        assert!(chain.call(0, token, approve.abi_encode()).succeeded());
        let call = IToken::transferCall {
            to: user(1),
            amount: ether(10),
        };
        assert!(chain.call(0, token, call.abi_encode()).succeeded());
    }
    let add = IPool::addCall {
        amount0: ether(100),
        amount1: ether(400),
    };
    let receipt = chain.call(0, pool, add.abi_encode());
    assert_eq!(
        receipt.output.as_ref(),
        ether(200).abi_encode(),
        "{}",
        receipt.reason
    );
    let swap = |least| IPool::swapCall {
        token: gold,
        amount: ether(10),
        least,
    };
    let quote = IPool::quoteCall {
        token: gold,
        amount: ether(10),
    };
    let outcome = chain.ask(pool, quote.abi_encode());
    let bought = U256::abi_decode(&outcome.output).expect("a number");
    // 400 - 400 x 100 / (100 + 9.97)
    assert_eq!(bought, U256::from(36_264_435_755_205_965_263_u128));
    // Without approval nothing moves.
    let receipt = chain.call(1, pool, swap(U256::ZERO).abi_encode());
    assert!(
        receipt.reason.contains("did not move"),
        "{}",
        receipt.reason
    );
    assert!(chain.call(1, gold, approve.abi_encode()).succeeded());
    let receipt = chain.call(1, pool, swap(bought + U256::ONE).abi_encode());
    assert!(
        receipt.reason.contains("price has moved"),
        "{}",
        receipt.reason
    );
    let receipt = chain.call(1, pool, swap(bought).abi_encode());
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(receipt.logs.len(), 3);
    assert_eq!(chain.balance_of(gold, user(1)), U256::ZERO);
    assert_eq!(chain.balance_of(silver, user(1)), ether(10) + bought);
    assert_eq!(chain.balance_of(gold, pool), ether(110));
    let remove = IPool::removeCall { shares: ether(100) };
    let receipt = chain.call(0, pool, remove.abi_encode());
    assert_eq!(
        receipt.output[..32],
        ether(55).abi_encode(),
        "{}",
        receipt.reason
    );
    let receipt = chain.call(1, pool, remove.abi_encode());
    assert_eq!(receipt.status, Status::Reverted);
}

#[test]
fn the_examples_say_what_they_are() {
    for module in [TOKEN, POOL] {
        let abi = crate::wasm::module::abi(module).expect("an ABI");
        let abi: crate::JsonAbi = serde_json::from_slice(abi).expect("JSON");
        assert!(abi.functions.len() > 6);
        let (_, shape) = crate::wasm::module::Compiled::new(module).expect("a module");
        assert!(shape.memory < 16_384, "{shape:?}");
    }
}
