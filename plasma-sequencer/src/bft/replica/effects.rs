//! What the engine asks for.

use arc_malachitebft_core_consensus::{
    ConsensusMsg, Effect, LivenessMsg, Resumable as _, Resume, SignedConsensusMsg,
    VoteExtensionError,
};
use arc_malachitebft_core_types::{CommitCertificate, Round, SignedMessage, Timeout};
use plasma_core::{Address, B256, Timestamp, encode};

use super::Replica;
use crate::bft::{
    context::{Part, PlasmaContext, SignedProposal, SignedVote, VoteSignature},
    log::LogEntry,
    wire::{Decided, MAX_BESIDE, Message, RoundEntry},
};

/// Rounds before the own one whose blocks may still arrive.
const KEPT_ROUNDS: u32 = 2;

impl Replica {
    pub(super) fn effect(
        &mut self,
        effect: Effect<PlasmaContext>,
        now: Timestamp,
    ) -> Resume<PlasmaContext> {
        match effect {
            Effect::CancelAllTimeouts(r) => {
                self.timers.clear();
                r.resume_with(())
            }
            Effect::CancelTimeout(timeout, r) => {
                self.timers.cancel(&timeout);
                r.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, r) => {
                self.schedule(timeout, now);
                r.resume_with(())
            }
            Effect::StartRound(_, round, proposer, _, r) => {
                let place = (self.app.next(), round);
                self.patience.start_round(place, proposer.0, now);
                let over = round
                    .as_u32()
                    .unwrap_or_default()
                    .saturating_sub(KEPT_ROUNDS);
                self.bodies.forget_rounds_below(over);
                self.remind(round, proposer.0);
                r.resume_with(())
            }
            Effect::PublishConsensusMsg(message, r) => {
                self.publish(message);
                r.resume_with(())
            }
            Effect::PublishLivenessMsg(message, r) => {
                let message = match message {
                    LivenessMsg::Vote(vote) => Message::Vote(vote.into()),
                    LivenessMsg::PolkaCertificate(polka) => Message::Polka(polka.into()),
                    LivenessMsg::SkipRoundCertificate(round) => Message::Round(RoundEntry(round)),
                };
                self.send(None, message);
                r.resume_with(())
            }
            Effect::RepublishVote(vote, r) => {
                self.send(None, Message::Vote(vote.into()));
                r.resume_with(())
            }
            Effect::RepublishRoundCertificate(certificate, r) => {
                self.send(None, Message::Round(RoundEntry(certificate)));
                r.resume_with(())
            }
            Effect::GetValue(_, round, _, r) => {
                self.wanted = Some(round);
                r.resume_with(())
            }
            Effect::RestreamProposal(_, round, _, proposer, block, r) => {
                self.restream(round, proposer.0, block);
                r.resume_with(())
            }
            Effect::SignVote(vote, r) => {
                let digest = self.seats.domain().vote(&vote);
                let vote = SignedVote::new(vote, self.sign(digest));
                self.app.evidence_mut().vote(self.seats.domain(), &vote);
                r.resume_with(vote)
            }
            Effect::SignProposal(proposal, r) => {
                let digest = self.seats.domain().proposal(&proposal);
                r.resume_with(SignedProposal::new(proposal, self.sign(digest)))
            }
            Effect::VerifySignature(message, key, r) => {
                let SignedMessage { message, signature } = message;
                let digest = match message {
                    ConsensusMsg::Vote(vote) => key.domain.vote(&vote),
                    ConsensusMsg::Proposal(proposal) => key.domain.proposal(&proposal),
                };
                let signer = self.verifier.recover(digest, &signature);
                r.resume_with(signer == Some(key.address))
            }
            Effect::VerifyCommitCertificate(certificate, seats, thresholds, r) => {
                r.resume_with(self.verifier.commit(&certificate, &seats, thresholds))
            }
            Effect::VerifyExtendedCommitCertificate(certificate, seats, thresholds, _, r) => {
                let certificate = certificate.trim_vote_extensions();
                r.resume_with(self.verifier.commit(&certificate, &seats, thresholds))
            }
            Effect::VerifyPolkaCertificate(certificate, seats, thresholds, r) => {
                let result = self.verifier.polka(&certificate, &seats, thresholds);
                if result.is_ok() {
                    self.witness(certificate.votes(&PlasmaContext));
                }
                r.resume_with(result)
            }
            Effect::VerifyRoundCertificate(certificate, seats, thresholds, r) => {
                let result = self.verifier.round(&certificate, &seats, thresholds);
                if result.is_ok() {
                    self.witness(certificate.votes(&PlasmaContext));
                }
                r.resume_with(result)
            }
            Effect::WalAppend(_, input, r) => {
                if let Some(entry) = LogEntry::of(&input) {
                    self.append(&entry);
                }
                r.resume_with(())
            }
            Effect::Decide(certificate, _, r) => {
                self.decide(&certificate, now);
                r.resume_with(())
            }
            Effect::Finalize(_, _, evidence, r) => {
                let domain = *self.seats.domain();
                let pool = self.app.evidence_mut();
                for (_, pairs) in evidence.votes.iter() {
                    for (first, second) in pairs {
                        pool.vote(&domain, first);
                        pool.vote(&domain, second);
                    }
                }
                self.finished = true;
                r.resume_with(())
            }
            // Values that were certified without this member are not the engine's business: the
            // core adopts them, and the engine begins the height after.
            Effect::CertVerifiedSyncValue(_, _, r) | Effect::CertRejectedSyncValue(_, _, _, r) => {
                r.resume_with(())
            }
            // Extensions are off.
            Effect::ExtendVote(_, _, _, _, r) => r.resume_with(None),
            Effect::VerifyVoteExtension(_, _, _, _, _, _, r) => {
                r.resume_with(Err(VoteExtensionError::InvalidVoteExtension))
            }
        }
    }

