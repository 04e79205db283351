//! Two votes that contradict each other, as the root takes them.

use plasma_core::{Address, B256, ChainId, Epoch, Height, Signature, SignatureError, Vote};
use serde::{Deserialize, Serialize};

use crate::contracts::abi;

/// Two votes of one key in one round, for different blocks: what costs a sequencer its seat, and stake.
///
/// As JSON it is the file of `plasma sequencer report-equivocation`:
///
/// ```json
/// {
///   "chainId": 4242, "epoch": 3, "height": 12, "round": 0,
///   "first":  { "block": "0x..32 bytes", "signature": { "r": "0x..", "s": "0x..", "v": 27 } },
///   "second": { "block": "0x..32 bytes", "signature": { "r": "0x..", "s": "0x..", "v": 28 } }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoubleVote {
    /// The chain that both are about.
    pub chain_id: ChainId,
    /// The committee's term.
    pub epoch: Epoch,
    /// The height that both are for.
    pub height: Height,
    /// The round, as it was signed.
    pub round: u32,
    /// The one.
    pub first: BlockVote,
    /// The other.
    pub second: BlockVote,
}

/// A vote for a block, within what both have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockVote {
    /// The block's hash.
    pub block: B256,
    /// The signature over [`Vote::digest`].
    pub signature: Signature,
}

/// Why two votes prove nothing. The root says the same; here it costs nothing to learn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Both are for one block.
    #[error("both votes are for block {0}; a double vote names two")]
    SameBlock(B256),
    /// One is for no block.
    #[error("a vote for block 0 is a vote for nothing, which contradicts nothing")]
    NoBlock,
    /// They are of two keys.
    #[error(
        "the first vote is by {first}, the second by {second}; both must be by one key, over this chain, epoch, height and round"
    )]
    DifferentSigners {
        /// Who signed the first.
        first: Address,
        /// Who signed the second.
        second: Address,
    },
    /// A signature is malformed.
    #[error("the {which} signature is malformed: {source}")]
    Signature {
        /// `first` or `second`.
        which: &'static str,
        /// What is wrong.
        source: SignatureError,
    },
}

impl DoubleVote {
    /// The key that signed both, if they prove anything.
    pub fn signer(&self) -> Result<Address, EvidenceError> {
        if self.first.block == self.second.block {
            return Err(EvidenceError::SameBlock(self.first.block));
        }
        if self.first.block.is_zero() || self.second.block.is_zero() {
            return Err(EvidenceError::NoBlock);
        }
        let by = |which, vote: &BlockVote| {
            vote.signature
                .recover(self.vote_for(vote.block).digest())
                .map_err(|source| EvidenceError::Signature { which, source })
        };
        let (first, second) = (by("first", &self.first)?, by("second", &self.second)?);
        if first != second {
            return Err(EvidenceError::DifferentSigners { first, second });
        }
        Ok(first)
    }

    /// What was signed for a block.
    pub fn vote_for(&self, block: B256) -> Vote {
        Vote {
            chain_id: self.chain_id,
            epoch: self.epoch,
            height: self.height,
            round: self.round,
            block,
        }
    }
}

impl From<&DoubleVote> for abi::DoubleVote {
    fn from(from: &DoubleVote) -> Self {
        let signature = |vote: &BlockVote| abi::Signature {
            r: vote.signature.r,
            s: vote.signature.s,
            v: vote.signature.v,
        };
        Self {
            chainId: from.chain_id.0,
            epoch: from.epoch.0,
            height: from.height.0,
            round: from.round,
            first: from.first.block,
            second: from.second.block,
            firstSignature: signature(&from.first),
            secondSignature: signature(&from.second),
        }
    }
}
