//! Storage: numbers under names, accounts, and pairs of accounts.
//!
//! A name takes at most twelve bytes, and is followed by an account's twenty: so most keys need no hash.

use crate::{Address, U256, Word, ffi};

/// The value under a key, into `to`: its length, 0 for none.
pub fn read(key: &Word, to: &mut [u8]) -> usize {
    ffi::storage_read(key, to)
}

/// Sets the value under a key, at most 4,096 bytes; none removes it.
pub fn write(key: &Word, value: &[u8]) {
    ffi::storage_write(key, value);
}

/// Once in a contract, whoever asks for it.
#[inline(never)]
fn number(key: &Word) -> U256 {
    let mut word = [0; 32];
    if read(key, &mut word) == 32 {
        U256::from_be_bytes(word)
    } else {
        U256::ZERO
    }
}

/// Zero is kept as nothing.
#[inline(never)]
fn set_number(key: &Word, number: U256) {
    let bytes = number.as_bytes();
    let length = if number.is_zero() { 0 } else { 32 };
    write(key, bytes.get(..length).unwrap_or(bytes));
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

    /// Adds to it, in one step. False over 256 bits, and nothing is done.
    #[must_use]
    #[inline]
    pub fn increase(&self, by: &U256) -> bool {
        ffi::storage_add(&self.0, by.as_bytes())
    }

    /// Takes from it, in one step. False below 0, and nothing is done.
    #[must_use]
    #[inline]
    pub fn decrease(&self, by: &U256) -> bool {
        ffi::storage_sub(&self.0, by.as_bytes())
    }

    /// What it is, as an account.
    pub fn address(&self) -> Address {
        Address::from_word(self.get().as_bytes())
    }

    /// Sets it to an account.
    pub fn set_address(&self, to: &Address) {
        self.set(U256::from_be_bytes(to.word()));
    }
}

/// A name, and whose.
#[repr(C)]
pub(crate) struct Key {
    name: [u8; 12],
    of: Address,
}

/// A number for each account; zero until it is set.
pub struct Map([u8; 12]);

impl Map {
    /// Under a name, which must be the only one of its kind in the contract.
    pub const fn new(name: &[u8]) -> Self {
        match named(name).first_chunk() {
            Some(name) => Self(*name),
            None => Self([0; 12]),
        }
    }

    #[inline]
    fn key(&self, of: &Address) -> Key {
        Key {
            name: self.0,
            of: *of,
        }
    }

    /// What an account's is.
    pub fn get(&self, of: &Address) -> U256 {
        number(ffi::key(&self.key(of)))
    }

    /// Sets an account's.
    pub fn set(&self, of: &Address, to: U256) {
        set_number(ffi::key(&self.key(of)), to);
    }

    /// Adds to an account's, in one step. False over 256 bits, and nothing is done.
    #[must_use]
    #[inline]
    pub fn increase(&self, of: &Address, by: &U256) -> bool {
        ffi::storage_add(ffi::key(&self.key(of)), by.as_bytes())
    }

    /// Takes from an account's, in one step. False below 0, and nothing is done.
    #[must_use]
    #[inline]
    pub fn decrease(&self, of: &Address, by: &U256) -> bool {
        ffi::storage_sub(ffi::key(&self.key(of)), by.as_bytes())
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
        bytes[..32].copy_from_slice(&self.0);
        bytes[32..52].copy_from_slice(&one.0);
        bytes[52..].copy_from_slice(&other.0);
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

    /// Adds to a pair's, in one step. False over 256 bits, and nothing is done.
    #[must_use]
    #[inline]
    pub fn increase(&self, one: &Address, other: &Address, by: &U256) -> bool {
        ffi::storage_add(&self.key(one, other), by.as_bytes())
    }

    /// Takes from a pair's, in one step. False below 0, and nothing is done.
    #[must_use]
    #[inline]
    pub fn decrease(&self, one: &Address, other: &Address, by: &U256) -> bool {
        ffi::storage_sub(&self.key(one, other), by.as_bytes())
    }
}
