//! Calls of other contracts.

use crate::{Address, Input, U256, Word, ffi, selector};

/// Calls a contract with all gas but a 64th, and this XPL. Whether it succeeded; [`returned`] is what it gave.
#[must_use]
pub fn call<const N: usize>(to: &Address, value: U256, input: &Input<N>) -> bool {
    ffi::call(to, value.as_bytes(), input, u64::MAX)
}

/// The same, and nothing may be changed by it.
#[must_use]
pub fn call_static<const N: usize>(to: &Address, input: &Input<N>) -> bool {
    ffi::call_static(to, input, u64::MAX)
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
    ffi::transfer(to, value.as_bytes())
}

/// A token of another contract, as ERC-20 has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub Address);

impl Token {
    /// Gives of this contract's own. Whether the token says that it did.
    #[must_use]
    pub fn transfer(&self, to: &Address, amount: U256) -> bool {
        const TRANSFER: u32 = selector("transfer(address,uint256)");
        self.says_yes(&Input::new(TRANSFER, [to.word(), amount.to_be_bytes()]))
    }

    /// Takes from a holder who approved of it. Whether the token says that it did.
    #[must_use]
    pub fn transfer_from(&self, from: &Address, to: &Address, amount: U256) -> bool {
        const TRANSFER_FROM: u32 = selector("transferFrom(address,address,uint256)");
        let words = [from.word(), to.word(), amount.to_be_bytes()];
        self.says_yes(&Input::new(TRANSFER_FROM, words))
    }

    fn says_yes<const N: usize>(&self, input: &Input<N>) -> bool {
        let said = call(&self.0, U256::ZERO, input);
        said && returned().is_some_and(|word| U256::from_be_bytes(word) == U256::ONE)
    }
}
