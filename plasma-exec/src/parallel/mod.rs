//! Blocks on many threads, to the same effect as on one.
//!
//! Optimistic concurrency in the manner of Block-STM (arXiv 2203.06871), with commits in order:
//!
//! ```text
//!   workers   take the next stretch of transactions, run it on what those before it left so far, and note what it read
//!   memory    key ──> versions: who wrote what; the state before the run stands behind it
//!   commits   one after the other, by whoever is free: what was read is compared with what stands there now
//!
//!     stretch         0    1    2    3    4    5    6    7    8   ...
//!                     committed | valid? | run | run | not taken yet
//!                               |
//!                               +-- all before it are final: if it read anything else, it is run once more, on them
//! ```
//! The transactions of a stretch are run one after the other, as in the fold: what they have in common is read, written and
//! compared once. Stretches are of one transaction at first and grow as long as none has to be run again; where one has,
//! they become shorter.
//!
//! So each transaction is run at most twice by guess, and once more where it has to know exactly what the block took
//! in so far. What every transaction adds to, the market for gas and the proposer's XPL, is not written but *tallied*:
//! it is added up as transactions are committed, and a transaction that looks at it is run exactly.
//!
//! Invariants: receipts and writes are those of the fold, whatever the number of threads and their timing; a
//! transaction that panics on a guess panics in the fold or nowhere; what conflicts too much goes on in the fold.
//!
//! Whether threads are a gain is measured: unless a run took less time for its gas than the last block that was folded as a
//! whole, the next ones are folded, and now and then one is though threads are a gain.
//!
//! Reads by guess may be such as no step needs in the end. So only a state that says so
//! ([`StateRead::reads_freely`]) is read by many threads; where reads are noted, a block is folded.

mod block;
pub(crate) mod each;
mod engine;
mod memory;
mod settings;
mod view;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use alloy_primitives::{Bytes, U256};
use plasma_core::{Receipt, StateKey, StateRead};

pub(crate) use block::{Spread, apply_block, but_for_plain, piece_by_piece};
pub use settings::Parallelism;
pub(crate) use settings::{Settings, cores};
pub(crate) use view::View;

/// A write: the key and what it holds now.
pub(crate) type Write = (StateKey, Option<Bytes>);

/// What transactions add to without looking at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Gas used.
    pub(crate) gas: u64,
    /// Burned at the end of the block, in wei.
    pub(crate) burned: U256,
    /// The proposer's, in wei.
    pub(crate) tips: U256,
}

impl Tally {
    /// Both together. Nobody pays more than there is, so the sums fit.
    fn plus(self, other: Self) -> Self {
        Self {
            gas: self.gas.saturating_add(other.gas),
            burned: self.burned.wrapping_add(other.burned),
            tips: self.tips.wrapping_add(other.tips),
        }
    }
}

/// What came of running a transaction by guess, but for what it wrote.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) receipt: Receipt,
    pub(crate) tally: Tally,
    /// The room that the block must have for it.
    pub(crate) gas_wanted: u64,
    /// Whether it looked at a tallied key, so that it must be run exactly.
    pub(crate) inexact: bool,
}

/// An execution in the middle of one block, as the engine needs it.
pub(crate) trait Executor: Sync {
    /// What a thread keeps from one transaction to the next.
    type Worker<'v>
    where
        Self: 'v;

    /// The keys that transactions add to.
    fn tallied(&self) -> &[StateKey];

    /// What the tallied keys hold, in their order, once `tally` is added to these values.
    fn add(&self, values: &mut [Option<Bytes>], tally: &Tally);

    /// The gas that the block has left before the first transaction.
    fn room(&self) -> u64;

    /// Begins a thread's work; everything is read through `view`.
    fn worker<'v>(&'v self, view: &'v View<'v>) -> Self::Worker<'v>;

    /// Runs a transaction by guess, on what those of its stretch before it left: but as if the tallied keys held what they did
    /// before the first one of all.
    fn attempt<'v>(
        &self,
        worker: &mut Self::Worker<'v>,
        view: &'v View<'v>,
        bytes: &Bytes,
    ) -> Attempt;

    /// What the transactions of a stretch wrote, which is over: each write of something else than what was read, none of a
    /// tallied key. What was read is forgotten, too.
    fn writes<'v>(&self, worker: &mut Self::Worker<'v>, view: &'v View<'v>) -> Vec<Write>;

    /// Runs transactions as [`Execution::apply`](plasma_core::Execution::apply) does, one after the other; the writes are those
    /// that change something.
    fn exactly(&self, state: &dyn StateRead, transactions: &[&Bytes])
    -> (Vec<Receipt>, Vec<Write>);
}
