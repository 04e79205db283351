//! Nodes that go away, come back, hang, or talk nonsense.

mod support;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::{Duration, Instant},
};

use alloy::rpc::client::RpcClient;
use futures::StreamExt as _;
use plasma_bridge::{BridgeClient, EvmSettlement, RootAccount, RootClient, RootConfig};
use plasma_core::{RootEvent, RootUpdate, Settlement as _, SettlementError, Severe as _, Severity};
use support::{
    Anvil, CHAIN, Tamper, TestChain, account, config, deployed, dev_signer, env, next_event, within,
};

#[tokio::test]
async fn a_node_that_comes_back_is_followed_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state.json");
    let mut anvil = Anvil::with(&["--state", &state.to_string_lossy()]).await;
    let account = account(&anvil).await;
    let (deployed, settlement) = deployed(&account, &TestChain::new()).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    let mut events = settlement.events(settlement.origin().await.expect("found"));
    bridge
        .force_transaction(CHAIN, vec![1].into())
        .await
        .expect("enqueued");
    assert!(matches!(
        next_event(&mut events).await,
        RootEvent::Message(_)
    ));

    anvil.stop().await;
    let mut errors = 0;
    within(async {
        while errors < 3 {
            match events.next().await.expect("endless") {
                Err(error) => {
                    assert_eq!(error.severity(), Severity::Transient, "{error}");
                    assert!(error.to_string().contains("onnection"), "{error}");
                    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
                    errors += 1;
                }
                Ok(RootUpdate::Block { events, .. }) => assert!(events.is_empty()),
                Ok(other) => panic!("{other:?}"),
            }
        }
    })
    .await;
    let away = bridge
        .force_transaction(CHAIN, vec![2].into())
        .await
        .expect_err("away");
    assert_eq!(away.severity(), Severity::Transient, "{away}");
    assert_eq!(
        settlement.view().await.expect_err("away").severity(),
        Severity::Transient
    );

    anvil.restart().await;
    let sent = bridge
        .force_transaction(CHAIN, vec![3].into())
        .await
        .expect("enqueued");
    assert_eq!(sent.index, 1);
    let RootEvent::Message(message) = next_event(&mut events).await else {
        panic!("a message")
    };
    assert_eq!((message.index, &message.data[..]), (1, &[3][..]));
}

#[tokio::test]
async fn a_lost_answer_does_not_send_twice() {
    let anvil = Anvil::start().await;
    let (deployed, _) = deployed(&account(&anvil).await, &TestChain::new()).await;
    let lost = std::sync::atomic::AtomicU32::new(0);
    let tamper = Tamper::new(anvil.transport(), move |request, answer| {
        use std::sync::atomic::Ordering::Relaxed;
        if request.method() == "eth_sendRawTransaction" && lost.fetch_add(1, Relaxed) % 3 < 2 {
            *answer = serde_json::Value::Null;
        }
    });
    let root = RootClient::new(RpcClient::new(tamper, true), env(), config());
    let account = RootAccount::new(root.clone(), dev_signer());
    let bridge = BridgeClient::new(root, deployed.contracts).with_account(account);
    for index in 0..3 {
        let sent = bridge
            .force_transaction(CHAIN, vec![1].into())
            .await
            .expect("enqueued");
        assert_eq!(sent.index, index);
    }
}

#[tokio::test]
async fn a_node_that_hangs_or_talks_nonsense_is_given_up_on_in_time() {
    for answer in [
        None,
        Some("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{]}"),
        Some("nonsense"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                if let Some(answer) = answer {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer.as_bytes());
                } else {
                    open.push(stream);
                }
            }
        });
        let config = RootConfig {
            request_timeout_ms: 300,
            ..config()
        };
        let root = RootClient::connect(&url, env(), config)
            .await
            .expect("a URL");
        let contracts = plasma_bridge::Contracts::predicted(plasma_core::Address::ZERO, 0);
        let settlement = EvmSettlement::new(root, contracts, CHAIN);
        let started = Instant::now();
        let error = settlement.view().await.expect_err("no answer");
        assert!(
            matches!(error, SettlementError::Unavailable(_)),
            "{answer:?}: {error}"
        );
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_stuck_transaction_is_raised_and_then_outbid() {
    let anvil = Anvil::with(&["--no-mining"]).await;
    let deploying = tokio::spawn({
        let account = account(&anvil).await;
        async move { deployed(&account, &TestChain::new()).await }
    });
    within(async {
        while !deploying.is_finished() {
            anvil.mine(1).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (deployed, _) = deploying.await.expect("no panic");

    let config = RootConfig {
        bump_interval_ms: 150,
        inclusion_timeout_ms: 1_000,
        ..config()
    };
    let account = RootAccount::new(anvil.root_with(config).await, dev_signer());
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account.clone());
    let mined = nonce(&anvil, &account, "latest").await;
    let stuck = bridge
        .force_transaction(CHAIN, vec![1].into())
        .await
        .expect_err("nobody mines");
    assert!(stuck.to_string().contains("it may still happen"), "{stuck}");
    assert_eq!(
        nonce(&anvil, &account, "pending").await,
        mined + 1,
        "raised, not sent anew"
    );
    let first_offer = offer(&anvil, &account, mined).await;

    // The next one takes its place: only one of the two can happen.
    let sending = tokio::spawn({
        let bridge = bridge.clone();
        async move { bridge.force_transaction(CHAIN, vec![2].into()).await }
    });
    within(async { while offer(&anvil, &account, mined).await <= first_offer {} }).await;
    anvil.mine(1).await;
    assert_eq!(
        within(sending)
            .await
            .expect("no panic")
            .expect("enqueued")
            .index,
        0
    );
    assert_eq!(nonce(&anvil, &account, "pending").await, mined + 1);
}

async fn nonce(anvil: &Anvil, account: &RootAccount, at: &str) -> u64 {
    let count: String = anvil
        .ask("eth_getTransactionCount", (account.address(), at))
        .await;
    u64::from_str_radix(&count[2..], 16).expect("a number")
}

/// What the pool's transaction with this nonce offers for a unit of gas.
async fn offer(anvil: &Anvil, account: &RootAccount, nonce: u64) -> u128 {
    let pool: serde_json::Value = anvil.ask("txpool_content", ()).await;
    let sender = account.address().to_string().to_lowercase();
    let transaction = &pool["pending"][&sender][nonce.to_string()];
    let fee = transaction["maxFeePerGas"]
        .as_str()
        .unwrap_or_else(|| panic!("{pool}"));
    u128::from_str_radix(&fee[2..], 16).expect("a number")
}
