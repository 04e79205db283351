//! The engine's types mean what the root means.

use arc_malachitebft_core_consensus::ThresholdParams;
use arc_malachitebft_core_types::{CommitCertificate, CommitSignature, ValidatorSet as _};
use plasma_core::{
    Address, B256, BlockHeader, CertificateError, ChainId, Committee, Epoch, Height, Seat, U256,
    Vote as CertificateVote, decode, encode, hex, keccak256,
};

use super::*;
use crate::bft::{
    Message, Verifier,
    wire::{RoundEntry, Signed},
};

fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
}

fn committee(weights: &[u64]) -> Committee {
    let seats = (1..)
        .zip(weights)
        .map(|(number, weight)| Seat {
            key: signer(number).address(),
            weight: *weight,
        })
        .collect();
    Committee {
        epoch: Epoch(7),
        seats,
    }
}

fn domain() -> Domain {
    Domain {
        chain_id: ChainId(42),
        epoch: Epoch(7),
        base: 0,
    }
}

fn seats(weights: &[u64]) -> Seats {
    Seats::new(committee(weights), domain()).expect("a committee")
}

fn vote(kind: VoteType, number: u8, height: u64, round: u32, value: NilOrVal<B256>) -> SignedVote {
    let key = signer(number);
    let vote = Vote {
        kind,
        height: BlockHeight(height),
        round: Round::new(round),
        value,
        seat: Key(key.address()),
    };
    let signature = VoteSignature(key.sign(domain().vote(&vote)));
    SignedVote::new(vote, signature)
}

fn header() -> BlockHeader {
    BlockHeader {
        chain_id: ChainId(42),
        epoch: Epoch(7),
        height: Height(9),
        ..BlockHeader::default()
    }
}

fn commit(signers: &[u8], round: u32, block: B256) -> CommitCertificate<PlasmaContext> {
    let votes = signers.iter().map(|number| {
        let value = NilOrVal::Val(block);
        vote(VoteType::Precommit, *number, 9, round, value)
    });
    CommitCertificate::new(BlockHeight(9), Round::new(round), block, votes.collect())
}

#[test]
fn a_commit_certificate_is_what_the_root_checks() {
    let (seats, header) = (seats(&[5, 4, 3, 1]), header());
    // In whatever order the votes came in.
    let certificate = seats.certificate(&commit(&[3, 1, 2], 2, header.hash()));
    assert_eq!(certificate.round, 2);
    assert_eq!(certificate.signers, U256::from(0b111));
    assert_eq!(certificate.verify(seats.committee(), &header), Ok(()));

    let less = seats.certificate(&commit(&[2, 3, 4], 2, header.hash()));
    let (weight, total) = (8, 13);
    assert_eq!(
        less.verify(seats.committee(), &header),
        Err(CertificateError::Weight { weight, total })
    );
    let mut forged = commit(&[1, 2, 3], 2, header.hash());
    forged.commit_signatures[2] = CommitSignature::new(
        Key(signer(3).address()),
        VoteSignature(signer(9).sign(B256::repeat_byte(1))),
    );
    let forged = seats.certificate(&forged);
    assert!(matches!(
        forged.verify(seats.committee(), &header),
        Err(CertificateError::Signer { seat: 2, .. })
    ));
    let double = seats.certificate(&commit(&[1, 1, 2, 9], 2, header.hash()));
    assert_eq!(
        double.signers,
        U256::from(0b11),
        "each seat once, no strangers"
    );
}

#[test]
fn a_precommit_signs_the_digest_of_a_certificate_and_nothing_else_does() {
    let block = B256::repeat_byte(3);
    let one = vote(VoteType::Precommit, 1, 9, 2, NilOrVal::Val(block)).message;
    let mut digests = vec![domain().vote(&one)];
    assert_eq!(
        digests[0],
        CertificateVote {
            chain_id: ChainId(42),
            epoch: Epoch(7),
            height: Height(9),
            round: 2,
            block,
        }
        .digest()
    );
    let other = |change: &dyn Fn(&mut Vote)| {
        let mut vote = one.clone();
        change(&mut vote);
        domain().vote(&vote)
    };
    digests.extend([
        other(&|vote| vote.kind = VoteType::Prevote),
        other(&|vote| vote.height = BlockHeight(10)),
        other(&|vote| vote.round = Round::new(3)),
        other(&|vote| vote.value = NilOrVal::Nil),
        Domain {
            chain_id: ChainId(43),
            ..domain()
        }
        .vote(&one),
        Domain {
            epoch: Epoch(8),
            ..domain()
        }
        .vote(&one),
        Domain {
            base: 1 << ROUND_BITS,
            ..domain()
        }
        .vote(&one),
    ]);
    for pol_round in [Round::Nil, Round::new(0), Round::new(1)] {
        digests.push(domain().proposal(&Proposal {
            height: BlockHeight(9),
            round: Round::new(2),
            value: BlockId(block),
            pol_round,
            proposer: one.seat,
        }));
    }
    for part in Part::split(
        &signer(1),
        &domain(),
        (BlockHeight(9), Round::new(2), block),
        &[7; 9],
        4,
    ) {
        digests.push(domain().part(&part.part.header, &part.part.bytes));
        digests.push(domain().part(&part.part.header, b"other"));
    }
    let all = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), all, "two purposes share a digest");
}

