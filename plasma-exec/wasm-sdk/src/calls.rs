//! Calls of other contracts.

use crate::{Address, Input, U256, Word, ffi};

/// Calls a contract with all gas but a 64th, and this XPL. Whether it succeeded; [`returned`] is what it gave.
#[must_use]
pub fn call<const N: usize>(to: &Address, value: U256, input: &Input<N>) -> bool {
    input.with(|bytes| ffi::call(to, &value.to_be_bytes(), bytes, u64::MAX))
}

/// The same, and nothing may be changed by it.
#[must_use]
pub fn call_static<const N: usize>(to: &Address, input: &Input<N>) -> bool {
    input.with(|bytes| ffi::call_static(to, bytes, u64::MAX))
}

/// The first word that the last call returned, or reverted with; `None` for less.
pub fn returned() -> Option<Word> {
    let mut word = [0; 32];
    if ffi::returned_len() < word.len() {
        return None;
    }
    ffi::returned(&mut word);
    Some(word)
}

/// Pays XPL without calling. Whether there was enough.
#[must_use]
pub fn pay(to: &Address, value: U256) -> bool {
    ffi::transfer(to, &value.to_be_bytes())
}
