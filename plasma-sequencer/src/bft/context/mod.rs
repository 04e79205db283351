//! What the engine is told about this chain: its types, its signatures and whose turn it is.
//!
//! Everything that a sequencer signs is a digest of 32-byte words that begins with its purpose and
//! its chain, so that no signature counts elsewhere, and that the root recovers with `ecrecover`:
//!
//! ```text
//!   precommit   plasma_core::Vote: the digest of a certificate's signatures, nothing else
//!   prevote     the same words under "plasma.prevote.v1"
//!   nil         the block hash 0, which no header has
//!   proposal    "plasma.proposal.v1" | chain | epoch | height | round | block | 1 + round of the polka, or 0
//!   part        "plasma.part.v1"     | chain | epoch | height | round | block | index | count | keccak(bytes)
//! ```
//!
//! So a commit certificate of the engine *is* a [`plasma_core::Certificate`]: the precommits'
//! signatures in the order of the seats.

mod domain;
mod part;
mod seats;
mod types;

use arc_malachitebft_core_types::{
    Context, LinearTimeouts, NilOrVal, Round, SigningScheme, VoteType,
};
use plasma_core::{B256, Signature, Signer};

pub use domain::{Domain, ROUND_BITS, VotingKey};
pub use part::{Assembly, MAX_PART_BYTES, MAX_PARTS, Part, PartError, PartHeader, SignedPart};
pub use seats::{CommitteeError, MAX_TOTAL_WEIGHT, Seats, Validator, weigh};
pub use types::{BlockHeight, BlockId, Key, Proposal, Vote, VoteSignature};

/// A vote and its signature.
pub type SignedVote = arc_malachitebft_core_types::SignedVote<PlasmaContext>;
/// A proposal and its signature.
pub type SignedProposal = arc_malachitebft_core_types::SignedProposal<PlasmaContext>;

/// The engine's view of a plasma chain. Holds nothing: what differs from height to height is in the
/// [`Seats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlasmaContext;

impl Context for PlasmaContext {
    type Address = Key;
    type Height = BlockHeight;
    type ProposalPart = SignedPart;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = Seats;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ecdsa;

    fn select_proposer<'a>(
        &self,
        seats: &'a Seats,
        _height: BlockHeight,
        round: Round,
    ) -> &'a Validator {
        seats.proposer(round.as_u32().unwrap_or_default())
    }

    fn new_proposal(
        &self,
        height: BlockHeight,
        round: Round,
        value: BlockId,
        pol_round: Round,
        proposer: Key,
    ) -> Proposal {
        Proposal {
            height,
            round,
            value,
            pol_round,
            proposer,
        }
    }

    fn new_prevote(
        &self,
        height: BlockHeight,
        round: Round,
        value: NilOrVal<B256>,
        seat: Key,
    ) -> Vote {
        Vote {
            kind: VoteType::Prevote,
            height,
            round,
            value,
            seat,
        }
    }

    fn new_precommit(
        &self,
        height: BlockHeight,
        round: Round,
        value: NilOrVal<B256>,
        seat: Key,
    ) -> Vote {
        Vote {
            kind: VoteType::Precommit,
            height,
            round,
            value,
            seat,
        }
    }
}

/// Recoverable secp256k1 signatures over keccak-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ecdsa;

impl SigningScheme for Ecdsa {
    type DecodingError = &'static str;
    type Signature = VoteSignature;
    type PublicKey = VotingKey;
    type PrivateKey = Signer;

    fn decode_signature(bytes: &[u8]) -> Result<VoteSignature, Self::DecodingError> {
        let bytes: &[u8; 65] = bytes
            .try_into()
            .map_err(|_| "a signature has 65 bytes: r, s and v")?;
        // Not Signature::from_bytes, which takes two encodings of v.
        let mut signature = Signature::from_bytes(bytes);
        signature.v = bytes[64];
        Ok(VoteSignature(signature))
    }

    fn encode_signature(signature: &VoteSignature) -> Vec<u8> {
        signature.0.to_bytes().to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<VotingKey, Self::DecodingError> {
        VotingKey::from_bytes(bytes).ok_or("a voting key has 40 bytes")
    }

    fn encode_public_key(key: &VotingKey) -> Vec<u8> {
        key.to_bytes()
    }
}

#[cfg(test)]
mod tests;
