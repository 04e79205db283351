//! How an EVM chain begins.

use alloc::{collections::BTreeMap, format, string::String, string::ToString, vec::Vec};

use alloy_primitives::{Address, Bytes, U256, keccak256};
use plasma_core::{ExecutionError, State};
use revm::bytecode::Bytecode;
use serde::{Deserialize, Serialize};

use super::{
    account::{ACCOUNTS, Account, Code, STORAGE, Word, designator},
    code,
    config::{CONFIG, Config, EvmSpec, MARKET},
    predeploys::predeploys,
    prices::Prices,
};
use crate::ethereum::read_genesis;

/// How a chain on [`EvmExecution`](crate::EvmExecution) begins: the configuration that its genesis takes as JSON.
///
/// ```
/// use plasma_exec::EvmGenesis;
///
/// let genesis: EvmGenesis = serde_json::from_str(r#"{
///     "alloc": { "0x00000000000000000000000000000000000000aa": { "balance": "1000000000000000000" } },
///     "gasLimit": 30000000,
///     "spec": "osaka"
/// }"#)?;
/// assert_eq!(genesis.base_fee, 1_000_000_000);
/// assert_eq!(serde_json::from_slice::<EvmGenesis>(&genesis.to_json())?, genesis);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EvmGenesis {
    /// What each account has.
    pub alloc: BTreeMap<Address, EvmGenesisAccount>,
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
    /// The rules; `"osaka"` if left out.
    pub spec: EvmSpec,
    /// What gas costs; `"machine"` if left out. A chain at Ethereum's prices has transactions that nobody can prove.
    pub prices: Prices,
}

/// What an account has at genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EvmGenesisAccount {
    /// XPL, in wei.
    pub balance: U256,
    /// The next nonce.
    #[serde(with = "crate::ethereum::quantity")]
    pub nonce: u64,
    /// What it runs when called; an EIP-7702 designator is a delegation.
    pub code: Bytes,
    /// Storage by slot.
    pub storage: BTreeMap<U256, U256>,
}

impl Default for EvmGenesis {
    fn default() -> Self {
        let config = Config::default();
        Self {
            alloc: BTreeMap::new(),
            gas_limit: config.gas_limit,
            base_fee: 1_000_000_000,
            min_base_fee: config.min_base_fee,
            base_fee_elasticity: config.elasticity,
            base_fee_denominator: config.denominator,
            spec: config.spec,
            prices: config.prices,
        }
    }
}

impl EvmGenesis {
    /// Gives `address` this much XPL, in wei.
    #[must_use]
    pub fn with_balance(mut self, address: Address, balance: U256) -> Self {
        self.alloc.entry(address).or_default().balance = balance;
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
            spec: self.spec,
            gas_limit: self.gas_limit,
            elasticity: self.base_fee_elasticity,
            denominator: self.base_fee_denominator,
            min_base_fee: self.min_base_fee,
            prices: self.prices,
        };
        let market = config.market().first(self.base_fee)?;
        CONFIG.set(state, &config);
        MARKET.set(state, &market);
        for (address, account) in &self.alloc {
            account
                .write(state, *address)
                .map_err(|reason| format!("alloc {address}: {reason}"))?;
        }
        for (address, code) in predeploys()? {
            if self.alloc.contains_key(&address) {
                return Err(format!(
                    "alloc {address}: it is a contract of every chain; leave it out"
                ));
            }
            let predeploy = EvmGenesisAccount {
                nonce: 1,
                code,
                ..Default::default()
            };
            predeploy.write(state, address)?;
        }
        Ok(())
    }
}

impl EvmGenesisAccount {
    fn write(&self, state: &mut dyn State, address: Address) -> Result<(), String> {
        let code = match self.code.as_ref() {
            [] => Code::None,
            [0xef, 0x01, 0x00, to @ ..] if to.len() == Address::len_bytes() => {
                let to = Address::from_slice(to);
                debug_assert_eq!(designator(&to), self.code.as_ref());
                Code::Delegation(to)
            }
            [0xef, ..] => return Err("code may not start with 0xef (EIP-3541)".to_string()),
            bytes => {
                let hash = keccak256(bytes);
                for (key, part) in code::writes(&hash, &Bytecode::new_legacy(self.code.clone())) {
                    state.set(key, Some(part));
                }
                Code::Hash(hash)
            }
        };
        // A contract could be created over it, and would find what it did not put there (EIP-7610).
        if !self.storage.is_empty() && self.nonce == 0 && code == Code::None {
            return Err("storage without code or nonce; give it a nonce of 1".into());
        }
        let account = Account {
            nonce: self.nonce,
            balance: self.balance,
            code,
        };
        ACCOUNTS.set_or_remove(state, &address, &account);
        for (slot, value) in &self.storage {
            STORAGE.set_or_remove(state, &(address, *slot), &Word(*value));
        }
        Ok(())
    }
}
