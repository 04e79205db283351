//! The addresses of a batch, by reference.

use alloc::format;

use alloy_primitives::Address;

use super::reader::{Reader, malformed};
use crate::CodecError;

/// Addresses: each stands in the table once, in the order of first use.
pub(super) struct Addresses<'a> {
    table: &'a [[u8; 20]],
    used: usize,
}

impl<'a> Addresses<'a> {
    /// Reads the table.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, CodecError> {
        Ok(Self {
            table: reader.items::<20>()?,
            used: 0,
        })
    }

    /// The address that a reference stands for: 0 is the next new one, else it is one more than a
    /// place in the table.
    pub(super) fn resolve(&mut self, reference: usize) -> Result<Address, CodecError> {
        let place = match reference {
            0 => {
                self.used += 1;
                self.used - 1
            }
            reference if reference <= self.used => reference - 1,
            reference => {
                return Err(malformed(format!(
                    "address {reference} is used before its first use"
                )));
            }
        };
        self.table
            .get(place)
            .map(Address::from)
            .ok_or_else(|| malformed("an address is missing"))
    }

    /// Checks that each was used.
    pub(super) fn finish(&self) -> Result<(), CodecError> {
        match self.table.len().saturating_sub(self.used) {
            0 => Ok(()),
            left => Err(malformed(format!("{left} addresses are left over"))),
        }
    }
}
