//! Roots that change their mind.

mod support;

use std::time::Duration;

use futures::StreamExt as _;
use plasma_bridge::{BridgeClient, EvmSettlement, RootAccount, RootConfig};
use plasma_core::{
    Address, RootBlock, RootEvent, RootUpdate, Settlement as _, SettlementError, Severe as _,
    Severity, U256,
};
use serde_json::Value;
use support::{Anvil, CHAIN, TestChain, Updates, config, deployed, next, within};

struct Followed {
    anvil: Anvil,
    bridge: BridgeClient,
    settlement: EvmSettlement,
}

async fn followed(config: RootConfig) -> Followed {
    let anvil = Anvil::start().await;
    let account = RootAccount::new(anvil.root_with(config).await, support::dev_signer());
    let (deployed, settlement) = deployed(&account, &TestChain::new()).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account);
    Followed {
        anvil,
        bridge,
        settlement,
    }
}

impl Followed {
    async fn force(&self, byte: u8) -> u64 {
        let sent = self
            .bridge
            .force_transaction(CHAIN, vec![byte].into())
            .await;
        sent.expect("enqueued").index
    }

    /// Takes blocks back, and mines as many empty ones.
    async fn reorg(&self, depth: u64) {
        let none: Vec<Value> = Vec::new();
        let _: Value = self.anvil.ask("anvil_reorg", (depth, none)).await;
    }

    async fn head(&self) -> RootBlock {
        self.settlement.root().head().await.expect("a head")
    }

    async fn follow(&self) -> Updates {
        self.settlement
            .events(self.settlement.origin().await.expect("found"))
    }
}

/// Reads until the block with this hash, and gives the data of the messages on the way.
async fn messages_until(updates: &mut Updates, last: RootBlock) -> Vec<(u64, u8)> {
    let mut messages = Vec::new();
    loop {
        let RootUpdate::Block { block, events } = next(updates).await else {
            panic!("no reorganisation yet");
        };
        for event in events {
            let RootEvent::Message(message) = event else {
                panic!("{event:?}")
            };
            messages.push((message.index, message.data[0]));
        }
        if block.hash == last.hash {
            return messages;
        }
    }
}

#[tokio::test]
async fn a_reorganisation_is_walked_back_and_the_new_blocks_follow() {
    let chain = followed(config()).await;
    let mut updates = chain.follow().await;
    chain.force(1).await;
    let stands = chain.head().await;
    chain.force(2).await;
    chain.force(3).await;
    let seen = messages_until(&mut updates, chain.head().await).await;
    assert_eq!(seen, [(0, 1), (1, 2), (2, 3)]);

    chain.reorg(2).await;
    assert_eq!(next(&mut updates).await, RootUpdate::Reorg { to: stands });
    assert_eq!(messages_until(&mut updates, chain.head().await).await, []);
    // The indexes are given again, and the hash chain goes on from where it stands.
    assert_eq!(chain.force(4).await, 1);
    assert_eq!(
        messages_until(&mut updates, chain.head().await).await,
        [(1, 4)]
    );
}

#[tokio::test]
async fn a_root_set_back_is_noticed_once_it_goes_another_way() {
    let chain = followed(config()).await;
    let mut updates = chain.follow().await;
    chain.force(1).await;
    let stands = chain.head().await;
    let snapshot: Value = chain.anvil.ask("evm_snapshot", ()).await;
    chain.force(2).await;
    let before = chain.head().await;
    assert_eq!(messages_until(&mut updates, before).await, [(0, 1), (1, 2)]);
    let reverted: bool = chain.anvil.ask("evm_revert", (snapshot,)).await;
    assert!(reverted);
    assert_eq!(chain.head().await, stands);
    assert_eq!(chain.force(9).await, 1);
    assert_eq!(next(&mut updates).await, RootUpdate::Reorg { to: stands });
    assert_eq!(
        messages_until(&mut updates, chain.head().await).await,
        [(1, 9)]
    );
}

