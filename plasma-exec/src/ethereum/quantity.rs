//! An integer of 64 bits, written as a number and read as a number, a decimal or a hexadecimal string.

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(crate) fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(*value)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let value = U256::deserialize(from)?;
    value
        .try_into()
        .map_err(|_| Error::custom(alloc::format!("{value} is over 64 bits")))
}
