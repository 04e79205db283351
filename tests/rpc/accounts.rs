//! Blocks, transactions, receipts and fees, as tools read them.

use plasma_core::{B256, Bytes, keccak256};
use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, Options, number, signed, start};

#[tokio::test(flavor = "multi_thread")]
async fn constants_are_as_tools_expect_them() {
    let harness = start(Options::evm());
    let cases = [
        ("eth_chainId", json!([]), json!("0x1092")),
        ("net_version", json!([]), json!("4242")),
        ("net_listening", json!([]), json!(true)),
        ("net_peerCount", json!([]), json!("0x0")),
        ("eth_syncing", json!([]), json!(false)),
        ("eth_accounts", json!([]), json!([])),
        ("eth_blockNumber", json!([]), json!("0x0")),
        ("eth_blobBaseFee", json!([]), json!("0x1")),
        (
            "web3_sha3",
            json!(["0x68656c6c6f20776f726c64"]),
            json!(keccak256(b"hello world")),
        ),
        (
            "eth_getUncleCountByBlockNumber",
            json!(["latest"]),
            json!("0x0"),
        ),
        (
            "eth_getTransactionReceipt",
            json!([B256::repeat_byte(1)]),
            Value::Null,
        ),
        (
            "eth_getTransactionByHash",
            json!([B256::repeat_byte(1)]),
            Value::Null,
        ),
        (
            "eth_getBlockByHash",
            json!([B256::repeat_byte(1), false]),
            Value::Null,
        ),
        ("eth_getBlockByNumber", json!(["0x5", false]), Value::Null),
        ("eth_getBlockReceipts", json!(["0x5"]), Value::Null),
        (
            "plasma_finality",
            json!([B256::repeat_byte(1)]),
            Value::Null,
        ),
        (
            "plasma_messages",
            json!([B256::repeat_byte(1)]),
            Value::Null,
        ),
    ];
    for (method, params, expected) in cases {
        assert_eq!(harness.call(method, params).await, expected, "{method}");
    }
    let version = harness.call("web3_clientVersion", json!([])).await;
    assert!(
        version
            .as_str()
            .is_some_and(|text| text.starts_with("plasma/v")),
        "{version}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_shows_the_same_everywhere() {
    let harness = start(Options::evm());
    let bytes = signed(0, Some(BOB), 5, Bytes::new());
    let receipt = harness.send(&bytes).await;
    let hash = json!(keccak256(&bytes));
    assert_eq!(receipt["transactionHash"], hash);
    for (field, expected) in [
        ("status", json!("0x1")),
        ("type", json!("0x2")),
        ("from", json!(ALICE)),
        ("to", json!(BOB)),
        ("contractAddress", Value::Null),
        ("transactionIndex", json!("0x0")),
        ("gasUsed", json!("0x5208")),
        ("cumulativeGasUsed", json!("0x5208")),
        ("logs", json!([])),
    ] {
        assert_eq!(receipt[field], expected, "{field} of {receipt}");
    }
    assert_eq!(
        harness
            .call("eth_getTransactionReceipt", json!([hash]))
            .await,
        receipt
    );
    let height = receipt["blockNumber"].clone();
    let of_block = harness.call("eth_getBlockReceipts", json!([height])).await;
    assert_eq!(of_block, json!([receipt]));

    let transaction = harness
        .call("eth_getTransactionByHash", json!([hash]))
        .await;
    for (field, expected) in [
        ("hash", hash.clone()),
        ("blockHash", receipt["blockHash"].clone()),
        ("blockNumber", height.clone()),
        ("transactionIndex", json!("0x0")),
        ("type", json!("0x2")),
        ("from", json!(ALICE)),
        ("to", json!(BOB)),
        ("value", json!("0x5")),
        ("nonce", json!("0x0")),
        ("input", json!("0x")),
        ("chainId", json!("0x1092")),
        ("accessList", json!([])),
        ("gasPrice", receipt["effectiveGasPrice"].clone()),
    ] {
        assert_eq!(transaction[field], expected, "{field} of {transaction}");
    }
    assert!(
        transaction["r"].is_string()
            && transaction["s"].is_string()
            && transaction["yParity"].is_string()
    );
    // alloy reads it as it reads Ethereum's, and recovers the same hash.
    let typed: alloy::rpc::types::Transaction =
        serde_json::from_value(transaction.clone()).expect("alloy's");
    assert_eq!(typed.inner.tx_hash(), &keccak256(&bytes));
    serde_json::from_value::<alloy::rpc::types::TransactionReceipt>(receipt.clone())
        .expect("alloy's");

    let by_number = json!([height, "0x0"]);
    assert_eq!(
        harness
            .call("eth_getTransactionByBlockNumberAndIndex", by_number)
            .await,
        transaction
    );
    let by_hash = json!([receipt["blockHash"], "0x0"]);
    assert_eq!(
        harness
            .call("eth_getTransactionByBlockHashAndIndex", by_hash)
            .await,
        transaction
    );
    let beyond = json!([height, "0x1"]);
    assert_eq!(
        harness
            .call("eth_getTransactionByBlockNumberAndIndex", beyond)
            .await,
        Value::Null
    );
    assert_eq!(
        harness
            .call("eth_getRawTransactionByHash", json!([hash]))
            .await,
        json!(bytes)
    );

    let hashes = harness
        .call("eth_getBlockByNumber", json!([height, false]))
        .await;
    assert_eq!(hashes["transactions"], json!([hash]));
    let full = harness
        .call("eth_getBlockByHash", json!([receipt["blockHash"], true]))
        .await;
    assert_eq!(full["transactions"], json!([transaction]));
    serde_json::from_value::<alloy::rpc::types::Block>(full.clone()).expect("alloy's");
    for (field, expected) in [
        ("gasUsed", json!("0x5208")),
        ("difficulty", json!("0x0")),
        ("nonce", json!("0x0000000000000000")),
        ("uncles", json!([])),
        ("extraData", json!("0x")),
        ("parentHash", json!(harness.chain.genesis_hash())),
        ("hash", json!(harness.chain.head().hash)),
        ("stateRoot", json!(harness.chain.head().state_root)),
    ] {
        assert_eq!(full[field], expected, "{field} of {full}");
    }
    let stored = harness.chain.head();
    assert_eq!(
        number(&full["timestamp"]),
        stored.block.header.timestamp.0 / 1_000
    );
    assert_eq!(
        full["plasma"]["timestampMs"],
        json!(stored.block.header.timestamp.0)
    );
    for method in [
        "eth_getBlockTransactionCountByNumber",
        "eth_getBlockTransactionCountByHash",
    ] {
        let which = if method.ends_with("Number") {
            &height
        } else {
            &receipt["blockHash"]
        };
        assert_eq!(harness.call(method, json!([which])).await, "0x1");
    }

    assert_eq!(
        harness.call("eth_getBalance", json!([BOB, "latest"])).await,
        "0x5"
    );
    assert_eq!(harness.call("eth_getBalance", json!([BOB])).await, "0x5");
    assert_eq!(
        harness.call("eth_getBalance", json!([BOB, "0x0"])).await,
        "0x0"
    );
    let at = json!([BOB, { "blockHash": receipt["blockHash"] }]);
    assert_eq!(harness.call("eth_getBalance", at).await, "0x5");
    assert_eq!(
        harness
            .call("eth_getTransactionCount", json!([ALICE, "pending"]))
            .await,
        "0x1"
    );
    assert_eq!(
        harness
            .call("eth_getTransactionCount", json!([ALICE, "earliest"]))
            .await,
        "0x0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_follow_the_blocks() {
    let harness = start(Options::evm());
    for nonce in 0..3 {
        harness
            .send(&signed(nonce, Some(BOB), 1, Bytes::new()))
            .await;
    }
    let head = harness.chain.head();
    let tip = number(&harness.call("eth_maxPriorityFeePerGas", json!([])).await);
    assert_eq!(tip, 1_000_000, "what the transactions tip");
    let price = number(&harness.call("eth_gasPrice", json!([])).await);
    assert!(price >= tip && price < 5_000_000_000, "{price}");
    let params = json!(["0x2", "latest", [25.0, 75.0]]);
    let history = harness.call("eth_feeHistory", params).await;
    assert_eq!(number(&history["oldestBlock"]), head.height().0 - 1);
    assert_eq!(history["baseFeePerGas"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        history["baseFeePerGas"][1],
        json!(format!("{:#x}", head.base_fee))
    );
    assert_eq!(
        history["reward"],
        json!([["0xf4240", "0xf4240"], ["0xf4240", "0xf4240"]])
    );
    let ratio = history["gasUsedRatio"][0].as_f64().expect("a ratio");
    assert!((ratio - 21_000.0 / 60_000_000.0).abs() < 1e-9, "{ratio}");
    // More than there are is all there are, and plain numbers do as well.
    let all = harness
        .call("eth_feeHistory", json!([9_999, "latest"]))
        .await;
    assert_eq!(
        (&all["oldestBlock"], all["reward"].is_null()),
        (&json!("0x0"), true)
    );
    for (params, code) in [
        (json!(["0x1", "latest", [101.0]]), -32_602),
        (json!(["0x1", "latest", [50.0, 20.0]]), -32_602),
        (json!(["0x1", "latest", vec![1.0; 101]]), -32_005),
        (json!(["0x1", "0x99"]), -32_001),
    ] {
        assert_eq!(
            harness.refusal("eth_feeHistory", params.clone()).await.0,
            code,
            "{params}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_head_and_its_receipts_appear_as_one() {
    let harness = std::sync::Arc::new(start(Options::evm()));
    let sent = 150;
    let hashes: Vec<_> = (0..sent)
        .map(|nonce| signed(nonce, Some(BOB), 1, Bytes::new()))
        .collect();
    let filter = harness.call("eth_newBlockFilter", json!([])).await;
    let sender = {
        let (harness, hashes) = (harness.clone(), hashes.clone());
        tokio::spawn(async move {
            for bytes in hashes {
                harness.call("eth_sendRawTransaction", json!([bytes])).await;
            }
        })
    };
    let (mut seen, mut found, mut heads) = (0, 0, Vec::new());
    while found < hashes.len() || seen < harness.chain.head().height().0 {
        // Whoever sees a head finds the receipts of all that is in it.
        let block = harness
            .call("eth_getBlockByNumber", json!(["latest", false]))
            .await;
        for hash in block["transactions"].as_array().expect("hashes") {
            let receipt = harness
                .call("eth_getTransactionReceipt", json!([hash]))
                .await;
            assert_eq!(receipt["blockHash"], block["hash"], "{hash}");
        }
        assert_eq!(
            harness
                .call("eth_getBlockByHash", json!([block["hash"], false]))
                .await,
            block
        );
        seen = number(&block["number"]);
        // Whoever sees a receipt sees what it did.
        while found < hashes.len() {
            let hash = json!([keccak256(&hashes[found])]);
            let receipt = harness.call("eth_getTransactionReceipt", hash).await;
            if receipt.is_null() {
                break;
            }
            found += 1;
            let head = number(&harness.call("eth_blockNumber", json!([])).await);
            assert!(head >= number(&receipt["blockNumber"]), "{head}: {receipt}");
            let balance = number(&harness.call("eth_getBalance", json!([BOB, "latest"])).await);
            assert!(balance >= found as u64, "{balance} after {found}");
        }
        heads.push(harness.call("eth_getFilterChanges", json!([filter])).await);
    }
    sender.await.expect("sends");
    heads.push(harness.call("eth_getFilterChanges", json!([filter])).await);
    // Each block was said once.
    let said: Vec<Value> = heads
        .iter()
        .flat_map(|changes| changes.as_array().expect("hashes"))
        .cloned()
        .collect();
    let ledger = harness.chain.ledger();
    let hash = |height: u64| {
        ledger
            .block(height.into())
            .expect("reads")
            .expect("here")
            .hash
    };
    let all: Vec<Value> = (1..=harness.chain.head().height().0)
        .map(|at| json!(hash(at)))
        .collect();
    assert_eq!(said, all);
}
