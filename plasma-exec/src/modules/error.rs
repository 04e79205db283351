//! How a call fails.

use alloc::{format, string::String, vec::Vec};

use alloy_primitives::{Bytes, hex};
use alloy_sol_types::{Revert, SolError};

use super::Interface;

/// The longest reason that a receipt holds, in bytes.
const MAX_REASON_BYTES: usize = 256;

/// Why a module's call failed. All that it wrote is undone; the gas that it used is paid.
///
/// Every error declared in a `sol!` interface converts into one, so that `?` and `.into()` work, and wallets
/// show what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The module refused. The data is Solidity's: a selector and the error's fields.
    Revert(Bytes),
    /// The gas ran out.
    OutOfGas,
}

/// What a module's call gives: mostly its ABI-encoded return values.
pub type CallResult<T = Vec<u8>> = Result<T, CallError>;

impl CallError {
    /// A refusal in words: Solidity's `Error(string)`.
    pub fn message(text: impl AsRef<str>) -> Self {
        Self::Revert(Revert::from(shorten(text.as_ref())).abi_encode().into())
    }

    /// What the receipt holds as output.
    pub(crate) fn output(&self) -> Bytes {
        match self {
            Self::Revert(data) => data.clone(),
            Self::OutOfGas => Bytes::new(),
        }
    }

    /// Why, in words. `interface` gives the names of custom errors.
    pub(crate) fn reason(&self, interface: &Interface) -> String {
        let data = match self {
            Self::OutOfGas => return "out of gas; raise the gas limit".into(),
            Self::Revert(data) => data,
        };
        if let Ok(Revert { reason }) = Revert::abi_decode(data) {
            return shorten(&reason).into();
        }
        let custom = data
            .first_chunk()
            .and_then(|selector| interface.error(*selector));
        let name = custom.unwrap_or("execution reverted");
        shorten(&format!("{name} {}", hex::encode_prefixed(data))).into()
    }
}

impl<E: SolError> From<E> for CallError {
    fn from(error: E) -> Self {
        Self::Revert(error.abi_encode().into())
    }
}

/// At most [`MAX_REASON_BYTES`] of it.
pub(crate) fn shorten(text: &str) -> &str {
    let mut end = text.len().min(MAX_REASON_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
