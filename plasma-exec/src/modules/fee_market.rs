//! The price of gas from block to block (EIP-1559), and what a block has taken in so far.

use alloy_primitives::{Bytes, U256, b256};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Item, State, StateKey, StateRead, decode};

use crate::ethereum::short;

/// What the chain's genesis says about fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FeeRules {
    /// The gas that a block may use.
    pub(crate) gas_limit: u64,
    /// The base fee never falls below, in wei.
    pub(crate) floor: u128,
    /// A block may use this many times its target.
    pub(crate) elasticity: u64,
    /// From block to block the base fee moves by at most one part in this many.
    pub(crate) denominator: u64,
}

/// The fees of the block that is being built or was built last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct FeeMarket {
    /// The base fee of the block that is being built, or of the next one between blocks, in wei.
    pub(crate) base_fee: u128,
    /// The gas that a block may use.
    pub(crate) gas_limit: u64,
    /// The gas used so far in the block that is being built.
    pub(crate) gas_used: u64,
    /// The gas used in the block before.
    pub(crate) last_gas_used: u64,
    /// Owed to the proposer at the end of the block, in wei.
    pub(crate) tips: U256,
    /// To be taken out of the supply at the end of the block, in wei.
    pub(crate) burned: U256,
}

pub(crate) const RULES: Item<FeeRules> = Item::new("fees/rules");

/// Where the market is. Every transaction reads and writes it, so its key is not hashed every time.
pub(crate) const MARKET_KEY: StateKey =
    b256!("1a88def862e51ed6bc6a98b71b2a492a6dd2cb53c2e4d99a3a997f533b262cf8");

impl FeeMarket {
    /// The market; of zeros in a state that had no genesis.
    pub(crate) fn load(state: &(impl StateRead + ?Sized)) -> Self {
        Self::read(state.get(&MARKET_KEY).as_ref())
    }

    /// The market that these bytes are; of zeros without any.
    pub(crate) fn read(bytes: Option<&Bytes>) -> Self {
        bytes.map_or_else(Self::default, |bytes| {
            decode(bytes, bytes.len()).expect("the market holds what the market wrote")
        })
    }

    pub(crate) fn store(&self, state: &mut (impl State + ?Sized)) {
        state.set(MARKET_KEY, Some(self.to_bytes()));
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        let mut bytes = [0; MARKET_BYTES];
        let mut rest = &mut bytes[..];
        self.serialize(&mut rest).expect("a market has one length");
        short::whole(bytes)
    }
}

/// A market's encoding: one number of 128 bits, three of 64, two of 256.
const MARKET_BYTES: usize = 16 + 3 * 8 + 2 * 32;

impl FeeRules {
    /// The base fee after a block that had `base_fee` and used `gas_used`.
    pub(crate) fn next_base_fee(&self, base_fee: u128, gas_used: u64) -> u128 {
        let target = (self.gas_limit / self.elasticity).max(1);
        let step = |distance: u64| {
            let step = U256::from(base_fee) * U256::from(distance) / U256::from(target);
            let step = step / U256::from(self.denominator);
            u128::try_from(step).unwrap_or(u128::MAX)
        };
        // Forced transactions may fill a block beyond its limit; the fee moves no faster for it.
        let used = gas_used.min(self.gas_limit);
        let next = if used > target {
            base_fee.saturating_add(step(used - target).max(1))
        } else {
            base_fee - step(target - used).min(base_fee)
        };
        next.max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::encode;

    use super::*;

    #[test]
    fn the_market_is_where_its_name_leads_and_as_long_as_it_says() {
        assert_eq!(Item::<FeeMarket>::new("fees/market").key(), MARKET_KEY);
        assert_eq!(encode(&FeeMarket::default()).len(), MARKET_BYTES);
    }

    #[test]
    fn the_base_fee_moves_as_eip_1559_says() {
        let rules = FeeRules {
            gas_limit: 20_000_000,
            floor: 7,
            elasticity: 2,
            denominator: 8,
        };
        // The first three are the vectors of go-ethereum's consensus/misc/eip1559 tests.
        let cases = [
            (1_000_000_000, 10_000_000, 1_000_000_000),
            (1_000_000_000, 9_000_000, 987_500_000),
            (1_000_000_000, 11_000_000, 1_012_500_000),
            (1_000_000_000, 20_000_000, 1_125_000_000),
            (1_000_000_000, u64::MAX, 1_125_000_000),
            (1_000_000_000, 0, 875_000_000),
            (7, 0, 7),
            (0, 0, 7),
            (7, 10_000_001, 8),
            (u128::MAX, 20_000_000, u128::MAX),
        ];
        for (base_fee, used, next) in cases {
            assert_eq!(
                rules.next_base_fee(base_fee, used),
                next,
                "{base_fee} after {used}"
            );
        }
    }
}
