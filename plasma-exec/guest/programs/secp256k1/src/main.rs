//! Recovery of secp256k1 signers in software: an interpreter's multiplications. Makes no call but the last.
#![cfg_attr(target_os = "none", no_std, no_main)]

use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use plasma_guest::{Exit, entry};

entry!(recover);

/// Signatures made and recovered.
const ROUNDS: u8 = 20;

fn recover() -> Exit {
    let Ok(key) = SigningKey::from_bytes(&[0x11; 32].into()) else {
        return Exit(1);
    };
    for round in 0..ROUNDS {
        let digest = [round; 32];
        let signed: Result<(Signature, RecoveryId), _> = key.sign_prehash_recoverable(&digest);
        let Ok((signature, id)) = signed else {
            return Exit(2);
        };
        match VerifyingKey::recover_from_prehash(&digest, &signature, id) {
            Ok(recovered) if recovered == *key.verifying_key() => {}
            _ => return Exit(3),
        }
    }
    Exit::SUCCESS
}
