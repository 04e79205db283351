//! The outermost layer of a batch: its version, its compressed columns, its signatures.

use alloc::{format, vec::Vec};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{
    budget,
    limits::{MAX_BATCH_BYTES, MAX_BATCH_PAYLOAD_BYTES, OUTLINE_BYTES},
    reader::{Reader, malformed},
};
use crate::CodecError;

/// The layout that this code reads and writes.
pub(super) const VERSION: u8 = 1;

/// The most that the columns take, decompressed.
const MAX_COLUMNS_BYTES: usize = MAX_BATCH_PAYLOAD_BYTES + OUTLINE_BYTES;

/// A batch taken out of its frame.
pub(super) struct Frame<'a> {
    /// The columns.
    pub(super) payload: Vec<u8>,
    /// `r` and `s` of each transaction in columns, in order.
    pub(super) signatures: &'a [[u8; 64]],
}

/// Opens a batch.
pub(super) fn open(bytes: &[u8]) -> Result<Frame<'_>, CodecError> {
    if bytes.len() > MAX_BATCH_BYTES {
        return Err(CodecError::TooLong {
            length: bytes.len(),
            limit: MAX_BATCH_BYTES,
        });
    }
    let mut reader = Reader::new(bytes);
    let version = reader.byte()?;
    if version != VERSION {
        return Err(malformed(format!(
            "a batch of version {version}; this code reads {VERSION}"
        )));
    }
    let length = reader.count(MAX_COLUMNS_BYTES, "bytes of columns")?;
    let compressed = reader.count(MAX_BATCH_BYTES, "compressed bytes")?;
    let compressed = reader.take(compressed)?;
    budget::check(compressed)?;
    let payload = decompress(compressed, length)?;
    let (signatures, rest) = reader.rest().as_chunks::<64>();
    if rest.is_empty() {
        Ok(Frame {
            payload,
            signatures,
        })
    } else {
        Err(CodecError::Surplus {
            surplus: rest.len(),
        })
    }
}

/// The content of exactly one Zstandard frame, which is exactly `length` bytes.
///
/// A few bytes may ask for gigabytes, so decompression goes block by block, and a block makes 1.2
/// MiB at most.
fn decompress(mut frame: &[u8], length: usize) -> Result<Vec<u8>, CodecError> {
    let zstd = |error| malformed(format!("the columns do not decompress: {error}"));
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_COLUMNS_BYTES as u64);
    decoder.init(&mut frame).map_err(zstd)?;
    let mut content = Vec::with_capacity(length);
    loop {
        let finished = decoder
            .decode_blocks(&mut frame, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(zstd)?;
        content.extend(decoder.collect().unwrap_or_default());
        if content.len() > length {
            return Err(malformed(format!(
                "the columns decompress to more than the {length} bytes they declare"
            )));
        }
        if finished {
            break;
        }
    }
    if content.len() != length || !frame.is_empty() {
        let (got, left) = (content.len(), frame.len());
        return Err(malformed(format!(
            "columns of {length} bytes decompress to {got}, with {left} left over"
        )));
    }
    Ok(content)
}

/// Compresses each section with a code of its own, all in one frame, and closes the batch. What would be too dear to
/// decompress stays as it is.
#[cfg(feature = "compress")]
pub(super) fn close(sections: &super::column_encode::Sections, signatures: &[[u8; 64]]) -> Vec<u8> {
    use std::io::Write as _;

    use super::reader::write_varint;

    /// Higher ones take far longer and gain less than one percent here.
    const LEVEL: i32 = 9;

    let length: usize = sections.iter().map(<[u8]>::len).sum();
    let compress = || {
        let mut encoder = zstd::stream::Encoder::new(Vec::with_capacity(length), LEVEL)?;
        encoder.set_pledged_src_size(Some(length as u64))?;
        encoder.include_contentsize(true)?;
        encoder.include_checksum(false)?;
        for section in sections.iter() {
            encoder.write_all(section)?;
            // Ends a block, and with it the reach of an entropy code.
            encoder.flush()?;
        }
        encoder.finish()
    };
    let mut compressed = compress().expect("compressing memory to memory");
    if budget::check(&compressed).is_err() {
        let content: Vec<u8> = sections.iter().flatten().copied().collect();
        compressed = budget::uncompressed(&content);
    }
    let mut out = Vec::with_capacity(compressed.len() + 64 * signatures.len() + 16);
    out.push(VERSION);
    write_varint(&mut out, length as u64);
    write_varint(&mut out, compressed.len() as u64);
    out.extend(compressed);
    out.extend_from_slice(signatures.as_flattened());
    out
}
