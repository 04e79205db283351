//! Transactions as bytes, and the native one that carries a module call.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::Authorization;
use crate::{CodecError, codec};

/// A transaction is named by the keccak-256 of its bytes, as on Ethereum.
pub type TransactionHash = B256;

/// The longest transaction that a chain takes, in bytes.
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

/// The first byte of a [`NativeTransaction`], in the space that EIP-2718 leaves to others.
pub const NATIVE_TRANSACTION_TYPE: u8 = 0x70;

/// The name of a transaction.
pub fn transaction_hash(bytes: &[u8]) -> TransactionHash {
    keccak256(bytes)
}

/// A call of a module, signed as EIP-712 typed data.
///
/// On the wire: [`NATIVE_TRANSACTION_TYPE`], then borsh. The digest that is signed is built from the
/// module's ABI by the runtime, and binds the chain's id, its genesis hash and the module's address.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct NativeTransaction {
    /// The module called.
    pub module: Address,
    /// Selector and arguments, ABI-encoded.
    pub call: Bytes,
    /// One of the sender's unused numbers, within its window.
    pub nonce: u64,
    /// The last second, Unix time, in which a block may include it.
    pub expires_at: u64,
    /// The most that it may cost in fees, in wei of XPL.
    pub max_fee: U256,
    /// Who vouches for it: which key, and for which account.
    pub authorization: Authorization,
}

impl NativeTransaction {
    /// The bytes that travel.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = alloc::vec![NATIVE_TRANSACTION_TYPE];
        out.extend(codec::encode(self));
        out.into()
    }

    /// Reads the bytes that travel.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        match bytes.split_first() {
            Some((&NATIVE_TRANSACTION_TYPE, rest)) => codec::decode(rest, MAX_TRANSACTION_BYTES),
            _ => Err(CodecError::Malformed {
                reason: alloc::format!(
                    "a native transaction starts with {NATIVE_TRANSACTION_TYPE:#04x}"
                ),
            }),
        }
    }
}
