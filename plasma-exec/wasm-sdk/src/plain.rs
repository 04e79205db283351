//! Arithmetic where there is no chain to ask: in a contract's own tests, away from WebAssembly.

use crate::Word;

/// Lowest first.
type Limbs = [u64; 4];

fn limbs(word: &Word) -> Limbs {
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().rev().zip(word.chunks_exact(8)) {
        *limb = bytes
            .iter()
            .fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    limbs
}

fn word(limbs: Limbs) -> Word {
    let mut word = [0; 32];
    for (limb, bytes) in limbs.iter().rev().zip(word.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
    word
}

/// The sum modulo 2^256, and whether it is the sum.
pub(crate) fn add(a: &Word, b: &Word) -> (Word, bool) {
    let (mut sum, mut carry) = ([0; 4], false);
    for ((sum, a), b) in sum.iter_mut().zip(limbs(a)).zip(limbs(b)) {
        (*sum, carry) = a.carrying_add(b, carry);
    }
    (word(sum), !carry)
}

/// The difference modulo 2^256, and whether it is the difference.
pub(crate) fn sub(a: &Word, b: &Word) -> (Word, bool) {
    let (mut difference, mut borrow) = ([0; 4], false);
    for ((difference, a), b) in difference.iter_mut().zip(limbs(a)).zip(limbs(b)) {
        (*difference, borrow) = a.borrowing_sub(b, borrow);
    }
    (word(difference), !borrow)
}

/// The product modulo 2^256, and whether it is the product.
pub(crate) fn mul(a: &Word, b: &Word) -> (Word, bool) {
    let mut product = [0_u64; 8];
    for (shift, a) in limbs(a).into_iter().enumerate() {
        let mut carry = 0;
        for (place, b) in limbs(b).into_iter().enumerate() {
            // Cannot overflow: a product of 64 bits each, and two more of 64.
            let all = u128::from(a) * u128::from(b) + u128::from(product[shift + place]) + carry;
            product[shift + place] = all as u64;
            carry = all >> 64;
        }
        product[shift + 4] = carry as u64;
    }
    let [a, b, c, d, above @ ..] = product;
    (word([a, b, c, d]), above == [0; 4])
}

/// The quotient, rounded down, and whether there is one; 0 where the divisor is.
pub(crate) fn div(a: &Word, b: &Word) -> (Word, bool) {
    if *b == [0; 32] {
        return ([0; 32], false);
    }
    // Bit by bit, from the highest.
    let (mut quotient, mut rest) = ([0; 32], [0; 32]);
    for bit in (0..256).rev() {
        let (byte, shift) = (31 - bit / 8, bit % 8);
        let (mut twice, fits) = add(&rest, &rest);
        twice[31] |= a[byte] >> shift & 1;
        let (less, is_more) = sub(&twice, b);
        rest = twice;
        if is_more || !fits {
            rest = less;
            quotient[byte] |= 1 << shift;
        }
    }
    (quotient, true)
}
