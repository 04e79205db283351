//! A book of limit orders at 255 prices, first come first served at each, in WebAssembly.
//!
//! Who trades deposits both tokens first: orders lock what they sell, and fills move balances within the book. A price is
//! so many of the quote token for one of the base token, 1 to 255. What an order cannot fill at once waits at its price;
//! if it met more orders than `MOST_STEPS`, the rest of it is let go.
//!
//! ```text
//!   prices ── one bit for each price with orders, on either side
//!   level  ── of a side and a price: the first place in its queue, the place after the last, the orders that wait
//!   order  ── of a side, a price and a place: who, and how much of the base token
//! ```
//! `orderbook.sol` beside it, and `orderbook.rs` among the modules of the bench, do the same step for step.
#![cfg_attr(target_arch = "wasm32", no_std)]

use plasma_contract::{
    Address, Args, Input, Item, Map, Reply, U256, Word, address, call as call_contract, caller,
    contract, emit, hash_of, read, returned, revert, selector, write,
};

/// The base token and the quote token.
const TOKENS: [Item; 2] = [Item::new(b"token 0"), Item::new(b"token 1")];
/// What somebody has in the book and no order locks, of either.
const FREE: [Map; 2] = [Map::new(b"base"), Map::new(b"quote")];

/// The sides of the book: who sells the base token, and who buys it.
const SELL: usize = 0;
const BUY: usize = 1;

/// The most orders that one order meets: filled, or found cancelled.
const MOST_STEPS: u32 = 8;

const PLACED: Word = hash_of("Placed(uint256,address,uint256)");
const FILLED: Word = hash_of("Filled(uint256,address,uint256)");
const CANCELLED: Word = hash_of("Cancelled(uint256,uint256)");

const TOKEN: u32 = selector("token(uint256)");
const FREE_OF: u32 = selector("freeOf(uint256,address)");
const LEVEL: u32 = selector("level(bool,uint256)");
const ORDER: u32 = selector("order(uint256)");
const BEST: u32 = selector("best(bool)");
const DEPOSIT: u32 = selector("deposit(uint256,uint256)");
const WITHDRAW: u32 = selector("withdraw(uint256,uint256)");
const PLACE: u32 = selector("place(bool,uint256,uint256)");
const CANCEL: u32 = selector("cancel(uint256)");

const TRANSFER: u32 = selector("transfer(address,uint256)");
const TRANSFER_FROM: u32 = selector("transferFrom(address,address,uint256)");

/// The base token and the quote token.
fn deploy(args: &Args<'_>) -> Reply {
    let (base, quote) = (args.address(0), args.address(1));
    if base == quote {
        revert("a book is of two tokens");
    }
    TOKENS[0].set_address(&base);
    TOKENS[1].set_address(&quote);
    Reply::NONE
}

fn call(args: &Args<'_>) -> Reply {
    match args.selector() {
        PLACE => {
            let side = if flag(args, 0) { SELL } else { BUY };
            Reply::uint(place(side, price(args, 1), amount(args.uint(2))))
        }
        CANCEL => {
            cancel(args.uint(0));
            Reply::NONE
        }
        DEPOSIT => {
            deposit(0, args.uint(0));
            deposit(1, args.uint(1));
            Reply::NONE
        }
        WITHDRAW => {
            withdraw(0, args.uint(0));
            withdraw(1, args.uint(1));
            Reply::NONE
        }
        TOKEN => Reply::address(&TOKENS[index(args.uint(0))].address()),
        FREE_OF => Reply::uint(FREE[index(args.uint(0))].get(&args.address(1))),
        LEVEL => {
            let side = if flag(args, 0) { SELL } else { BUY };
            let level = Level::load(side, price(args, 1));
            let word = |number| U256::from(number).to_be_bytes();
            Reply::words(&[word(level.first), word(level.end), word(level.waiting)])
        }
        ORDER => {
            let order = Order::load(&order_key(&args.uint(0).to_be_bytes()));
            Reply::words(&[order.owner.word(), U256::from(order.amount).to_be_bytes()])
        }
        BEST => {
            let side = if flag(args, 0) { SELL } else { BUY };
            Reply::uint(U256::from(u64::from(best(&prices(side), side))))
        }
        _ => revert("no such function"),
    }
}

fn flag(args: &Args<'_>, at: usize) -> bool {
    let number = args.uint(at);
    if number > U256::ONE {
        revert("an argument is neither true nor false");
    }
    !number.is_zero()
}

fn index(number: U256) -> usize {
    if number > U256::ONE {
        revert("there are tokens 0 and 1");
    }
    usize::from(!number.is_zero())
}

