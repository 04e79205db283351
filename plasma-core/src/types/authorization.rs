//! Who vouches for a native transaction: which key, and for which account.

use alloc::{boxed::Box, vec::Vec};

use alloy_primitives::{Address, B256, FixedBytes, U256, keccak256};
use borsh::{
    BorshDeserialize, BorshSerialize,
    io::{self, Read, Write},
};

use crate::{
    Ed25519Proof, P256_KEY_BYTES, P256Proof, Signature, SignatureError, Signer, WebAuthnProof,
};

/// The schemes of the keys that accounts have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub enum Scheme {
    /// ECDSA over secp256k1, the key recovered from the signature, as on Ethereum.
    Secp256k1 = 0,
    /// Ed25519, by the rules of ZIP-215.
    Ed25519 = 1,
    /// ECDSA over secp256r1 (P-256), the signatures of passkeys included.
    P256 = 2,
}

impl Scheme {
    /// The scheme of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Secp256k1, Self::Ed25519, Self::P256]
            .into_iter()
            .find(|scheme| *scheme as u8 == number)
    }
}

/// A key, as accounts know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[non_exhaustive]
pub enum PublicKey {
    /// A key of secp256k1, by its address: the key itself follows from a signature.
    Secp256k1(Address),
    /// A key of Ed25519.
    Ed25519(B256),
    /// A key of P-256, as SEC 1 compresses points.
    P256(FixedBytes<P256_KEY_BYTES>),
}

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no such scheme.
    #[error("scheme {0} is unknown; 0 is secp256k1, 1 ed25519, 2 secp256r1")]
    Scheme(u8),
    /// A key of another length.
    #[error("a key of {length} bytes is none of scheme {scheme}; it has {expected}")]
    Length {
        /// The scheme's number.
        scheme: u8,
        /// Bytes given.
        length: usize,
        /// Bytes of the scheme's keys: of secp256k1 the 20 of the address.
        expected: usize,
    },
    /// No key of its scheme.
    #[error("{0}")]
    Point(SignatureError),
    /// Anybody can sign for it.
    #[error(
        "the ed25519 key {0} is a point of small order, for which anybody can sign; make another"
    )]
    Weak(B256),
}

impl PublicKey {
    /// Reads a key of the scheme of this number. It may be no point: see [`Self::check`].
    pub fn from_parts(scheme: u8, bytes: &[u8]) -> Result<Self, KeyError> {
        let known = Scheme::from_number(scheme).ok_or(KeyError::Scheme(scheme))?;
        let wrong = |expected| KeyError::Length {
            scheme,
            length: bytes.len(),
            expected,
        };
        Ok(match known {
            Scheme::Secp256k1 => {
                Self::Secp256k1(Address::try_from(bytes).map_err(|_| wrong(Address::len_bytes()))?)
            }
            Scheme::Ed25519 => {
                Self::Ed25519(B256::try_from(bytes).map_err(|_| wrong(B256::len_bytes()))?)
            }
            Scheme::P256 => {
                Self::P256(FixedBytes::try_from(bytes).map_err(|_| wrong(P256_KEY_BYTES))?)
            }
        })
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Secp256k1(_) => Scheme::Secp256k1,
            Self::Ed25519(_) => Scheme::Ed25519,
            Self::P256(_) => Scheme::P256,
        }
    }

    /// Its bytes, which [`Self::from_parts`] reads.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Secp256k1(address) => address.as_slice(),
            Self::Ed25519(key) => key.as_slice(),
            Self::P256(key) => key.as_slice(),
        }
    }

    /// The address of the account that is this key's own, and the name of the key wherever it signs for another.
    ///
    /// Of secp256k1 Ethereum's. Else the last 20 bytes of keccak-256 over `plasma.key.v1`, the scheme's number (one
    /// byte) and the key's bytes, so that no two schemes share an account.
    pub fn address(&self) -> Address {
        if let Self::Secp256k1(address) = self {
            return *address;
        }
        let mut bytes = b"plasma.key.v1".to_vec();
        bytes.push(self.scheme() as u8);
        bytes.extend_from_slice(self.as_bytes());
        Address::from_slice(&keccak256(bytes)[12..])
    }

    /// Refuses what is no point of its curve, and a key for which anybody can sign.
    pub fn check(&self) -> Result<(), KeyError> {
        match self {
            Self::Secp256k1(_) => Ok(()),
            Self::Ed25519(key) if Ed25519Proof::is_weak(*key) => Err(KeyError::Weak(*key)),
            Self::Ed25519(key) => Ed25519Proof::check_key(*key).map_err(KeyError::Point),
            Self::P256(key) => P256Proof::check_key(&key.0).map_err(KeyError::Point),
        }
    }
}

