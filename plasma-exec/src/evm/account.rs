//! Accounts, code and storage as they stand in state.
//!
//! ```text
//!   evm/accounts  address          nonce, balance, code          a dozen bytes for an ordinary account
//!   evm/codes     code hash        the code, in parts, once for all who run it
//!   evm/jumps     code hash        a bit for each of its bytes: whether one may jump there
//!   evm/storage   address, slot    the value, without leading zeros
//! ```
//! An empty account (EIP-161) and a zero slot have no entry. A contract can only be destroyed by the transaction
//! that created it (EIP-6780), so what once stood in storage is never cleared as a whole, and slots need no
//! incarnation.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256};
use plasma_core::{Blobs, Map};

pub(super) use crate::ethereum::{Account, Code, Word};

/// Accounts by address.
pub(super) const ACCOUNTS: Map<Address, Account> = Map::new("evm/accounts");
/// Code by its keccak-256.
pub(super) const CODES: Blobs<B256> = Blobs::new("evm/codes");
/// Where one may jump to in the code of this keccak-256: a bit for each byte, the lowest of a byte first. Found when the
/// code is written, which is paid for by the byte, so that a call of it need not look through all of it.
pub(super) const JUMPS: Blobs<B256> = Blobs::new("evm/jumps");
/// Storage by address and slot.
pub(super) const STORAGE: Map<(Address, U256), Word> = Map::new("evm/storage");

/// The bytes of code that say whose code runs (EIP-7702).
pub(super) fn designator(to: &Address) -> Vec<u8> {
    [&[0xef, 0x01, 0x00], to.as_slice()].concat()
}
