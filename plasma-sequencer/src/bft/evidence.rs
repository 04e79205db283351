//! Who signed what it must not.
//!
//! The engine notices conflicting votes that reach one node. Twins that each talk to one half show
//! nobody both, so nodes tell each other of votes beside the decision, and this pool compares all
//! that any of them saw, certificates included.
//!
//! What counts:
//! - two votes of one kind, or two proposals, of one seat in one round: certain, and enough for the
//!   root, which recovers both signatures;
//! - two certificates for different blocks at one height: against everyone who signed both. In one
//!   round each of those voted twice. In different rounds somebody broke a lock, which the votes
//!   alone do not show (amnesia), and an honest signer of both is possible once more than a third
//!   is not: whoever punishes on it should know.
//!
//! A seat that crashes, or that is restored with its log, signs nothing twice. One that is restored
//! *without* its log may: it must sit out until a height above any that it may have voted at.

use std::collections::BTreeMap;

use arc_malachitebft_core_types::VoteType;
use plasma_core::{
    Address, B256, Certificate, ChainId, Committee, Epoch, Height, MAX_SEATS, Signature, Vote,
};

use super::{
    context::{Domain, SignedProposal, SignedVote},
    verifier::Verifier,
};

/// Heights of which votes are kept for comparison.
pub const EVIDENCE_HEIGHTS: u64 = 64;
/// Pieces of evidence kept against one seat: one is enough, some more show a habit.
const MAX_PER_SEAT: usize = 3;
/// Rounds of one height, of each seat, that are compared.
const MAX_ROUNDS: usize = 16;
/// Certificates of one height that are compared.
const MAX_CERTIFICATES: usize = 4;

/// Proof of misbehaviour, for whoever can recover signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// Two votes of a kind in one round.
    Votes {
        /// What both are bound to.
        domain: Domain,
        /// The one.
        first: SignedVote,
        /// The other.
        second: SignedVote,
    },
    /// Two proposals in one round.
    Proposals {
        /// What both are bound to.
        domain: Domain,
        /// The one.
        first: SignedProposal,
        /// The other.
        second: SignedProposal,
    },
    /// Two certificates for different blocks at one height.
    Certificates {
        /// The one.
        first: Certificate,
        /// The other.
        second: Certificate,
    },
}

impl Evidence {
    /// The pairs of votes in it as the root takes them: precommits for two blocks in one round, by one key.
    pub fn double_votes(&self, chain_id: ChainId) -> Vec<[(Vote, Signature); 2]> {
        match self {
            Self::Votes {
                domain,
                first,
                second,
            } => {
                let judged = |signed: &SignedVote| {
                    let vote = &signed.message;
                    let judged = vote.kind == VoteType::Precommit && !vote.block().is_zero();
                    let vote = Vote {
                        chain_id: domain.chain_id,
                        epoch: domain.epoch,
                        height: Height(vote.height.0),
                        round: domain.signed_round(vote.round),
                        block: vote.block(),
                    };
                    judged.then_some((vote, signed.signature.0))
                };
                let pair = judged(first).zip(judged(second));
                pair.map(|(first, second)| [first, second])
                    .into_iter()
                    .collect()
            }
            Self::Certificates { first, second } if first.round == second.round => {
                let common = first.signers & second.signers;
                let seats = (0..MAX_SEATS).filter(|seat| common.bit(*seat));
                let pair = |seat| {
                    let of = |certificate| signed_by(certificate, seat, chain_id);
                    Some([of(first)?, of(second)?])
                };
                seats.filter_map(pair).collect()
            }
            Self::Certificates { .. } | Self::Proposals { .. } => Vec::new(),
        }
    }

    /// Against whom it is, if it proves anything: nobody else's word is taken for it.
    pub fn culprits(
        &self,
        verifier: &Verifier,
        chain_id: ChainId,
        committee: &Committee,
    ) -> Vec<Address> {
        let seated = |key: &Address| committee.seats.iter().any(|seat| seat.key == *key);
        let culprits = match self {
            Self::Votes {
                domain,
                first,
                second,
            } => {
                let (one, other) = (&first.message, &second.message);
                let same = one.kind == other.kind
                    && one.height == other.height
                    && one.round == other.round
                    && one.seat == other.seat;
                let proven = same
                    && one.value != other.value
                    && domain.chain_id == chain_id
                    && domain.epoch == committee.epoch
                    && verifier.vote(domain, first)
                    && verifier.vote(domain, second);
                proven.then_some(one.seat.0).into_iter().collect()
            }
            Self::Proposals {
                domain,
                first,
                second,
            } => {
                let (one, other) = (&first.message, &second.message);
                let same = one.height == other.height
                    && one.round == other.round
                    && one.proposer == other.proposer;
                let proven = same
                    && one != other
                    && domain.chain_id == chain_id
                    && domain.epoch == committee.epoch
                    && verifier.proposal(domain, first)
                    && verifier.proposal(domain, second);
                proven.then_some(one.proposer.0).into_iter().collect()
            }
            Self::Certificates { first, second } => {
                let conflict = first.height == second.height
                    && first.block != second.block
                    && Domain::base_of(first.round) == Domain::base_of(second.round);
                let (Some(one), Some(other)) = (
                    verifier.signers(chain_id, committee, first),
                    verifier.signers(chain_id, committee, second),
                ) else {
                    return Vec::new();
                };
                if conflict {
                    one.intersection(&other).copied().collect()
                } else {
                    Vec::new()
                }
            }
        };
        culprits.into_iter().filter(seated).collect()
    }
}

