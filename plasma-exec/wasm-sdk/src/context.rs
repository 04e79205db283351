//! What a contract knows of its call, and what it says.

use crate::{Address, U256, Word, abi::fill, ffi, hash::selector};

/// Who calls.
#[inline]
pub fn caller() -> Address {
    Address(ffi::caller())
}

/// This contract.
#[inline]
pub fn address() -> Address {
    Address(ffi::address())
}

/// The XPL that came with the call, in wei.
pub fn value() -> U256 {
    U256::from_be_bytes(ffi::value())
}

/// The XPL of an account, in wei.
pub fn balance(of: &Address) -> U256 {
    U256::from_be_bytes(ffi::balance(of))
}

/// The block's number.
pub fn block_number() -> u64 {
    ffi::block_number()
}

/// The block's time, in Unix seconds.
pub fn block_time() -> u64 {
    ffi::block_time()
}

/// The chain.
pub fn chain_id() -> u64 {
    ffi::chain_id()
}

/// The gas that is left.
pub fn gas_left() -> u64 {
    ffi::gas_left()
}

/// The Keccak-256 of some bytes.
pub fn keccak256(bytes: &[u8]) -> Word {
    ffi::keccak256(bytes)
}

/// Emits an event: its topics, of which the first is the hash of its signature, and the other words.
pub fn emit(topics: &[Word], data: &[u8]) {
    ffi::log(topics, data);
}

/// Ends the call, undoes all that it did, and says why, as Solidity's `require` does. At most 64 bytes are said.
#[cold]
#[inline(never)]
pub fn revert(reason: &str) -> ! {
    let mut bytes = [0; 4 + 32 * 4];
    fill(
        &mut bytes[..4],
        &const { selector("Error(string)") }.to_be_bytes(),
    );
    (bytes[4 + 31], bytes[4 + 63]) = (32, reason.len().min(64) as u8);
    fill(&mut bytes[68..], reason.as_bytes());
    ffi::revert(&bytes)
}