/// A key's signature over a digest, with the key where it does not follow.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub enum Proof {
    /// By a key of secp256k1, which follows from it.
    Secp256k1(Signature),
    /// By a key of Ed25519.
    Ed25519(Ed25519Proof),
    /// By a key of P-256.
    P256(P256Proof),
    /// By a passkey: its key of P-256 signed an assertion of WebAuthn, with the digest as challenge.
    WebAuthn(WebAuthnProof),
}

impl Proof {
    /// The address of the key that signed `digest`: see [`PublicKey::address`].
    pub fn signer(&self, digest: B256) -> Result<Address, SignatureError> {
        match self {
            Self::Secp256k1(signature) => signature.recover(digest),
            Self::Ed25519(proof) => proof.verify(digest),
            Self::P256(proof) => proof.verify(digest),
            Self::WebAuthn(proof) => proof.verify(digest),
        }
    }

    /// The scheme of the key that signed.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Secp256k1(_) => Scheme::Secp256k1,
            Self::Ed25519(_) => Scheme::Ed25519,
            Self::P256(_) | Self::WebAuthn(_) => Scheme::P256,
        }
    }

    /// The key, where it stands beside the signature.
    pub fn public_key(&self) -> Option<PublicKey> {
        match self {
            Self::Secp256k1(_) => None,
            Self::Ed25519(proof) => Some(PublicKey::Ed25519(proof.key)),
            Self::P256(proof) => Some(PublicKey::P256(proof.key().into())),
            Self::WebAuthn(assertion) => Some(PublicKey::P256(assertion.proof.key().into())),
        }
    }

    /// The two numbers of the signature, as their scheme writes them, and the parity of secp256k1.
    pub fn numbers(&self) -> (U256, U256, bool) {
        let (r, s, odd) = match self {
            Self::Secp256k1(signature) => (signature.r, signature.s, signature.v == 28),
            Self::Ed25519(proof) => (proof.r, proof.s, false),
            Self::P256(proof) | Self::WebAuthn(WebAuthnProof { proof, .. }) => {
                (proof.r, proof.s, false)
            }
        };
        (r.into(), s.into(), odd)
    }
}

/// Who vouches for a transaction.
///
/// On the wire: a tag, which is the proof's, plus 128 where an account follows; the account; the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Authorization {
    /// The account that it is for, where that is not the key's own: one to which the key was added. The account is
    /// part of what was signed.
    pub account: Option<Address>,
    /// The key's signature.
    pub proof: Proof,
}

/// The bit of a tag that says that an account follows.
const FOR_ANOTHER: u8 = 0x80;

impl From<Proof> for Authorization {
    fn from(proof: Proof) -> Self {
        Self {
            account: None,
            proof,
        }
    }
}

impl From<Signature> for Authorization {
    fn from(signature: Signature) -> Self {
        Proof::Secp256k1(signature).into()
    }
}

impl BorshSerialize for Authorization {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let mut proof: Vec<u8> = Vec::new();
        self.proof.serialize(&mut proof)?;
        let (tag, rest) = proof.split_first().expect("an enumeration has a tag");
        match &self.account {
            None => writer.write_all(&[*tag])?,
            Some(account) => {
                writer.write_all(&[tag | FOR_ANOTHER])?;
                account.serialize(writer)?;
            }
        }
        writer.write_all(rest)
    }
}

