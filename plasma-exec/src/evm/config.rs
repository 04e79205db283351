//! What a chain fixes at its genesis, and its market for gas.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::Item;
use revm::primitives::hardfork::SpecId;
use serde::{Deserialize, Serialize};

use super::prices::Prices;
pub(super) use crate::ethereum::Market;
use crate::ethereum::MarketRules;

/// The chain's parameters.
pub(super) const CONFIG: Item<Config> = Item::new("evm/config");
/// The chain's market for gas.
pub(super) const MARKET: Item<Market> = Item::new("evm/market");

/// The rules that an [`EvmExecution`](crate::EvmExecution) follows: a fork of Ethereum.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EvmSpec {
    /// May 2025: EIP-7702, BLS12-381 precompiles, EIP-7623.
    Prague,
    /// December 2025, the rules of Ethereum now: a transaction takes at most 2^24 gas (EIP-7825), secp256r1
    /// precompile (EIP-7951), `CLZ`.
    #[default]
    Osaka,
}

impl EvmSpec {
    pub(super) fn id(self) -> SpecId {
        match self {
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }
}

/// What is fixed at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Config {
    pub(super) spec: EvmSpec,
    /// The gas of one block.
    pub(super) gas_limit: u64,
    /// A block that uses the limit divided by this leaves the base fee as it is.
    pub(super) elasticity: u64,
    /// A full, or an empty, block moves the base fee by one part in so many.
    pub(super) denominator: u64,
    /// The base fee never falls below, in wei.
    pub(super) min_base_fee: u64,
    /// What gas costs.
    pub(super) prices: Prices,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            spec: EvmSpec::default(),
            gas_limit: 60_000_000,
            elasticity: 2,
            denominator: 8,
            min_base_fee: 0,
            prices: Prices::default(),
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
