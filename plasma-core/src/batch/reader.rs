//! Reading bounded pieces out of hostile bytes, and their writing.

#[cfg(feature = "compress")]
use alloc::vec::Vec;
use alloc::{format, string::String};

use crate::CodecError;

/// An encoding that is not one, and why.
pub(super) fn malformed(reason: impl Into<String>) -> CodecError {
    CodecError::Malformed {
        reason: reason.into(),
    }
}

/// Takes pieces off the front of a slice; never past its end.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// All of `bytes` is to be read.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let Some((piece, rest)) = self.rest.split_at_checked(count) else {
            let left = self.rest.len();
            return Err(malformed(format!(
                "{count} bytes are needed and {left} are left"
            )));
        };
        self.rest = rest;
        Ok(piece)
    }

    /// The next bytes, as an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, CodecError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next number: seven bits in a byte, the lowest first, in as few bytes as it takes.
    pub(super) fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(malformed(
                    "a number is not in its shortest form, or over 64 bits",
                ));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("a number is over 64 bits"))
    }

    /// The next number, which counts things and may not be over `limit`.
    pub(super) fn count(&mut self, limit: usize, what: &str) -> Result<usize, CodecError> {
        let count = self.varint()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= limit)
            .ok_or_else(|| malformed(format!("{count} {what} are over the limit of {limit}")))
    }

    /// A count, then as many items of `N` bytes; the items.
    pub(super) fn items<const N: usize>(&mut self) -> Result<&'a [[u8; N]], CodecError> {
        let count = self.count(self.rest.len() / N, "items")?;
        Ok(self.take(count * N)?.as_chunks::<N>().0)
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing is left.
    pub(super) fn finish(&self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            surplus => Err(CodecError::Surplus { surplus }),
        }
    }
}

/// Writes what [`Reader::varint`] reads.
#[cfg(feature = "compress")]
pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(all(test, feature = "compress"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.finish(), Ok(()));
            assert!(
                Reader::new(&out[..out.len() - 1]).varint().is_err(),
                "{value} cut"
            );
        }
        let hostile: [&[u8]; 4] = [
            &[0x80, 0],
            &[0xff; 9],
            &[0xff; 10],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        ];
        for bytes in hostile {
            assert!(Reader::new(bytes).varint().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_count_takes_no_more_than_there_is() {
        assert_eq!(Reader::new(&[1, 7, 8]).items::<2>(), Ok(&[[7, 8]][..]));
        assert!(Reader::new(&[2, 7, 8, 9]).items::<2>().is_err());
        assert!(
            Reader::new(&[0xff, 0xff, 0xff, 0x7f])
                .items::<32>()
                .is_err()
        );
    }
}
