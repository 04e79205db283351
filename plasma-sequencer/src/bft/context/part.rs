//! Bodies, in parts.

use arc_malachitebft_core_types::{self as engine, Round};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{B256, MAX_BODY_BYTES, MAX_BODY_TRANSACTIONS, Signer};

use super::{BlockHeight, Domain, PlasmaContext, VoteSignature, domain::sign, types::read_round};

/// The longest part.
pub const MAX_PART_BYTES: usize = 256 * 1024;
/// The longest block: a full body with a length for each transaction, a header and a batch's.
const MAX_BLOCK_BYTES: usize = MAX_BODY_BYTES + 4 * MAX_BODY_TRANSACTIONS + 4 * 1024;
/// The most parts of one block when they are of the greatest length.
pub const MAX_PARTS: u16 = MAX_BLOCK_BYTES.div_ceil(MAX_PART_BYTES) as u16;

/// Where a part belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PartHeader {
    /// The block's number.
    pub height: BlockHeight,
    /// The round in which it is proposed.
    round: u32,
    /// The block's hash.
    pub block: B256,
    /// Which part.
    pub index: u16,
    /// Of how many.
    pub count: u16,
}

impl PartHeader {
    /// The round in which the block is proposed.
    pub fn round(&self) -> Round {
        read_round(self.round)
    }
}

/// A piece of a block's encoding.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Part {
    /// Where it belongs.
    pub header: PartHeader,
    /// The piece.
    pub bytes: Vec<u8>,
}

/// A part and the signature of the round's proposer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedPart {
    /// The part.
    pub part: Part,
    /// The proposer's word for it.
    pub signature: VoteSignature,
}

impl engine::ProposalPart<PlasmaContext> for SignedPart {
    fn is_first(&self) -> bool {
        self.part.header.index == 0
    }

    fn is_last(&self) -> bool {
        self.part.header.index + 1 == self.part.header.count
    }
}

/// Why a part is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// Its numbers make no sense.
    #[error(
        "part {index} of {count} with {length} bytes; at most {limit} parts of 1 to {MAX_PART_BYTES} bytes"
    )]
    Shape {
        /// Its number.
        index: u16,
        /// Of how many.
        count: u16,
        /// Its length.
        length: usize,
        /// The most parts.
        limit: u16,
    },
    /// It belongs elsewhere.
    #[error("a part of another block, or of another division into parts")]
    Elsewhere,
}

impl Part {
    /// Splits a block's encoding, signed for a round. `size` is the length of all but the last part.
    pub fn split(
        signer: &Signer,
        domain: &Domain,
        (height, round, block): (BlockHeight, Round, B256),
        bytes: &[u8],
        size: usize,
    ) -> Vec<SignedPart> {
        let chunks: Vec<&[u8]> = bytes.chunks(size.clamp(1, MAX_PART_BYTES)).collect();
        let count = chunks.len() as u16;
        (0..)
            .zip(chunks)
            .map(|(index, bytes)| {
                let header = PartHeader {
                    height,
                    round: super::types::write_round(round),
                    block,
                    index,
                    count,
                };
                let signature = sign(signer, domain.part(&header, bytes));
                let bytes = bytes.to_vec();
                SignedPart {
                    part: Self { header, bytes },
                    signature,
                }
            })
            .collect()
    }
}

/// Parts of one block on their way to be whole.
#[derive(Clone, Debug)]
pub struct Assembly {
    block: B256,
    parts: Vec<Option<Vec<u8>>>,
}

impl Assembly {
    /// Nothing yet of the block that `first` is of.
    pub fn new(first: &Part, limit: u16) -> Result<Self, PartError> {
        let PartHeader { block, count, .. } = first.header;
        check(first, limit)?;
        Ok(Self {
            block,
            parts: vec![None; usize::from(count)],
        })
    }

    /// Adds a part whose signature holds. Gives the block's encoding once it is whole; that it is
    /// the block it claims to be is for the caller to check.
    pub fn add(&mut self, part: &Part) -> Result<Option<Vec<u8>>, PartError> {
        let count = self.parts.len() as u16;
        check(part, count)?;
        if part.header.block != self.block || part.header.count != count {
            return Err(PartError::Elsewhere);
        }
        // The first one stays: two different ones show only that its maker wastes its turn.
        self.parts[usize::from(part.header.index)].get_or_insert_with(|| part.bytes.clone());
        if self.parts.iter().any(Option::is_none) {
            return Ok(None);
        }
        let whole: Vec<u8> = self.parts.iter().flatten().flatten().copied().collect();
        Ok(Some(whole))
    }
}

fn check(part: &Part, limit: u16) -> Result<(), PartError> {
    let (PartHeader { index, count, .. }, length) = (part.header, part.bytes.len());
    let fits = index < count && count <= limit && (1..=MAX_PART_BYTES).contains(&length);
    fits.then_some(()).ok_or(PartError::Shape {
        index,
        count,
        length,
        limit,
    })
}
