//! Signatures checked ahead of the block, on all cores, those of Ed25519 in batches.

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};
use plasma_core::{
    Admission, BlockContext, Ed25519Proof, NativeTransaction, Proof, Rejection, StateRead,
    verify_ed25519,
};

use super::{
    ModuleRuntime,
    transaction::{ModuleTransaction, Signed, native_digest},
};
use crate::parallel::each;

/// The largest batch: more are hardly cheaper each, and would leave cores idle.
const LARGEST_BATCH: usize = 1_024;
/// The smallest batch: fewer are not worth a thread.
const SMALLEST_BATCH: usize = 32;

/// A call whose signature waits for others to be checked with.
struct Waiting<'a> {
    bytes: &'a Bytes,
    call: NativeTransaction,
    name: B256,
    signed: (B256, Ed25519Proof),
}

/// What is known of a transaction once it was looked at by itself.
enum Looked<'a> {
    At(Result<Admission, Rejection>),
    /// It is looked at again when its signature is checked.
    Waits(Waiting<'a>),
}

impl ModuleRuntime {
    /// Finds out who signed these transactions, for whoever asks soon. No result depends on it.
    pub(super) fn remember_signers(&self, transactions: &[Bytes], block: &BlockContext) {
        let fresh: Vec<&Bytes> = transactions
            .iter()
            .filter(|bytes| self.recognised(bytes, block).is_none())
            .collect();
        let looked = each::map(&fresh, |bytes| {
            // What is no transaction of this chain is refused when its turn comes.
            let transaction = ModuleTransaction::decode(bytes).ok()?;
            let waiting = self.batched(bytes, &transaction, block);
            if waiting.is_none()
                && let Ok(signed) = transaction.recover(&self.registry, block)
            {
                self.remember_signed(bytes, transaction, signed, block);
            }
            waiting
        });
        let waiting: Vec<Waiting<'_>> = looked.into_iter().flatten().collect();
        self.check_together(&waiting.iter().collect::<Vec<_>>(), block);
    }

    /// Whether these may enter, one answer for each: what one core would say, said by all.
    pub(super) fn admit_many(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[Bytes],
    ) -> Vec<Result<Admission, Rejection>> {
        // What is recognised is answered before another thread has begun.
        let known: Vec<Option<Result<Admission, Rejection>>> = transactions
            .iter()
            .map(|bytes| {
                let known = self.recognised(bytes, block)?;
                let checked = self.check_recognised(state, block, &known);
                Some(checked.map(|checked| checked.admission()))
            })
            .collect();
        let fresh: Vec<&Bytes> = transactions
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(bytes, _)| bytes)
            .collect();
        let looked = each::map(&fresh, |bytes| {
            let transaction = match ModuleTransaction::decode(bytes) {
                Ok(transaction) => transaction,
                Err(rejection) => return Looked::At(Err(rejection)),
            };
            if let Some(waiting) = self.batched(bytes, &transaction, block) {
                return Looked::Waits(waiting);
            }
            let checked = self.check_decoded(state, block, bytes, transaction);
            Looked::At(checked.map(|checked| checked.admission()))
        });
        let waiting: Vec<&Waiting<'_>> = looked
            .iter()
            .filter_map(|looked| match looked {
                Looked::Waits(waiting) => Some(waiting),
                Looked::At(_) => None,
            })
            .collect();
        self.check_together(&waiting, block);
        let mut looked = looked.into_iter().map(|looked| match looked {
            Looked::At(answer) => answer,
            Looked::Waits(Waiting { bytes, .. }) => self.admission(state, block, bytes),
        });
        let mut next = || looked.next().expect("one for each that was not known");
        let answers = known.into_iter();
        answers
            .map(|known| known.unwrap_or_else(&mut next))
            .collect()
    }

    /// Whether this may enter.
    pub(super) fn admission(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        bytes: &[u8],
    ) -> Result<Admission, Rejection> {
        self.check(state, block, bytes)
            .map(|checked| checked.admission())
    }

    /// Remembers the signers of those whose signatures hold.
    fn check_together(&self, waiting: &[&Waiting<'_>], block: &BlockContext) {
        each::in_parts(waiting, SMALLEST_BATCH..=LARGEST_BATCH, |batch| {
            let signed: Vec<_> = batch.iter().map(|one| one.signed).collect();
            for (one, holds) in batch.iter().zip(verify_ed25519(&signed)) {
                if holds {
                    let (_, proof) = one.signed;
                    let key = plasma_core::ed25519_address(proof.key);
                    let by = Signed::by(key, one.call.authorization.account);
                    let transaction = ModuleTransaction::Native(one.call.clone(), one.name);
                    self.remember_signed(one.bytes, transaction, by, block);
                }
            }
        });
    }

    /// What is checked together with others, if this transaction's signature is.
    fn batched<'a>(
        &self,
        bytes: &'a Bytes,
        transaction: &ModuleTransaction,
        block: &BlockContext,
    ) -> Option<Waiting<'a>> {
        let ModuleTransaction::Native(call, name) = transaction else {
            return None;
        };
        let Proof::Ed25519(proof) = call.authorization.proof else {
            return None;
        };
        let digest = native_digest(call, &self.registry, block).ok()?;
        Some(Waiting {
            bytes,
            call: call.clone(),
            name: *name,
            signed: (digest, proof),
        })
    }
}
