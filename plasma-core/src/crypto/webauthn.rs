//! Passkeys: assertions of WebAuthn, by keys of P-256.
//!
//! ```text
//!   signed         sha256(authenticator data | sha256(client data))
//!   client data    {"type":"webauthn.get","challenge":"<digest in base64url>","origin":...}
//!                  |---------- follows from the digest, does not travel ---|-- travels --|
//! ```
//! Clients write the client data in one way (WebAuthn level 2, 5.8.1.1), so that it can be checked without a parser of
//! JSON: it begins with the type and the challenge. What begins otherwise was not signed for this digest. Origin and
//! relying party are not checked: an authenticator uses a key only for the party that it was made for.

use alloc::{string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{P256Proof, P256Signer, SignatureError, sha256};

/// The longest authenticator data, in bytes. An assertion's are 37; extensions add to them.
pub const MAX_AUTHENTICATOR_DATA_BYTES: usize = 256;
/// The longest client data that counts, in bytes; most are below 200.
pub const MAX_CLIENT_DATA_BYTES: usize = 1_024;

/// Hash of the relying party, flags, counter.
const LEAST_AUTHENTICATOR_DATA_BYTES: usize = 37;
/// Where the flags are.
const FLAGS: usize = 32;
/// The flag that says that a person was there.
const PRESENT: u8 = 1;

/// What the client data of an assertion begins with.
const BEGINNING: &str = r#"{"type":"webauthn.get","challenge":""#;
/// 32 bytes in base64url.
const CHALLENGE_BYTES: usize = 43;

/// Why an assertion does not count, whoever signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// Too few or too many bytes.
    #[error(
        "authenticator data of {length} bytes is outside {least} to {most}; ask for no extensions"
    )]
    AuthenticatorData {
        /// Bytes given.
        length: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// Nobody touched the authenticator.
    #[error(
        "the authenticator's flags {flags:#04x} do not say that a person was present (bit 0); ask the user"
    )]
    Absent {
        /// The flags.
        flags: u8,
    },
    /// Too many bytes.
    #[error("client data of {length} bytes is over the limit of {most}; use a shorter origin")]
    ClientData {
        /// Bytes there are, with those that do not travel.
        length: usize,
        /// The most.
        most: usize,
    },
    /// The challenge does not end where the digest does.
    #[error("what follows the challenge in the client data begins with its closing quote")]
    Challenge,
    /// The client data are not an assertion over this digest.
    #[error(
        "the client data do not begin with {BEGINNING} and the digest in base64url; ask the authenticator to sign the \
         digest as its challenge"
    )]
    Beginning,
}

/// An assertion of a passkey over a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct WebAuthnProof {
    /// The key, and its signature over the assertion.
    pub proof: P256Proof,
    /// What the authenticator says: hash of the relying party, flags, counter, extensions.
    pub authenticator_data: Bytes,
    /// The client data from the quote on that closes the challenge.
    pub client_data_rest: Bytes,
}

impl WebAuthnProof {
    /// From what `navigator.credentials.get` gives: `authenticatorData`, `clientDataJSON` and `signature` (DER), with
    /// the public key that `getPublicKey` gave when the passkey was made (its last 65 bytes).
    pub fn new(
        digest: B256,
        key: &[u8],
        authenticator_data: &[u8],
        client_data: &[u8],
        signature: &[u8],
    ) -> Result<Self, SignatureError> {
        let rest = client_data
            .strip_prefix(beginning(digest).as_bytes())
            .ok_or(AssertionError::Beginning)?;
        let assertion = Self {
            proof: P256Proof::new(key, signature)?,
            authenticator_data: Bytes::copy_from_slice(authenticator_data),
            client_data_rest: Bytes::copy_from_slice(rest),
        };
        assertion.verify(digest)?;
        Ok(assertion)
    }

    /// Whether the passkey signed `digest`; the account's address, which is that of its key.
    pub fn verify(&self, digest: B256) -> Result<Address, SignatureError> {
        self.check()?;
        self.proof.verify(self.signed(digest))
    }

