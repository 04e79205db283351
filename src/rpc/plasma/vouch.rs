//! What signs a call of typed data, in the form in which programs and browsers have it.

use plasma_core::{
    Address, B256, Bytes, Ed25519Proof, P256Proof, Proof, Signature, SignatureError, WebAuthnProof,
};
use plasma_exec::gas;
use serde::Deserialize;

use crate::rpc::error::{Outcome, Refusal};

/// The bytes of a passkey's assertion that a default fee has room for.
const ASSERTION_ROOM: u64 = 512;

/// With what kind of signature a call will be signed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) enum Kind {
    #[default]
    #[serde(rename = "secp256k1")]
    Secp256k1,
    #[serde(rename = "ed25519")]
    Ed25519,
    #[serde(rename = "secp256r1")]
    P256,
    #[serde(rename = "webauthn")]
    WebAuthn,
}

impl Kind {
    /// The gas that it takes beyond a signature of secp256k1 by the account's own key.
    pub(super) fn gas(self, added: bool) -> u64 {
        let session = if added { gas::SESSION } else { 0 };
        session
            + match self {
                Self::Secp256k1 => 0,
                Self::Ed25519 => gas::ED25519,
                Self::P256 => gas::P256,
                Self::WebAuthn => gas::P256 + gas::ASSERTION_BYTE * ASSERTION_ROOM,
            }
    }
}

/// A signature: of secp256k1 as its 65 bytes, of any scheme with what belongs to it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Given {
    Bytes(Bytes),
    Of(Scheme),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "scheme", deny_unknown_fields)]
pub(super) enum Scheme {
    #[serde(rename = "secp256k1")]
    Secp256k1 { signature: Bytes },
    #[serde(rename = "ed25519")]
    Ed25519 { key: B256, signature: Bytes },
    /// The key as SEC 1 writes points, the signature as DER or `r ++ s`.
    #[serde(rename = "secp256r1")]
    P256 { key: Bytes, signature: Bytes },
    /// What `navigator.credentials.get` gives, with the passkey's public key.
    #[serde(rename = "webauthn")]
    WebAuthn {
        key: Bytes,
        signature: Bytes,
        #[serde(rename = "authenticatorData")]
        authenticator_data: Bytes,
        #[serde(rename = "clientDataJSON")]
        client_data: Bytes,
    },
}

/// The proof that was given over this digest. Only an assertion is checked here, for it does not travel whole.
pub(super) fn proof(given: &Given, digest: B256) -> Outcome<Proof> {
    let refused = |error: SignatureError| Refusal::invalid(format!("the signature: {error}"));
    Ok(match given {
        Given::Bytes(signature) | Given::Of(Scheme::Secp256k1 { signature }) => {
            let bytes = exactly(signature, "r, s and v")?;
            Proof::Secp256k1(Signature::from_bytes(bytes))
        }
        Given::Of(Scheme::Ed25519 { key, signature }) => {
            Proof::Ed25519(Ed25519Proof::new(*key, exactly(signature, "R and s")?))
        }
        Given::Of(Scheme::P256 { key, signature }) => {
            Proof::P256(P256Proof::new(key, signature).map_err(refused)?)
        }
        Given::Of(Scheme::WebAuthn {
            key,
            signature,
            authenticator_data,
            client_data,
        }) => Proof::WebAuthn(
            WebAuthnProof::new(digest, key, authenticator_data, client_data, signature)
                .map_err(refused)?,
        ),
    })
}

fn exactly<'a, const N: usize>(bytes: &'a Bytes, what: &str) -> Outcome<&'a [u8; N]> {
    bytes.as_ref().try_into().map_err(|_| {
        Refusal::invalid(format!(
            "a signature is {N} bytes, {what}; this one is {}",
            bytes.len()
        ))
    })
}

/// The account in a domain's salt.
pub(super) fn account(salt: Option<B256>) -> Outcome<Option<Address>> {
    let Some(salt) = salt else {
        return Ok(None);
    };
    let account = Address::from_word(salt);
    if account.into_word() == salt {
        return Ok(Some(account));
    }
    Err(Refusal::invalid(format!(
        "the salt {salt} of the domain is no account; it is the account's address behind 12 zero bytes"
    )))
}
