//! Calls, estimates, proofs and refusals on an EVM chain.

use alloy_primitives::hex;
use alloy_sol_types::{Revert, SolError};
use plasma_core::{Address, B256, Bytes, StateProof, U256, decode};
use serde_json::{Value, json};

use crate::harness::{
    ALICE, BOB, ETHER, Harness, Options, number, probe_code, signed, signed_as, start,
};

/// A chain with the probe at block 1, and its address.
async fn with_probe() -> (Harness, String) {
    let harness = start(Options::evm());
    let receipt = harness.send(&signed(0, None, 0, probe_code())).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let probe = receipt["contractAddress"]
        .as_str()
        .expect("a contract")
        .to_owned();
    (harness, probe)
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_called_estimated_and_proven() {
    let (harness, probe) = with_probe().await;
    let call = json!({ "to": probe });
    let one = format!("0x{:064x}", 1);
    assert_eq!(
        harness.call("eth_call", json!([call, "latest"])).await,
        json!(one)
    );
    assert_eq!(
        harness
            .call("eth_getStorageAt", json!([probe, "0x0"]))
            .await,
        format!("0x{:064x}", 0)
    );
    let estimate = number(
        &harness
            .call("eth_estimateGas", json!([{ "from": ALICE, "to": probe }]))
            .await,
    );
    assert!((40_000..80_000).contains(&estimate), "{estimate}");
    let transfer = json!([{ "from": ALICE, "to": BOB, "value": "0x1" }]);
    assert_eq!(harness.call("eth_estimateGas", transfer).await, "0x5208");
    let code = harness.call("eth_getCode", json!([probe, "latest"])).await;
    assert!(
        code.as_str().is_some_and(|code| code.starts_with("0x3660")),
        "{code}"
    );
    assert_eq!(
        harness.call("eth_getCode", json!([BOB, "latest"])).await,
        "0x"
    );

    let probe_address: Address = probe.parse().expect("an address");
    let receipt = harness
        .send(&signed(1, Some(probe_address), 0, Bytes::new()))
        .await;
    assert_eq!(receipt["logs"][0]["data"], json!(one));
    assert_eq!(receipt["logs"][0]["logIndex"], "0x0");
    assert_eq!(
        harness
            .call("eth_getStorageAt", json!([probe, "0x0", "latest"]))
            .await,
        json!(one)
    );

    // The proof is of our trie: it verifies under the block's state root, and says the value that the query says.
    let proof = harness
        .call("eth_getProof", json!([probe, ["0x0", "0x7"], "latest"]))
        .await;
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
    assert_eq!(
        (&slots[0]["value"], &slots[1]["value"]),
        (&json!("0x1"), &json!("0x0"))
    );
    assert!(verify(&slots[0]["plasmaKey"], &slots[0]["proof"]).is_some());
    assert_eq!(verify(&slots[1]["plasmaKey"], &slots[1]["proof"]), None);

    // Reverts carry code 3, words and data.
    let reason: Bytes = Revert::from("no way".to_owned()).abi_encode().into();
    let failing = json!([{ "to": probe, "data": reason }, "latest"]);
    for method in ["eth_call", "eth_estimateGas"] {
        let answer = harness.raw(method, failing.clone()).await;
        assert_eq!(
            answer["error"],
            json!({ "code": 3, "message": "execution reverted: no way", "data": reason })
        );
    }
    // A reverted transaction has a receipt that says so.
    let receipt = harness
        .send(&signed(2, Some(probe_address), 0, reason))
        .await;
    assert_eq!(
        (&receipt["status"], &receipt["logs"]),
        (&json!("0x0"), &json!([]))
    );
    assert_eq!(receipt["plasma"]["reason"], "execution reverted: no way");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_read_the_mix_hash_of_their_block() {
    let harness = start(Options::evm());
    // PREVRANDAO; MSTORE(0); LOG0(0, 32)
    let receipt = harness
        .send(&signed(0, None, 0, hex!("445f5260205fa000")))
        .await;
    let block = harness
        .call(
            "eth_getBlockByNumber",
            json!([receipt["blockNumber"], false]),
        )
        .await;
    assert_eq!(receipt["logs"][0]["data"], block["mixHash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_words_that_wallets_know() {
    let harness = start(Options::evm());
    harness.send(&signed(0, Some(BOB), 1, Bytes::new())).await;
    let rich = U256::from(2_000) * U256::from(ETHER);
    let cases = [
        (signed(0, Some(BOB), 2, Bytes::new()), "nonce too low"),
        (
            signed_as(|it| (it.nonce, it.value) = (1, rich)),
            "insufficient funds",
        ),
        (
            signed_as(|it| (it.nonce, it.chain_id) = (1, 1)),
            "wrong chain id 1; this chain is 4242",
        ),
        (
            signed_as(|it| (it.nonce, it.gas_limit) = (1, 20_000)),
            "gas limit 20000 is outside",
        ),
        (
            signed_as(|it| (it.nonce, it.gas_limit) = (1, 90_000_000)),
            "gas limit 90000000 is outside",
        ),
        (Bytes::from_static(&[0x02, 0x01]), "malformed transaction"),
        (Bytes::new(), "malformed transaction"),
        (Bytes::from(vec![0x77; 40]), ""),
        (
            Bytes::from(vec![0x02; 128 * 1024 + 1]),
            "transaction of 131073 bytes is over the limit of 131072",
        ),
    ];
    for (bytes, opening) in &cases {
        for method in [
            "eth_sendRawTransaction",
            "eth_sendRawTransactionSync",
            "plasma_submit",
        ] {
            let (code, text) = harness.refusal(method, json!([bytes])).await;
            assert!(
                code == -32_000 && text.starts_with(opening),
                "{method}: {code} {text}"
            );
        }
    }
    let poor = json!([{ "from": BOB, "to": ALICE, "value": "0xffffffffffffffffffff" }]);
    let (code, text) = harness.refusal("eth_estimateGas", poor).await;
    assert!(
        code == -32_000 && text.contains("insufficient funds"),
        "{code} {text}"
    );
    for (method, params, opening) in [
        (
            "plasma_query",
            json!(["bank", "0x"]),
            "this chain's execution does not answer",
        ),
        (
            "plasma_schema",
            json!([]),
            "this chain's execution does not answer",
        ),
        ("da_properties", json!([]), "this node serves no bytes"),
        (
            "eth_call",
            json!([{ "to": BOB }, "latest", { BOB.to_string(): { "balance": "0x1" } }]),
            "this node takes no state overrides",
        ),
    ] {
        let (code, text) = harness.refusal(method, params).await;
        assert!(
            code == -32_004 && text.starts_with(opening),
            "{method}: {code} {text}"
        );
    }
}
