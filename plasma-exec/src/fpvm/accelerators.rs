//! What the root layer has as precompiles and opcodes, with exactly its semantics.

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use plasma_core::{B256, keccak256};

/// The most bytes that KECCAK and SHA256 take.
pub(crate) const MAX_HASH_INPUT: u64 = 4096;

/// The height of the block that holds so many bytes; `None` above [`MAX_HASH_INPUT`].
pub(crate) fn block_height(length: u64) -> Option<u32> {
    (length <= MAX_HASH_INPUT).then(|| {
        let leaves = length.div_ceil(32).max(1);
        leaves.next_power_of_two().trailing_zeros()
    })
}

/// Precompile 1 over its 128 bytes of input: the signer as a word, or nothing. A high `s` is accepted.
pub(crate) fn ecrecover(input: &[u8; 128]) -> Option<B256> {
    let (digest, v) = (&input[..32], &input[32..64]);
    let odd = match v.split_last() {
        Some((27, zeros)) if zeros.iter().all(|byte| *byte == 0) => false,
        Some((28, zeros)) if zeros.iter().all(|byte| *byte == 0) => true,
        _ => return None,
    };
    let mut signature = Signature::from_slice(&input[64..]).ok()?;
    let mut id = RecoveryId::new(odd, false);
    if let Some(low) = signature.normalize_s() {
        signature = low;
        id = RecoveryId::new(!odd, false);
    }
    let key = VerifyingKey::recover_from_prehash(digest, &signature, id).ok()?;
    let point = key.to_encoded_point(false);
    let mut word = keccak256(&point.as_bytes()[1..]);
    word.0[..12].fill(0);
    Some(word)
}
