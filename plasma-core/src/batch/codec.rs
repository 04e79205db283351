//! Placeholder while the columnar codec is written: plain borsh.

use alloc::vec::Vec;

use crate::{Block, ChainHead, CodecError, codec};

/// The bytes of a batch of blocks.
#[cfg(feature = "compress")]
pub fn encode_batch(blocks: &[Block]) -> Vec<u8> {
    codec::encode(blocks)
}

/// The blocks of a batch that continues `parent`.
pub fn decode_batch(parent: &ChainHead, bytes: &[u8]) -> Result<Vec<Block>, CodecError> {
    let _ = parent;
    codec::decode(bytes, 1 << 24)
}
