//! The machine's cryptography, given to those who compute with it.
//!
//! Unsafe here: the symbols that `plasma-core` and `alloy-primitives` look for. Nothing else defines them, and they
//! have the types that they are looked for with.
#![allow(unsafe_code)]

use crate::ecall;

/// What `plasma_core::sha256` calls with the feature `guest`.
#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
fn plasma_guest_sha256(bytes: &[u8]) -> [u8; 32] {
    sha256(bytes)
}

/// What `plasma_core::Signature::recover` calls with the feature `guest`.
#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
fn plasma_guest_recover(
    digest: &[u8; 32],
    r: &[u8; 32],
    s: &[u8; 32],
    odd: bool,
) -> Option<[u8; 20]> {
    let word = ecall::ecrecover(digest, 27 + u8::from(odd), r, s)?;
    let mut address = [0; 20];
    address.copy_from_slice(&word[12..]);
    Some(address)
}

/// What `alloy_primitives::keccak256` calls with the feature `native-keccak`.
///
/// # Safety
///
/// `bytes` points to `length` bytes, `out` to 32 that may be written.
#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
unsafe extern "C" fn native_keccak256(bytes: *const u8, length: usize, out: *mut u8) {
    // SAFETY: the caller's.
    let bytes = unsafe { core::slice::from_raw_parts(bytes, length) };
    let hash = ecall::keccak(bytes).unwrap_or_else(|| {
        use sha3::{Digest as _, Keccak256};
        Keccak256::digest(bytes).into()
    });
    // SAFETY: the caller's.
    unsafe { out.copy_from_nonoverlapping(hash.as_ptr(), hash.len()) };
}

/// SHA-256 by ecall; of what is too long for it, by code.
#[cfg(any(target_os = "none", feature = "evm"))]
fn sha256(bytes: &[u8]) -> [u8; 32] {
    ecall::sha256(bytes).unwrap_or_else(|| {
        use sha2::{Digest as _, Sha256};
        Sha256::digest(bytes).into()
    })
}

/// Lets the EVM's precompiles, if it is there, hash and recover by ecall.
pub(crate) fn install() {
    // Nobody came before: this is the program's first act.
    #[cfg(feature = "evm")]
    let _ = revm::precompile::install_crypto(Machine);
}

/// The machine's cryptography, as revm asks for it.
#[cfg(feature = "evm")]
#[derive(Clone, Copy, Debug)]
struct Machine;

#[cfg(feature = "evm")]
impl revm::precompile::Crypto for Machine {
    fn sha256(&self, input: &[u8]) -> [u8; 32] {
        sha256(input)
    }

    fn secp256k1_ecrecover(
        &self,
        signature: &[u8; 64],
        id: u8,
        digest: &[u8; 32],
    ) -> Result<[u8; 32], revm::precompile::PrecompileHalt> {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature[..32]);
        s.copy_from_slice(&signature[32..]);
        // Any other id means a point whose x is not below the order: no signature of Ethereum's has one.
        ecall::ecrecover(digest, 27_u8.saturating_add(id), &r, &s)
            .ok_or(revm::precompile::PrecompileHalt::Secp256k1RecoverFailed)
    }
}
