//! What needs no root.

use plasma_core::{B256, ChainId, Epoch, Height, Seconds, Signer, U256};

use super::{BlockVote, DoubleVote, EpochTimes, EvidenceError, SupplyError, XplSupply};

fn signer(byte: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(byte)).expect("a key")
}

fn double_vote(first: &Signer, second: &Signer) -> DoubleVote {
    let (one, other) = (B256::repeat_byte(0xa1), B256::repeat_byte(0xa2));
    let empty = |block| BlockVote {
        block,
        signature: first.sign(B256::ZERO),
    };
    let mut evidence = DoubleVote {
        chain_id: ChainId(6_000),
        epoch: Epoch(3),
        height: Height(12),
        round: 1,
        first: empty(one),
        second: empty(other),
    };
    evidence.first.signature = first.sign(evidence.vote_for(one).digest());
    evidence.second.signature = second.sign(evidence.vote_for(other).digest());
    evidence
}

#[test]
fn two_votes_of_one_key_in_one_round_are_evidence() {
    let evidence = double_vote(&signer(1), &signer(1));
    assert_eq!(evidence.signer(), Ok(signer(1).address()));
}

#[test]
fn what_proves_nothing_is_refused_before_the_root_is_asked() {
    let forged = double_vote(&signer(1), &signer(2));
    let (first, second) = (signer(1).address(), signer(2).address());
    assert_eq!(
        forged.signer(),
        Err(EvidenceError::DifferentSigners { first, second })
    );
    let mut same = double_vote(&signer(1), &signer(1));
    same.second = same.first.clone();
    assert_eq!(
        same.signer(),
        Err(EvidenceError::SameBlock(same.first.block))
    );
    let mut nothing = double_vote(&signer(1), &signer(1));
    nothing.second.block = B256::ZERO;
    assert_eq!(nothing.signer(), Err(EvidenceError::NoBlock));
    let mut moved = double_vote(&signer(1), &signer(1));
    moved.round += 1;
    assert!(matches!(
        moved.signer(),
        Err(EvidenceError::DifferentSigners { .. })
    ));
    let mut broken = double_vote(&signer(1), &signer(1));
    broken.second.signature.v = 29;
    let error = broken.signer().expect_err("no such recovery byte");
    assert!(
        error.to_string().starts_with("the second signature"),
        "{error}"
    );
}

#[test]
fn evidence_as_json_is_what_is_documented() {
    let evidence = double_vote(&signer(1), &signer(1));
    let json = serde_json::to_value(&evidence).expect("plain data");
    for key in ["chainId", "epoch", "height", "round", "first", "second"] {
        assert!(!json[key].is_null(), "{key} of {json}");
    }
    assert_eq!(json["chainId"], 6_000);
    assert!(json["first"]["signature"]["v"].is_u64(), "{json}");
    assert_eq!(
        serde_json::from_value::<DoubleVote>(json.clone()).expect("reads back"),
        evidence
    );
    let mut surplus = json;
    surplus["more"] = 1.into();
    assert!(serde_json::from_value::<DoubleVote>(surplus).is_err());
}

#[test]
fn an_epoch_has_24_windows_and_the_last_one_lasts() {
    let times = EpochTimes {
        epoch: Epoch(0),
        started: Seconds(1_000),
        ends: Seconds(1_048),
    };
    for (now, window) in [
        (0, 0),
        (1_000, 0),
        (1_001, 0),
        (1_002, 1),
        (1_047, 23),
        (1_048, 23),
        (9_999, 23),
    ] {
        assert_eq!(times.window_at(Seconds(now)), window, "{now}");
    }
    assert!(!times.is_over(Seconds(1_047)) && times.is_over(Seconds(1_048)));
}

#[test]
fn books_that_do_not_add_up_are_found() {
    let number = U256::from::<u64>;
    let good = XplSupply {
        genesis: number(1_000),
        minted: number(50),
        burned: number(10),
        total: number(1_040),
        liquid: number(500),
        staked: number(300),
        escrowed: number(200),
        pending: number(40),
        stakes_hold: number(340),
        chains_may_withdraw: number(200),
    };
    assert_eq!(good.check(), Ok(()));
    let with = |change: fn(&mut XplSupply)| {
        let mut other = good;
        change(&mut other);
        other.check()
    };
    assert_eq!(
        with(|supply| supply.stakes_hold -= U256::ONE),
        Err(SupplyError::Stakes {
            held: number(339),
            owed: number(340)
        })
    );
    assert_eq!(
        with(|supply| supply.chains_may_withdraw += U256::ONE),
        Err(SupplyError::Bridge {
            held: number(200),
            owed: number(201)
        })
    );
    for change in [
        |supply: &mut XplSupply| supply.liquid += U256::ONE,
        |supply: &mut XplSupply| supply.minted += U256::ONE,
        |supply: &mut XplSupply| supply.burned += U256::ONE,
        |supply: &mut XplSupply| supply.total += U256::ONE,
    ] {
        assert!(matches!(with(change), Err(SupplyError::Sum { .. })));
    }
    // A gift to the stakes is nobody's, and breaks nothing.
    assert_eq!(with(|supply| supply.stakes_hold += U256::ONE), Ok(()));
}
