//! Columns of numbers.
//!
//! ```text
//!   column      count | mode | body
//!   planes      heads: length and power of ten, for each kind of number in the column
//!               which head, for each number (left out when there is one head only)
//!               the lowest byte of each number that has one | the second, of those with two | ...
//!   differences planes, of the differences to the number before (zigzag, mod 2^256)
//!   dictionary  column of the distinct numbers | column of indexes into it
//! ```
//! Amounts are round in decimal, so a number is its digits times a power of ten. The bytes of one
//! weight stand together, because they resemble each other: the entropy coder behind gives each
//! plane its own code.

use alloc::{format, vec, vec::Vec};

use alloy_primitives::U256;

use super::reader::{Reader, malformed};
use crate::CodecError;

/// The most numbers in a column: more than a batch within its limits has.
pub(super) const MAX_COLUMN: usize = 1 << 20;
/// The most distinct numbers in a dictionary, which are held in memory.
pub(super) const MAX_DISTINCT: usize = 1 << 16;
/// The most kinds of numbers in a column: what an index of one byte tells apart.
pub(super) const MAX_HEADS: usize = 256;
/// 10^77 is the largest power of ten below 2^256.
pub(super) const MAX_POWER: u8 = 77;

pub(super) const PLANES: u8 = 0;
pub(super) const DIFFERENCES: u8 = 1;
pub(super) const DICTIONARY: u8 = 2;

/// The numbers of a column, one after the other.
#[derive(Debug)]
pub(super) struct Column<'a> {
    left: usize,
    body: Body<'a>,
}

#[derive(Debug)]
enum Body<'a> {
    Planes(Planes<'a>),
    Differences {
        planes: Planes<'a>,
        last: U256,
    },
    Dictionary {
        numbers: Vec<U256>,
        indexes: Planes<'a>,
    },
}

impl<'a> Column<'a> {
    /// Reads the outline of a column; its numbers are made as they are asked for.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        let left = reader.count(MAX_COLUMN, "numbers in a column")?;
        let body = match reader.byte()? {
            PLANES => Body::Planes(Planes::read(reader, left)?),
            DIFFERENCES => Body::Differences {
                planes: Planes::read(reader, left)?,
                last: U256::ZERO,
            },
            DICTIONARY => {
                let count = reader.count(MAX_DISTINCT, "distinct numbers in a column")?;
                let mut planes = Planes::read(reader, count)?;
                let numbers = (0..count)
                    .map(|_| planes.next())
                    .collect::<Result<_, _>>()?;
                Body::Dictionary {
                    numbers,
                    indexes: Planes::read(reader, left)?,
                }
            }
            mode => return Err(malformed(format!("a column has the unknown mode {mode}"))),
        };
        Ok(Self { left, body })
    }

    /// How many numbers are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// The next number.
    pub(super) fn next(&mut self) -> Result<U256, CodecError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| malformed("a column ends too early"))?;
        match &mut self.body {
            Body::Planes(planes) => planes.next(),
            Body::Differences { planes, last } => {
                *last = last.wrapping_add(from_zigzag(planes.next()?));
                Ok(*last)
            }
            Body::Dictionary { numbers, indexes } => {
                let index = indexes.next()?;
                usize::try_from(index)
                    .ok()
                    .and_then(|index| numbers.get(index))
                    .copied()
                    .ok_or_else(|| {
                        malformed(format!(
                            "number {index} of a column that has {}",
                            numbers.len()
                        ))
                    })
            }
        }
    }

    /// The next number, which has at most 64 bits.
    pub(super) fn next_u64(&mut self) -> Result<u64, CodecError> {
        u64::try_from(self.next()?).map_err(|_| malformed("a number is over 64 bits"))
    }

    /// The next number, which counts things in memory.
    pub(super) fn next_usize(&mut self) -> Result<usize, CodecError> {
        usize::try_from(self.next()?).map_err(|_| malformed("a count is over 64 bits"))
    }

    /// Checks that all were asked for.
    pub(super) fn finish(&self) -> Result<(), CodecError> {
        match self.left {
            0 => Ok(()),
            left => Err(malformed(format!(
                "{left} numbers of a column are left over"
            ))),
        }
    }
}

/// A difference, mod 2^256, from its zigzag form: 0, -1, 1, -2, ...
fn from_zigzag(value: U256) -> U256 {
    let half: U256 = value >> 1;
    if value.bit(0) { !half } else { half }
}

#[derive(Debug)]
struct Head {
    bytes: usize,
    scale: Option<U256>,
}

#[derive(Debug)]
struct Planes<'a> {
    heads: Vec<Head>,
    /// Which head each number has; empty when there is one only.
    selectors: core::slice::Iter<'a, u8>,
    /// The bytes of one weight, from the lowest.
    bytes: Vec<core::slice::Iter<'a, u8>>,
}

impl<'a> Planes<'a> {
    fn read(reader: &mut Reader<'a>, count: usize) -> Result<Self, CodecError> {
        let heads = reader.count(MAX_HEADS, "heads of a column")?;
        if heads == 0 && count > 0 {
            return Err(malformed("a column has numbers and no heads"));
        }
        let heads = (0..heads)
            .map(|_| read_head(reader))
            .collect::<Result<Vec<_>, _>>()?;
        let selectors = if heads.len() > 1 {
            reader.take(count)?
        } else {
            &[]
        };
        let mut counts = vec![0_usize; heads.len()];
        for selector in selectors {
            *counts
                .get_mut(usize::from(*selector))
                .ok_or_else(|| malformed("a column lacks a head"))? += 1;
        }
        if let [only] = counts.as_mut_slice() {
            *only = count;
        }
        let longest = heads
            .iter()
            .map(|head| head.bytes)
            .max()
            .unwrap_or_default();
        let planes = (0..longest).map(|weight| {
            let with = heads
                .iter()
                .zip(&counts)
                .filter(|(head, _)| head.bytes > weight);
            reader
                .take(with.map(|(_, count)| count).sum())
                .map(<[u8]>::iter)
        });
        let bytes = planes.collect::<Result<_, _>>()?;
        Ok(Self {
            heads,
            selectors: selectors.iter(),
            bytes,
        })
    }

    /// The caller counts: there is one more.
    fn next(&mut self) -> Result<U256, CodecError> {
        let selector = usize::from(self.selectors.next().copied().unwrap_or_default());
        let head = &self.heads[selector];
        let mut bytes = [0; 32];
        for (byte, plane) in bytes[..head.bytes].iter_mut().zip(&mut self.bytes) {
            *byte = plane.next().copied().unwrap_or_default();
        }
        let digits = U256::from_le_bytes(bytes);
        match head.scale {
            None => Ok(digits),
            Some(scale) => digits
                .checked_mul(scale)
                .ok_or_else(|| malformed("a number is over 256 bits")),
        }
    }
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, CodecError> {
    let [bytes, power] = reader.array()?;
    if bytes > 32 || power > MAX_POWER {
        return Err(malformed(format!(
            "a column of {bytes} bytes times 10^{power} is over 256 bits"
        )));
    }
    let scale = (power > 0).then(|| U256::from(10).pow(U256::from(power)));
    Ok(Head {
        bytes: usize::from(bytes),
        scale,
    })
}
