//! Ed25519, by the rules of ZIP-215: the same answer for a signature alone and for one in a batch.
//!
//! RFC 8032 leaves open whether the equation is multiplied by the cofactor. A batch of signatures can only be verified
//! with it: without it, errors of small order cancel out or not, as the coefficients fall. So a single signature is
//! verified with it as well, or nodes that batch and nodes that do not could differ:
//!
//! - `s` is below the order of the base point; nobody can make a second signature of one.
//! - The key and `r` are encodings of points, canonical or not, of whatever order.
//! - `[8][s]B = [8]R + [8][k]A`, with `k` over the encodings as they are.
//!
//! Under these rules everybody can sign for a key of small order. It is an account like one whose private key is
//! published; see [`Ed25519Proof::is_weak`].

#[cfg(feature = "std")]
use alloc::vec::Vec;
use core::fmt;

use alloy_primitives::{Address, B256};
use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_zebra::{Signature, SigningKey, VerificationKey, VerificationKeyBytes};
use zeroize::Zeroizing;

use super::SignatureError;
use crate::types::{Proof, Prover, PublicKey};

const SCHEME: &str = "ed25519";

/// A public key of Ed25519 and its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ed25519Proof {
    /// The public key (RFC 8032, 5.1.5).
    pub key: B256,
    /// The first half of the signature: the nonce point.
    pub r: B256,
    /// The second half: the proof, below the order of the base point, in little endian.
    pub s: B256,
}

impl Ed25519Proof {
    /// Reads a signature of 64 bytes, as libraries write it.
    pub fn new(key: B256, signature: &[u8; 64]) -> Self {
        Self {
            key,
            r: B256::from_slice(&signature[..32]),
            s: B256::from_slice(&signature[32..]),
        }
    }

    fn signature(&self) -> Signature {
        Signature::from_components(self.r.0, self.s.0)
    }

    /// Whether the key signed `digest`; the account's address.
    pub fn verify(&self, digest: B256) -> Result<Address, SignatureError> {
        point(self.key)?
            .verify(&self.signature(), digest.as_slice())
            .map_err(|_| SignatureError::Forged { scheme: SCHEME })?;
        Ok(ed25519_address(self.key))
    }

    /// Refuses bytes that are no key.
    pub fn check_key(key: B256) -> Result<(), SignatureError> {
        point(key).map(drop)
    }

    /// Whether anybody can sign for `key`, because it is a point of small order.
    pub fn is_weak(key: B256) -> bool {
        // Nobody's signature: `[8]B * 0 = [8] * identity + [8][k]A` holds for such keys alone, whatever `k` is.
        let mut identity = B256::ZERO;
        identity.0[0] = 1;
        let nobody = Self {
            key,
            r: identity,
            s: B256::ZERO,
        };
        nobody.verify(B256::ZERO).is_ok()
    }
}

fn point(key: B256) -> Result<VerificationKey, SignatureError> {
    VerificationKey::try_from(key.0).map_err(|_| SignatureError::KeyBytes { scheme: SCHEME })
}

/// The address of the account of a key: see [`PublicKey::address`].
pub fn ed25519_address(key: B256) -> Address {
    PublicKey::Ed25519(key).address()
}

/// Signatures that share the work of a failed batch.
#[cfg(feature = "std")]
const SMALL_BATCH: usize = 64;

/// Which of these digests were signed: the same as [`Ed25519Proof::verify`] for each, in half the time when all were.
///
/// A batch that does not hold is taken in smaller ones, and the smaller ones that do not hold one by one: bad
/// signatures cost at most twice what verifying each alone costs.
#[cfg(feature = "std")]
pub fn verify_ed25519(signed: &[(B256, Ed25519Proof)]) -> Vec<bool> {
    if holds(signed) {
        return alloc::vec![true; signed.len()];
    }
    let one = |(digest, proof): &(B256, Ed25519Proof)| proof.verify(*digest).is_ok();
    signed
        .chunks(SMALL_BATCH)
        .flat_map(|chunk| -> Vec<bool> {
            // The whole was one of them, and is known not to hold.
            if chunk.len() < signed.len() && holds(chunk) {
                alloc::vec![true; chunk.len()]
            } else {
                chunk.iter().map(one).collect()
            }
        })
        .collect()
}

