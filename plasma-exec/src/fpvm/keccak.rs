//! Keccak-256 of many messages of one length: four at a time where the processor has AVX2.
//!
//! # Unsafe code
//!
//! This file has one unsafe expression: the call of a function that is compiled for AVX2. It is sound because the call
//! stands behind a check, at run time, that the processor has AVX2; the function itself is safe code over values, without
//! pointers. It makes a dense trace commitment about twice as fast.
#![allow(unsafe_code)]

use plasma_core::{B256, keccak256};

/// The bytes that one permutation absorbs.
#[cfg(target_arch = "x86_64")]
const RATE: usize = 136;

/// Hashes each message; the hashes replace what `hashes` held.
pub(crate) fn hash_all<const N: usize>(messages: &[[u8; N]], hashes: &mut Vec<B256>) {
    hashes.clear();
    hashes.reserve(messages.len());
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1 && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was just checked.
        unsafe { lanes::hash_all(messages, hashes) };
        return;
    }
    hashes.extend(messages.iter().map(keccak256));
}

#[cfg(target_arch = "x86_64")]
mod lanes {
    use std::arch::x86_64::{
        __m256i, _mm256_andnot_si256, _mm256_extract_epi64, _mm256_or_si256, _mm256_set_epi64x,
        _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_slli_epi64, _mm256_srli_epi64,
        _mm256_xor_si256,
    };

    use plasma_core::B256;

    use super::RATE;

    const LANES: usize = 4;
    const ROUNDS: [u64; 24] = [
        0x0000_0000_0000_0001,
        0x0000_0000_0000_8082,
        0x8000_0000_0000_808a,
        0x8000_0000_8000_8000,
        0x0000_0000_0000_808b,
        0x0000_0000_8000_0001,
        0x8000_0000_8000_8081,
        0x8000_0000_0000_8009,
        0x0000_0000_0000_008a,
        0x0000_0000_0000_0088,
        0x0000_0000_8000_8009,
        0x0000_0000_8000_000a,
        0x0000_0000_8000_808b,
        0x8000_0000_0000_008b,
        0x8000_0000_0000_8089,
        0x8000_0000_0000_8003,
        0x8000_0000_0000_8002,
        0x8000_0000_0000_0080,
        0x0000_0000_0000_800a,
        0x8000_0000_8000_000a,
        0x8000_0000_8000_8081,
        0x8000_0000_0000_8080,
        0x0000_0000_8000_0001,
        0x8000_0000_8000_8008,
    ];

    #[target_feature(enable = "avx2")]
    pub(super) fn hash_all<const N: usize>(messages: &[[u8; N]], hashes: &mut Vec<B256>) {
        let (groups, rest) = messages.as_chunks::<LANES>();
        for group in groups {
            hashes.extend(hash(group));
        }
        if let Some(last) = rest.last() {
            let mut group = [*last; LANES];
            group[..rest.len()].copy_from_slice(rest);
            hashes.extend(&hash(&group)[..rest.len()]);
        }
    }

