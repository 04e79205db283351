//! The player, over dispute views made by hand. Against the contracts it is tested in `tests/disputes`.

use plasma_bridge::{Role, next_move};
use plasma_core::{
    Address, B256, Checkpoint, ClaimRange, ClaimView, Clock, Contest, DisputeTerms, DisputeView,
    MatchKey, MatchPhase, MatchStage, MatchView, Move, RootBlock, Seconds, Side, Standing, Stretch,
    TournamentClaim, TournamentPhase, TournamentView, Trace, TraceError, TraceProvider, U256,
    keccak256,
};
use proptest::prelude::*;

mod support;

use support::{Computation, HEIGHTS, program};

const WINDOW: u64 = 100;
const OPENED: u64 = 1_000;

fn settled() -> Checkpoint {
    Checkpoint::default()
}

fn range() -> ClaimRange {
    ClaimRange {
        from: 0,
        entries: 9,
        settled: settled().hash(),
    }
}

fn run(segment: u64) -> Stretch {
    Stretch {
        range: range(),
        segment,
        first: 0,
        stride_log2: HEIGHTS[2],
        height: HEIGHTS[1],
    }
}

fn idle(now: u64) -> DisputeView {
    DisputeView {
        at: RootBlock {
            timestamp: Seconds(now),
            ..RootBlock::default()
        },
        entries: 9,
        messages: 0,
        consumed: 0,
        overdue_at: None,
        settled: settled().hash(),
        settled_entries: 0,
        claim: None,
        bond: U256::from(10),
        challenge_window: WINDOW,
        withdrawable: U256::ZERO,
        round: 0,
        claimable: 9,
        program: B256::ZERO,
        terms: DisputeTerms {
            heights: HEIGHTS.to_vec(),
        },
        tournaments: Vec::new(),
    }
}

fn claim(commitment: B256, outcome: B256, standing: Standing) -> TournamentClaim {
    TournamentClaim {
        commitment,
        claimant: Address::ZERO,
        outcome,
        allowance: WINDOW,
        earned: U256::ZERO,
        standing,
    }
}

fn tournament(level: u8, start: B256, contest: Option<Contest>) -> TournamentView {
    TournamentView {
        id: B256::repeat_byte(level + 1),
        level,
        opened_at: Seconds(OPENED),
        closes_at: Seconds(OPENED + WINDOW),
        start,
        grace: 10,
        bond: U256::from(10),
        program: B256::repeat_byte(7),
        contest,
        dangling: None,
        claims: Vec::new(),
        matches: Vec::new(),
    }
}

/// A round in which these made their claims, the last of them dangling.
fn contested(now: u64, sides: &[&Computation]) -> DisputeView {
    let mut outer = tournament(0, settled().hash(), None);
    for side in sides {
        let trace = side.outer(&range()).expect("derived");
        let outcome = side.checkpoint(8).hash();
        outer.claims.push(claim(
            trace.root().expect("dense"),
            outcome,
            Standing::Dangling,
        ));
    }
    outer.dangling = outer.claims.last().map(|claim| claim.commitment);
    DisputeView {
        claim: Some(ClaimView {
            claimant: Address::ZERO,
            entries: 9,
            commitment: outer.claims[0].commitment,
            checkpoint: outer.claims[0].outcome,
            deadline: outer.closes_at,
            contested: sides.len() > 1,
        }),
        tournaments: vec![outer],
        ..idle(now)
    }
}

/// A match between two traces, side one on turn.
fn begun(tournament: B256, one: &dyn Trace, two: &dyn Trace) -> MatchView {
    let height = one.height();
    let (left, right) = two.children(height, 0).expect("dense");
    let clock = |since| Clock {
        allowance: WINDOW,
        since,
    };
    MatchView {
        key: MatchKey {
            tournament,
            one: one.root().expect("dense"),
            two: two.root().expect("dense"),
        },
        stage: MatchStage::Halving {
            turn: Side::One,
            height,
            index: 0,
            node: one.root().expect("dense"),
            left,
            right,
        },
        clock_one: clock(Some(Seconds(OPENED))),
        clock_two: clock(None),
    }
}

fn ask(view: &DisputeView, traces: &Computation, role: Role) -> Option<Move> {
    next_move(view, view.at.timestamp, traces, role).expect("all is there")
}

fn is_join(action: Option<&Move>) -> bool {
    matches!(action, Some(Move::Join { entries: 9, .. }))
}