/// Whether all of these were signed, by one equation; where it holds and one was not, somebody found a collision of
/// 128 bits.
#[cfg(feature = "std")]
fn holds(signed: &[(B256, Ed25519Proof)]) -> bool {
    use ed25519_zebra::batch::Verifier;

    if let [(digest, proof)] = signed {
        return proof.verify(*digest).is_ok();
    }
    let mut batch = Verifier::new();
    for (digest, proof) in signed {
        let key = VerificationKeyBytes::from(proof.key.0);
        batch.queue((key, proof.signature(), digest.as_slice()));
    }
    batch.verify(coefficients::Coefficients::of(signed)).is_ok()
}

/// The coefficients of a batch, from a hash of all that is in it: nobody can choose a signature after them, and the
/// same batch has the same ones.
#[cfg(feature = "std")]
mod coefficients {
    use alloy_primitives::B256;
    use k256::elliptic_curve::rand_core::{CryptoRng, Error, RngCore, impls};
    use sha2::{Digest as _, Sha256};

    use super::Ed25519Proof;

    pub(super) struct Coefficients {
        seed: B256,
        count: u64,
    }

    impl Coefficients {
        pub(super) fn of(signed: &[(B256, Ed25519Proof)]) -> Self {
            let mut hash = Sha256::new();
            for (digest, Ed25519Proof { key, r, s }) in signed {
                for word in [digest, key, r, s] {
                    hash.update(word);
                }
            }
            Self {
                seed: B256::new(hash.finalize().into()),
                count: 0,
            }
        }
    }

    impl RngCore for Coefficients {
        fn next_u32(&mut self) -> u32 {
            impls::next_u32_via_fill(self)
        }

        fn next_u64(&mut self) -> u64 {
            impls::next_u64_via_fill(self)
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            for part in bytes.chunks_mut(32) {
                let hash = Sha256::new()
                    .chain_update(self.seed)
                    .chain_update(self.count.to_le_bytes());
                self.count += 1;
                part.copy_from_slice(&hash.finalize()[..part.len()]);
            }
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    impl CryptoRng for Coefficients {}
}

/// An Ed25519 key that signs digests. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Ed25519Signer {
    key: Zeroizing<SigningKey>,
    public: B256,
}

impl Ed25519Signer {
    /// The signer of a private key: the 32 bytes of RFC 8032, any of which are one.
    pub fn from_bytes(private_key: &B256) -> Self {
        let key = Zeroizing::new(SigningKey::from(private_key.0));
        let public = VerificationKeyBytes::from(VerificationKey::from(&*key));
        Self {
            public: B256::from(<[u8; 32]>::from(public)),
            key,
        }
    }

    /// The public key.
    pub fn key(&self) -> B256 {
        self.public
    }

