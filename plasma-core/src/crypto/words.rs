//! Words of an ABI: what contracts hash.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256, keccak256, ruint::UintTryFrom};

/// Words of 32 bytes as Solidity's `abi.encode` lays out static values, for hashes that contracts rebuild.
#[derive(Clone, Debug, Default)]
pub struct Words(Vec<u8>);

impl Words {
    /// No words yet.
    pub fn new() -> Self {
        Self(Vec::with_capacity(32 * 16))
    }

    /// Appends an unsigned integer.
    pub fn uint<T>(mut self, value: T) -> Self
    where
        U256: UintTryFrom<T>,
    {
        self.0
            .extend_from_slice(&U256::from(value).to_be_bytes::<32>());
        self
    }

    /// Appends an address, padded on the left.
    pub fn address(mut self, value: Address) -> Self {
        self.0.extend_from_slice(value.into_word().as_slice());
        self
    }

    /// Appends 32 bytes.
    pub fn word(mut self, value: B256) -> Self {
        self.0.extend_from_slice(value.as_slice());
        self
    }

    /// Keccak-256 of the words.
    pub fn keccak(&self) -> B256 {
        keccak256(&self.0)
    }

    /// The words themselves.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads words that [`Words`] wrote. Strict: each value has one form, and nothing may be left over.
#[derive(Clone, Copy, Debug)]
pub struct WordReader<'a>(&'a [[u8; 32]]);

impl<'a> WordReader<'a> {
    /// Reads `bytes`; `None` when they are no words, or not exactly `count` of them.
    pub fn new(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<32>();
        (rest.is_empty() && words.len() == count).then_some(Self(words))
    }

    /// The next word.
    pub fn word(&mut self) -> Option<B256> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(B256::from(*first))
    }

    /// The next unsigned integer, if it fits.
    pub fn uint<T: TryFrom<U256>>(&mut self) -> Option<T> {
        T::try_from(self.word()?.into()).ok()
    }

    /// The next address.
    pub fn address(&mut self) -> Option<Address> {
        let word = self.word()?;
        let address = Address::from_word(word);
        (address.into_word() == word).then_some(address)
    }
}