#[test]
fn a_proposer_claims_what_is_not_settled_and_a_challenger_stakes_nothing() {
    let view = idle(OPENED);
    let honest = Computation::honest();
    assert!(is_join(ask(&view, &honest, Role::Proposer).as_ref()));
    assert_eq!(ask(&view, &honest, Role::Challenger), None);
    let nothing_new = DisputeView {
        claimable: 0,
        ..view.clone()
    };
    assert_eq!(ask(&nothing_new, &honest, Role::Proposer), None);
    let behind = Computation {
        derived: 0,
        ..honest
    };
    assert_eq!(ask(&view, &behind, Role::Proposer), None);
}

#[test]
fn a_claim_that_is_not_ours_is_contradicted_in_time_and_ours_is_left_alone() {
    let honest = Computation::honest();
    let late = Computation {
        outer_lie: 8,
        ..honest.clone()
    };
    // The right outcome over a wrong trace cannot be defended, and so is contradicted as well.
    let view = contested(OPENED + WINDOW - 1, &[&late]);
    for role in [Role::Proposer, Role::Challenger] {
        assert!(is_join(ask(&view, &honest, role).as_ref()));
        assert_eq!(ask(&view, &late, role), None);
    }
    let closed = contested(OPENED + WINDOW, &[&late]);
    assert_eq!(
        ask(&closed, &honest, Role::Challenger),
        None,
        "nothing false is settled by us"
    );
    assert_eq!(ask(&closed, &late, Role::Challenger), Some(Move::Settle));
}

#[test]
fn a_claim_beyond_what_is_derived_is_waited_for() {
    let honest = Computation::honest();
    let behind = Computation {
        derived: 8,
        ..honest.clone()
    };
    let view = contested(OPENED, &[&honest]);
    let answer = next_move(&view, Seconds(0), &behind, Role::Challenger);
    let expected = TraceError::Behind {
        entries: 9,
        derived: 8,
    };
    assert_eq!(answer, Err(expected));
}

#[test]
fn the_boundary_second_belongs_to_the_opponent() {
    let honest = Computation::honest();
    let liar = Computation {
        outer_lie: 3,
        ..honest.clone()
    };
    let (ours, theirs) = (
        honest.outer(&range()).unwrap(),
        liar.outer(&range()).unwrap(),
    );
    let expires = OPENED + WINDOW;
    let mut view = contested(0, &[&honest, &liar]);
    view.tournaments[0].dangling = None;
    view.tournaments[0].matches = vec![begun(
        view.tournaments[0].id,
        ours.as_ref(),
        theirs.as_ref(),
    )];
    let key = view.tournaments[0].matches[0].key;
    let cases = [
        (
            expires - 1,
            MatchPhase::Turn(Side::One),
            TournamentPhase::Joining,
        ),
        (
            expires,
            MatchPhase::WonByTime(Side::Two),
            TournamentPhase::Playing,
        ),
    ];
    for (now, phase, whole) in cases {
        view.at.timestamp = Seconds(now);
        assert_eq!(view.tournaments[0].matches[0].phase(Seconds(now)), phase);
        assert_eq!(view.tournaments[0].phase(Seconds(now)), whole);
    }
    assert_eq!(
        ask(&view, &liar, Role::Challenger),
        Some(Move::Timeout { key })
    );
    assert_eq!(
        ask(&view, &honest, Role::Challenger),
        None,
        "the opponent's business"
    );
    view.at.timestamp = Seconds(expires - 1);
    assert!(matches!(
        ask(&view, &honest, Role::Challenger),
        Some(Move::Advance { .. })
    ));
    assert_eq!(ask(&view, &liar, Role::Challenger), None);
    // Our own clock is ahead of a root that makes no blocks: still our turn there, and time up for the other.
    let ahead = next_move(&view, Seconds(expires), &honest, Role::Challenger);
    assert!(matches!(ahead, Ok(Some(Move::Advance { .. }))));
    let ahead = next_move(&view, Seconds(expires), &liar, Role::Challenger);
    assert_eq!(ahead, Ok(Some(Move::Timeout { key })));
}

