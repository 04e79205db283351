//! Contracts in WebAssembly on many threads: what the engine needs to know of them.
//!
//! As for the EVM every transaction adds to the block's gas and to the proposer's XPL: both are tallied, and what looks at
//! the proposer's account is run exactly. A thread keeps its instances from one transaction to the next; what it read
//! it forgets.

use alloc::vec::Vec;

use alloy_primitives::{Bytes, U256};
use plasma_core::{BlockContext, BlockOutcome, Receipt, StateKey, StateRead, Step, decode, encode};

use super::{
    WasmExecution,
    account::{ACCOUNTS, Account},
    config::{CONFIG, Config, MARKET},
    session::{Apart, Session},
};
use crate::{
    ethereum::Market,
    parallel::{self, Attempt, Executor, Parallelism, Spread, Tally, View, Write, cores},
};

/// Blocks with fewer steps are done before another thread has begun, and need not be asked about.
const FEW_STEPS: usize = 30;

impl WasmExecution {
    /// A block on as many threads as are worth it.
    pub(super) fn spread_block(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> BlockOutcome {
        if self.on_one_thread(steps) {
            return self.fold(base, block, steps);
        }
        let mut outcomes = self.spread(base, block, steps, &[steps.len()]);
        outcomes.pop().unwrap_or_default()
    }

    /// The segments of a block, which end where `ends` says. On one thread instances, accounts and storage are kept from
    /// one to the next.
    pub(super) fn segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
        ends: &[usize],
    ) -> Vec<BlockOutcome> {
        if !self.on_one_thread(steps) {
            return self.spread(base, block, steps, ends);
        }
        let mut session = Session::open(self, base, block);
        let mut start = 0;
        let segments = ends.iter().map(|end| {
            let steps = steps[start..*end].iter();
            start = *end;
            BlockOutcome {
                receipts: steps.map(|step| session.step(step)).collect(),
                changes: session.take_changes().into_iter().collect(),
            }
        });
        segments.collect()
    }

    fn on_one_thread(&self, steps: &[Step]) -> bool {
        let parallelism = self.settings.parallelism;
        let by_itself = parallelism == Parallelism::default();
        parallelism == Parallelism::sequential()
            || (by_itself && (cores() == 1 || steps.len() < FEW_STEPS))
    }

    fn spread(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
        ends: &[usize],
    ) -> Vec<BlockOutcome> {
        let spread = Spread {
            settings: &self.settings,
            fold: |state: &dyn StateRead, steps: &[Step]| self.fold(state, block, steps),
            work: |step: &Step| parallel::but_for_plain(super::work(step).0),
            open: |state: &dyn StateRead| Run::open(self, state, block),
        };
        parallel::apply_block(&spread, base, steps, ends)
    }
}

/// The chain in the middle of a block.
struct Run<'a> {
    execution: &'a WasmExecution,
    block: &'a BlockContext,
    config: Config,
    room: u64,
    /// The market, the proposer's account.
    tallied: [StateKey; 2],
}

impl<'a> Run<'a> {
    fn open(
        execution: &'a WasmExecution,
        state: &dyn StateRead,
        block: &'a BlockContext,
    ) -> Option<Self> {
        let config = CONFIG.get(state).unwrap_or_default();
        let market = MARKET.get(state).unwrap_or_default();
        // Nobody has so much; but where an addition could fail it must be seen to fail.
        let proposer = ACCOUNTS.get(state, &block.proposer).unwrap_or_default();
        (proposer.balance < U256::MAX >> 1).then(|| Self {
            execution,
            block,
            config,
            room: config.gas_limit.saturating_sub(market.gas_used),
            tallied: [MARKET.key(), ACCOUNTS.key(&block.proposer)],
        })
    }
}

impl Executor for Run<'_> {
    type Worker<'v>
        = Session<'v>
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
        let mut now = stored.at(self.block.timestamp.seconds(), &self.config.market());
        now.gas_used += tally.gas;
        if now != stored {
            *market = Some(encode(&now).into());
        }
        if !tally.tips.is_zero() {
            let mut account: Account = read(proposer.as_ref());
            account.balance += tally.tips;
            *proposer = Some(encode(&account).into());
        }
    }

    fn room(&self) -> u64 {
        self.room
    }

    fn worker<'v>(&'v self, view: &'v View<'v>) -> Self::Worker<'v> {
        Session::open(self.execution, view, self.block)
    }

    fn attempt(&self, session: &mut Session<'_>, view: &View<'_>, bytes: &Bytes) -> Attempt {
        let Apart {
            receipt,
            writes,
            tips,
            wanted,
        } = session.transaction_apart(bytes);
        let tally = Tally {
            gas: receipt.gas_used.0,
            burned: U256::ZERO,
            tips,
        };
        Attempt {
            receipt,
            writes,
            tally,
            gas_wanted: wanted,
            inexact: view.tallied_reads() > 0,
        }
    }

    fn exactly(&self, state: &dyn StateRead, bytes: &Bytes) -> (Receipt, Vec<Write>) {
        let mut session = Session::open(self.execution, state, self.block);
        let receipt = session.step(&Step::Transaction(bytes.clone()));
        (receipt, session.finish())
    }
}

fn read<T: borsh::BorshDeserialize + Default>(bytes: Option<&Bytes>) -> T {
    bytes.map_or_else(T::default, |bytes| {
        decode(bytes, bytes.len()).expect("state holds what its own type wrote")
    })
}
