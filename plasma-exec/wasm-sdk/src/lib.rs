//! Write contracts for WebAssembly chains of the Plasma SDK: storage, context, calls, events and Solidity's words.
//!
//! A contract takes Solidity's calldata and emits its logs, so that wallets and explorers work with it as it is. It has
//! no heap: what it holds is on its stack, a few KiB, and in the chain's storage.
//!
//! ```
//! use plasma_contract::{Args, Map, Reply, caller, contract, revert, selector};
//!
//! const SCORES: Map = Map::new(b"scores");
//! const ADD: u32 = selector("add(uint256)");
//! const SCORE: u32 = selector("score(address)");
//!
//! fn call(args: &Args) -> Reply {
//!     match args.selector() {
//!         ADD => {
//!             if !SCORES.increase(&caller(), args.uint(0)) {
//!                 revert("a score is over 256 bits");
//!             }
//!             Reply::NONE
//!         }
//!         SCORE => Reply::uint(SCORES.get(args.address(0))),
//!         _ => revert("no such function"),
//!     }
//! }
//!
//! contract!(call);
//! # fn main() {}
//! ```
//!
//! `examples/contracts` has a token and a pool; `cargo xtask wasm` builds them, and any other contract is built with the
//! same flags, which are in `xtask/src/wasm.rs`.
#![no_std]

mod abi;
mod calls;
mod context;
mod entry;
mod ffi;
mod hash;
mod number;
#[cfg(not(target_arch = "wasm32"))]
mod plain;
mod storage;

pub use abi::{Args, Input, Reply};
pub use calls::{Token, call, call_static, pay, returned};
pub use context::{
    address, balance, block_number, block_time, caller, chain_id, emit, gas_left, keccak256,
    revert, value,
};
pub use hash::{hash_of, selector};
pub use number::U256;
pub use storage::{Item, Map, PairMap, read, write};

#[doc(hidden)]
pub use entry::{MAX_ARGUMENTS, run};

/// 32 bytes.
pub type Word = [u8; 32];

/// An account or a contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// Nobody's.
    pub const ZERO: Self = Self([0; 20]);

    /// As Solidity puts it into a word.
    #[inline]
    pub fn word(&self) -> Word {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&self.0);
        word
    }

    /// Into the last 20 bytes of a word, as Solidity puts it there. What is before them stays.
    #[inline]
    pub fn put(&self, word: &mut Word) {
        word[12..].copy_from_slice(&self.0);
    }

    /// Out of the last 20 bytes of a word.
    #[inline]
    pub fn from_word(word: &Word) -> Self {
        let mut address = Self::ZERO;
        address.0.copy_from_slice(&word[12..]);
        address
    }
}
