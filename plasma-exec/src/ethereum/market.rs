//! The market for gas of chains whose base fee is burned as it is paid.

use alloc::{format, string::String};

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::Seconds;

/// What a chain fixes of its market at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarketRules {
    /// The gas of one block.
    pub(crate) gas_limit: u64,
    /// A block that uses the limit divided by this leaves the base fee as it is.
    pub(crate) elasticity: u64,
    /// A full, or an empty, block moves the base fee by one part in so many.
    pub(crate) denominator: u64,
    /// The base fee never falls below, in wei.
    pub(crate) min_base_fee: u64,
}

impl MarketRules {
    /// The market of a chain that begins with this base fee, in wei; or what the genesis that says so has wrong.
    pub(crate) fn first(&self, base_fee: u64) -> Result<Market, String> {
        const LEAST_GAS: u64 = 1_000_000;
        /// Whatever the fees, gas times price then fits in 128 bits.
        const MOST_GAS: u64 = 1 << 40;
        if !(LEAST_GAS..=MOST_GAS).contains(&self.gas_limit) {
            return Err(format!(
                "gasLimit {} is outside {LEAST_GAS} to {MOST_GAS}",
                self.gas_limit
            ));
        }
        if self.elasticity == 0 || self.denominator == 0 {
            return Err("baseFeeElasticity and baseFeeDenominator must be at least 1".into());
        }
        let least = self.min_base_fee;
        if base_fee < least {
            return Err(format!("baseFee {base_fee} is below minBaseFee {least}"));
        }
        Ok(Market {
            base_fee,
            ..Market::default()
        })
    }
}

/// The market for gas: EIP-1559, and what it lacks for a chain that makes no empty blocks.
///
/// On Ethereum emptier blocks bring a high base fee down again. Here nobody builds a block with nothing in it, so
/// a base fee that nobody will pay would stand for ever: every [`Market::SLOT`] seconds without a block count as
/// an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Market {
    /// The base fee of the block being built; once it has ended, of the next one. In wei.
    pub(crate) base_fee: u64,
    /// The gas that the block being built, or the last one, used.
    pub(crate) gas_used: u64,
    /// When that block was; zero before the first.
    pub(crate) at: Seconds,
}

impl Market {
    /// Seconds without a block that count as an empty one: Ethereum's slot.
    pub(crate) const SLOT: u64 = 12;

    /// What it is by `now`, if no block comes until then. Twice is as once.
    pub(crate) fn at(mut self, now: Seconds, rules: &MarketRules) -> Self {
        // Genesis has no time of its own here.
        let since = if self.at.0 == 0 { now } else { self.at };
        let mut slots = now.0.saturating_sub(since.0) / Self::SLOT;
        if slots > 0 {
            self.at = now;
        }
        while slots > 0 {
            let next = next_base_fee(self.base_fee, 0, rules);
            if next == self.base_fee {
                break;
            }
            (self.base_fee, slots) = (next, slots - 1);
        }
        self
    }

    /// A block begins.
    pub(crate) fn begin(&mut self, now: Seconds) {
        (self.gas_used, self.at) = (0, now);
    }

    /// The block ends.
    pub(crate) fn end(&mut self, rules: &MarketRules) {
        self.base_fee = next_base_fee(self.base_fee, self.gas_used, rules);
    }
}

/// The base fee after a block with this one that used so much gas (EIP-1559).
///
/// Forced transactions may carry a block over its limit; that counts as full.
fn next_base_fee(base_fee: u64, gas_used: u64, rules: &MarketRules) -> u64 {
    let target = u128::from((rules.gas_limit / rules.elasticity).max(1));
    let used = u128::from(gas_used.min(rules.gas_limit));
    let delta = |distance: u128| {
        let moved = u128::from(base_fee) * distance / target / u128::from(rules.denominator);
        u64::try_from(moved).unwrap_or(u64::MAX)
    };
    let next = if used > target {
        base_fee.saturating_add(delta(used - target).max(1))
    } else {
        base_fee.saturating_sub(delta(target - used))
    };
    next.max(rules.min_base_fee)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: MarketRules = MarketRules {
        gas_limit: 60_000_000,
        elasticity: 2,
        denominator: 8,
        min_base_fee: 0,
    };

    #[test]
    fn the_base_fee_moves_as_on_ethereum() {
        let rules = MarketRules {
            gas_limit: 30_000_000,
            ..RULES
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
                next_base_fee(base_fee, used, &rules),
                next,
                "{base_fee} after {used}"
            );
        }
        let floor = MarketRules {
            min_base_fee: 900,
            ..rules
        };
        assert_eq!(next_base_fee(1_000, 0, &floor), 900);
    }

    #[test]
    fn without_blocks_the_base_fee_falls_with_time() {
        let rules = MarketRules {
            min_base_fee: 100,
            ..RULES
        };
        let market = Market {
            base_fee: 1_000,
            gas_used: 5,
            at: Seconds(50),
        };
        let base_fee = |now| market.at(Seconds(now), &rules).base_fee;
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
            .at(Seconds(99), &rules)
            .base_fee,
            1_000
        );
        let once = market.at(Seconds(75), &rules);
        assert_eq!(once.at(Seconds(75), &rules), once);
    }
}
