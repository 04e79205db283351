//! Modules on many threads: what the engine needs to know of them.
//!
//! Every transaction reads the market for gas and adds to it, and hardly any looks at what the others added: it is
//! tallied. What reads it twice has looked, and is run exactly.

use alloc::vec::Vec;

use alloy_primitives::Bytes;
use plasma_core::{
    BlockContext, BlockOutcome, Execution, Overlay, Receipt, StateKey, StateRead, Step, fold_block,
};

use super::{
    ModuleRuntime,
    fee_market::{FeeMarket, MARKET_KEY},
    work::declared_gas,
};
use crate::parallel::{self, Attempt, Executor, Spread, Tally, View, Write};

impl ModuleRuntime {
    /// The segments of a block that end where `ends` says.
    pub(super) fn spread(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
        ends: &[usize],
    ) -> Vec<BlockOutcome> {
        let fold = |state: &dyn StateRead, steps: &[Step]| {
            fold_block(|state, step| self.apply(state, block, step), state, steps)
        };
        let spread = Spread {
            settings: &self.settings,
            fold: parallel::piece_by_piece(fold),
            // What the step declares: it is not for a proof, but for threads.
            work: |step: &Step| match step {
                Step::Transaction(bytes) => parallel::but_for_plain(declared_gas(base, bytes)),
                _ => 0,
            },
            open: |state: &dyn StateRead| Run::open(self, state, block),
        };
        parallel::apply_block(&spread, base, steps, ends)
    }
}

/// The runtime in the middle of a block.
struct Run<'a> {
    runtime: &'a ModuleRuntime,
    block: &'a BlockContext,
    market: FeeMarket,
}

impl<'a> Run<'a> {
    /// Without a market nothing can be added to it.
    fn open(
        runtime: &'a ModuleRuntime,
        state: &dyn StateRead,
        block: &'a BlockContext,
    ) -> Option<Self> {
        let bytes = state.get(&MARKET_KEY)?;
        Some(Self {
            runtime,
            block,
            market: FeeMarket::read(Some(&bytes)),
        })
    }
}

impl Executor for Run<'_> {
    type Worker<'v>
        = Overlay<'v>
    where
        Self: 'v;

    fn tallied(&self) -> &[StateKey] {
        &[MARKET_KEY]
    }

    fn add(&self, values: &mut [Option<Bytes>], tally: &Tally) {
        for value in values {
            let mut market = FeeMarket::read(value.as_ref());
            market.gas_used = market.gas_used.saturating_add(tally.gas);
            market.burned += tally.burned;
            market.tips += tally.tips;
            *value = Some(market.to_bytes());
        }
    }

    fn room(&self) -> u64 {
        self.market.gas_limit.saturating_sub(self.market.gas_used)
    }

    fn worker<'v>(&'v self, view: &'v View<'v>) -> Overlay<'v> {
        Overlay::new(view)
    }

    fn attempt<'v>(&self, overlay: &mut Overlay<'v>, view: &'v View<'v>, bytes: &Bytes) -> Attempt {
        let before = view.tallied_reads();
        let (receipt, gas_wanted) = self
            .runtime
            .transaction_and_room(overlay, self.block, bytes, false);
        overlay.settle();
        let tally = overlay
            .withdraw(&MARKET_KEY)
            .map_or_else(Tally::default, |bytes| {
                let market = FeeMarket::read(bytes.as_ref());
                Tally {
                    gas: market.gas_used - self.market.gas_used,
                    burned: market.burned - self.market.burned,
                    tips: market.tips - self.market.tips,
                }
            });
        Attempt {
            receipt,
            tally,
            gas_wanted,
            // Once it is read by every transaction that can be decoded, for the base fee.
            inexact: view.tallied_reads() > before + 1,
        }
    }

    fn writes<'v>(&self, overlay: &mut Overlay<'v>, view: &'v View<'v>) -> Vec<Write> {
        let written = core::mem::replace(overlay, Overlay::new(view));
        written.into_changes().into_iter().collect()
    }

    fn exactly(
        &self,
        state: &dyn StateRead,
        transactions: &[&Bytes],
    ) -> (Vec<Receipt>, Vec<Write>) {
        let mut overlay = Overlay::new(state);
        let receipts = transactions.iter().map(|bytes| {
            let receipt = self
                .runtime
                .transaction(&mut overlay, self.block, bytes, false);
            overlay.settle();
            receipt
        });
        let receipts = receipts.collect();
        (receipts, overlay.into_changes().into_iter().collect())
    }
}