#[test]
fn a_sealed_leaf_is_proven_until_the_later_clock_is_over() {
    let clock = |allowance| Clock {
        allowance,
        since: Some(Seconds(OPENED)),
    };
    let key = MatchKey {
        tournament: B256::ZERO,
        one: B256::repeat_byte(1),
        two: B256::repeat_byte(2),
    };
    let sealed = MatchView {
        key,
        stage: MatchStage::Leaf {
            index: 0,
            agreed: B256::ZERO,
            one: B256::repeat_byte(3),
            two: B256::repeat_byte(4),
        },
        clock_one: clock(5),
        clock_two: clock(9),
    };
    for (now, phase) in [
        (OPENED + 5, MatchPhase::Proof),
        (OPENED + 8, MatchPhase::Proof),
        (OPENED + 9, MatchPhase::BothOut),
    ] {
        assert_eq!(sealed.phase(Seconds(now)), phase, "{now}");
    }
}

#[test]
fn what_is_over_is_cleared_without_own_traces() {
    let honest = Computation::honest();
    let nobody = Computation {
        derived: 0,
        ..honest.clone()
    };
    let mut view = contested(OPENED + WINDOW, &[&honest]);
    view.tournaments[0].dangling = None;
    assert_eq!(ask(&view, &nobody, Role::Challenger), Some(Move::Restart));
    let parent = MatchKey {
        tournament: view.tournaments[0].id,
        one: B256::repeat_byte(8),
        two: B256::repeat_byte(9),
    };
    let contest = Contest {
        parent,
        index: 3,
        one: B256::ZERO,
        two: B256::ZERO,
    };
    view.tournaments
        .push(tournament(1, B256::ZERO, Some(contest)));
    assert_eq!(
        ask(&view, &nobody, Role::Challenger),
        Some(Move::ResolveInner { key: parent }),
        "the innermost first"
    );
    let mut owed = idle(OPENED);
    owed.withdrawable = U256::ONE;
    assert_eq!(
        ask(&owed, &nobody, Role::Challenger),
        Some(Move::WithdrawBond)
    );
    owed.overdue_at = Some(Seconds(OPENED - 1));
    assert_eq!(ask(&owed, &nobody, Role::Proposer), Some(Move::Force));
}

/// What the contract does with `Advance`: the next node in dispute is the opponent's, and its children are waited for.
fn advance(found: &mut MatchView, action: &Move) {
    let (
        MatchStage::Halving {
            turn,
            height,
            index,
            node,
            left: theirs,
            right: their_right,
        },
        Move::Advance {
            left,
            right,
            new_left,
            new_right,
            ..
        },
    ) = (found.stage, action)
    else {
        panic!("not on turn: {action:?}");
    };
    let hash = |left: &B256, right: &B256| keccak256([left.0, right.0].concat());
    assert_eq!(hash(left, right), node, "the node on turn is opened");
    let (down, (mine, other)) = if *left == theirs {
        (1, (right, their_right))
    } else {
        (0, (left, theirs))
    };
    assert_ne!(*mine, other);
    assert_eq!(
        hash(new_left, new_right),
        *mine,
        "the child that differs is opened"
    );
    found.stage = MatchStage::Halving {
        turn: turn.other(),
        height: height - 1,
        index: index * 2 + down,
        node: other,
        left: *new_left,
        right: *new_right,
    };
    (found.clock_one.since, found.clock_two.since) = (None, None);
}

/// Plays the match at the end of `view` until one side seals, and gives its sealing move.
fn halve(view: &mut DisputeView, one: &Computation, two: &Computation) -> Move {
    for _ in 0..64 {
        let place = view.tournaments.len() - 1;
        let MatchStage::Halving { turn, .. } = view.tournaments[place].matches[0].stage else {
            panic!("sealed already");
        };
        let (mover, waiter) = match turn {
            Side::One => (one, two),
            Side::Two => (two, one),
        };
        assert_eq!(ask(view, waiter, Role::Challenger), None);
        let action = ask(view, mover, Role::Challenger).expect("it is its turn");
        if matches!(action, Move::SealInner { .. } | Move::SealLeaf { .. }) {
            return action;
        }
        advance(&mut view.tournaments[place].matches[0], &action);
    }
    panic!("a match has no more moves than its tree has levels");
}

fn check_leaf(leaf: &plasma_core::SealedLeaf, index: u64, start: B256, root: B256) {
    let Some(before) = index.checked_sub(1) else {
        assert_eq!((leaf.agreed, leaf.proof.len()), (start, 0));
        return;
    };
    let proven = leaf
        .proof
        .iter()
        .enumerate()
        .fold(leaf.agreed, |node, (height, sibling)| {
            let pair = if (before >> height) & 1 == 0 {
                [node, *sibling]
            } else {
                [*sibling, node]
            };
            keccak256([pair[0].0, pair[1].0].concat())
        });
    assert_eq!(proven, root, "the agreed leaf is the one before {index}");
}

