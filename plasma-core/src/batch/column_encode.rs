//! Writing of columns: the mode is chosen by an estimate of what the entropy coder behind will make
//! of it.

use std::collections::HashMap;

use alloc::{vec, vec::Vec};

use alloy_primitives::U256;

use super::{
    column::{DICTIONARY, DIFFERENCES, MAX_DISTINCT, MAX_HEADS, MAX_POWER, PLANES},
    reader::write_varint,
};

/// Pieces of a batch whose bytes resemble each other, and so deserve a code of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections(Vec<Vec<u8>>);

impl Sections {
    /// The section that small things go to.
    pub(super) fn last(&mut self) -> &mut Vec<u8> {
        if self.0.is_empty() {
            self.0.push(Vec::new());
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Appends bytes that resemble each other.
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        // A code of its own takes up to a hundred bytes: few bytes are better off with their
        // neighbours.
        const WORTHWHILE: usize = 256;
        if bytes.len() < WORTHWHILE {
            self.last().extend(bytes);
        } else {
            self.0.extend([bytes, Vec::new()]);
        }
    }

    /// Appends other sections.
    pub(super) fn extend(&mut self, other: Self) {
        for section in other.0 {
            self.push(section);
        }
    }

    /// The sections, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .map(Vec::as_slice)
            .filter(|section| !section.is_empty())
    }

