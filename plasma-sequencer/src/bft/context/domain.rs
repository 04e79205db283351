//! What is signed: purpose, chain, epoch, height, round, block.

use arc_malachitebft_core_types::{Round, VoteType};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    Address, B256, ChainId, Epoch, Height, SignatureError, Signer, Vote as CertificateVote, Words,
    decode, encode, keccak256,
};

use super::{PartHeader, Proposal, Vote, VoteSignature};

/// How many of a signed round's bits count rounds; those above name the [base](Domain::base).
pub const ROUND_BITS: u32 = 12;

/// What every signature at a height is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Domain {
    /// The chain.
    pub chain_id: ChainId,
    /// The committee's term.
    pub epoch: Epoch,
    /// What rounds are counted from: zero, or after the derived chain overrode the committee's a
    /// number that follows from the block to continue after. Heights are then decided anew, and
    /// who votes at one again must not seem to vote twice in one round.
    pub base: u32,
}

impl Domain {
    /// The rounds' base of a committee that continues after an override to the block `to`.
    pub fn base_after(to: B256) -> u32 {
        let name = u32::from_be_bytes([to[0], to[1], to[2], to[3]]);
        // Not zero, which is the base of an undisturbed chain.
        ((name >> ROUND_BITS) | 1) << ROUND_BITS
    }

    /// The base that a certificate's round was counted from.
    pub fn base_of(signed: u32) -> u32 {
        signed >> ROUND_BITS << ROUND_BITS
    }

    /// The round as it is signed.
    pub fn signed_round(&self, round: Round) -> u32 {
        self.base.saturating_add(round.as_u32().unwrap_or_default())
    }

    /// The engine's round of one that was signed; `None` when it counts from another base.
    pub fn round(&self, signed: u32) -> Option<Round> {
        (Self::base_of(signed) == self.base).then(|| Round::new(signed - self.base))
    }

    /// What a voter signs. A precommit's is what a certificate shows.
    pub fn vote(&self, vote: &Vote) -> B256 {
        let round = self.signed_round(vote.round);
        match vote.kind {
            VoteType::Precommit => CertificateVote {
                chain_id: self.chain_id,
                epoch: self.epoch,
                height: Height(vote.height.0),
                round,
                block: vote.block(),
            }
            .digest(),
            VoteType::Prevote => self
                .words(b"plasma.prevote.v1", vote.height.0, round, vote.block())
                .keccak(),
        }
    }

    /// What a proposer signs.
    pub fn proposal(&self, proposal: &Proposal) -> B256 {
        let round = self.signed_round(proposal.round);
        let polka = super::types::write_round(proposal.pol_round);
        self.words(
            b"plasma.proposal.v1",
            proposal.height.0,
            round,
            proposal.value.0,
        )
        .uint(polka)
        .keccak()
    }

    /// What whoever streams a block's part signs.
    pub fn part(&self, part: &PartHeader, bytes: &[u8]) -> B256 {
        let round = self.signed_round(part.round());
        self.words(b"plasma.part.v1", part.height.0, round, part.block)
            .uint(u64::from(part.index))
            .uint(u64::from(part.count))
            .word(keccak256(bytes))
            .keccak()
    }

    fn words(&self, purpose: &[u8], height: u64, round: u32, block: B256) -> Words {
        Words::new()
            .word(keccak256(purpose))
            .uint(self.chain_id.0)
            .uint(self.epoch.0)
            .uint(height)
            .uint(round)
            .word(block)
    }
}

/// The key of a seat, and what its signatures are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VotingKey {
    /// Whose signatures count.
    pub address: Address,
    /// For what.
    pub domain: Domain,
}

impl VotingKey {
    /// Whether this key made `signature` over `digest`.
    pub fn made(&self, signature: &VoteSignature, digest: B256) -> Result<bool, SignatureError> {
        Ok(signature.0.recover(digest)? == self.address)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        encode(&self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        decode(bytes, 40).ok()
    }
}

/// Signs a digest.
pub(in crate::bft) fn sign(signer: &Signer, digest: B256) -> VoteSignature {
    VoteSignature(signer.sign(digest))
}
