//! What is special about a block's header.

use crate::CodecError;

use super::reader::malformed;

/// Where a block's executed root comes from, and whether it seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) root: RootMark,
    pub(super) sealing: bool,
}

/// Where a block's executed root comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RootMark {
    /// It is zero.
    Zero,
    /// It is the one of the block before.
    Same,
    /// It is the next hash.
    New,
}

impl Marks {
    /// Reads its form in the column.
    pub(super) fn from_number(number: u64) -> Result<Self, CodecError> {
        let root = match number & 3 {
            0 => RootMark::Zero,
            1 => RootMark::Same,
            2 => RootMark::New,
            _ => return Err(malformed("a block's root is of no known kind")),
        };
        match number >> 2 {
            sealing @ (0 | 1) => Ok(Self {
                root,
                sealing: sealing == 1,
            }),
            _ => Err(malformed("a block has unknown marks")),
        }
    }

    /// Its form in the column.
    #[cfg(feature = "compress")]
    pub(super) fn number(self) -> u64 {
        self.root as u64 | u64::from(self.sealing) << 2
    }
}
