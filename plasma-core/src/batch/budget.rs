//! What a Zstandard frame may ask of whoever decompresses it.
//!
//! Decompression takes a time that its output alone does not bound: each block may bring tables to be built, and a
//! sequence may copy as few as three bytes, and literals may be coded bit by bit. In the fault-proof machine that time is
//! instructions, of which there are 2^28. So the blocks, the sequences and the coded literals of a frame are counted
//! before it is opened: each block says in its head how many it has (RFC 8878, 3.1.1.2, 3.1.1.3.1 and 3.1.1.3.2).

use alloc::format;
#[cfg(any(test, feature = "compress"))]
use alloc::vec::Vec;

use super::reader::malformed;
use crate::CodecError;

// In the machine a sequence takes some 600 instructions and a coded literal some 110; with the most of both a batch of
// the most transactions, which is the dearest, stays within a tenth of 2^28.
/// The most blocks of a frame: one for each 128 KiB and each column, and room to spare.
pub(super) const MAX_BLOCKS: usize = 160;
/// The most sequences of a frame's blocks together.
pub(super) const MAX_SEQUENCES: usize = 65_536;
/// The most literals with a Huffman code of a frame's blocks together.
pub(super) const MAX_CODED_LITERALS: usize = 192 * 1024;

/// The first four bytes of a frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a frame asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Work {
    blocks: usize,
    sequences: usize,
    coded_literals: usize,
}

impl Work {
    fn add(&mut self, block: Self) {
        self.blocks += block.blocks;
        self.sequences += block.sequences;
        self.coded_literals += block.coded_literals;
    }

    fn is_within_limits(&self) -> bool {
        self.blocks <= MAX_BLOCKS
            && self.sequences <= MAX_SEQUENCES
            && self.coded_literals <= MAX_CODED_LITERALS
    }
}

/// Whether what a frame asks for is within its limits. What is no frame may pass or not: the decoder says.
pub(super) fn check(frame: &[u8]) -> Result<(), CodecError> {
    let mut work = Work::default();
    let counted = Scan(frame).frame(&mut |block| {
        work.add(block);
        work.is_within_limits()
    });
    if !work.is_within_limits() {
        return Err(malformed(format!(
            "the columns are {} blocks of {} sequences and {} coded literals, or more; the limits are {MAX_BLOCKS}, \
             {MAX_SEQUENCES} and {MAX_CODED_LITERALS}",
            work.blocks, work.sequences, work.coded_literals
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

    /// Hands what each block asks for to `count`, until it has enough.
    fn frame(&mut self, count: &mut dyn FnMut(Work) -> bool) -> Option<()> {
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
            let plain = Work {
                blocks: 1,
                ..Work::default()
            };
            let block = match head >> 1 & 3 {
                // A run of one byte.
                1 => {
                    self.take(1)?;
                    plain
                }
                2 => Scan(self.take(length)?).block()?,
                // Bytes as they are. There is no kind 3, and the decoder says so.
                _ => {
                    self.take(length)?;
                    plain
                }
            };
            if !count(block) || head & 1 == 1 {
                return Some(());
            }
        }
    }

    /// What a compressed block asks for.
    fn block(&mut self) -> Option<Work> {
        let first = usize::from(*self.0.first()?);
        let (kind, form) = (first & 3, first >> 2 & 3);
        let coded_literals = if kind < 2 {
            // Literals as they are, or a run of one.
            let (head, low) = [(1, 3), (2, 4), (1, 3), (3, 4)][form];
            let length = (self.integer(head)? >> low) as usize;
            self.take(if kind == 0 { length } else { 1 })?;
            0
        } else {
            let (head, bits) = [(3, 10), (3, 10), (4, 14), (5, 18)][form];
            let sizes = self.integer(head)? >> 4;
            let field = |at: u32| (sizes >> at & ((1 << bits) - 1)) as usize;
            self.take(field(bits))?;
            field(0)
        };
        let first = self.integer(1)? as usize;
        let sequences = match first {
            0..128 => first,
            128..255 => (first - 128) << 8 | self.integer(1)? as usize,
            _ => self.integer(2)? as usize + 0x7f00,
        };
        Some(Work {
            blocks: 1,
            sequences,
            coded_literals,
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
    use alloc::vec::Vec;

    use super::*;

    fn counted(frame: &[u8]) -> Option<Work> {
        let mut work = Work::default();
        let whole = Scan(frame).frame(&mut |block| {
            work.add(block);
            true
        });
        whole.map(|()| work)
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

    fn compressed(content: &[u8], level: i32) -> Vec<u8> {
        zstd::bulk::compress(content, level).expect("memory to memory")
    }

    #[test]
    fn work_is_what_the_compressor_made() {
        let noise = words(64);
        let empty = compressed(&[], 19);
        assert_eq!(counted(&empty).map(|work| work.sequences), Some(0));
        for (content, sequences) in [(&[7; 1_000][..], 1), (&noise, 0), (&noise.repeat(2), 1)] {
            let work = counted(&compressed(content, 19)).expect("a whole frame");
            assert_eq!((work.blocks, work.sequences), (1, sequences), "{work:?}");
        }
        // Short matches, which only a high level finds.
        let long = words(300_000);
        let frame = compressed(&long, 19);
        let work = counted(&frame).expect("a whole frame");
        assert!(work.blocks >= long.len() / (128 * 1024), "{work:?}");
        assert!(
            work.sequences > MAX_SEQUENCES && work.coded_literals == 0,
            "{work:?}"
        );
        assert!(check(&frame).is_err());
        // Letters without a pattern: nothing matches, and each takes fewer bits than eight.
        let letters: Vec<u8> = long.iter().map(|byte| b'a' + byte % 16).collect();
        let frame = compressed(&letters, 1);
        let work = counted(&frame).expect("a whole frame");
        assert!(work.coded_literals > MAX_CODED_LITERALS, "{work:?}");
        assert!(
            work.coded_literals <= letters.len() && work.sequences < 10_000,
            "{work:?}"
        );
        assert!(check(&frame).is_err());
        let frame = compressed(&letters[..MAX_CODED_LITERALS], 1);
        assert_eq!(check(&frame), Ok(()));
        // Bytes as they are.
        let frame = uncompressed(&long);
        let plain = Work {
            blocks: long.len().div_ceil(128 * 1024),
            ..Work::default()
        };
        assert_eq!(counted(&frame), Some(plain));
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
        assert!(check(&[0; 100]).is_err());
    }
}
