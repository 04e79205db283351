//! XPL and other assets.

use alloc::{format, string::String};

use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall as _;
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Map, StateRead};

use super::{
    Answer, CallResult, Context, Module, View, XPL,
    fee_market::FeeMarket,
    gas,
    ledger::{self, SUPPLY},
};
use crate::sol;

sol! {
    /// XPL (asset zero) and other assets.
    #[derive(Debug, PartialEq, Eq)]
    interface IBank {
        /// Moves what the caller holds.
        function transfer(address asset, address to, uint256 amount) external;
        /// Moves what the caller holds to several at once: all or nothing.
        function transferMany(address asset, address[] to, uint256[] amounts) external;
        /// What somebody holds.
        function balanceOf(address asset, address account) external view returns (uint256 balance);
        /// All there is.
        function supplyOf(address asset) external view returns (uint256 supply);
        /// What an asset is called, and how many of its digits stand behind the point.
        function assetInfo(address asset) external view
            returns (string memory name, string memory symbol, uint8 decimals);

        /// `from` zero: brought into being; `to` zero: taken out of being. A plain XPL transfer, which is no
        /// call, emits none.
        event Transfer(address indexed asset, address indexed from, address indexed to, uint256 amount);

        error InsufficientBalance(address asset, address account, uint256 balance, uint256 needed);
        error BalanceOverflow(address asset, address account);
        error UnequalLengths(uint256 recipients, uint256 amounts);
        error UnknownAsset(address asset);
    }
}

/// What an asset is called.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct AssetInfo {
    pub(crate) name: String,
    pub(crate) symbol: String,
    pub(crate) decimals: u8,
}

pub(crate) const ASSETS: Map<Address, AssetInfo> = Map::new("bank/assets");

/// The module `bank`: who holds how much of XPL and of other assets.
///
/// There are no approvals: a module that needs an asset [takes](Context::take) it within the call that the
/// holder signed. Assets come into being by the bridge, or by the one module that issues them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bank;

impl Bank {
    /// Checks that `holders`, which must be all of them, hold the whole supply of an asset: no more, no less.
    /// For XPL the fees that a block has taken in and not yet settled count as well.
    pub fn audit(
        state: &dyn StateRead,
        asset: Address,
        holders: impl IntoIterator<Item = Address>,
    ) -> Result<(), String> {
        let pending = if asset == XPL {
            FeeMarket::load(state)
        } else {
            FeeMarket::default()
        };
        let mut sum = pending.tips + pending.burned;
        for holder in holders {
            sum += ledger::balance(state, asset, holder);
        }
        let supply = SUPPLY.get_or_default(state, &asset);
        if sum == supply {
            Ok(())
        } else {
            Err(format!(
                "holdings of {asset} add up to {sum}, and the supply is {supply}"
            ))
        }
    }
}

impl Module for Bank {
    const NAME: &'static str = "bank";
    type Calls = IBank::IBankCalls;
    /// The bank's first holdings are the configuration's own `balances` and `assets`.
    type Genesis = ();

    fn abi(&self) -> JsonAbi {
        IBank::abi::contract()
    }

    fn hook_gas(&self) -> u64 {
        0
    }

    /// A transfer of XPL touches the accounts of a payment and no others.
    fn work(&self, input: &[u8]) -> Option<u64> {
        const LENGTH: usize = 4 + 3 * 32;
        let xpl = || input[4..36].iter().all(|byte| *byte == 0);
        let transfer = input.len() == LENGTH && input.starts_with(&IBank::transferCall::SELECTOR);
        (transfer && xpl()).then_some(gas::TRANSFER_WORK)
    }

    fn call(&self, context: &mut Context<'_>, call: IBank::IBankCalls) -> CallResult {
        use IBank::IBankCalls as Calls;
        let caller = context.caller();
        match call {
            Calls::transfer(call) => {
                context.move_asset(call.asset, caller, call.to, call.amount)?;
                call.done()
            }
            Calls::transferMany(call) => {
                let (recipients, amounts) = (call.to.len(), call.amounts.len());
                if recipients != amounts {
                    return Err(IBank::UnequalLengths {
                        recipients: U256::from(recipients),
                        amounts: U256::from(amounts),
                    }
                    .into());
                }
                for (to, amount) in call.to.iter().zip(&call.amounts) {
                    context.move_asset(call.asset, caller, *to, *amount)?;
                }
                call.done()
            }
            Calls::balanceOf(call) => call.answer(&context.balance(call.asset, call.account)?),
            Calls::supplyOf(call) => {
                context.charge(gas::READ)?;
                call.answer(&SUPPLY.get_or_default(context.state(), &call.asset))
            }
            Calls::assetInfo(call) => {
                context.charge(gas::READ)?;
                let info = ASSETS
                    .get(context.state(), &call.asset)
                    .ok_or(IBank::UnknownAsset { asset: call.asset })?;
                let AssetInfo {
                    name,
                    symbol,
                    decimals,
                } = info;
                call.answer(&IBank::assetInfoReturn {
                    name,
                    symbol,
                    decimals,
                })
            }
        }
    }

    fn invariants(&self, view: &View<'_>) -> Result<(), String> {
        let pending = FeeMarket::load(view.state);
        let supply = SUPPLY.get_or_default(view.state, &XPL);
        if pending.tips + pending.burned > supply {
            return Err(format!(
                "the fees of a block are more than all XPL, {supply}"
            ));
        }
        Ok(())
    }
}