    fn check(&self) -> Result<(), AssertionError> {
        let (length, least, most) = (
            self.authenticator_data.len(),
            LEAST_AUTHENTICATOR_DATA_BYTES,
            MAX_AUTHENTICATOR_DATA_BYTES,
        );
        if !(least..=most).contains(&length) {
            return Err(AssertionError::AuthenticatorData {
                length,
                least,
                most,
            });
        }
        let flags = self.authenticator_data[FLAGS];
        if flags & PRESENT == 0 {
            return Err(AssertionError::Absent { flags });
        }
        let length = BEGINNING.len() + CHALLENGE_BYTES + self.client_data_rest.len();
        if length > MAX_CLIENT_DATA_BYTES {
            return Err(AssertionError::ClientData {
                length,
                most: MAX_CLIENT_DATA_BYTES,
            });
        }
        if self.client_data_rest.first() != Some(&b'"') {
            return Err(AssertionError::Challenge);
        }
        Ok(())
    }

    /// The client data of an assertion over `digest`, whole.
    pub fn client_data(&self, digest: B256) -> Vec<u8> {
        let mut client_data = beginning(digest).into_bytes();
        client_data.extend_from_slice(&self.client_data_rest);
        client_data
    }

    /// What the authenticator signed.
    fn signed(&self, digest: B256) -> B256 {
        let mut signed = Vec::with_capacity(self.authenticator_data.len() + 32);
        signed.extend_from_slice(&self.authenticator_data);
        signed.extend_from_slice(sha256(&self.client_data(digest)).as_slice());
        sha256(&signed)
    }
}

