//! Recovery and signing by libsecp256k1: the same answers as in software, in half the time.

use std::sync::OnceLock;

use alloy_primitives::{Address, B256, keccak256};
use secp256k1::{
    Message, Secp256k1, SecretKey, SignOnly, VerifyOnly,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use super::Signature;

/// The address whose key signed `digest`. Both scalars are in range, and `s` is low.
pub(super) fn recover(digest: &B256, r: &B256, s: &B256, odd: bool) -> Option<Address> {
    static CONTEXT: OnceLock<Secp256k1<VerifyOnly>> = OnceLock::new();
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(r.as_slice());
    compact[32..].copy_from_slice(s.as_slice());
    let id = if odd {
        RecoveryId::One
    } else {
        RecoveryId::Zero
    };
    let signature = RecoverableSignature::from_compact(&compact, id).ok()?;
    let context = CONTEXT.get_or_init(Secp256k1::verification_only);
    let key = context
        .recover_ecdsa(Message::from_digest(digest.0), &signature)
        .ok()?;
    let point = key.serialize_uncompressed();
    Some(Address::from_slice(&keccak256(&point[1..])[12..]))
}

/// The signature by `key`, whose scalar is valid, over a digest below the curve's order: by RFC 6979 and with low `s`.
pub(super) fn sign(key: &[u8; 32], digest: &B256) -> Signature {
    static CONTEXT: OnceLock<Secp256k1<SignOnly>> = OnceLock::new();
    let mut key = SecretKey::from_byte_array(*key).expect("a signer's scalar is valid");
    let context = CONTEXT.get_or_init(Secp256k1::signing_only);
    let signature = context.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key);
    key.non_secure_erase();
    let (id, bytes) = signature.serialize_compact();
    Signature {
        r: B256::from_slice(&bytes[..32]),
        s: B256::from_slice(&bytes[32..]),
        v: 27 + u8::from(matches!(id, RecoveryId::One | RecoveryId::Three)),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, b256, uint};
    use proptest::prelude::*;

    use super::super::{HIGHEST_S, ORDER, Signature, SignatureError, Signer, native};
    use super::*;

    /// The x coordinate of the generator, whose y is even.
    const GENERATOR: B256 =
        b256!("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    /// The field's prime.
    const FIELD: U256 =
        uint!(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f_U256);

    /// Both libraries say the same; what they say.
    fn check(signature: Signature, digest: B256) -> Result<Address, SignatureError> {
        let fast = signature.recover_by(digest, recover);
        assert_eq!(
            fast,
            signature.recover_by(digest, native::recover),
            "{signature:?} of {digest}"
        );
        assert_eq!(fast, signature.recover(digest));
        fast
    }

    /// Numbers at which something changes.
    fn edges() -> [U256; 14] {
        let one = U256::ONE;
        [
            U256::ZERO,
            one,
            U256::from(2),
            U256::from(5),
            GENERATOR.into(),
            HIGHEST_S - one,
            HIGHEST_S,
            HIGHEST_S + one,
            ORDER - one,
            ORDER,
            ORDER + one,
            FIELD - one,
            FIELD,
            U256::MAX,
        ]
    }

    #[test]
    fn at_every_edge_both_say_the_same() {
        let mut recovered = 0;
        for r in edges() {
            for s in edges() {
                for digest in edges() {
                    for v in [0, 1, 26, 27, 28, 29, 30, 255] {
                        let signature = Signature {
                            r: r.into(),
                            s: s.into(),
                            v,
                        };
                        recovered += u32::from(check(signature, digest.into()).is_ok());
                    }
                }
            }
        }
        assert!(recovered > 100, "{recovered}");
    }

    #[test]
    fn each_kind_of_hostile_signature_is_refused_by_both() {
        let digest = keccak256(b"digest");
        let signer = Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a valid scalar");
        let good = signer.sign(digest);
        assert_eq!(check(good, digest), Ok(signer.address()));
        let s: U256 = good.s.into();
        let high = Signature {
            s: (ORDER - s).into(),
            v: 55 - good.v,
            ..good
        };
        let of = |r: U256, s: u64| Signature {
            r: r.into(),
            s: U256::from(s).into(),
            v: 27,
        };
        let (none, five) = (Err(SignatureError::NoKey), B256::from(U256::from(5)));
        let cases = [
            (high, digest, Err(SignatureError::HighS)),
            (
                Signature { v: 29, ..good },
                digest,
                Err(SignatureError::RecoveryByte(29)),
            ),
            (
                Signature { v: 2, ..good },
                digest,
                Err(SignatureError::RecoveryByte(2)),
            ),
            (
                Signature {
                    r: B256::ZERO,
                    ..good
                },
                digest,
                none,
            ),
            (
                Signature {
                    s: B256::ZERO,
                    ..good
                },
                digest,
                none,
            ),
            (of(ORDER, 1), digest, none),
            // No point of the curve has this x.
            (of(U256::from(5), 1), digest, none),
            // The generator, signed so that the key would be the point at infinity.
            (of(GENERATOR.into(), 5), five, none),
        ];
        for (signature, digest, expected) in cases {
            assert_eq!(check(signature, digest), expected, "{signature:?}");
        }
        // With any other proof there is a key.
        assert!(check(of(GENERATOR.into(), 6), five).is_ok());
    }

    fn any_number() -> impl Strategy<Value = U256> {
        let any = any::<[u8; 32]>().prop_map(U256::from_be_bytes::<32>);
        prop_oneof![
            any,
            prop::sample::select(edges().to_vec()),
            (0..50_u64).prop_map(U256::from)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: crate::conformance::cases(256),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn of_anything_both_say_the_same(
            r in any_number(),
            s in any_number(),
            digest in any_number(),
            v in prop_oneof![27..29_u8, any::<u8>()],
        ) {
            let _ = check(Signature { r: r.into(), s: s.into(), v }, digest.into());
            // Most numbers are no proof of half the order: halved, they are.
            let _ = check(Signature { r: r.into(), s: s.wrapping_shr(1).into(), v }, digest.into());
        }

        #[test]
        fn both_sign_alike(key in any_number(), digest in any_number()) {
            let Some(signer) = Signer::from_bytes(&key.into()) else { return Ok(()) };
            let signature = signer.sign(digest.into());
            prop_assert_eq!(signature, signer.sign_in_software(digest.into()));
            prop_assert_eq!(check(signature, digest.into()), Ok(signer.address()));
        }

        #[test]
        fn what_was_signed_is_recovered_and_a_bit_off_is_not(
            key in any::<[u8; 32]>(),
            digest in any::<[u8; 32]>(),
            bit in 0..512_usize,
        ) {
            let Some(signer) = Signer::from_bytes(&key.into()) else { return Ok(()) };
            let (digest, mut signature) = (B256::from(digest), signer.sign(digest.into()));
            prop_assert_eq!(check(signature, digest), Ok(signer.address()));
            let number = if bit < 256 { &mut signature.r } else { &mut signature.s };
            number.0[bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(check(signature, digest), Ok(signer.address()));
        }
    }
}
