//! A transaction is decoded, named and its signature checked once, wherever it comes first: before the mempool, or ahead
//! of its block. From there on it is recognised by its bytes.

use plasma_core::{BlockContext, Rejection, StateRead, TransactionView};

use super::{
    ModuleRuntime,
    transaction::{Checked, ModuleTransaction, Signed},
};
#[cfg(feature = "std")]
use alloc::sync::Arc;
#[cfg(feature = "std")]
use plasma_core::{B256, ChainId};

/// A transaction, with who signed it.
#[cfg(feature = "std")]
pub(crate) struct Recognised {
    transaction: ModuleTransaction,
    signed: Signed,
    /// The chain and the genesis that a native call was signed for, which it does not say.
    of: Option<(ChainId, B256)>,
}

#[cfg(feature = "std")]
impl Recognised {
    /// Whether it was signed for the chain of this block, as far as its bytes do not say.
    fn holds_for(&self, block: &BlockContext) -> bool {
        self.of
            .is_none_or(|of| of == (block.chain_id, block.genesis))
    }
}

impl ModuleRuntime {
    /// Whether these bytes may be executed in this block, on this state; and what execution needs to know.
    pub(super) fn check(
        &self,
        state: &(impl StateRead + ?Sized),
        block: &BlockContext,
        bytes: &[u8],
    ) -> Result<Checked, Rejection> {
        #[cfg(feature = "std")]
        if let Some(known) = self.recognised(bytes, block) {
            return self.check_recognised(state, block, &known);
        }
        self.check_decoded(state, block, bytes, ModuleTransaction::decode(bytes)?)
    }

    /// The same for what is recognised.
    #[cfg(feature = "std")]
    pub(super) fn check_recognised(
        &self,
        state: &(impl StateRead + ?Sized),
        block: &BlockContext,
        known: &Recognised,
    ) -> Result<Checked, Rejection> {
        let signer = || Ok(known.signed);
        known
            .transaction
            .check(&self.registry, state, block, signer)
    }

    /// The same for what was decoded from these bytes, and is remembered if its signature holds.
    pub(super) fn check_decoded(
        &self,
        state: &(impl StateRead + ?Sized),
        block: &BlockContext,
        bytes: &[u8],
        transaction: ModuleTransaction,
    ) -> Result<Checked, Rejection> {
        let mut signer = None;
        let checked = transaction.check(&self.registry, state, block, || {
            let signed = transaction.recover(&self.registry, block)?;
            signer = Some(signed);
            Ok(signed)
        });
        if let Some(signed) = signer {
            self.remember_signed(bytes, transaction, signed, block);
        }
        checked
    }

    /// What these bytes say, for those who show it.
    pub(super) fn shown(&self, block: &BlockContext, bytes: &[u8]) -> Option<TransactionView> {
        #[cfg(feature = "std")]
        if let Some(known) = self.recognised(bytes, block) {
            return Some(known.transaction.view(known.signed));
        }
        let transaction = ModuleTransaction::decode(bytes).ok()?;
        let signed = transaction.recover(&self.registry, block).ok()?;
        Some(transaction.view(signed))
    }

    /// What is known of these bytes.
    #[cfg(feature = "std")]
    pub(super) fn recognised(&self, bytes: &[u8], block: &BlockContext) -> Option<Arc<Recognised>> {
        self.known.get(bytes).filter(|known| known.holds_for(block))
    }

    /// Remembers who signed these bytes, which say this.
    #[cfg(feature = "std")]
    pub(super) fn remember_signed(
        &self,
        bytes: &[u8],
        transaction: ModuleTransaction,
        signed: Signed,
        block: &BlockContext,
    ) {
        let of = matches!(transaction, ModuleTransaction::Native(..))
            .then_some((block.chain_id, block.genesis));
        let recognised = Recognised {
            transaction,
            signed,
            of,
        };
        self.known.insert(bytes, Arc::new(recognised));
    }

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn remember_signed(&self, _: &[u8], _: ModuleTransaction, _: Signed, _: &BlockContext) {}
}
