//! Integers of 256 bits, small in code: nothing here can panic.

use core::cmp::Ordering;

/// An unsigned integer of 256 bits, as Solidity's `uint256`.
#[derive(Clone, Copy, Debug, Default, Eq)]
pub struct U256([u64; 4]);

/// Limb by limb: the derived one goes byte by byte.
impl PartialEq for U256 {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0, other.0);
        (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0
    }
}

#[inline]
fn plus(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry.into());
    (sum, first | second)
}

#[inline]
fn minus(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(borrow.into());
    (difference, first | second)
}

impl U256 {
    /// 0.
    pub const ZERO: Self = Self([0; 4]);
    /// 1.
    pub const ONE: Self = Self([1, 0, 0, 0]);
    /// 2^256 - 1.
    pub const MAX: Self = Self([u64::MAX; 4]);

    /// Out of 32 bytes, highest first.
    #[inline]
    pub const fn from_be_bytes(bytes: [u8; 32]) -> Self {
        if let Some((d, rest)) = bytes.split_first_chunk::<8>()
            && let Some((c, rest)) = rest.split_first_chunk::<8>()
            && let Some((b, rest)) = rest.split_first_chunk::<8>()
            && let Some((a, _)) = rest.split_first_chunk::<8>()
        {
            return Self([
                u64::from_be_bytes(*a),
                u64::from_be_bytes(*b),
                u64::from_be_bytes(*c),
                u64::from_be_bytes(*d),
            ]);
        }
        Self::ZERO
    }

    /// As 32 bytes, highest first. Once in a contract, whoever asks for it: it is long where bytes are not swapped at once.
    #[inline(never)]
    pub fn to_be_bytes(self) -> [u8; 32] {
        let [a, b, c, d] = self.0;
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&d.to_be_bytes());
        bytes[8..16].copy_from_slice(&c.to_be_bytes());
        bytes[16..24].copy_from_slice(&b.to_be_bytes());
        bytes[24..].copy_from_slice(&a.to_be_bytes());
        bytes
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Its lowest 64 bits.
    pub fn low(&self) -> u64 {
        self.0[0]
    }

    fn add(self, other: Self) -> (Self, bool) {
        let (a, b) = (self.0, other.0);
        let (first, carry) = plus(a[0], b[0], false);
        let (second, carry) = plus(a[1], b[1], carry);
        let (third, carry) = plus(a[2], b[2], carry);
        let (fourth, carry) = plus(a[3], b[3], carry);
        (Self([first, second, third, fourth]), carry)
    }

    fn sub(self, other: Self) -> (Self, bool) {
        let (a, b) = (self.0, other.0);
        let (first, borrow) = minus(a[0], b[0], false);
        let (second, borrow) = minus(a[1], b[1], borrow);
        let (third, borrow) = minus(a[2], b[2], borrow);
        let (fourth, borrow) = minus(a[3], b[3], borrow);
        (Self([first, second, third, fourth]), borrow)
    }

