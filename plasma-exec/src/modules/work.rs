//! What a step takes in the fault-proof machine at most, known before it is executed: it is what a block is cut by.
//!
//! Work is counted in parts of what a unit of gas may take there, [`gas::WORK`] of them: gas is set for the dearest
//! that can be done with it, and declared with room to spare. A payment, which most blocks are full of, takes less. So
//! what is known to be one counts for what the dearest takes, and a segment holds the more of them.

use alloy_primitives::{Address, U256};
use plasma_core::{NATIVE_TRANSACTION_TYPE, StateRead};

use super::{ModuleRuntime, fee_market::FeeMarket, gas, registry::Entry};
use crate::ethereum::{declared_work, least_work, plain_call};

/// The longest transaction that may be a payment. Any is shorter; what is longer takes longer to hash.
const LONGEST_PAYMENT: usize = 400;

impl ModuleRuntime {
    /// The most work of a transaction of these bytes, valid or not.
    pub(super) fn work_of(&self, state: &dyn StateRead, bytes: &[u8]) -> u64 {
        self.payment_work(bytes)
            .unwrap_or_else(|| gas::WORK * declared_gas(state, bytes))
    }

    /// The most work of what is a payment, by its form: of XPL by an Ethereum transaction, or a call of the chain's
    /// bank, or of another module that knows what its calls take.
    fn payment_work(&self, bytes: &[u8]) -> Option<u64> {
        if bytes.len() > LONGEST_PAYMENT {
            return None;
        }
        let (to, input, signature) = match bytes.split_first()? {
            (&NATIVE_TRANSACTION_TYPE, body) => native_call(body)?,
            _ => {
                let (to, input) = plain_call(bytes)?;
                (to, input, 0)
            }
        };
        let call = match self.registry.at(&to) {
            Some(Entry { module, .. }) => module.work(input)?,
            None if input.is_empty() => 0,
            None => return None,
        };
        Some(gas::PAYMENT_WORK + gas::WORK * signature + call)
    }
}

/// The most gas that a transaction of these bytes can use. A native call buys gas by its fee, at the base fee, which
/// stays the same within a block.
pub(super) fn declared_gas(state: &dyn StateRead, bytes: &[u8]) -> u64 {
    let Some((&NATIVE_TRANSACTION_TYPE, body)) = bytes.split_first() else {
        return declared_work(bytes, gas::MAX_TRANSACTION);
    };
    let bought = native_max_fee(body).map_or(0, |max_fee| {
        let base_fee = U256::from(FeeMarket::load(state).base_fee);
        let gas = max_fee.checked_div(base_fee).unwrap_or(U256::MAX);
        u64::try_from(gas).unwrap_or(u64::MAX)
    });
    bought.min(gas::MAX_TRANSACTION).max(least_work(bytes))
}

/// What stands in a native call behind the call itself: the nonce and the expiry.
const BEFORE_FEE: usize = 8 + 8;

/// The call of a native transaction, and what is behind it.
fn split_call(body: &[u8]) -> Option<(Address, &[u8], &[u8])> {
    let (module, rest) = body.split_at_checked(20)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (call, rest) = rest.split_at_checked(length)?;
    Some((Address::from_slice(module), call, rest))
}

/// The fee that a native call offers, where its encoding has it. `None` for what is no native call.
fn native_max_fee(body: &[u8]) -> Option<U256> {
    let (_, _, rest) = split_call(body)?;
    let fee = rest.get(BEFORE_FEE..)?.first_chunk::<32>()?;
    Some(U256::from_le_bytes(*fee))
}

/// The module that a native transaction calls, what with, and the gas of its signature, if that is an account's own and
/// no passkey's, which are as long as they like.
fn native_call(body: &[u8]) -> Option<(Address, &[u8], u64)> {
    let (module, call, rest) = split_call(body)?;
    let signature = match rest.get(BEFORE_FEE + 32)? {
        0 => 0,
        1 => gas::ED25519,
        2 => gas::P256,
        _ => return None,
    };
    Some((module, call, signature))
}
