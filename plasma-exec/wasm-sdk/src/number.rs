//! Integers of 256 bits.
//!
//! They are kept as they come and go, 32 bytes with the highest first, so that arguments, storage and events need no
//! swapping, which takes the interpreter long. The chain computes with them: one call of it is shorter than swapping one.

use core::cmp::Ordering;

use crate::{Word, ffi};

/// An unsigned integer of 256 bits, as Solidity's `uint256`.
///
/// ```
/// use plasma_contract::U256;
///
/// let price = U256::from(7);
/// assert_eq!(price.checked_mul(U256::from(6)), Some(U256::from(42)));
/// assert_eq!(U256::MAX.checked_add(U256::ONE), None);
/// assert!(price > U256::from(6));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq)]
#[repr(transparent)]
pub struct U256(Word);

/// The eight bytes from this place on, as they lie in memory.
#[inline]
fn eight(word: &Word, at: usize) -> u64 {
    match word.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u64::from_ne_bytes(*bytes),
        None => 0,
    }
}

/// By eight bytes at once: the derived one goes byte by byte.
impl PartialEq for U256 {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let differs = |at| eight(&self.0, at) ^ eight(&other.0, at);
        differs(0) | differs(8) | differs(16) | differs(24) == 0
    }
}

impl U256 {
    /// 0.
    pub const ZERO: Self = Self([0; 32]);
    /// 1.
    pub const ONE: Self = Self::small(1);
    /// 2^256 - 1.
    pub const MAX: Self = Self([u8::MAX; 32]);

    /// One of eight bits, where a number must be known at compile time.
    pub const fn small(number: u8) -> Self {
        let mut word = [0; 32];
        word[31] = number;
        Self(word)
    }

    /// Out of 32 bytes, highest first.
    #[inline]
    pub const fn from_be_bytes(bytes: Word) -> Self {
        Self(bytes)
    }

    /// As 32 bytes, highest first.
    #[inline]
    pub const fn to_be_bytes(self) -> Word {
        self.0
    }

    /// The 32 bytes, highest first.
    #[inline]
    pub const fn as_bytes(&self) -> &Word {
        &self.0
    }

    /// Whether it is 0.
    #[inline]
    pub fn is_zero(&self) -> bool {
        eight(&self.0, 0) | eight(&self.0, 8) | eight(&self.0, 16) | eight(&self.0, 24) == 0
    }

    /// Its lowest 64 bits.
    #[inline]
    pub fn low(&self) -> u64 {
        u64::from_be(eight(&self.0, 24))
    }

    /// As a number of 64 bits; `None` for a larger one.
    #[inline]
    pub fn to_u64(&self) -> Option<u64> {
        let above = eight(&self.0, 0) | eight(&self.0, 8) | eight(&self.0, 16);
        (above == 0).then(|| self.low())
    }

    /// The sum; `None` over 256 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (sum, fits) = ffi::add(&self.0, &other.0);
        fits.then_some(Self(sum))
    }

    /// The sum modulo 2^256.
    #[must_use]
    pub fn wrapping_add(self, other: Self) -> Self {
        Self(ffi::add(&self.0, &other.0).0)
    }

    /// The sum, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }

    /// The difference; `None` below 0.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let (difference, fits) = ffi::sub(&self.0, &other.0);
        fits.then_some(Self(difference))
    }

    /// The difference, at least 0.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.checked_sub(other).unwrap_or(Self::ZERO)
    }

    /// The product; `None` over 256 bits.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let (product, fits) = ffi::mul(&self.0, &other.0);
        fits.then_some(Self(product))
    }

    /// The quotient, rounded down; `None` for a division by 0.
    #[must_use]
    pub fn checked_div(self, by: Self) -> Option<Self> {
        let (quotient, divides) = ffi::div(&self.0, &by.0);
        divides.then_some(Self(quotient))
    }

    /// How many bits it has, without the zeros above.
    pub fn bits(&self) -> u32 {
        let limbs = [0, 8, 16, 24].map(|at| u64::from_be(eight(&self.0, at)));
        let above = limbs.iter().take_while(|limb| **limb == 0).count() as u32;
        let limb = limbs.iter().find(|limb| **limb != 0).copied();
        let zeros = above
            .wrapping_mul(64)
            .wrapping_add(limb.map_or(0, u64::leading_zeros));
        256_u32.wrapping_sub(zeros)
    }

    /// 2 to the power of so much, at most of 255.
    #[must_use]
    pub fn power_of_two(exponent: u32) -> Self {
        let exponent = exponent.min(255);
        let mut word = [0; 32];
        if let Some(byte) = word.iter_mut().rev().nth(exponent as usize / 8) {
            *byte = 1 << (exponent % 8);
        }
        Self(word)
    }

    /// The square root, rounded down.
    #[must_use]
    pub fn root(self) -> Self {
        // By Newton's method, from above.
        let mut guess = Self::power_of_two(self.bits().div_ceil(2));
        loop {
            let next = self
                .checked_div(guess)
                .and_then(|other| guess.saturating_add(other).checked_div(Self::small(2)));
            match next {
                Some(next) if next < guess => guess = next,
                // Nothing is divided by 0: its root is.
                Some(_) => return if self.is_zero() { Self::ZERO } else { guess },
                None => return Self::ZERO,
            }
        }
    }
}

