//! The EVM on many threads: how its transactions are run apart from what every one of them adds to.

use alloc::vec::Vec;
use core::cell::Cell;

use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{Item, Map, Receipt, StateRead, Step};
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
    config::{CONFIG, MARKET, Market},
    session::{Evm, Failure, Session},
};
use crate::{
    ethereum::{MarketRules, spread::Spreads},
    parallel::{Settings, Write},
};

impl Spreads for EvmExecution {
    const MARKET: Item<Market> = MARKET;
    const ACCOUNTS: Map<Address, Account> = ACCOUNTS;

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn rules(state: &dyn StateRead) -> MarketRules {
        CONFIG.get(state).unwrap_or_default().market()
    }

    fn gas(step: &Step) -> u64 {
        super::work(step).0
    }

    fn apart(session: &mut Session<'_>, bytes: &Bytes) -> (Receipt, U256, u64) {
        session.transaction_apart(bytes)
    }

    fn writes_apart(session: &mut Session<'_>) -> Vec<Write> {
        session.take_changes()
    }
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
