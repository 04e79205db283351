//! The frame that every record of a log and of a snapshot stands in, and the header of every file.
//!
//! All integers are little-endian.
//!
//! ```text
//! file   = header record*
//! header = magic[8] version:u32 kind:u32 first:u64 checksum[8]                         32 bytes
//! record = "PREC" length:u32 sequence:u64 synced:u64 checksum[8] payload[length]       32 bytes + payload
//! ```
//!
//! A checksum is the first 8 bytes of SHA-256 over what stands before it and, in a record, the payload after
//! it. `sequence` numbers records without gaps, over all segments of a log. All records below
//! `synced` were durable when the record was written: that tells a torn tail, on which nothing after it
//! relies, from damage.

use sha2::{Digest, Sha256};

use super::StoreError;

/// Bytes of a file's header, and of a record's.
pub(super) const HEADER: usize = 32;
/// Longest payload of a record.
pub(super) const MAX_PAYLOAD: usize = 256 << 20;

const VERSION: u32 = 1;
const MARKER: [u8; 4] = *b"PREC";

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    /// Commits of a memory store.
    Commits = 0,
    /// Values that the commits of a database replaced.
    #[cfg_attr(
        not(feature = "nomt"),
        expect(dead_code, reason = "only NOMT keeps one")
    )]
    Undo = 1,
    /// A whole state.
    Snapshot = 2,
}

impl Kind {
    fn magic(self) -> [u8; 8] {
        match self {
            Self::Commits | Self::Undo => *b"PLASMALG",
            Self::Snapshot => *b"PLASMASN",
        }
    }
}

/// The header of a file whose first record has the sequence `first`.
pub(super) fn file_header(kind: Kind, first: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&kind.magic());
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&(kind as u32).to_le_bytes());
    header[16..24].copy_from_slice(&first.to_le_bytes());
    let checksum = checksum(&[&header[..24]]);
    header[24..].copy_from_slice(&checksum);
    header
}

/// Reads a file's header: the sequence of its first record.
pub(super) fn read_file_header(kind: Kind, path: &str, bytes: &[u8]) -> Result<u64, StoreError> {
    let corrupt = |reason: &str| StoreError::Corrupt {
        path: path.to_owned(),
        offset: 0,
        reason: reason.to_owned(),
    };
    let header: &[u8; HEADER] = bytes
        .first_chunk()
        .ok_or_else(|| corrupt("the file is shorter than its header"))?;
    if header[..8] != kind.magic() {
        return Err(corrupt("this is not a file of the store"));
    }
    let found = u32_at(header, 8);
    if found != VERSION {
        return Err(StoreError::Version {
            path: path.to_owned(),
            found,
            expected: VERSION,
        });
    }
    let first = u64_at(header, 16);
    if *header != file_header(kind, first) {
        return Err(corrupt("the header's checksum or kind is wrong"));
    }
    Ok(first)
}

/// A record being written: its payload follows room for the header.
pub(super) struct Frame(Vec<u8>);

impl Frame {
    pub(super) fn with_capacity(payload: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + payload);
        bytes.resize(HEADER, 0);
        Self(bytes)
    }

    /// Where the payload is written.
    pub(super) fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(super) fn payload_len(&self) -> usize {
        self.0.len() - HEADER
    }

    /// The finished record.
    pub(super) fn seal(&mut self, sequence: u64, synced: u64) -> Result<&[u8], StoreError> {
        let length = self.payload_len();
        if length > MAX_PAYLOAD {
            return Err(StoreError::CommitTooLarge {
                length,
                limit: MAX_PAYLOAD,
            });
        }
        let (header, payload) = self.0.split_at_mut(HEADER);
        header[..4].copy_from_slice(&MARKER);
        header[4..8].copy_from_slice(&(length as u32).to_le_bytes());
        header[8..16].copy_from_slice(&sequence.to_le_bytes());
        header[16..24].copy_from_slice(&synced.to_le_bytes());
        let checksum = checksum(&[&header[..24], payload]);
        header[24..].copy_from_slice(&checksum);
        Ok(&self.0)
    }

    /// Empties the payload, to use the memory again.
    pub(super) fn clear(&mut self) {
        self.0.truncate(HEADER);
    }
}

/// A record that was read.
pub(super) struct Record<'a> {
    pub(super) sequence: u64,
    pub(super) synced: u64,
    pub(super) payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at the beginning of `bytes`, or what is wrong with it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let header: &[u8; HEADER] = bytes
            .first_chunk()
            .ok_or("the record's header is cut short")?;
        if header[..4] != MARKER {
            return Err("no record begins here");
        }
        let length = u32_at(header, 4) as usize;
        if length > MAX_PAYLOAD {
            return Err("the record's length is over the limit");
        }
        let payload = bytes
            .get(HEADER..HEADER + length)
            .ok_or("the record is longer than what is left")?;
        if header[24..] != checksum(&[&header[..24], payload]) {
            return Err("the record's checksum is wrong");
        }
        Ok(Self {
            sequence: u64_at(header, 8),
            synced: u64_at(header, 16),
            payload,
        })
    }

    /// The next whole record anywhere in `bytes`, after damage.
    pub(super) fn find(bytes: &'a [u8], wanted: impl Fn(&Record<'_>) -> bool) -> Option<Self> {
        let starts = bytes.windows(MARKER.len()).enumerate();
        starts
            .filter(|(_, window)| *window == MARKER)
            .filter_map(|(start, _)| Record::parse(&bytes[start..]).ok())
            .find(wanted)
    }

    /// Bytes that the record takes in its file.
    pub(super) fn len(&self) -> usize {
        HEADER + self.payload.len()
    }
}

fn u32_at(bytes: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; HEADER], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn checksum(parts: &[&[u8]]) -> [u8; 8] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let mut out = [0; 8];
    out.copy_from_slice(&hash[..8]);
    out
}
