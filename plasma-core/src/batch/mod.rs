//! Batches: runs of blocks, as they are published.

mod codec;
mod header;

pub use codec::decode_batch;
#[cfg(feature = "compress")]
pub use codec::encode_batch;
pub use header::BatchHeader;
