//! How a call fails.

use alloc::{format, string::String, vec::Vec};

use alloy_primitives::{Bytes, hex};
use alloy_sol_types::{Revert, SolError};

use super::registry::Registry;

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

    /// Why, in words. The modules say what their custom errors mean; an error may come from any of them.
    pub(crate) fn reason(&self, registry: &Registry) -> String {
        let data = match self {
            Self::OutOfGas => return "out of gas; raise the gas limit".into(),
            Self::Revert(data) => data,
        };
        if let Ok(Revert { reason }) = Revert::abi_decode(data) {
            // An empty one would say nothing, and a failure says why.
            let reason = if reason.is_empty() {
                "execution reverted"
            } else {
                &reason
            };
            return shorten(reason).into();
        }
        let mut interfaces = registry.entries().iter().map(|entry| &entry.interface);
        let custom = interfaces.find_map(|interface| interface.describe_error(data));
        let reason =
            custom.unwrap_or_else(|| format!("execution reverted {}", hex::encode_prefixed(data)));
        shorten(&reason).into()
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
