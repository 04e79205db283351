//! An account as it stands in state, where nonces are used one after the other.

use alloy_primitives::{Address, B256, U256};
use borsh::{
    BorshDeserialize, BorshSerialize,
    io::{Error, ErrorKind, Read, Write},
};

/// What an account runs when it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Code {
    /// Nothing.
    #[default]
    None,
    /// The code of this hash.
    Hash(B256),
    /// The code of another account (EIP-7702). Here, and not where codes are, so that a delegation which is
    /// replaced leaves nothing behind.
    Delegation(Address),
}

/// An account.
///
/// One byte with the nonce's length (low four bits) and the kind of code, one with the balance's length, then
/// the two as big-endian integers without leading zeros, then the code's hash or the delegate's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) nonce: u64,
    pub(crate) balance: U256,
    pub(crate) code: Code,
}

/// A value in storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) U256);

impl Account {
    /// Whether it has no entry (EIP-161).
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl BorshSerialize for Account {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<(), Error> {
        let (nonce, balance) = (self.nonce.to_be_bytes(), self.balance.to_be_bytes::<32>());
        let (nonce, balance) = (significant(&nonce), significant(&balance));
        let kind = match self.code {
            Code::None => 0,
            Code::Hash(_) => 1,
            Code::Delegation(_) => 2,
        };
        writer.write_all(&[nonce.len() as u8 | kind << 4, balance.len() as u8])?;
        writer.write_all(nonce)?;
        writer.write_all(balance)?;
        match &self.code {
            Code::None => Ok(()),
            Code::Hash(hash) => writer.write_all(hash.as_slice()),
            Code::Delegation(to) => writer.write_all(to.as_slice()),
        }
    }
}

impl BorshDeserialize for Account {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, Error> {
        let [head, balance] = <[u8; 2]>::deserialize_reader(reader)?;
        let nonce = integer(reader, head & 0xf)?;
        let nonce = u64::try_from(nonce).map_err(|_| malformed("a nonce of over 8 bytes"))?;
        let balance = integer(reader, balance)?;
        let code = match head >> 4 {
            0 => Code::None,
            1 => Code::Hash(B256::deserialize_reader(reader)?),
            2 => Code::Delegation(Address::deserialize_reader(reader)?),
            _ => return Err(malformed("an unknown kind of code")),
        };
        Ok(Self {
            nonce,
            balance,
            code,
        })
    }
}

impl BorshSerialize for Word {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<(), Error> {
        let bytes = self.0.to_be_bytes::<32>();
        let bytes = significant(&bytes);
        writer.write_all(&[bytes.len() as u8])?;
        writer.write_all(bytes)
    }
}

impl BorshDeserialize for Word {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, Error> {
        let length = u8::deserialize_reader(reader)?;
        integer(reader, length).map(Self)
    }
}

/// A big-endian integer without its leading zeros.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn integer<R: Read>(reader: &mut R, length: u8) -> Result<U256, Error> {
    let mut bytes = [0; 32];
    let start = 32_usize
        .checked_sub(length.into())
        .ok_or_else(|| malformed("over 32 bytes"))?;
    reader.read_exact(&mut bytes[start..])?;
    if length > 0 && bytes[start] == 0 {
        return Err(malformed("an integer with a leading zero"));
    }
    Ok(U256::from_be_bytes(bytes))
}

fn malformed(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use plasma_core::{decode, encode};

    use super::*;

    #[test]
    fn accounts_have_one_short_encoding() {
        let (hash, to) = (B256::repeat_byte(7), Address::repeat_byte(9));
        let cases = [
            (Account::default(), hex!("0000").to_vec()),
            (
                Account {
                    nonce: 1,
                    balance: U256::from(0x1234),
                    code: Code::None,
                },
                hex!("0102011234").to_vec(),
            ),
            (
                Account {
                    nonce: u64::MAX,
                    balance: U256::MAX,
                    code: Code::Hash(hash),
                },
                [&hex!("1820ffffffffffffffff")[..], &[0xff; 32], &[7; 32]].concat(),
            ),
            (
                Account {
                    nonce: 256,
                    balance: U256::ZERO,
                    code: Code::Delegation(to),
                },
                [&hex!("22000100")[..], &[9; 20]].concat(),
            ),
        ];
        for (account, bytes) in cases {
            assert_eq!(encode(&account), bytes);
            assert_eq!(decode::<Account>(&bytes, 100), Ok(account));
        }
        let bad = [
            "", "00", "01000", "010000", "000100", "0021", "3000", "0900", "000000",
        ];
        for bytes in bad.iter().filter_map(|text| hex::decode(text).ok()) {
            assert!(decode::<Account>(&bytes, 100).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn words_have_one_short_encoding() {
        for (word, bytes) in [(0_u64, "00"), (1, "0101"), (256, "020100")] {
            let word = Word(U256::from(word));
            assert_eq!(hex::encode(encode(&word)), bytes);
            assert_eq!(decode::<Word>(&encode(&word), 40), Ok(word));
        }
        assert_eq!(
            decode::<Word>(&encode(&Word(U256::MAX)), 40),
            Ok(Word(U256::MAX))
        );
        for bad in [&[1_u8, 0][..], &[33], &[2, 1], &[]] {
            assert!(decode::<Word>(bad, 40).is_err(), "{bad:?}");
        }
    }
}