impl P256Signer {
    /// An assertion, as an authenticator in software gives it for the relying party of this name: for programs and
    /// tests that have a passkey's key themselves.
    pub fn assert(&self, digest: B256, relying_party: &str) -> WebAuthnProof {
        let mut authenticator_data = sha256(relying_party.as_bytes()).to_vec();
        authenticator_data.extend([PRESENT, 0, 0, 0, 0]);
        let rest = alloc::format!(r#"","origin":"https://{relying_party}","crossOrigin":false}}"#);
        let mut assertion = WebAuthnProof {
            proof: self.sign(digest),
            authenticator_data: authenticator_data.into(),
            client_data_rest: rest.into_bytes().into(),
        };
        assertion.proof = self.sign(assertion.signed(digest));
        assertion
    }
}

/// What the client data of an assertion over `digest` begin with.
fn beginning(digest: B256) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(MAX_CLIENT_DATA_BYTES);
    text.push_str(BEGINNING);
    for part in digest.chunks(3) {
        let bits = part
            .iter()
            .fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        // Three bytes are four letters, two are three.
        let bits = bits << (8 * (3 - part.len()));
        let letter = |place: usize| LETTERS[(bits >> (18 - 6 * place)) as usize & 63] as char;
        text.extend((0..=part.len()).map(letter));
    }
    text
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, hex, keccak256, uint};

    use super::*;
    use crate::types::{Prover as _, PublicKey};

    fn signer() -> P256Signer {
        P256Signer::from_bytes(&B256::repeat_byte(0x22)).expect("a valid scalar")
    }

    /// Assertions that Safari and Chrome made, from the tests of base-org/webauthn-sol.
    #[test]
    fn assertions_of_browsers_are_verified() {
        let digest = B256::new(hex!(
            "f631058a3ba1116acce12396fad0a125b5041c43f8e15723709f81aa8d5f4ccf"
        ));
        let x = uint!(
            28573233055232466711029625910063034642429572463461595413086259353299906450061_U256
        );
        let y = uint!(
            39367742072897599771788408398752356480431855827262528811857788332151452825281_U256
        );
        let key = [&[4][..], &x.to_be_bytes::<32>(), &y.to_be_bytes::<32>()].concat();
        let party = hex!("49960de5880e8c687434170f6476605b8fe4aeb9a28632c7995cf3ba831d9763");
        let challenge = "9jEFijuhEWrM4SOW-tChJbUEHEP44VcjcJ-Bqo1fTM8";
        let cases = [
            (
                hex!("0500000101"),
                r#","origin":"http://localhost:3005"}"#,
                uint!(43684192885701841787131392247364253107519555363555461570655060745499568693242_U256),
                uint!(22655632649588629308599201066602670461698485748654492451178007896016452673579_U256),
            ),
            (
                hex!("050000010a"),
                r#","origin":"http://localhost:3005","crossOrigin":false}"#,
                uint!(29739767516584490820047863506833955097567272713519339793744591468032609909569_U256),
                uint!(45947455641742997809691064512762075989493430661170736817032030660832793108102_U256),
            ),
        ];
        for (rest, tail, r, s) in cases {
            let data = [&party[..], &rest].concat();
            let json = alloc::format!(r#"{{"type":"webauthn.get","challenge":"{challenge}"{tail}"#);
            let signature = [r, s]
                .map(|number: U256| number.to_be_bytes::<32>())
                .concat();
            let assertion = WebAuthnProof::new(digest, &key, &data, json.as_bytes(), &signature)
                .expect("a browser's assertion");
            let address = PublicKey::P256(assertion.proof.key().into()).address();
            assert_eq!(assertion.verify(digest), Ok(address));
            let creation = json.replace("webauthn.get", "webauthn.create");
            let wrong = [creation.as_bytes(), &json.as_bytes()[1..], b"{}", b""];
            for json in wrong {
                let error = WebAuthnProof::new(digest, &key, &data, json, &signature);
                assert_eq!(error, Err(AssertionError::Beginning.into()));
            }
        }
    }

    #[test]
    fn an_assertion_over_another_digest_or_by_nobody_present_is_refused() {
        let (digest, good) = (
            keccak256(b"digest"),
            signer().assert(keccak256(b"digest"), "a.example"),
        );
        assert_eq!(good.verify(digest), Ok(signer().public_key().address()));
        let forged = SignatureError::Forged {
            scheme: "secp256r1",
        };
        assert_eq!(good.verify(keccak256(b"other")), Err(forged));
        // The key signs digests as well, and neither counts as the other.
        assert_eq!(good.proof.verify(digest), Err(forged));
        let plain = WebAuthnProof {
            proof: signer().sign(digest),
            ..good.clone()
        };
        assert_eq!(plain.verify(digest), Err(forged));

        let with = |change: &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)| {
            let (mut data, mut rest) = (
                good.authenticator_data.to_vec(),
                good.client_data_rest.to_vec(),
            );
            change(&mut data, &mut rest);
            let mut changed = WebAuthnProof {
                authenticator_data: data.into(),
                client_data_rest: rest.into(),
                ..good.clone()
            };
            // Signed, so that nothing else is wrong with it.
            changed.proof = signer().sign(changed.signed(digest));
            changed.verify(digest).map(drop)
        };
        let (least, most) = (LEAST_AUTHENTICATOR_DATA_BYTES, MAX_AUTHENTICATOR_DATA_BYTES);
        let length = |length| {
            Err(AssertionError::AuthenticatorData {
                length,
                least,
                most,
            }
            .into())
        };
        assert_eq!(with(&|_, _| {}), Ok(()));
        assert_eq!(with(&|data, _| data.resize(36, 0)), length(36));
        assert_eq!(with(&|data, _| data.clear()), length(0));
        assert_eq!(with(&|data, _| data.resize(most, 0)), Ok(()));
        assert_eq!(with(&|data, _| data.resize(most + 1, 0)), length(most + 1));
        assert_eq!(
            with(&|data, _| data[FLAGS] = 0x04),
            Err(AssertionError::Absent { flags: 4 }.into())
        );
        let room = MAX_CLIENT_DATA_BYTES - BEGINNING.len() - CHALLENGE_BYTES;
        assert_eq!(with(&|_, rest| rest.resize(room, b' ')), Ok(()));
        assert_eq!(
            with(&|_, rest| rest.resize(room + 1, b' ')),
            Err(AssertionError::ClientData {
                length: MAX_CLIENT_DATA_BYTES + 1,
                most: MAX_CLIENT_DATA_BYTES
            }
            .into())
        );
        for wrong in [&b""[..], b"A\",", b"}"] {
            assert_eq!(
                with(&|_, rest| *rest = wrong.to_vec()),
                Err(AssertionError::Challenge.into())
            );
        }
    }

    #[test]
    fn every_digest_is_a_challenge_of_its_own() {
        let text = beginning(B256::ZERO);
        assert_eq!(text.len(), BEGINNING.len() + CHALLENGE_BYTES);
        assert!(text.ends_with(&"A".repeat(43)));
        assert!(
            beginning(B256::repeat_byte(0xff))
                .ends_with("__________________________________________8")
        );
        let mut all: Vec<String> = (0..256)
            .map(|bit| {
                let mut digest = B256::ZERO;
                digest.0[bit / 8] = 1 << (bit % 8);
                beginning(digest)
            })
            .collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 256);
    }
}
