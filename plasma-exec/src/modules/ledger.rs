//! Who holds how much of what: the bank's books, without gas and without questions.
//!
//! XPL stands in the [`Account`], for every transaction reads that anyway; other assets in a map of their own.
//! Whoever calls checks that it may: only [`Bank`](super::Bank), [`BridgeModule`](super::BridgeModule) and
//! [`Context`](super::Context) do.

use alloy_primitives::{Address, U256};
use plasma_core::{Map, State, StateRead};

use super::{
    CallError,
    accounts::{ACCOUNTS, Account},
    bank::IBank,
};

/// The chain's own asset, and the one that fees are paid in. Zero in every message and call.
pub const XPL: Address = Address::ZERO;

/// Holdings of all assets but XPL, by asset and holder.
pub(crate) const HOLDINGS: Map<(Address, Address), U256> = Map::new("bank/holdings");
/// All there is of an asset on this chain.
pub(crate) const SUPPLY: Map<Address, U256> = Map::new("bank/supply");

pub(crate) fn balance(state: &(impl StateRead + ?Sized), asset: Address, holder: Address) -> U256 {
    if asset == XPL {
        Account::load(state, holder).balance
    } else {
        HOLDINGS.get_or_default(state, &(asset, holder))
    }
}

fn set_balance(state: &mut (impl State + ?Sized), asset: Address, holder: Address, balance: U256) {
    if asset == XPL {
        let key = ACCOUNTS.key(&holder);
        Account {
            balance,
            ..Account::load_at(state, &key)
        }
        .store_at(state, key);
    } else {
        HOLDINGS.set_or_remove(state, &(asset, holder), &balance);
    }
}

fn debit(
    state: &mut (impl State + ?Sized),
    asset: Address,
    account: Address,
    amount: U256,
) -> Result<(), CallError> {
    let balance = balance(state, asset, account);
    let rest = balance
        .checked_sub(amount)
        .ok_or(IBank::InsufficientBalance {
            asset,
            account,
            balance,
            needed: amount,
        })?;
    set_balance(state, asset, account, rest);
    Ok(())
}

fn credit(
    state: &mut (impl State + ?Sized),
    asset: Address,
    account: Address,
    amount: U256,
) -> Result<(), CallError> {
    let balance = balance(state, asset, account)
        .checked_add(amount)
        .ok_or(IBank::BalanceOverflow { asset, account })?;
    set_balance(state, asset, account, balance);
    Ok(())
}

/// Moves what `from` holds. All or nothing; to oneself, nothing but the check.
pub(crate) fn transfer(
    state: &mut (impl State + ?Sized),
    asset: Address,
    from: Address,
    to: Address,
    amount: U256,
) -> Result<(), CallError> {
    let mark = state.mark();
    debit(state, asset, from, amount)?;
    credit(state, asset, to, amount).inspect_err(|_| state.revert(mark))
}

/// Brings into being.
pub(crate) fn mint(
    state: &mut (impl State + ?Sized),
    asset: Address,
    to: Address,
    amount: U256,
) -> Result<(), CallError> {
    // No balance is more than the supply, so no balance overflows when the supply does not.
    let supply = SUPPLY
        .get_or_default(state, &asset)
        .checked_add(amount)
        .ok_or(IBank::BalanceOverflow { asset, account: to })?;
    credit(state, asset, to, amount)?;
    SUPPLY.set_or_remove(state, &asset, &supply);
    Ok(())
}

/// Takes out of being what `from` holds.
pub(crate) fn burn(
    state: &mut (impl State + ?Sized),
    asset: Address,
    from: Address,
    amount: U256,
) -> Result<(), CallError> {
    debit(state, asset, from, amount)?;
    burn_supply(state, asset, amount);
    Ok(())
}

/// Takes out of the supply what was taken from its holder before.
pub(crate) fn burn_supply(state: &mut (impl State + ?Sized), asset: Address, amount: U256) {
    let supply = SUPPLY.get_or_default(state, &asset);
    // The supply is the sum of all holdings, of which `amount` was one.
    let rest = supply
        .checked_sub(amount)
        .expect("no holding is more than the supply");
    SUPPLY.set_or_remove(state, &asset, &rest);
}
