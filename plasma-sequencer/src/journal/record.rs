//! The file's format.
//!
//! ```text
//!   frame    "PSJ1" │ length u32 LE │ body sum 8 │ head sum 8 │ body
//!   body     0 origin   genesis hash, salt
//!            1 block    a certified block, borsh
//!            2 override a block header, borsh
//! ```
//! The body sum is over the body; the head sum over the salt and all that is before it. Sums are
//! the first bytes of SHA-256. The salt is random and secret, so that no transaction can be made
//! that looks like a frame when the bytes after a torn one are searched. The first frame is the
//! origin, and its salt is zero.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    B256, BlockHeader, CertifiedBlock, MAX_BODY_BYTES, MAX_BODY_TRANSACTIONS, encode, sha256,
};

/// What begins each frame.
pub(super) const SYNC: [u8; 4] = *b"PSJ1";
/// Bytes of a frame before its body.
pub(super) const HEAD_BYTES: usize = 24;
/// The length of the first frame.
pub(super) const ORIGIN_BYTES: usize = HEAD_BYTES + 1 + 32 + 16;
/// The longest body: a full block, a length for each transaction, a certificate of all seats.
pub(super) const MAX_BODY: usize = MAX_BODY_BYTES + 4 * MAX_BODY_TRANSACTIONS + 64 * 1024;

/// Keeps frames from being forged.
pub(super) type Salt = [u8; 16];

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

/// The frame of an origin.
pub(super) fn origin(genesis: B256, salt: Salt) -> Vec<u8> {
    frame(&Salt::default(), 0, &(genesis, salt))
}

/// The frame of a block.
pub(super) fn block(salt: &Salt, block: &CertifiedBlock) -> Vec<u8> {
    frame(salt, 1, block)
}

/// The frame of an override.
pub(super) fn rewind(salt: &Salt, to: &BlockHeader) -> Vec<u8> {
    frame(salt, 2, to)
}

fn frame(salt: &Salt, kind: u8, value: &impl BorshSerialize) -> Vec<u8> {
    let mut frame = vec![0; HEAD_BYTES];
    frame.push(kind);
    frame.append(&mut encode(value));
    let (head, body) = frame.split_at_mut(HEAD_BYTES);
    head[..4].copy_from_slice(&SYNC);
    head[4..8].copy_from_slice(&(body.len() as u32).to_le_bytes());
    head[8..16].copy_from_slice(&sha256(body)[..8]);
    let sum = head_sum(salt, head);
    head[16..].copy_from_slice(&sum);
    frame
}

fn head_sum(salt: &Salt, head: &[u8]) -> [u8; 8] {
    let sum = sha256(&[salt, &head[..16]].concat());
    let mut short = [0; 8];
    short.copy_from_slice(&sum[..8]);
    short
}

/// The length of the body, if this is the head of a frame.
pub(super) fn body_length(salt: &Salt, head: &[u8; HEAD_BYTES]) -> Option<usize> {
    let length = u32::from_le_bytes(head[4..8].try_into().ok()?) as usize;
    let holds = head[..4] == SYNC && head[16..] == head_sum(salt, head) && length <= MAX_BODY;
    holds.then_some(length)
}

/// Whether `body` is what this head announces.
pub(super) fn body_holds(head: &[u8; HEAD_BYTES], body: &[u8]) -> bool {
    sha256(body)[..8] == head[8..16]
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
