//! Messages from others: nothing reaches the engine that is not signed by a seat.

use arc_malachitebft_core_consensus::Input;
use plasma_core::{
    Address, Bytes, Epoch, Height, MAX_TRANSACTION_BYTES, Timestamp, transaction_hash,
};

use super::Replica;
use crate::bft::{
    context::{Domain, SignedProposal, SignedVote},
    evidence::EVIDENCE_HEIGHTS,
    wire::Message,
};

impl Replica {
    /// Takes a message of a peer, whose key the link proves.
    pub fn receive(&mut self, from: Address, message: Message, now: Timestamp) {
        if self.failure.is_some() {
            return;
        }
        match message {
            Message::Vote(vote) => self.receive_vote(from, vote.into_engine(), now),
            Message::Proposal(proposal) => self.receive_proposal(proposal.into_engine(), now),
            Message::Part(part) => self.receive_part(from, part, now),
            Message::Polka(polka) => {
                let polka = polka.into_engine();
                if self.begun && polka.height == self.app.height() {
                    self.run(Input::PolkaCertificate(polka), now);
                }
            }
            Message::Round(entry) => {
                if self.begun && entry.0.height == self.app.height() {
                    self.run(Input::RoundCertificate(entry.0), now);
                }
            }
            Message::Decided(decided) => self.receive_decided(from, decided, now),
            Message::Fetch { from: height } => self.answer(from, height, now),
            Message::Blocks(blocks) => self.receive_blocks(from, blocks),
            Message::Transactions(transactions) => self.receive_transactions(transactions, now),
        }
        self.release(now);
    }

    fn receive_vote(&mut self, from: Address, vote: SignedVote, now: Timestamp) {
        let height = Height(vote.message.height.0);
        let next = self.app.next();
        let Some(domain) = self.domain(height) else {
            return;
        };
        let seated = self.has_seat(domain.epoch, &vote.message.seat.0);
        if !seated {
            return;
        }
        if !self.verifier.vote(&domain, &vote) {
            self.heed_override(&vote);
            return;
        }
        if height <= next {
            self.app.evidence_mut().vote(&domain, &vote);
        }
        if height < next {
            // It does not know that this is over.
            self.tell_decision(from, now);
            return;
        }
        if height > next {
            self.behind(from, height, now);
        } else if !self.begun && self.seated() {
            self.begin(now);
        }
        if self.app.next() == next {
            self.run(Input::Vote(vote), now);
        }
    }

    /// Others count rounds as after an override to the head that this member has: they had blocks after it to undo, and
    /// it had not. Once more than a third of the weight does, somebody honest was told of that by the root, and this
    /// member does so too; else neither part would be a quorum.
    fn heed_override(&mut self, vote: &SignedVote) {
        let here = *self.seats.domain();
        let base = Domain::base_after(self.app.head().hash());
        let domain = Domain { base, ..here };
        let about = vote.message.height == self.app.height();
        if !about || here.base == base || !self.verifier.vote(&domain, vote) {
            return;
        }
        self.overridden.insert(vote.message.seat.0);
        let committee = self.seats.committee();
        let told = committee.seats.iter();
        let told = told.filter(|seat| self.overridden.contains(&seat.key));
        let weight: u128 = told.map(|seat| u128::from(seat.weight)).sum();
        if weight * 3 > committee.total_weight() {
            tracing::warn!(height = %self.app.head().height, "the others were overridden; counting rounds as they do");
            self.app.rebase(base);
            self.recent.clear();
            self.turn_to_next();
            // The new base of rounds is nowhere else until a block is certified.
            self.sync();
        }
    }

    fn receive_proposal(&mut self, proposal: SignedProposal, now: Timestamp) {
        let message = &proposal.message;
        let (height, next) = (Height(message.height.0), self.app.next());
        let Some(domain) = self.domain(height) else {
            return;
        };
        let seated = self.has_seat(domain.epoch, &message.proposer.0);
        if !seated || !self.verifier.proposal(&domain, &proposal) {
            return;
        }
        if height <= next {
            self.app.evidence_mut().proposal(&domain, &proposal);
            let place = (height, message.round);
            self.patience.proposed(place, message.proposer.0, now);
        }
        if height < next {
            return;
        }
        if height == next && !self.begun && self.seated() {
            self.begin(now);
        }
        self.run(Input::Proposal(proposal), now);
    }

    /// What signatures at a height are bound to; `None` for one too long ago to matter, or too far
    /// ahead to be kept.
    pub(super) fn domain(&self, height: Height) -> Option<Domain> {
        let next = self.app.next();
        if height < next {
            let known = self.recent.get(&height).copied();
            let lately = height.0 + EVIDENCE_HEIGHTS > next.0;
            return known.or_else(|| lately.then(|| *self.seats.domain()));
        }
        // Another committee's heights ahead are heard of by its decisions.
        (height.0 <= next.0 + EVIDENCE_HEIGHTS).then(|| *self.seats.domain())
    }

    fn has_seat(&self, epoch: Epoch, key: &Address) -> bool {
        let committee = self.app.schedule().of(epoch);
        committee.is_some_and(|committee| committee.seats.iter().any(|seat| seat.key == *key))
    }

    fn receive_transactions(&mut self, transactions: Vec<Bytes>, now: Timestamp) {
        for bytes in transactions {
            let hash = transaction_hash(&bytes);
            if self.app.pool().contains(&hash) {
                continue;
            }
            if bytes.len() > MAX_TRANSACTION_BYTES {
                self.refusals += 1;
                continue;
            }
            if let Err(error) = self.app.accept(hash, bytes, now) {
                self.refusals += 1;
                tracing::trace!(%hash, %error, "a peer's transaction is not taken");
            }
        }
    }
}