    /// Signs a digest, deterministically.
    pub fn sign(&self, digest: B256) -> Ed25519Proof {
        Ed25519Proof::new(self.public, &self.key.sign(digest.as_slice()).to_bytes())
    }
}

impl Prover for Ed25519Signer {
    fn public_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.public)
    }

    fn prove(&self, digest: B256) -> Proof {
        Proof::Ed25519(self.sign(digest))
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ed25519Signer")
            .field("key", &self.public)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use alloc::vec::Vec;

    use alloy_primitives::{hex, keccak256};
    use proptest::prelude::*;

    use super::*;

    /// The order of the base point, in little endian.
    const ORDER: [u8; 32] =
        hex!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

    /// All encodings of points of small order that decompress, canonical or not.
    const SMALL_ORDER: [[u8; 32]; 14] = [
        hex!("0100000000000000000000000000000000000000000000000000000000000000"),
        hex!("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        hex!("0000000000000000000000000000000000000000000000000000000000000080"),
        hex!("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex!("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
        hex!("0000000000000000000000000000000000000000000000000000000000000000"),
        hex!("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
        // Not canonical.
        hex!("0100000000000000000000000000000000000000000000000000000000000080"),
        hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        hex!("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        hex!("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        hex!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        hex!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ];

    fn signer(n: u8) -> Ed25519Signer {
        Ed25519Signer::from_bytes(&B256::repeat_byte(n))
    }

    fn good(n: u8) -> (B256, Ed25519Proof) {
        let digest = keccak256([n]);
        (digest, signer(n).sign(digest))
    }

    /// One by one, in one batch and in batches with good ones: always the same.
    fn check(signed: &[(B256, Ed25519Proof)]) -> Vec<bool> {
        let alone: Vec<bool> = signed
            .iter()
            .map(|(digest, proof)| proof.verify(*digest).is_ok())
            .collect();
        assert_eq!(verify_ed25519(signed), alone);
        for (one, holds) in signed.iter().zip(&alone) {
            assert_eq!(verify_ed25519(&[*one]), [*holds]);
            assert_eq!(
                verify_ed25519(&[good(200), *one, good(201)]),
                [true, *holds, true]
            );
        }
        alone
    }

    #[test]
    fn what_was_signed_is_verified_to_the_address_of_the_key() {
        let (digest, proof) = good(1);
        let address = signer(1).public_key().address();
        assert_eq!(proof.verify(digest), Ok(address));
        let forged = Err(SignatureError::Forged { scheme: SCHEME });
        assert_eq!(proof.verify(keccak256(b"other")), forged);
        let other = Ed25519Proof {
            key: signer(2).key(),
            ..proof
        };
        assert_eq!(other.verify(digest), forged);
        // The second test vector of RFC 8032 gives this key, and the name of a key never changes.
        let known = Ed25519Signer::from_bytes(&B256::new(hex!(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        )));
        assert_eq!(
            known.key().0,
            hex!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        );
        assert_eq!(
            known.public_key().address(),
            Address::new(hex!("9af3a68574d2209ffe0d164ef675b26d3f22a22a"))
        );
    }

    #[test]
    fn small_order_and_non_canonical_encodings_count_as_in_zip_215_alone_and_in_batches() {
        let mut signed = Vec::new();
        for key in SMALL_ORDER {
            assert!(Ed25519Proof::is_weak(key.into()), "{}", hex::encode(key));
            for r in SMALL_ORDER {
                let (key, r) = (key.into(), r.into());
                let s = B256::ZERO;
                signed.push((keccak256(b"Zcash"), Ed25519Proof { key, r, s }));
            }
        }
        assert!(check(&signed).into_iter().all(|holds| holds));
        // One that does not hold among them, wherever it is, is found.
        for place in [0, 63, 64, 100, signed.len() - 1] {
            let mut signed = signed.clone();
            signed[place].1.s.0[0] = 1;
            let holds = verify_ed25519(&signed);
            assert!(
                (0..signed.len()).all(|n| holds[n] == (n != place)),
                "{place}"
            );
        }
    }

    /// A signature whose nonce point is off by a point of small order, which only who has the key can make. Without
    /// the cofactor it would never hold alone, and would hold in a batch with one in eight of its coefficients.
    #[test]
    fn a_signature_with_an_error_of_small_order_counts_alone_as_in_batches() {
        use curve25519_dalek::{
            constants::{ED25519_BASEPOINT_POINT as BASE, EIGHT_TORSION},
            scalar::Scalar,
        };
        use sha2::{Digest as _, Sha512};

        let (secret, nonce) = (Scalar::from(1_234_567_u64), Scalar::from(89_u64));
        let digest = keccak256(b"digest");
        let mut signed = Vec::new();
        for torsion in EIGHT_TORSION {
            for of_key in EIGHT_TORSION {
                let key = (BASE * secret + of_key).compress().0;
                let r = (BASE * nonce + torsion).compress().0;
                let hash = Sha512::new()
                    .chain_update(r)
                    .chain_update(key)
                    .chain_update(digest);
                let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
                let s = (nonce + k * secret).to_bytes();
                let [key, r, s] = [key, r, s].map(B256::from);
                signed.push((digest, Ed25519Proof { key, r, s }));
                assert!(!Ed25519Proof::is_weak(key));
            }
        }
        assert!(check(&signed).into_iter().all(|holds| holds));
    }

    #[test]
    fn hostile_signatures_are_refused_alone_as_in_batches() {
        let (digest, proof) = good(4);
        let mut raised = proof.s;
        let mut carry = 0_u16;
        for (byte, order) in raised.0.iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry as u8;
            carry >>= 8;
        }
        // No point has this y.
        let nowhere = B256::new(hex!(
            "0200000000000000000000000000000000000000000000000000000000000000"
        ));
        let forged = SignatureError::Forged { scheme: SCHEME };
        let cases = [
            // The same proof modulo the order: malleable, if it counted.
            (Ed25519Proof { s: raised, ..proof }, forged),
            (
                Ed25519Proof {
                    s: ORDER.into(),
                    ..proof
                },
                forged,
            ),
            (
                Ed25519Proof {
                    s: B256::ZERO,
                    ..proof
                },
                forged,
            ),
            (
                Ed25519Proof {
                    s: B256::repeat_byte(0xff),
                    ..proof
                },
                forged,
            ),
            (
                Ed25519Proof {
                    r: nowhere,
                    ..proof
                },
                forged,
            ),
            (
                Ed25519Proof {
                    r: proof.s,
                    s: proof.r,
                    ..proof
                },
                forged,
            ),
            (
                Ed25519Proof {
                    key: nowhere,
                    ..proof
                },
                SignatureError::KeyBytes { scheme: SCHEME },
            ),
        ];
        for (hostile, error) in cases {
            assert_eq!(hostile.verify(digest), Err(error), "{hostile:?}");
            assert_eq!(check(&[(digest, hostile)]), [false]);
        }
        assert!(!Ed25519Proof::is_weak(proof.key));
        assert!(!Ed25519Proof::is_weak(nowhere));
        assert!(verify_ed25519(&[]).is_empty());
    }

    #[test]
    fn the_coefficients_of_a_batch_depend_on_all_that_is_in_it() {
        use k256::elliptic_curve::rand_core::RngCore as _;

        let first = |signed: &[(B256, Ed25519Proof)]| {
            let mut bytes = [0; 48];
            coefficients::Coefficients::of(signed).fill_bytes(&mut bytes);
            bytes
        };
        let batch = [good(5), good(6)];
        let known = first(&batch);
        assert_ne!(known[..16], known[32..]);
        for word in 0..8 {
            let mut other = batch;
            let (digest, proof) = &mut other[word / 4];
            let words = [digest, &mut proof.key, &mut proof.r, &mut proof.s];
            words.into_iter().nth(word % 4).expect("there are four").0[9] ^= 1;
            assert_ne!(first(&other), known);
        }
    }

    #[test]
    fn a_signer_prints_no_secret() {
        let text = alloc::format!("{:?}", signer(0x77));
        assert!(!text.contains("7777"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: crate::conformance::cases(24),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn batches_and_single_verification_agree_on_spoiled_signatures(
            spoiled in prop::collection::vec((any::<u8>(), 0..1_600_usize, any::<prop::sample::Index>()), 1..160),
        ) {
            let signed: Vec<_> = spoiled
                .into_iter()
                .map(|(n, bit, small)| {
                    let (mut digest, mut proof) = good(n);
                    match bit {
                        0..256 => proof.r.0[bit / 8] ^= 1 << (bit % 8),
                        256..512 => proof.s.0[bit / 8 - 32] ^= 1 << (bit % 8),
                        512..600 => proof.key = (*small.get(&SMALL_ORDER)).into(),
                        600..700 => proof.r = (*small.get(&SMALL_ORDER)).into(),
                        700..720 => digest.0[0] ^= 1,
                        _ => {}
                    }
                    (digest, proof)
                })
                .collect();
            let alone: Vec<bool> =
                signed.iter().map(|(digest, proof)| proof.verify(*digest).is_ok()).collect();
            prop_assert_eq!(verify_ed25519(&signed), alone);
        }
    }
}
