//! Blocks of Ethereum's transactions on many threads: what the engine needs to know of an execution that has them.
//!
//! Every transaction adds to the block's gas and to the proposer's XPL, and hardly any looks at either: both are
//! tallied. So a transaction is run without the reward at its end, and what looks at the proposer's account is run
//! exactly.

use alloc::vec::Vec;

use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{
    BlockContext, BlockOutcome, Item, Map, Receipt, StateKey, StateRead, Step, decode, segment_ends,
};

use super::{Account, Market, MarketRules, Sessions, short};
use crate::parallel::{self, Attempt, Executor, Settings, Spread, Tally, View, Write};

/// An execution of Ethereum's transactions whose blocks can be spread over threads.
pub(crate) trait Spreads: Sessions {
    /// Where its market is.
    const MARKET: Item<Market>;
    /// Where its accounts are.
    const ACCOUNTS: Map<Address, Account>;

    /// How its blocks are spread.
    fn settings(&self) -> &Settings;

    /// What the market of this state goes by.
    fn rules(state: &dyn StateRead) -> MarketRules;

    /// The work of a step, whatever the state, in gas.
    fn gas(step: &Step) -> u64;

    /// Runs a transaction as if the block had used no gas, and pays the proposer nothing: gives also what that would have got,
    /// and the room that the transaction asks the block for.
    fn apart(session: &mut Self::Session<'_>, bytes: &Bytes) -> (Receipt, U256, u64);

    /// All that the transactions changed that were run apart, which are over; what was read is forgotten.
    fn writes_apart(session: &mut Self::Session<'_>) -> Vec<Write>;

    /// The segments of a block, on as many threads as are worth it.
    fn segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
        ends: &[usize],
    ) -> Vec<BlockOutcome>
    where
        Self: Sized,
    {
        let spread = Spread {
            settings: self.settings(),
            fold: |state: &dyn StateRead, steps: &[Step], start, ends: &[usize]| {
                in_order(self, state, block, (steps, start, ends))
            },
            work: |step: &Step| parallel::but_for_plain(Self::gas(step)),
            open: |state: &dyn StateRead| Run::open(self, state, block),
        };
        parallel::apply_block(&spread, base, steps, ends)
    }
}

/// Steps one after the other in one session, from `start` on, up to as many of these ends as one session does.
fn in_order<E: Spreads>(
    execution: &E,
    state: &dyn StateRead,
    block: &BlockContext,
    (steps, mut start, ends): (&[Step], usize, &[usize]),
) -> Vec<BlockOutcome> {
    let mut session = execution.open(state, block);
    let mut outcomes = Vec::with_capacity(ends.len());
    for end in ends {
        let steps = steps[start..*end].iter();
        let receipts = steps.map(|step| E::step(&mut session, step)).collect();
        start = *end;
        let Some(changes) = E::changes(&mut session) else {
            let changes = E::finish(session).into_iter().collect();
            outcomes.push(BlockOutcome { receipts, changes });
            break;
        };
        let changes = changes.into_iter().collect();
        outcomes.push(BlockOutcome { receipts, changes });
    }
    outcomes
}

/// [`Execution::apply_block`](plasma_core::Execution::apply_block), on as many threads as are worth it.
pub(crate) fn apply_block(
    execution: &impl Spreads,
    base: &dyn StateRead,
    block: &BlockContext,
    steps: &[Step],
) -> BlockOutcome {
    let mut outcomes = execution.segments(base, block, steps, &[steps.len()]);
    outcomes.pop().unwrap_or_default()
}

/// [`Execution::apply_segments`](plasma_core::Execution::apply_segments), on as many threads as are worth it.
pub(crate) fn apply_segments<E: Spreads>(
    execution: &E,
    base: &dyn StateRead,
    block: &BlockContext,
    steps: &[Step],
) -> Vec<(usize, BlockOutcome)> {
    // The work of a step is the same on every state.
    let work = steps.iter().map(|step| plasma_core::Gas(E::gas(step)));
    let ends = segment_ends(execution.segment_gas(), work);
    let outcomes = execution.segments(base, block, steps, &ends);
    ends.into_iter().zip(outcomes).collect()
}

/// An execution in the middle of a block.
struct Run<'a, E> {
    execution: &'a E,
    block: &'a BlockContext,
    rules: MarketRules,
    room: u64,
    /// The market, the proposer's account.
    tallied: [StateKey; 2],
}

impl<'a, E: Spreads> Run<'a, E> {
    fn open(execution: &'a E, state: &dyn StateRead, block: &'a BlockContext) -> Option<Self> {
        let rules = E::rules(state);
        let market = E::MARKET.get(state).unwrap_or_default();
        // Nobody has so much; but where an addition could fail it must be seen to fail.
        let proposer = E::ACCOUNTS.get(state, &block.proposer).unwrap_or_default();
        (proposer.balance < U256::MAX >> 1).then(|| Self {
            execution,
            block,
            room: rules.gas_limit.saturating_sub(market.gas_used),
            rules,
            tallied: [E::MARKET.key(), E::ACCOUNTS.key(&block.proposer)],
        })
    }
}

impl<E: Spreads> Executor for Run<'_, E> {
    type Worker<'v>
        = E::Session<'v>
    where
        Self: 'v;

    fn tallied(&self) -> &[StateKey] {
        &self.tallied
    }

    fn add(&self, values: &mut [Option<Bytes>], tally: &Tally) {
        let [market, proposer] = values else {
            unreachable!("there are two tallied keys")
        };
        let stored: Market = read(market.as_ref());
        let mut now = stored.at(self.block.timestamp.seconds(), &self.rules);
        now.gas_used += tally.gas;
        if now != stored {
            *market = Some(short::encoded(&now));
        }
        if !tally.tips.is_zero() {
            let mut account: Account = read(proposer.as_ref());
            account.balance += tally.tips;
            *proposer = Some(short::encoded(&account));
        }
    }

    fn room(&self) -> u64 {
        self.room
    }

    fn worker<'v>(&'v self, view: &'v View<'v>) -> Self::Worker<'v> {
        self.execution.open(view, self.block)
    }

    fn attempt<'v>(
        &self,
        session: &mut E::Session<'v>,
        view: &'v View<'v>,
        bytes: &Bytes,
    ) -> Attempt {
        let before = view.tallied_reads();
        let (receipt, tips, gas_wanted) = E::apart(session, bytes);
        Attempt {
            tally: Tally {
                gas: receipt.gas_used.0,
                burned: U256::ZERO,
                tips,
            },
            receipt,
            gas_wanted,
            inexact: view.tallied_reads() > before,
        }
    }

    fn writes<'v>(&self, session: &mut E::Session<'v>, _: &'v View<'v>) -> Vec<Write> {
        E::writes_apart(session)
    }

    fn exactly(
        &self,
        state: &dyn StateRead,
        transactions: &[&Bytes],
    ) -> (Vec<Receipt>, Vec<Write>) {
        let mut session = self.execution.open(state, self.block);
        let steps = transactions
            .iter()
            .map(|bytes| Step::Transaction((*bytes).clone()));
        let receipts = steps.map(|step| E::step(&mut session, &step)).collect();
        (receipts, E::finish(session))
    }
}

fn read<T: borsh::BorshDeserialize + Default>(bytes: Option<&Bytes>) -> T {
    bytes.map_or_else(T::default, |bytes| {
        decode(bytes, bytes.len()).expect("state holds what its own type wrote")
    })
}