    /// What they take as they are, in bytes.
    fn size(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// What they will take, in bits: each byte by its frequency in its section (Shannon).
    fn cost(&self) -> f64 {
        self.iter()
            .map(|section| {
                let mut counts = [0_u32; 256];
                for byte in section {
                    counts[usize::from(*byte)] += 1;
                }
                let total = section.len() as f64;
                let present = counts
                    .iter()
                    .filter(|count| **count > 0)
                    .map(|count| f64::from(*count));
                // A code takes about five bits for each byte it knows.
                present
                    .map(|count| 5.0 + count * (total / count).log2())
                    .sum::<f64>()
            })
            .sum()
    }
}

/// Writes the column in the mode that takes the least. Returns the estimate, in bits.
pub(super) fn write_column(numbers: &[U256], out: &mut Sections) -> f64 {
    let mut candidates = vec![
        (PLANES, planes(numbers, false)),
        (PLANES, planes(numbers, true)),
    ];
    let differences: Vec<U256> = numbers
        .iter()
        .scan(U256::ZERO, |last, number| {
            Some(to_zigzag(
                number.wrapping_sub(core::mem::replace(last, *number)),
            ))
        })
        .collect();
    candidates.push((DIFFERENCES, planes(&differences, false)));
    candidates.extend(dictionary(numbers).map(|sections| (DICTIONARY, sections)));
    // However well it would compress, a batch is also bounded by what it takes decompressed.
    let largest = candidates[0].1.size() + numbers.len();
    candidates.retain(|(_, sections)| sections.size() <= largest);
    let costs = candidates
        .into_iter()
        .map(|(mode, sections)| (sections.cost(), mode, sections));
    let best = costs.min_by(|one, other| one.0.total_cmp(&other.0));
    let (cost, mode, sections) = best.expect("there is a candidate");
    write_varint(out.last(), numbers.len() as u64);
    out.last().push(mode);
    out.extend(sections);
    cost
}

fn to_zigzag(difference: U256) -> U256 {
    let doubled: U256 = difference << 1;
    if difference.bit(255) {
        !doubled
    } else {
        doubled
    }
}

/// The distinct numbers in the order of their first appearance, and which of them each number is.
/// `None` when there are too many for it to be of use.
fn dictionary(numbers: &[U256]) -> Option<Sections> {
    let (mut distinct, mut indexes, mut known) = (Vec::new(), Vec::new(), HashMap::new());
    for number in numbers {
        let index = *known.entry(*number).or_insert_with(|| {
            distinct.push(*number);
            distinct.len() - 1
        });
        if distinct.len() * 2 > numbers.len() + 2 || distinct.len() > MAX_DISTINCT {
            return None;
        }
        indexes.push(U256::from(index));
    }
    let mut sections = Sections::default();
    write_varint(sections.last(), distinct.len() as u64);
    let cheapest = [planes(&distinct, false), planes(&distinct, true)]
        .into_iter()
        .min_by(|one, other| one.cost().total_cmp(&other.cost()))?;
    sections.extend(cheapest);
    sections.extend(planes(&indexes, false));
    Some(sections)
}

/// The planes of `numbers`, as digits times a power of ten when `decimal`.
fn planes(numbers: &[U256], decimal: bool) -> Sections {
    let (mut heads, mut known, mut selectors) = (Vec::new(), HashMap::new(), Vec::new());
    let mut planes = vec![Vec::new(); 32];
    for number in numbers {
        let (digits, power) = if decimal {
            split_decimal(*number)
        } else {
            (*number, 0)
        };
        let head = (digits.byte_len() as u8, power);
        selectors.push(*known.entry(head).or_insert_with(|| {
            heads.push(head);
            heads.len() - 1
        }));
        if heads.len() > MAX_HEADS {
            return planes_plain(numbers);
        }
        let bytes = digits.to_le_bytes::<32>();
        for (plane, byte) in planes.iter_mut().zip(&bytes[..usize::from(head.0)]) {
            plane.push(*byte);
        }
    }
    let mut sections = Sections::default();
    write_varint(sections.last(), heads.len() as u64);
    sections
        .last()
        .extend(heads.iter().flat_map(|(bytes, power)| [*bytes, *power]));
    if heads.len() > 1 {
        sections.push(
            selectors
                .into_iter()
                .map(|selector| selector as u8)
                .collect(),
        );
    }
    for plane in planes {
        sections.push(plane);
    }
    sections
}

/// Without powers of ten there are 33 heads at most, so this ends.
fn planes_plain(numbers: &[U256]) -> Sections {
    planes(numbers, false)
}

/// A number as digits that do not end in zero, times a power of ten.
fn split_decimal(mut number: U256) -> (U256, u8) {
    let mut power = 0;
    if number.is_zero() {
        return (number, 0);
    }
    for step in [32_u8, 16, 8, 4, 2, 1] {
        let scale = U256::from(10).pow(U256::from(step));
        while power + step <= MAX_POWER {
            let (quotient, rest) = number.div_rem(scale);
            if !rest.is_zero() {
                break;
            }
            (number, power) = (quotient, power + step);
        }
    }
    (number, power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{column::Column, reader::Reader},
        *,
    };

    fn check(numbers: &[U256]) {
        let mut sections = Sections::default();
        write_column(numbers, &mut sections);
        let bytes: Vec<u8> = sections.iter().flatten().copied().collect();
        let mut reader = Reader::new(&bytes);
        let mut column = Column::read(&mut reader).expect("a column");
        for number in numbers {
            assert_eq!(column.next(), Ok(*number));
        }
        assert!(column.next().is_err(), "a number too many");
        assert_eq!((reader.finish(), column.finish()), (Ok(()), Ok(())));
    }

    fn number() -> impl Strategy<Value = U256> {
        prop_oneof![
            Just(U256::ZERO),
            Just(U256::MAX),
            (0_u64..300).prop_map(U256::from),
            any::<u64>().prop_map(U256::from),
            any::<[u8; 32]>().prop_map(U256::from_le_bytes),
            (any::<u64>(), 0_u64..58).prop_map(
                |(digits, power)| U256::from(digits) * U256::from(10).pow(U256::from(power))
            ),
        ]
    }

    proptest! {
        #[test]
        fn columns_come_back(numbers in prop::collection::vec(number(), 0..700)) {
            check(&numbers);
        }
    }

    #[test]
    fn extremes_come_back() {
        check(&[]);
        check(&[U256::MAX]);
        check(&vec![U256::from(7); 100_000]);
        let counting: Vec<U256> = (0..100_000_u64).map(U256::from).collect();
        check(&counting);
        // As many heads as there are pairs of length and power: falls back to plain planes.
        let heads: Vec<U256> = (0..78_u64)
            .flat_map(|power| (0..32).map(move |bytes| (power, bytes)))
            .filter_map(|(power, bytes)| {
                let digits: U256 = U256::ONE << (8 * bytes);
                digits.checked_mul(U256::from(10).pow(U256::from(power)))
            })
            .collect();
        check(&heads);
    }

    #[test]
    fn regular_columns_take_next_to_nothing() {
        for numbers in [
            vec![U256::from(21_000); 10_000],
            (0..10_000_u64)
                .map(|n| U256::from(n * 1_000 + 1_700_000_000))
                .collect(),
        ] {
            let mut sections = Sections::default();
            let bits = write_column(&numbers, &mut sections);
            assert!(bits < 1_000.0, "{bits} bits");
        }
    }
}
