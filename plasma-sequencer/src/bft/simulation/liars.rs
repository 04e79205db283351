//! What liars send in the place of what they should.

use std::sync::Arc;

use arc_malachitebft_core_types::NilOrVal;
use plasma_core::{B256, Signer};
use rand::{Rng as _, rngs::SmallRng};

use super::scenario::Liar;
use crate::bft::{Domain, Message, Signed, Vote, VoteSignature};

/// Messages that a liar remembers.
const MEMORY: usize = 2_000;

/// A seat that lies, as the network sees it.
#[derive(Debug)]
pub(super) struct Liary {
    pub(super) kind: Liar,
    heard: Vec<Arc<Vec<u8>>>,
    blocks: Vec<B256>,
}

impl Liary {
    pub(super) fn new(kind: Liar) -> Self {
        Self {
            kind,
            heard: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Listens.
    pub(super) fn hear(&mut self, bytes: &Arc<Vec<u8>>, message: &Message) {
        if let Message::Proposal(proposal) = message {
            self.blocks.push(proposal.message.value.0);
        }
        if self.kind == Liar::Repeats && self.heard.len() < MEMORY {
            self.heard.push(Arc::clone(bytes));
        }
    }

    /// What is sent to one member in the place of `message`.
    pub(super) fn lie(
        &mut self,
        rng: &mut SmallRng,
        (key, domain): (&Signer, &Domain),
        message: &Message,
        bytes: &Arc<Vec<u8>>,
    ) -> Vec<Arc<Vec<u8>>> {
        let truth = Arc::clone(bytes);
        match (self.kind, message) {
            (Liar::Silent, _) | (Liar::Withholds, Message::Part(_) | Message::Blocks(_)) => vec![],
            (Liar::Fickle, Message::Vote(vote)) => {
                let other = self.another(rng, key, domain, vote);
                match rng.random_range(0..3) {
                    0 => vec![truth],
                    1 => vec![Arc::new(other.to_bytes())],
                    _ => vec![truth, Arc::new(other.to_bytes())],
                }
            }
            // A toy transaction is not signed: changed, it would use up its sender's nonce.
            (Liar::Garbage, message) if !matches!(message, Message::Transactions(_)) => {
                let mut torn = truth.to_vec();
                let at = rng.random_range(0..torn.len());
                torn[at] ^= 1 << rng.random_range(0..8);
                let noise = (0..rng.random_range(0..300))
                    .map(|_| rng.random())
                    .collect();
                vec![Arc::new(torn), Arc::new(noise), truth]
            }
            (Liar::Repeats, _) if !self.heard.is_empty() && rng.random_bool(0.3) => {
                let again = rng.random_range(0..self.heard.len());
                vec![truth, Arc::clone(&self.heard[again])]
            }
            _ => vec![truth],
        }
    }

    fn another(
        &self,
        rng: &mut SmallRng,
        key: &Signer,
        domain: &Domain,
        vote: &Signed<Vote>,
    ) -> Message {
        let mut message = vote.message.clone();
        let known = self.blocks.len();
        message.value = if known > 0 && rng.random_bool(0.7) {
            NilOrVal::Val(self.blocks[rng.random_range(known.saturating_sub(3)..known)])
        } else {
            NilOrVal::Nil
        };
        let signature = VoteSignature(key.sign(domain.vote(&message)));
        Message::Vote(Signed { message, signature })
    }
}
