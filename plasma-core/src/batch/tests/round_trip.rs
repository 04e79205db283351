//! Whatever is in blocks comes back, and a batch within its weight is one within its limits.

use alloc::{vec, vec::Vec};

use alloy_primitives::{B256, Bytes, U256};
use proptest::prelude::*;

use super::content::{blocks, chained, head, signed, transaction};
use crate::{
    Block, BlockHeader, CodecError, MAX_BATCH_BYTES, MAX_BATCH_PAYLOAD_BYTES, MAX_BODY_BYTES,
    MAX_BODY_TRANSACTIONS, Sample, SampleKind,
    batch::{
        batch_weight, decode_batch, encode_batch, fields::Fields, frame, limits::OUTLINE_BYTES,
    },
};

fn check(blocks: &[Block]) -> Vec<u8> {
    let bytes = encode_batch(blocks);
    assert_eq!(decode_batch(&head(), &bytes).as_deref(), Ok(blocks));
    let weight: usize = blocks.iter().map(batch_weight).sum();
    let frame = frame::open(&bytes).expect("it was just opened");
    let taken = frame.payload.len() + frame.signatures.as_flattened().len();
    assert!(
        taken <= weight + OUTLINE_BYTES,
        "{taken} bytes for a weight of {weight}"
    );
    bytes
}

fn block(transactions: Vec<Bytes>) -> Vec<Block> {
    chained(vec![(BlockHeader::default(), transactions)])
}

proptest! {
    #[test]
    fn blocks_come_back(blocks in blocks()) {
        check(&blocks);
    }

    #[test]
    fn one_transaction_comes_back(bytes in transaction()) {
        check(&block(vec![bytes]));
    }

    #[test]
    fn encoding_is_deterministic(blocks in blocks()) {
        prop_assert_eq!(encode_batch(&blocks), encode_batch(&blocks));
    }
}

#[test]
fn nothing_comes_back() {
    check(&[]);
    check(&block(Vec::new()));
    check(&block(vec![Bytes::new()]));
}

#[test]
fn extreme_headers_come_back() {
    let header = BlockHeader {
        epoch: crate::Epoch(u64::MAX),
        timestamp: crate::Timestamp(u64::MAX),
        messages: u64::MAX,
        executed_height: crate::Height(u64::MAX),
        executed_root: B256::repeat_byte(0xff),
        seal: B256::repeat_byte(0xff),
        ..BlockHeader::default()
    };
    check(&chained(vec![
        (header.clone(), vec![]),
        (BlockHeader::default(), vec![]),
        (header, vec![]),
    ]));
}

/// What wallets send goes into columns, and so do the samples.
#[test]
fn plain_transactions_go_into_columns() {
    for kind in [SampleKind::Ethereum, SampleKind::Native] {
        for block in (Sample {
            transfers: 100,
            ..Sample::transfers(kind)
        })
        .blocks()
        {
            assert!(
                block
                    .transactions
                    .iter()
                    .all(|bytes| Fields::parse(bytes, &mut Vec::new()).is_some()),
                "{kind:?}"
            );
        }
    }
    // The example of EIP-155.
    let hex = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764\
               00008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cb\
               e9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
    let bytes = crate::hex::decode(hex).expect("hex");
    let mut without = Vec::new();
    let fields = Fields::parse(&bytes, &mut without).expect("a transaction");
    assert_eq!((fields.nonce, fields.chain_id), (U256::from(9), 1));
    check(&block(vec![bytes.into()]));
}

proptest! {
    /// Whatever alloy signs, as long as the signature is one that a chain takes.
    #[test]
    fn signed_transactions_go_into_columns(bytes in signed()) {
        prop_assert!(Fields::parse(&bytes, &mut Vec::new()).is_some());
    }
}

