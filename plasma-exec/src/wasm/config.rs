//! What a chain fixes at its genesis, and how it begins.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{ExecutionError, Item, State};
use serde::{Deserialize, Serialize};

use super::{
    account::{ACCOUNTS, Account, CODES, Code, SHAPES, STORAGE},
    module::Compiled,
    prices::MAX_STORAGE_BYTES,
};
use crate::ethereum::{Market, MarketRules, read_genesis};

/// The chain's parameters.
pub(super) const CONFIG: Item<Config> = Item::new("wasm/config");
/// The chain's market for gas.
pub(super) const MARKET: Item<Market> = Item::new("wasm/market");

/// What is fixed at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Config {
    pub(super) gas_limit: u64,
    elasticity: u64,
    denominator: u64,
    min_base_fee: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gas_limit: 60_000_000,
            elasticity: 2,
            denominator: 8,
            min_base_fee: 0,
        }
    }
}

impl Config {
    /// What its market goes by.
    pub(super) fn market(&self) -> MarketRules {
        MarketRules {
            gas_limit: self.gas_limit,
            elasticity: self.elasticity,
            denominator: self.denominator,
            min_base_fee: self.min_base_fee,
        }
    }
}

/// How a chain on [`WasmExecution`](crate::WasmExecution) begins: the configuration that its genesis takes as JSON.
///
/// ```
/// use plasma_exec::WasmGenesis;
///
/// let genesis: WasmGenesis = serde_json::from_str(r#"{
///     "alloc": { "0x00000000000000000000000000000000000000aa": { "balance": "1000000000000000000" } },
///     "gasLimit": 30000000
/// }"#)?;
/// assert_eq!(genesis.base_fee, 1_000_000_000);
/// assert_eq!(serde_json::from_slice::<WasmGenesis>(&genesis.to_json())?, genesis);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WasmGenesis {
    /// What each account has.
    pub alloc: BTreeMap<Address, WasmGenesisAccount>,
    /// The gas of one block; 60,000,000 if left out.
    #[serde(with = "crate::ethereum::quantity")]
    pub gas_limit: u64,
    /// The base fee of the first block, in wei; 1 gwei if left out.
    #[serde(with = "crate::ethereum::quantity")]
    pub base_fee: u64,
    /// The base fee never falls below, in wei; 0 if left out.
    #[serde(with = "crate::ethereum::quantity")]
    pub min_base_fee: u64,
    /// A block that uses `gas_limit` divided by this leaves the base fee as it is; 2 if left out.
    #[serde(with = "crate::ethereum::quantity")]
    pub base_fee_elasticity: u64,
    /// A full, or an empty, block moves the base fee by one part in so many; 8 if left out.
    #[serde(with = "crate::ethereum::quantity")]
    pub base_fee_denominator: u64,
}

/// What an account has at genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WasmGenesisAccount {
    /// XPL, in wei.
    pub balance: U256,
    /// The next nonce.
    #[serde(with = "crate::ethereum::quantity")]
    pub nonce: u64,
    /// The module that it runs when called; its `deploy` is not.
    pub code: Bytes,
    /// Storage by key.
    pub storage: BTreeMap<B256, Bytes>,
}

impl Default for WasmGenesis {
    fn default() -> Self {
        let config = Config::default();
        Self {
            alloc: BTreeMap::new(),
            gas_limit: config.gas_limit,
            base_fee: 1_000_000_000,
            min_base_fee: config.min_base_fee,
            base_fee_elasticity: config.elasticity,
            base_fee_denominator: config.denominator,
        }
    }
}

impl WasmGenesis {
    /// Gives `address` this much XPL, in wei.
    #[must_use]
    pub fn with_balance(mut self, address: Address, balance: U256) -> Self {
        self.alloc.entry(address).or_default().balance = balance;
        self
    }

    /// Puts a contract with this module at `address`.
    #[must_use]
    pub fn with_contract(mut self, address: Address, module: impl Into<Bytes>) -> Self {
        self.alloc.entry(address).or_default().code = module.into();
        self
    }

    /// The JSON that [`Execution::genesis`](plasma_core::Execution::genesis) takes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a genesis has string keys and no failing serializer")
    }

    /// Reads that JSON.
    pub(super) fn from_json(config: &[u8]) -> Result<Self, ExecutionError> {
        read_genesis(config)
    }

    /// Writes the first state.
    pub(super) fn write(&self, state: &mut dyn State) -> Result<(), ExecutionError> {
        self.try_write(state).map_err(ExecutionError::Genesis)
    }

    fn try_write(&self, state: &mut dyn State) -> Result<(), String> {
        let config = Config {
            gas_limit: self.gas_limit,
            elasticity: self.base_fee_elasticity,
            denominator: self.base_fee_denominator,
            min_base_fee: self.min_base_fee,
        };
        let market = config.market().first(self.base_fee)?;
        CONFIG.set(state, &config);
        MARKET.set(state, &market);
        for (address, account) in &self.alloc {
            account
                .write(state, *address)
                .map_err(|reason| format!("alloc {address}: {reason}"))?;
        }
        Ok(())
    }
}

impl WasmGenesisAccount {
    fn write(&self, state: &mut dyn State, address: Address) -> Result<(), String> {
        let (mut code, mut nonce) = (Code::None, self.nonce);
        if !self.code.is_empty() {
            let (_, shape) = Compiled::new(&self.code)?;
            let hash = keccak256(&self.code);
            if SHAPES.get(state, &hash).is_none() {
                SHAPES.set(state, &hash, &shape);
                CODES.set(state, &hash, &self.code);
            }
            (code, nonce) = (Code::Hash(hash), nonce.max(1));
        }
        if !self.storage.is_empty() && code == Code::None {
            return Err("storage without code; give it a module".into());
        }
        let account = Account {
            nonce,
            balance: self.balance,
            code,
        };
        ACCOUNTS.set_or_remove(state, &address, &account);
        for (key, value) in &self.storage {
            if value.len() > MAX_STORAGE_BYTES {
                return Err(format!(
                    "the value of {} bytes under {key} is over the limit of {MAX_STORAGE_BYTES}",
                    value.len()
                ));
            }
            if !value.is_empty() {
                state.set(STORAGE.key(&(address, *key)), Some(value.clone()));
            }
        }
        Ok(())
    }
}
