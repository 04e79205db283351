//! Who votes at a height, with what weight, and who proposes when.

use std::{collections::HashMap, sync::Arc};

use arc_malachitebft_core_types::{self as engine, CommitCertificate};
use plasma_core::{
    Address, Certificate, Committee, Epoch, Height, MAX_SEATS, Seat, Signature, U256,
};

use super::{Domain, Key, PlasmaContext, VotingKey};

/// The total weight of a committee stays below this: the engine multiplies weights by 3 in 64 bits.
pub const MAX_TOTAL_WEIGHT: u64 = u64::MAX / 3;

/// Why a committee cannot agree on anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitteeError {
    /// Nobody is in it, or too many are.
    #[error("a committee of {0} seats; it must have 1 to {MAX_SEATS}")]
    Size(usize),
    /// One key has two seats.
    #[error("{0} has two seats; give each seat a key of its own")]
    Twice(Address),
    /// A seat without a vote.
    #[error("{0} has a seat of weight 0; leave it out")]
    Weightless(Address),
    /// The weights are too large to be counted.
    #[error(
        "the weights sum up to {total}, which is not below {MAX_TOTAL_WEIGHT}; scale them by `weigh`"
    )]
    Weight {
        /// The sum.
        total: u128,
    },
}

/// The committee of these stakes: weights are stakes in the least unit in which their sum is below
/// [`MAX_TOTAL_WEIGHT`]. Who has less than a unit has no seat. The root and every node scale alike,
/// so that all count the same weights.
pub fn weigh(epoch: Epoch, stakes: &[(Address, U256)]) -> Result<Committee, CommitteeError> {
    let total = stakes
        .iter()
        .fold(U256::ZERO, |sum, (_, stake)| sum.saturating_add(*stake));
    let unit = total / U256::from(MAX_TOTAL_WEIGHT) + U256::ONE;
    let seats: Vec<Seat> = stakes
        .iter()
        .map(|(key, stake)| Seat {
            key: *key,
            weight: (*stake / unit).saturating_to(),
        })
        .filter(|seat| seat.weight > 0)
        .collect();
    let committee = Committee { epoch, seats };
    check(&committee)?;
    Ok(committee)
}

fn check(committee: &Committee) -> Result<u64, CommitteeError> {
    let seats = &committee.seats;
    if seats.is_empty() || seats.len() > MAX_SEATS {
        return Err(CommitteeError::Size(seats.len()));
    }
    let mut keys: Vec<Address> = seats.iter().map(|seat| seat.key).collect();
    keys.sort_unstable();
    if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CommitteeError::Twice(pair[0]));
    }
    if let Some(seat) = seats.iter().find(|seat| seat.weight == 0) {
        return Err(CommitteeError::Weightless(seat.key));
    }
    let total = committee.total_weight();
    u64::try_from(total)
        .ok()
        .filter(|total| *total < MAX_TOTAL_WEIGHT)
        .ok_or(CommitteeError::Weight { total })
}

/// A member of a committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validator {
    address: Key,
    key: VotingKey,
    power: u64,
}

impl engine::Validator<PlasmaContext> for Validator {
    fn address(&self) -> &Key {
        &self.address
    }

    fn public_key(&self) -> &VotingKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// A committee at one height: its members in the order that certificates count them, and in the
/// order in which they propose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seats {
    committee: Arc<Committee>,
    domain: Domain,
    members: Arc<Vec<Validator>>,
    index: Arc<HashMap<Address, u16>>,
    turns: Arc<Vec<u16>>,
    total: u64,
}

impl Seats {
    /// The committee under `domain`. Members propose in their order until
    /// [told otherwise](Self::with_turns).
    pub fn new(committee: Committee, domain: Domain) -> Result<Self, CommitteeError> {
        let total = check(&committee)?;
        let members: Vec<Validator> = committee
            .seats
            .iter()
            .map(|seat| Validator {
                address: Key(seat.key),
                key: VotingKey {
                    address: seat.key,
                    domain,
                },
                power: seat.weight,
            })
            .collect();
        let index = (0..)
            .zip(&committee.seats)
            .map(|(number, seat)| (seat.key, number))
            .collect();
        let turns = (0..).take(members.len()).collect();
        Ok(Self {
            committee: Arc::new(committee),
            domain,
            members: Arc::new(members),
            index: Arc::new(index),
            turns: Arc::new(turns),
            total,
        })
    }

    /// The same with another order to propose in: each seat's number once.
    pub fn with_turns(&self, turns: Vec<u16>) -> Self {
        debug_assert_eq!(turns.len(), self.members.len(), "each seat has a turn");
        Self {
            turns: Arc::new(turns),
            ..self.clone()
        }
    }

    /// What signatures are bound to.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// As the root knows it.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }

    /// The order to propose in.
    pub fn turns(&self) -> &[u16] {
        &self.turns
    }

    /// Whose turn it is in a round.
    pub fn proposer(&self, round: u32) -> &Validator {
        let turn = round as usize % self.turns.len();
        &self.members[usize::from(self.turns[turn])]
    }

    /// The member with this key.
    pub fn member(&self, key: &Address) -> Option<&Validator> {
        let number = self.index.get(key)?;
        self.members.get(usize::from(*number))
    }

    /// The certificate that the root reads, of the engine's. Signatures of strangers are left out;
    /// whether enough is left is for [`Certificate::verify`] to say.
    pub fn certificate(&self, commit: &CommitCertificate<PlasmaContext>) -> Certificate {
        let mut signed: Vec<(u16, Signature)> = commit
            .commit_signatures
            .iter()
            .filter_map(|one| Some((*self.index.get(&one.address.0)?, one.signature.0)))
            .collect();
        signed.sort_unstable_by_key(|(number, _)| *number);
        signed.dedup_by_key(|(number, _)| *number);
        let signers = signed.iter().fold(U256::ZERO, |bits, (number, _)| {
            bits | (U256::ONE << *number)
        });
        Certificate {
            epoch: self.domain.epoch,
            height: Height(commit.height.0),
            round: self.domain.signed_round(commit.round),
            block: commit.value_id,
            signers,
            signatures: signed.into_iter().map(|(_, signature)| signature).collect(),
        }
    }
}

impl engine::ValidatorSet<PlasmaContext> for Seats {
    fn count(&self) -> usize {
        self.members.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.total
    }

    fn get_by_address(&self, address: &Key) -> Option<&Validator> {
        self.member(&address.0)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.members.get(index)
    }
}