/// The vote of a seat that a certificate shows.
fn signed_by(
    certificate: &Certificate,
    seat: usize,
    chain_id: ChainId,
) -> Option<(Vote, Signature)> {
    let before = (0..seat).filter(|seat| certificate.signers.bit(*seat));
    let signature = certificate.signatures.get(before.count())?;
    let vote = Vote {
        chain_id,
        epoch: certificate.epoch,
        height: certificate.height,
        round: certificate.round,
        block: certificate.block,
    };
    Some((vote, *signature))
}

/// A vote's place: only one belongs in it.
type Ballot = (Address, u8, u32);

/// Compares what every node saw. Bounded: some heights, some rounds, some evidence.
#[derive(Clone, Debug, Default)]
pub struct EvidencePool {
    votes: BTreeMap<(Height, Epoch), BTreeMap<Ballot, SignedVote>>,
    proposals: BTreeMap<(Height, Epoch), BTreeMap<(Address, u32), SignedProposal>>,
    certificates: BTreeMap<(Height, Epoch), Vec<Certificate>>,
    found: BTreeMap<Address, Vec<Evidence>>,
}

impl EvidencePool {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a vote whose signature holds, and whose voter is in the committee.
    pub fn vote(&mut self, domain: &Domain, vote: &SignedVote) {
        let message = &vote.message;
        let (seat, round) = (message.seat.0, domain.signed_round(message.round));
        let kind = u8::from(message.kind == VoteType::Precommit);
        let height = self
            .votes
            .entry((Height(message.height.0), domain.epoch))
            .or_default();
        let ballot = (seat, kind, round);
        if let Some(first) = height.get(&ballot) {
            if first.message.value != message.value {
                let evidence = Evidence::Votes {
                    domain: *domain,
                    first: first.clone(),
                    second: vote.clone(),
                };
                self.add(seat, evidence);
            }
            return;
        }
        let held = height
            .range((seat, 0, 0)..=(seat, u8::MAX, u32::MAX))
            .count();
        if held < 2 * MAX_ROUNDS {
            height.insert(ballot, vote.clone());
        }
    }

    /// Takes in a proposal whose signature holds, and whose maker is in the committee.
    pub fn proposal(&mut self, domain: &Domain, proposal: &SignedProposal) {
        let message = &proposal.message;
        let (seat, round) = (message.proposer.0, domain.signed_round(message.round));
        let height = self
            .proposals
            .entry((Height(message.height.0), domain.epoch))
            .or_default();
        if let Some(first) = height.get(&(seat, round)) {
            if first.message != *message {
                let evidence = Evidence::Proposals {
                    domain: *domain,
                    first: first.clone(),
                    second: proposal.clone(),
                };
                self.add(seat, evidence);
            }
            return;
        }
        let held = height.range((seat, 0)..=(seat, u32::MAX)).count();
        if held < MAX_ROUNDS {
            height.insert((seat, round), proposal.clone());
        }
    }

    /// Takes in a certificate that the committee's [`Certificate::verify`] accepts.
    pub fn certificate(&mut self, committee: &Committee, certificate: &Certificate) {
        let height = self
            .certificates
            .entry((certificate.height, certificate.epoch))
            .or_default();
        let conflicting = height
            .iter()
            .find(|first| {
                // Of before an override is no conflict.
                first.block != certificate.block
                    && Domain::base_of(first.round) == Domain::base_of(certificate.round)
            })
            .cloned();
        let known = height
            .iter()
            .any(|held| (held.block, held.round) == (certificate.block, certificate.round));
        if !known && height.len() < MAX_CERTIFICATES {
            height.push(certificate.clone());
        }
        let Some(first) = conflicting else {
            return;
        };
        let common = first.signers & certificate.signers;
        for (number, seat) in committee.seats.iter().enumerate() {
            if common.bit(number) {
                let evidence = Evidence::Certificates {
                    first: first.clone(),
                    second: certificate.clone(),
                };
                self.add(seat.key, evidence);
            }
        }
    }

