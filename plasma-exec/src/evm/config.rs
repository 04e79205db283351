//! What a chain fixes at its genesis, and its market for gas.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Item, Seconds};
use revm::primitives::hardfork::SpecId;
use serde::{Deserialize, Serialize};

use super::prices::Prices;

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

/// The market for gas: EIP-1559, and what it lacks for a chain that makes no empty blocks.
///
/// On Ethereum emptier blocks bring a high base fee down again. Here nobody builds a block with nothing in it, so
/// a base fee that nobody will pay would stand for ever: every [`Market::SLOT`] seconds without a block count as
/// an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Market {
    /// The base fee of the block being built; once it has ended, of the next one. In wei.
    pub(super) base_fee: u64,
    /// The gas that the block being built, or the last one, used.
    pub(super) gas_used: u64,
    /// When that block was; zero before the first.
    pub(super) at: Seconds,
}

impl Market {
    /// Seconds without a block that count as an empty one: Ethereum's slot.
    pub(super) const SLOT: u64 = 12;

    /// What it is by `now`, if no block comes until then. Twice is as once.
    pub(super) fn at(mut self, now: Seconds, config: &Config) -> Self {
        // Genesis has no time of its own here.
        let since = if self.at.0 == 0 { now } else { self.at };
        let mut slots = now.0.saturating_sub(since.0) / Self::SLOT;
        if slots > 0 {
            self.at = now;
        }
        while slots > 0 {
            let next = next_base_fee(self.base_fee, 0, config);
            if next == self.base_fee {
                break;
            }
            (self.base_fee, slots) = (next, slots - 1);
        }
        self
    }

    /// A block begins.
    pub(super) fn begin(&mut self, now: Seconds) {
        (self.gas_used, self.at) = (0, now);
    }

    /// The block ends.
    pub(super) fn end(&mut self, config: &Config) {
        self.base_fee = next_base_fee(self.base_fee, self.gas_used, config);
    }
}

/// The base fee after a block with this one that used so much gas (EIP-1559).
///
/// Forced transactions may carry a block over its limit; that counts as full.
fn next_base_fee(base_fee: u64, gas_used: u64, config: &Config) -> u64 {
    let target = u128::from((config.gas_limit / config.elasticity).max(1));
    let used = u128::from(gas_used.min(config.gas_limit));
    let delta = |distance: u128| {
        let moved = u128::from(base_fee) * distance / target / u128::from(config.denominator);
        u64::try_from(moved).unwrap_or(u64::MAX)
    };
    let next = if used > target {
        base_fee.saturating_add(delta(used - target).max(1))
    } else {
        base_fee.saturating_sub(delta(target - used))
    };
    next.max(config.min_base_fee)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_fee_moves_as_on_ethereum() {
        let config = Config {
            gas_limit: 30_000_000,
            ..Config::default()
        };
        // base fee, gas used, base fee of the next block
        let cases = [
            (1_000_000_000, 15_000_000, 1_000_000_000),
            (1_000_000_000, 30_000_000, 1_125_000_000),
            (1_000_000_000, 0, 875_000_000),
            (1_000_000_000, 7_500_000, 937_500_000),
            (1_000_000_000, 99_000_000, 1_125_000_000),
            (7, 0, 7),
            (0, 0, 0),
            (0, 30_000_000, 1),
            (7, 15_000_001, 8),
            (u64::MAX, 30_000_000, u64::MAX),
        ];
        for (base_fee, used, next) in cases {
            assert_eq!(
                next_base_fee(base_fee, used, &config),
                next,
                "{base_fee} after {used}"
            );
        }
        let floor = Config {
            min_base_fee: 900,
            ..config
        };
        assert_eq!(next_base_fee(1_000, 0, &floor), 900);
    }

    #[test]
    fn without_blocks_the_base_fee_falls_with_time() {
        let config = Config {
            min_base_fee: 100,
            ..Config::default()
        };
        let market = Market {
            base_fee: 1_000,
            gas_used: 5,
            at: Seconds(50),
        };
        let base_fee = |now| market.at(Seconds(now), &config).base_fee;
        let cases = [
            (0, 1_000),
            (61, 1_000),
            (62, 875),
            (74, 766),
            (10_000, 100),
            (u64::MAX, 100),
        ];
        for (now, expected) in cases {
            assert_eq!(base_fee(now), expected, "at {now}");
        }
        assert_eq!(
            Market {
                at: Seconds(0),
                ..market
            }
            .at(Seconds(99), &config)
            .base_fee,
            1_000
        );
        let once = market.at(Seconds(75), &config);
        assert_eq!(once.at(Seconds(75), &config), once);
    }
}
