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
    Address, Args, Item, Map, Reply, Token, U256, Word, address, caller, contract, emit, hash_of,
    read, revert, selector, write,
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

/// The base token and the quote token.
fn deploy(args: &Args<'_>) -> Reply {
    let (base, quote) = (args.address(0), args.address(1));
    if base == quote {
        revert("a book is of two tokens");
    }
    TOKENS[0].set_address(base);
    TOKENS[1].set_address(quote);
    Reply::NONE
}

fn call(args: &Args<'_>) -> Reply {
    match args.selector() {
        PLACE => {
            let side = if flag(args, 0) { SELL } else { BUY };
            Reply::uint(place(side, price(args, 1), amount(args.uint(2))))
        }
        CANCEL => {
            cancel(args.word(0));
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
        TOKEN => Reply::address(&TOKENS[index(args.uint(0)) & 1].address()),
        FREE_OF => Reply::uint(FREE[index(args.uint(0)) & 1].get(args.address(1))),
        LEVEL => {
            let side = if flag(args, 0) { SELL } else { BUY };
            let level = Level::load(side, price(args, 1));
            let word = |number| U256::from(number).to_be_bytes();
            Reply::words(&[word(level.first), word(level.end), word(level.waiting)])
        }
        ORDER => {
            let order = Order::load(&order_key(args.word(0)));
            Reply::words(&[order.owner.word(), U256::from(order.amount).to_be_bytes()])
        }
        BEST => {
            let side = if flag(args, 0) { SELL } else { BUY };
            Reply::uint(U256::from(u64::from(Prices::load(side).best(side))))
        }
        _ => revert("no such function"),
    }
}

fn flag(args: &Args<'_>, at: usize) -> bool {
    let number = args.uint(at);
    if *number > U256::ONE {
        revert("an argument is neither true nor false");
    }
    !number.is_zero()
}

fn index(number: &U256) -> usize {
    if *number > U256::ONE {
        revert("there are tokens 0 and 1");
    }
    usize::from(!number.is_zero())
}

fn price(args: &Args<'_>, at: usize) -> u8 {
    match args.uint(at).to_u64().map(u8::try_from) {
        Some(Ok(price)) if price > 0 => price,
        _ => revert("a price is 1 to 255"),
    }
}

fn amount(amount: &U256) -> u64 {
    match amount.to_u64() {
        Some(amount) if amount > 0 => amount,
        _ => revert("an amount is 1 to 2^64 - 1"),
    }
}

/// Cannot overflow: 64 bits and eight.
fn cost(amount: u64, price: u8) -> U256 {
    let cost = u128::from(amount).wrapping_mul(u128::from(price));
    let mut word = [0; 32];
    word[16..].copy_from_slice(&cost.to_be_bytes());
    U256::from_be_bytes(word)
}

/// The prices of a side at which orders wait, as bits, the lowest first. Price 0 is none.
struct Prices([u64; 4]);

impl Prices {
    fn load(side: usize) -> Self {
        let mut word = [0; 32];
        read(&key(b'p', side, 0), &mut word);
        Self([0, 8, 16, 24].map(|at| number(&word, at)))
    }

    fn set(side: usize, price: u8, orders: bool) {
        let mut prices = Self::load(side);
        if let Some(limb) = prices.0.get_mut(usize::from(price / 64)) {
            let bit = 1 << (price % 64);
            *limb = if orders { *limb | bit } else { *limb & !bit };
        }
        let mut word = [0; 32];
        for (bytes, limb) in word.chunks_exact_mut(8).zip(&prices.0) {
            bytes.copy_from_slice(&limb.to_le_bytes());
        }
        let none = prices.0 == [0; 4];
        write(&key(b'p', side, 0), if none { &[] } else { &word });
    }

    /// The lowest price of those who sell, the highest of those who buy; 0 where nobody does.
    fn best(&self, side: usize) -> u8 {
        let mut limbs = self.0.iter().enumerate();
        let (found, bit): (_, fn(u64) -> u32) = if side == SELL {
            (limbs.find(|(_, limb)| **limb != 0), u64::trailing_zeros)
        } else {
            let highest = |limb: u64| 63_u32.wrapping_sub(limb.leading_zeros());
            (limbs.rfind(|(_, limb)| **limb != 0), highest)
        };
        found.map_or(0, |(at, limb)| {
            (at as u32 * 64).wrapping_add(bit(*limb)) as u8
        })
    }
}

/// A key that is no account's: its first byte is the name, and what follows stands at its end.
fn key(name: u8, side: usize, price: u8) -> Word {
    let mut key = [0; 32];
    (key[0], key[30], key[31]) = (name, side as u8, price);
    key
}

/// Eight bytes of a value, in the machine's own order: no one else reads them.
fn number(word: &Word, at: usize) -> u64 {
    match word.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
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
        read(&key(b'l', side, price), &mut word);
        Self {
            first: number(&word, 0),
            end: number(&word, 8),
            waiting: number(&word, 16),
        }
    }

    fn store(&self, side: usize, price: u8) {
        let mut word = [0; 32];
        word[..8].copy_from_slice(&self.first.to_le_bytes());
        word[8..16].copy_from_slice(&self.end.to_le_bytes());
        word[16..24].copy_from_slice(&self.waiting.to_le_bytes());
        write(&key(b'l', side, price), &word);
    }

    /// One order less; without any the price has none, and those that were cancelled are passed over.
    fn lose_one(&mut self, side: usize, price: u8) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.first = self.end;
            Prices::set(side, price, false);
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
    let above = self::number(number, 0) | self::number(number, 8) | self::number(number, 16) << 16;
    let mut key = [0; 32];
    key[0] = if above == 0 { b'o' } else { b'x' };
    key[22..].copy_from_slice(&number[22..]);
    key
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
            amount: number(&word, 24),
        }
    }

    fn store(&self, key: &Word) {
        if self.amount == 0 {
            return write(key, &[]);
        }
        let mut word = [0; 32];
        word[..20].copy_from_slice(&self.owner.0);
        word[24..].copy_from_slice(&self.amount.to_le_bytes());
        write(key, &word);
    }
}

