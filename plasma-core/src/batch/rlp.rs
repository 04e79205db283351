//! The little of RLP that transactions need, in its one canonical form.

use alloc::vec::Vec;

use alloy_primitives::U256;

const STRING: u8 = 0x80;
const LIST: u8 = 0xc0;
const LONGEST_SHORT: usize = 55;

/// The bytes that a header takes before a payload of `length`.
fn header_length(length: usize) -> usize {
    if length <= LONGEST_SHORT {
        1
    } else {
        1 + length_of_length(length)
    }
}

fn length_of_length(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8) as usize
}

fn write_header(out: &mut Vec<u8>, base: u8, length: usize) {
    if length <= LONGEST_SHORT {
        out.push(base + length as u8);
    } else {
        let bytes = length_of_length(length);
        out.push(base + (LONGEST_SHORT + bytes) as u8);
        out.extend_from_slice(&length.to_be_bytes()[size_of::<usize>() - bytes..]);
    }
}

/// The bytes that a list takes whose items take `length` bytes.
pub(super) fn list_length(length: usize) -> usize {
    header_length(length) + length
}

/// Writes the header of a list whose items take `length` bytes.
pub(super) fn write_list_header(out: &mut Vec<u8>, length: usize) {
    write_header(out, LIST, length);
}

/// The bytes that a string takes with its header.
pub(super) fn string_length(bytes: &[u8]) -> usize {
    match bytes {
        [byte] if *byte < STRING => 1,
        _ => header_length(bytes.len()) + bytes.len(),
    }
}

/// Writes a string.
pub(super) fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes {
        [byte] if *byte < STRING => out.push(*byte),
        _ => {
            write_header(out, STRING, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

/// The bytes that a number takes with its header.
pub(super) fn number_length(value: &U256) -> usize {
    if *value < U256::from(STRING) {
        1
    } else {
        1 + value.byte_len()
    }
}

/// Writes a number.
pub(super) fn write_number(out: &mut Vec<u8>, value: &U256) {
    let bytes = value.to_be_bytes::<32>();
    write_string(out, &bytes[32 - value.byte_len()..]);
}

/// Without the zeros that a 32-byte number starts with.
pub(super) fn trim(word: &[u8]) -> &[u8] {
    let zeros = word.iter().take_while(|byte| **byte == 0).count();
    &word[zeros..]
}

/// What stands at the front of some bytes.
#[cfg(feature = "compress")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A string of bytes.
    String(&'a [u8]),
    /// A list: its items, one after the other.
    List(&'a [u8]),
}

/// Takes one item off the front; `None` when there is none in full. Whether it was canonical shows
/// when it is written again.
#[cfg(feature = "compress")]
pub(super) fn take_item<'a>(bytes: &mut &'a [u8]) -> Option<Item<'a>> {
    let (&first, rest) = bytes.split_first()?;
    if first < STRING {
        let (item, rest) = bytes.split_at(1);
        *bytes = rest;
        return Some(Item::String(item));
    }
    let base = if first < LIST { STRING } else { LIST };
    let short = usize::from(first - base);
    let (length, rest) = if short <= LONGEST_SHORT {
        (short, rest)
    } else {
        let (length, rest) = rest.split_at_checked(short - LONGEST_SHORT)?;
        (
            length.iter().try_fold(0_usize, |sum, byte| {
                Some(sum.checked_mul(256)? + usize::from(*byte))
            })?,
            rest,
        )
    };
    let (item, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(if base == LIST {
        Item::List(item)
    } else {
        Item::String(item)
    })
}

#[cfg(all(test, feature = "compress"))]
mod tests {
    use super::*;

    fn check(bytes: &[u8]) {
        let mut out = Vec::new();
        write_string(&mut out, bytes);
        assert_eq!(out.len(), string_length(bytes), "{} bytes", bytes.len());
        let mut rest = out.as_slice();
        assert_eq!(take_item(&mut rest), Some(Item::String(bytes)));
        assert!(rest.is_empty());
        assert_eq!(
            take_item(&mut &out[..out.len() - 1]),
            None,
            "{} bytes, cut",
            bytes.len()
        );
        let mut list = Vec::new();
        write_list_header(&mut list, out.len());
        list.extend_from_slice(&out);
        assert_eq!(take_item(&mut list.as_slice()), Some(Item::List(&out)));
    }

    #[test]
    fn strings_of_all_sizes_come_back() {
        for length in [
            0, 1, 2, 54, 55, 56, 57, 255, 256, 257, 65_535, 65_536, 100_000,
        ] {
            check(&alloc::vec![0x11; length]);
            check(&alloc::vec![0xee; length]);
        }
    }

    #[test]
    fn numbers_have_no_leading_zeros() {
        for (value, bytes) in [
            (U256::ZERO, &[0x80][..]),
            (U256::from(1), &[1]),
            (U256::from(127), &[127]),
            (U256::from(128), &[0x81, 128]),
            (U256::from(256), &[0x82, 1, 0]),
        ] {
            let mut out = Vec::new();
            write_number(&mut out, &value);
            assert_eq!((out.as_slice(), out.len()), (bytes, number_length(&value)));
        }
        let mut out = Vec::new();
        write_number(&mut out, &U256::MAX);
        assert_eq!(out.len(), number_length(&U256::MAX));
    }

    #[test]
    fn hostile_lengths_end_in_none() {
        let hostile: [&[u8]; 5] = [
            &[],
            &[0xb8],
            &[0xbf, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0xff; 20],
            &[0x82, 1],
        ];
        for bytes in hostile {
            assert_eq!(take_item(&mut &*bytes), None, "{bytes:?}");
        }
    }
}
