//! What gas costs, and where the fees go.

use alloc::string::String;

use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, U256};
use plasma_core::State;
use serde::Deserialize;

use super::{
    Answer, CallError, CallResult, Context, Module, XPL,
    accounts::{ACCOUNTS, Account},
    fee_market::{FeeMarket, FeeRules, RULES},
    gas, ledger,
    numbers::Amount,
};
use crate::sol;

sol! {
    /// The price of gas.
    #[derive(Debug, PartialEq, Eq)]
    interface IFees {
        /// The base fee of the block, in wei.
        function baseFee() external view returns (uint256 wei_);
        /// The gas that a block may use.
        function gasLimit() external view returns (uint64 gas);
        /// The gas used so far in this block.
        function gasUsed() external view returns (uint64 gas);

        /// What a block took in: base fees are burned, tips are the proposer's.
        event Settled(address indexed proposer, uint256 burned, uint256 tips);
    }
}

/// The module `fees`: the market of EIP-1559. The base fee follows demand and is burned, the priority fee is the
/// proposer's.
///
/// In the genesis configuration: `"fees": {"floor": "1000000", "elasticity": 2, "denominator": 8}`, all optional,
/// beside the configuration's own `baseFee` and `gasLimit`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fees;

/// The module's section of the genesis configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FeesGenesis {
    /// The base fee never falls below, in wei.
    floor: Amount,
    /// A block may use this many times its target.
    elasticity: u64,
    /// From block to block the base fee moves by at most one part in this many.
    denominator: u64,
}

/// Low enough to cost nothing, high enough that spam costs something.
const DEFAULT_FLOOR: u64 = 1_000_000;

impl Default for FeesGenesis {
    fn default() -> Self {
        Self {
            floor: Amount(U256::from(DEFAULT_FLOOR)),
            elasticity: 2,
            denominator: 8,
        }
    }
}

impl Module for Fees {
    const NAME: &'static str = "fees";
    type Calls = IFees::IFeesCalls;
    type Genesis = FeesGenesis;

    fn abi(&self) -> JsonAbi {
        IFees::abi::contract()
    }

    /// The runtime has written the market from `baseFee` and `gasLimit` before.
    fn genesis(&self, context: &mut Context<'_>, genesis: FeesGenesis) -> CallResult<()> {
        let FeesGenesis {
            floor,
            elasticity,
            denominator,
        } = genesis;
        if elasticity == 0 || denominator == 0 {
            return Err(CallError::message(
                "elasticity and denominator are at least 1",
            ));
        }
        let floor = u128::try_from(floor.0)
            .map_err(|_| CallError::message("the floor is at most 2^128 - 1 wei"))?;
        let state = context.state();
        let mut market = FeeMarket::load(state);
        market.base_fee = market.base_fee.max(floor);
        let gas_limit = market.gas_limit;
        RULES.set(
            state,
            &FeeRules {
                gas_limit,
                floor,
                elasticity,
                denominator,
            },
        );
        market.store(state);
        Ok(())
    }

    fn hook_gas(&self) -> u64 {
        gas::FEES_HOOK
    }

    fn call(&self, context: &mut Context<'_>, call: IFees::IFeesCalls) -> CallResult {
        use IFees::IFeesCalls as Calls;
        context.charge(gas::READ)?;
        let market = FeeMarket::load(context.state());
        match call {
            Calls::baseFee(call) => call.answer(&U256::from(market.base_fee)),
            Calls::gasLimit(call) => call.answer(&market.gas_limit),
            Calls::gasUsed(call) => call.answer(&market.gas_used),
        }
    }

    fn end_block(&self, context: &mut Context<'_>) -> CallResult<()> {
        let proposer = context.block().proposer;
        let FeeMarket { burned, tips, .. } = settle(context.state(), proposer);
        if burned.is_zero() && tips.is_zero() {
            return Ok(());
        }
        context.emit(&IFees::Settled {
            proposer,
            burned,
            tips,
        })
    }

    fn invariants(&self, view: &super::View<'_>) -> Result<(), String> {
        let rules = RULES.get(view.state).ok_or("the chain has no fee market")?;
        let market = FeeMarket::load(view.state);
        if market.base_fee < rules.floor {
            let (fee, floor) = (market.base_fee, rules.floor);
            return Err(alloc::format!(
                "the base fee {fee} is below its floor {floor}"
            ));
        }
        Ok(())
    }
}

/// Burns what is to be burned, pays the proposer, and sets the price for the next block. Says what it settled:
/// in a block that nobody proposed, the tips are burned as well.
fn settle(state: &mut dyn State, proposer: Address) -> FeeMarket {
    let Some(rules) = RULES.get(state) else {
        return FeeMarket::default();
    };
    let mut market = FeeMarket::load(state);
    if proposer.is_zero() {
        market.burned += core::mem::take(&mut market.tips);
    }
    let settled = market;
    if !market.burned.is_zero() {
        ledger::burn_supply(state, XPL, market.burned);
    }
    if !market.tips.is_zero() {
        let key = ACCOUNTS.key(&proposer);
        let mut account = Account::load_at(state, &key);
        // The tips were taken from accounts, and all of them together hold no more than the supply.
        account.balance += market.tips;
        account.store_at(state, key);
    }
    market.base_fee = rules.next_base_fee(market.base_fee, market.gas_used);
    market.last_gas_used = core::mem::take(&mut market.gas_used);
    (market.tips, market.burned) = (U256::ZERO, U256::ZERO);
    market.store(state);
    settled
}

/// What a transaction pays goes to the market, to be settled at the end of the block.
pub(crate) fn collect(market: &mut FeeMarket, gas_used: u64, tip_per_gas: u128) {
    let gas = U256::from(gas_used);
    market.gas_used = market.gas_used.saturating_add(gas_used);
    market.burned += gas * U256::from(market.base_fee);
    market.tips += gas * U256::from(tip_per_gas);
}

/// Whether this block has room for that much gas.
pub(crate) fn has_room(market: &FeeMarket, gas: u64) -> bool {
    market.gas_used.saturating_add(gas) <= market.gas_limit
}
