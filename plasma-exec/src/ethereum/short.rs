//! Short values, as state holds them.
//!
//! Written as [`encode`](plasma_core::encode) writes them, but each in one piece of memory, however many share it: a vector
//! is one piece, what counts those who share it another, and a block writes some thousand values.

use alloy_primitives::{Bytes, bytes};
use borsh::{
    BorshSerialize,
    io::{Error, ErrorKind, Write},
};

/// As long as an account with all that it can have, and longer than the rest.
const LONGEST: usize = 80;

/// Bytes of a value, where they lie.
struct Short {
    bytes: [u8; LONGEST],
    length: u8,
}

impl AsRef<[u8]> for Short {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let start = usize::from(self.length);
        let room = self.bytes.get_mut(start..start + bytes.len());
        let room = room.ok_or(ErrorKind::WriteZero)?;
        room.copy_from_slice(bytes);
        self.length += bytes.len() as u8;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// The encoding of a value, which is short; a longer one comes out the same.
pub(crate) fn encoded<T: BorshSerialize>(value: &T) -> Bytes {
    let mut short = Short {
        bytes: [0; LONGEST],
        length: 0,
    };
    match value.serialize(&mut short) {
        Ok(()) => bytes::Bytes::from_owner(short).into(),
        Err(_) => plasma_core::encode(value).into(),
    }
}

/// Bytes of one length as they are.
pub(crate) fn whole<const LENGTH: usize>(bytes: [u8; LENGTH]) -> Bytes {
    bytes::Bytes::from_owner(bytes).into()
}

#[cfg(all(test, any(feature = "evm", feature = "wasm")))]
mod tests {
    use alloc::vec;

    use alloy_primitives::{B256, U256};
    use plasma_core::encode;

    use super::*;
    use crate::ethereum::{Account, Code};

    #[test]
    fn short_and_long_values_are_what_encode_makes_of_them() {
        let account = Account {
            nonce: u64::MAX,
            balance: U256::MAX,
            code: Code::Hash(B256::repeat_byte(7)),
        };
        for account in [account, Account::default()] {
            assert_eq!(encoded(&account), encode(&account));
        }
        for length in 0..2 * LONGEST {
            let value = vec![7_u8; length];
            let bytes = encoded(&value);
            assert_eq!(bytes, encode(&value), "{length} bytes");
            assert_eq!(bytes.clone(), bytes);
        }
    }
}