impl PartialOrd for U256 {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By eight bytes at once, which are swapped only where they differ.
impl Ord for U256 {
    fn cmp(&self, other: &Self) -> Ordering {
        for at in [0, 8, 16, 24] {
            let (a, b) = (eight(&self.0, at), eight(&other.0, at));
            if a != b {
                return u64::from_be(a).cmp(&u64::from_be(b));
            }
        }
        Ordering::Equal
    }
}

impl From<u64> for U256 {
    #[inline]
    fn from(number: u64) -> Self {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&number.to_be_bytes());
        Self(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruint::aliases::U256 as Theirs;

    /// Numbers of all lengths, the same every time.
    fn numbers() -> impl Iterator<Item = Theirs> {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let edges = [
            Theirs::ZERO,
            Theirs::from(1),
            Theirs::from(2),
            Theirs::MAX,
            Theirs::from_limbs([0, 1, 0, 0]),
            Theirs::from_limbs([0, 0, 0, 1 << 63]),
        ];
        let random = (0..24).map(move |n| {
            let mut limbs = [next(), next(), next(), next()];
            for limb in &mut limbs[1 + n % 4..] {
                *limb = 0;
            }
            limbs[n % 4] >>= n;
            Theirs::from_limbs(limbs)
        });
        edges.into_iter().chain(random)
    }

    #[test]
    fn it_computes_as_another_implementation_does() {
        let ours = |number: Theirs| U256::from_be_bytes(number.to_be_bytes());
        for x in numbers() {
            let a = ours(x);
            assert_eq!(a.to_be_bytes(), x.to_be_bytes::<32>());
            assert_eq!(a.bits() as usize, x.bit_len());
            assert_eq!(a.is_zero(), x.is_zero());
            assert_eq!(a.low(), x.as_limbs()[0]);
            assert_eq!(a.to_u64(), u64::try_from(x).ok());
            assert_eq!(U256::from(a.low()), ours(Theirs::from(x.as_limbs()[0])));
            let root = a.root();
            let square = root.checked_mul(root);
            assert!(square.is_some_and(|square| square <= a), "{x}");
            let next = root.saturating_add(U256::ONE);
            let square = next.checked_mul(next);
            assert!(square.is_none_or(|square| square > a), "{x}");
            for y in numbers() {
                let b = ours(y);
                assert_eq!(a.checked_add(b), x.checked_add(y).map(ours));
                assert_eq!(a.checked_sub(b), x.checked_sub(y).map(ours));
                assert_eq!(a.saturating_sub(b), ours(x.saturating_sub(y)));
                assert_eq!(a.wrapping_add(b), ours(x.wrapping_add(y)));
                assert_eq!(a.checked_mul(b), x.checked_mul(y).map(ours), "{a:?} {b:?}");
                assert_eq!(a.checked_div(b), x.checked_div(y).map(ours), "{a:?} {b:?}");
                assert_eq!((a.cmp(&b), a == b), (x.cmp(&y), x == y));
            }
        }
        for exponent in 0..256 {
            let power = U256::power_of_two(exponent);
            assert_eq!(power, ours(Theirs::from(1) << exponent));
        }
    }
}
