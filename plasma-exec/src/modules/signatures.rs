//! Signatures checked ahead of the block, on all cores, those of Ed25519 in batches.

use std::sync::{Mutex, PoisonError};

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};
use plasma_core::{BlockContext, Ed25519Proof, NativeTransaction, Proof, verify_ed25519};

use super::{
    ModuleRuntime,
    transaction::{ModuleTransaction, native_digest, signer_name},
};
use crate::ethereum::Senders;

/// The largest batch: more are hardly cheaper each, and would leave cores idle.
const LARGEST_BATCH: usize = 1_024;
/// The smallest batch: fewer are not worth a thread.
const SMALLEST_BATCH: usize = 32;

/// A signature that waits for others to be checked with.
struct Waiting {
    name: B256,
    signed: (B256, Ed25519Proof),
}

impl ModuleRuntime {
    /// Finds out who signed these transactions, for whoever asks soon. No result depends on it.
    pub(super) fn remember_signers(&self, transactions: &[Bytes], block: &BlockContext) {
        let waiting = Mutex::new(Vec::new());
        Senders::in_parallel(transactions, |bytes| {
            // What is no transaction of this chain is refused when its turn comes.
            let Ok(transaction) = ModuleTransaction::decode(bytes) else {
                return;
            };
            match self.batched(&transaction, block) {
                Some(one) => {
                    if self.senders.get(&one.name).is_none() {
                        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                        waiting.push(one);
                    }
                }
                None => {
                    let _ = transaction.recover(&self.registry, &self.senders, block);
                }
            }
        });
        let waiting = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
        let share = waiting.len().div_ceil(crate::parallel::cores());
        let batch = share.clamp(SMALLEST_BATCH, LARGEST_BATCH);
        Senders::in_batches(&waiting, batch, |batch| {
            let signed: Vec<_> = batch.iter().map(|one| one.signed).collect();
            for (one, holds) in batch.iter().zip(verify_ed25519(&signed)) {
                if holds {
                    let (_, proof) = one.signed;
                    self.senders
                        .insert(one.name, plasma_core::ed25519_address(proof.key));
                }
            }
        });
    }

    /// What is checked together with others, if this transaction's signature is.
    fn batched(&self, transaction: &ModuleTransaction, block: &BlockContext) -> Option<Waiting> {
        let ModuleTransaction::Native(transaction @ NativeTransaction { authorization, .. }, _) =
            transaction
        else {
            return None;
        };
        let Proof::Ed25519(proof) = authorization.proof else {
            return None;
        };
        let digest = native_digest(transaction, &self.registry, block).ok()?;
        Some(Waiting {
            name: signer_name(digest, &authorization.proof),
            signed: (digest, proof),
        })
    }
}
