//! Checks signatures, each once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_malachitebft_core_consensus::ThresholdParams;
use arc_malachitebft_core_types::{
    CertificateError, CommitCertificate, NilOrVal, PolkaCertificate, RoundCertificate,
    RoundCertificateType, ThresholdParam, Validator as _, ValidatorSet as _, VoteType,
};
use plasma_core::{Address, B256, Certificate, ChainId, Committee, Vote as CertificateVote};

use super::context::{
    Domain, Key, PlasmaContext, Seats, SignedPart, SignedProposal, SignedVote, Vote, VoteSignature,
};

/// Signatures remembered in each of two generations: some heights' worth of a full committee.
const REMEMBERED: usize = 16 * 1024;

type CertificateResult = Result<(), CertificateError<PlasmaContext>>;

/// Recovers signers, and remembers whom it recovered: the same vote comes by gossip, in
/// certificates and out of the log. May be shared by nodes in one process.
#[derive(Debug, Default)]
pub struct Verifier {
    recoveries: AtomicU64,
    known: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<(B256, VoteSignature), Option<Address>>,
    old: HashMap<(B256, VoteSignature), Option<Address>>,
}

impl Verifier {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who signed `digest`; `None` for a malformed signature.
    pub fn recover(&self, digest: B256, signature: &VoteSignature) -> Option<Address> {
        let key = (digest, *signature);
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(signer) = known.young.get(&key).or_else(|| known.old.get(&key)) {
                return *signer;
            }
        }
        self.recoveries.fetch_add(1, Ordering::Relaxed);
        let signer = signature.0.recover(digest).ok();
        self.remember(digest, *signature, signer);
        signer
    }

    /// How many signers it recovered: what was not remembered.
    pub fn recoveries(&self) -> u64 {
        self.recoveries.load(Ordering::Relaxed)
    }

    /// Takes note of an own signature.
    pub(super) fn remember(&self, digest: B256, signature: VoteSignature, signer: Option<Address>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.young.len() >= REMEMBERED {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert((digest, signature), signer);
    }

    /// Whether the seat that the vote names cast it.
    pub fn vote(&self, domain: &Domain, vote: &SignedVote) -> bool {
        self.recover(domain.vote(&vote.message), &vote.signature) == Some(vote.message.seat.0)
    }

    /// Whether the seat that the proposal names made it.
    pub fn proposal(&self, domain: &Domain, proposal: &SignedProposal) -> bool {
        let signer = self.recover(domain.proposal(&proposal.message), &proposal.signature);
        signer == Some(proposal.message.proposer.0)
    }

    /// Whether `key` signed the part.
    pub fn part(&self, domain: &Domain, part: &SignedPart, key: &Address) -> bool {
        let digest = domain.part(&part.part.header, &part.part.bytes);
        self.recover(digest, &part.signature) == Some(*key)
    }

    /// Whether a certificate's signers precommitted, and are a quorum.
    pub fn commit(
        &self,
        certificate: &CommitCertificate<PlasmaContext>,
        seats: &Seats,
        thresholds: ThresholdParams,
    ) -> CertificateResult {
        let (height, round) = (certificate.height, certificate.round);
        let value = NilOrVal::Val(certificate.value_id);
        let mut count = Count::new(seats);
        for one in &certificate.commit_signatures {
            let vote = Vote {
                kind: VoteType::Precommit,
                height,
                round,
                value,
                seat: one.address,
            };
            count.add(one.address)?;
            if !self.vote(seats.domain(), &SignedVote::new(vote, one.signature)) {
                return Err(CertificateError::InvalidCommitSignature(one.clone()));
            }
        }
        count.reaches(thresholds.quorum)
    }

    /// Whether a certificate of the root's form is by more than two thirds of `committee`, whatever
    /// its block is. As [`Certificate::verify`], but that it recovers each signature once.
    pub fn certificate(
        &self,
        chain_id: ChainId,
        committee: &Committee,
        certificate: &Certificate,
    ) -> bool {
        let Some(signers) = self.signers(chain_id, committee, certificate) else {
            return false;
        };
        let weight: u128 = committee
            .seats
            .iter()
            .filter(|seat| signers.contains(&seat.key))
            .map(|seat| u128::from(seat.weight))
            .sum();
        weight * 3 > committee.total_weight() * 2
    }

    /// Who signed a certificate; `None` unless every signature holds.
    pub(super) fn signers(
        &self,
        chain_id: ChainId,
        committee: &Committee,
        certificate: &Certificate,
    ) -> Option<BTreeSet<Address>> {
        let digest = CertificateVote {
            chain_id,
            epoch: certificate.epoch,
            height: certificate.height,
            round: certificate.round,
            block: certificate.block,
        }
        .digest();
        if certificate.epoch != committee.epoch
            || certificate.signers.bit_len() > committee.seats.len()
            || certificate.signers.count_ones() != certificate.signatures.len()
        {
            return None;
        }
        let seats = committee
            .seats
            .iter()
            .enumerate()
            .filter(|(number, _)| certificate.signers.bit(*number));
        seats
            .zip(&certificate.signatures)
            .map(|((_, seat), signature)| {
                let signer = self.recover(digest, &VoteSignature(*signature))?;
                (signer == seat.key).then_some(signer)
            })
            .collect()
    }

    /// Whether a certificate's signers prevoted, and are a quorum.
    pub fn polka(
        &self,
        certificate: &PolkaCertificate<PlasmaContext>,
        seats: &Seats,
        thresholds: ThresholdParams,
    ) -> CertificateResult {
        let mut count = Count::new(seats);
        for (vote, one) in certificate
            .votes(&PlasmaContext)
            .zip(&certificate.polka_signatures)
        {
            count.add(one.address)?;
            if !self.vote(seats.domain(), &vote) {
                return Err(CertificateError::InvalidPolkaSignature(one.clone()));
            }
        }
        count.reaches(thresholds.quorum)
    }

    /// Whether a certificate's signers voted in that round, and are enough to enter one.
    pub fn round(
        &self,
        certificate: &RoundCertificate<PlasmaContext>,
        seats: &Seats,
        thresholds: ThresholdParams,
    ) -> CertificateResult {
        let mut count = Count::new(seats);
        let precommits = certificate.cert_type == RoundCertificateType::Precommit;
        for (vote, one) in certificate
            .votes(&PlasmaContext)
            .zip(&certificate.round_signatures)
        {
            count.add(one.address)?;
            if precommits && one.vote_type == VoteType::Prevote {
                return Err(CertificateError::InvalidVoteType(one.address));
            }
            if !self.vote(seats.domain(), &vote) {
                return Err(CertificateError::InvalidRoundSignature(one.clone()));
            }
        }
        count.reaches(match certificate.cert_type {
            RoundCertificateType::Precommit => thresholds.quorum,
            RoundCertificateType::Skip => thresholds.honest,
        })
    }
}

/// Weights, each seat's once.
struct Count<'a> {
    seats: &'a Seats,
    seen: BTreeSet<Key>,
    signed: u64,
}

impl<'a> Count<'a> {
    fn new(seats: &'a Seats) -> Self {
        Self {
            seats,
            seen: BTreeSet::new(),
            signed: 0,
        }
    }

    fn add(&mut self, key: Key) -> CertificateResult {
        let member = self
            .seats
            .get_by_address(&key)
            .ok_or(CertificateError::UnknownValidator(key))?;
        if !self.seen.insert(key) {
            return Err(CertificateError::DuplicateVote(key));
        }
        // Cannot overflow: each seat counts once, and the total is bounded.
        self.signed += member.voting_power();
        Ok(())
    }

    fn reaches(&self, threshold: ThresholdParam) -> CertificateResult {
        let (signed, total) = (self.signed, self.seats.total_voting_power());
        if threshold.is_met(signed, total) {
            return Ok(());
        }
        let expected = threshold.min_expected(total);
        Err(CertificateError::NotEnoughVotingPower {
            signed,
            total,
            expected,
        })
    }
}
