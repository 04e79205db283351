//! One transaction on its way, in all its versions.

use std::sync::{Arc, Mutex, PoisonError};

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::{Encodable2718 as _, eip2930::AccessList},
    primitives::{Signature, TxKind},
};
use plasma_core::{B256, Bytes, Signer};

use super::{RootCall, fees::Fees, nonces::Nonces};

/// A transaction between its signature and its block. Dropped before that, its nonce is left to be
/// outbid.
pub(super) struct Flight {
    nonces: Arc<Mutex<Nonces>>,
    pub(super) call: RootCall,
    chain_id: u64,
    pub(super) gas: u64,
    pub(super) nonce: u64,
    pub(super) fees: Fees,
    /// Every version that was sent, oldest first.
    pub(super) sent: Vec<B256>,
    over: bool,
}

impl Flight {
    /// Takes the next nonce, at the market's price or, where an abandoned transaction is to be
    /// outbid, at a higher one. `counts` are the node's: mined, and with its pool.
    pub(super) fn take(
        nonces: &Arc<Mutex<Nonces>>,
        counts: (u64, u64),
        price: impl FnOnce(Option<Fees>) -> Fees,
        call: RootCall,
        (chain_id, gas): (u64, u64),
    ) -> Self {
        let taken = nonces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(counts.0, counts.1);
        let (nonces, (nonce, outbid)) = (Arc::clone(nonces), taken);
        let (fees, sent, over) = (price(outbid), Vec::new(), false);
        Self {
            nonces,
            call,
            chain_id,
            gas,
            nonce,
            fees,
            sent,
            over,
        }
    }

    pub(super) fn sign(&self, signer: &Signer) -> (B256, Bytes) {
        let transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: self.fees.max_fee,
            max_priority_fee_per_gas: self.fees.priority,
            to: self.call.to.map_or(TxKind::Create, TxKind::Call),
            value: self.call.value,
            access_list: AccessList::default(),
            input: self.call.data.clone(),
        };
        let signature = signer.sign(transaction.signature_hash());
        let signature = Signature::new(signature.r.into(), signature.s.into(), signature.v == 28);
        let signed = transaction.into_signed(signature);
        let hash = *signed.hash();
        (hash, TxEnvelope::from(signed).encoded_2718().into())
    }

    pub(super) fn done(&mut self) {
        self.end(|nonces, flight| nonces.done(flight.nonce));
    }

    pub(super) fn refused(&mut self) {
        self.end(|nonces, flight| nonces.refused(flight.nonce));
    }

    fn end(&mut self, how: impl FnOnce(&mut Nonces, &Self)) {
        if !self.over {
            self.over = true;
            let nonces = Arc::clone(&self.nonces);
            how(
                &mut nonces.lock().unwrap_or_else(PoisonError::into_inner),
                self,
            );
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.end(|nonces, flight| nonces.abandon(flight.nonce, flight.fees));
    }
}
