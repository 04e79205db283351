//! A pool of two tokens whose product stays constant, in WebAssembly.
//!
//! Who adds to the pool gets shares of it; who swaps pays three parts in a thousand to the pool.
#![cfg_attr(target_arch = "wasm32", no_std)]

use plasma_contract::{
    Address, Args, Item, Map, Reply, Token, U256, Word, address, caller, contract, emit, hash_of,
    revert, selector,
};

const TOKENS: [Item; 2] = [Item::new(b"token 0"), Item::new(b"token 1")];
const RESERVES: [Item; 2] = [Item::new(b"reserve 0"), Item::new(b"reserve 1")];
const SHARES: Map = Map::new(b"shares");
const ALL_SHARES: Item = Item::new(b"all shares");

const SWAP_EVENT: Word = hash_of("Swap(address,address,uint256,uint256)");

const TOKEN: u32 = selector("token(uint256)");
const RESERVE: u32 = selector("reserve(uint256)");
const SHARES_OF: u32 = selector("sharesOf(address)");
const QUOTE: u32 = selector("quote(address,uint256)");
const ADD: u32 = selector("add(uint256,uint256)");
const REMOVE: u32 = selector("remove(uint256)");
const SWAP: u32 = selector("swap(address,uint256,uint256)");

/// The two tokens.
fn deploy(args: &Args<'_>) -> Reply {
    let (one, other) = (args.address(0), args.address(1));
    if one == other {
        revert("a pool is of two tokens");
    }
    TOKENS[0].set_address(one);
    TOKENS[1].set_address(other);
    Reply::NONE
}

fn call(args: &Args<'_>) -> Reply {
    match args.selector() {
        SWAP => {
            let side = side_of(args.address(0));
            Reply::uint(swap(side, *args.uint(1), *args.uint(2)))
        }
        ADD => Reply::uint(add([*args.uint(0), *args.uint(1)])),
        REMOVE => {
            let [one, other] = remove(*args.uint(0));
            Reply::words(&[one.to_be_bytes(), other.to_be_bytes()])
        }
        QUOTE => Reply::uint(bought(side_of(args.address(0)), *args.uint(1))),
        TOKEN => Reply::address(&TOKENS[index(args.uint(0))].address()),
        RESERVE => Reply::uint(RESERVES[index(args.uint(0))].get()),
        SHARES_OF => Reply::uint(SHARES.get(args.address(0))),
        _ => revert("no such function"),
    }
}

fn index(number: &U256) -> usize {
    if *number > U256::ONE {
        revert("there are tokens 0 and 1");
    }
    usize::from(!number.is_zero())
}

fn side_of(token: &Address) -> usize {
    if *token == TOKENS[0].address() {
        0
    } else if *token == TOKENS[1].address() {
        1
    } else {
        revert("the pool has no such token")
    }
}

/// A part of the whole, rounded down.
fn parts(of: U256, count: U256, whole: U256) -> U256 {
    match times(of, count).checked_div(whole) {
        Some(part) => part,
        None => revert("the pool is empty"),
    }
}

fn must(done: bool) {
    if !done {
        revert("more than there is");
    }
}

fn times(one: U256, other: U256) -> U256 {
    match one.checked_mul(other) {
        Some(product) => product,
        None => revert("amounts over 256 bits"),
    }
}

/// What `amount` of one token buys of the other.
fn bought(side: usize, amount: U256) -> U256 {
    let (here, there) = (RESERVES[side].get(), RESERVES[1 - side].get());
    let paid = times(amount, U256::from(997));
    let all = times(here, U256::from(1_000)).saturating_add(paid);
    parts(there, paid, all)
}

fn swap(side: usize, amount: U256, least: U256) -> U256 {
    let bought = bought(side, amount);
    if bought < least {
        revert("the price has moved");
    }
    take(side, amount);
    must(RESERVES[1 - side].decrease(&bought));
    give(1 - side, bought);
    emit(
        &[SWAP_EVENT, caller().word(), TOKENS[side].address().word()],
        [amount.to_be_bytes(), bought.to_be_bytes()].as_flattened(),
    );
    bought
}

/// Adds to both sides; the first who does sets the price, the others keep to it.
fn add(amounts: [U256; 2]) -> U256 {
    let all = ALL_SHARES.get();
    let shares = if all.is_zero() {
        times(amounts[0], amounts[1]).root()
    } else {
        let of = |side: usize| parts(all, amounts[side], RESERVES[side].get());
        of(0).min(of(1))
    };
    if shares.is_zero() {
        revert("too little for a share");
    }
    take(0, amounts[0]);
    take(1, amounts[1]);
    must(SHARES.increase(&caller(), &shares) && ALL_SHARES.increase(&shares));
    shares
}

fn remove(shares: U256) -> [U256; 2] {
    let all = ALL_SHARES.get();
    must(SHARES.decrease(&caller(), &shares) && ALL_SHARES.decrease(&shares));
    [0, 1].map(|side| {
        let part = parts(RESERVES[side].get(), shares, all);
        must(RESERVES[side].decrease(&part));
        give(side, part);
        part
    })
}

fn token(side: usize) -> Token {
    Token(TOKENS[side].address())
}

/// Takes a token from the caller, who approved of it.
fn take(side: usize, amount: U256) {
    moved(token(side).transfer_from(&caller(), &address(), amount));
    must(RESERVES[side].increase(&amount));
}

fn give(side: usize, amount: U256) {
    moved(token(side).transfer(&caller(), amount));
}

fn moved(moved: bool) {
    if !moved {
        revert("a token did not move");
    }
}

contract!(call, deploy = deploy, abi = include_str!("../abi.json"));
