//! ECDSA over secp256r1 (P-256): the keys of passkeys, secure enclaves and smart cards.
//!
//! `s` must be in the lower half of the order, as on secp256k1. Anybody can turn one half into the other without the
//! key, so if both counted, a transaction on its way could be given another hash. Hardware signs with either, so
//! whoever sends a signature on puts it right: [`P256Proof::new`] does.

use core::fmt;

use alloy_primitives::{Address, B256, U256};
use borsh::{BorshDeserialize, BorshSerialize};
use p256::{
    ProjectivePoint, Scalar,
    ecdsa::{Signature, SigningKey, VerifyingKey, signature::hazmat::PrehashSigner as _},
    elliptic_curve::{
        group::Group as _,
        ops::{Invert as _, Reduce},
        point::AffineCoordinates as _,
    },
};

use super::SignatureError;
use crate::types::{Proof, Prover, PublicKey};

const SCHEME: &str = "secp256r1";

/// The bytes of a public key: the parity of `y` (2 or 3) and `x`, as SEC 1 compresses points.
pub const P256_KEY_BYTES: usize = 33;

/// A public key of P-256 and its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct P256Proof {
    /// Whether `y` of the public key is odd.
    pub key_is_odd: bool,
    /// `x` of the public key.
    pub key_x: B256,
    /// The x coordinate of the nonce point, modulo the order.
    pub r: B256,
    /// The proof, in the lower half of the curve's order.
    pub s: B256,
}

/// The address of the account of a key in its compressed form: see [`PublicKey::address`].
pub fn p256_address(key: [u8; P256_KEY_BYTES]) -> Address {
    PublicKey::P256(key.into()).address()
}

impl P256Proof {
    /// From what libraries and hardware give: the key in any form of SEC 1 (33 or 65 bytes), the signature as DER or
    /// as 64 bytes `r ++ s`, with `s` in either half.
    pub fn new(key: &[u8], signature: &[u8]) -> Result<Self, SignatureError> {
        let key = VerifyingKey::from_sec1_bytes(key)
            .map_err(|_| SignatureError::KeyBytes { scheme: SCHEME })?;
        let signature = Signature::from_slice(signature)
            .or_else(|_| Signature::from_der(signature))
            .map_err(|_| SignatureError::NoKey)?;
        Ok(Self::of(&key, signature))
    }

    fn of(key: &VerifyingKey, signature: Signature) -> Self {
        let (key, signature) = (
            compressed(key),
            signature.normalize_s().unwrap_or(signature),
        );
        let (r, s) = signature.split_bytes();
        Self {
            key_is_odd: key[0] == 3,
            key_x: B256::from_slice(&key[1..]),
            r: B256::from_slice(&r),
            s: B256::from_slice(&s),
        }
    }

    /// The public key, as SEC 1 compresses points.
    pub fn key(&self) -> [u8; P256_KEY_BYTES] {
        let mut key = [2 + u8::from(self.key_is_odd); P256_KEY_BYTES];
        key[1..].copy_from_slice(self.key_x.as_slice());
        key
    }

    /// Refuses bytes that are no key.
    pub fn check_key(key: &[u8; P256_KEY_BYTES]) -> Result<(), SignatureError> {
        point(key).map(drop)
    }

    /// Whether the key signed `digest`; the account's address.
    pub fn verify(&self, digest: B256) -> Result<Address, SignatureError> {
        let signature =
            Signature::from_scalars(self.r.0, self.s.0).map_err(|_| SignatureError::NoKey)?;
        if signature.normalize_s().is_some() {
            return Err(SignatureError::HighS);
        }
        let key = self.key();
        let point = point(&key)?;
        if !signed(&point, digest, &signature) {
            return Err(SignatureError::Forged { scheme: SCHEME });
        }
        Ok(p256_address(key))
    }
}

/// Whether the key signed the digest (SEC 1, 4.1.4): what the library's own verification says, in half the time, for
/// everything here is public and need not take the same time whatever it is.
fn signed(key: &VerifyingKey, digest: B256, signature: &Signature) -> bool {
    let reduce = <Scalar as Reduce<p256::U256>>::reduce_bytes;
    let (r, s) = signature.split_scalars();
    let inverse = *s.invert_vartime();
    let (of_base, of_key) = (reduce(&digest.0.into()) * inverse, *r * inverse);
    let key = ProjectivePoint::from(*key.as_affine());
    let point = sum(ProjectivePoint::GENERATOR, of_base, key, of_key);
    // The point at infinity has the x coordinate 0 here, which no `r` is.
    reduce(&point.to_affine().x()) == *r
}