    /// The votes seen at a height that are not for `block` in `round`: what others may not have
    /// seen. At most `limit`.
    pub fn beside(
        &self,
        domain: &Domain,
        (height, round, block): (Height, u32, B256),
        limit: usize,
    ) -> Vec<SignedVote> {
        let votes = self.votes.get(&(height, domain.epoch));
        votes
            .into_iter()
            .flatten()
            .filter(|((_, _, held), vote)| {
                Domain::base_of(*held) == domain.base
                    && (*held, vote.message.block()) != (round, block)
            })
            .map(|(_, vote)| vote.clone())
            .take(limit)
            .collect()
    }

    /// Forgets heights too far below `head` to be compared. Evidence stays.
    pub fn prune(&mut self, head: Height) {
        let first = (Height(head.0.saturating_sub(EVIDENCE_HEIGHTS)), Epoch(0));
        self.votes = self.votes.split_off(&first);
        self.proposals = self.proposals.split_off(&first);
        self.certificates = self.certificates.split_off(&first);
    }

    /// What was found, by whom it is against.
    pub fn found(&self) -> impl Iterator<Item = (&Address, &[Evidence])> {
        self.found
            .iter()
            .map(|(seat, evidence)| (seat, evidence.as_slice()))
    }

    fn add(&mut self, seat: Address, evidence: Evidence) {
        let found = self.found.entry(seat).or_default();
        if found.len() < MAX_PER_SEAT && !found.contains(&evidence) {
            tracing::warn!(%seat, ?evidence, "a sequencer contradicts itself");
            found.push(evidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use arc_malachitebft_core_types::{NilOrVal, Round};
    use plasma_core::{Certificate, Seat, Signer, U256};

    use super::*;
    use crate::bft::{BlockHeight, BlockId, Key, Proposal, Vote, VoteSignature};

    const NOBODY: [Address; 0] = [];

    fn signer(number: u8) -> Signer {
        Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
    }

    fn committee() -> Committee {
        let seat = |number| Seat {
            key: signer(number).address(),
            weight: 1,
        };
        Committee {
            epoch: Epoch(0),
            seats: (1..=4).map(seat).collect(),
        }
    }

    fn domain() -> Domain {
        Domain {
            chain_id: ChainId(1),
            epoch: Epoch(0),
            base: 0,
        }
    }

    fn vote(number: u8, kind: VoteType, height: u64, round: u32, block: u8) -> SignedVote {
        let vote = Vote {
            kind,
            height: BlockHeight(height),
            round: Round::new(round),
            value: NilOrVal::Val(B256::repeat_byte(block)),
            seat: Key(signer(number).address()),
        };
        let signature = VoteSignature(signer(number).sign(domain().vote(&vote)));
        SignedVote::new(vote, signature)
    }

    fn certificate(round: u32, block: u8, signers: &[u8]) -> Certificate {
        let votes = signers
            .iter()
            .map(|number| vote(*number, VoteType::Precommit, 5, round, block));
        Certificate {
            epoch: Epoch(0),
            height: Height(5),
            round,
            block: B256::repeat_byte(block),
            signers: signers.iter().fold(U256::ZERO, |bits, number| {
                bits | (U256::ONE << (number - 1))
            }),
            signatures: votes.map(|vote| vote.signature.0).collect(),
        }
    }

    fn accused(pool: &EvidencePool) -> Vec<Address> {
        let verifier = Verifier::new();
        pool.found()
            .map(|(key, evidence)| {
                for piece in evidence {
                    let culprits = piece.culprits(&verifier, ChainId(1), &committee());
                    assert!(culprits.contains(key), "{piece:?}");
                    let elsewhere = piece.culprits(&verifier, ChainId(2), &committee());
                    assert_eq!(elsewhere, NOBODY, "of another chain it proves nothing");
                }
                *key
            })
            .collect()
    }

    #[test]
    fn only_votes_of_one_kind_in_one_round_conflict() {
        use VoteType::{Precommit, Prevote};
        let first = vote(1, Precommit, 5, 0, 1);
        let others = [
            (vote(1, Precommit, 5, 0, 1), false),
            (vote(1, Prevote, 5, 0, 2), false),
            (vote(1, Precommit, 6, 0, 2), false),
            (vote(1, Precommit, 5, 1, 2), false),
            (vote(2, Precommit, 5, 0, 2), false),
            (vote(1, Precommit, 5, 0, 2), true),
        ];
        for (other, conflict) in others {
            let mut pool = EvidencePool::new();
            pool.vote(&domain(), &first);
            pool.vote(&domain(), &other);
            assert_eq!(accused(&pool).len(), usize::from(conflict), "{other:?}");
        }
        let mut pool = EvidencePool::new();
        pool.vote(&domain(), &first);
        let later = Domain {
            base: 1 << 12,
            ..domain()
        };
        pool.vote(&later, &vote(1, Precommit, 5, 0, 2));
        assert_eq!(accused(&pool), NOBODY, "decided anew after an override");
    }

    #[test]
    fn a_second_proposal_of_a_round_is_evidence() {
        let propose = |block, pol_round| {
            let proposal = Proposal {
                height: BlockHeight(5),
                round: Round::new(2),
                value: BlockId(B256::repeat_byte(block)),
                pol_round,
                proposer: Key(signer(3).address()),
            };
            let signature = VoteSignature(signer(3).sign(domain().proposal(&proposal)));
            SignedProposal::new(proposal, signature)
        };
        let mut pool = EvidencePool::new();
        pool.proposal(&domain(), &propose(1, Round::Nil));
        pool.proposal(&domain(), &propose(1, Round::Nil));
        assert_eq!(accused(&pool), NOBODY);
        pool.proposal(&domain(), &propose(1, Round::new(0)));
        assert_eq!(accused(&pool), [signer(3).address()]);
    }

    #[test]
    fn conflicting_certificates_are_evidence_against_who_signed_both() {
        let mut pool = EvidencePool::new();
        pool.certificate(&committee(), &certificate(0, 1, &[1, 2, 3]));
        pool.certificate(&committee(), &certificate(3, 1, &[2, 3, 4]));
        assert_eq!(accused(&pool), NOBODY, "one block, in two rounds");
        pool.certificate(&committee(), &certificate(1 << 12, 3, &[1, 2, 3]));
        assert_eq!(accused(&pool), NOBODY, "decided anew after an override");
        pool.certificate(&committee(), &certificate(1, 2, &[2, 3, 4]));
        let mut both = [signer(2).address(), signer(3).address()];
        both.sort_unstable();
        assert_eq!(accused(&pool), both);
    }

    #[test]
    fn forged_evidence_proves_nothing() {
        let (verifier, committee) = (Verifier::new(), committee());
        let (first, mut second) = (
            vote(1, VoteType::Prevote, 5, 0, 1),
            vote(1, VoteType::Prevote, 5, 0, 2),
        );
        let culprits = |first: &SignedVote, second: &SignedVote| {
            let (first, second) = (first.clone(), second.clone());
            let domain = domain();
            Evidence::Votes {
                domain,
                first,
                second,
            }
            .culprits(&verifier, ChainId(1), &committee)
        };
        assert_eq!(culprits(&first, &second), [signer(1).address()]);
        assert_eq!(culprits(&first, &first), NOBODY);
        second.message.value = NilOrVal::Nil;
        assert_eq!(
            culprits(&first, &second),
            NOBODY,
            "changed after it was signed"
        );
        let stranger = [9, 9].map(|number| vote(number, VoteType::Prevote, 5, 0, 1));
        let mut other = vote(9, VoteType::Prevote, 5, 0, 2);
        assert_eq!(culprits(&stranger[0], &other), NOBODY, "no seat");
        other = vote(2, VoteType::Prevote, 5, 0, 2);
        assert_eq!(culprits(&first, &other), NOBODY, "of two seats");
        let (first, mut second) = (certificate(0, 1, &[1, 2, 3]), certificate(0, 2, &[1, 2, 4]));
        second.signatures.swap(0, 1);
        let forged = Evidence::Certificates { first, second };
        assert_eq!(forged.culprits(&verifier, ChainId(1), &committee), NOBODY);
    }

    #[test]
    fn the_pool_is_bounded_and_what_is_beside_a_decision_is_told() {
        let mut pool = EvidencePool::new();
        for height in 1..=EVIDENCE_HEIGHTS + 5 {
            for round in 0..2 * MAX_ROUNDS as u32 + 2 {
                pool.vote(&domain(), &vote(1, VoteType::Prevote, height, round, 1));
            }
            pool.prune(Height(height));
        }
        assert!(pool.votes.len() as u64 <= EVIDENCE_HEIGHTS + 1);
        assert!(
            pool.votes
                .values()
                .all(|votes| votes.len() <= 2 * MAX_ROUNDS)
        );
        let mut pool = EvidencePool::new();
        pool.vote(&domain(), &vote(1, VoteType::Precommit, 5, 1, 1));
        pool.vote(&domain(), &vote(2, VoteType::Precommit, 5, 1, 2));
        pool.vote(&domain(), &vote(3, VoteType::Prevote, 5, 0, 1));
        let place = (Height(5), 1, B256::repeat_byte(1));
        let seats: Vec<Address> = pool
            .beside(&domain(), place, 10)
            .iter()
            .map(|vote| vote.message.seat.0)
            .collect();
        assert_eq!(seats.len(), 2);
        assert!(
            !seats.contains(&signer(1).address()),
            "its vote is in the certificate"
        );
        assert_eq!(pool.beside(&domain(), place, 1).len(), 1);
    }
}