fn receive(token: usize, who: &Address, amount: &U256) {
    // Does not happen: no more than the supply is in all balances together.
    if !FREE[token & 1].increase(who, amount) {
        revert("more than one can have in the book");
    }
}

fn spend(token: usize, who: &Address, amount: &U256) {
    if !FREE[token & 1].decrease(who, amount) {
        revert("more than there is in the book");
    }
}

/// Fills what it can at the prices of those who wait, and lets the rest wait. The rest's number; 0 without one.
fn place(side: usize, price: u8, amount: u64) -> U256 {
    let (from, other) = (caller(), side ^ 1);
    let (mut left, mut steps) = (amount, 0);
    while left > 0 {
        let at = Prices::load(other).best(other);
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
        steps = steps.wrapping_add(1);
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
        // Neither can be below 0: it is the lesser of both.
        left = left.wrapping_sub(fill);
        order.amount = order.amount.wrapping_sub(fill);
        let (base, quote) = (U256::from(fill), cost(fill, at));
        if side == SELL {
            spend(0, &from, &base);
            receive(1, &from, &quote);
            receive(0, &order.owner, &base);
        } else {
            spend(1, &from, &quote);
            receive(0, &from, &base);
            receive(1, &order.owner, &quote);
        }
        order.store(&key);
        if order.amount == 0 {
            level.first = level.first.wrapping_add(1);
            level.lose_one(other, at);
            level.store(other, at);
        }
        emit(&[FILLED, number, from.word()], base.as_bytes());
    }
    U256::ZERO
}

fn wait(side: usize, price: u8, from: &Address, amount: u64) -> Word {
    let locked = if side == SELL {
        U256::from(amount)
    } else {
        cost(amount, price)
    };
    spend(side, from, &locked);
    let mut level = Level::load(side, price);
    let number = order_number(side, price, level.end);
    let order = Order {
        owner: *from,
        amount,
    };
    order.store(&order_key(&number));
    if level.waiting == 0 {
        Prices::set(side, price, true);
    }
    level.end = level.end.wrapping_add(1);
    level.waiting = level.waiting.wrapping_add(1);
    level.store(side, price);
    emit(
        &[PLACED, number, from.word()],
        U256::from(amount).as_bytes(),
    );
    number
}

fn cancel(number: &Word) {
    let from = caller();
    let key = order_key(number);
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
    receive(side, &from, &locked);
    emit(&[CANCELLED, *number], U256::from(order.amount).as_bytes());
}

fn token(side: usize) -> Token {
    Token(TOKENS[side & 1].address())
}

/// Takes a token from the caller, who approved of it.
fn deposit(side: usize, amount: &U256) {
    if amount.is_zero() {
        return;
    }
    let from = caller();
    moved(token(side).transfer_from(&from, &address(), *amount));
    receive(side, &from, amount);
}

fn withdraw(side: usize, amount: &U256) {
    if amount.is_zero() {
        return;
    }
    let from = caller();
    spend(side, &from, amount);
    moved(token(side).transfer(&from, *amount));
}

fn moved(moved: bool) {
    if !moved {
        revert("a token did not move");
    }
}

contract!(call, deploy = deploy, abi = include_str!("../abi.json"));
