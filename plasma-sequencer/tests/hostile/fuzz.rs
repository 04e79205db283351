//! Bytes that nobody meant, with fixed seeds: whatever comes, it is a message in its one encoding or an error.

use arc_malachitebft_core_types::{NilOrVal, Round, VoteType};
use plasma_core::{
    B256, Block, Bytes, Certificate, CertifiedBlock, Epoch, Height, Signer, U256,
    conformance::sequencer::toy_genesis, encode,
};
use plasma_sequencer::{
    BlockId, Decided, Domain, Key, Message, Part, Proposal, Signed, SignedVote, Vote, VoteSignature,
};
use rand::{Rng as _, RngCore as _, SeedableRng as _, rngs::SmallRng};

use super::signer;

/// Changed messages of each kind.
const CHANGES: u64 = 4_000;
/// Random ones.
const RANDOM: u64 = 40_000;

fn domain() -> Domain {
    Domain {
        chain_id: toy_genesis().chain_id,
        epoch: Epoch(3),
        base: 0,
    }
}

/// A message of every kind.
fn messages() -> Vec<Message> {
    let key: Signer = signer(1);
    let block = B256::repeat_byte(7);
    let vote = Vote {
        kind: VoteType::Precommit,
        height: Height(5).into(),
        round: Round::new(2),
        value: NilOrVal::Val(block),
        seat: Key(key.address()),
    };
    let signature = VoteSignature(key.sign(domain().vote(&vote)));
    let vote: Signed<Vote> = SignedVote::new(vote, signature).into();
    let proposal = Proposal {
        height: Height(5).into(),
        round: Round::new(2),
        value: BlockId(block),
        pol_round: Round::new(1),
        proposer: Key(key.address()),
    };
    let signature = VoteSignature(key.sign(domain().proposal(&proposal)));
    let proposal = Signed {
        message: proposal,
        signature,
    };
    let place = (Height(5).into(), Round::new(2), block);
    let part = Part::split(&key, &domain(), place, &[9; 300], 200).remove(1);
    let certified = CertifiedBlock {
        block: Block {
            header: toy_genesis(),
            transactions: vec![vec![1, 2, 3].into(), Bytes::default()],
        },
        certificate: Certificate {
            epoch: Epoch(3),
            height: Height(5),
            round: 2,
            block,
            signers: U256::from(7),
            signatures: vec![signature.0; 3],
        },
    };
    let decided = Decided {
        certificate: certified.certificate.clone(),
        beside: vec![vote.clone(); 2],
    };
    let seats = vec![(Key(key.address()), signature); 3];
    let polka = encode(&(3_u8, 5_u64, 2_u32, block, seats));
    let seats = vec![(true, block, Key(key.address()), signature); 3];
    let round = encode(&(4_u8, 5_u64, 2_u32, true, seats));
    let read = |bytes: &[u8]| Message::from_bytes(bytes).expect("as it should be");
    vec![
        Message::Vote(vote),
        Message::Proposal(proposal),
        Message::Part(part),
        read(&polka),
        read(&round),
        Message::Decided(decided),
        Message::Fetch { from: Height(7) },
        Message::Blocks(vec![certified.clone(), certified]),
        Message::Transactions(vec![vec![5; 40].into(), Bytes::default()]),
    ]
}

/// What reads is what would be written; anything else is an error. Gives whether it reads.
fn check(bytes: &[u8], seed: u64) -> bool {
    let read = Message::from_bytes(bytes);
    if let Ok(message) = &read {
        assert_eq!(message.to_bytes(), bytes, "seed {seed}: two encodings");
    }
    read.is_ok()
}

#[test]
fn whatever_a_peer_sends_reads_in_one_way_or_not_at_all() {
    let (mut readable, mut all) = (0, 0);
    for (kind, message) in messages().into_iter().enumerate() {
        let bytes = message.to_bytes();
        assert_eq!(Message::from_bytes(&bytes), Ok(message));
        for length in 0..bytes.len() {
            assert!(!check(&bytes[..length], length as u64), "cut off: {kind}");
        }
        for seed in 0..CHANGES {
            let mut rng = SmallRng::seed_from_u64(seed * 16 + kind as u64);
            let mut changed = bytes.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..changed.len());
                match rng.random_range(0..4) {
                    0 => changed[at] ^= 1 << rng.random_range(0..8),
                    1 => changed[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
                    2 => changed.insert(at, rng.random()),
                    _ => {
                        changed.remove(at);
                    }
                }
            }
            all += 1;
            readable += u64::from(check(&changed, seed));
        }
    }
    println!("{readable} of {all} changed messages can be read");
    assert!(
        readable > all / 100 && readable < all,
        "{readable} of {all}"
    );
}

#[test]
fn random_bytes_are_no_flood_of_memory() {
    let before = super::resident();
    for seed in 0..RANDOM {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut bytes = vec![0; rng.random_range(0..600)];
        rng.fill_bytes(&mut bytes);
        if let Some(kind) = bytes.first_mut() {
            *kind %= 10;
        }
        // Lengths that announce more than there is.
        if seed % 4 == 0 && bytes.len() > 5 {
            bytes[1..5].fill(0xff);
        }
        check(&bytes, seed);
    }
    let grown = super::resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}
