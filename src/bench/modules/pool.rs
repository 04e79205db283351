//! Pools of two assets whose product stays constant, as a native module.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Address, Item, Map, U256};
use plasma_exec::{Answer as _, CallError, CallResult, Context, JsonAbi, Module, sol};

sol! {
    /// Pools of two assets whose product stays constant: what `examples/contracts/pool` is as a contract.
    interface IPool {
        /// Opens a pool of two assets; pools are numbered from 0.
        function open(address token0, address token1) external returns (uint64 pool);
        /// Adds to both sides; the first who does sets the price, the others keep to it.
        function add(uint64 pool, uint256 amount0, uint256 amount1) external returns (uint256 shares);
        /// Takes the part of both sides that shares stand for.
        function remove(uint64 pool, uint256 shares) external
            returns (uint256 amount0, uint256 amount1);
        /// Gives one asset for at least so much of the other.
        function swap(uint64 pool, address token, uint256 amount, uint256 least) external
            returns (uint256 bought);
        /// What is in a pool.
        function reserve(uint64 pool, uint8 index) external view returns (uint256 amount);
        /// What part of a pool somebody has.
        function sharesOf(uint64 pool, address holder) external view returns (uint256 shares);
        /// What an amount of an asset buys of the other.
        function quote(uint64 pool, address token, uint256 amount) external view
            returns (uint256 bought);

        event Swap(
            uint64 indexed pool, address indexed caller, address indexed token, uint256 paid,
            uint256 bought
        );

        error SameToken(address token);
        error NoPool(uint64 pool);
        error NoToken(address token);
        error PriceMoved(uint256 bought, uint256 least);
        error TooMuch(uint256 amount, uint256 held);
        error TooLittle();
        error Overflow();
    }
}
use IPool::IPoolCalls as Calls;

/// What is in a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PoolState {
    /// The two assets.
    pub tokens: [Address; 2],
    /// How much of each.
    pub reserves: [U256; 2],
    /// All shares together.
    pub shares: U256,
}

const COUNT: Item<u64> = Item::new("count");
const POOLS: Map<u64, PoolState> = Map::new("pools");
const SHARES: Map<(u64, Address), U256> = Map::new("shares");

/// Pools of two assets whose product stays constant.
///
/// Who adds to a pool gets shares of it; who swaps pays three parts in a thousand to the pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolModule;

fn overflow() -> CallError {
    IPool::Overflow {}.into()
}

/// A part of the whole, rounded down.
fn part(of: U256, count: U256, whole: U256) -> CallResult<U256> {
    let product = of.checked_mul(count).ok_or_else(overflow)?;
    product
        .checked_div(whole)
        .ok_or_else(|| IPool::TooLittle {}.into())
}

impl PoolState {
    fn side_of(&self, token: Address) -> CallResult<usize> {
        let side = self.tokens.iter().position(|known| *known == token);
        side.ok_or_else(|| IPool::NoToken { token }.into())
    }

    fn bought(&self, side: usize, amount: U256) -> CallResult<U256> {
        let times = |one: U256, other: u64| one.checked_mul(U256::from(other)).ok_or_else(overflow);
        let paid = times(amount, 997)?;
        let all = times(self.reserves[side], 1_000)?
            .checked_add(paid)
            .ok_or_else(overflow)?;
        part(self.reserves[1 - side], paid, all)
    }

    fn take(&mut self, context: &mut Context<'_>, side: usize, amount: U256) -> CallResult<()> {
        context.take(self.tokens[side], amount)?;
        let more = self.reserves[side].checked_add(amount);
        self.reserves[side] = more.ok_or_else(overflow)?;
        Ok(())
    }

    fn give(&mut self, context: &mut Context<'_>, side: usize, amount: U256) -> CallResult<()> {
        let held = self.reserves[side];
        let left = held.checked_sub(amount);
        self.reserves[side] = left.ok_or(IPool::TooMuch { amount, held })?;
        context.transfer(self.tokens[side], context.caller(), amount)
    }
}