    /// The sum; `None` over 256 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (sum, over) = self.add(other);
        (!over).then_some(sum)
    }

    /// The sum modulo 2^256.
    #[must_use]
    pub fn wrapping_add(self, other: Self) -> Self {
        self.add(other).0
    }

    /// The sum, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }

    /// The difference; `None` below 0.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let (difference, under) = self.sub(other);
        (!under).then_some(difference)
    }

    /// The difference, at least 0.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or(Self::ZERO)
    }

    /// The product; `None` over 256 bits.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let mut product = Self::ZERO;
        for (shift, a) in self.0.into_iter().enumerate() {
            if a == 0 {
                continue;
            }
            let (mut row, mut carry) = (Self::ZERO, 0_u128);
            for (place, b) in other.0.into_iter().enumerate() {
                // Cannot overflow: a product of 64 bits each, and two more of 64.
                carry = carry.wrapping_add(u128::from(a).wrapping_mul(u128::from(b)));
                match row.0.get_mut(shift.wrapping_add(place)) {
                    Some(limb) => *limb = carry as u64,
                    None if carry as u64 != 0 => return None,
                    None => {}
                }
                carry >>= 64;
            }
            if carry != 0 {
                return None;
            }
            product = product.checked_add(row)?;
        }
        Some(product)
    }

    /// How many bits it has, without the zeros above.
    pub fn bits(&self) -> u32 {
        let [a, b, c, d] = self.0.map(u64::leading_zeros);
        match self.0 {
            [_, 0, 0, 0] => 64_u32.wrapping_sub(a),
            [_, _, 0, 0] => 128_u32.wrapping_sub(b),
            [_, _, _, 0] => 192_u32.wrapping_sub(c),
            _ => 256_u32.wrapping_sub(d),
        }
    }

    /// Shifted up by so many bits, at most 255; what goes over is lost.
    #[must_use]
    pub fn shifted(self, bits: u32) -> Self {
        let mut shifted = self;
        for _ in 0..bits.min(255) {
            shifted = shifted.add(shifted).0;
        }
        shifted
    }

    fn halved(self) -> Self {
        let (mut halved, mut carry) = (self, 0);
        for limb in halved.0.iter_mut().rev() {
            let low = *limb << 63;
            (*limb, carry) = (*limb >> 1 | carry, low);
        }
        halved
    }

    /// The quotient, rounded down; `None` for a division by 0.
    #[must_use]
    pub fn checked_div(self, by: Self) -> Option<Self> {
        if by.is_zero() {
            return None;
        }
        let Some(steps) = self.bits().checked_sub(by.bits()) else {
            return Some(Self::ZERO);
        };
        let (mut rest, mut part, mut quotient) = (self, by.shifted(steps), Self::ZERO);
        for _ in 0..=steps {
            quotient = quotient.add(quotient).0;
            if let Some(left) = rest.checked_sub(part) {
                (rest, quotient.0[0]) = (left, quotient.0[0] | 1);
            }
            part = part.halved();
        }
        Some(quotient)
    }

    /// The square root, rounded down.
    #[must_use]
    pub fn root(self) -> Self {
        // By Newton's method, from above.
        let mut guess = Self::ONE.shifted(self.bits().div_ceil(2).min(255));
        loop {
            let Some(other) = self.checked_div(guess) else {
                return Self::ZERO;
            };
            let next = guess.saturating_add(other).halved();
            if next >= guess {
                return guess;
            }
            guess = next;
        }
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl From<u64> for U256 {
    fn from(number: u64) -> Self {
        Self([number, 0, 0, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruint::aliases::U256 as Theirs;

    /// Numbers of all lengths, the same every time.
    fn numbers() -> impl Iterator<Item = U256> {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let edges = [
            U256::ZERO,
            U256::ONE,
            U256::MAX,
            U256([0, 1, 0, 0]),
            U256([0, 0, 0, 1 << 63]),
        ];
        let random = (0..60).map(move |n| {
            let mut limbs = [next(), next(), next(), next()];
            for limb in &mut limbs[1 + n % 4..] {
                *limb = 0;
            }
            limbs[n % 4] >>= n;
            U256(limbs)
        });
        edges.into_iter().chain(random)
    }

    #[test]
    fn it_computes_as_another_implementation_does() {
        let theirs = |number: U256| Theirs::from_limbs(number.0);
        let ours = |number: Theirs| U256(*number.as_limbs());
        for a in numbers() {
            assert_eq!(U256::from_be_bytes(a.to_be_bytes()), a);
            assert_eq!(a.to_be_bytes(), theirs(a).to_be_bytes::<32>());
            assert_eq!(a.bits() as usize, theirs(a).bit_len());
            let root = a.root();
            assert!(
                root.checked_mul(root).is_some_and(|square| square <= a),
                "{a:?}"
            );
            let next = root.saturating_add(U256::ONE);
            assert!(
                next.checked_mul(next).is_none_or(|square| square > a),
                "{a:?}"
            );
            for b in numbers() {
                let (x, y) = (theirs(a), theirs(b));
                assert_eq!(a.checked_add(b), x.checked_add(y).map(ours));
                assert_eq!(a.checked_sub(b), x.checked_sub(y).map(ours));
                assert_eq!(a.wrapping_add(b), ours(x.wrapping_add(y)));
                assert_eq!(a.checked_mul(b), x.checked_mul(y).map(ours), "{a:?} {b:?}");
                assert_eq!(a.checked_div(b), x.checked_div(y).map(ours), "{a:?} {b:?}");
                assert_eq!(a.cmp(&b), x.cmp(&y));
            }
        }
    }
}
