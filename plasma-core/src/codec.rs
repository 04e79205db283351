//! The canonical, bounded codec.
//!
//! Borsh, with two additions that hostile bytes make necessary: a limit on the input before anything is
//! allocated, and refusal of bytes left over, so that one value has one encoding.

use alloc::{string::String, string::ToString, vec::Vec};

use borsh::{BorshDeserialize, BorshSerialize};

/// Why bytes are not the canonical encoding of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// More bytes than the type may take.
    #[error("{length} bytes are over the limit of {limit} for this type")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The value ended before the bytes did.
    #[error("{surplus} bytes are left over after the value; remove them")]
    Surplus {
        /// Bytes left over.
        surplus: usize,
    },
    /// The bytes are not an encoding of the type.
    #[error("not a valid encoding: {reason}")]
    Malformed {
        /// What the decoder found.
        reason: String,
    },
}

/// The canonical bytes of `value`.
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    // Writing to a vector cannot fail, and no type of ours refuses to be encoded.
    value.serialize(&mut out).expect("encoding to memory");
    out
}

/// The value whose canonical bytes are exactly `bytes`, which may be at most `limit` long.
///
/// Allocation is bounded by the input's length, whatever lengths it claims inside.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong {
            length: bytes.len(),
            limit,
        });
    }
    let mut rest = bytes;
    let value = T::deserialize(&mut rest).map_err(|error| CodecError::Malformed {
        reason: error.to_string(),
    })?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CodecError::Surplus {
            surplus: rest.len(),
        })
    }
}
