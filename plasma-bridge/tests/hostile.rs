//! Nodes that lie, leave out, or limit.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use alloy::rpc::{client::RpcClient, json_rpc::SerializedRequest};
use plasma_bridge::{BridgeClient, EvmSettlement, RootAccount, RootClient, RootConfig};
use plasma_core::{
    Move, RootEvent, RootUpdate, Settlement as _, SettlementError, TraceCommitment, U256,
};
use serde_json::Value;
use support::{
    Anvil, CHAIN, DEPLOYED, Tamper, TestChain, Updates, account, checkpoint, config, deployed,
    dev_signer, env, next, next_error, response, word,
};

/// An honest node with three messages and a batch; and the contracts.
async fn busy() -> (Anvil, EvmSettlement, TestChain) {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let mut chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    let bridge =
        BridgeClient::new(account.root().clone(), deployed.contracts).with_account(account);
    for byte in 0..3_u8 {
        bridge
            .force_transaction(CHAIN, vec![byte].into())
            .await
            .expect("enqueued");
    }
    let sealed = chain.seal(2);
    let (batch, sealing) = (&sealed.batch, &sealed.sealing);
    settlement
        .append(batch, sealing, &chain.committee, &sealed.certificate)
        .await
        .expect("appended");
    chain.appended(&sealed);
    (anvil, settlement, chain)
}

fn through(
    anvil: &Anvil,
    settlement: &EvmSettlement,
    config: RootConfig,
    rule: impl Fn(&SerializedRequest, &mut Value) + Send + Sync + 'static,
) -> EvmSettlement {
    let tamper = Tamper::new(anvil.transport(), rule);
    let root = RootClient::new(RpcClient::new(tamper, true), env(), config);
    EvmSettlement::new(root, *settlement.contracts(), CHAIN)
}

async fn follow(settlement: &EvmSettlement) -> Updates {
    settlement.events(settlement.origin().await.expect("found"))
}

/// The error with which following ends, after attempts that are merely repeated.
async fn verdict(updates: &mut Updates) -> String {
    loop {
        match next_error(updates).await {
            SettlementError::Unavailable(reason) => println!("{reason}"),
            SettlementError::Contract(reason) => return reason,
            other => panic!("{other}"),
        }
    }
}

