//! A token as ERC-20 has them, in WebAssembly.
#![cfg_attr(target_arch = "wasm32", no_std)]

use plasma_contract::{
    Address, Args, Item, Map, PairMap, Reply, U256, Word, caller, contract, emit, hash_of, revert,
    selector,
};

const BALANCES: Map = Map::new(b"balance");
const ALLOWANCES: PairMap = PairMap::new(b"allowance");
const SUPPLY: Item = Item::new(b"supply");

const TRANSFER_EVENT: Word = hash_of("Transfer(address,address,uint256)");
const APPROVAL_EVENT: Word = hash_of("Approval(address,address,uint256)");

const NAME: u32 = selector("name()");
const SYMBOL: u32 = selector("symbol()");
const DECIMALS: u32 = selector("decimals()");
const TOTAL_SUPPLY: u32 = selector("totalSupply()");
const BALANCE_OF: u32 = selector("balanceOf(address)");
const ALLOWANCE: u32 = selector("allowance(address,address)");
const TRANSFER: u32 = selector("transfer(address,uint256)");
const APPROVE: u32 = selector("approve(address,uint256)");
const TRANSFER_FROM: u32 = selector("transferFrom(address,address,uint256)");

/// Gives all of the supply, the only argument, to who creates the token.
fn deploy(args: &Args<'_>) -> Reply {
    let (owner, supply) = (caller(), args.uint(0));
    SUPPLY.set(*supply);
    BALANCES.set(&owner, *supply);
    log(&TRANSFER_EVENT, &Address::ZERO, &owner, supply);
    Reply::NONE
}

fn call(args: &Args<'_>) -> Reply {
    match args.selector() {
        TRANSFER => {
            transfer(&caller(), args.address(0), args.uint(1));
            Reply::TRUE
        }
        TRANSFER_FROM => {
            let (from, spender, amount) = (args.address(0), caller(), args.uint(2));
            // Without end, if it is all that a number can hold.
            if ALLOWANCES.get(from, &spender) != U256::MAX
                && !ALLOWANCES.decrease(from, &spender, amount)
            {
                revert("more than the holder approved of");
            }
            transfer(from, args.address(1), amount);
            Reply::TRUE
        }
        APPROVE => {
            let (owner, spender, amount) = (caller(), args.address(0), args.uint(1));
            ALLOWANCES.set(&owner, spender, *amount);
            log(&APPROVAL_EVENT, &owner, spender, amount);
            Reply::TRUE
        }
        BALANCE_OF => Reply::uint(BALANCES.get(args.address(0))),
        ALLOWANCE => Reply::uint(ALLOWANCES.get(args.address(0), args.address(1))),
        TOTAL_SUPPLY => Reply::uint(SUPPLY.get()),
        DECIMALS => Reply::uint(U256::from(18)),
        NAME => Reply::text("Example Token"),
        SYMBOL => Reply::text("EXT"),
        _ => revert("no such function"),
    }
}

fn transfer(from: &Address, to: &Address, amount: &U256) {
    if !BALANCES.decrease(from, amount) {
        revert("more than the holder has");
    }
    // Does not happen: no more than the supply is in all balances together.
    if !BALANCES.increase(to, amount) {
        revert("more than a holder can have");
    }
    log(&TRANSFER_EVENT, from, to, amount);
}

fn log(event: &Word, one: &Address, other: &Address, amount: &U256) {
    let mut topics = [*event, [0; 32], [0; 32]];
    one.put(&mut topics[1]);
    other.put(&mut topics[2]);
    emit(&topics, amount.as_bytes());
}

contract!(call, deploy = deploy, abi = include_str!("../abi.json"));
