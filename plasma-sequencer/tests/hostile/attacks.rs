//! What a hostile seat says.

use arc_malachitebft_core_types::{NilOrVal, Round, VoteType};
use plasma_core::{
    B256, Block, Bytes, CertifiedBlock, Height, Signature, Signer,
    conformance::sequencer::{ToyTransaction, sequential, toy_genesis},
    encode, keccak256,
};
use plasma_sequencer::{
    BlockId, Decided, Domain, Key, MAX_BESIDE, MAX_PART_BYTES, Message, Part, Proposal, Signed,
    SignedVote, Vote, VoteSignature,
};
use rand::{Rng as _, RngCore as _, rngs::SmallRng};

/// A kind of flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Signed votes for whatever, in rounds and at heights far ahead.
    Votes,
    /// Votes whose signatures are wrong.
    Forged,
    /// Signed parts of blocks that never become whole.
    Parts,
    /// Signed proposals, many for each round.
    Proposals,
    /// Justifications full of wrong signatures.
    Justifications,
    /// Requests for all blocks.
    Fetches,
    /// Old decisions with false votes beside them, and false ones.
    Decisions,
    /// Blocks that nobody asked for, old ones and forged ones.
    Blocks,
    /// Transactions that are refused.
    Transactions,
    /// Bytes that are no message.
    Noise,
    /// The same valid vote for ever.
    Repetition,
}

pub(crate) const ATTACKS: [Attack; 11] = [
    Attack::Votes,
    Attack::Forged,
    Attack::Parts,
    Attack::Proposals,
    Attack::Justifications,
    Attack::Fetches,
    Attack::Decisions,
    Attack::Blocks,
    Attack::Transactions,
    Attack::Noise,
    Attack::Repetition,
];

/// What the seat knows.
pub(crate) struct Knowledge {
    pub(crate) key: Signer,
    pub(crate) domain: Domain,
    /// The height that is being decided.
    pub(crate) next: Height,
    /// A block that was certified.
    pub(crate) old: Option<CertifiedBlock>,
}

impl Knowledge {
    /// The next thing to say.
    pub(crate) fn say(&self, attack: Attack, rng: &mut SmallRng) -> Vec<Vec<u8>> {
        match attack {
            Attack::Votes => {
                let height = self.next.0 + rng.random_range(0..100);
                let vote = self.vote(rng, height);
                vec![self.signed(vote).to_bytes()]
            }
            Attack::Repetition => {
                let vote = Vote {
                    kind: VoteType::Prevote,
                    height: self.next.into(),
                    round: Round::new(0),
                    value: NilOrVal::Nil,
                    seat: Key(self.key.address()),
                };
                vec![self.signed(vote).to_bytes()]
            }
            Attack::Forged => {
                let mut vote = self.vote(rng, self.next.0);
                vote.seat = Key(super::signer(rng.random_range(1..=4)).address());
                let signature = noise_signature(rng);
                let message = Message::Vote(Signed {
                    message: vote,
                    signature,
                });
                vec![message.to_bytes()]
            }
            Attack::Parts => {
                let body = vec![7; 4 * MAX_PART_BYTES];
                let round = Round::new(rng.random_range(0..12));
                let place = (self.next.into(), round, word(rng));
                let parts = Part::split(&self.key, &self.domain, place, &body, MAX_PART_BYTES);
                let parts = parts.into_iter().skip(1);
                parts.map(|part| Message::Part(part).to_bytes()).collect()
            }
            Attack::Proposals => {
                let proposal = Proposal {
                    height: self.next.into(),
                    round: Round::new(rng.random_range(0..2_000)),
                    value: BlockId(word(rng)),
                    pol_round: Round::Nil,
                    proposer: Key(self.key.address()),
                };
                let signature = VoteSignature(self.key.sign(self.domain.proposal(&proposal)));
                let message = proposal;
                let message = Message::Proposal(Signed { message, signature });
                vec![message.to_bytes()]
            }
            Attack::Justifications => {
                let votes: Vec<(Key, VoteSignature)> = (0..64)
                    .map(|_| {
                        let seat = super::signer(rng.random_range(1..=4)).address();
                        (Key(seat), noise_signature(rng))
                    })
                    .collect();
                let polka = (3_u8, self.next.0, 0_u32, word(rng), votes);
                let votes: Vec<(bool, B256, Key, VoteSignature)> = (0..64)
                    .map(|_| {
                        let seat = super::signer(rng.random_range(1..=4)).address();
                        (true, word(rng), Key(seat), noise_signature(rng))
                    })
                    .collect();
                let round = (4_u8, self.next.0, rng.random_range(0..50_u32), true, votes);
                vec![encode(&polka), encode(&round)]
            }
            Attack::Fetches => vec![Message::Fetch { from: Height(1) }.to_bytes()],
            Attack::Decisions => self.decisions(rng),
            Attack::Blocks => self.blocks(rng),
            Attack::Transactions => {
                let mut many: Vec<Bytes> = (0..100)
                    .map(|_| {
                        let mut bytes = vec![0; 64];
                        rng.fill_bytes(&mut bytes);
                        bytes.into()
                    })
                    .collect();
                // Used, and too large.
                many.push(ToyTransaction::new(sequential(1), 0).to_bytes());
                many.push(vec![rng.random::<u8>(); 200_000].into());
                vec![Message::Transactions(many).to_bytes()]
            }
            Attack::Noise => {
                let mut bytes = vec![0; rng.random_range(0..300)];
                rng.fill_bytes(&mut bytes);
                vec![bytes]
            }
        }
    }

