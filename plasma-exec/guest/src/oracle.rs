//! Preimages, read from the machine.

use alloc::vec::Vec;

use plasma_core::{B256, Bytes, PreimageKind, Preimages};

use crate::ecall::{self, Kind};

/// What the machine knows by its hash.
///
/// Every answer is right: the root checks each read that is disputed. A preimage that nobody knows, or one over 4,096
/// bytes, has no answer at all: the program stands still for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oracle;

impl Preimages for Oracle {
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        let bytes = match kind {
            PreimageKind::Keccak => whole(Kind::Keccak, hash),
            PreimageKind::Sha256 => whole(Kind::Sha256, hash),
            PreimageKind::TrieNode => node(hash),
            PreimageKind::Blob => whole(Kind::Blob, hash),
        };
        Some(bytes)
    }
}

/// All bytes of a preimage.
fn whole(kind: Kind, hash: &B256) -> Bytes {
    ecall::set_key(kind, &hash.0);
    rest().into()
}

/// The bytes of the key that is set, from where it stands.
pub(crate) fn rest() -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let (leaf, length) = ecall::read();
        bytes.extend_from_slice(&leaf.0[..length.min(leaf.0.len())]);
        if length < leaf.0.len() {
            return bytes;
        }
    }
}

/// A node of the trie: always 64 bytes.
fn node(hash: &B256) -> Bytes {
    ecall::set_key(Kind::TrieNode, &hash.0);
    let (left, _) = ecall::read();
    let (right, _) = ecall::read();
    [left.0, right.0].concat().into()
}
