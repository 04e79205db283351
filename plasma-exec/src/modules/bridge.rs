//! In from the root layer, and out to it and to other chains.

use alloc::{format, string::String};

use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, B256, Bytes, U256};
use plasma_core::{ChainId, InboxMessage, Item, Map, OutgoingMessage, State};
use serde::Deserialize;

use super::{Answer, CallError, CallResult, Context, Module, View, XPL, gas, ledger::SUPPLY};
use crate::sol;

sol! {
    /// In from the root layer, and out to it and to other chains.
    #[derive(Debug, PartialEq, Eq)]
    interface IBridge {
        /// Burns what the caller holds; the root's bridge pays it out to `recipient` once this block is settled.
        function withdraw(address asset, address recipient, uint256 amount) external;
        /// Sends a message to another chain, with an asset that is burned here, or with none. `gas` is what the
        /// recipient's call may use there, `expiry` the last second in which it may be delivered; 0 for no end.
        function sendMessage(
            uint64 destination,
            address recipient,
            address asset,
            uint256 amount,
            uint64 gas,
            uint64 expiry,
            bytes calldata payload
        ) external;
        /// How much of an asset the root's bridge holds for this chain.
        function backing(address asset) external view returns (uint256 amount);

        /// A deposit out of the root's inbox was credited.
        event Deposited(
            uint64 indexed index,
            address indexed sender,
            address indexed to,
            address asset,
            uint256 amount,
            bytes data
        );
        /// A message leaves with this block.
        event Sent(
            uint64 indexed destination,
            address indexed sender,
            address indexed recipient,
            address asset,
            uint256 amount
        );

        error ZeroRecipient();
        error NotBacked(address asset, uint256 backing, uint256 amount);
    }
}

/// What the root's bridge holds for this chain, by asset.
pub(crate) const BACKING: Map<Address, U256> = Map::new("bridge/backing");
const ROOT_CHAIN: Item<u64> = Item::new("bridge/root");

/// The module `bridge`: deposits come in from the root's inbox, withdrawals and messages go out.
///
/// It keeps the same account as the root's `Bridge`: of no asset can more leave than entered, whatever else goes
/// wrong on this chain. In the genesis configuration: `"bridge": {"rootChainId": 1}`; without it withdrawals are
/// addressed to chain 0, which the root's `Bridge` takes for itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct BridgeModule;

/// The module's section of the genesis configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BridgeGenesis {
    /// The chain id of the root layer; 0 for whichever it is.
    root_chain_id: u64,
}

impl Module for BridgeModule {
    const NAME: &'static str = "bridge";
    type Calls = IBridge::IBridgeCalls;
    type Genesis = BridgeGenesis;

    fn abi(&self) -> JsonAbi {
        IBridge::abi::contract()
    }

    fn genesis(&self, context: &mut Context<'_>, genesis: BridgeGenesis) -> CallResult<()> {
        ROOT_CHAIN.set(context.state(), &genesis.root_chain_id);
        Ok(())
    }

    fn hook_gas(&self) -> u64 {
        0
    }

    fn call(&self, context: &mut Context<'_>, call: IBridge::IBridgeCalls) -> CallResult {
        use IBridge::IBridgeCalls as Calls;
        let caller = context.caller();
        let message = |destination, recipient, asset, amount| OutgoingMessage {
            destination: ChainId(destination),
            sender: caller,
            recipient,
            asset,
            amount,
            gas: 0,
            expiry: 0,
            refund: caller,
            bundle: B256::ZERO,
            payload: Bytes::new(),
        };
        match call {
            Calls::withdraw(call) => {
                context.charge(gas::READ)?;
                let root = ROOT_CHAIN.get(context.state()).unwrap_or_default();
                send(
                    context,
                    message(root, call.recipient, call.asset, call.amount),
                )?;
                call.done()
            }
            Calls::sendMessage(call) => {
                let plain = message(call.destination, call.recipient, call.asset, call.amount);
                let (gas, expiry, payload) = (call.gas, call.expiry, call.payload.clone());
                send(
                    context,
                    OutgoingMessage {
                        gas,
                        expiry,
                        payload,
                        ..plain
                    },
                )?;
                call.done()
            }
            Calls::backing(call) => {
                context.charge(gas::READ)?;
                call.answer(&BACKING.get_or_default(context.state(), &call.asset))
            }
        }
    }

    fn invariants(&self, view: &View<'_>) -> Result<(), String> {
        let backing = BACKING.get_or_default(view.state, &XPL);
        let supply = SUPPLY.get_or_default(view.state, &XPL);
        // Burned fees leave the supply and stay in escrow.
        if supply > backing {
            return Err(format!(
                "there is more XPL, {supply}, than the root's bridge holds, {backing}"
            ));
        }
        Ok(())
    }
}

/// Burns what the message carries and sends it.
fn send(context: &mut Context<'_>, message: OutgoingMessage) -> CallResult<()> {
    let OutgoingMessage {
        destination,
        sender,
        recipient,
        asset,
        amount,
        ..
    } = message;
    if recipient.is_zero() {
        return Err(IBridge::ZeroRecipient {}.into());
    }
    if !amount.is_zero() {
        context.charge(gas::READ + gas::WRITE)?;
        let backing = BACKING.get_or_default(context.state(), &asset);
        let rest = backing.checked_sub(amount).ok_or(IBridge::NotBacked {
            asset,
            backing,
            amount,
        })?;
        context.burn_asset(asset, sender, amount)?;
        BACKING.set_or_remove(context.state(), &asset, &rest);
    }
    context.push_message(message)?;
    let destination = destination.0;
    context.emit(&IBridge::Sent {
        destination,
        sender,
        recipient,
        asset,
        amount,
    })
}

/// Adds to what the root's bridge holds for this chain.
pub(crate) fn back(state: &mut dyn State, asset: Address, amount: U256) -> Result<(), CallError> {
    let backing = BACKING
        .get_or_default(state, &asset)
        .checked_add(amount)
        .ok_or_else(|| CallError::message("more of an asset than there are numbers"))?;
    BACKING.set_or_remove(state, &asset, &backing);
    Ok(())
}

/// Credits a deposit out of the root's inbox.
pub(crate) fn deposit(context: &mut Context<'_>, message: &InboxMessage) -> CallResult<()> {
    let InboxMessage {
        index,
        sender,
        to,
        asset,
        amount,
        ..
    } = *message;
    if !amount.is_zero() {
        back(context.state(), asset, amount)?;
        context.mint_asset(asset, to, amount)?;
    }
    let data = message.data.clone();
    context.emit(&IBridge::Deposited {
        index,
        sender,
        to,
        asset,
        amount,
        data,
    })
}
