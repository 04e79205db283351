//! Books of limit orders at 255 prices, as a native module.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Address, Item, Map, U256};
use plasma_exec::{Answer as _, CallError, CallResult, Context, JsonAbi, Module, sol};

sol! {
    /// Books of limit orders at 255 prices, first come first served at each: what `examples/contracts/orderbook` is as a
    /// contract, and says there.
    interface IOrderBook {
        /// Opens a book of two assets; books are numbered from 0.
        function open(address base, address quote) external returns (uint64 book);
        /// Puts assets into the caller's balances in a book.
        function deposit(uint64 book, uint256 base, uint256 quote) external;
        /// Takes assets out of them.
        function withdraw(uint64 book, uint256 base, uint256 quote) external;
        /// Fills what it can at the prices of those who wait, and lets the rest wait. The rest's number; 0 without one.
        function place(uint64 book, bool sell, uint8 price, uint64 amount) external
            returns (uint128 number);
        /// Gives up an order that waits.
        function cancel(uint64 book, uint128 number) external;
        /// What somebody has in a book and no order locks.
        function freeOf(uint64 book, uint8 index, address holder) external view
            returns (uint256 amount);
        /// The orders at a price: the first place in their queue, the place after the last, how many wait.
        function level(uint64 book, bool sell, uint8 price) external view
            returns (uint64 first, uint64 end, uint64 waiting);
        /// Whose an order is, and what is left of it.
        function order(uint64 book, uint128 number) external view
            returns (address owner, uint64 amount);
        /// The best price of those who sell, or who buy; 0 where nobody does.
        function best(uint64 book, bool sell) external view returns (uint8 price);

        event Placed(
            uint64 indexed book, uint128 indexed number, address indexed owner, uint64 amount
        );
        event Filled(
            uint64 indexed book, uint128 indexed number, address indexed taker, uint64 amount
        );
        event Cancelled(uint64 indexed book, uint128 indexed number, uint64 amount);

        error SameToken(address token);
        error NoBook(uint64 book);
        error NoOrder(uint128 number, address caller);
        error Zero();
        error TooMuch(uint256 amount, uint256 held);
    }
}
use IOrderBook::IOrderBookCalls as Calls;

/// The sides of a book: who sells the base asset, and who buys it. Each locks the asset of its number.
const SELL: u8 = 0;
const BUY: u8 = 1;
/// The most orders that one order meets: filled, or found cancelled.
const MOST_STEPS: u32 = 8;

const COUNT: Item<u64> = Item::new("count");
const TOKENS: Map<u64, [Address; 2]> = Map::new("tokens");
/// By book, asset and holder.
const FREE: Map<(u64, u8, Address), U256> = Map::new("free");
/// One bit for each price with orders, by book and side.
const PRICES: Map<(u64, u8), U256> = Map::new("prices");
/// By book, side and price.
const LEVELS: Map<(u64, u8, u8), Level> = Map::new("levels");
/// By book and number.
const ORDERS: Map<(u64, u128), WaitingOrder> = Map::new("orders");

/// The orders at a price, in the order in which they came.
#[derive(Clone, Copy, Debug, Default, BorshSerialize, BorshDeserialize)]
struct Level {
    first: u64,
    end: u64,
    waiting: u64,
}

/// An order that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WaitingOrder {
    /// Whose it is.
    pub owner: Address,
    /// What is left of it, of the base asset.
    pub amount: u64,
}

/// Books of limit orders at 255 prices.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderBookModule;

/// An order's number: its side, its price and its place.
fn order_number(side: u8, price: u8, place: u64) -> u128 {
    u128::from(side) << 72 | u128::from(price) << 64 | u128::from(place)
}

fn side_of(sell: bool) -> u8 {
    if sell { SELL } else { BUY }
}

/// What an order of the base asset locks.
fn locked(side: u8, amount: u64, price: u8) -> U256 {
    if side == SELL {
        U256::from(amount)
    } else {
        cost(amount, price)
    }
}

fn cost(amount: u64, price: u8) -> U256 {
    U256::from(amount) * U256::from(price)
}

/// The lowest price of those who sell, the highest of those who buy; 0, whose bit is never set, where nobody does.
fn best(prices: U256, side: u8) -> u8 {
    if prices.is_zero() {
        return 0;
    }
    let bit = if side == SELL {
        prices.trailing_zeros()
    } else {
        255 - prices.leading_zeros()
    };
    bit as u8
}

/// A book in the middle of a call.
struct Book<'a, 'c> {
    context: &'a mut Context<'c>,
    book: u64,
}

