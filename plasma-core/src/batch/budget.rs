//! What a Zstandard frame may ask of whoever decompresses it.
//!
//! Decompression takes a time that its output alone does not bound: each block may bring tables to be built, and a
//! sequence may copy as few as three bytes. In the fault-proof machine that time is instructions, of which there are
//! 2^28. So the blocks and the sequences of a frame are counted before it is opened: each block says in its head how
//! many sequences it has (RFC 8878, 3.1.1.2 and 3.1.1.3.2).

use alloc::{format, vec::Vec};

use super::reader::malformed;
use crate::CodecError;

/// The most blocks of a frame: one for each 128 KiB and each column, and room to spare.
pub(super) const MAX_BLOCKS: usize = 160;
/// The most sequences of a frame's blocks together.
pub(super) const MAX_SEQUENCES: usize = 98_304;

/// The first four bytes of a frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether a frame's blocks and sequences are within their limits. What is no frame may pass or not: the decoder says.
pub(super) fn check(frame: &[u8]) -> Result<(), CodecError> {
    let mut scan = Scan(frame);
    let (mut blocks, mut sequences) = (0, 0);
    let counted = scan.frame(&mut |count| {
        blocks += 1;
        sequences += count;
        blocks <= MAX_BLOCKS && sequences <= MAX_SEQUENCES
    });
    if blocks > MAX_BLOCKS || sequences > MAX_SEQUENCES {
        return Err(malformed(format!(
            "the columns are {blocks} blocks of {sequences} sequences or more; the limits are {MAX_BLOCKS} and \
             {MAX_SEQUENCES}"
        )));
    }
    counted.ok_or_else(|| malformed("the columns are no whole Zstandard frame"))
}

/// The rest of a frame.
struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// An integer of up to eight bytes, little-endian.
    fn integer(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(
            taken
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    }

    /// Hands the number of sequences of each block to `count`, until it has enough.
    fn frame(&mut self, count: &mut dyn FnMut(usize) -> bool) -> Option<()> {
        if self.take(4)? != MAGIC {
            return None;
        }
        let descriptor = self.integer(1)?;
        let single = descriptor >> 5 & 1 == 1;
        let window = usize::from(!single);
        let dictionary = [0, 1, 2, 4][descriptor as usize & 3];
        let size = match descriptor >> 6 {
            0 => usize::from(single),
            flag => 1 << flag,
        };
        self.take(window + dictionary + size)?;
        loop {
            let head = self.integer(3)?;
            let length = (head >> 3) as usize;
            let sequences = match head >> 1 & 3 {
                // A run of one byte.
                1 => {
                    self.take(1)?;
                    0
                }
                2 => Scan(self.take(length)?).sequences()?,
                // Bytes as they are. There is no kind 3, and the decoder says so.
                _ => {
                    self.take(length)?;
                    0
                }
            };
            if !count(sequences) || head & 1 == 1 {
                return Some(());
            }
        }
    }

    /// The number of sequences of a compressed block.
    fn sequences(&mut self) -> Option<usize> {
        let first = usize::from(*self.0.first()?);
        let (kind, form) = (first & 3, first >> 2 & 3);
        if kind < 2 {
            // Literals as they are, or a run of one.
            let (head, low) = [(1, 3), (2, 4), (1, 3), (3, 4)][form];
            let length = (self.integer(head)? >> low) as usize;
            self.take(if kind == 0 { length } else { 1 })?;
        } else {
            let (head, bits) = [(3, 10), (3, 10), (4, 14), (5, 18)][form];
            let length = self.integer(head)? >> (4 + bits) & ((1 << bits) - 1);
            self.take(length as usize)?;
        }
        let first = self.integer(1)? as usize;
        Some(match first {
            0..128 => first,
            128..255 => (first - 128) << 8 | self.integer(1)? as usize,
            _ => self.integer(2)? as usize + 0x7f00,
        })
    }
}

/// A frame of these bytes as they are.
#[cfg(any(test, feature = "compress"))]
pub(super) fn uncompressed(content: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 128 * 1024;
    let mut frame = MAGIC.to_vec();
    // One segment, its size in four bytes.
    frame.push(0b1010_0000);
    frame.extend_from_slice(&(content.len() as u32).to_le_bytes());
    let mut rest = content;
    loop {
        let (block, after) = rest.split_at(rest.len().min(BLOCK));
        let head = (block.len() as u32) << 3 | u32::from(after.is_empty());
        frame.extend_from_slice(&head.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
        rest = after;
        if rest.is_empty() {
            return frame;
        }
    }
}

#[cfg(all(test, feature = "compress"))]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    fn counted(frame: &[u8]) -> Option<(usize, usize)> {
        let (mut blocks, mut sequences) = (0, 0);
        let whole = Scan(frame).frame(&mut |count| {
            blocks += 1;
            sequences += count;
            true
        });
        whole.map(|()| (blocks, sequences))
    }

    /// Words of a small dictionary in an order without a pattern: one short match after the other.
    fn words(count: u32) -> Vec<u8> {
        let mut state = 1_u32;
        (0..count)
            .flat_map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 20).wrapping_mul(0x9e37_79b9).to_be_bytes()
            })
            .collect()
    }

    #[test]
    fn blocks_and_sequences_are_those_that_the_compressor_made() {
        // One block each: nothing, a run, noise, one repetition.
        let noise: Vec<u8> = words(64);
        let repeated = noise.repeat(2);
        for (content, sequences) in [(&[][..], 0), (&[7; 1_000], 0), (&noise, 0), (&repeated, 1)] {
            let frame = zstd::bulk::compress(content, 19).expect("memory to memory");
            let (blocks, found) = counted(&frame).expect("a whole frame");
            assert_eq!(blocks, 1);
            assert!(found <= sequences + 1, "{found} for {sequences}");
        }
        let long = words(300_000);
        for level in [1, 9, 19] {
            let frame = zstd::bulk::compress(&long, level).expect("memory to memory");
            let (blocks, sequences) = counted(&frame).expect("a whole frame");
            assert!(blocks >= long.len() / (128 * 1024), "{blocks} blocks");
            assert!(sequences > 100_000, "{sequences} sequences");
            assert!(check(&frame).is_err());
        }
        let frame = uncompressed(&long);
        assert_eq!(counted(&frame), Some((long.len().div_ceil(128 * 1024), 0)));
        assert_eq!(zstd::bulk::decompress(&frame, long.len()).ok(), Some(long));
        assert_eq!(check(&frame), Ok(()));
    }

    #[test]
    fn a_frame_of_many_blocks_is_refused() {
        let mut frame = uncompressed(&[]);
        frame.truncate(frame.len() - 3);
        frame.extend([0, 0, 0].repeat(MAX_BLOCKS - 1));
        let mut within = frame.clone();
        within.extend([1, 0, 0]);
        assert_eq!(check(&within), Ok(()));
        frame.extend([0, 0, 0, 1, 0, 0]);
        assert!(check(&frame).is_err());
    }

    #[test]
    fn what_ends_early_is_no_frame() {
        let frame = zstd::bulk::compress(&words(2_000), 9).expect("memory to memory");
        assert_eq!(check(&frame), Ok(()));
        for end in (0..frame.len()).step_by(7) {
            assert!(check(&frame[..end]).is_err(), "{end}");
        }
        assert!(check(&vec![0; 100]).is_err());
    }
}
