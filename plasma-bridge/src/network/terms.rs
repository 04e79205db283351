//! What a network is deployed with.

use plasma_core::U256;
use serde::{Deserialize, Serialize};

use crate::contracts::abi;

/// One XPL in wei.
const ONE: u128 = 1_000_000_000_000_000_000;

/// What a network of sequencers is deployed with. The default suits development networks: all is short and small.
///
/// Governance can change the first six later; the rest is fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkTerms {
    /// The most seats of a committee, 1 to 128.
    pub seats: u16,
    /// Seconds that an epoch lasts at least, 1 to a year.
    pub epoch_length: u32,
    /// Hundredths of a percent of the stake that a double vote burns; 0: it costs rewards and the seat only.
    pub slash: u16,
    /// Hundredths of a percent of all weight that one seat has at most, 100 to 3,333.
    pub saturation: u16,
    /// Wei that an operator bonds itself at least, from one XPL on.
    pub min_self_bond: u128,
    /// Wei of its own bond that a broken promise costs an operator; 0: only the verdict.
    pub fine: u128,
    /// For how many epochs more stake that leaves is liable, 2 to 1,024.
    pub delay: u64,
    /// Wei of the root's coin that an accusation of a broken promise costs.
    pub promise_deposit: U256,
    /// Seconds in which an accusation can be answered.
    pub promise_window: u64,
    /// Seconds that a decision of governance waits before anyone may execute it.
    pub timelock: u64,
    /// What votes take.
    pub voting: VotingTerms,
}

/// What a vote of governance takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct VotingTerms {
    /// Seconds between a proposal and the moment whose votes count.
    pub delay: u64,
    /// Seconds in which votes are cast.
    pub period: u32,
    /// Wei of votes that a proposer needs.
    pub threshold: U256,
    /// Percent of the supply that must be for it or abstain.
    pub quorum: u8,
}

impl Default for NetworkTerms {
    fn default() -> Self {
        Self {
            seats: 100,
            epoch_length: 60,
            slash: 1_000,
            saturation: 3_333,
            min_self_bond: 1_000 * ONE,
            fine: 0,
            delay: 2,
            promise_deposit: U256::from(ONE / 10),
            promise_window: 60,
            timelock: 5,
            voting: VotingTerms::default(),
        }
    }
}

impl Default for VotingTerms {
    fn default() -> Self {
        Self {
            delay: 1,
            period: 30,
            threshold: U256::from(1_000 * ONE),
            quorum: 4,
        }
    }
}

impl From<&NetworkTerms> for abi::Parameters {
    fn from(from: &NetworkTerms) -> Self {
        Self {
            seats: from.seats,
            epochLength: from.epoch_length,
            slash: from.slash,
            saturation: from.saturation,
            minSelfBond: from.min_self_bond,
            fine: from.fine,
        }
    }
}

impl From<&VotingTerms> for abi::Voting {
    fn from(from: &VotingTerms) -> Self {
        Self {
            delay: alloy::primitives::aliases::U48::from(from.delay.min((1 << 48) - 1)),
            period: from.period,
            threshold: from.threshold,
            quorum: U256::from(from.quorum),
        }
    }
}
