//! Storage: numbers under names, accounts, and pairs of accounts.
//!
//! A name takes at most twelve bytes, and is followed by an account's twenty: so most keys need no hash.

use crate::{Address, U256, Word, abi::fill, ffi};

/// The value under a key, into `to`: its length, 0 for none.
pub fn read(key: &Word, to: &mut [u8]) -> usize {
    ffi::storage_read(key, to)
}

/// Sets the value under a key, at most 4,096 bytes; none removes it.
pub fn write(key: &Word, value: &[u8]) {
    ffi::storage_write(key, value);
}

fn number(key: &Word) -> U256 {
    let mut word = [0; 32];
    if read(key, &mut word) == 32 {
        U256::from_be_bytes(word)
    } else {
        U256::ZERO
    }
}

/// Zero is kept as nothing.
fn set_number(key: &Word, number: U256) {
    if number.is_zero() {
        write(key, &[]);
    } else {
        write(key, &number.to_be_bytes());
    }
}

const fn named(name: &[u8]) -> Word {
    assert!(name.len() <= 12, "a name has at most twelve bytes");
    let (mut key, mut i) = ([0; 32], 0);
    while i < name.len() {
        key[i] = name[i];
        i += 1;
    }
    key
}

/// A number; zero until it is set.
pub struct Item(Word);

impl Item {
    /// Under a name, which must be the only one of its kind in the contract.
    pub const fn new(name: &[u8]) -> Self {
        let mut key = named(name);
        // No account's: nobody has a key to that address.
        key[31] = 1;
        Self(key)
    }

    /// What it is.
    pub fn get(&self) -> U256 {
        number(&self.0)
    }

    /// Sets it.
    pub fn set(&self, to: U256) {
        set_number(&self.0, to);
    }

    /// What it is, as an account.
    pub fn address(&self) -> Address {
        Address::from_word(&self.get().to_be_bytes())
    }

    /// Sets it to an account.
    pub fn set_address(&self, to: &Address) {
        self.set(U256::from_be_bytes(to.word()));
    }
}

/// A number for each account; zero until it is set.
pub struct Map(Word);

impl Map {
    /// Under a name, which must be the only one of its kind in the contract.
    pub const fn new(name: &[u8]) -> Self {
        Self(named(name))
    }

    fn key(&self, of: &Address) -> Word {
        let mut key = self.0;
        fill(&mut key[12..], &of.0);
        key
    }

    /// What an account's is.
    pub fn get(&self, of: &Address) -> U256 {
        number(&self.key(of))
    }

    /// Sets an account's.
    pub fn set(&self, of: &Address, to: U256) {
        set_number(&self.key(of), to);
    }
}

/// A number for each pair of accounts; zero until it is set.
pub struct PairMap(Word);

impl PairMap {
    /// Under a name, which must be the only one of its kind in the contract.
    pub const fn new(name: &[u8]) -> Self {
        Self(named(name))
    }

    fn key(&self, one: &Address, other: &Address) -> Word {
        let mut bytes = [0; 72];
        fill(&mut bytes[..32], &self.0);
        fill(&mut bytes[32..52], &one.0);
        fill(&mut bytes[52..], &other.0);
        ffi::keccak256(&bytes)
    }

    /// What a pair's is.
    pub fn get(&self, one: &Address, other: &Address) -> U256 {
        number(&self.key(one, other))
    }

    /// Sets a pair's.
    pub fn set(&self, one: &Address, other: &Address, to: U256) {
        set_number(&self.key(one, other), to);
    }
}