    /// The word of each lane's padded message.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn words<const N: usize>(group: &[[u8; N]; LANES], offset: usize) -> __m256i {
        let word = |lane: usize| {
            let message: &[u8; N] = &group[lane];
            if let Some(bytes) = message.get(offset..offset + 8) {
                return i64::from_le_bytes(bytes.try_into().unwrap_or_default());
            }
            let mut bytes = [0; 8];
            if let Some(tail) = message.get(offset..) {
                bytes[..tail.len()].copy_from_slice(tail);
                bytes[tail.len()] = 1;
            }
            i64::from_le_bytes(bytes)
        };
        _mm256_set_epi64x(word(3), word(2), word(1), word(0))
    }

    #[target_feature(enable = "avx2")]
    fn hash<const N: usize>(group: &[[u8; N]; LANES]) -> [B256; LANES] {
        let mut state = [_mm256_setzero_si256(); 25];
        let blocks = N / RATE + 1;
        for block in 0..blocks {
            for (i, lane) in state.iter_mut().take(RATE / 8).enumerate() {
                *lane = _mm256_xor_si256(*lane, words(group, block * RATE + 8 * i));
            }
            if block + 1 == blocks {
                let end = &mut state[RATE / 8 - 1];
                *end = _mm256_xor_si256(*end, _mm256_set1_epi64x(i64::MIN));
            }
            permute(&mut state);
        }
        let mut hashes = [B256::ZERO; LANES];
        for (i, lane) in state.iter().take(4).enumerate() {
            let place = 8 * i..8 * i + 8;
            hashes[0].0[place.clone()]
                .copy_from_slice(&_mm256_extract_epi64::<0>(*lane).to_le_bytes());
            hashes[1].0[place.clone()]
                .copy_from_slice(&_mm256_extract_epi64::<1>(*lane).to_le_bytes());
            hashes[2].0[place.clone()]
                .copy_from_slice(&_mm256_extract_epi64::<2>(*lane).to_le_bytes());
            hashes[3].0[place].copy_from_slice(&_mm256_extract_epi64::<3>(*lane).to_le_bytes());
        }
        hashes
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate<const LEFT: i32, const RIGHT: i32>(a: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_slli_epi64::<LEFT>(a), _mm256_srli_epi64::<RIGHT>(a))
    }

    /// Keccak-f\[1600\] on four states (FIPS 202, section 3).
    #[target_feature(enable = "avx2")]
    fn permute(a: &mut [__m256i; 25]) {
        for round in ROUNDS {
            let column = |x: usize| {
                let four = _mm256_xor_si256(
                    _mm256_xor_si256(a[x], a[x + 5]),
                    _mm256_xor_si256(a[x + 10], a[x + 15]),
                );
                _mm256_xor_si256(four, a[x + 20])
            };
            let c = [column(0), column(1), column(2), column(3), column(4)];
            let d = [
                _mm256_xor_si256(c[4], rotate::<1, 63>(c[1])),
                _mm256_xor_si256(c[0], rotate::<1, 63>(c[2])),
                _mm256_xor_si256(c[1], rotate::<1, 63>(c[3])),
                _mm256_xor_si256(c[2], rotate::<1, 63>(c[4])),
                _mm256_xor_si256(c[3], rotate::<1, 63>(c[0])),
            ];
            macro_rules! moved {
                ($from:literal, $left:literal) => {
                    rotate::<$left, { 64 - $left }>(_mm256_xor_si256(a[$from], d[$from % 5]))
                };
            }
            let b = [
                _mm256_xor_si256(a[0], d[0]),
                moved!(6, 44),
                moved!(12, 43),
                moved!(18, 21),
                moved!(24, 14),
                moved!(3, 28),
                moved!(9, 20),
                moved!(10, 3),
                moved!(16, 45),
                moved!(22, 61),
                moved!(1, 1),
                moved!(7, 6),
                moved!(13, 25),
                moved!(19, 8),
                moved!(20, 18),
                moved!(4, 27),
                moved!(5, 36),
                moved!(11, 10),
                moved!(17, 15),
                moved!(23, 56),
                moved!(2, 62),
                moved!(8, 55),
                moved!(14, 39),
                moved!(15, 41),
                moved!(21, 2),
            ];
            macro_rules! rows {
                ($($y:literal)*) => {$(
                    a[$y] = _mm256_xor_si256(b[$y], _mm256_andnot_si256(b[$y + 1], b[$y + 2]));
                    a[$y + 1] = _mm256_xor_si256(b[$y + 1], _mm256_andnot_si256(b[$y + 2], b[$y + 3]));
                    a[$y + 2] = _mm256_xor_si256(b[$y + 2], _mm256_andnot_si256(b[$y + 3], b[$y + 4]));
                    a[$y + 3] = _mm256_xor_si256(b[$y + 3], _mm256_andnot_si256(b[$y + 4], b[$y]));
                    a[$y + 4] = _mm256_xor_si256(b[$y + 4], _mm256_andnot_si256(b[$y], b[$y + 1]));
                )*};
            }
            rows!(0 5 10 15 20);
            a[0] = _mm256_xor_si256(a[0], _mm256_set1_epi64x(round.cast_signed()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<const N: usize>() {
        for count in [0, 1, 2, 3, 4, 5, 8, 11] {
            let messages: Vec<[u8; N]> = (0..count)
                .map(|m: usize| std::array::from_fn(|i| (m * 31 + i * 7) as u8))
                .collect();
            let mut hashes = vec![B256::ZERO];
            hash_all(&messages, &mut hashes);
            let one_by_one: Vec<B256> = messages.iter().map(keccak256).collect();
            assert_eq!(hashes, one_by_one, "{count} messages of {N} bytes");
        }
    }

    #[test]
    fn many_hashes_at_once_are_the_same_as_one_by_one() {
        check::<0>();
        check::<1>();
        check::<64>();
        check::<134>();
        check::<135>();
        check::<136>();
        check::<137>();
        check::<272>();
        check::<378>();
    }
}
