//! Batches: runs of blocks, as they are published.
//!
//! A batch is columnar: each field of all its headers and transactions stands together, where it
//! resembles its neighbours, and the whole is compressed but for the signatures, which cannot be.
//!
//! ```text
//!   bytes      version 1 | payload length | frame length | Zstandard frame | signatures, 64 each
//!                                                              |
//!   payload    blocks         counts | timestamps | epochs | messages | lags | marks | proposers
//!              transactions   forms | callees | nonces | gas | fees | tips | values | words
//!                             mentions | expiries, mode | lengths
//!              tables         addresses | dictionary of forms | hashes | blob
//! ```
//! Everything named in the plural and not further said is a column of numbers (`column.rs`).
//!
//! - *Blocks.* `counts` of transactions; `lags` from a block's height to the height it has
//!   executed; `marks` say whether its executed root is zero, the last one or the next of `hashes`,
//!   and whether a seal follows there. Not stored, because they follow: chain id, heights, parents'
//!   hashes, bodies' commitments.
//! - *Transactions.* A form says all that transactions that look alike share: encoding, selector,
//!   what the words of the call are. Each number then comes from its column, each address from the
//!   table (a reference: 0 for the next new one, else one more than its place; `proposers`,
//!   `callees`, `mentions` in words), each opaque thing from `blob` by its length, `r` and `s` from
//!   the signatures, with the parity of `y` in the highest bit of `s` (EIP-2098). Of a native
//!   transaction by a key of another scheme, or for another account, the authorization without `r`
//!   and `s` is opaque. `fees` are without the tip. Bytes that are no transaction of a known encoding, or not the one form that
//!   it has, are opaque as a whole. Senders are not stored: they follow from the signatures.
//! - *Numbers* are digits times a power of ten, or differences, or places in a dictionary,
//!   whichever the encoder finds cheaper. Byte planes are compressed one by one, each with an
//!   entropy code of its own.
//!
//! Decoding is total and bounded. Every column must end exactly where the blocks do, so that bytes
//! have one meaning or none. Decompression stops at [`MAX_BATCH_PAYLOAD_BYTES`], and so does what
//! the columns expand to.

mod addresses;
mod budget;
mod column;
#[cfg(feature = "compress")]
mod column_encode;
mod decode;
#[cfg(feature = "compress")]
mod encode;
mod fields;
mod form;
mod frame;
mod header;
mod limits;
mod marks;
mod reader;
mod rlp;
#[cfg(feature = "testing")]
mod sample;
#[cfg(all(test, feature = "compress"))]
mod tests;

pub use decode::decode_batch;
#[cfg(feature = "compress")]
pub use encode::encode_batch;
pub use header::BatchHeader;
pub use limits::{MAX_BATCH_BYTES, MAX_BATCH_PAYLOAD_BYTES, MAX_OPEN_BATCH_BYTES, batch_weight};
#[cfg(feature = "testing")]
pub use sample::{Sample, SampleKind};
