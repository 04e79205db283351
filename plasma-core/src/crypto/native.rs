//! The operations of the fault-proof machine, in software.

#![cfg_attr(all(feature = "libsecp256k1", not(test)), allow(dead_code))]

use alloy_primitives::{Address, B256};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sha2::{Digest, Sha256};

#[inline]
pub(super) fn sha256(bytes: &[u8]) -> B256 {
    B256::new(Sha256::digest(bytes).into())
}

/// The address whose key signed `digest`. Both scalars are in range.
pub(super) fn recover(digest: &B256, r: &B256, s: &B256, odd: bool) -> Option<Address> {
    let signature = Signature::from_scalars(r.0, s.0).ok()?;
    let id = RecoveryId::new(odd, false);
    let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, id).ok()?;
    Some(super::address_of(&key))
}
