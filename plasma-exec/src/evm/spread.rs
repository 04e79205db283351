//! The EVM on many threads: what the engine needs to know of it.
//!
//! Every transaction adds to the block's gas and to the proposer's XPL, and hardly any looks at either: both are
//! tallied. So the EVM runs without the reward at the end, and what looks at the proposer's account is run exactly.

use core::cell::Cell;

use alloc::vec::Vec;

use alloy_primitives::{Bytes, U256};
use plasma_core::{BlockContext, BlockOutcome, Receipt, StateKey, StateRead, Step, decode, encode};
use revm::{
    context::{Block as _, ContextSetters, Transaction as _, TxEnv},
    context_interface::{
        ContextTr,
        result::{ExecutionResult, HaltReason},
    },
    handler::{EthFrame, EvmTr, FrameResult, FrameTr, Handler},
};

use super::{
    EvmExecution,
    account::{ACCOUNTS, Account},
    config::{CONFIG, Config, MARKET, Market},
    session::{Evm, Failure, Session},
};
use crate::parallel::{self, Attempt, Executor, Spread, Tally, View, Write};

impl EvmExecution {
    /// The segments of a block that end where `ends` says.
    pub(super) fn spread(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
        ends: &[usize],
    ) -> Vec<BlockOutcome> {
        let spread = Spread {
            settings: &self.settings,
            fold: |state: &dyn StateRead, steps: &[Step]| self.fold(state, block, steps),
            work: |step: &Step| super::work(step).0,
            open: |state: &dyn StateRead| Run::open(self, state, block),
        };
        parallel::apply_block(&spread, base, steps, ends)
    }
}

/// The EVM in the middle of a block.
struct Run<'a> {
    execution: &'a EvmExecution,
    block: &'a BlockContext,
    config: Config,
    room: u64,
    /// The market, the proposer's account.
    tallied: [StateKey; 2],
}

impl<'a> Run<'a> {
    fn open(
        execution: &'a EvmExecution,
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
        let (receipt, tips, gas_wanted) = session.transaction_apart(bytes);
        let writes = session.take_changes();
        let tally = Tally {
            gas: receipt.gas_used.0,
            burned: U256::ZERO,
            tips,
        };
        Attempt {
            receipt,
            writes,
            tally,
            gas_wanted,
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

/// Executes a transaction without the reward at its end; what that would be goes to `tips`.
pub(super) fn transact_without_reward(
    evm: &mut Evm<'_>,
    transaction: TxEnv,
    tips: &mut U256,
) -> Result<ExecutionResult, Failure> {
    evm.ctx.set_tx(transaction);
    let mut handler = WithoutReward {
        tips: Cell::new(U256::ZERO),
        evm: core::marker::PhantomData,
    };
    let result = handler.run(evm);
    *tips = handler.tips.get();
    result
}

/// Ethereum's handler, but for the reward of the beneficiary.
struct WithoutReward<'a> {
    tips: Cell<U256>,
    evm: core::marker::PhantomData<fn(Evm<'a>)>,
}

impl<'a> Handler for WithoutReward<'a> {
    type Evm = Evm<'a>;
    type Error = Failure;
    type HaltReason = HaltReason;

    /// As revm's, which credits it.
    fn reward_beneficiary(
        &self,
        evm: &mut Self::Evm,
        result: &mut <EthFrame as FrameTr>::FrameResult,
    ) -> Result<(), Self::Error> {
        let context = evm.ctx();
        let base_fee = u128::from(context.block().basefee());
        let price = context
            .tx()
            .effective_gas_price(base_fee)
            .saturating_sub(base_fee);
        let gas = FrameResult::gas(result);
        let used = gas.used().saturating_sub(gas.reservoir());
        self.tips.set(U256::from(price * u128::from(used)));
        Ok(())
    }
}
