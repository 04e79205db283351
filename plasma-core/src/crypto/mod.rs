//! Signatures, and the hashes that the root rebuilds.
//!
//! Three operations are calls of the fault-proof machine: keccak-256, SHA-256 and the recovery of a secp256k1 key.
//! All code goes through [`keccak256`], [`sha256`] and [`Signature::recover`], so that a guest can put the machine's
//! in the place of ours: keccak by alloy's `native-keccak`, the other two by the feature `guest` (`guest.rs`). Natively
//! the feature `libsecp256k1` recovers keys, and signs, by the C library of that name, `hashtree` hashes many pairs at once
//! by another, and `asm-keccak` is keccak-256 in assembly, all to the same effect (`fast.rs`, `pairs.rs`).
//!
//! Further schemes are code everywhere: `ed25519.rs`, `secp256r1.rs`, and passkeys over the latter in `webauthn.rs`.

mod ed25519;
#[cfg(feature = "libsecp256k1")]
mod fast;
#[cfg(all(feature = "guest", target_os = "none"))]
mod guest;
#[cfg(not(all(feature = "guest", target_os = "none")))]
mod native;
mod pairs;
mod secp256r1;
mod webauthn;
mod words;

use core::fmt;

use alloy_primitives::{Address, B256, U256, keccak256, uint};
use borsh::{BorshDeserialize, BorshSerialize};
use k256::ecdsa::{SigningKey, VerifyingKey};

#[cfg(all(feature = "guest", target_os = "none"))]
use guest as backend;
#[cfg(not(all(feature = "guest", target_os = "none")))]
use native as backend;

#[cfg(feature = "std")]
pub use ed25519::verify_ed25519;
pub use ed25519::{Ed25519Proof, Ed25519Signer, ed25519_address};
pub use pairs::sha256_pairs;
pub use secp256r1::{P256_KEY_BYTES, P256Proof, P256Signer, p256_address};
pub use webauthn::{
    AssertionError, MAX_AUTHENTICATOR_DATA_BYTES, MAX_CLIENT_DATA_BYTES, WebAuthnProof,
};
pub use words::{WordReader, Words};

/// SHA-256, the hash of the state trie.
#[inline]
pub fn sha256(bytes: &[u8]) -> B256 {
    backend::sha256(bytes)
}

/// The order of secp256k1.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
/// The highest `s` that counts: half of the order (EIP-2).
const HIGHEST_S: U256 =
    uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// Why a signature proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// `v` is neither 27 nor 28.
    #[error("recovery byte v is {0}; it must be 27 or 28")]
    RecoveryByte(u8),
    /// `s` is in the upper half of the curve's order, so that two signatures would mean the same (EIP-2).
    #[error("s is in the upper half of the curve order; use the lower one (EIP-2)")]
    HighS,
    /// `r` or `s` is zero or too large, or no key fits.
    #[error("no public key fits this signature; sign the digest anew")]
    NoKey,
    /// The bytes of the public key are no point of the scheme's curve.
    #[error("the {scheme} public key is no point of the curve; send it as the scheme encodes it")]
    KeyBytes {
        /// Of which scheme.
        scheme: &'static str,
    },
    /// The key did not sign this digest.
    #[error("this {scheme} key did not sign this digest; sign the digest anew")]
    Forged {
        /// Of which scheme.
        scheme: &'static str,
    },
    /// A passkey's assertion is not of the form that counts.
    #[error(transparent)]
    Assertion(#[from] AssertionError),
}

/// A recoverable secp256k1 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Signature {
    /// The x coordinate of the nonce point.
    pub r: B256,
    /// The proof, in the lower half of the curve's order.
    pub s: B256,
    /// 27 or 28: which of the two points it was.
    pub v: u8,
}

impl Signature {
    /// The 65 bytes `r ++ s ++ v`, as `ecrecover` users write them.
    pub fn to_bytes(&self) -> [u8; 65] {
        let mut out = [0; 65];
        out[..32].copy_from_slice(self.r.as_slice());
        out[32..64].copy_from_slice(self.s.as_slice());
        out[64] = self.v;
        out
    }

    /// Reads `r ++ s ++ v`; `v` may be 0 or 1 as well, as some wallets write it.
    pub fn from_bytes(bytes: &[u8; 65]) -> Self {
        let v = if bytes[64] < 2 {
            bytes[64] + 27
        } else {
            bytes[64]
        };
        Self {
            r: B256::from_slice(&bytes[..32]),
            s: B256::from_slice(&bytes[32..64]),
            v,
        }
    }

    /// The address whose key signed `digest`.
    pub fn recover(&self, digest: B256) -> Result<Address, SignatureError> {
        #[cfg(feature = "libsecp256k1")]
        use fast::recover;

        #[cfg(not(feature = "libsecp256k1"))]
        use backend::recover;

        self.recover_by(digest, recover)
    }

