//! What sequencers say to each other.
//!
//! Every decoded length is bounded by the frame's, and the frame by [`MAX_MESSAGE_BYTES`].
//! Signatures are not checked here.

use std::io::{self, Read, Write};

use arc_malachitebft_core_types::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType,
    RoundSignature, SignedMessage, VoteType,
};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    B256, Bytes, Certificate, CertifiedBlock, CodecError, Height, MAX_SEATS, decode, encode,
};

use super::context::{
    BlockHeight, Key, PlasmaContext, Proposal, SignedPart, SignedProposal, SignedVote, Vote,
    VoteSignature,
};

/// The longest message: a few blocks for one that catches up.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// A message from one sequencer to others.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[non_exhaustive]
pub enum Message {
    /// A prevote or precommit.
    Vote(Signed<Vote>),
    /// A block's hash to agree on.
    Proposal(Signed<Proposal>),
    /// A piece of a block that is proposed.
    Part(SignedPart),
    /// More than two thirds prevoted.
    Polka(Polka),
    /// Why to enter a round.
    Round(RoundEntry),
    /// A height is decided.
    Decided(Decided),
    /// Asks for certified blocks.
    Fetch {
        /// From this height on.
        from: Height,
    },
    /// Certified blocks, in order.
    Blocks(Vec<CertifiedBlock>),
    /// Transactions that wait at the sender.
    Transactions(Vec<Bytes>),
}

impl Message {
    /// The bytes that travel.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what a peer sent.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        decode(bytes, MAX_MESSAGE_BYTES)
    }

    /// Whether it may hold the sender to something, so that it must not be forgotten.
    pub fn binds(&self) -> bool {
        !matches!(
            self,
            Self::Fetch { .. } | Self::Blocks(_) | Self::Transactions(_)
        )
    }

    /// Its kind's name, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Vote(_) => "vote",
            Self::Proposal(_) => "proposal",
            Self::Part(_) => "part",
            Self::Polka(_) => "polka",
            Self::Round(_) => "round",
            Self::Decided(_) => "decided",
            Self::Fetch { .. } => "fetch",
            Self::Blocks(_) => "blocks",
            Self::Transactions(_) => "transactions",
        }
    }
}

/// A message and its signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed<T> {
    /// What is signed.
    pub message: T,
    /// By whom it names.
    pub signature: VoteSignature,
}

impl<T> Signed<T> {
    /// As the engine knows it.
    pub fn into_engine(self) -> SignedMessage<PlasmaContext, T> {
        SignedMessage::new(self.message, self.signature)
    }
}

impl From<SignedVote> for Signed<Vote> {
    fn from(SignedMessage { message, signature }: SignedVote) -> Self {
        Self { message, signature }
    }
}

impl From<SignedProposal> for Signed<Proposal> {
    fn from(SignedMessage { message, signature }: SignedProposal) -> Self {
        Self { message, signature }
    }
}

/// Prevotes of more than two thirds for one block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Polka {
    height: BlockHeight,
    round: u32,
    block: B256,
    signatures: Vec<(Key, VoteSignature)>,
}

impl From<PolkaCertificate<PlasmaContext>> for Polka {
    fn from(certificate: PolkaCertificate<PlasmaContext>) -> Self {
        let signatures = certificate.polka_signatures.into_iter();
        Self {
            height: certificate.height,
            round: certificate.round.as_u32().unwrap_or_default(),
            block: certificate.value_id,
            signatures: signatures.map(|one| (one.address, one.signature)).collect(),
        }
    }
}

impl Polka {
    /// As the engine knows it.
    pub fn into_engine(self) -> PolkaCertificate<PlasmaContext> {
        let signatures = self.signatures.into_iter();
        PolkaCertificate {
            height: self.height,
            round: Round::new(self.round),
            value_id: self.block,
            polka_signatures: signatures
                .map(|(key, signature)| PolkaSignature::new(key, signature))
                .collect(),
        }
    }
}

impl BorshDeserialize for Polka {
    fn deserialize_reader<R: Read>(input: &mut R) -> io::Result<Self> {
        let (height, round, block, signatures) = BorshDeserialize::deserialize_reader(input)?;
        Ok(Self {
            height,
            round,
            block,
            signatures: seated(signatures)?,
        })
    }
}

/// Votes that justify entering a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundEntry(pub RoundCertificate<PlasmaContext>);

type RoundVote = (bool, B256, Key, VoteSignature);

impl BorshSerialize for RoundEntry {
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let certificate = &self.0;
        let skip = certificate.cert_type == RoundCertificateType::Skip;
        let round = certificate.round.as_u32().unwrap_or_default();
        (certificate.height, round, skip).serialize(out)?;
        let votes: Vec<RoundVote> = certificate
            .round_signatures
            .iter()
            .map(|one| {
                let block = match one.value_id {
                    NilOrVal::Nil => B256::ZERO,
                    NilOrVal::Val(block) => block,
                };
                let precommit = one.vote_type == VoteType::Precommit;
                (precommit, block, one.address, one.signature)
            })
            .collect();
        votes.serialize(out)
    }
}

impl BorshDeserialize for RoundEntry {
    fn deserialize_reader<R: Read>(input: &mut R) -> io::Result<Self> {
        let (height, round, skip) = BorshDeserialize::deserialize_reader(input)?;
        let votes: Vec<RoundVote> = seated(BorshDeserialize::deserialize_reader(input)?)?;
        let round_signatures = votes
            .into_iter()
            .map(|(precommit, block, key, signature)| {
                let kind = if precommit {
                    VoteType::Precommit
                } else {
                    VoteType::Prevote
                };
                let value = if block.is_zero() {
                    NilOrVal::Nil
                } else {
                    NilOrVal::Val(block)
                };
                RoundSignature::new(kind, value, key, signature)
            })
            .collect();
        let cert_type = if skip {
            RoundCertificateType::Skip
        } else {
            RoundCertificateType::Precommit
        };
        Ok(Self(RoundCertificate {
            height,
            round: Round::new(round),
            cert_type,
            round_signatures,
        }))
    }
}

/// Word of a decision: whoever is behind asks for the block, and whoever saw other votes compares.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Decided {
    /// The proof.
    pub certificate: Certificate,
    /// Votes of that height beside the decision.
    pub beside: Vec<Signed<Vote>>,
}

/// Votes that a [`Decided`] may carry.
pub const MAX_BESIDE: usize = 4 * MAX_SEATS;

impl BorshDeserialize for Decided {
    fn deserialize_reader<R: Read>(input: &mut R) -> io::Result<Self> {
        let certificate = BorshDeserialize::deserialize_reader(input)?;
        let beside: Vec<_> = BorshDeserialize::deserialize_reader(input)?;
        if beside.len() > MAX_BESIDE {
            return Err(malformed("too many votes beside a decision"));
        }
        Ok(Self {
            certificate,
            beside,
        })
    }
}

fn seated<T>(signatures: Vec<T>) -> io::Result<Vec<T>> {
    if signatures.len() > MAX_SEATS {
        return Err(malformed("more signatures than a committee has seats"));
    }
    Ok(signatures)
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
