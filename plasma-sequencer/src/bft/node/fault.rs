//! Misbehaviour on purpose, to watch what comes of it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use arc_malachitebft_core_types::{NilOrVal, VoteType};
use plasma_core::{Address, Height, Signer, Timestamp, keccak256};

use crate::bft::{
    context::{Domain, VoteSignature},
    wire::{Message, Signed},
};

/// How a member of a development network misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BftFault {
    /// At the first height from `from` on it signs precommits for two blocks.
    Equivocate {
        /// The height.
        from: Height,
    },
    /// Once it has block `from` it says nothing to `to` and hears nothing of them, for a while. To all others it is
    /// dead, to a half the network is parted.
    Apart {
        /// The block.
        from: Height,
        /// From whom.
        to: BTreeSet<Address>,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
}

/// A fault as it goes on.
#[derive(Debug)]
pub(super) struct Fault {
    kind: BftFault,
    /// When it began.
    since: Mutex<Option<Timestamp>>,
}

impl Fault {
    pub(super) fn new(kind: BftFault) -> Self {
        let since = Mutex::default();
        Self { kind, since }
    }

    /// Whether nothing passes between this member and `peer` now.
    pub(super) fn parts(&self, peer: &Address, head: Height, now: Timestamp) -> bool {
        let BftFault::Apart { from, to, for_ms } = &self.kind else {
            return false;
        };
        if head < *from || !to.contains(peer) {
            return false;
        }
        let since = self.since.lock();
        let mut since = since.unwrap_or_else(PoisonError::into_inner);
        now.0 < since.get_or_insert(now).0 + for_ms
    }

    /// What is said beside a message: a second vote, once.
    pub(super) fn twin(
        &self,
        message: &Message,
        (signer, domain): (&Signer, &Domain),
        now: Timestamp,
    ) -> Option<Message> {
        let BftFault::Equivocate { from } = &self.kind else {
            return None;
        };
        let Message::Vote(Signed { message: vote, .. }) = message else {
            return None;
        };
        let ripe = vote.kind == VoteType::Precommit
            && vote.height.0 >= from.0
            && matches!(vote.value, NilOrVal::Val(_));
        let since = self.since.lock();
        let mut since = since.unwrap_or_else(PoisonError::into_inner);
        if !ripe || since.is_some() {
            return None;
        }
        *since = Some(now);
        let mut vote = vote.clone();
        vote.value = NilOrVal::Val(keccak256(vote.block()));
        let signature = VoteSignature(signer.sign(domain.vote(&vote)));
        Some(Message::Vote(Signed {
            message: vote,
            signature,
        }))
    }
}