fn price(args: &Args<'_>, at: usize) -> u8 {
    let price = args.uint(at);
    if price.is_zero() || price > U256::from(255) {
        revert("a price is 1 to 255");
    }
    price.low() as u8
}

fn amount(amount: U256) -> u64 {
    if amount.is_zero() || amount > U256::from(u64::MAX) {
        revert("an amount is 1 to 2^64 - 1");
    }
    amount.low()
}

/// Cannot overflow: 64 bits and eight.
fn cost(amount: u64, price: u8) -> U256 {
    let cost = u128::from(amount).wrapping_mul(u128::from(price));
    let mut word = [0; 32];
    word[16..].copy_from_slice(&cost.to_be_bytes());
    U256::from_be_bytes(word)
}

/// The prices at which orders wait, as bits: price 0, which is none, is the lowest bit of the last byte.
fn prices(side: usize) -> Word {
    let mut bits = [0; 32];
    read(&key(b'p', &[side as u8]), &mut bits);
    bits
}

fn set_price(side: usize, price: u8, orders: bool) {
    let mut bits = prices(side);
    let (byte, bit) = (31 - usize::from(price / 8), 1 << (price % 8));
    if orders {
        bits[byte] |= bit;
    } else {
        bits[byte] &= !bit;
    }
    let none = bits == [0; 32];
    write(&key(b'p', &[side as u8]), if none { &[] } else { &bits });
}

/// The lowest price of those who sell, the highest of those who buy; 0 where nobody does.
fn best(bits: &Word, side: usize) -> u8 {
    let place =
        |at: usize, bit: u32| (31_usize.wrapping_sub(at) * 8).wrapping_add(bit as usize) as u8;
    if side == SELL {
        let last = bits.iter().enumerate().rev().find(|(_, byte)| **byte != 0);
        last.map_or(0, |(at, byte)| place(at, byte.trailing_zeros()))
    } else {
        let first = bits.iter().enumerate().find(|(_, byte)| **byte != 0);
        first.map_or(0, |(at, byte)| {
            place(at, 7_u32.wrapping_sub(byte.leading_zeros()))
        })
    }
}

/// A key that is no account's: its first byte is the name, and what follows stands at its end.
fn key(name: u8, number: &[u8]) -> Word {
    let mut key = [0; 32];
    key[0] = name;
    for (to, from) in key.iter_mut().rev().zip(number.iter().rev()) {
        *to = *from;
    }
    key
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The orders at a price, in the order in which they came.
struct Level {
    first: u64,
    end: u64,
    waiting: u64,
}

impl Level {
    fn load(side: usize, price: u8) -> Self {
        let mut word = [0; 32];
        read(&key(b'l', &[side as u8, price]), &mut word);
        Self {
            first: number(&word[24..]),
            end: number(&word[16..24]),
            waiting: number(&word[8..16]),
        }
    }

    fn store(&self, side: usize, price: u8) {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&self.first.to_be_bytes());
        word[16..24].copy_from_slice(&self.end.to_be_bytes());
        word[8..16].copy_from_slice(&self.waiting.to_be_bytes());
        write(&key(b'l', &[side as u8, price]), &word);
    }

    /// One order less; without any the price has none, and those that were cancelled are passed over.
    fn lose_one(&mut self, side: usize, price: u8) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.first = self.end;
            set_price(side, price, false);
        }
    }
}

/// An order's number: its side, its price and its place.
fn order_number(side: usize, price: u8, place: u64) -> Word {
    let mut word = [0; 32];
    (word[22], word[23]) = (side as u8, price);
    word[24..].copy_from_slice(&place.to_be_bytes());
    word
}

/// Of a number with more digits there is no order: its key is no order's.
fn order_key(number: &Word) -> Word {
    let known = number[..22] == [0; 22];
    key(if known { b'o' } else { b'x' }, &number[22..])
}

struct Order {
    owner: Address,
    amount: u64,
}

impl Order {
    /// Nobody's where there is none.
    fn load(key: &Word) -> Self {
        let mut word = [0; 32];
        read(key, &mut word);
        let mut owner = Address::ZERO;
        owner.0.copy_from_slice(&word[..20]);
        Self {
            owner,
            amount: number(&word[24..]),
        }
    }

    fn store(&self, key: &Word) {
        if self.amount == 0 {
            return write(key, &[]);
        }
        let mut word = [0; 32];
        word[..20].copy_from_slice(&self.owner.0);
        word[24..].copy_from_slice(&self.amount.to_be_bytes());
        write(key, &word);
    }
}

