//! Kill -9 of a node at random points under load: no acknowledged block is lost, no batch lands twice, and the state
//! is what a fresh derivation gives.
//!
//! Seeded: `PLASMA_SEED` replays a run. `PLASMA_KILLS` sets how many times the process is killed: 50 unless told, and 200
//! with `PLASMA_LONG`, as `cargo xtask test --long` sets it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use alloy::{
    network::TransactionBuilder as _,
    providers::{Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
};
use plasma_core::{B256, EntryKind, Height, U256};
use plasma_sdk::{
    Ledger, RootInbox,
    devnet::{DevAccount, DevnetReport},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

/// The longest that a start may take on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

struct Node {
    child: Child,
    report: DevnetReport,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path) -> Node {
    let config = folder.join("devnet-out.json");
    let _ = fs::remove_file(&config);
    let log = fs::File::create(folder.join("log")).expect("a log file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args([
            "devnet",
            "--root-port",
            "0",
            "--chain-port",
            "0",
            "--block-time",
            "10ms",
        ])
        .args(["--challenge-window", "1s", "--data"])
        .arg(folder.join("data"))
        .arg("--config-out")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    let started = Instant::now();
    while !config.exists() {
        let ended = child.try_wait().expect("a child");
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(ended.is_none(), "the node ended with {ended:?}:\n{}", log());
        assert!(
            started.elapsed() < PATIENCE,
            "the node did not start:\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let report = DevnetReport::read(&config).expect("a whole report");
    Node { child, report }
}

async fn ask(url: &str, method: &'static str, params: Value) -> Option<Value> {
    let provider = ProviderBuilder::new().connect_http(url.parse().ok()?);
    provider
        .raw_request::<_, Value>(method.into(), params)
        .await
        .ok()
}

/// Signed transfers of one account, with any nonce in its window.
struct Load {
    signer: PrivateKeySigner,
    nonce: u64,
}

impl Load {
    async fn send(&mut self, url: &str, chain_id: u64) -> Option<B256> {
        let provider = ProviderBuilder::new()
            .wallet(self.signer.clone())
            .connect_http(url.parse().ok()?);
        let request = TransactionRequest::default()
            .with_to(DevAccount::at(9).address)
            .with_value(U256::ONE)
            .with_nonce(self.nonce)
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(100_000_000_000)
            .with_max_priority_fee_per_gas(1)
            .with_chain_id(chain_id);
        let sent = provider.send_transaction(request).await.ok()?;
        self.nonce += 1;
        Some(*sent.tx_hash())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let usual = if std::env::var_os("PLASMA_LONG").is_some() {
        200
    } else {
        50
    };
    let (seed, kills) = (number("PLASMA_SEED", 7), number("PLASMA_KILLS", usual));
    println!("seed {seed}, {kills} kills");
    let mut random = StdRng::seed_from_u64(seed);
    let folder: PathBuf = tempfile::tempdir().expect("a folder").keep();
    let signer = PrivateKeySigner::from_bytes(&DevAccount::at(3).private_key).expect("a key");
    let mut load = Load { signer, nonce: 0 };
    // What a receipt or a block answer acknowledged: it must never change.
    let mut blocks: BTreeMap<u64, String> = BTreeMap::new();
    let mut receipts: Vec<(B256, String)> = Vec::new();
    for round in 0..kills {
        let mut node = start(&folder);
        let chain = node.report.chains[0].clone();
        check(&chain.rpc, &blocks, &receipts, round).await;
        let account = json!([load.signer.address(), "latest"]);
        let nonce = ask(&chain.rpc, "eth_getTransactionCount", account)
            .await
            .expect("a nonce");
        load.nonce = u64::from_str_radix(&nonce.as_str().expect("hex")[2..], 16).expect("hex");
        let end = Instant::now() + Duration::from_millis(random.random_range(0..400));
        let mut sent = Vec::new();
        while Instant::now() < end {
            sent.extend(load.send(&chain.rpc, chain.chain_id).await);
            if random.random_ratio(1, 3) {
                let Some(hash) = sent.get(random.random_range(0..sent.len().max(1))) else {
                    continue;
                };
                let receipt = ask(&chain.rpc, "eth_getTransactionReceipt", json!([hash])).await;
                note(receipt, *hash, &mut blocks, &mut receipts);
            }
        }
        node.child.kill().expect("kill -9");
        node.child.wait().expect("gone");
    }
    let node = start(&folder);
    let chain = node.report.chains[0].clone();
    check(&chain.rpc, &blocks, &receipts, kills).await;
    verify(&folder, &node).await;
    assert!(
        receipts.len() as u64 > kills / 4,
        "the load was no load: {} receipts",
        receipts.len()
    );
    println!(
        "{} acknowledged transactions in {} blocks stand",
        receipts.len(),
        blocks.len()
    );
    drop(node);
    each_block_is_published_once(&folder);
    let _ = fs::remove_dir_all(folder);
}

fn note(
    receipt: Option<Value>,
    hash: B256,
    blocks: &mut BTreeMap<u64, String>,
    receipts: &mut Vec<(B256, String)>,
) {
    let Some(receipt) = receipt.filter(|receipt| !receipt.is_null()) else {
        return;
    };
    let text = |field: &str| receipt[field].as_str().expect("a field").to_owned();
    let height = u64::from_str_radix(&text("blockNumber")[2..], 16).expect("hex");
    blocks.insert(height, text("blockHash"));
    match receipts.iter().find(|(known, _)| *known == hash) {
        Some((_, block)) => assert_eq!(*block, text("blockHash"), "{hash} moved"),
        None => receipts.push((hash, text("blockHash"))),
    }
}

async fn check(url: &str, blocks: &BTreeMap<u64, String>, receipts: &[(B256, String)], round: u64) {
    // The newest ones are those that a crash could take; all of them at the end.
    let newest = if round.is_multiple_of(50) {
        usize::MAX
    } else {
        8
    };
    let started = Instant::now();
    for (height, hash) in blocks.iter().rev().take(newest) {
        loop {
            let asked = ask(
                url,
                "eth_getBlockByNumber",
                json!([format!("{height:#x}"), false]),
            )
            .await;
            let block = asked.expect("an answer");
            // The node serves while it executes again what its journal holds.
            if block.is_null() && started.elapsed() < PATIENCE {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            assert_eq!(
                block["hash"].as_str(),
                Some(hash.as_str()),
                "block {height} after kill {round}"
            );
            break;
        }
    }
    for (hash, block) in receipts.iter().rev().take(newest) {
        let receipt = ask(url, "eth_getTransactionReceipt", json!([hash]))
            .await
            .expect("an answer");
        assert_eq!(
            receipt["blockHash"].as_str(),
            Some(block.as_str()),
            "{hash} after kill {round}"
        );
        assert_eq!(
            receipt["status"].as_str(),
            Some("0x1"),
            "{hash} after kill {round}"
        );
    }
}

/// No batch landed twice, and none that says nothing new: each begins where the one before ended.
fn each_block_is_published_once(folder: &Path) {
    let ledger = Ledger::open(Some(&folder.join("data/chain-4242"))).expect("the ledger");
    let (inbox, mut next) = (RootInbox::new(&ledger), Height(1));
    let count = inbox.entry_count().expect("a count");
    for index in 0..count {
        let record = inbox.entry(index).expect("read").expect("an entry");
        assert_eq!(record.defect, None, "entry {index}");
        let EntryKind::Batch(batch) = record.entry.kind else {
            panic!("entry {index} was forced, and nothing was overdue");
        };
        assert_eq!(batch.first_height, next, "entry {index}");
        next = batch.last_height.next();
    }
    assert!(count > 1, "{count} batches are none to speak of");
    println!("{count} batches, each once");
}

/// All that is acknowledged is published, and a fresh derivation gives the same blocks and state.
async fn verify(folder: &Path, node: &Node) {
    let started = Instant::now();
    loop {
        let chain = &node.report.chains[0].rpc;
        let info = ask(chain, "plasma_info", json!([]))
            .await
            .expect("an answer");
        let (sequenced, published) = (&info["stages"]["sequenced"], &info["stages"]["published"]);
        // The last block is the one that seals; it is empty, and waits for the next batch.
        if sequenced.as_u64() <= published.as_u64().map(|height| height + 1) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "not published: {info}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let verified = Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args(["verify", "--config"])
        .arg(folder.join("devnet-out.json"))
        .output()
        .expect("the binary starts");
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    println!("{}", text.trim());
}