#[tokio::test]
async fn an_account_goes_on_where_the_root_was_set_back_to() {
    let anvil = Anvil::start().await;
    let root = anvil.root_with(RootConfig {
        bump_interval_ms: 200,
        inclusion_timeout_ms: 1_500,
        ..config()
    });
    let account = RootAccount::new(root.await, support::dev_signer());
    let pay = || {
        let account = account.clone();
        async move { plasma_bridge::fund(&account, Address::repeat_byte(7), U256::ONE).await }
    };
    let snapshot: Value = anvil.ask("evm_snapshot", ()).await;
    pay().await.expect("mined");
    let _: Value = anvil.ask("evm_setAutomine", (false,)).await;
    let on_its_way = tokio::spawn(pay());
    // Its nonce is taken once the node's pool has it.
    within(async {
        loop {
            let pool: Value = anvil.ask("txpool_status", ()).await;
            if pool["pending"] != "0x0" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let reverted: bool = anvil.ask("evm_revert", (snapshot,)).await;
    assert!(reverted);
    let _: Value = anvil.ask("evm_setAutomine", (true,)).await;
    // The nonce before the one on its way is free again, and nothing on its way has it.
    within(async {
        loop {
            match pay().await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.severity(), Severity::Transient, "{error}"),
            }
        }
    })
    .await;
    if let Err(error) = on_its_way.await.expect("no panic") {
        assert_eq!(error.severity(), Severity::Transient, "{error}");
    }
    pay().await.expect("mined");
}

#[tokio::test]
async fn many_random_reorganisations_end_in_what_the_root_holds() {
    let chain = followed(config()).await;
    let mut updates = chain.follow().await;
    let mut view: Vec<(u64, u64, u8)> = Vec::new();
    let mut seed = 7_u64;
    for round in 0..60_u8 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        match seed >> 61 {
            0 | 1 => chain.reorg(1 + (seed >> 40) % 4).await,
            2 => chain.anvil.mine(1 + (seed >> 40) % 20).await,
            _ => {
                chain.force(round).await;
            }
        }
        if seed >> 50 & 1 == 0 {
            continue; // Several things happen between two looks.
        }
        let head = chain.head().await;
        loop {
            match next(&mut updates).await {
                RootUpdate::Block { block, events } => {
                    for event in events {
                        let RootEvent::Message(message) = event else {
                            panic!("{event:?}")
                        };
                        view.push((block.number, message.index, message.data[0]));
                    }
                    if block.hash == head.hash {
                        break;
                    }
                }
                RootUpdate::Reorg { to } => view.retain(|(number, ..)| *number <= to.number),
                other => panic!("{other:?}"),
            }
            if chain.head().await.hash != head.hash {
                break;
            }
        }
    }
    chain.force(0xff).await;
    let head = chain.head().await;
    // A stream that starts now sees only what stands.
    let mut expected = Vec::new();
    let mut fresh = chain.follow().await;
    for (updates, view) in [(&mut updates, &mut view), (&mut fresh, &mut expected)] {
        loop {
            match next(updates).await {
                RootUpdate::Block { block, events } => {
                    for event in events {
                        let RootEvent::Message(message) = event else {
                            panic!("{event:?}")
                        };
                        view.push((block.number, message.index, message.data[0]));
                    }
                    if block.hash == head.hash {
                        break;
                    }
                }
                RootUpdate::Reorg { to } => view.retain(|(number, ..)| *number <= to.number),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(view, expected);
    assert!(expected.len() > 10, "{expected:?}");
    assert!(
        expected
            .iter()
            .enumerate()
            .all(|(place, (_, index, _))| *index == place as u64)
    );
}

#[tokio::test]
async fn a_reorganisation_deeper_than_is_kept_ends_the_stream() {
    let chain = followed(RootConfig {
        reorg_window: 4,
        ..config()
    })
    .await;
    let mut updates = chain.follow().await;
    chain.anvil.mine(10).await;
    messages_until(&mut updates, chain.head().await).await;
    chain.reorg(9).await;
    let error = within(updates.next())
        .await
        .expect("one more")
        .expect_err("too deep");
    assert!(matches!(error, SettlementError::DeepReorg(_)), "{error}");
    assert!(within(updates.next()).await.is_none());
}

#[tokio::test]
async fn confirmations_hide_reorganisations() {
    let chain = followed(config()).await;
    let patient = chain
        .anvil
        .root_with(RootConfig {
            confirmations: 3,
            ..config()
        })
        .await;
    let settlement = EvmSettlement::new(patient, *chain.bridge.contracts(), CHAIN);
    let mut updates = settlement.events(chain.settlement.origin().await.expect("found"));
    chain.force(1).await;
    let block = chain.head().await;
    chain.anvil.mine(2).await;
    chain.reorg(2).await;
    chain.force(2).await;
    // Three blocks stand on the first message, none on the second.
    assert_eq!(messages_until(&mut updates, block).await, [(0, 1)]);
    chain.anvil.mine(3).await;
    let head = chain.head().await;
    let second = settlement.root().head().await.expect("a head");
    assert_eq!(head, second);
    loop {
        match next(&mut updates).await {
            RootUpdate::Block { events, .. } if events.is_empty() => {}
            RootUpdate::Block { events, .. } => {
                assert!(matches!(&events[..], [RootEvent::Message(message)] if message.index == 1));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_transaction_that_a_reorganisation_drops_is_sent_again() {
    let patient = RootConfig {
        confirmations: 2,
        bump_interval_ms: 200,
        ..config()
    };
    let chain = followed(config()).await;
    let account = RootAccount::new(
        chain.anvil.root_with(patient).await,
        support::signer("patient"),
    );
    let wei = "0xde0b6b3a7640000";
    let _: Value = chain
        .anvil
        .ask("anvil_setBalance", (account.address(), wei))
        .await;
    let bridge =
        BridgeClient::new(account.root().clone(), *chain.bridge.contracts()).with_account(account);
    let sending =
        tokio::spawn(async move { bridge.force_transaction(CHAIN, vec![5].into()).await });
    let counts = async || chain.settlement.view().await.expect("a view").messages;
    within(async { while counts().await == 0 {} }).await;
    chain.reorg(1).await;
    assert_eq!(counts().await, 0);
    assert!(!sending.is_finished());
    within(async { while counts().await == 0 {} }).await;
    chain.anvil.mine(2).await;
    let sent = within(sending).await.expect("no panic").expect("enqueued");
    assert_eq!(sent.index, 0);
    assert_eq!(counts().await, 1);
}

#[tokio::test]
async fn a_start_from_an_abandoned_block_says_so() {
    let chain = followed(config()).await;
    chain.force(1).await;
    let stands = chain.head().await;
    chain.force(2).await;
    let abandoned = chain.head().await;
    chain.reorg(1).await;
    let mut updates = chain.settlement.events(abandoned);
    // anvil forgets abandoned blocks; a node that keeps them gives the way back.
    let error = within(updates.next())
        .await
        .expect("one")
        .expect_err("gone");
    assert_eq!(error, SettlementError::DeepReorg(abandoned.number));
    let mut updates = chain.settlement.events(stands);
    assert_eq!(
        messages_until(&mut updates, chain.head().await).await,
        [(0, 1)]
    );
}