#[test]
fn digests_are_what_they_were() {
    let block = keccak256(b"block");
    let prevote = vote(VoteType::Prevote, 1, 9, 2, NilOrVal::Val(block)).message;
    let words = [
        keccak256(b"plasma.prevote.v1"),
        B256::from(U256::from(42)),
        B256::from(U256::from(7)),
        B256::from(U256::from(9)),
        B256::from(U256::from(2)),
        block,
    ];
    assert_eq!(domain().vote(&prevote), keccak256(words.concat()));
    let proposal = Proposal {
        height: BlockHeight(9),
        round: Round::new(2),
        value: BlockId(block),
        pol_round: Round::new(1),
        proposer: prevote.seat,
    };
    let mut words = words.to_vec();
    words[0] = keccak256(b"plasma.proposal.v1");
    words.push(B256::from(U256::from(2)));
    assert_eq!(domain().proposal(&proposal), keccak256(words.concat()));
    let bytes = encode(&prevote);
    let golden = hex::encode(
        [
            &[0][..],
            &9_u64.to_le_bytes(),
            &3_u32.to_le_bytes(),
            block.as_slice(),
            signer(1).address().as_slice(),
        ]
        .concat(),
    );
    assert_eq!(hex::encode(bytes), golden);
}

#[test]
fn a_base_keeps_rounds_apart_and_is_never_that_of_an_undisturbed_chain() {
    for byte in 0..=255 {
        let base = Domain::base_after(B256::repeat_byte(byte));
        assert_ne!(base, 0);
        let domain = Domain { base, ..domain() };
        let signed = domain.signed_round(Round::new(5));
        assert_eq!(Domain::base_of(signed), base);
        assert_eq!(domain.round(signed), Some(Round::new(5)));
        assert_eq!(self::domain().round(signed), None);
    }
}

#[test]
fn weights_are_scaled_below_the_engines_limit() {
    let key = Address::repeat_byte;
    let small = weigh(
        Epoch(1),
        &[(key(1), U256::from(5)), (key(2), U256::from(4))],
    )
    .expect("two");
    let weights: Vec<u64> = small.seats.iter().map(|seat| seat.weight).collect();
    assert_eq!(weights, [5, 4]);

    let third = U256::MAX / U256::from(4);
    let large = [
        (key(1), third),
        (key(2), third),
        (key(3), third),
        (key(4), U256::ONE),
    ];
    let large = weigh(Epoch(1), &large).expect("three");
    assert_eq!(large.seats.len(), 3, "what rounds to nothing has no seat");
    let seats = Seats::new(large, domain()).expect("scaled");
    assert!(seats.total_voting_power() < MAX_TOTAL_WEIGHT);
    assert!(seats.total_voting_power() > MAX_TOTAL_WEIGHT / 2);

    let cases = [
        (vec![], CommitteeError::Size(0)),
        (
            vec![1, MAX_TOTAL_WEIGHT - 1],
            CommitteeError::Weight {
                total: u128::from(MAX_TOTAL_WEIGHT),
            },
        ),
        (vec![1, 0], CommitteeError::Weightless(signer(2).address())),
    ];
    for (weights, error) in cases {
        assert_eq!(Seats::new(committee(&weights), domain()), Err(error));
    }
    let mut twice = committee(&[1, 1]);
    twice.seats[1] = twice.seats[0];
    let key = twice.seats[0].key;
    assert_eq!(Seats::new(twice, domain()), Err(CommitteeError::Twice(key)));
    assert_eq!(
        Seats::new(committee(&[1; 200]), domain()).map(|seats| seats.count()),
        Ok(200)
    );
}

#[test]
fn signatures_and_keys_have_one_encoding() {
    let signature = vote(VoteType::Prevote, 1, 1, 0, NilOrVal::Nil).signature;
    let mut bytes = Ecdsa::encode_signature(&signature);
    assert_eq!(Ecdsa::decode_signature(&bytes), Ok(signature));
    bytes[64] -= 27;
    let malleable = Ecdsa::decode_signature(&bytes).expect("65 bytes");
    let digest = domain().vote(&vote(VoteType::Prevote, 1, 1, 0, NilOrVal::Nil).message);
    assert!(malleable.0.recover(digest).is_err(), "v must be 27 or 28");
    assert!(Ecdsa::decode_signature(&bytes[1..]).is_err());
    let key = VotingKey {
        address: signer(1).address(),
        domain: domain(),
    };
    let bytes = Ecdsa::encode_public_key(&key);
    assert_eq!(Ecdsa::decode_public_key(&bytes), Ok(key));
    assert!(Ecdsa::decode_public_key(&bytes[1..]).is_err());
}