    fn sign(&self, digest: B256) -> VoteSignature {
        let signature = VoteSignature(self.app.signer().sign(digest));
        self.verifier
            .remember(digest, signature, Some(self.app.address()));
        signature
    }

    fn schedule(&mut self, timeout: Timeout, now: Timestamp) {
        let after = self.patience.wait(timeout);
        self.timers.schedule(now.0.saturating_add(after), timeout);
    }

    fn publish(&mut self, message: SignedConsensusMsg<PlasmaContext>) {
        let message = match message {
            SignedConsensusMsg::Vote(vote) => Message::Vote(vote.into()),
            SignedConsensusMsg::Proposal(proposal) => {
                let domain = *self.seats.domain();
                self.app.evidence_mut().proposal(&domain, &proposal);
                Message::Proposal(proposal.into())
            }
        };
        self.send(None, message);
    }

    fn restream(&mut self, round: Round, proposer: Address, block: B256) {
        let parts = if proposer == self.app.address() {
            let Some(payload) = self.app.undecided(&block) else {
                return;
            };
            let place = (self.app.height(), round, block);
            let (signer, domain) = (self.app.signer(), self.seats.domain());
            Part::split(
                signer,
                domain,
                place,
                &encode(payload),
                self.config.part_bytes,
            )
        } else {
            let number = round.as_u32().unwrap_or_default();
            self.bodies.parts(number, block).to_vec()
        };
        for part in parts {
            self.send(None, Message::Part(part));
        }
    }

    fn witness(&mut self, votes: impl Iterator<Item = SignedVote>) {
        let domain = *self.seats.domain();
        for vote in votes {
            self.app.evidence_mut().vote(&domain, &vote);
        }
    }

    fn decide(&mut self, commit: &CommitCertificate<PlasmaContext>, now: Timestamp) {
        let certificate = self.seats.certificate(commit);
        let place = (certificate.height, certificate.round, certificate.block);
        let domain = *self.seats.domain();
        match self.app.commit(certificate) {
            Ok(Some(certified)) => {
                self.patience.decided(now);
                let beside = self.app.evidence().beside(&domain, place, MAX_BESIDE);
                let decided = Decided {
                    certificate: certified.certificate.clone(),
                    beside: beside.into_iter().map(Into::into).collect(),
                };
                self.committed(certified);
                self.send(None, Message::Decided(decided));
            }
            // It comes with the certificate from somebody who has it.
            Ok(None) => self.fetching.wish(),
            Err(error) => self.fail(error),
        }
    }
}