    fn vote(&self, rng: &mut SmallRng, height: u64) -> Vote {
        let kinds = [VoteType::Prevote, VoteType::Precommit];
        Vote {
            kind: kinds[rng.random_range(0..2)],
            height: Height(height).into(),
            round: Round::new(rng.random_range(0..4_000)),
            value: NilOrVal::Val(word(rng)),
            seat: Key(self.key.address()),
        }
    }

    fn signed(&self, vote: Vote) -> Message {
        let signature = VoteSignature(self.key.sign(self.domain.vote(&vote)));
        Message::Vote(SignedVote::new(vote, signature).into())
    }

    fn decisions(&self, rng: &mut SmallRng) -> Vec<Vec<u8>> {
        let Some(old) = &self.old else {
            return Vec::new();
        };
        let beside = (0..MAX_BESIDE.min(100)).map(|_| Signed {
            message: self.vote(rng, old.certificate.height.0),
            signature: VoteSignature(self.key.sign(keccak256(b"nothing"))),
        });
        let stale = Decided {
            certificate: old.certificate.clone(),
            beside: beside.collect(),
        };
        let mut false_one = stale.clone();
        false_one.certificate.height = self.next;
        false_one.certificate.block = word(rng);
        let mut future = false_one.clone();
        future.certificate.height = Height(self.next.0 + 1_000_000);
        [stale, false_one, future]
            .map(|decided| Message::Decided(decided).to_bytes())
            .to_vec()
    }

    fn blocks(&self, rng: &mut SmallRng) -> Vec<Vec<u8>> {
        let Some(old) = &self.old else {
            return Vec::new();
        };
        let mut forged = old.clone();
        forged.block = Block {
            header: plasma_core::BlockHeader {
                height: self.next,
                ..toy_genesis()
            },
            transactions: vec![vec![rng.random::<u8>(); 100_000].into()],
        };
        forged.certificate.height = self.next;
        vec![
            Message::Blocks(vec![old.clone(); 20]).to_bytes(),
            Message::Blocks(vec![forged]).to_bytes(),
        ]
    }
}

fn word(rng: &mut SmallRng) -> B256 {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes.into()
}

/// A signature that can be recovered, to somebody.
fn noise_signature(rng: &mut SmallRng) -> VoteSignature {
    let key = super::signer(9);
    let signature: Signature = key.sign(B256::repeat_byte(rng.random()));
    VoteSignature(signature)
}
