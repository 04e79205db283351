//! HTTP, WebSocket, forwarding, and alloy in process.

use std::time::Duration;

use alloy::{
    providers::{Provider, ProviderBuilder},
    rpc::client::RpcClient,
};
use alloy_eips::BlockNumberOrTag;
use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT as _},
    ws_client::{WsClient, WsClientBuilder},
};
use plasma_core::{Address, Bytes, Height, U256, keccak256};
use plasma_sdk::rpc::InProcess;
use serde_json::{Value, json};

use crate::harness::{
    ALICE, BOB, CHAIN_ID, Harness, Options, over_http, probe_code, signed, start,
};

async fn next(subscription: &mut Subscription<Value>) -> Value {
    let news = tokio::time::timeout(Duration::from_secs(5), subscription.next()).await;
    news.expect("in time").expect("open").expect("JSON")
}

async fn subscribe(client: &WsClient, params: Vec<Value>) -> Subscription<Value> {
    client
        .subscribe("eth_subscribe", params, "eth_unsubscribe")
        .await
        .expect("subscribes")
}

async fn websocket(harness: &Harness) -> (WsClient, plasma_sdk::rpc::ServerHandle) {
    let (address, server) = harness.serve().await;
    (
        WsClientBuilder::default()
            .build(format!("ws://{address}"))
            .await
            .expect("connects"),
        server,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_hear_of_everything_in_order() {
    let harness = start(Options::evm());
    let (client, _server) = websocket(&harness).await;
    let receipt = harness.send(&signed(0, None, 0, probe_code())).await;
    let probe: Address =
        serde_json::from_value(receipt["contractAddress"].clone()).expect("an address");
    let mut heads = subscribe(&client, vec![json!("newHeads")]).await;
    let mut logs = subscribe(&client, vec![json!("logs"), json!({ "address": probe })]).await;
    let mut hashes = subscribe(&client, vec![json!("newPendingTransactions")]).await;
    let mut full = subscribe(&client, vec![json!("newPendingTransactions"), json!(true)]).await;
    let mut syncing = subscribe(&client, vec![json!("syncing")]).await;
    let stages = client
        .subscribe(
            "plasma_subscribe",
            vec![json!("stages")],
            "plasma_unsubscribe",
        )
        .await;
    let mut stages: Subscription<Value> = stages.expect("subscribes");
    assert_eq!(next(&mut syncing).await, false);
    assert_eq!(
        next(&mut stages).await,
        json!({ "sequenced": 1, "published": 0, "settled": 0 })
    );
    for nonce in 1..=3 {
        let bytes = signed(nonce, Some(probe), 0, Bytes::new());
        let receipt = harness.send(&bytes).await;
        let head = next(&mut heads).await;
        assert_eq!(head["hash"], receipt["blockHash"]);
        assert!(
            head.get("transactions").is_none() && head["logsBloom"].is_string(),
            "{head}"
        );
        serde_json::from_value::<alloy::rpc::types::Header>(head).expect("alloy's");
        assert_eq!(next(&mut logs).await, receipt["logs"][0]);
        assert_eq!(next(&mut hashes).await, json!(keccak256(&bytes)));
        assert_eq!(next(&mut full).await["from"], json!(ALICE));
    }
    harness.publish(Height(2));
    loop {
        let news = next(&mut stages).await;
        if news["published"] == 2 {
            break;
        }
    }
    // Ids are quantities, as Ethereum's are.
    let id = format!("{:?}", heads.kind());
    assert!(id.contains("0x"), "{id}");
    heads.unsubscribe().await.expect("unsubscribes");
    // A connection serves calls as well.
    let number: Value =
        jsonrpsee::core::client::ClientT::request(&client, "eth_blockNumber", Vec::<Value>::new())
            .await
            .expect("answers");
    assert_eq!(number, "0x4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_subscriber_misses_nothing() {
    let harness = start(Options::evm());
    let (client, _server) = websocket(&harness).await;
    let mut heads = subscribe(&client, vec![json!("newHeads")]).await;
    let blocks = 40;
    for nonce in 0..blocks {
        harness
            .send(&signed(nonce, Some(BOB), 1, Bytes::new()))
            .await;
    }
    let head = harness.chain.head().height().0;
    for height in 1..=head {
        assert_eq!(
            next(&mut heads).await["number"],
            json!(format!("{height:#x}"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_bounded_and_refused_with_reasons() {
    let mut options = Options::evm();
    options.limits.subscriptions = 2;
    let harness = start(options);
    let (client, _server) = websocket(&harness).await;
    for (method, params, text) in [
        (
            "eth_subscribe",
            vec![json!("everything")],
            "no \\\"everything\\\" subscription",
        ),
        (
            "eth_subscribe",
            vec![],
            "missing value for required argument 0",
        ),
        (
            "eth_subscribe",
            vec![json!("logs"), json!({ "address": 1 })],
            "invalid argument 1 (filter)",
        ),
        ("plasma_subscribe", vec![json!("blocks")], "there is stages"),
    ] {
        let refused = client
            .subscribe::<Value, _>(method, params, "eth_unsubscribe")
            .await;
        let error = format!("{:?}", refused.map(drop).expect_err("refused"));
        assert!(error.contains(text), "{error}");
    }
    // The refused ones give their places back a moment after they were told.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let held = [
        subscribe(&client, vec![json!("newHeads")]).await,
        subscribe(&client, vec![json!("newHeads")]).await,
    ];
    let one_more = client
        .subscribe::<Value, _>("eth_subscribe", vec![json!("newHeads")], "eth_unsubscribe")
        .await;
    let error = format!("{:?}", one_more.map(drop).expect_err("too many"));
    assert!(error.contains("Too many subscriptions"), "{error}");
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_sequencer_hands_transactions_on() {
    let upstream = start(Options::evm());
    let (address, _server) = upstream.serve().await;
    let follower = start(Options {
        sequencer: false,
        forward: Some(format!("http://{address}")),
        ..Options::evm()
    });
    let bytes = signed(0, Some(BOB), 5, Bytes::new());
    let hash = json!(keccak256(&bytes));
    assert_eq!(
        follower
            .call("eth_sendRawTransaction", json!([bytes]))
            .await,
        hash
    );
    upstream
        .until(|chain| chain.head().height() >= Height(1))
        .await;
    let receipt = over_http(address, "eth_getTransactionReceipt", json!([hash]))
        .await
        .expect("answers");
    assert_eq!(receipt["status"], "0x1");
    // Its refusals come through as they are.
    let (code, text) = follower
        .refusal("eth_sendRawTransaction", json!([bytes]))
        .await;
    assert!(
        code == -32_000 && text.starts_with("nonce too low"),
        "{code} {text}"
    );

    let lonely = start(Options {
        sequencer: false,
        ..Options::evm()
    });
    let (code, text) = lonely
        .refusal("eth_sendRawTransaction", json!([bytes]))
        .await;
    assert!(
        code == -32_000 && text.contains("no sequencer"),
        "{code} {text}"
    );
    let lost = start(Options {
        sequencer: false,
        forward: Some("http://127.0.0.1:9".to_owned()),
        ..Options::evm()
    });
    let (code, text) = lost.refusal("eth_sendRawTransaction", json!([bytes])).await;
    assert!(code == -32_000 && text.contains("is away"), "{code} {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alloy_speaks_with_it_in_process() {
    let harness = start(Options::evm());
    let transport = InProcess::new(harness.module.clone());
    let provider = ProviderBuilder::new().connect_client(RpcClient::new(transport.clone(), true));
    assert_eq!(provider.get_chain_id().await.expect("answers"), CHAIN_ID);
    let pending = provider
        .send_raw_transaction(&signed(0, Some(BOB), 9, Bytes::new()))
        .await
        .expect("takes it");
    let hash = *pending.tx_hash();
    harness
        .until(|chain| chain.head().height() >= Height(1))
        .await;
    let receipt = provider
        .get_transaction_receipt(hash)
        .await
        .expect("answers")
        .expect("in a block");
    assert!(receipt.status());
    assert_eq!(
        provider.get_balance(BOB).await.expect("answers"),
        U256::from(9)
    );
    let block = provider
        .get_block_by_number(BlockNumberOrTag::Latest)
        .full()
        .await
        .expect("answers")
        .expect("here");
    assert_eq!(block.transactions.len(), 1);
    let fees = provider.estimate_eip1559_fees().await.expect("answers");
    assert!(fees.max_fee_per_gas > fees.max_priority_fee_per_gas);
    let error = provider
        .get_balance(BOB)
        .number(99)
        .await
        .expect_err("no such block");
    assert_eq!(error.as_error_resp().map(|error| error.code), Some(-32_001));

    let client = RpcClient::new(transport, true);
    let mut batch = client.new_batch();
    let number = batch
        .add_call::<_, String>("eth_blockNumber", &())
        .expect("added");
    let failing = batch
        .add_call::<_, String>("eth_nonsense", &())
        .expect("added");
    batch.send().await.expect("answers");
    assert_eq!(number.await.expect("answers"), "0x1");
    assert!(failing.await.is_err());
}
