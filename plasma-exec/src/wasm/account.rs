//! Accounts, modules and storage as they stand in state.
//!
//! ```text
//!   wasm/accounts    address                   nonce, balance, code
//!   wasm/codes       code hash                 the module, in parts, once for all who run it
//!   wasm/shapes      code hash                 what making it ready costs
//!   wasm/storage     address, key              the value's bytes as they are, at most 4,096
//!   wasm/assets      root token, holder        how much of it
//!   wasm/allowances  root token, holder, who   how much of the holder's that one may take
//! ```
//! What is empty or zero has no entry. A contract is for ever.

use alloy_primitives::{Address, B256, Bytes};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Blobs, Map};

pub(super) use crate::ethereum::{Account, Code, Word};

/// Accounts by address.
pub(super) const ACCOUNTS: Map<Address, Account> = Map::new("wasm/accounts");
/// Modules by their keccak-256.
pub(super) const CODES: Blobs<B256> = Blobs::new("wasm/codes");
/// What making a module ready costs, by its keccak-256.
pub(super) const SHAPES: Map<B256, Shape> = Map::new("wasm/shapes");
/// Where storage is, by address and key. The value is not encoded, so the map's type is that of nothing in state.
pub(super) const STORAGE: Map<(Address, B256), Bytes> = Map::new("wasm/storage");
/// Balances of tokens of the root, by token and holder.
pub(super) const ASSETS: Map<(Address, Address), Word> = Map::new("wasm/assets");
/// What one may take of another's, by token, holder and who.
pub(super) const ALLOWANCES: Map<(Address, Address, Address), Word> = Map::new("wasm/allowances");

/// What calling a module costs follows from these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Shape {
    /// The gas of making it ready.
    pub(super) load: u32,
    /// The bytes of memory that an instance begins with.
    pub(super) memory: u32,
}
