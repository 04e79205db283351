//! Stages of finality, what the root brings, and what goes back to it.

use alloy_sol_types::{SolCall, sol};
use plasma_core::{
    Address, B256, Bytes, Height, OutboxMessage, OutboxProof, Promise, U256, address, keccak256,
};
use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, CHAIN_ID, Options, deposit, forced, number, signed, start};

const BRIDGE: Address = address!("0x0000000000000000000000000000000000706C61");

sol! {
    function withdraw(address asset, address recipient, uint256 amount) external payable;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_the_stages() {
    let harness = start(Options::evm());
    for nonce in 0..4 {
        harness
            .send(&signed(nonce, Some(BOB), 1, Bytes::new()))
            .await;
    }
    let head = harness.chain.head().height();
    assert!(head.0 >= 4);
    let check = async |tag: &str, height: u64, stage: &str| {
        let block = harness
            .call("eth_getBlockByNumber", json!([tag, false]))
            .await;
        assert_eq!(
            (number(&block["number"]), &block["plasma"]["stage"]),
            (height, &json!(stage)),
            "{tag}"
        );
    };
    check("latest", head.0, "sequenced").await;
    check("safe", 0, "settled").await;
    harness.publish(Height(3));
    check("safe", 3, "published").await;
    check("finalized", 0, "settled").await;
    harness.settle(Height(3));
    check("finalized", 3, "settled").await;
    check("earliest", 0, "settled").await;
    check("latest", head.0, "sequenced").await;

    let finality = harness.call("plasma_finality", json!([3])).await;
    assert_eq!(
        (
            &finality["stage"],
            &finality["entry"],
            &finality["rootBlock"]
        ),
        (&json!("settled"), &json!(0), &json!(7))
    );
    assert_eq!(
        (&finality["tag"], &finality["waitsFor"]),
        (&json!("finalized"), &Value::Null)
    );
    let newest = harness
        .call("plasma_finality", json!([harness.chain.head().hash]))
        .await;
    assert_eq!(
        (&newest["stage"], &newest["entry"]),
        (&json!("sequenced"), &Value::Null)
    );
    assert!(
        newest["waitsFor"]
            .as_str()
            .is_some_and(|text| text.contains("batch")),
        "{newest}"
    );
    let future = harness.call("plasma_finality", json!(["0x63"])).await;
    assert_eq!(future["stage"], "pending");

    let checkpoint = harness.call("plasma_checkpoint", json!(["0x3"])).await;
    let stored = harness.chain.block(Height(3)).expect("here").checkpoint(1);
    assert_eq!(
        (&checkpoint["hash"], &checkpoint["claimable"]),
        (&json!(stored.hash()), &json!(true))
    );
    assert_eq!(checkpoint["settled"], true);
    assert_eq!(
        harness.call("plasma_checkpoint", json!(["0x2"])).await["claimable"],
        false
    );
    let details = harness.call("plasma_block", json!(["0x3"])).await;
    assert_eq!(
        (&details["hash"], &details["stage"]),
        (&json!(stored.block), &json!("settled"))
    );
    assert!(
        details["certificate"]["signatures"]
            .as_array()
            .is_some_and(|all| all.len() == 1),
        "{details}"
    );
    let info = harness.call("plasma_info", json!([])).await;
    assert_eq!(
        info["stages"],
        json!({ "sequenced": head, "published": 3, "settled": 3 })
    );
    assert_eq!(
        (&info["chainId"], &info["sequencer"]),
        (&json!(CHAIN_ID), &json!(true))
    );
    assert_eq!(info["genesisHash"], json!(harness.chain.genesis_hash()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_root_brings_shows_as_transactions() {
    let harness = start(Options::evm());
    let (good, bad) = (
        signed(0, Some(BOB), 7, Bytes::new()),
        Bytes::from_static(b"no transaction"),
    );
    let credit = deposit(0, 1_000);
    harness
        .inbox(&[
            credit.clone(),
            forced(1, good.clone()),
            forced(2, bad.clone()),
        ])
        .await;
    let block = harness
        .call("eth_getBlockByNumber", json!(["latest", true]))
        .await;
    let hashes = [credit.hash(), keccak256(&good), keccak256(&bad)];
    for (index, (hash, kind, status)) in [
        (hashes[0], "0x7e", "0x1"),
        (hashes[1], "0x2", "0x1"),
        (hashes[2], "0x0", "0x0"),
    ]
    .into_iter()
    .enumerate()
    {
        let shown = &block["transactions"][index];
        let (place, hash) = (format!("{index:#x}"), json!(hash));
        assert_eq!(
            (&shown["hash"], &shown["type"], &shown["transactionIndex"]),
            (&hash, &json!(kind), &json!(place))
        );
        assert_eq!(
            harness
                .call("eth_getTransactionByHash", json!([hash]))
                .await,
            *shown
        );
        let receipt = harness
            .call("eth_getTransactionReceipt", json!([hash]))
            .await;
        assert_eq!(
            (&receipt["status"], &receipt["transactionIndex"]),
            (&json!(status), &json!(place)),
            "{receipt}"
        );
        assert_eq!(receipt["type"], json!(kind));
    }
    let (shown, forced) = (&block["transactions"][0], &block["transactions"][1]);
    assert_eq!(
        (&shown["from"], &shown["to"], &shown["value"]),
        (&json!(ALICE), &json!(BOB), &json!("0x3e8"))
    );
    assert_eq!(shown["plasma"]["deposit"]["index"], 0);
    // Alice's own first transaction has nonce 0: a wallet must not take the deposit for its replacement.
    assert_eq!(shown["nonce"], "0x10000000000000");
    assert_eq!(forced["plasma"]["forced"]["index"], 1);
    let receipt = harness
        .call("eth_getTransactionReceipt", json!([hashes[2]]))
        .await;
    assert_eq!(receipt["plasma"]["status"], "invalid");
    assert!(
        receipt["plasma"]["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{receipt}"
    );
    assert_eq!(
        harness.call("eth_getBalance", json!([BOB, "latest"])).await,
        json!(format!("{:#x}", 1_007))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawals_are_proven_against_each_outbox() {
    let harness = start(Options::evm());
    let withdraw = |amount: u64| withdrawCall {
        asset: Address::ZERO,
        recipient: BOB,
        amount: U256::from(amount),
    };
    let mut receipts = Vec::new();
    for nonce in 0..5 {
        let bytes = signed(
            nonce,
            Some(BRIDGE),
            nonce + 1,
            withdraw(nonce + 1).abi_encode(),
        );
        let receipt = harness.send(&bytes).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipts.push(receipt);
    }
    // The first three are settled: their proofs are against that outbox, the others have to wait.
    let third = Height(number(&receipts[2]["blockNumber"]));
    harness.publish(third);
    harness.settle(third);
    for (nonce, receipt) in receipts.iter().enumerate() {
        let sent = harness
            .call("plasma_messages", json!([receipt["transactionHash"]]))
            .await;
        let id = sent[0]["id"].clone();
        assert_eq!(receipt["plasma"]["messages"], json!([id]));
        for name in [&id, &receipt["transactionHash"]] {
            if nonce > 2 {
                let (code, text) = harness.refusal("plasma_outboxProof", json!([name])).await;
                assert!(code == -32_000 && text.contains("wait until"), "{text}");
            }
            let at = if nonce > 2 {
                json!([name, "latest"])
            } else {
                json!([name])
            };
            let proven = harness.call("plasma_outboxProof", at).await;
            let message: OutboxMessage =
                serde_json::from_value(proven["message"].clone()).expect("a message");
            assert_eq!(
                (message.nonce, json!(message.id())),
                (nonce as u64, id.clone())
            );
            assert_eq!(message.message.amount, U256::from(nonce + 1));
            let proof: OutboxProof =
                serde_json::from_value(proven["proof"].clone()).expect("a proof");
            let height = if nonce > 2 {
                harness.chain.head().height()
            } else {
                third
            };
            let root = harness.chain.block(height).expect("here").outbox_root;
            assert_eq!(
                (json!(root), proof.root(message.id())),
                (proven["outboxRoot"].clone(), Some(root))
            );
        }
    }
    assert_eq!(
        harness
            .refusal("plasma_outboxProof", json!([B256::repeat_byte(9)]))
            .await
            .0,
        -32_001
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_sent_at_once_and_each_is_answered() {
    let harness = start(Options::evm());
    let all: Vec<Bytes> = (0..40)
        .map(|nonce| signed(nonce, Some(BOB), 5, Bytes::new()))
        .collect();
    let mut sent = all.clone();
    sent.extend([all[3].clone(), Bytes::from_static(b"noise"), Bytes::new()]);
    let answers = harness.call("plasma_submitAll", json!([sent])).await;
    let answers = answers.as_array().expect("a list");
    assert_eq!(answers.len(), 43);
    for (answer, bytes) in answers.iter().zip(&all) {
        assert_eq!(answer, &json!({ "hash": keccak256(bytes) }));
    }
    for (answer, why) in
        answers[40..]
            .iter()
            .zip(["already known", "transaction type", "it is empty"])
    {
        let error = answer["error"].as_str().expect("why not");
        assert!(error.contains(why), "{error}");
    }
    // They are in blocks as any other, in their order.
    let last = harness
        .call("eth_sendRawTransactionSync", json!([all[39]]))
        .await;
    assert_eq!(last["status"], "0x1");
    let nonce = harness
        .call("eth_getTransactionCount", json!([ALICE, "latest"]))
        .await;
    assert_eq!(nonce, "0x28");
    let noise = vec![Bytes::from_static(b"noise"); 1_025];
    let (code, message) = harness.refusal("plasma_submitAll", json!([noise])).await;
    assert_eq!(code, -32_005);
    assert!(message.contains("1024 at once"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_pending() {
    let harness = start(Options::evm());
    // With a gap before it, it waits.
    let bytes = signed(1, Some(BOB), 5, Bytes::new());
    let promise = harness.call("plasma_submit", json!([bytes])).await;
    let promise: Promise = serde_json::from_value(promise).expect("a promise");
    assert_eq!(
        (promise.transaction, promise.verify()),
        (keccak256(&bytes), Ok(true))
    );
    assert_eq!(promise.sequencer, harness.sequencer.address());
    let shown = harness
        .call("eth_getTransactionByHash", json!([promise.transaction]))
        .await;
    assert_eq!(
        (&shown["blockHash"], &shown["from"]),
        (&Value::Null, &json!(ALICE))
    );
    assert_eq!(
        harness
            .call("eth_getTransactionReceipt", json!([promise.transaction]))
            .await,
        Value::Null
    );
    assert_eq!(
        harness
            .call("plasma_finality", json!([promise.transaction]))
            .await["stage"],
        "pending"
    );
    let pending = harness.call("plasma_pending", json!([])).await;
    assert_eq!(
        pending["transactions"][0]["hash"],
        json!(promise.transaction)
    );
    let block = harness
        .call("eth_getBlockByNumber", json!(["pending", false]))
        .await;
    assert_eq!(
        (&block["number"], &block["hash"]),
        (&json!("0x1"), &Value::Null)
    );
    // Sent in time, and again, it is answered with what is; not in time, with its hash.
    let answer = harness
        .raw("eth_sendRawTransactionSync", json!([bytes, "0x32"]))
        .await;
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["data"]),
        (&json!(4), &json!(promise.transaction))
    );
    let (code, text) = harness
        .refusal("eth_sendRawTransaction", json!([bytes]))
        .await;
    assert!(
        code == -32_000 && text.starts_with("already known"),
        "{text}"
    );
    harness.send(&signed(0, Some(BOB), 5, Bytes::new())).await;
    let receipt = harness
        .call("eth_sendRawTransactionSync", json!([bytes, 5_000]))
        .await;
    assert_eq!(
        (&receipt["transactionHash"], &receipt["status"]),
        (&json!(promise.transaction), &json!("0x1"))
    );
}
