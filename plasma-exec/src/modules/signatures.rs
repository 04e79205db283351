//! Signatures checked ahead of the block, on all cores, those of Ed25519 in batches.

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};
use plasma_core::{
    Admission, BlockContext, Ed25519Proof, NativeTransaction, Proof, Rejection, StateRead,
    verify_ed25519,
};

use super::{
    ModuleRuntime,
    transaction::{ModuleTransaction, native_digest, signature_name},
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

/// What is known of a transaction once it was looked at by itself.
enum Looked {
    At(Result<Admission, Rejection>),
    /// It is looked at again when its signature is checked.
    Waits(ModuleTransaction, Waiting),
}

impl ModuleRuntime {
    /// Finds out who signed these transactions, for whoever asks soon. No result depends on it.
    pub(super) fn remember_signers(&self, transactions: &[Bytes], block: &BlockContext) {
        let looked = Senders::map_in_parallel(transactions, |bytes| {
            let name = signature_name(bytes, block);
            if self.senders.get(&name).is_some() {
                return None;
            }
            // What is no transaction of this chain is refused when its turn comes.
            let transaction = ModuleTransaction::decode(bytes).ok()?;
            let waiting = self.batched(&transaction, name, block);
            if waiting.is_none() {
                let _ = transaction.recover(&self.registry, &self.senders, block);
            }
            waiting
        });
        let waiting: Vec<Waiting> = looked.into_iter().flatten().collect();
        self.check_together(&waiting.iter().collect::<Vec<_>>());
    }

    /// Whether these may enter, one answer for each: what one core would say, said by all.
    pub(super) fn admit_many(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[Bytes],
    ) -> Vec<Result<Admission, Rejection>> {
        let check = |transaction: ModuleTransaction| {
            let checked = transaction.check(&self.registry, &self.senders, state, block);
            checked.map(|checked| checked.admission())
        };
        let looked = Senders::map_in_parallel(transactions, |bytes| {
            let transaction = match ModuleTransaction::decode(bytes) {
                Ok(transaction) => transaction,
                Err(rejection) => return Looked::At(Err(rejection)),
            };
            if let Some(name) = is_ed25519(&transaction).then(|| signature_name(bytes, block))
                && self.senders.get(&name).is_none()
                && let Some(waiting) = self.batched(&transaction, name, block)
            {
                return Looked::Waits(transaction, waiting);
            }
            Looked::At(check(transaction))
        });
        let waiting: Vec<&Waiting> = looked
            .iter()
            .filter_map(|looked| match looked {
                Looked::Waits(_, waiting) => Some(waiting),
                Looked::At(_) => None,
            })
            .collect();
        self.check_together(&waiting);
        looked
            .into_iter()
            .map(|looked| match looked {
                Looked::At(answer) => answer,
                Looked::Waits(transaction, _) => check(transaction),
            })
            .collect()
    }

    /// Remembers the signers of those whose signatures hold.
    fn check_together(&self, waiting: &[&Waiting]) {
        let share = waiting.len().div_ceil(crate::parallel::cores());
        let batch = share.clamp(SMALLEST_BATCH, LARGEST_BATCH);
        Senders::in_batches(waiting, batch, |batch| {
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
    fn batched(
        &self,
        transaction: &ModuleTransaction,
        name: B256,
        block: &BlockContext,
    ) -> Option<Waiting> {
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
            name,
            signed: (digest, proof),
        })
    }
}

fn is_ed25519(transaction: &ModuleTransaction) -> bool {
    matches!(transaction, ModuleTransaction::Native(native, _)
        if matches!(native.authorization.proof, Proof::Ed25519(_)))
}