/// Opens the inner tournament that `seal` asks for, both sides joining by their own moves.
fn descend(view: &mut DisputeView, seal: &Move, index: u64, sides: [(&Computation, Stretch); 2]) {
    let (Move::SealInner { key, leaf, .. } | Move::SealLeaf { key, leaf }) = seal else {
        panic!("not a seal: {seal:?}");
    };
    let place = view.tournaments.len() - 1;
    let level = place as u8 + 1;
    let contest = Contest {
        parent: *key,
        index,
        one: leaf.left,
        two: leaf.right,
    };
    let mut inner = tournament(
        level,
        keccak256(sides[0].0.state(sides[0].1.segment, sides[0].1.first)),
        Some(contest),
    );
    view.tournaments[place].matches[0].stage = MatchStage::Inner {
        tournament: inner.id,
        index,
        agreed: leaf.agreed,
        one: leaf.left,
        two: leaf.right,
    };
    view.tournaments.push(inner.clone());
    let traces = sides.map(|(side, stretch)| {
        let Some(Move::JoinInner {
            tournament,
            trace,
            state,
        }) = ask(view, side, Role::Challenger)
        else {
            panic!("its claim is missing");
        };
        assert_eq!(tournament, inner.id);
        let trace_of = side.inner(&stretch).expect("always");
        assert_eq!(trace, trace_of.commitment().expect("dense"));
        assert_eq!(
            keccak256(&state),
            trace_of.node(0, (1 << stretch.height) - 1).expect("dense")
        );
        trace_of
    });
    for trace in &traces {
        inner.claims.push(claim(
            trace.root().expect("dense"),
            B256::ZERO,
            Standing::Dangling,
        ));
    }
    inner.matches = vec![begun(inner.id, traces[0].as_ref(), traces[1].as_ref())];
    *view.tournaments.last_mut().expect("just pushed") = inner;
}

proptest! {
    #[test]
    fn two_players_find_the_first_leaf_and_the_first_step_that_differ(
        segment in 0_u64..9,
        step in 1_u64..=32,
    ) {
        let honest = Computation::honest();
        let liar = Computation { outer_lie: segment, inner_lie: step, ..honest.clone() };
        let mut view = contested(OPENED + 1, &[&honest, &liar]);
        view.tournaments[0].dangling = None;
        let (one, two) = (honest.outer(&range()).unwrap(), liar.outer(&range()).unwrap());
        view.tournaments[0].matches = vec![begun(view.tournaments[0].id, one.as_ref(), two.as_ref())];

        let seal = halve(&mut view, &honest, &liar);
        let Move::SealInner { leaf, start: Some((agreed, opened)), .. } = &seal else {
            panic!("the outer tournament opens an inner one: {seal:?}");
        };
        check_leaf(leaf, segment, settled().hash(), if honest.outer(&range()).unwrap().children(1, segment / 2).unwrap() == (leaf.left, leaf.right) { one.root().unwrap() } else { two.root().unwrap() });
        prop_assert_eq!(agreed.hash(), leaf.agreed);
        prop_assert_eq!(*opened, program());

        let whole = run(segment);
        descend(&mut view, &seal, segment, [(&honest, whole), (&liar, whole)]);
        let seal = halve(&mut view, &honest, &liar);
        let is_deeper = matches!(seal, Move::SealInner { start: None, .. });
        prop_assert!(is_deeper, "a level is left: {:?}", seal);

        // The first stride whose end differs holds the first step that does.
        let place = (step - 1) >> HEIGHTS[2];
        let part = whole.within(place, 0, HEIGHTS[2]);
        descend(&mut view, &seal, place, [(&honest, part), (&liar, part)]);
        let seal = halve(&mut view, &honest, &liar);
        let Move::SealLeaf { key, leaf } = &seal else {
            panic!("the last level ends in a step: {seal:?}");
        };
        let index = step - 1 - part.first;
        let state = |side: &Computation, step| keccak256(side.state(segment, step));
        prop_assert_eq!(leaf.agreed, state(&honest, step - 1));
        let found = &mut view.tournaments[2].matches[0];
        found.stage = MatchStage::Leaf {
            index,
            agreed: leaf.agreed,
            one: state(&honest, step),
            two: state(&liar, step),
        };
        let proof = honest.state(segment, step - 1);
        prop_assert_eq!(
            ask(&view, &honest, Role::Challenger),
            Some(Move::Step { key: *key, program: program(), proof })
        );
    }
}
