//! Amounts as people write them.

use core::fmt;

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in a configuration: a decimal or `0x` string, or a number small enough for JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount(pub U256);

impl From<U256> for Amount {
    fn from(amount: U256) -> Self {
        Self(amount)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct AmountVisitor;

impl de::Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount below 2^256 as a decimal or 0x string, or a whole number below 2^64")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(U256::from(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Amount, E> {
        let (digits, radix) = match value.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (value, 10),
        };
        if digits.is_empty() {
            return Err(E::invalid_value(de::Unexpected::Str(value), &self));
        }
        U256::from_str_radix(digits, radix)
            .map(Amount)
            .map_err(|_| E::invalid_value(de::Unexpected::Str(value), &self))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_all_their_forms_and_nothing_else() {
        let read = |json: &str| serde_json::from_str::<Amount>(json).map(|amount| amount.0);
        assert_eq!(read("7").ok(), Some(U256::from(7)));
        assert_eq!(
            read("\"10000000000000000000000\"").ok(),
            Some(U256::from(10).pow(U256::from(22)))
        );
        assert_eq!(read("\"0xff\"").ok(), Some(U256::from(255)));
        let most = alloc::format!("\"{:#x}\"", U256::MAX);
        assert_eq!(read(&most).ok(), Some(U256::MAX));
        for bad in [
            "\"\"",
            "\"0x\"",
            "-1",
            "1.5",
            "\"1e18\"",
            "\"0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"",
            "null",
        ] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.contains("amount below 2^256"), "{error}");
        }
    }
}