/// Every kind of content, as much of it as one block may hold, is within the limits of a batch.
#[test]
fn the_largest_blocks_fit() {
    let noise = |length: usize, seed: usize| -> Bytes {
        let words = (0..length.div_ceil(32))
            .map(|n| crate::keccak256([n.to_le_bytes(), seed.to_le_bytes()].concat()));
        words
            .flat_map(|word| word.0)
            .take(length)
            .collect::<Vec<u8>>()
            .into()
    };
    let largest = |count: usize, make: &dyn Fn(usize) -> Bytes| {
        let transactions: Vec<Bytes> = (0..count).map(make).collect();
        let bytes: usize = transactions.iter().map(|bytes| bytes.len()).sum();
        assert!(
            bytes <= MAX_BODY_BYTES && count <= MAX_BODY_TRANSACTIONS,
            "{count} of {bytes} bytes"
        );
        let blocks = block(transactions);
        assert!(batch_weight(&blocks[0]) <= MAX_BATCH_PAYLOAD_BYTES);
        let encoded = check(&blocks);
        assert!(encoded.len() <= MAX_BATCH_BYTES, "{} bytes", encoded.len());
    };
    largest(MAX_BODY_TRANSACTIONS, &|_| Bytes::new());
    largest(MAX_BODY_TRANSACTIONS, &|n| {
        noise(MAX_BODY_BYTES / MAX_BODY_TRANSACTIONS, n)
    });
    largest(32, &|n| noise(MAX_BODY_BYTES / 32, n));
    // Each of a form of its own, and as short as columns take them.
    largest(13_000, &|n| {
        let signature = noise(64, n);
        let mut list = vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x84];
        list.extend_from_slice(&(n as u32).to_be_bytes());
        list.extend([27 + (n % 2) as u8, 0xa0, 1]);
        list.extend_from_slice(&signature[1..32]);
        list.extend([0xa0, 1]);
        list.extend_from_slice(&signature[33..]);
        let mut bytes = vec![0xf8, list.len() as u8];
        bytes.extend(list);
        assert!(
            Fields::parse(&bytes, &mut Vec::new()).is_some(),
            "goes into columns"
        );
        bytes.into()
    });
    // Calls full of words that are hard to tell from noise.
    for bits in [112, 160, 224, 256] {
        largest(460, &|n| {
            let shift = (256 - bits) / 8;
            let mut data = vec![7; 4];
            for word in noise(32 * 62, n).chunks(32) {
                data.extend(core::iter::repeat_n(0, shift));
                data.extend_from_slice(&word[shift..]);
            }
            let [r, s] = [B256::from_slice(&noise(32, n)), B256::repeat_byte(1)];
            let proof = match n % 3 {
                0 => crate::Proof::Secp256k1(crate::Signature { r, s, v: 27 }),
                1 => crate::Proof::Ed25519(crate::Ed25519Proof { key: r, r, s }),
                _ => crate::Proof::WebAuthn(crate::WebAuthnProof {
                    proof: crate::P256Proof {
                        key_is_odd: true,
                        key_x: r,
                        r,
                        s,
                    },
                    authenticator_data: noise(37, n),
                    client_data_rest: noise(30, n + 1),
                }),
            };
            let account = (n % 2 == 0).then(|| crate::Address::from_slice(&noise(20, n)));
            let authorization = crate::Authorization { account, proof };
            let (module, call, max_fee) = (crate::Address::ZERO, data.into(), U256::from(n));
            let (nonce, expires_at) = (n as u64, u64::MAX - n as u64);
            crate::NativeTransaction {
                module,
                call,
                nonce,
                expires_at,
                max_fee,
                authorization,
            }
            .to_bytes()
        });
    }
}

/// Native transactions by keys of every scheme, for their own accounts and for others, and what they take each in a batch
/// of many by few.
#[test]
fn every_authorization_goes_into_columns() {
    use crate::{Authorization, Ed25519Signer, P256Signer, Proof, Prover, Signer};

    const COUNT: u64 = 400;
    let key = |n: u64| crate::keccak256((n % 20).to_be_bytes());
    let p256 = |n| P256Signer::from_bytes(&key(n)).expect("a scalar");
    type Make<'a> = &'a dyn Fn(u64, B256) -> Proof;
    let schemes: [(&str, Make<'_>, f64); 4] = [
        (
            "secp256k1",
            &|n, digest| Signer::from_bytes(&key(n)).expect("a scalar").prove(digest),
            70.0,
        ),
        (
            "ed25519",
            &|n, digest| Ed25519Signer::from_bytes(&key(n)).prove(digest),
            75.0,
        ),
        ("secp256r1", &|n, digest| p256(n).prove(digest), 75.0),
        (
            "a passkey",
            &|n, digest| Proof::WebAuthn(p256(n).assert(digest, "a.example")),
            80.0,
        ),
    ];
    for (name, prove, most) in schemes {
        for account in [None, Some(crate::Address::repeat_byte(7))] {
            let transactions: Vec<Bytes> = (0..COUNT)
                .map(|n| {
                    let native = crate::NativeTransaction {
                        module: crate::Address::repeat_byte(1),
                        call: [&[1, 2, 3, 4][..], &[0; 32]].concat().into(),
                        nonce: n / 20,
                        expires_at: 1_900_000_000,
                        max_fee: U256::from(10_000_000),
                        authorization: Authorization {
                            account,
                            proof: prove(n, crate::keccak256(n.to_be_bytes())),
                        },
                    };
                    let bytes = native.to_bytes();
                    assert!(Fields::parse(&bytes, &mut Vec::new()).is_some(), "{name}");
                    bytes
                })
                .collect();
            let taken = check(&block(transactions)).len() as f64 / COUNT as f64;
            println!("{name}, {account:?}: {taken:.1} bytes in a batch");
            assert!(taken <= most, "{name}, {account:?}: {taken} over {most}");
        }
    }
}

#[test]
fn a_batch_over_its_weight_is_refused() {
    // A bomb: takes next to nothing, and would come back as a quarter of a million transactions.
    let blocks = block(vec![Bytes::new(); 1 << 18]);
    let bytes = encode_batch(&blocks);
    assert!(bytes.len() < 200, "{} bytes", bytes.len());
    assert!(matches!(
        decode_batch(&head(), &bytes),
        Err(CodecError::Malformed { .. })
    ));
    let large = block(vec![vec![0; MAX_BATCH_PAYLOAD_BYTES].into()]);
    assert!(matches!(
        decode_batch(&head(), &encode_batch(&large)),
        Err(CodecError::Malformed { .. })
    ));
}
