//! Hostile bytes end in an error or in blocks, never in anything else.

use alloc::{vec, vec::Vec};

use alloy_primitives::Bytes;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use super::content::{blocks, chained, head};
use crate::{
    BlockHeader, CodecError, MAX_BATCH_BYTES, MAX_BATCH_PAYLOAD_BYTES,
    batch::{column_encode::Sections, decode_batch, encode_batch, frame, reader::write_varint},
};

/// Decodes; what comes out must itself be something that comes back.
fn survive(bytes: &[u8]) -> bool {
    let decoded = decode_batch(&head(), bytes);
    assert_eq!(decoded, decode_batch(&head(), bytes), "one meaning");
    decoded.is_ok_and(|blocks| {
        assert_eq!(decode_batch(&head(), &encode_batch(&blocks)), Ok(blocks));
        true
    })
}

fn close(payload: Vec<u8>, signatures: &[[u8; 64]]) -> Vec<u8> {
    let mut sections = Sections::default();
    sections.push(payload);
    frame::close(&sections, signatures)
}

/// A batch whose frame is anything.
fn around(length: usize, frame: &[u8]) -> Vec<u8> {
    let mut bytes = vec![frame::VERSION];
    write_varint(&mut bytes, length as u64);
    write_varint(&mut bytes, frame.len() as u64);
    bytes.extend_from_slice(frame);
    bytes
}

/// Changes some bytes, in ways that parsers trip over.
fn spoil(bytes: &mut Vec<u8>, random: &mut SmallRng) {
    for _ in 0..random.random_range(1..4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..7) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.random_range(0..5)],
            3 => bytes.insert(at, random.random()),
            4 => drop(bytes.remove(at)),
            5 => bytes.truncate(at),
            _ => {
                let from = random.random_range(0..bytes.len());
                let length = random.random_range(0..8).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + length, at);
            }
        }
    }
}

/// A fuzzer that CI can run: `PLASMA_FUZZ_SEED` and `PLASMA_FUZZ_ROUNDS` say where it starts and
/// how long it goes.
#[test]
fn spoiled_batches_are_survived() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |value| {
            value
                .parse()
                .unwrap_or_else(|_| panic!("{name} is a number"))
        })
    };
    let (seed, rounds) = (
        setting("PLASMA_FUZZ_SEED", 1),
        setting("PLASMA_FUZZ_ROUNDS", 60),
    );
    std::println!("PLASMA_FUZZ_SEED={seed} PLASMA_FUZZ_ROUNDS={rounds}");
    let mut seeds = [0; 32];
    seeds[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seeds);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut random = SmallRng::seed_from_u64(seed);
    let (mut decoded, mut all) = (0, 0);
    for _ in 0..rounds {
        let blocks = blocks().new_tree(&mut runner).expect("content").current();
        let bytes = encode_batch(&blocks);
        let frame = frame::open(&bytes).expect("what was encoded opens");
        for _ in 0..40 {
            // From outside, where it is mostly the decompressor that is tested ...
            let mut outside = bytes.clone();
            spoil(&mut outside, &mut random);
            // ... and within, where it is the columns.
            let mut within = frame.payload.clone();
            spoil(&mut within, &mut random);
            let within = close(within, frame.signatures);
            decoded += usize::from(survive(&outside)) + usize::from(survive(&within));
            all += 2;
        }
    }
    // Else the test would test the checks at the entrance only.
    assert!(decoded * 20 > all, "{decoded} of {all} decoded");
}

#[test]
fn a_batch_cut_off_anywhere_is_refused() {
    let transactions = vec![
        Bytes::from_static(b"a transaction"),
        Bytes::from_static(b"another"),
    ];
    let bytes = encode_batch(&chained(vec![(BlockHeader::default(), transactions)]));
    for length in 0..bytes.len() {
        assert!(
            decode_batch(&head(), &bytes[..length]).is_err(),
            "cut at {length}"
        );
    }
    assert!(
        decode_batch(&head(), &[&bytes[..], &[0]].concat()).is_err(),
        "a surplus byte"
    );
    assert!(
        decode_batch(&head(), &[&bytes[..], &[0; 64]].concat()).is_err(),
        "a surplus signature"
    );
}

#[test]
fn a_bomb_does_not_go_off() {
    let gigabyte =
        zstd::encode_all(std::io::Read::take(std::io::repeat(0), 1 << 30), 1).expect("compressed");
    let refused = |length: usize, frame: &[u8]| {
        let error = decode_batch(&head(), &around(length, frame)).expect_err("a bomb");
        assert!(matches!(error, CodecError::Malformed { .. }), "{error}");
    };
    refused(1, &gigabyte);
    refused(MAX_BATCH_PAYLOAD_BYTES, &gigabyte);
    refused(MAX_BATCH_PAYLOAD_BYTES * 2, &gigabyte);
    refused(usize::MAX >> 1, &gigabyte);
    // A window larger than any batch.
    refused(1, &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00]);
    // Literals of one byte repeated a million times, in blocks of a few bytes.
    let block = [0x2c_u8, 0, 0, 0b1111_1101, 0xff, 0xff, 0, 0];
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x60];
    (0..10_000).for_each(|_| bomb.extend_from_slice(&block));
    refused(MAX_BATCH_PAYLOAD_BYTES, &bomb);
    let limit = MAX_BATCH_BYTES;
    assert_eq!(
        decode_batch(&head(), &vec![1; limit + 1]),
        Err(CodecError::TooLong {
            length: limit + 1,
            limit
        })
    );
}

proptest! {
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(decode_batch(&head(), &bytes).is_err());
    }

    #[test]
    fn noise_in_columns_is_survived(payload in prop::collection::vec(0_u8..4, 0..400)) {
        survive(&close(payload, &[]));
    }

    #[test]
    fn noise_in_the_frame_is_survived(
        noise in prop::collection::vec(any::<u8>(), 0..500),
        descriptor in any::<u8>(),
    ) {
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd, descriptor], &noise[..]].concat();
        survive(&around(100, &frame));
    }
}
