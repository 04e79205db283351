//! Certificates: more than two thirds of a committee's stake vouch for a block.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, U256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{BlockHeader, ChainId, Epoch, Height};
use crate::{Signature, SignatureError, Signer, Words};

/// The most seats in a committee: one bit each in [`Certificate::signers`].
pub const MAX_SEATS: usize = 256;

/// What a chain is registered with in the place of a committee's hash where nobody certifies and the root orders.
pub const BASED_COMMITTEE: B256 = B256::with_last_byte(1);

/// A member of a committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Seat {
    /// The address of the key it votes with.
    pub key: Address,
    /// Its share of the votes.
    pub weight: u64,
}

/// Who certifies blocks in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Committee {
    /// The term.
    pub epoch: Epoch,
    /// The members, in the order that certificates count them.
    pub seats: Vec<Seat>,
}

impl Committee {
    /// A committee of one, as a solo sequencer is.
    pub fn solo(key: Address) -> Self {
        Self {
            epoch: Epoch(0),
            seats: vec![Seat { key, weight: 1 }],
        }
    }

    /// The hash under which the root knows the seats: keccak-256 of `abi.encode(Seat[])`.
    pub fn hash(&self) -> B256 {
        let words = Words::new().uint(32_u64).uint(self.seats.len() as u64);
        self.seats
            .iter()
            .fold(words, |words, seat| {
                words.address(seat.key).uint(seat.weight)
            })
            .keccak()
    }

    /// The sum of all weights.
    pub fn total_weight(&self) -> u128 {
        self.seats.iter().map(|seat| u128::from(seat.weight)).sum()
    }
}

/// What a member signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The chain, so that no vote counts on another.
    pub chain_id: ChainId,
    /// The committee's term.
    pub epoch: Epoch,
    /// The block's number.
    pub height: Height,
    /// The round in which it was agreed on.
    pub round: u32,
    /// The block's hash.
    pub block: B256,
}

impl Vote {
    /// The digest that is signed.
    pub fn digest(&self) -> B256 {
        Words::new()
            .word(keccak256(b"plasma.certificate.v1"))
            .uint(self.chain_id.0)
            .uint(self.epoch.0)
            .uint(self.height.0)
            .uint(self.round)
            .word(self.block)
            .keccak()
    }
}

/// The proof that a committee ordered a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Certificate {
    /// The committee's term.
    pub epoch: Epoch,
    /// The block's number.
    pub height: Height,
    /// The round in which it was agreed on.
    pub round: u32,
    /// The block's hash.
    pub block: B256,
    /// Bit `i` is set when seat `i` signed.
    pub signers: U256,
    /// The signatures, in the seats' order.
    pub signatures: Vec<Signature>,
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It is of another term.
    #[error("certificate of epoch {got}, but the committee is of epoch {expected}")]
    Epoch {
        /// The committee's.
        expected: Epoch,
        /// The certificate's.
        got: Epoch,
    },
    /// It is about another block.
    #[error("certificate for block {got} at height {height}, not for {expected}")]
    Block {
        /// The block's hash.
        expected: B256,
        /// The certificate's.
        got: B256,
        /// The certificate's height.
        height: Height,
    },
    /// It names seats that do not exist, or not as many as it has signatures.
    #[error("{signatures} signatures for {signers} signers of {seats} seats")]
    Signers {
        /// Signatures given.
        signatures: usize,
        /// Bits set.
        signers: usize,
        /// Seats there are.
        seats: usize,
    },
    /// A signature is not its seat's.
    #[error("the signature of seat {seat} is by {got}, not by {expected}")]
    Signer {
        /// The seat's number.
        seat: usize,
        /// The seat's key.
        expected: Address,
        /// Who signed.
        got: Address,
    },
    /// A signature is malformed.
    #[error("the signature of seat {seat} is malformed: {source}")]
    Signature {
        /// The seat's number.
        seat: usize,
        /// What is wrong.
        source: SignatureError,
    },
    /// Too little stake signed.
    #[error("weight {weight} of {total} signed; more than two thirds must")]
    Weight {
        /// What signed.
        weight: u128,
        /// All there is.
        total: u128,
    },
}

impl Certificate {
    /// The certificate of a committee of one.
    pub fn solo(signer: &Signer, header: &BlockHeader) -> Self {
        let (epoch, height, block) = (header.epoch, header.height, header.hash());
        let vote = Vote {
            chain_id: header.chain_id,
            epoch,
            height,
            round: 0,
            block,
        };
        let signatures = vec![signer.sign(vote.digest())];
        Self {
            epoch,
            height,
            round: 0,
            block,
            signers: U256::ONE,
            signatures,
        }
    }

    /// Checks that more than two thirds of the committee's weight signed exactly this block.
    pub fn verify(
        &self,
        committee: &Committee,
        header: &BlockHeader,
    ) -> Result<(), CertificateError> {
        if self.epoch != committee.epoch || header.epoch != committee.epoch {
            return Err(CertificateError::Epoch {
                expected: committee.epoch,
                got: self.epoch,
            });
        }
        let block = header.hash();
        if self.block != block || self.height != header.height {
            let (got, height) = (self.block, self.height);
            return Err(CertificateError::Block {
                expected: block,
                got,
                height,
            });
        }
        let (signers, seats) = (self.signers.count_ones(), committee.seats.len());
        if signers != self.signatures.len() || self.signers.bit_len() > seats || seats > MAX_SEATS {
            let signatures = self.signatures.len();
            return Err(CertificateError::Signers {
                signatures,
                signers,
                seats,
            });
        }
        let (chain_id, epoch, height, round) =
            (header.chain_id, self.epoch, self.height, self.round);
        let digest = Vote {
            chain_id,
            epoch,
            height,
            round,
            block,
        }
        .digest();
        let mut weight = 0_u128;
        let signed = committee
            .seats
            .iter()
            .enumerate()
            .filter(|(seat, _)| self.signers.bit(*seat));
        for ((seat, member), signature) in signed.zip(&self.signatures) {
            let got = signature
                .recover(digest)
                .map_err(|source| CertificateError::Signature { seat, source })?;
            if got != member.key {
                return Err(CertificateError::Signer {
                    seat,
                    expected: member.key,
                    got,
                });
            }
            weight += u128::from(member.weight);
        }
        let total = committee.total_weight();
        if weight * 3 > total * 2 {
            Ok(())
        } else {
            Err(CertificateError::Weight { weight, total })
        }
    }
}