impl Book<'_, '_> {
    fn receive(&mut self, asset: u8, who: Address, amount: U256) -> CallResult<()> {
        let key = (self.book, asset, who);
        let held = self.context.get(&FREE, &key)?.unwrap_or_default();
        // Cannot overflow: no more than the supply is in all balances together.
        self.context.set(&FREE, &key, &(held + amount))
    }

    fn spend(&mut self, asset: u8, amount: U256) -> CallResult<()> {
        let key = (self.book, asset, self.context.caller());
        let held = self.context.get(&FREE, &key)?.unwrap_or_default();
        let left = held.checked_sub(amount);
        let left = left.ok_or(IOrderBook::TooMuch { amount, held })?;
        if left.is_zero() {
            self.context.remove(&FREE, &key)
        } else {
            self.context.set(&FREE, &key, &left)
        }
    }

    fn prices(&mut self, side: u8) -> CallResult<U256> {
        let prices = self.context.get(&PRICES, &(self.book, side))?;
        Ok(prices.unwrap_or_default())
    }

    fn set_price(&mut self, side: u8, price: u8, orders: bool) -> CallResult<()> {
        let mut prices = self.prices(side)?;
        prices.set_bit(price.into(), orders);
        self.context.set(&PRICES, &(self.book, side), &prices)
    }

    fn level(&mut self, side: u8, price: u8) -> CallResult<Level> {
        let level = self.context.get(&LEVELS, &(self.book, side, price))?;
        Ok(level.unwrap_or_default())
    }

    fn store_level(&mut self, side: u8, price: u8, level: Level) -> CallResult<()> {
        self.context.set(&LEVELS, &(self.book, side, price), &level)
    }

    fn order(&mut self, number: u128) -> CallResult<Option<WaitingOrder>> {
        self.context.get(&ORDERS, &(self.book, number))
    }

    /// One order less; without any the price has none, and those that were cancelled are passed over.
    fn lose_one(&mut self, level: &mut Level, side: u8, price: u8) -> CallResult<()> {
        level.waiting = level.waiting.saturating_sub(1);
        if level.waiting == 0 {
            level.first = level.end;
            self.set_price(side, price, false)?;
        }
        Ok(())
    }

    fn place(&mut self, side: u8, price: u8, amount: u64) -> CallResult<u128> {
        let other = 1 - side;
        let (mut left, mut steps) = (amount, 0);
        while left > 0 {
            let at = best(self.prices(other)?, other);
            let crosses = at != 0
                && if side == SELL {
                    at >= price
                } else {
                    at <= price
                };
            if !crosses {
                return self.wait(side, price, left);
            }
            if steps == MOST_STEPS {
                break;
            }
            steps += 1;
            left -= self.meet(other, at, left)?;
        }
        Ok(0)
    }

    /// Fills as much as it can of the first order at a price.
    fn meet(&mut self, side: u8, price: u8, most: u64) -> CallResult<u64> {
        let taker = self.context.caller();
        let mut level = self.level(side, price)?;
        let number = order_number(side, price, level.first);
        let Some(order) = self.order(number)? else {
            level.first += 1;
            self.store_level(side, price, level)?;
            return Ok(0);
        };
        let fill = most.min(order.amount);
        // Who waits sells what the taker gets, and gets what the taker sells.
        let (gets, gives) = (locked(side, fill, price), locked(1 - side, fill, price));
        self.spend(1 - side, gives)?;
        self.receive(side, taker, gets)?;
        self.receive(1 - side, order.owner, gives)?;
        if fill == order.amount {
            self.context.remove(&ORDERS, &(self.book, number))?;
            level.first += 1;
            self.lose_one(&mut level, side, price)?;
            self.store_level(side, price, level)?;
        } else {
            let amount = order.amount - fill;
            let rest = WaitingOrder { amount, ..order };
            self.context.set(&ORDERS, &(self.book, number), &rest)?;
        }
        self.context.emit(&IOrderBook::Filled {
            book: self.book,
            number,
            taker,
            amount: fill,
        })?;
        Ok(fill)
    }

    fn wait(&mut self, side: u8, price: u8, amount: u64) -> CallResult<u128> {
        self.spend(side, locked(side, amount, price))?;
        let mut level = self.level(side, price)?;
        let number = order_number(side, price, level.end);
        let owner = self.context.caller();
        let order = WaitingOrder { owner, amount };
        self.context.set(&ORDERS, &(self.book, number), &order)?;
        if level.waiting == 0 {
            self.set_price(side, price, true)?;
        }
        level.end += 1;
        level.waiting += 1;
        self.store_level(side, price, level)?;
        let book = self.book;
        self.context.emit(&IOrderBook::Placed {
            book,
            number,
            owner,
            amount,
        })?;
        Ok(number)
    }