/// `a * x + b * y`, doubling for both at once (Shamir's trick, with signed digits of five bits).
fn sum(x: ProjectivePoint, a: Scalar, y: ProjectivePoint, b: Scalar) -> ProjectivePoint {
    let (tables, digits) = ([odd_multiples(x), odd_multiples(y)], [digits(a), digits(b)]);
    let mut sum = ProjectivePoint::IDENTITY;
    for place in (0..DIGITS).rev() {
        sum = sum.double();
        for (table, digits) in tables.iter().zip(&digits) {
            let digit = digits[place];
            if digit != 0 {
                let multiple = table[usize::from(digit.unsigned_abs() / 2)];
                sum = if digit > 0 {
                    sum + multiple
                } else {
                    sum - multiple
                };
            }
        }
    }
    sum
}

/// A scalar's bits, and one for the last carry.
const DIGITS: usize = 257;

/// A scalar in digits that are 0 or odd, from -15 to 15, of which one in six or so is not 0.
fn digits(scalar: Scalar) -> [i8; DIGITS] {
    let mut digits = [0; DIGITS];
    let mut rest = U256::from_be_bytes::<32>(scalar.to_bytes().into());
    for digit in &mut digits {
        if rest.bit(0) {
            let low = (rest.as_limbs()[0] & 31) as i8;
            *digit = if low < 16 { low } else { low - 32 };
            // The order is far enough below 2^256 for a carry.
            rest = if low < 16 {
                rest - U256::from(low)
            } else {
                rest + U256::from(32 - low)
            };
        }
        rest >>= 1;
    }
    digits
}

/// The point, three times it, and so on to fifteen times.
fn odd_multiples(point: ProjectivePoint) -> [ProjectivePoint; 8] {
    let (mut multiples, twice) = ([point; 8], point.double());
    for place in 1..multiples.len() {
        multiples[place] = multiples[place - 1] + twice;
    }
    multiples
}

fn compressed(key: &VerifyingKey) -> [u8; P256_KEY_BYTES] {
    let mut bytes = [0; P256_KEY_BYTES];
    bytes.copy_from_slice(key.to_encoded_point(true).as_bytes());
    bytes
}

fn point(key: &[u8; P256_KEY_BYTES]) -> Result<VerifyingKey, SignatureError> {
    VerifyingKey::from_sec1_bytes(key).map_err(|_| SignatureError::KeyBytes { scheme: SCHEME })
}

/// A P-256 key that signs digests. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct P256Signer {
    key: SigningKey,
}

impl P256Signer {
    /// The signer of a private key; `None` when the scalar is zero or not below the curve's order.
    pub fn from_bytes(private_key: &B256) -> Option<Self> {
        let key = SigningKey::from_bytes(&private_key.0.into()).ok()?;
        Some(Self { key })
    }

    /// The public key, as SEC 1 compresses points.
    pub fn key(&self) -> [u8; P256_KEY_BYTES] {
        compressed(self.key.verifying_key())
    }

    /// Signs a digest, deterministically (RFC 6979) and with low `s`.
    pub fn sign(&self, digest: B256) -> P256Proof {
        // Fails only for a digest that is not 32 bytes long.
        let signature = self
            .key
            .sign_prehash(digest.as_slice())
            .expect("a 32-byte digest can be signed");
        P256Proof::of(self.key.verifying_key(), signature)
    }
}

impl Prover for P256Signer {
    fn public_key(&self) -> PublicKey {
        PublicKey::P256(self.key().into())
    }

    fn prove(&self, digest: B256) -> Proof {
        Proof::P256(self.sign(digest))
    }
}

