//! No root at all.

use async_trait::async_trait;
use futures::StreamExt as _;
use plasma_core::{
    B256, BatchHeader, BlockHeader, BoxStream, Certificate, Committee, DisputeTerms, DisputeView,
    Move, RootBlock, RootReceipt, RootUpdate, Settlement, SettlementError, U256,
};

/// The settlement of a chain that has no root: nothing above it orders, holds or decides anything.
///
/// - Sequenced is final. What the committee certified stands; nobody can contest it, and nothing is
///   ever `Published` or `Settled` on a root. A node of such a chain shows every sequenced block as
///   final.
/// - There is no inbox: no deposits, no forced transactions, no withdrawals.
/// - [`events`](Settlement::events) never yields and never ends.
/// - [`append`](Settlement::append) and [`play`](Settlement::play) are refused: who runs a batcher
///   or a proposer here has configured it by mistake.
/// - [`view`](Settlement::view) is empty: no entries, nothing settled but the zero hash, no claim,
///   no bond.
///
/// The embedded root is such a chain: the root of others, and under nobody itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct SovereignSettlement;

impl SovereignSettlement {
    fn refusal(what: &str) -> SettlementError {
        SettlementError::Refused(format!(
            "a sovereign chain has no root to {what}; choose a settlement with a root, \
             or run no batcher and no proposer"
        ))
    }
}

#[async_trait]
impl Settlement for SovereignSettlement {
    fn events(&self, _from: RootBlock) -> BoxStream<'static, Result<RootUpdate, SettlementError>> {
        futures::stream::pending().boxed()
    }

    async fn origin(&self) -> Result<RootBlock, SettlementError> {
        Ok(RootBlock::default())
    }

    async fn append(
        &self,
        _batch: &BatchHeader,
        _sealing: &BlockHeader,
        _committee: &Committee,
        _certificate: &Certificate,
    ) -> Result<RootReceipt, SettlementError> {
        Err(Self::refusal("append batches to"))
    }

    async fn view(&self) -> Result<DisputeView, SettlementError> {
        Ok(DisputeView {
            at: RootBlock::default(),
            entries: 0,
            messages: 0,
            consumed: 0,
            overdue_at: None,
            settled: B256::ZERO,
            settled_entries: 0,
            claim: None,
            bond: U256::ZERO,
            challenge_window: 0,
            withdrawable: U256::ZERO,
            round: 0,
            claimable: 0,
            program: B256::ZERO,
            terms: DisputeTerms::default(),
            tournaments: Vec::new(),
        })
    }

    async fn play(&self, _action: &Move) -> Result<RootReceipt, SettlementError> {
        Err(Self::refusal("make claims on"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt as _, executor::block_on};

    #[test]
    fn nothing_happens_and_nothing_is_taken() {
        let sovereign = SovereignSettlement;
        let mut events = sovereign.events(RootBlock::default());
        assert!(events.next().now_or_never().is_none(), "pending, not ended");
        let view = block_on(sovereign.view()).expect("always there");
        assert_eq!(
            (view.entries, view.settled, view.claim),
            (0, B256::ZERO, None)
        );
        let refused = block_on(sovereign.play(&Move::Settle)).expect_err("no root");
        assert!(matches!(refused, SettlementError::Refused(_)), "{refused}");
    }
}
