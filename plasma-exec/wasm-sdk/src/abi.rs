//! Solidity's words: what a contract is called with, and what it returns.

use crate::{Address, U256, Word, context::revert, ffi};

/// What a contract was called with: a selector and words behind it.
pub struct Args<'a> {
    bytes: &'a [u8],
    /// Where the words begin.
    start: usize,
}

impl<'a> Args<'a> {
    /// Those of these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, start: 4 }
    }

    /// Those of these words.
    #[inline]
    pub fn without_selector(bytes: &'a [u8]) -> Self {
        Self { bytes, start: 0 }
    }

    /// Which function is called; 0 for none.
    #[inline]
    pub fn selector(&self) -> u32 {
        if self.start == 0 {
            return 0;
        }
        self.bytes
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The argument at this place, as it came. Reverts where there is none.
    #[inline]
    pub fn word(&self, index: usize) -> &'a Word {
        let start = index.saturating_mul(32).saturating_add(self.start);
        let rest = self.bytes.get(start..).unwrap_or_default();
        match rest.first_chunk() {
            Some(word) => word,
            None => revert("an argument is missing"),
        }
    }

    /// An argument of type `uint256`, where it lies.
    #[inline]
    pub fn uint(&self, index: usize) -> &'a U256 {
        ffi::number(self.word(index))
    }

    /// An argument of type `address`, where it lies. Reverts for what is none.
    #[inline]
    pub fn address(&self, index: usize) -> &'a Address {
        let word = self.word(index);
        // By words: a comparison of slices goes byte by byte.
        let first = word.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
        let next = word[8..]
            .first_chunk()
            .map(|bytes| u32::from_ne_bytes(*bytes));
        match word.last_chunk() {
            Some(bytes) if (first, next) == (Some(0), Some(0)) => ffi::as_address(bytes),
            _ => revert("an argument is no address"),
        }
    }
}

/// What a call returns. Making one sets it; the last one that is made is returned, if the call does not revert.
#[must_use]
pub struct Reply(Says);

enum Says {
    /// What was said already; nothing, if nothing was.
    Said,
    /// `true`.
    True,
}

impl Reply {
    /// Nothing.
    pub const NONE: Self = Self(Says::Said);
    /// `true`.
    pub const TRUE: Self = Self(Says::True);

    /// Words, at most three.
    pub fn words(words: &[Word]) -> Self {
        ffi::output(words.get(..3).unwrap_or(words).as_flattened());
        Self(Says::Said)
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
        let mut words = [[0; 32]; 3];
        (words[0][31], words[1][31]) = (32, text.len().min(32) as u8);
        fill(&mut words[2], text.as_bytes());
        Self::words(&words)
    }

    #[inline]
    pub(crate) fn send(&self) {
        if let Says::True = self.0 {
            ffi::output(U256::ONE.as_bytes());
        }
    }
}

/// A call of another contract: a selector, and `N` words behind it.
#[repr(C)]
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
}

/// Copies as much as there is and fits. It has no way to panic, whose words would be longer than the contract.
pub(crate) fn fill(to: &mut [u8], from: &[u8]) {
    let length = to.len().min(from.len());
    if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
        to.copy_from_slice(from);
    }
}
