//! Where a chain of modules begins.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use alloy_primitives::Address;
use plasma_core::{BlockContext, ExecutionError, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    CallError, Context, XPL,
    bank::{ASSETS, AssetInfo},
    bridge,
    context::Effects,
    fee_market::FeeMarket,
    ledger,
    numbers::Amount,
    registry::Registry,
};

/// The base fee of the first block unless the configuration says otherwise, in wei.
const DEFAULT_BASE_FEE: u128 = 1_000_000_000;
/// The gas of a block unless the configuration says otherwise: as many plain transfers as a block can hold.
const DEFAULT_GAS_LIMIT: u64 = 1_500_000_000;

/// The genesis configuration of a [`ModuleRuntime`](crate::ModuleRuntime), which takes it as JSON.
///
/// ```json
/// {
///   "balances": { "0x00000000000000000000000000000000000000aa": "1000000000000000000" },
///   "assets": [
///     { "address": "0x00000000000000000000000000000000000000bb", "name": "Dollar", "symbol": "USD", "decimals": 6,
///       "balances": { "0x00000000000000000000000000000000000000aa": "5000000" } }
///   ],
///   "baseFee": "1000000000",
///   "gasLimit": 1500000000,
///   "modules": { "fees": { "floor": "1000000" } }
/// }
/// ```
/// Everything is optional; amounts are decimal or `0x` strings. What it gives out must be held by the root's
/// bridge for this chain (`Bridge.endow`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ModuleGenesis {
    /// Who holds how much XPL, in wei.
    pub balances: BTreeMap<Address, Amount>,
    /// Other assets that are there from the beginning.
    pub assets: Vec<AssetGenesis>,
    /// The base fee of the first block, in wei; one gwei unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_fee: Option<Amount>,
    /// The gas that a block may use; enough for a block full of transfers unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas_limit: Option<u64>,
    /// The modules' own sections, by name.
    pub modules: BTreeMap<String, Value>,
}

/// An asset that is there from the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssetGenesis {
    /// Its name in calls and messages: the root token's address.
    pub address: Address,
    /// What it is called.
    pub name: String,
    /// What it is called in short.
    pub symbol: String,
    /// How many of its digits stand behind the point.
    pub decimals: u8,
    /// Who holds how much of it, in its smallest unit.
    #[serde(default)]
    pub balances: BTreeMap<Address, Amount>,
}

fn invalid(text: impl Into<String>) -> ExecutionError {
    ExecutionError::Genesis(text.into())
}

impl ModuleGenesis {
    /// The JSON that [`Execution::genesis`](plasma_core::Execution::genesis) takes.
    pub fn to_json(&self) -> String {
        json!(self).to_string()
    }

    pub(crate) fn parse(config: &[u8]) -> Result<Self, ExecutionError> {
        if config.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(config).map_err(|error| invalid(format!("{error}")))
    }

    /// Writes the first state.
    pub(crate) fn write(
        &self,
        registry: &Registry,
        state: &mut dyn State,
    ) -> Result<(), ExecutionError> {
        give_out(state, XPL, &self.balances)?;
        for asset in &self.assets {
            asset.write(state)?;
        }
        let base_fee = self
            .base_fee
            .map_or(Ok(DEFAULT_BASE_FEE), |fee| u128::try_from(fee.0));
        let base_fee = base_fee.map_err(|_| invalid("baseFee is at most 2^128 - 1 wei"))?;
        let gas_limit = self.gas_limit.unwrap_or(DEFAULT_GAS_LIMIT);
        let least = super::gas::TRANSACTION;
        if gas_limit < least {
            return Err(invalid(format!(
                "gasLimit {gas_limit} is below {least}, one transfer"
            )));
        }
        FeeMarket {
            base_fee,
            gas_limit,
            ..FeeMarket::default()
        }
        .store(state);
        self.write_modules(registry, state)
    }

    fn write_modules(
        &self,
        registry: &Registry,
        state: &mut dyn State,
    ) -> Result<(), ExecutionError> {
        let names: Vec<&str> = registry
            .entries()
            .iter()
            .map(|entry| entry.interface.name())
            .collect();
        if let Some(name) = self
            .modules
            .keys()
            .find(|name| !names.contains(&name.as_str()))
        {
            let known = names.join(", ");
            return Err(invalid(format!(
                "no module {name:?}; this chain has {known}"
            )));
        }
        let block = BlockContext::default();
        for (index, entry) in registry.entries().iter().enumerate() {
            let name = entry.interface.name();
            // Genesis is written once, by whoever starts the chain: nothing to meter.
            let mut effects = Effects::new(u64::MAX);
            let mut context =
                Context::new(registry, state, &block, &mut effects, index, Address::ZERO);
            entry
                .module
                .genesis(&mut context, self.modules.get(name))
                .map_err(|error| invalid(format!("modules.{name}: {}", error.reason(registry))))?;
        }
        Ok(())
    }
}

impl AssetGenesis {
    fn write(&self, state: &mut dyn State) -> Result<(), ExecutionError> {
        let address = self.address;
        if address == XPL {
            return Err(invalid(
                "assets: address zero is XPL; its holders stand under balances",
            ));
        }
        if ASSETS.get(state, &address).is_some() {
            return Err(invalid(format!("assets: {address} is there twice")));
        }
        let (name, symbol) = (self.name.clone(), self.symbol.clone());
        ASSETS.set(
            state,
            &address,
            &AssetInfo {
                name,
                symbol,
                decimals: self.decimals,
            },
        );
        give_out(state, address, &self.balances)
    }
}

fn give_out(
    state: &mut dyn State,
    asset: Address,
    balances: &BTreeMap<Address, Amount>,
) -> Result<(), ExecutionError> {
    for (holder, Amount(amount)) in balances.iter().filter(|(_, amount)| !amount.0.is_zero()) {
        ledger::mint(state, asset, *holder, *amount)
            .and_then(|()| bridge::back(state, asset, *amount))
            .map_err(|_: CallError| {
                invalid(format!(
                    "the balances of {asset} add up to more than 2^256 - 1"
                ))
            })?;
    }
    Ok(())
}
