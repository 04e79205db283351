//! What the journal's frames say.
//!
//! ```text
//!   body     0 origin   genesis hash, salt
//!            1 block    a certified block, borsh
//!            2 override a block header, borsh
//! ```

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    B256, BlockHeader, CertifiedBlock, MAX_BODY_BYTES, MAX_BODY_TRANSACTIONS, encode,
};

use crate::frames::{Format, Salt};

/// The journal's file.
pub(super) const FORMAT: Format = Format {
    sync: *b"PSJ1",
    first_body: 1 + 32 + 16,
    // A full block, a length for each transaction, a certificate of all seats.
    longest_body: MAX_BODY_BYTES + 4 * MAX_BODY_TRANSACTIONS + 64 * 1024,
    name: "the sequencer's journal",
};

/// What a frame says.
#[derive(Debug)]
pub(super) enum Record {
    Origin {
        genesis: B256,
        salt: Salt,
    },
    /// Only the header: the rest is read when it is asked for.
    Block(BlockHeader),
    Override(BlockHeader),
}

/// The body of an origin.
pub(super) fn origin(genesis: B256, salt: Salt) -> Vec<u8> {
    body(0, &(genesis, salt))
}

/// The body of a block.
pub(super) fn block(block: &CertifiedBlock) -> Vec<u8> {
    body(1, block)
}

/// The body of an override.
pub(super) fn rewind(to: &BlockHeader) -> Vec<u8> {
    body(2, to)
}

fn body(kind: u8, value: &impl BorshSerialize) -> Vec<u8> {
    [vec![kind], encode(value)].concat()
}

/// Reads a body whose sum holds. `None` when it says nothing known.
pub(super) fn read(body: &[u8]) -> Option<Record> {
    let (kind, mut rest) = body.split_first()?;
    match kind {
        0 => {
            let (genesis, salt) = BorshDeserialize::deserialize(&mut rest).ok()?;
            rest.is_empty().then_some(Record::Origin { genesis, salt })
        }
        1 => BlockHeader::deserialize(&mut rest).ok().map(Record::Block),
        2 => {
            let header = BlockHeader::deserialize(&mut rest).ok()?;
            rest.is_empty().then_some(Record::Override(header))
        }
        _ => None,
    }
}
