//! What instructions compute from two numbers, straight from the manual.

use super::{field, spread};

fn signed(value: u64) -> i128 {
    i128::from(value.cast_signed())
}

fn unsigned(value: u64) -> i128 {
    i128::from(value)
}

/// The number modulo 2^64.
fn wrap(value: i128) -> u64 {
    value as u64
}

/// OP-IMM and OP-IMM-32; `None` for a reserved encoding.
pub(super) fn immediate_operation(word: u32, a: u64) -> Option<u64> {
    let immediate = spread(field(word, 31, 20).into(), 12);
    let words = field(word, 6, 0) == 0b001_1011;
    let funct3 = field(word, 14, 12);
    if funct3 == 1 || funct3 == 5 {
        let amount_bits = if words { 5 } else { 6 };
        let amount = field(word, 19 + amount_bits, 20);
        let rest = field(word, 31, 20 + amount_bits) << amount_bits;
        let arithmetic = match rest {
            0 => false,
            0x400 if funct3 == 5 => true,
            _ => return None,
        };
        return Some(shift(a, amount, funct3 == 1, arithmetic, words));
    }
    if words {
        return (funct3 == 0).then(|| spread(a.wrapping_add(immediate) & 0xffff_ffff, 32));
    }
    Some(match funct3 {
        0 => a.wrapping_add(immediate),
        2 => (signed(a) < signed(immediate)).into(),
        3 => (a < immediate).into(),
        4 => a ^ immediate,
        6 => a | immediate,
        _ => a & immediate,
    })
}

/// A shift by less than the width.
fn shift(a: u64, amount: u32, left: bool, arithmetic: bool, words: bool) -> u64 {
    let a = match (words, arithmetic) {
        (false, _) => a,
        (true, true) => spread(a & 0xffff_ffff, 32),
        (true, false) => a & 0xffff_ffff,
    };
    let shifted = match (left, arithmetic) {
        (true, _) => a << amount,
        (false, true) => (a.cast_signed() >> amount).cast_unsigned(),
        (false, false) => a >> amount,
    };
    if words {
        spread(shifted & 0xffff_ffff, 32)
    } else {
        shifted
    }
}

/// OP and OP-32; `None` for a reserved encoding.
pub(super) fn register_operation(word: u32, a: u64, b: u64) -> Option<u64> {
    let words = field(word, 6, 0) == 0b011_1011;
    let funct3 = field(word, 14, 12);
    let amount = (b & if words { 31 } else { 63 }) as u32;
    let result = match (field(word, 31, 25), funct3) {
        (0, 0) => a.wrapping_add(b),
        (0x20, 0) => a.wrapping_sub(b),
        (0, 1) => return Some(shift(a, amount, true, false, words)),
        (0, 5) => return Some(shift(a, amount, false, false, words)),
        (0x20, 5) => return Some(shift(a, amount, false, true, words)),
        (0, 2) if !words => (signed(a) < signed(b)).into(),
        (0, 3) if !words => (a < b).into(),
        (0, 4) if !words => a ^ b,
        (0, 6) if !words => a | b,
        (0, 7) if !words => a & b,
        (1, _) => multiplication(funct3, a, b, words)?,
        _ => return None,
    };
    Some(if words {
        spread(result & 0xffff_ffff, 32)
    } else {
        result
    })
}

fn multiplication(funct3: u32, a: u64, b: u64, words: bool) -> Option<u64> {
    match funct3 {
        0 => return Some(a.wrapping_mul(b)),
        1 if !words => return Some(wrap((signed(a) * signed(b)) >> 64)),
        2 if !words => return Some(wrap((signed(a) * unsigned(b)) >> 64)),
        3 if !words => return Some(((u128::from(a) * u128::from(b)) >> 64) as u64),
        1..=3 => return None,
        _ => {}
    }
    // Odd functions are unsigned. Numbers this wide cannot overflow, so the manual's special case needs no case here.
    let wide = |value: u64| match (words, funct3 % 2 == 1) {
        (true, true) => unsigned(value & 0xffff_ffff),
        (true, false) => signed(spread(value & 0xffff_ffff, 32)),
        (false, true) => unsigned(value),
        (false, false) => signed(value),
    };
    let (dividend, divisor) = (wide(a), wide(b));
    Some(wrap(match (funct3 < 6, divisor) {
        (true, 0) => -1,
        (false, 0) => dividend,
        (true, _) => dividend / divisor,
        (false, _) => dividend % divisor,
    }))
}

/// What an AMO of so many bits writes; `None` for a reserved operation.
pub(super) fn atomic(operation: u32, old: u64, operand: u64, bits: u32) -> Option<u64> {
    let mask = u64::MAX >> (64 - bits);
    let (a, b) = (old & mask, operand & mask);
    let less = spread(a, bits).cast_signed() < spread(b, bits).cast_signed();
    Some(match operation {
        0b00000 => a.wrapping_add(b),
        0b00001 => b,
        0b00100 => a ^ b,
        0b01000 => a | b,
        0b01100 => a & b,
        0b10000 => {
            if less {
                a
            } else {
                b
            }
        }
        0b10100 => {
            if less {
                b
            } else {
                a
            }
        }
        0b11000 => a.min(b),
        0b11100 => a.max(b),
        _ => return None,
    })
}
