//! A dispute between two players over a real node, through the real client: every move but the last step, which
//! needs a machine and is played in the root package's `tests/disputes`.

mod support;

use std::collections::BTreeSet;

use plasma_bridge::{Deployment, EvmSettlement, Role, RootAccount, fund, next_move};
use plasma_core::{
    DisputeView, MatchStage, Move, RootEvent, RootReceipt, RootUpdate, Seconds, Settlement as _,
    SettlementError, U256,
};
use support::{Anvil, CHAIN, Computation, HEIGHTS, TestChain, account, program, signer};

/// Somebody with an account and a story.
struct Side {
    settlement: EvmSettlement,
    story: Computation,
}

impl Side {
    async fn view(&self) -> DisputeView {
        self.settlement.view().await.expect("a view")
    }

    /// The next move, made.
    async fn turn(&self) -> Option<(Move, RootReceipt)> {
        let view = self.view().await;
        let action =
            next_move(&view, Seconds(0), &self.story, Role::Proposer).expect("all is there")?;
        let receipt = self.settlement.play(&action).await;
        Some((
            action.clone(),
            receipt.unwrap_or_else(|error| panic!("{}: {error}", action.name())),
        ))
    }
}

/// An honest side and one that lies from the fourth leaf and the tenth step on, over a chain with nine entries.
async fn sides(anvil: &Anvil) -> [Side; 2] {
    let first = account(anvil).await;
    let second = RootAccount::new(anvil.root().await, signer("liar"));
    let mut chain = TestChain::new();
    let mut registration = chain.registration();
    registration.program = program().hash();
    let settled = registration.genesis;
    let deployed = Deployment::new(&first)
        .heights(&HEIGHTS)
        .chain(registration)
        .deploy(&first)
        .await;
    let contracts = deployed.expect("deployed").contracts;
    let coins = U256::from(10).pow(U256::from(18));
    fund(&first, second.address(), coins).await.expect("funded");
    let settlement = |account: &RootAccount| {
        EvmSettlement::new(account.root().clone(), contracts, CHAIN).with_account(account.clone())
    };
    for _ in 0..9 {
        let sealed = chain.seal(0);
        let (batch, sealing) = (&sealed.batch, &sealed.sealing);
        let append = settlement(&first);
        let append = append.append(batch, sealing, &chain.committee, &sealed.certificate);
        append.await.expect("appended");
        chain.appended(&sealed);
    }
    let honest = Computation {
        settled,
        ..Computation::honest()
    };
    let liar = Computation {
        outer_lie: 3,
        inner_lie: 10,
        ..honest.clone()
    };
    [(first, honest), (second, liar)].map(|(account, story)| Side {
        settlement: settlement(&account),
        story,
    })
}

#[tokio::test]
async fn two_players_dispute_down_to_one_step_and_every_move_is_made_once() {
    let anvil = Anvil::start().await;
    let sides = sides(&anvil).await;
    let mut made = BTreeSet::new();
    let mut moves = Vec::new();
    let leaf = loop {
        let mut is_over = true;
        for side in &sides {
            let Some((action, receipt)) = side.turn().await else {
                continue;
            };
            is_over = false;
            println!("{:13} {:7} gas", action.name(), receipt.gas_used);
            made.insert(action.name());
            moves.push(action);
            if moves
                .last()
                .is_some_and(|last| matches!(last, Move::SealLeaf { .. }))
            {
                break;
            }
        }
        let last = sides[0].view().await.tournaments.pop().expect("a dispute");
        if let Some(found) = last.matches.first()
            && let MatchStage::Leaf { index, .. } = found.stage
        {
            break (last.contest.expect("inner").index, index, found.key);
        }
        assert!(!is_over, "somebody is on turn");
    };
    // The tenth step, as the second of the third stretch of four.
    assert_eq!((leaf.0, leaf.1), (2, 1));
    let expected = ["advance", "claim", "join-inner", "seal-inner", "seal-leaf"];
    assert_eq!(made, BTreeSet::from(expected));
    for action in &moves {
        let again = sides[0].settlement.play(action).await;
        assert!(
            matches!(again, Err(SettlementError::Stale(_))),
            "{action:?}: {again:?}"
        );
    }
    // A made-up state proves nothing.
    let proof = sides[0].story.state(3, 9);
    let step = Move::Step {
        key: leaf.2,
        program: program(),
        proof,
    };
    let refused = sides[0].settlement.play(&step).await;
    assert!(
        matches!(refused, Err(SettlementError::Refused(_))),
        "{refused:?}"
    );
    let early = sides[0]
        .settlement
        .play(&Move::Timeout { key: leaf.2 })
        .await;
    assert!(matches!(early, Err(SettlementError::Stale(_))), "{early:?}");
}

#[tokio::test]
async fn what_nobody_finishes_is_cleared_and_begins_anew() {
    let anvil = Anvil::start().await;
    let sides = sides(&anvil).await;
    // Both claim, move and seal, and then nobody says how the machine ran.
    loop {
        let view = sides[0].view().await;
        if view.tournaments.len() == 2 {
            break;
        }
        for side in &sides {
            if side.view().await.tournaments.len() < 2 {
                side.turn().await;
            }
        }
    }
    anvil.pass(61).await;
    let honest = &sides[0];
    let mut cleared = Vec::new();
    for _ in 0..3 {
        let (action, _) = honest.turn().await.expect("something is over");
        cleared.push(action.name());
    }
    assert_eq!(cleared, ["resolve-inner", "restart", "claim"]);
    let origin = honest.settlement.origin().await.expect("found");
    let mut updates = honest.settlement.events(origin);
    let restarted = [RootEvent::Restarted { round: 0 }];
    let is_told =
        |update| matches!(update, RootUpdate::Block { events, .. } if events == restarted);
    while !is_told(support::next(&mut updates).await) {}
    let view = honest.view().await;
    assert_eq!((view.round, view.tournaments.len()), (1, 1));
    anvil.pass(61).await;
    let (settled, _) = honest.turn().await.expect("its claim stood");
    let (withdrawn, _) = honest.turn().await.expect("its bond is free");
    assert_eq!((settled, withdrawn), (Move::Settle, Move::WithdrawBond));
    assert_eq!(
        honest.view().await.settled,
        honest.story.checkpoint(8).hash()
    );
}
