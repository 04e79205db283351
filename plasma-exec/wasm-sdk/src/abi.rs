//! Solidity's words: what a contract is called with, and what it returns.

use crate::{Address, U256, Word, context::revert, ffi};

/// What a contract was called with: a selector and words behind it.
pub struct Args<'a> {
    bytes: &'a [u8],
}

impl<'a> Args<'a> {
    /// Those of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Which function is called; 0 for none.
    pub fn selector(&self) -> u32 {
        self.bytes
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The argument at this place, as it came. Reverts where there is none.
    pub fn word(&self, index: usize) -> &'a Word {
        let start = index.saturating_mul(32).saturating_add(4);
        let rest = self.bytes.get(start..).unwrap_or_default();
        match rest.first_chunk() {
            Some(word) => word,
            None => revert("an argument is missing"),
        }
    }

    /// An argument of type `uint256`.
    pub fn uint(&self, index: usize) -> U256 {
        U256::from_be_bytes(*self.word(index))
    }

    /// An argument of type `address`. Reverts for what is none.
    pub fn address(&self, index: usize) -> Address {
        let word = self.word(index);
        // By words: a comparison of slices goes byte by byte.
        let first = word.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
        let next = word[8..]
            .first_chunk()
            .map(|bytes| u32::from_ne_bytes(*bytes));
        if (first, next) != (Some(0), Some(0)) {
            revert("an argument is no address");
        }
        Address::from_word(word)
    }
}

/// What a call returns.
pub struct Reply {
    bytes: [u8; 96],
    length: usize,
}

impl Reply {
    /// Nothing.
    pub const NONE: Self = Self {
        bytes: [0; 96],
        length: 0,
    };
    /// `true`.
    pub const TRUE: Self = {
        let mut bytes = [0; 96];
        bytes[31] = 1;
        Self { bytes, length: 32 }
    };

    /// Words, at most three.
    pub fn words(words: &[Word]) -> Self {
        let mut reply = Self::NONE;
        for (to, word) in reply.bytes.chunks_exact_mut(32).zip(words) {
            fill(to, word);
            reply.length = reply.length.wrapping_add(32);
        }
        reply
    }

    /// A `uint256`.
    pub fn uint(number: U256) -> Self {
        Self::words(&[number.to_be_bytes()])
    }

    /// An `address`.
    pub fn address(address: &Address) -> Self {
        Self::words(&[address.word()])
    }

    /// A `string` of at most 32 bytes; what is longer is cut off.
    pub fn text(text: &str) -> Self {
        let mut reply = Self::NONE;
        (reply.bytes[31], reply.bytes[63]) = (32, text.len().min(32) as u8);
        fill(&mut reply.bytes[64..], text.as_bytes());
        reply.length = 96;
        reply
    }

    pub(crate) fn send(&self) {
        if let Some(bytes) = self.bytes.get(..self.length)
            && !bytes.is_empty()
        {
            ffi::output(bytes);
        }
    }
}

/// A call of another contract: a selector, and up to `N` words behind it.
pub struct Input<const N: usize> {
    selector: [u8; 4],
    words: [Word; N],
}

impl<const N: usize> Input<N> {
    /// A call of this function with these words.
    pub fn new(selector: u32, words: [Word; N]) -> Self {
        Self {
            selector: selector.to_be_bytes(),
            words,
        }
    }

    pub(crate) fn with<T>(&self, take: impl FnOnce(&[u8]) -> T) -> T {
        const MOST: usize = 4 + 32 * 8;
        const { assert!(N <= 8, "a call has at most eight words") };
        let mut bytes = [0; MOST];
        fill(&mut bytes[..4], &self.selector);
        for (to, word) in bytes[4..].chunks_exact_mut(32).zip(&self.words) {
            fill(to, word);
        }
        take(&bytes[..4 + 32 * N])
    }
}

/// Copies as much as there is and fits. It has no way to panic, whose words would be longer than the contract.
pub(crate) fn fill(to: &mut [u8], from: &[u8]) {
    let length = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
}