fn logs(request: &SerializedRequest, answer: &mut Value) -> Option<Vec<Value>> {
    (request.method() == "eth_getLogs")
        .then(|| answer["result"].as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn a_log_left_out_is_missed() {
    let (anvil, honest, _) = busy().await;
    for left_out in 0..4_usize {
        let seen = Arc::new(AtomicU64::new(0));
        let settlement = through(&anvil, &honest, config(), move |request, answer| {
            let Some(mut logs) = logs(request, answer) else {
                return;
            };
            // Messages 0, 1, 2 and the batch, each in a block of its own.
            logs.retain(|log| {
                let block = log["blockNumber"].as_str().unwrap_or_default().to_owned();
                let number = u64::from_str_radix(&block[2..], 16).unwrap_or_default();
                number != DEPLOYED + 1 + left_out as u64
            });
            seen.fetch_add(1, Relaxed);
            answer["result"] = logs.into();
        });
        let reason = verdict(&mut follow(&settlement).await).await;
        assert!(
            reason.contains("the node's logs are incomplete"),
            "{left_out}: {reason}"
        );
        let head = honest.root().head().await.expect("a head");
        assert_eq!(head.number, DEPLOYED + 4, "one block for each");
    }
}

#[tokio::test]
async fn answers_of_two_moments_are_asked_for_again() {
    let (anvil, honest, _) = busy().await;
    // The root was set back between two questions: of what was counted, nothing is there.
    for view in ["entryHash(uint64,uint64)", "messageAcc(uint64,uint64)"] {
        let selector = plasma_core::hex::encode(&plasma_core::keccak256(view)[..4]);
        let refused = AtomicU64::new(0);
        let settlement = through(&anvil, &honest, config(), move |request, answer| {
            let call =
                request.method() == "eth_call" && request.serialized().get().contains(&selector);
            if call && refused.fetch_add(1, Relaxed) < 5 {
                response(3, "execution reverted", answer);
                answer["error"]["data"] = format!("0x{}", "ab".repeat(4)).into();
            }
        });
        let mut updates = follow(&settlement).await;
        let mut events = 0;
        while events < 4 {
            if let RootUpdate::Block { events: some, .. } = next(&mut updates).await {
                events += some.len();
            }
        }
    }
}

#[tokio::test]
async fn a_changed_event_breaks_the_hash_chain() {
    let (anvil, honest, _) = busy().await;
    // Which byte of which word of the event's data, words counted from the end, and how it shows.
    let cases = [
        (DEPLOYED + 1, 0, 0, "the accumulator of 1 messages"), // A message's data.
        (DEPLOYED + 1, 3, 31, "the accumulator of 1 messages"), // Its deadline.
        (DEPLOYED + 3, 5, 31, "the accumulator of 3 messages"), // Its amount.
        (DEPLOYED + 4, 0, 31, "the hash of 1 entries"),        // An entry's time.
        (DEPLOYED + 4, 3, 31, "has another hash or entry"),    // A batch's bytes.
    ];
    for (block, word, byte, expected) in cases {
        let settlement = through(&anvil, &honest, config(), move |request, answer| {
            let Some(mut logs) = logs(request, answer) else {
                return;
            };
            for log in &mut logs {
                if log["blockNumber"] == format!("{block:#x}") {
                    let mut data = log["data"].as_str().unwrap_or_default().to_owned();
                    let at = data.len() - 64 * (word + 1) + 2 * byte + 1;
                    let other = if data.as_bytes()[at] == b'7' {
                        "8"
                    } else {
                        "7"
                    };
                    data.replace_range(at..=at, other);
                    log["data"] = data.into();
                }
            }
            answer["result"] = logs.into();
        });
        let reason = verdict(&mut follow(&settlement).await).await;
        assert!(
            reason.contains(expected),
            "block {block}, word {word}: {reason}"
        );
    }
}

#[tokio::test]
async fn strange_logs_are_named() {
    let (anvil, honest, _) = busy().await;
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 4] = [
        (
            |log| log["address"] = word(1).to_string()[..42].into(),
            "nobody asked for it",
        ),
        (
            |log| log["topics"][0] = word(1).to_string().into(),
            "nobody asked for it",
        ),
        (
            |log| log["topics"][1] = word(0).to_string().into(),
            "it is another chain's",
        ),
        (
            |log| log["data"] = "0x00".into(),
            "it is no MessageEnqueued(",
        ),
    ];
    for (change, expected) in cases {
        let settlement = through(&anvil, &honest, config(), move |request, answer| {
            let Some(mut logs) = logs(request, answer) else {
                return;
            };
            logs.iter_mut().for_each(change);
            answer["result"] = logs.into();
        });
        let reason = verdict(&mut follow(&settlement).await).await;
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_block_that_goes_while_the_stream_starts_is_taken_back() {
    let (anvil, honest, _) = busy().await;
    let first = AtomicU64::new(0);
    let gone = word(0xee);
    let settlement = through(&anvil, &honest, config(), move |request, answer| {
        let params = request.params().map_or("", |params| params.get());
        let asks = request.method() == "eth_getBlockByNumber"
            && params.contains(&format!("{:#x}", DEPLOYED + 1));
        if asks && first.fetch_add(1, Relaxed) == 0 {
            answer["result"]["hash"] = gone.to_string().into();
        }
    });
    let from = plasma_core::RootBlock {
        number: DEPLOYED + 1,
        hash: gone,
        ..Default::default()
    };
    let mut updates = settlement.events(from);
    let RootUpdate::Reorg { to } = next(&mut updates).await else {
        panic!("a reorganisation")
    };
    assert_eq!(to.number, DEPLOYED);
    let RootUpdate::Block { block, events } = next(&mut updates).await else {
        panic!("a block")
    };
    assert_eq!((block.number, events.len()), (DEPLOYED + 1, 1));
}

#[tokio::test]
async fn limits_on_log_queries_are_lived_with() {
    let (anvil, honest, mut chain) = busy().await;
    anvil.mine(300).await;
    let sealed = chain.seal(3);
    let (batch, sealing) = (&sealed.batch, &sealed.sealing);
    honest
        .append(batch, sealing, &chain.committee, &sealed.certificate)
        .await
        .expect("appended");
    chain.appended(&sealed);
    anvil.mine(50).await;
    let head = honest.root().head().await.expect("a head");
    for limit in [1, 7, 100, 10_000] {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        let settlement = through(&anvil, &honest, config(), move |request, answer| {
            if request.method() != "eth_getLogs" {
                return;
            }
            counted.fetch_add(1, Relaxed);
            let params: Value =
                serde_json::from_str(request.params().expect("params").get()).expect("JSON");
            let number = |key: &str| {
                let hex = params[0][key].as_str()?;
                u64::from_str_radix(hex.trim_start_matches("0x"), 16).ok()
            };
            if let (Some(from), Some(to)) = (number("fromBlock"), number("toBlock"))
                && to - from >= limit
            {
                response(-32_005, "query returned more than 10000 results", answer);
            }
        });
        let mut updates = follow(&settlement).await;
        let mut found = Vec::new();
        loop {
            let RootUpdate::Block { block, events } = next(&mut updates).await else {
                panic!("no reorganisation");
            };
            found.extend(events);
            if block.hash == head.hash {
                break;
            }
        }
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(matches!(&found[4], RootEvent::Entry(entry) if entry.messages == 3));
        println!("limit {limit}: {} queries", asked.load(Relaxed));
    }
}

#[tokio::test]
async fn a_node_without_old_state_will_do() {
    let (anvil, honest, _) = busy().await;
    anvil.mine(100).await;
    let head = honest.root().head().await.expect("a head");
    let settlement = through(&anvil, &honest, config(), move |request, answer| {
        let params = request.params().map_or("", |params| params.get());
        // Only the newest block's state is there.
        if request.method() == "eth_call"
            && !params.contains(&head.hash.to_string())
            && !params.contains("latest")
        {
            response(-32_000, "missing trie node", answer);
        }
    });
    let mut updates = follow(&settlement).await;
    let mut found = 0;
    loop {
        match next(&mut updates).await {
            RootUpdate::Block { block, events } => {
                found += events.len();
                if block.hash == head.hash {
                    break;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, 4);
}

#[tokio::test]
async fn a_root_whose_clock_stands_still_while_idle_is_settled_by_ours() {
    let (anvil, honest, _) = busy().await;
    let state = checkpoint(1, word(9));
    let trace = TraceCommitment::of(&[state.hash()]).expect("a leaf");
    honest
        .play(&Move::Join {
            entries: 1,
            trace,
            checkpoint: state,
        })
        .await
        .expect("joined");
    let deadline = honest
        .view()
        .await
        .expect("a view")
        .claim
        .expect("waits")
        .deadline
        .0;
    // The node answers with its last block's time; by our clock, too, it is early.
    let early = honest.play(&Move::Settle).await;
    assert!(matches!(early, Err(SettlementError::Stale(_))), "{early:?}");
    let now = deadline + 10;
    anvil.pass(70).await;
    let data = format!(
        "0x{}{deadline:064x}{now:064x}",
        &plasma_core::keccak256("WindowOpen(uint64,uint256)").to_string()[2..10]
    );
    let tamper = Tamper::new(anvil.transport(), move |request, answer| {
        if request.method() == "eth_estimateGas" {
            response(3, "execution reverted", answer);
            answer["error"]["data"] = data.clone().into();
        }
    });
    let clock = Arc::new(Ahead(now * 1_000));
    let root = RootClient::new(RpcClient::new(tamper, true), clock, config());
    let account = RootAccount::new(root.clone(), dev_signer());
    let settlement = EvmSettlement::new(root, *honest.contracts(), CHAIN).with_account(account);
    settlement.play(&Move::Settle).await.expect("settled");
    let view = honest.view().await.expect("a view");
    assert_eq!(
        (view.settled_entries, view.withdrawable),
        (1, U256::from(1_000_000_u64))
    );
}

/// A clock at a fixed time.
struct Ahead(u64);

impl plasma_core::Env for Ahead {
    fn now(&self) -> plasma_core::Timestamp {
        plasma_core::Timestamp(self.0)
    }

    fn sleep(&self, duration: std::time::Duration) -> plasma_core::BoxFuture<'static, ()> {
        plasma_core::TokioEnv.sleep(duration)
    }

    fn spawn(
        &self,
        name: &'static str,
        task: plasma_core::BoxFuture<'static, ()>,
    ) -> plasma_core::Task {
        plasma_core::TokioEnv.spawn(name, task)
    }

    fn random(&self, out: &mut [u8]) {
        plasma_core::TokioEnv.random(out);
    }
}
