//! Executions that keep what they read and write from one step of a block to the next.

use alloc::vec::Vec;

use alloy_primitives::Bytes;
#[cfg(not(feature = "std"))]
use plasma_core::BlockOutcome;
use plasma_core::{BlockContext, Execution, Receipt, State, StateKey, StateRead, Step};

/// An execution that is opened on a state, for steps of one block.
pub(crate) trait Sessions: Execution {
    /// What it is then.
    type Session<'a>
    where
        Self: 'a;

    fn open<'a>(&'a self, state: &'a dyn StateRead, block: &'a BlockContext) -> Self::Session<'a>;

    /// Does one step.
    fn step(session: &mut Self::Session<'_>, step: &Step) -> Receipt;

    /// All that the steps changed.
    fn finish(session: Self::Session<'_>) -> Vec<(StateKey, Option<Bytes>)>;

    /// All that the steps changed since this was last asked, where the session knows it for the steps that come then; `None`
    /// where it must be opened anew.
    #[cfg(feature = "std")]
    fn changes(session: &mut Self::Session<'_>) -> Option<Vec<(StateKey, Option<Bytes>)>> {
        let _ = session;
        None
    }

    /// The specification of a block: one step after the other.
    #[cfg(not(feature = "std"))]
    fn fold(&self, base: &dyn StateRead, block: &BlockContext, steps: &[Step]) -> BlockOutcome {
        let mut session = self.open(base, block);
        let receipts = steps.iter().map(|step| Self::step(&mut session, step));
        let receipts = receipts.collect();
        let changes = Self::finish(session).into_iter().collect();
        BlockOutcome { receipts, changes }
    }

    /// [`Execution::apply`]: a session of one step.
    fn apply_one(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        let mut session = self.open(&*state, block);
        let receipt = Self::step(&mut session, step);
        for (key, value) in Self::finish(session) {
            state.set(key, value);
        }
        receipt
    }
}
