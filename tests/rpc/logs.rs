//! Logs: searched, filtered, and taken back.

use plasma_core::{Address, Block, Bytes, Height};
use serde_json::{Value, json};

use crate::harness::{Harness, Options, probe_code, signed, start};

/// A chain with the probe called in each block from the second on.
async fn counted(options: Options, calls: u64) -> (Harness, Address) {
    let harness = start(options);
    let receipt = harness.send(&signed(0, None, 0, probe_code())).await;
    let probe: Address =
        serde_json::from_value(receipt["contractAddress"].clone()).expect("an address");
    for nonce in 1..=calls {
        harness
            .send(&signed(nonce, Some(probe), 0, Bytes::new()))
            .await;
    }
    (harness, probe)
}

fn word(number: u64) -> String {
    format!("0x{number:064x}")
}

fn counts(logs: &Value) -> Vec<u64> {
    let count = |log: &Value| {
        let data = log["data"].as_str().expect("data");
        u64::from_str_radix(&data[data.len() - 16..], 16).expect("a count")
    };
    logs.as_array().expect("logs").iter().map(count).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_the_filter_picks() {
    let (harness, probe) = counted(Options::evm(), 5).await;
    let (topic, other) = (word(1), Address::repeat_byte(9));
    let hash = harness.chain.block(Height(3)).expect("here").hash;
    let cases = [
        (json!({ "fromBlock": "earliest" }), vec![1, 2, 3, 4, 5]),
        (
            json!({ "fromBlock": "0x0", "toBlock": "latest", "address": probe }),
            vec![1, 2, 3, 4, 5],
        ),
        (json!({ "fromBlock": "0x3", "toBlock": "0x4" }), vec![2, 3]),
        (json!({}), vec![5]),
        (
            json!({ "fromBlock": "0x0", "address": [other, probe], "topics": [topic] }),
            vec![1, 2, 3, 4, 5],
        ),
        (
            json!({ "fromBlock": "0x0", "topics": [[word(2), word(1)]] }),
            vec![1, 2, 3, 4, 5],
        ),
        (json!({ "fromBlock": "0x0", "topics": [word(2)] }), vec![]),
        (
            json!({ "fromBlock": "0x0", "topics": [null, topic] }),
            vec![],
        ),
        (json!({ "fromBlock": "0x0", "address": other }), vec![]),
        (json!({ "blockHash": hash }), vec![2]),
        (
            json!({ "fromBlock": "0x5", "toBlock": "0x999" }),
            vec![4, 5],
        ),
        (json!({ "fromBlock": "0x900", "toBlock": "0x999" }), vec![]),
    ];
    // Twice: without blooms, and with those that the first search left.
    for _ in 0..2 {
        for (filter, expected) in &cases {
            let logs = harness.call("eth_getLogs", json!([filter])).await;
            assert_eq!(counts(&logs), *expected, "{filter}");
        }
    }
    let logs = harness
        .call("eth_getLogs", json!([{ "blockHash": hash }]))
        .await;
    assert_eq!(
        (&logs[0]["blockHash"], &logs[0]["removed"]),
        (&json!(hash), &json!(false))
    );
    serde_json::from_value::<Vec<alloy::rpc::types::Log>>(logs).expect("alloy's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_bounded_and_says_how_to_go_on() {
    let mut options = Options::evm();
    (options.limits.log_blocks, options.limits.logs) = (4, 2);
    let (harness, _) = counted(options, 4).await;
    let many: Vec<String> = (0..1_025).map(word).collect();
    let cases = [
        (
            json!({ "fromBlock": "0x0" }),
            -32_005,
            "a range of 6 blocks is over the limit of 4; ask for blocks 0 to 3",
        ),
        (
            json!({ "fromBlock": "0x2", "toBlock": "0x5" }),
            -32_005,
            "query returned more than 2 results; ask for blocks 2 to 3",
        ),
        (
            json!({ "fromBlock": "0x3", "toBlock": "0x1" }),
            -32_602,
            "invalid block range",
        ),
        (
            json!({ "fromBlock": "0x4", "topics": [many] }),
            -32_005,
            "a filter may name at most 1024",
        ),
        (json!({ "blockHash": word(7) }), -32_001, "header not found"),
        (
            json!({ "blockHash": word(7), "fromBlock": "0x1" }),
            -32_602,
            "invalid argument 0 (filter)",
        ),
        (
            json!({ "address": "0x12" }),
            -32_602,
            "invalid argument 0 (filter)",
        ),
    ];
    for (filter, code, opening) in cases {
        let (got, text) = harness.refusal("eth_getLogs", json!([filter])).await;
        assert!(
            got == code && text.starts_with(opening),
            "{filter}: {got} {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_give_each_change_once() {
    let (harness, probe) = counted(Options::evm(), 1).await;
    let blocks = harness.call("eth_newBlockFilter", json!([])).await;
    let logs = harness
        .call("eth_newFilter", json!([{ "address": probe }]))
        .await;
    let pending = harness
        .call("eth_newPendingTransactionFilter", json!([]))
        .await;
    let changes = async |id: &Value| harness.call("eth_getFilterChanges", json!([id])).await;
    for id in [&blocks, &logs, &pending] {
        assert_eq!(changes(id).await, json!([]));
    }
    let receipts = [
        harness.send(&signed(2, Some(probe), 0, Bytes::new())).await,
        harness.send(&signed(3, Some(probe), 0, Bytes::new())).await,
    ];
    let of = |field: &str| json!([receipts[0][field], receipts[1][field]]);
    assert_eq!(changes(&blocks).await, of("blockHash"));
    assert_eq!(counts(&changes(&logs).await), [2, 3]);
    assert_eq!(changes(&pending).await, of("transactionHash"));
    for id in [&blocks, &logs, &pending] {
        assert_eq!(changes(id).await, json!([]));
    }
    assert_eq!(
        counts(&harness.call("eth_getFilterLogs", json!([logs])).await),
        [3]
    );
    assert_eq!(
        harness.call("eth_uninstallFilter", json!([logs])).await,
        true
    );
    assert_eq!(
        harness.call("eth_uninstallFilter", json!([logs])).await,
        false
    );
    let (code, text) = harness.refusal("eth_getFilterChanges", json!([logs])).await;
    assert!(
        code == -32_000 && text.starts_with("filter not found"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_filters_are_installed() {
    let mut options = Options::evm();
    options.limits.filters = 2;
    let harness = start(options);
    for _ in 0..2 {
        harness.call("eth_newBlockFilter", json!([])).await;
    }
    let (code, text) = harness.refusal("eth_newBlockFilter", json!([])).await;
    assert!(
        code == -32_005 && text.starts_with("2 filters are installed"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_undone_blocks_are_taken_back() {
    let (harness, probe) = counted(Options::evm(), 2).await;
    let filter = harness
        .call("eth_newFilter", json!([{ "address": probe }]))
        .await;
    harness.send(&signed(3, Some(probe), 0, Bytes::new())).await;
    assert_eq!(
        counts(&harness.call("eth_getFilterChanges", json!([filter])).await),
        [3]
    );
    // The derived chain goes another way from height 3 on, with nothing in it.
    let parent = harness.chain.block(Height(2)).expect("here");
    harness.chain.rollback(Height(2)).expect("undone");
    let mut header = parent.block.header.clone();
    (header.height, header.parent, header.timestamp) =
        (Height(3), parent.hash, header.timestamp + 1);
    header.body = plasma_core::body_commitment(&[]);
    harness
        .chain
        .execute(
            Block {
                header,
                transactions: Vec::new(),
            },
            None,
        )
        .expect("executes");
    let changes = harness.call("eth_getFilterChanges", json!([filter])).await;
    let removed: Vec<bool> = changes
        .as_array()
        .expect("logs")
        .iter()
        .map(|log| log["removed"] == json!(true))
        .collect();
    assert_eq!((counts(&changes), removed), (vec![3, 2], vec![true, true]));
    // The search knows no more of them, though it has their blooms.
    assert_eq!(
        counts(
            &harness
                .call("eth_getLogs", json!([{ "fromBlock": "0x0" }]))
                .await
        ),
        [1]
    );
}