impl fmt::Debug for P256Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("P256Signer")
            .field("key", &alloy_primitives::hex::encode(self.key()))
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use alloc::vec::Vec;
    use alloy_primitives::{hex, keccak256, uint};

    use p256::{ecdsa::signature::hazmat::PrehashVerifier as _, elliptic_curve::PrimeField as _};
    use proptest::prelude::*;

    use super::*;

    const ORDER: U256 =
        uint!(0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551_U256);

    fn signer() -> P256Signer {
        P256Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a valid scalar")
    }

    fn high(proof: P256Proof) -> P256Proof {
        let s: U256 = proof.s.into();
        P256Proof {
            s: (ORDER - s).into(),
            ..proof
        }
    }

    /// The key, the digest, `r` and `s` of the example of RFC 6979, A.2.5, with SHA-256 of "sample".
    #[test]
    fn the_example_of_rfc_6979_is_signed_and_verified() {
        let signer = P256Signer::from_bytes(&B256::new(hex!(
            "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
        )))
        .expect("a key");
        let digest = super::super::sha256(b"sample");
        let proof = signer.sign(digest);
        let s: U256 =
            uint!(0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8_U256);
        assert_eq!(
            proof.r.0,
            hex!("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716")
        );
        // The example has the high one.
        assert_eq!(proof.s, B256::from(ORDER - s));
        assert_eq!(
            proof.key(),
            hex!("0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6")
        );
        assert_eq!(proof.verify(digest), Ok(signer.public_key().address()));
        assert_eq!(
            signer.public_key().address(),
            Address::new(hex!("3ea7ad58300f328e0a25ddd7a731ab7914007a92"))
        );
    }

    #[test]
    fn every_form_of_key_and_signature_that_hardware_gives_is_put_right() {
        let (digest, signer) = (keccak256(b"digest"), signer());
        let proof = signer.sign(digest);
        let long = signer.key.verifying_key().to_encoded_point(false);
        let forms = |proof: &P256Proof| {
            let signature = Signature::from_scalars(proof.r.0, proof.s.0).expect("scalars");
            [signature.to_vec(), signature.to_der().as_bytes().to_vec()]
        };
        for signature in forms(&proof).into_iter().chain(forms(&high(proof))) {
            for key in [&signer.key()[..], long.as_bytes()] {
                assert_eq!(P256Proof::new(key, &signature), Ok(proof));
            }
        }
        let [raw, _] = forms(&proof);
        for key in [&[][..], &[9; 33], &[4; 65], &long.as_bytes()[..64]] {
            let error = SignatureError::KeyBytes { scheme: SCHEME };
            assert_eq!(P256Proof::new(key, &raw), Err(error));
        }
        for signature in [&[][..], &raw[..63], &[0; 64], &[0xff; 64]] {
            let error = SignatureError::NoKey;
            assert_eq!(P256Proof::new(&signer.key(), signature), Err(error));
        }
    }

    #[test]
    fn hostile_signatures_are_refused() {
        let (digest, good) = (keccak256(b"digest"), signer().sign(keccak256(b"digest")));
        let none = SignatureError::NoKey;
        let forged = SignatureError::Forged { scheme: SCHEME };
        let nowhere = SignatureError::KeyBytes { scheme: SCHEME };
        let at = |n: U256| B256::from(n);
        let cases = [
            (high(good), SignatureError::HighS),
            (
                P256Proof {
                    r: B256::ZERO,
                    ..good
                },
                none,
            ),
            (
                P256Proof {
                    s: B256::ZERO,
                    ..good
                },
                none,
            ),
            (
                P256Proof {
                    r: at(ORDER),
                    ..good
                },
                none,
            ),
            (
                P256Proof {
                    s: at(ORDER),
                    ..good
                },
                none,
            ),
            (
                P256Proof {
                    r: at(ORDER + U256::ONE),
                    ..good
                },
                none,
            ),
            (
                P256Proof {
                    s: B256::repeat_byte(0xff),
                    ..good
                },
                none,
            ),
            (
                P256Proof {
                    s: at(ORDER - U256::ONE),
                    ..good
                },
                SignatureError::HighS,
            ),
            (
                P256Proof {
                    r: at(U256::ONE),
                    ..good
                },
                forged,
            ),
            (
                P256Proof {
                    key_is_odd: !good.key_is_odd,
                    ..good
                },
                forged,
            ),
            // No point of the curve has this x; and x beyond the field is no other way to write one.
            (
                P256Proof {
                    key_x: at(U256::ONE),
                    ..good
                },
                nowhere,
            ),
            (
                P256Proof {
                    key_x: B256::repeat_byte(0xff),
                    ..good
                },
                nowhere,
            ),
        ];
        for (hostile, error) in cases {
            assert_eq!(hostile.verify(digest), Err(error), "{hostile:?}");
        }
        assert_eq!(good.verify(keccak256(b"other")), Err(forged));
        assert!(P256Signer::from_bytes(&B256::ZERO).is_none());
        assert!(P256Signer::from_bytes(&ORDER.into()).is_none());
        let text = alloc::format!("{:?}", signer());
        assert!(!text.contains("1111"), "{text}");
    }

    fn scalar(number: U256) -> Scalar {
        Scalar::from_repr(number.to_be_bytes::<32>().into()).expect("below the order")
    }

    /// Numbers at which digits carry.
    fn edges() -> impl Iterator<Item = U256> {
        let one = U256::ONE;
        let near = |n: U256| [n.wrapping_sub(one), n, n.wrapping_add(one)];
        let powers = [1_usize, 4, 5, 6, 63, 64, 128, 192, 255].map(|bit| near(one << bit));
        let ends = [
            U256::ZERO,
            one,
            ORDER >> 1,
            ORDER - one,
            ORDER - U256::from(16),
        ];
        let ones = [0x0f, 0x10, 0x1f, 0x5f].map(|byte| U256::from_be_bytes([byte; 32]));
        powers.into_iter().flatten().chain(ends).chain(ones)
    }

    #[test]
    fn a_sum_of_two_multiples_is_the_library_s() {
        let (base, key) = (
            ProjectivePoint::GENERATOR,
            ProjectivePoint::from(*signer().key.verifying_key().as_affine()),
        );
        for a in edges() {
            for b in edges().step_by(3).chain([a]) {
                let (a, b) = (scalar(a), scalar(b));
                assert_eq!(sum(base, a, key, b), base * a + key * b, "{a:?} {b:?}");
                // Points that are the same, opposite, or none at all.
                assert_eq!(sum(base, a, base, b), base * (a + b));
                assert_eq!(sum(base, a, -base, a), ProjectivePoint::IDENTITY);
                assert_eq!(sum(ProjectivePoint::IDENTITY, a, base, b), base * b);
            }
        }
    }

    #[test]
    fn what_sums_to_no_point_at_all_is_no_signature() {
        // With a key of the base point and `r` = -digest, the sum is the point at infinity, whatever `s`.
        let one = P256Signer::from_bytes(&B256::from(U256::ONE)).expect("a scalar");
        let digest = B256::from(U256::from(5));
        let proof = P256Proof {
            r: B256::from(ORDER - U256::from(5)),
            ..one.sign(digest)
        };
        assert_eq!(
            proof.verify(digest),
            Err(SignatureError::Forged { scheme: SCHEME })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: crate::conformance::cases(64),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn what_was_signed_is_verified_and_a_bit_off_is_not(
            key in any::<[u8; 32]>(),
            digest in any::<[u8; 32]>(),
            bit in 0..768_usize,
        ) {
            let Some(signer) = P256Signer::from_bytes(&key.into()) else { return Ok(()) };
            let (digest, mut proof) = (B256::from(digest), signer.sign(digest.into()));
            prop_assert_eq!(proof.verify(digest), Ok(signer.public_key().address()));
            let words = [&mut proof.key_x, &mut proof.r, &mut proof.s];
            let word = words.into_iter().nth(bit / 256).expect("there are three");
            word.0[bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert!(proof.verify(digest).is_err());
        }

        #[test]
        fn of_anything_the_library_says_the_same(
            key in 0..4_u8,
            numbers in any::<[[u8; 32]; 3]>(),
            edges in any::<[Option<prop::sample::Index>; 3]>(),
        ) {
            let known: Vec<U256> = self::edges().collect();
            let [r, s, digest]: [U256; 3] = core::array::from_fn(|n| match &edges[n] {
                Some(index) => *index.get(&known),
                None => U256::from_be_bytes(numbers[n]) % ORDER,
            });
            let of = |n: U256| n.to_be_bytes::<32>();
            let Ok(signature) = Signature::from_scalars(of(r), of(s)) else { return Ok(()) };
            let key = U256::from(key) + U256::ONE;
            let key = SigningKey::from_bytes(&of(key).into()).expect("a scalar");
            let key = key.verifying_key();
            let library = key.verify_prehash(&of(digest), &signature).is_ok();
            prop_assert_eq!(signed(key, digest.into(), &signature), library);
        }
    }
}
