//! The network of sequencers on the root, and XPL: what `SequencerRegistry` and `Stakes` hold, and the ways to act there.
//!
//! ```text
//!     SequencerNetwork --reads--> committees, epochs, status, supply
//!            |
//!            +--with an account--> join, delegate, unbond, claim, advance, attest, report
//! ```
//!
//! Time is counted in *epochs*, from the first election on. Nothing happens by itself: whoever wants the next epoch calls
//! [`SequencerNetwork::advance`] once the length of the current one is over.

mod actions;
mod client;
mod committees;
mod evidence;
mod keys;
mod status;
mod supply;
mod terms;

pub use actions::{MovedStake, UnbondedStake};
pub use client::{EPOCH_WINDOWS, Election, EpochTimes, NetworkAddresses, SequencerNetwork};
pub use evidence::{BlockVote, DoubleVote, EvidenceError};
pub use keys::possession_digest;
pub use status::{NetworkStatus, Participation, PendingUnbonding, SequencerStatus, StakePosition};
pub use supply::{SupplyError, XplSupply};
pub use terms::{NetworkTerms, VotingTerms};

#[cfg(test)]
mod tests;
