//! Keccak-256 at compile time, for selectors and topics.

use crate::Word;

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
const ROTATIONS: [u32; 24] = [
    1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
];
const LANES: [usize; 24] = [
    10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
];
/// Bytes absorbed at once.
const RATE: usize = 136;

// The names are those of FIPS 202.
#[allow(clippy::many_single_char_names)]
const fn permute(mut a: [u64; 25]) -> [u64; 25] {
    let mut round = 0;
    while round < 24 {
        let mut c = [0; 5];
        let mut x = 0;
        while x < 5 {
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
            x += 1;
        }
        let mut i = 0;
        while i < 25 {
            a[i] ^= c[(i + 4) % 5] ^ c[(i + 1) % 5].rotate_left(1);
            i += 1;
        }
        let (mut last, mut i) = (a[1], 0);
        while i < 24 {
            let next = a[LANES[i]];
            a[LANES[i]] = last.rotate_left(ROTATIONS[i]);
            last = next;
            i += 1;
        }
        let mut y = 0;
        while y < 25 {
            let row = [a[y], a[y + 1], a[y + 2], a[y + 3], a[y + 4]];
            let mut x = 0;
            while x < 5 {
                a[y + x] = row[x] ^ (!row[(x + 1) % 5] & row[(x + 2) % 5]);
                x += 1;
            }
            y += 5;
        }
        a[0] ^= ROUNDS[round];
        round += 1;
    }
    a
}

/// The Keccak-256 of a text that is known when the contract is compiled. At run time [`keccak256`](crate::keccak256) is
/// the chain's, and cheaper.
pub const fn hash_of(text: &str) -> Word {
    let bytes = text.as_bytes();
    let (mut a, mut at, mut i) = ([0_u64; 25], 0, 0);
    while i < bytes.len() {
        a[at / 8] ^= (bytes[i] as u64) << (8 * (at % 8));
        at += 1;
        i += 1;
        if at == RATE {
            a = permute(a);
            at = 0;
        }
    }
    a[at / 8] ^= 1 << (8 * (at % 8));
    a[RATE / 8 - 1] ^= 1 << 63;
    a = permute(a);
    let (mut word, mut i) = ([0; 32], 0);
    while i < 32 {
        word[i] = (a[i / 8] >> (8 * (i % 8))) as u8;
        i += 1;
    }
    word
}

/// The selector of a function, such as `transfer(address,uint256)`.
pub const fn selector(signature: &str) -> u32 {
    let hash = hash_of(signature);
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes_come_out() {
        assert_eq!(selector("transfer(address,uint256)"), 0xa905_9cbb);
        assert_eq!(selector("balanceOf(address)"), 0x70a0_8231);
        let empty = hash_of("");
        assert_eq!(empty[..4], [0xc5, 0xd2, 0x46, 0x01]);
        let topic = hash_of("Transfer(address,address,uint256)");
        assert_eq!(topic[..4], [0xdd, 0xf2, 0x52, 0xad]);
    }
}
