//! The engine's nouns.

use std::{
    fmt,
    io::{self, Read, Write},
};

use arc_malachitebft_core_types::{self as engine, NilOrVal, Round, SignedExtension, VoteType};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Address, B256, Height, Signature};

use super::PlasmaContext;

/// The address of the key that a seat votes with.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Key(pub Address);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl engine::Address for Key {}

/// A block's number, as the engine counts.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct BlockHeight(pub u64);

impl fmt::Display for BlockHeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Height> for BlockHeight {
    fn from(height: Height) -> Self {
        Self(height.0)
    }
}

impl engine::Height for BlockHeight {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// What is agreed on: a block's hash. Its body travels beside it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct BlockId(pub B256);

impl engine::Value for BlockId {
    type Id = B256;

    fn id(&self) -> B256 {
        self.0
    }
}

/// A signature, ordered by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct VoteSignature(pub Signature);

impl Ord for VoteSignature {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_bytes().cmp(&other.0.to_bytes())
    }
}

impl PartialOrd for VoteSignature {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A prevote or a precommit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Which of the two.
    pub kind: VoteType,
    /// The block's number.
    pub height: BlockHeight,
    /// The attempt at it.
    pub round: Round,
    /// The block's hash, or nil.
    pub value: NilOrVal<B256>,
    /// Who votes.
    pub seat: Key,
}

impl Vote {
    /// The block's hash; zero for nil.
    pub fn block(&self) -> B256 {
        match self.value {
            NilOrVal::Nil => B256::ZERO,
            NilOrVal::Val(block) => block,
        }
    }
}

impl engine::Vote<PlasmaContext> for Vote {
    fn height(&self) -> BlockHeight {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<B256> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<B256> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Key {
        &self.seat
    }

    fn extension(&self) -> Option<&SignedExtension<PlasmaContext>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<PlasmaContext>> {
        None
    }

    fn extend(self, _: SignedExtension<PlasmaContext>) -> Self {
        // Extensions are off at every height.
        self
    }
}

impl BorshSerialize for Vote {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let kind = match self.kind {
            VoteType::Prevote => 0_u8,
            VoteType::Precommit => 1,
        };
        (
            kind,
            self.height,
            write_round(self.round),
            self.block(),
            self.seat,
        )
            .serialize(out)
    }
}

impl BorshDeserialize for Vote {
    fn deserialize_reader<R: Read>(input: &mut R) -> io::Result<Self> {
        let (kind, height, round, block, seat): (u8, _, _, B256, _) =
            BorshDeserialize::deserialize_reader(input)?;
        let kind = match kind {
            0 => VoteType::Prevote,
            1 => VoteType::Precommit,
            other => {
                return Err(malformed(&format!(
                    "a kind of vote {other}; there are 0 and 1"
                )));
            }
        };
        let round = read_round(round);
        if round.is_nil() {
            return Err(malformed("a vote without a round"));
        }
        let value = if block.is_zero() {
            NilOrVal::Nil
        } else {
            NilOrVal::Val(block)
        };
        Ok(Self {
            kind,
            height,
            round,
            value,
            seat,
        })
    }
}

/// A block's hash, proposed by whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The block's number.
    pub height: BlockHeight,
    /// The attempt at it.
    pub round: Round,
    /// The block's hash.
    pub value: BlockId,
    /// The earlier round in which more than two thirds prevoted for it, if that is why it is
    /// proposed again.
    pub pol_round: Round,
    /// Who proposes.
    pub proposer: Key,
}

impl engine::Proposal<PlasmaContext> for Proposal {
    fn height(&self) -> BlockHeight {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.value
    }

    fn take_value(self) -> BlockId {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Key {
        &self.proposer
    }
}

impl BorshSerialize for Proposal {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let rounds = (write_round(self.round), write_round(self.pol_round));
        (self.height, rounds, self.value, self.proposer).serialize(out)
    }
}

impl BorshDeserialize for Proposal {
    fn deserialize_reader<R: Read>(input: &mut R) -> io::Result<Self> {
        let (height, (round, pol_round), value, proposer) =
            BorshDeserialize::deserialize_reader(input)?;
        let (round, pol_round) = (read_round(round), read_round(pol_round));
        if round.is_nil() {
            return Err(malformed("a proposal without a round"));
        }
        Ok(Self {
            height,
            round,
            value,
            pol_round,
            proposer,
        })
    }
}

/// A round and one, or 0 for none.
pub(in crate::bft) fn write_round(round: Round) -> u32 {
    round.as_u32().map_or(0, |round| round.saturating_add(1))
}

pub(in crate::bft) fn read_round(word: u32) -> Round {
    word.checked_sub(1).map_or(Round::Nil, Round::new)
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