impl BorshDeserialize for Authorization {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let tag = u8::deserialize_reader(reader)?;
        let account = if tag & FOR_ANOTHER == 0 {
            None
        } else {
            Some(Address::deserialize_reader(reader)?)
        };
        let proof = match tag & !FOR_ANOTHER {
            0 => Proof::Secp256k1(BorshDeserialize::deserialize_reader(reader)?),
            1 => Proof::Ed25519(BorshDeserialize::deserialize_reader(reader)?),
            2 => Proof::P256(BorshDeserialize::deserialize_reader(reader)?),
            3 => Proof::WebAuthn(BorshDeserialize::deserialize_reader(reader)?),
            _ => {
                let text = alloc::format!("no authorization has the tag {tag:#04x}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        };
        Ok(Self { account, proof })
    }
}

/// Who can sign digests with a key.
///
/// # Contract
/// `prove(digest).signer(digest)` is `public_key().address()`. Nothing of the private key is printed, and it is wiped
/// from memory when dropped.
pub trait Prover {
    /// The key, as accounts know it.
    fn public_key(&self) -> PublicKey;

    /// Signs a digest.
    fn prove(&self, digest: B256) -> Proof;
}

impl<P: Prover + ?Sized> Prover for Box<P> {
    fn public_key(&self) -> PublicKey {
        (**self).public_key()
    }

    fn prove(&self, digest: B256) -> Proof {
        (**self).prove(digest)
    }
}

impl Prover for Signer {
    fn public_key(&self) -> PublicKey {
        PublicKey::Secp256k1(self.address())
    }

    fn prove(&self, digest: B256) -> Proof {
        Proof::Secp256k1(self.sign(digest))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;
    use crate::{Ed25519Signer, P256Signer, codec};

    fn all() -> [Proof; 4] {
        let (digest, key) = (keccak256(b"digest"), B256::repeat_byte(0x11));
        let p256 = P256Signer::from_bytes(&key).expect("a scalar");
        [
            Signer::from_bytes(&key).expect("a scalar").prove(digest),
            Ed25519Signer::from_bytes(&key).prove(digest),
            p256.prove(digest),
            Proof::WebAuthn(p256.assert(digest, "a.example")),
        ]
    }

    #[test]
    fn every_authorization_comes_back_and_has_one_encoding() {
        for (tag, proof) in all().into_iter().enumerate() {
            let (own, account) = (Authorization::from(proof.clone()), Address::repeat_byte(7));
            let bytes = codec::encode(&own);
            assert_eq!(usize::from(bytes[0]), tag);
            assert_eq!(bytes, codec::encode(&proof));
            assert_eq!(codec::decode(&bytes, bytes.len()), Ok(own));
            let other = Authorization {
                account: Some(account),
                proof,
            };
            let longer = codec::encode(&other);
            assert_eq!(usize::from(longer[0]), tag + 0x80);
            assert_eq!(
                (&longer[1..21], &longer[21..]),
                (account.as_slice(), &bytes[1..])
            );
            assert_eq!(codec::decode(&longer, longer.len()), Ok(other));
            for end in 0..longer.len() {
                assert!(codec::decode::<Authorization>(&longer[..end], end).is_err());
            }
            let mut surplus = bytes;
            surplus.push(0);
            assert!(codec::decode::<Authorization>(&surplus, surplus.len()).is_err());
        }
        for tag in (4..0x80).chain(0x84..=0xff) {
            let mut bytes = alloc::vec![0; 400];
            bytes[0] = tag;
            let error = codec::decode::<Authorization>(&bytes, 400).expect_err("no such tag");
            assert!(error.to_string().contains("tag"), "{error}");
        }
    }

    #[test]
    fn a_proof_says_which_key_signed() {
        let digest = keccak256(b"digest");
        for proof in all() {
            let signer = proof.signer(digest).expect("it was signed");
            if let Some(key) = proof.public_key() {
                assert_eq!(key.address(), signer);
                assert_eq!(key.scheme(), proof.scheme());
                assert_eq!(key.check(), Ok(()));
                let again = PublicKey::from_parts(key.scheme() as u8, key.as_bytes());
                assert_eq!(again, Ok(key));
            } else {
                assert_eq!(PublicKey::Secp256k1(signer).scheme(), proof.scheme());
            }
            assert!(proof.signer(keccak256(b"other")) != Ok(signer));
        }
    }

    #[test]
    fn no_two_schemes_share_an_account() {
        let bytes = B256::repeat_byte(2);
        let mut longer = FixedBytes::<P256_KEY_BYTES>::repeat_byte(2);
        longer.0[0] = 3;
        let keys = [
            PublicKey::Secp256k1(Address::repeat_byte(2)),
            PublicKey::Ed25519(bytes),
            PublicKey::P256(FixedBytes::repeat_byte(2)),
            PublicKey::P256(longer),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(
                keys[..n]
                    .iter()
                    .all(|other| other.address() != key.address())
            );
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused_with_what_a_key_would_be() {
        for (scheme, expected) in [(0, 20), (1, 32), (2, 33)] {
            for length in [0, expected - 1, expected + 1, 65] {
                let error = KeyError::Length {
                    scheme,
                    length,
                    expected,
                };
                let bytes = alloc::vec![2; length];
                assert_eq!(PublicKey::from_parts(scheme, &bytes), Err(error));
            }
        }
        assert_eq!(PublicKey::from_parts(3, &[0; 32]), Err(KeyError::Scheme(3)));
        let nowhere = PublicKey::P256(FixedBytes::repeat_byte(0xff));
        assert!(matches!(nowhere.check(), Err(KeyError::Point(_))));
        let mut y = B256::ZERO;
        y.0[0] = 2;
        assert!(matches!(
            PublicKey::Ed25519(y).check(),
            Err(KeyError::Point(_))
        ));
        assert_eq!(
            PublicKey::Ed25519(B256::ZERO).check(),
            Err(KeyError::Weak(B256::ZERO))
        );
    }
}
