//! How large a batch may be.

use crate::Block;

/// The most that a batch may hold, by the weight of its blocks ([`batch_weight`]). Decompressed,
/// its columns take no more than that either. A block of the largest size, whatever is in it, fits.
pub const MAX_BATCH_PAYLOAD_BYTES: usize = 2 * 1024 * 1024;

/// The most bytes of an encoded batch. Content within [`MAX_BATCH_PAYLOAD_BYTES`] never takes more,
/// even when nothing in it can be compressed.
pub const MAX_BATCH_BYTES: usize = MAX_BATCH_PAYLOAD_BYTES + 64 * 1024;

/// The most bytes of a batch that nobody certified: they come in the call that appends it, and root nodes take
/// calls of 128 KiB.
pub const MAX_OPEN_BATCH_BYTES: usize = 30 * crate::CHUNK_BYTES;

/// The most that columns take beside what they hold: counts, modes, heads.
pub(super) const OUTLINE_BYTES: usize = 32 * 1024;

/// What a block weighs by itself.
pub(super) const BLOCK_WEIGHT: usize = 256;
/// What a transaction weighs beside its bytes: more than its columns can take beyond them.
pub(super) const TRANSACTION_WEIGHT: usize = 48;

/// What a transaction of so many bytes takes of [`MAX_BATCH_PAYLOAD_BYTES`].
pub(super) fn transaction_weight(bytes: usize) -> usize {
    TRANSACTION_WEIGHT.saturating_add(bytes)
}

/// What a block takes of [`MAX_BATCH_PAYLOAD_BYTES`]. A batcher adds blocks as long as their sum is
/// within.
pub fn batch_weight(block: &Block) -> usize {
    let transactions = block
        .transactions
        .iter()
        .map(|bytes| transaction_weight(bytes.len()));
    transactions.fold(BLOCK_WEIGHT, usize::saturating_add)
}
