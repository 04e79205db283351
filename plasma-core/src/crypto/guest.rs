//! The operations of the fault-proof machine, as calls of it.
//!
//! Both functions are defined by the guest's library, `plasma-guest`, in safe Rust over the machine's calls. A
//! declaration of what is defined elsewhere counts as `unsafe`: the linker is trusted to find functions of these
//! types. That library alone defines them, and its tests call them through this file.
#![allow(unsafe_code)]

use alloy_primitives::{Address, B256};

unsafe extern "Rust" {
    /// SHA-256 of any bytes.
    safe fn plasma_guest_sha256(bytes: &[u8]) -> [u8; 32];
    /// The address that the precompile `ecrecover` gives for a digest, `r`, `s` and `v` = 27, or 28 if `odd`.
    safe fn plasma_guest_recover(
        digest: &[u8; 32],
        r: &[u8; 32],
        s: &[u8; 32],
        odd: bool,
    ) -> Option<[u8; 20]>;
}

#[inline]
pub(super) fn sha256(bytes: &[u8]) -> B256 {
    B256::new(plasma_guest_sha256(bytes))
}

/// The address whose key signed `digest`. Both scalars are in range.
pub(super) fn recover(digest: &B256, r: &B256, s: &B256, odd: bool) -> Option<Address> {
    plasma_guest_recover(&digest.0, &r.0, &s.0, odd).map(Address::from)
}