fn receive(token: usize, who: &Address, amount: U256) {
    // Cannot overflow: no more than the supply is in all balances together.
    FREE[token].set(who, FREE[token].get(who).wrapping_add(amount));
}

fn spend(token: usize, who: &Address, amount: U256) {
    match FREE[token].get(who).checked_sub(amount) {
        Some(left) => FREE[token].set(who, left),
        None => revert("more than there is in the book"),
    }
}

/// Fills what it can at the prices of those who wait, and lets the rest wait. The rest's number; 0 without one.
fn place(side: usize, price: u8, amount: u64) -> U256 {
    let (from, other) = (caller(), 1 - side);
    let (mut left, mut steps) = (amount, 0);
    while left > 0 {
        let at = best(&prices(other), other);
        let crosses = at != 0
            && if side == SELL {
                at >= price
            } else {
                at <= price
            };
        if !crosses {
            return U256::from_be_bytes(wait(side, price, &from, left));
        }
        if steps == MOST_STEPS {
            break;
        }
        steps += 1;
        let mut level = Level::load(other, at);
        let number = order_number(other, at, level.first);
        let key = order_key(&number);
        let mut order = Order::load(&key);
        if order.amount == 0 {
            level.first = level.first.wrapping_add(1);
            level.store(other, at);
            continue;
        }
        let fill = left.min(order.amount);
        left -= fill;
        order.amount -= fill;
        let (base, quote) = (U256::from(fill), cost(fill, at));
        if side == SELL {
            spend(0, &from, base);
            receive(1, &from, quote);
            receive(0, &order.owner, base);
        } else {
            spend(1, &from, quote);
            receive(0, &from, base);
            receive(1, &order.owner, quote);
        }
        order.store(&key);
        if order.amount == 0 {
            level.first = level.first.wrapping_add(1);
            level.lose_one(other, at);
            level.store(other, at);
        }
        emit(&[FILLED, number, from.word()], &base.to_be_bytes());
    }
    U256::ZERO
}

fn wait(side: usize, price: u8, from: &Address, amount: u64) -> Word {
    let locked = if side == SELL {
        U256::from(amount)
    } else {
        cost(amount, price)
    };
    spend(side, from, locked);
    let mut level = Level::load(side, price);
    let number = order_number(side, price, level.end);
    let order = Order {
        owner: *from,
        amount,
    };
    order.store(&order_key(&number));
    if level.waiting == 0 {
        set_price(side, price, true);
    }
    level.end = level.end.wrapping_add(1);
    level.waiting = level.waiting.wrapping_add(1);
    level.store(side, price);
    emit(
        &[PLACED, number, from.word()],
        &U256::from(amount).to_be_bytes(),
    );
    number
}

fn cancel(number: U256) {
    let (from, number) = (caller(), number.to_be_bytes());
    let key = order_key(&number);
    let order = Order::load(&key);
    if order.amount == 0 || order.owner != from {
        revert("the caller has no such order");
    }
    let (side, price) = (usize::from(number[22]), number[23]);
    let gone = Order { amount: 0, ..order };
    gone.store(&key);
    let mut level = Level::load(side, price);
    level.lose_one(side, price);
    level.store(side, price);
    let locked = if side == SELL {
        U256::from(order.amount)
    } else {
        cost(order.amount, price)
    };
    receive(side, &from, locked);
    emit(
        &[CANCELLED, number],
        &U256::from(order.amount).to_be_bytes(),
    );
}

/// Takes a token from the caller, who approved of it.
fn deposit(token: usize, amount: U256) {
    if amount.is_zero() {
        return;
    }
    let from = caller();
    let words = [from.word(), address().word(), amount.to_be_bytes()];
    let taken = call_contract(
        &TOKENS[token].address(),
        U256::ZERO,
        &Input::new(TRANSFER_FROM, words),
    );
    said_yes(taken);
    receive(token, &from, amount);
}

fn withdraw(token: usize, amount: U256) {
    if amount.is_zero() {
        return;
    }
    let from = caller();
    spend(token, &from, amount);
    let words = [from.word(), amount.to_be_bytes()];
    let given = call_contract(
        &TOKENS[token].address(),
        U256::ZERO,
        &Input::new(TRANSFER, words),
    );
    said_yes(given);
}

fn said_yes(succeeded: bool) {
    let said = returned().is_some_and(|word| U256::from_be_bytes(word) == U256::ONE);
    if !succeeded || !said {
        revert("a token did not move");
    }
}

contract!(call, deploy = deploy, abi = include_str!("../abi.json"));