    fn cancel(&mut self, number: u128) -> CallResult<()> {
        let caller = self.context.caller();
        let order = self.order(number)?.filter(|order| order.owner == caller);
        let order = order.ok_or(IOrderBook::NoOrder { number, caller })?;
        let (side, price) = ((number >> 72) as u8, (number >> 64) as u8);
        self.context.remove(&ORDERS, &(self.book, number))?;
        let mut level = self.level(side, price)?;
        self.lose_one(&mut level, side, price)?;
        self.store_level(side, price, level)?;
        self.receive(side, caller, locked(side, order.amount, price))?;
        let (book, amount) = (self.book, order.amount);
        self.context.emit(&IOrderBook::Cancelled {
            book,
            number,
            amount,
        })
    }

    fn tokens(&mut self) -> CallResult<[Address; 2]> {
        let book = self.book;
        let tokens = self.context.get(&TOKENS, &book)?;
        tokens.ok_or_else(|| IOrderBook::NoBook { book }.into())
    }

    fn deposit(&mut self, amounts: [U256; 2]) -> CallResult<()> {
        let tokens = self.tokens()?;
        for (asset, amount) in (0..).zip(amounts).filter(|(_, amount)| !amount.is_zero()) {
            self.context.take(tokens[usize::from(asset)], amount)?;
            self.receive(asset, self.context.caller(), amount)?;
        }
        Ok(())
    }

    fn withdraw(&mut self, amounts: [U256; 2]) -> CallResult<()> {
        let tokens = self.tokens()?;
        for (asset, amount) in (0..).zip(amounts).filter(|(_, amount)| !amount.is_zero()) {
            self.spend(asset, amount)?;
            let caller = self.context.caller();
            self.context
                .transfer(tokens[usize::from(asset)], caller, amount)?;
        }
        Ok(())
    }
}

fn zero() -> CallError {
    IOrderBook::Zero {}.into()
}

impl Module for OrderBookModule {
    const NAME: &'static str = "orderbook";
    type Calls = Calls;
    type Genesis = ();

    fn abi(&self) -> JsonAbi {
        IOrderBook::abi::contract()
    }

    fn hook_gas(&self) -> u64 {
        0
    }

    fn call(&self, context: &mut Context<'_>, call: Calls) -> CallResult {
        let at = |context, book| Book { context, book };
        match call {
            Calls::open(call) => {
                if call.base == call.quote {
                    return Err(IOrderBook::SameToken { token: call.base }.into());
                }
                let book = context.load(&COUNT)?.unwrap_or_default();
                context.set(&TOKENS, &book, &[call.base, call.quote])?;
                context.store(&COUNT, &(book + 1))?;
                call.answer(&book)
            }
            Calls::deposit(call) => {
                at(context, call.book).deposit([call.base, call.quote])?;
                call.done()
            }
            Calls::withdraw(call) => {
                at(context, call.book).withdraw([call.base, call.quote])?;
                call.done()
            }
            Calls::place(call) => {
                if call.price == 0 || call.amount == 0 {
                    return Err(zero());
                }
                let side = side_of(call.sell);
                call.answer(&at(context, call.book).place(side, call.price, call.amount)?)
            }
            Calls::cancel(call) => {
                at(context, call.book).cancel(call.number)?;
                call.done()
            }
            Calls::freeOf(call) => {
                let held = context.get(&FREE, &(call.book, call.index, call.holder))?;
                call.answer(&held.unwrap_or_default())
            }
            Calls::level(call) => {
                let level = at(context, call.book).level(side_of(call.sell), call.price)?;
                call.answer(&IOrderBook::levelReturn {
                    first: level.first,
                    end: level.end,
                    waiting: level.waiting,
                })
            }
            Calls::order(call) => {
                let order = at(context, call.book).order(call.number)?;
                call.answer(&IOrderBook::orderReturn {
                    owner: order.map_or(Address::ZERO, |order| order.owner),
                    amount: order.map_or(0, |order| order.amount),
                })
            }
            Calls::best(call) => {
                let side = side_of(call.sell);
                let prices = at(context, call.book).prices(side)?;
                call.answer(&best(prices, side))
            }
        }
    }
}