fn load(context: &mut Context<'_>, pool: u64) -> CallResult<PoolState> {
    let state = context.get(&POOLS, &pool)?;
    state.ok_or_else(|| IPool::NoPool { pool }.into())
}

impl Module for PoolModule {
    const NAME: &'static str = "pool";
    type Calls = Calls;
    type Genesis = ();

    fn abi(&self) -> JsonAbi {
        IPool::abi::contract()
    }

    fn hook_gas(&self) -> u64 {
        0
    }

    fn call(&self, context: &mut Context<'_>, call: Calls) -> CallResult {
        match call {
            Calls::open(call) => {
                let tokens = [call.token0, call.token1];
                if tokens[0] == tokens[1] {
                    return Err(IPool::SameToken { token: tokens[0] }.into());
                }
                let pool = context.load(&COUNT)?.unwrap_or_default();
                let state = PoolState {
                    tokens,
                    ..PoolState::default()
                };
                context.set(&POOLS, &pool, &state)?;
                context.store(&COUNT, &(pool + 1))?;
                call.answer(&pool)
            }
            Calls::add(call) => {
                let mut state = load(context, call.pool)?;
                let (amounts, all) = ([call.amount0, call.amount1], state.shares);
                let shares = if all.is_zero() {
                    let product = amounts[0].checked_mul(amounts[1]);
                    product.ok_or_else(overflow)?.root(2)
                } else {
                    let one = part(all, amounts[0], state.reserves[0])?;
                    one.min(part(all, amounts[1], state.reserves[1])?)
                };
                if shares.is_zero() {
                    return Err(IPool::TooLittle {}.into());
                }
                state.take(context, 0, amounts[0])?;
                state.take(context, 1, amounts[1])?;
                let key = (call.pool, context.caller());
                let held = context.get(&SHARES, &key)?.unwrap_or_default();
                state.shares = all.checked_add(shares).ok_or_else(overflow)?;
                // Not more than all shares.
                context.set(&SHARES, &key, &(held + shares))?;
                context.set(&POOLS, &call.pool, &state)?;
                call.answer(&shares)
            }
            Calls::remove(call) => {
                let mut state = load(context, call.pool)?;
                let (key, all) = ((call.pool, context.caller()), state.shares);
                let held = context.get(&SHARES, &key)?.unwrap_or_default();
                let amount = call.shares;
                let left = held.checked_sub(amount);
                let left = left.ok_or(IPool::TooMuch { amount, held })?;
                context.set(&SHARES, &key, &left)?;
                let amount0 = part(state.reserves[0], amount, all)?;
                let amount1 = part(state.reserves[1], amount, all)?;
                // Nobody holds more than all shares.
                state.shares = all - amount;
                state.give(context, 0, amount0)?;
                state.give(context, 1, amount1)?;
                context.set(&POOLS, &call.pool, &state)?;
                call.answer(&IPool::removeReturn { amount0, amount1 })
            }
            Calls::swap(call) => {
                let mut state = load(context, call.pool)?;
                let side = state.side_of(call.token)?;
                let (bought, least) = (state.bought(side, call.amount)?, call.least);
                if bought < least {
                    return Err(IPool::PriceMoved { bought, least }.into());
                }
                state.take(context, side, call.amount)?;
                state.give(context, 1 - side, bought)?;
                context.set(&POOLS, &call.pool, &state)?;
                context.emit(&IPool::Swap {
                    pool: call.pool,
                    caller: context.caller(),
                    token: call.token,
                    paid: call.amount,
                    bought,
                })?;
                call.answer(&bought)
            }
            Calls::reserve(call) => {
                let state = load(context, call.pool)?;
                call.answer(&state.reserves[usize::from(call.index != 0)])
            }
            Calls::sharesOf(call) => {
                let held = context.get(&SHARES, &(call.pool, call.holder))?;
                call.answer(&held.unwrap_or_default())
            }
            Calls::quote(call) => {
                let state = load(context, call.pool)?;
                let side = state.side_of(call.token)?;
                call.answer(&state.bought(side, call.amount)?)
            }
        }
    }
}