#[test]
fn a_body_in_parts_is_whole_again_in_any_order_and_only_with_its_own() {
    let (key, block) = (signer(1), B256::repeat_byte(5));
    let body: Vec<u8> = (0..1_000_u32).map(|byte| byte as u8).collect();
    let place = (BlockHeight(9), Round::new(0), block);
    let parts = Part::split(&key, &domain(), place, &body, 300);
    assert_eq!(parts.len(), 4);
    let mut assembly = Assembly::new(&parts[0].part, MAX_PARTS).expect("room");
    for part in [&parts[3], &parts[1], &parts[1], &parts[0]] {
        assert_eq!(assembly.add(&part.part), Ok(None));
    }
    let elsewhere = Part::split(&key, &domain(), (place.0, place.1, B256::ZERO), &body, 300);
    assert_eq!(assembly.add(&elsewhere[2].part), Err(PartError::Elsewhere));
    assert_eq!(assembly.add(&parts[2].part), Ok(Some(body)));

    let mut hostile = parts[0].part.clone();
    hostile.header.count = MAX_PARTS + 1;
    assert!(matches!(
        Assembly::new(&hostile, MAX_PARTS),
        Err(PartError::Shape { .. })
    ));
    (hostile.header.count, hostile.header.index) = (2, 2);
    assert!(matches!(
        Assembly::new(&hostile, MAX_PARTS),
        Err(PartError::Shape { .. })
    ));
    let empty = Part {
        bytes: vec![],
        ..parts[0].part.clone()
    };
    assert!(matches!(
        Assembly::new(&empty, MAX_PARTS),
        Err(PartError::Shape { .. })
    ));
}

#[test]
fn a_verifier_believes_only_whom_a_message_names() {
    let verifier = Verifier::new();
    let good = vote(
        VoteType::Precommit,
        1,
        9,
        0,
        NilOrVal::Val(B256::repeat_byte(1)),
    );
    for _ in 0..2 {
        assert!(verifier.vote(&domain(), &good), "also the second time");
    }
    let mut other = good.clone();
    other.message.seat = Key(signer(2).address());
    assert!(!verifier.vote(&domain(), &other));
    assert!(!verifier.vote(
        &Domain {
            epoch: Epoch(8),
            ..domain()
        },
        &good
    ));

    let (seats, thresholds) = (seats(&[5, 4, 3, 1]), ThresholdParams::default());
    let block = B256::repeat_byte(1);
    assert_eq!(
        verifier.commit(&commit(&[1, 2], 0, block), &seats, thresholds),
        Ok(())
    );
    for signers in [&[1, 3][..], &[1, 1, 2], &[1, 2, 9]] {
        let certificate = commit(signers, 0, block);
        assert!(
            verifier.commit(&certificate, &seats, thresholds).is_err(),
            "{signers:?}"
        );
    }
}

#[test]
fn messages_are_read_as_they_were_written_and_hostile_ones_refused() {
    use arc_malachitebft_core_types::{RoundCertificate, RoundCertificateType};
    let (prevote, precommit) = (
        vote(
            VoteType::Prevote,
            1,
            9,
            0,
            NilOrVal::Val(B256::repeat_byte(1)),
        ),
        vote(VoteType::Precommit, 2, 9, 0, NilOrVal::Nil),
    );
    let round = RoundCertificate::new_from_votes(
        BlockHeight(9),
        Round::new(0),
        RoundCertificateType::Skip,
        vec![prevote.clone(), precommit.clone()],
    );
    let messages = [
        Message::Vote(prevote.clone().into()),
        Message::Round(RoundEntry(round)),
        Message::Fetch { from: Height(4) },
        Message::Transactions(vec![vec![1, 2, 3].into()]),
    ];
    for message in messages {
        let bytes = message.to_bytes();
        assert_eq!(Message::from_bytes(&bytes), Ok(message));
        for length in 0..bytes.len() {
            assert!(
                Message::from_bytes(&bytes[..length]).is_err(),
                "cut at {length}"
            );
        }
        assert!(Message::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }
    let mut bytes = encode(&Signed::from(prevote));
    bytes[0] = 2;
    assert!(
        decode::<Signed<Vote>>(&bytes, 1_000).is_err(),
        "a third kind of vote"
    );
    bytes[0] = 1;
    bytes[9..13].fill(0);
    assert!(decode::<Signed<Vote>>(&bytes, 1_000).is_err(), "no round");
}