    /// What proves nothing is refused here, whichever library answers for the rest.
    fn recover_by(
        &self,
        digest: B256,
        recover: impl FnOnce(&B256, &B256, &B256, bool) -> Option<Address>,
    ) -> Result<Address, SignatureError> {
        if self.v != 27 && self.v != 28 {
            return Err(SignatureError::RecoveryByte(self.v));
        }
        let (r, s): (U256, U256) = (self.r.into(), self.s.into());
        let scalar = |value: U256| !value.is_zero() && value < ORDER;
        if !scalar(r) || !scalar(s) {
            return Err(SignatureError::NoKey);
        }
        if s > HIGHEST_S {
            return Err(SignatureError::HighS);
        }
        recover(&digest, &self.r, &self.s, self.v == 28).ok_or(SignatureError::NoKey)
    }
}

/// The Ethereum address of a public key.
fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..])
}

/// A secp256k1 key that signs digests. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    address: Address,
}

impl Signer {
    /// The signer of a private key; `None` when the scalar is zero or not below the curve's order.
    pub fn from_bytes(private_key: &B256) -> Option<Self> {
        let key = SigningKey::from_bytes(&private_key.0.into()).ok()?;
        let address = address_of(key.verifying_key());
        Some(Self { key, address })
    }

    /// The address that its signatures recover to.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest, deterministically (RFC 6979) and with low `s`.
    pub fn sign(&self, digest: B256) -> Signature {
        // The two libraries take a digest that is no scalar differently: none is ever met by chance.
        #[cfg(feature = "libsecp256k1")]
        if U256::from_be_bytes(digest.0) < ORDER {
            let mut key: [u8; 32] = self.key.to_bytes().into();
            let signature = fast::sign(&key, &digest);
            zeroize::Zeroize::zeroize(&mut key);
            return signature;
        }
        self.sign_in_software(digest)
    }

    fn sign_in_software(&self, digest: B256) -> Signature {
        // Fails only for a digest that is not 32 bytes long.
        let (signature, id) = self
            .key
            .sign_prehash_recoverable(digest.as_slice())
            .expect("a 32-byte digest can be signed");
        let (signature, odd) = match signature.normalize_s() {
            Some(low) => (low, !id.is_y_odd()),
            None => (signature, id.is_y_odd()),
        };
        let (r, s) = signature.split_bytes();
        Signature {
            r: B256::from_slice(&r),
            s: B256::from_slice(&s),
            v: 27 + u8::from(odd),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a valid scalar")
    }

    #[test]
    fn a_signature_recovers_to_its_signer_and_to_nobody_for_another_digest() {
        let digest = keccak256(b"digest");
        let signature = signer().sign(digest);
        assert_eq!(signature.recover(digest), Ok(signer().address()));
        assert_ne!(
            signature.recover(keccak256(b"other")),
            Ok(signer().address())
        );
        assert_eq!(Signature::from_bytes(&signature.to_bytes()), signature);
    }

    #[test]
    fn keccak_is_the_same_whatever_computes_it() {
        use sha3::Digest as _;
        // Over the lengths at which blocks of 136 bytes end.
        for length in 0..600 {
            let bytes: Vec<u8> = (0..length).map(|n: usize| (n * n + length) as u8).collect();
            assert_eq!(
                keccak256(&bytes),
                B256::new(sha3::Keccak256::digest(&bytes).into())
            );
        }
    }

    #[test]
    fn hostile_signatures_are_refused() {
        let digest = keccak256(b"digest");
        let good = signer().sign(digest);
        let order = k256::elliptic_curve::bigint::U256::from_be_hex(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        );
        let s = k256::elliptic_curve::bigint::U256::from_be_slice(good.s.as_slice());
        let high = B256::from_slice(
            &k256::elliptic_curve::bigint::ArrayEncoding::to_be_byte_array(&order.wrapping_sub(&s)),
        );
        let cases = [
            (
                Signature {
                    s: high,
                    v: 55 - good.v,
                    ..good
                },
                SignatureError::HighS,
            ),
            (Signature { v: 0, ..good }, SignatureError::RecoveryByte(0)),
            (
                Signature { v: 29, ..good },
                SignatureError::RecoveryByte(29),
            ),
            (
                Signature {
                    r: B256::ZERO,
                    ..good
                },
                SignatureError::NoKey,
            ),
            (
                Signature {
                    s: B256::ZERO,
                    ..good
                },
                SignatureError::NoKey,
            ),
            (
                Signature {
                    r: B256::repeat_byte(0xff),
                    ..good
                },
                SignatureError::NoKey,
            ),
        ];
        for (signature, error) in cases {
            assert_eq!(signature.recover(digest), Err(error), "{signature:?}");
        }
        assert!(Signer::from_bytes(&B256::ZERO).is_none());
    }
}
