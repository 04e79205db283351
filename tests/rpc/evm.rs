//! The `eth_` and `plasma_` methods on an EVM chain.

use alloy_primitives::hex;
use alloy_sol_types::{Revert, SolCall, SolError, sol};
use plasma_core::{
    Address, B256, Bytes, DaCommitment, DataAvailability, Height, OutboxMessage, OutboxProof, Promise, StateProof,
    U256, address, decode, keccak256,
};
use serde_json::{Value, json};

use crate::harness::{
    ALICE, BOB, CHAIN_ID, ETHER, Harness, Options, deposit, forced, probe_code, signed, signed_as, start,
};

const BRIDGE: Address = address!("0x0000000000000000000000000000000000706C61");

sol! {
    function withdraw(address asset, address recipient, uint256 amount) external payable;
}

fn number(value: &Value) -> u64 {
    let text = value.as_str().unwrap_or_else(|| panic!("a quantity: {value}"));
    let digits = text.strip_prefix("0x").unwrap_or_else(|| panic!("hex: {value}"));
    assert!(digits == "0" || !digits.starts_with('0'), "no leading zeros: {value}");
    u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("a small quantity: {value}"))
}

/// A chain with the probe at block 1, and its address.
async fn with_probe() -> (Harness, String) {
    let harness = start(Options::evm());
    let receipt = harness.send(&signed(0, None, 0, probe_code())).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let probe = receipt["contractAddress"].as_str().expect("a contract").to_owned();
    (harness, probe)
}

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
        ("web3_sha3", json!(["0x68656c6c6f20776f726c64"]), json!(keccak256(b"hello world"))),
        ("eth_getUncleCountByBlockNumber", json!(["latest"]), json!("0x0")),
        ("eth_getTransactionReceipt", json!([B256::repeat_byte(1)]), Value::Null),
        ("eth_getTransactionByHash", json!([B256::repeat_byte(1)]), Value::Null),
        ("eth_getBlockByHash", json!([B256::repeat_byte(1), false]), Value::Null),
        ("eth_getBlockByNumber", json!(["0x5", false]), Value::Null),
        ("eth_getBlockReceipts", json!(["0x5"]), Value::Null),
        ("plasma_finality", json!([B256::repeat_byte(1)]), Value::Null),
        ("plasma_messages", json!([B256::repeat_byte(1)]), Value::Null),
    ];
    for (method, params, expected) in cases {
        assert_eq!(harness.call(method, params).await, expected, "{method}");
    }
    let version = harness.call("web3_clientVersion", json!([])).await;
    assert!(version.as_str().is_some_and(|text| text.starts_with("plasma/v")), "{version}");
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
    assert_eq!(harness.call("eth_getTransactionReceipt", json!([hash])).await, receipt);
    let height = receipt["blockNumber"].clone();
    let of_block = harness.call("eth_getBlockReceipts", json!([height])).await;
    assert_eq!(of_block, json!([receipt]));

    let transaction = harness.call("eth_getTransactionByHash", json!([hash])).await;
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
    assert!(transaction["r"].is_string() && transaction["s"].is_string() && transaction["yParity"].is_string());
    // alloy reads it as it reads Ethereum's, and recovers the same hash.
    let typed: alloy::rpc::types::Transaction = serde_json::from_value(transaction.clone()).expect("alloy's");
    assert_eq!(typed.inner.tx_hash(), &keccak256(&bytes));
    serde_json::from_value::<alloy::rpc::types::TransactionReceipt>(receipt.clone()).expect("alloy's");

    let by_number = json!([height, "0x0"]);
    assert_eq!(harness.call("eth_getTransactionByBlockNumberAndIndex", by_number).await, transaction);
    let by_hash = json!([receipt["blockHash"], "0x0"]);
    assert_eq!(harness.call("eth_getTransactionByBlockHashAndIndex", by_hash).await, transaction);
    let beyond = json!([height, "0x1"]);
    assert_eq!(harness.call("eth_getTransactionByBlockNumberAndIndex", beyond).await, Value::Null);
    assert_eq!(harness.call("eth_getRawTransactionByHash", json!([hash])).await, json!(bytes));

    let hashes = harness.call("eth_getBlockByNumber", json!([height, false])).await;
    assert_eq!(hashes["transactions"], json!([hash]));
    let full = harness.call("eth_getBlockByHash", json!([receipt["blockHash"], true])).await;
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
    assert_eq!(number(&full["timestamp"]), stored.block.header.timestamp.0 / 1_000);
    assert_eq!(full["plasma"]["timestampMs"], json!(stored.block.header.timestamp.0));
    for method in ["eth_getBlockTransactionCountByNumber", "eth_getBlockTransactionCountByHash"] {
        let which = if method.ends_with("Number") { &height } else { &receipt["blockHash"] };
        assert_eq!(harness.call(method, json!([which])).await, "0x1");
    }

    assert_eq!(harness.call("eth_getBalance", json!([BOB, "latest"])).await, "0x5");
    assert_eq!(harness.call("eth_getBalance", json!([BOB])).await, "0x5");
    assert_eq!(harness.call("eth_getBalance", json!([BOB, "0x0"])).await, "0x0");
    let at = json!([BOB, { "blockHash": receipt["blockHash"] }]);
    assert_eq!(harness.call("eth_getBalance", at).await, "0x5");
    assert_eq!(harness.call("eth_getTransactionCount", json!([ALICE, "pending"])).await, "0x1");
    assert_eq!(harness.call("eth_getTransactionCount", json!([ALICE, "earliest"])).await, "0x0");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_called_estimated_and_proven() {
    let (harness, probe) = with_probe().await;
    let call = json!({ "to": probe });
    let one = format!("0x{:064x}", 1);
    assert_eq!(harness.call("eth_call", json!([call, "latest"])).await, json!(one));
    assert_eq!(harness.call("eth_getStorageAt", json!([probe, "0x0"])).await, format!("0x{:064x}", 0));
    let estimate = number(&harness.call("eth_estimateGas", json!([{ "from": ALICE, "to": probe }])).await);
    assert!((40_000..80_000).contains(&estimate), "{estimate}");
    let transfer = json!([{ "from": ALICE, "to": BOB, "value": "0x1" }]);
    assert_eq!(harness.call("eth_estimateGas", transfer).await, "0x5208");
    let code = harness.call("eth_getCode", json!([probe, "latest"])).await;
    assert!(code.as_str().is_some_and(|code| code.starts_with("0x3660")), "{code}");
    assert_eq!(harness.call("eth_getCode", json!([BOB, "latest"])).await, "0x");

    let probe_address: Address = probe.parse().expect("an address");
    let receipt = harness.send(&signed(1, Some(probe_address), 0, Bytes::new())).await;
    assert_eq!(receipt["logs"][0]["data"], json!(one));
    assert_eq!(receipt["logs"][0]["logIndex"], "0x0");
    assert_eq!(harness.call("eth_getStorageAt", json!([probe, "0x0", "latest"])).await, json!(one));

    // The proof is of our trie: it verifies under the block's state root, and says the value that the query says.
    let proof = harness.call("eth_getProof", json!([probe, ["0x0", "0x7"], "latest"])).await;
    let root: B256 = serde_json::from_value(proof["plasma"]["stateRoot"].clone()).expect("a root");
    assert_eq!(root, harness.chain.head().state_root);
    let verify = |key: &Value, proof: &Value| {
        let key: B256 = serde_json::from_value(key.clone()).expect("a key");
        let bytes: Bytes = serde_json::from_value(proof[0].clone()).expect("bytes");
        let proof: StateProof = decode(&bytes, StateProof::MAX_LEN).expect("a proof");
        proof.verify(root, &key).expect("verifies")
    };
    assert!(verify(&proof["plasma"]["accountKey"], &proof["accountProof"]).is_some());
    let slots = proof["storageProof"].as_array().expect("slots");
    assert_eq!((&slots[0]["value"], &slots[1]["value"]), (&json!("0x1"), &json!("0x0")));
    assert!(verify(&slots[0]["plasmaKey"], &slots[0]["proof"]).is_some());
    assert_eq!(verify(&slots[1]["plasmaKey"], &slots[1]["proof"]), None);

    // Reverts carry code 3, words and data.
    let reason: Bytes = Revert::from("no way".to_owned()).abi_encode().into();
    let failing = json!([{ "to": probe, "data": reason }, "latest"]);
    for method in ["eth_call", "eth_estimateGas"] {
        let answer = harness.raw(method, failing.clone()).await;
        assert_eq!(answer["error"], json!({ "code": 3, "message": "execution reverted: no way", "data": reason }));
    }
    // A reverted transaction has a receipt that says so.
    let receipt = harness.send(&signed(2, Some(probe_address), 0, reason)).await;
    assert_eq!((&receipt["status"], &receipt["logs"]), (&json!("0x0"), &json!([])));
    assert_eq!(receipt["plasma"]["reason"], "execution reverted: no way");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_read_the_mix_hash_of_their_block() {
    let harness = start(Options::evm());
    // PREVRANDAO; MSTORE(0); LOG0(0, 32)
    let receipt = harness.send(&signed(0, None, 0, hex!("445f5260205fa000"))).await;
    let block = harness.call("eth_getBlockByNumber", json!([receipt["blockNumber"], false])).await;
    assert_eq!(receipt["logs"][0]["data"], block["mixHash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fees_follow_the_blocks() {
    let harness = start(Options::evm());
    for nonce in 0..3 {
        harness.send(&signed(nonce, Some(BOB), 1, Bytes::new())).await;
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
    assert_eq!(history["baseFeePerGas"][1], json!(format!("{:#x}", head.base_fee)));
    assert_eq!(history["reward"], json!([["0xf4240", "0xf4240"], ["0xf4240", "0xf4240"]]));
    let ratio = history["gasUsedRatio"][0].as_f64().expect("a ratio");
    assert!((ratio - 21_000.0 / 60_000_000.0).abs() < 1e-9, "{ratio}");
    // More than there are is all there are, and plain numbers do as well.
    let all = harness.call("eth_feeHistory", json!([9_999, "latest"])).await;
    assert_eq!((&all["oldestBlock"], all["reward"].is_null()), (&json!("0x0"), true));
    for (params, code) in [
        (json!(["0x1", "latest", [101.0]]), -32_602),
        (json!(["0x1", "latest", [50.0, 20.0]]), -32_602),
        (json!(["0x1", "latest", vec![1.0; 101]]), -32_005),
        (json!(["0x1", "0x99"]), -32_001),
    ] {
        assert_eq!(harness.refusal("eth_feeHistory", params.clone()).await.0, code, "{params}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_the_stages() {
    let harness = start(Options::evm());
    for nonce in 0..4 {
        harness.send(&signed(nonce, Some(BOB), 1, Bytes::new())).await;
    }
    let head = harness.chain.head().height();
    assert!(head.0 >= 4);
    let check = async |tag: &str, height: u64, stage: &str| {
        let block = harness.call("eth_getBlockByNumber", json!([tag, false])).await;
        assert_eq!((number(&block["number"]), &block["plasma"]["stage"]), (height, &json!(stage)), "{tag}");
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
    assert_eq!((&finality["stage"], &finality["entry"], &finality["rootBlock"]), (&json!("settled"), &json!(0), &json!(7)));
    assert_eq!((&finality["tag"], &finality["waitsFor"]), (&json!("finalized"), &Value::Null));
    let newest = harness.call("plasma_finality", json!([harness.chain.head().hash])).await;
    assert_eq!((&newest["stage"], &newest["entry"]), (&json!("sequenced"), &Value::Null));
    assert!(newest["waitsFor"].as_str().is_some_and(|text| text.contains("batch")), "{newest}");
    let future = harness.call("plasma_finality", json!(["0x63"])).await;
    assert_eq!(future["stage"], "pending");

    let checkpoint = harness.call("plasma_checkpoint", json!(["0x3"])).await;
    let stored = harness.chain.block(Height(3)).expect("here").checkpoint(1);
    assert_eq!((&checkpoint["hash"], &checkpoint["claimable"]), (&json!(stored.hash()), &json!(true)));
    assert_eq!(checkpoint["settled"], true);
    assert_eq!(harness.call("plasma_checkpoint", json!(["0x2"])).await["claimable"], false);
    let details = harness.call("plasma_block", json!(["0x3"])).await;
    assert_eq!((&details["hash"], &details["stage"]), (&json!(stored.block), &json!("settled")));
    assert!(details["certificate"]["signatures"].as_array().is_some_and(|all| all.len() == 1), "{details}");
    let info = harness.call("plasma_info", json!([])).await;
    assert_eq!(info["stages"], json!({ "sequenced": head, "published": 3, "settled": 3 }));
    assert_eq!((&info["chainId"], &info["sequencer"]), (&json!(CHAIN_ID), &json!(true)));
    assert_eq!(info["genesisHash"], json!(harness.chain.genesis_hash()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_root_brings_shows_as_transactions() {
    let harness = start(Options::evm());
    let (good, bad) = (signed(0, Some(BOB), 7, Bytes::new()), Bytes::from_static(b"no transaction"));
    let credit = deposit(0, 1_000);
    harness.inbox(&[credit.clone(), forced(1, good.clone()), forced(2, bad.clone())]).await;
    let block = harness.call("eth_getBlockByNumber", json!(["latest", true])).await;
    let hashes = [credit.hash(), keccak256(&good), keccak256(&bad)];
    for (index, (hash, kind, status)) in [(hashes[0], "0x7e", "0x1"), (hashes[1], "0x2", "0x1"), (hashes[2], "0x0", "0x0")]
        .into_iter()
        .enumerate()
    {
        let shown = &block["transactions"][index];
        let (place, hash) = (format!("{index:#x}"), json!(hash));
        assert_eq!((&shown["hash"], &shown["type"], &shown["transactionIndex"]), (&hash, &json!(kind), &json!(place)));
        assert_eq!(harness.call("eth_getTransactionByHash", json!([hash])).await, *shown);
        let receipt = harness.call("eth_getTransactionReceipt", json!([hash])).await;
        assert_eq!((&receipt["status"], &receipt["transactionIndex"]), (&json!(status), &json!(place)), "{receipt}");
        assert_eq!(receipt["type"], json!(kind));
    }
    let (shown, forced) = (&block["transactions"][0], &block["transactions"][1]);
    assert_eq!((&shown["from"], &shown["to"], &shown["value"]), (&json!(ALICE), &json!(BOB), &json!("0x3e8")));
    assert_eq!(shown["plasma"]["deposit"]["index"], 0);
    assert_eq!(forced["plasma"]["forced"]["index"], 1);
    let receipt = harness.call("eth_getTransactionReceipt", json!([hashes[2]])).await;
    assert_eq!(receipt["plasma"]["status"], "invalid");
    assert!(receipt["plasma"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{receipt}");
    assert_eq!(harness.call("eth_getBalance", json!([BOB, "latest"])).await, json!(format!("{:#x}", 1_007)));
}

#[tokio::test(flavor = "multi_thread")]
async fn withdrawals_are_proven_against_each_outbox() {
    let harness = start(Options::evm());
    let withdraw = |amount: u64| withdrawCall { asset: Address::ZERO, recipient: BOB, amount: U256::from(amount) };
    let mut receipts = Vec::new();
    for nonce in 0..5 {
        let bytes = signed(nonce, Some(BRIDGE), nonce + 1, withdraw(nonce + 1).abi_encode());
        let receipt = harness.send(&bytes).await;
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipts.push(receipt);
    }
    // The first three are settled: their proofs are against that outbox, the others have to wait.
    let third = Height(number(&receipts[2]["blockNumber"]));
    harness.publish(third);
    harness.settle(third);
    for (nonce, receipt) in receipts.iter().enumerate() {
        let sent = harness.call("plasma_messages", json!([receipt["transactionHash"]])).await;
        let id = sent[0]["id"].clone();
        assert_eq!(receipt["plasma"]["messages"], json!([id]));
        for name in [&id, &receipt["transactionHash"]] {
            if nonce > 2 {
                let (code, text) = harness.refusal("plasma_outboxProof", json!([name])).await;
                assert!(code == -32_000 && text.contains("wait until"), "{text}");
            }
            let at = if nonce > 2 { json!([name, "latest"]) } else { json!([name]) };
            let proven = harness.call("plasma_outboxProof", at).await;
            let message: OutboxMessage = serde_json::from_value(proven["message"].clone()).expect("a message");
            assert_eq!((message.nonce, json!(message.id())), (nonce as u64, id.clone()));
            assert_eq!(message.message.amount, U256::from(nonce + 1));
            let proof: OutboxProof = serde_json::from_value(proven["proof"].clone()).expect("a proof");
            let height = if nonce > 2 { harness.chain.head().height() } else { third };
            let root = harness.chain.block(height).expect("here").outbox_root;
            assert_eq!((json!(root), proof.root(message.id())), (proven["outboxRoot"].clone(), Some(root)));
        }
    }
    assert_eq!(harness.refusal("plasma_outboxProof", json!([B256::repeat_byte(9)])).await.0, -32_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_pending() {
    let harness = start(Options::evm());
    // With a gap before it, it waits.
    let bytes = signed(1, Some(BOB), 5, Bytes::new());
    let promise = harness.call("plasma_submit", json!([bytes])).await;
    let promise: Promise = serde_json::from_value(promise).expect("a promise");
    assert_eq!((promise.transaction, promise.verify()), (keccak256(&bytes), Ok(true)));
    assert_eq!(promise.sequencer, harness.sequencer.address());
    let shown = harness.call("eth_getTransactionByHash", json!([promise.transaction])).await;
    assert_eq!((&shown["blockHash"], &shown["from"]), (&Value::Null, &json!(ALICE)));
    assert_eq!(harness.call("eth_getTransactionReceipt", json!([promise.transaction])).await, Value::Null);
    assert_eq!(harness.call("plasma_finality", json!([promise.transaction])).await["stage"], "pending");
    let pending = harness.call("plasma_pending", json!([])).await;
    assert_eq!(pending["transactions"][0]["hash"], json!(promise.transaction));
    let block = harness.call("eth_getBlockByNumber", json!(["pending", false])).await;
    assert_eq!((&block["number"], &block["hash"]), (&json!("0x1"), &Value::Null));
    // Sent in time, and again, it is answered with what is; not in time, with its hash.
    let answer = harness.raw("eth_sendRawTransactionSync", json!([bytes, "0x32"])).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["data"]), (&json!(4), &json!(promise.transaction)));
    let (code, text) = harness.refusal("eth_sendRawTransaction", json!([bytes])).await;
    assert!(code == -32_000 && text.starts_with("already known"), "{text}");
    harness.send(&signed(0, Some(BOB), 5, Bytes::new())).await;
    let receipt = harness.call("eth_sendRawTransactionSync", json!([bytes, 5_000])).await;
    assert_eq!((&receipt["transactionHash"], &receipt["status"]), (&json!(promise.transaction), &json!("0x1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_words_that_wallets_know() {
    let harness = start(Options::evm());
    harness.send(&signed(0, Some(BOB), 1, Bytes::new())).await;
    let rich = U256::from(2_000) * U256::from(ETHER);
    let cases = [
        (signed(0, Some(BOB), 2, Bytes::new()), "nonce too low"),
        (signed_as(|it| (it.nonce, it.value) = (1, rich)), "insufficient funds"),
        (signed_as(|it| (it.nonce, it.chain_id) = (1, 1)), "wrong chain id 1; this chain is 4242"),
        (signed_as(|it| (it.nonce, it.gas_limit) = (1, 20_000)), "gas limit 20000 is outside"),
        (signed_as(|it| (it.nonce, it.gas_limit) = (1, 90_000_000)), "gas limit 90000000 is outside"),
        (Bytes::from_static(&[0x02, 0x01]), "malformed transaction"),
        (Bytes::new(), "malformed transaction"),
        (Bytes::from(vec![0x77; 40]), ""),
        (Bytes::from(vec![0x02; 128 * 1024 + 1]), "transaction of 131073 bytes is over the limit of 131072"),
    ];
    for (bytes, opening) in &cases {
        for method in ["eth_sendRawTransaction", "eth_sendRawTransactionSync", "plasma_submit"] {
            let (code, text) = harness.refusal(method, json!([bytes])).await;
            assert!(code == -32_000 && text.starts_with(opening), "{method}: {code} {text}");
        }
    }
    let poor = json!([{ "from": BOB, "to": ALICE, "value": "0xffffffffffffffffffff" }]);
    let (code, text) = harness.refusal("eth_estimateGas", poor).await;
    assert!(code == -32_000 && text.contains("insufficient funds"), "{code} {text}");
    for (method, params, opening) in [
        ("plasma_query", json!(["bank", "0x"]), "this chain's execution does not answer"),
        ("plasma_schema", json!([]), "this chain's execution does not answer"),
        ("da_properties", json!([]), "this node serves no bytes"),
        ("eth_call", json!([{ "to": BOB }, "latest", { BOB.to_string(): { "balance": "0x1" } }]), "this node takes no state overrides"),
    ] {
        let (code, text) = harness.refusal(method, params).await;
        assert!(code == -32_004 && text.starts_with(opening), "{method}: {code} {text}");
    }
}

/// Holds one blob.
struct OneBlob(Bytes);

#[async_trait::async_trait]
impl DataAvailability for OneBlob {
    fn properties(&self) -> plasma_core::DaProperties {
        plasma_core::DaProperties {
            name: "one".to_owned(),
            scheme: plasma_core::CommitmentScheme::ChunkTree,
            max_blob_bytes: 9,
            latency: std::time::Duration::ZERO,
            retention: plasma_core::Retention::Forever,
            trust: plasma_core::Trust::Operator,
        }
    }

    async fn quote(&self, _: u64) -> Result<plasma_core::Quote, plasma_core::DaError> {
        Ok(plasma_core::Quote { wei: 0, valid_for: std::time::Duration::ZERO })
    }

    async fn publish(&self, bytes: Bytes) -> Result<plasma_core::BlobRef, plasma_core::DaError> {
        Ok(DaCommitment::chunk_tree(&bytes).into())
    }

    async fn fetch(&self, blob: &plasma_core::BlobRef) -> Result<Bytes, plasma_core::DaError> {
        let found = blob.commitment == DaCommitment::chunk_tree(&self.0);
        if found { Ok(self.0.clone()) } else { Err(plasma_core::DaError::NotFound(blob.commitment)) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_served_by_commitment() {
    let bytes = Bytes::from_static(b"a batch");
    let da = std::sync::Arc::new(OneBlob(bytes.clone()));
    let harness = start(Options { da: Some(da), ..Options::evm() });
    let commitment = DaCommitment::chunk_tree(&bytes);
    assert_eq!(harness.call("da_fetch", json!([commitment])).await, json!(bytes));
    assert_eq!(harness.call("da_fetch", json!([plasma_core::BlobRef::from(commitment)])).await, json!(bytes));
    assert_eq!(harness.call("da_properties", json!([])).await["maxBlobBytes"], 9);
    assert_eq!(harness.refusal("da_fetch", json!([DaCommitment::chunk_tree(b"other")])).await.0, -32_001);
    let huge = DaCommitment { length: u64::MAX, ..commitment };
    assert_eq!(harness.refusal("da_fetch", json!([huge])).await.0, -32_005);
    assert_eq!(harness.refusal("da_fetch", json!(["0x12"])).await.0, -32_602);
}
