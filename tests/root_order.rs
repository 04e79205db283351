//! The root orders: a chain without a committee, and one whose committee is silent.

use std::{net::TcpListener, path::Path, sync::Arc, time::Duration};

use alloy::{network::TxSignerSync, signers::local::PrivateKeySigner};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::TxKind;
use alloy_sol_types::{SolCall as _, sol};
use plasma_bridge::{BridgeClient, Deployment, EvmSettlement, RootAccount};
use plasma_core::{
    Address, BatchHeader, BlockHeader, Bytes, ChainId, Committee, DaCommitment, Env, Epoch, Height,
    OutboxMessage, OutboxProof, Seat, Settlement as _, SettlementError, Stage, Status, SubmitError,
    TokioEnv, U256, keccak256, transaction_hash,
};
use plasma_da::EmbeddedDa;
use plasma_sdk::{
    Based, BatcherConfig, ChainBuilder, Committees, EmbeddedRoot, EmbeddedRootConfig, Member,
    ProposerConfig, RootHandle, RunningChain, Solo,
    devnet::{DevAccount, DevSequencer, Devnet, DevnetConfig},
};
use plasma_sequencer::Peer;
use serde_json::{Value, json};

const CHAIN: ChainId = ChainId(4_242);
const ETHER: u64 = 1_000_000_000_000_000_000;
const SILENCE: u64 = 3;

sol! {
    function withdraw(address asset, address recipient, uint256 amount) external;
}

fn coins(amount: u64) -> U256 {
    U256::from(amount) * U256::from(ETHER)
}

/// A root in this process, with one chain registered.
struct World {
    env: Arc<dyn Env>,
    root: EmbeddedRoot,
    contracts: plasma_bridge::Contracts,
}

impl World {
    /// `plan` is what the chain is registered with.
    async fn new(chain: ChainBuilder) -> Self {
        let env: Arc<dyn Env> = Arc::new(TokioEnv);
        let mut balances: Vec<(Address, U256)> = DevAccount::funded()
            .iter()
            .map(|account| (account.address, coins(1_000)))
            .collect();
        balances.push((DevAccount::operator().address, coins(1_000)));
        let config = EmbeddedRootConfig {
            chain_id: ChainId(31_337),
            balances,
            signer: DevAccount::root_sequencer().signer(),
            block_time: Duration::ZERO,
            data: None,
            listen: None,
        };
        let root = EmbeddedRoot::launch(config, env.clone())
            .await
            .expect("a root");
        let account = RootAccount::new(root.client(), DevAccount::operator().signer());
        let deployed = Deployment::new(&account)
            .chain(chain.registration().expect("a registration"))
            .endow(CHAIN, coins(3_000))
            .grant(DevAccount::at(0).address, coins(1_000))
            .deploy(&account)
            .await
            .expect("deployed");
        let contracts = deployed.contracts;
        Self {
            env,
            root,
            contracts,
        }
    }

    /// The root as somebody with this key sees it; without one, as somebody who only looks.
    fn handle(&self, key: Option<&DevAccount>) -> RootHandle {
        RootHandle {
            client: self.root.client(),
            contracts: self.contracts,
            account: key.map(|key| RootAccount::new(self.root.client(), key.signer())),
            url: String::new(),
        }
    }

    fn bridge(&self) -> BridgeClient {
        let account = RootAccount::new(self.root.client(), DevAccount::at(0).signer());
        BridgeClient::new(self.root.client(), self.contracts).with_account(account)
    }

    fn settlement(&self) -> EvmSettlement {
        EvmSettlement::new(self.root.client(), self.contracts, CHAIN)
    }

    /// A node with an availability layer of its own, and empty: what it needs of others, it must have from the root.
    async fn launch(&self, chain: ChainBuilder, key: Option<&DevAccount>) -> RunningChain {
        self.launch_with(chain, key, Arc::new(EmbeddedDa::in_memory()))
            .await
    }

    async fn launch_with(
        &self,
        chain: ChainBuilder,
        key: Option<&DevAccount>,
        da: Arc<EmbeddedDa>,
    ) -> RunningChain {
        chain
            .root(self.handle(key))
            .da(da)
            .launch(self.env.clone())
            .await
            .expect("a node")
    }

    /// A node that has nothing but the root.
    async fn verifier(&self) -> RunningChain {
        self.launch(chain().verifier(), None).await
    }
}

fn chain() -> ChainBuilder {
    let balances: std::collections::BTreeMap<Address, U256> = (0..3)
        .map(|index| (DevAccount::at(index).address, coins(1_000)))
        .collect();
    ChainBuilder::new(CHAIN)
        .genesis(&json!({ "balances": balances }))
        .challenge_window(3)
        .forced_delay(60)
        .silence(SILENCE)
        .batcher(BatcherConfig {
            max_age: Duration::from_millis(200),
            ..BatcherConfig::default()
        })
        .proposer(None)
}

fn based(number: u32) -> ChainBuilder {
    chain().sequencer(Based::new(DevAccount::sequencer(number).signer()))
}

fn solo(data: &Path) -> ChainBuilder {
    chain()
        .sequencer(
            Solo::new(DevAccount::sequencer(0).signer()).block_time(Duration::from_millis(10)),
        )
        .data(data)
}

/// A committee of four, each with one of the keys of a devnet's sequencers.
struct Four {
    peers: Vec<Peer>,
    data: tempfile::TempDir,
}

impl Four {
    fn new() -> (Self, Vec<TcpListener>) {
        let sockets: Vec<TcpListener> = (0..4)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a socket"))
            .collect();
        let peers = (0..4)
            .map(|number| Peer {
                key: DevAccount::sequencer(number).address,
                address: sockets[number as usize].local_addr().expect("bound"),
            })
            .collect();
        let data = tempfile::tempdir().expect("a folder");
        (Self { peers, data }, sockets)
    }

    fn plan(number: u32) -> Member {
        let seats = (0..4).map(|number| Seat {
            key: DevAccount::sequencer(number).address,
            weight: 1,
        });
        let committee = Committee {
            epoch: Epoch(0),
            seats: seats.collect(),
        };
        let signer = DevAccount::sequencer(number).signer();
        Member::new(signer, Committees::Fixed(committee))
    }

    fn node(&self, number: u32, listener: TcpListener) -> ChainBuilder {
        let plan = Self::plan(number)
            .listener(listener)
            .peers(self.peers.clone())
            .block_time(Duration::from_millis(20));
        chain()
            .sequencer(plan)
            .data(self.data.path().join(number.to_string()))
    }

    /// The member's socket once more, which may take a moment after it was closed.
    async fn socket(&self, number: u32) -> TcpListener {
        let address = self.peers[number as usize].address;
        for _ in 0..500 {
            if let Ok(socket) = TcpListener::bind(address) {
                return socket;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{address} is not free");
    }
}

/// A signed transaction of a funded account.
fn signed(from: u32, nonce: u64, to: Address, value: U256, input: Vec<u8>) -> Bytes {
    let key = PrivateKeySigner::from_bytes(&DevAccount::at(from).private_key).expect("a key");
    let mut transaction = TxEip1559 {
        chain_id: CHAIN.0,
        nonce,
        gas_limit: 500_000,
        max_fee_per_gas: 5_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: TxKind::Call(to),
        value,
        input: input.into(),
        ..TxEip1559::default()
    };
    let signature = key.sign_transaction_sync(&mut transaction).expect("signs");
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

fn payment(from: u32, nonce: u64) -> Bytes {
    let to = Address::repeat_byte(0x99);
    signed(from, nonce, to, U256::from(nonce + 1), Vec::new())
}

async fn submit(node: &RunningChain, transaction: &Bytes) {
    let sequencer = node.sequencer().expect("a pool");
    match sequencer.submit(transaction.clone()).await {
        Ok(_) | Err(SubmitError::AlreadyKnown(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

async fn call(node: &RunningChain, method: &'static str, params: Value) -> Value {
    let Value::Array(params) = params else {
        panic!("parameters are a list")
    };
    node.rpc_module()
        .call(method, params)
        .await
        .unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// Waits until `ready` holds for a node.
async fn until(node: &RunningChain, what: &str, ready: impl Fn(&RunningChain) -> bool) {
    for _ in 0..6_000 {
        if ready(node) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (head, troubles) = (node.chain().head().height(), node.health().troubles());
    panic!("{what}: the head is {head}, in the way are {troubles:?}");
}

/// Where a transaction is in the chain, and whether it succeeded each time.
fn places(node: &RunningChain, transaction: &Bytes) -> Vec<(Height, bool)> {
    let hash = transaction_hash(transaction);
    let head = node.chain().head().height().0;
    let mut found = Vec::new();
    for height in 1..=head {
        // An override may take it back at any moment.
        let Ok(block) = node.chain().block(Height(height)) else {
            break;
        };
        for (_, entry, _, receipt) in block.entries() {
            if entry == hash {
                found.push((Height(height), receipt.status == Status::Success));
            }
        }
    }
    found
}

fn published(node: &RunningChain, transaction: &Bytes) -> bool {
    let places = places(node, transaction);
    places
        .first()
        .is_some_and(|(height, _)| node.chain().stages().of(*height) >= Stage::Published)
}

/// Each is in the derived chain, once, and did what it says.
fn assert_once(node: &RunningChain, transactions: &[Bytes]) {
    for transaction in transactions {
        let places = places(node, transaction);
        let done: Vec<bool> = places.iter().map(|(_, done)| *done).collect();
        assert_eq!(done, [true], "{}", transaction_hash(transaction));
    }
}

/// Both derive the same blocks and the same state.
async fn assert_equal(one: &RunningChain, other: &RunningChain) {
    let head = one.chain().derived_head().expect("a head");
    until(other, "the same derived chain", |other| {
        let derived = other.chain().derived_head().expect("a head");
        derived.entry >= head.entry && other.chain().head().height() >= head.height
    })
    .await;
    for height in 0..=head.height.0 {
        let [one, other] =
            [one, other].map(|node| node.chain().block(Height(height)).expect("a block"));
        assert_eq!(one.hash, other.hash, "block {height}");
        assert_eq!(one.state_root, other.state_root, "after block {height}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_based_chain_lives_from_deposit_to_withdrawal() {
    let world = World::new(based(0)).await;
    let claims = ProposerConfig {
        poll: Duration::from_millis(200),
        ..ProposerConfig::default()
    };
    let operator = DevAccount::operator();
    let node = world
        .launch(based(0).proposer(Some(claims)), Some(&operator))
        .await;
    let ordering = world.settlement().ordering().await.expect("asked");
    assert!(ordering.expect("an inbox").based);

    // A message alone makes a block.
    let to = Address::repeat_byte(0x77);
    world
        .bridge()
        .deposit_xpl(CHAIN, to, U256::from(500), Bytes::new())
        .await
        .expect("a deposit");
    until(&node, "a block with the deposit", |node| {
        node.chain().stages().published >= Height(1)
    })
    .await;
    let balance = call(&node, "eth_getBalance", json!([to, "latest"])).await;
    assert_eq!(balance, "0x1f4");

    let sent: Vec<Bytes> = (0..5).map(|nonce| payment(0, nonce)).collect();
    for transaction in &sent {
        submit(&node, transaction).await;
    }
    // One that only the widest batch holds: nothing in it can be compressed.
    let noise: Vec<u8> = (0..3_600_u64)
        .flat_map(|n| keccak256(n.to_be_bytes()).0)
        .collect();
    let long = signed(1, 0, Address::repeat_byte(0x55), U256::ZERO, noise);
    assert!(long.len() > 115_000, "{} bytes", long.len());
    let long_fits = node
        .sequencer()
        .expect("a pool")
        .submit(long.clone())
        .await
        .is_ok();
    until(&node, "all published", |node| {
        sent.iter().all(|transaction| published(node, transaction))
            && (!long_fits || published(node, &long))
    })
    .await;
    assert_once(&node, &sent);
    let first = node.chain().block(places(&node, &sent[0])[0].0);
    let first = first.expect("a block");
    assert_eq!(first.certificate, None, "nobody certified it");
    assert_eq!(first.block.header.proposer, operator.address);

    // What is nobody's fault is refused with a name.
    let huge = signed(0, 5, to, U256::ZERO, vec![7; 125_000]);
    let refused = node.sequencer().expect("a pool").submit(huge).await;
    assert!(
        matches!(refused, Err(SubmitError::Rejected(_))),
        "{refused:?}"
    );

    // Out again, by claim and proof.
    let recipient = Address::repeat_byte(0x42);
    let bridge = Address::from_slice(&keccak256(b"plasma.module.bridge")[12..]);
    let out = withdrawCall {
        asset: Address::ZERO,
        recipient,
        amount: U256::from(123),
    };
    let out = signed(0, 5, bridge, U256::ZERO, out.abi_encode());
    submit(&node, &out).await;
    until(&node, "the withdrawal", |node| published(node, &out)).await;
    let height = places(&node, &out)[0].0;
    until(&node, "a claim that stood", |node| {
        node.chain().stages().settled >= height
    })
    .await;
    let proven = call(&node, "plasma_outboxProof", json!([transaction_hash(&out)])).await;
    let message: OutboxMessage =
        serde_json::from_value(proven["message"].clone()).expect("a message");
    let proof: OutboxProof = serde_json::from_value(proven["proof"].clone()).expect("a proof");
    world
        .bridge()
        .withdraw(&message, &proof)
        .await
        .expect("paid");
    let bridge = world.bridge();
    let paid = bridge.token_balance(world.contracts.xpl, recipient).await;
    assert_eq!(paid.expect("asked"), U256::from(123));

    let verifier = world.verifier().await;
    assert_equal(&node, &verifier).await;
    // The verifier kept what the root carried, for disputes.
    let record = verifier.chain().inbox().entry(0).expect("read");
    let plasma_core::EntryKind::Batch(batch) = record.expect("an entry").entry.kind else {
        panic!("a batch")
    };
    let carried = verifier.chain().inbox().carried(&batch.commitment);
    assert!(carried.expect("read").is_some());
    for node in [node, verifier] {
        assert!(
            node.health().troubles().is_empty(),
            "{:?}",
            node.health().troubles()
        );
        node.stop().await.expect("stops");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_of_a_based_chain_race_and_lose_nothing() {
    let world = World::new(based(0)).await;
    let nodes = [
        world.launch(based(0), Some(&DevAccount::at(5))).await,
        world.launch(based(1), Some(&DevAccount::at(6))).await,
    ];
    let mut all = Vec::new();
    for nonce in 0..40 {
        for (from, node) in [(0, &nodes[0]), (1, &nodes[1])] {
            let transaction = payment(from, nonce);
            submit(node, &transaction).await;
            all.push(transaction);
        }
        // Both have this one, and one block has it.
        let shared = payment(2, nonce);
        submit(&nodes[0], &shared).await;
        submit(&nodes[1], &shared).await;
        all.push(shared);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for node in &nodes {
        until(node, "everything of both", |node| {
            all.iter().all(|transaction| published(node, transaction))
        })
        .await;
    }
    let makers: std::collections::BTreeSet<Address> = (1..=nodes[0].chain().head().height().0)
        .map(|height| nodes[0].chain().block(Height(height)).expect("a block"))
        .map(|block| block.block.header.proposer)
        .collect();
    assert_eq!(makers.len(), 2, "both made blocks");
    assert_equal(&nodes[0], &nodes[1]).await;
    assert_once(&nodes[1], &all);
    let verifier = world.verifier().await;
    assert_equal(&nodes[0], &verifier).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_goes_on_through_the_root_and_its_committee_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let world = World::new(solo(&data.join("registered"))).await;
    let operator = DevAccount::operator();
    // Certified batches are where the committee publishes them.
    let da = world.root.da();
    let committee =
        || world.launch_with(solo(&data.join("committee")), Some(&operator), da.clone());
    let sequencer = committee().await;
    let other = world
        .launch_with(based(1), Some(&DevAccount::at(5)), da.clone())
        .await;

    // With the committee.
    let before: Vec<Bytes> = (0..5).map(|nonce| payment(0, nonce)).collect();
    for transaction in &before {
        submit(&sequencer, transaction).await;
    }
    until(&sequencer, "published", |node| {
        before
            .iter()
            .all(|transaction| published(node, transaction))
    })
    .await;
    // Certified, acknowledged, and not published when the committee is gone.
    let acknowledged = payment(0, 5);
    submit(&sequencer, &acknowledged).await;
    until(&sequencer, "certified", |node| {
        !places(node, &acknowledged).is_empty()
    })
    .await;
    sequencer.stop().await.expect("stops");

    // Without it: what waits at a node without a seat goes by the root.
    let meanwhile: Vec<Bytes> = (0..4).map(|nonce| payment(1, nonce)).collect();
    let began = std::time::Instant::now();
    for transaction in &meanwhile {
        submit(&other, transaction).await;
    }
    until(&other, "the root's order", |node| {
        meanwhile
            .iter()
            .all(|transaction| published(node, transaction))
    })
    .await;
    println!(
        "without the committee for {:?} at a silence of {SILENCE} s",
        began.elapsed()
    );
    assert!(
        began.elapsed() >= Duration::from_secs(SILENCE),
        "not before the bound"
    );
    let ordering = world.settlement().ordering().await.expect("asked");
    let ordering = ordering.expect("an inbox");
    assert!(ordering.is_open(world.env.now().seconds()));
    // And on, without waiting again.
    let on = payment(1, 4);
    submit(&other, &on).await;
    until(&other, "another batch", |node| published(node, &on)).await;

    // Back again.
    let sequencer = committee().await;
    let after: Vec<Bytes> = (0..4).map(|nonce| payment(2, nonce)).collect();
    for transaction in &after {
        submit(&sequencer, transaction).await;
    }
    until(&sequencer, "the committee's order", |node| {
        after.iter().all(|transaction| published(node, transaction))
            && published(node, &acknowledged)
    })
    .await;
    let ordering = world.settlement().ordering().await.expect("asked");
    let ordering = ordering.expect("an inbox");
    assert!(!ordering.is_open(world.env.now().seconds()), "{ordering:?}");

    let all: Vec<Bytes> = before
        .into_iter()
        .chain([acknowledged, on])
        .chain(meanwhile)
        .chain(after)
        .collect();
    assert_once(&sequencer, &all);
    assert_equal(&sequencer, &other).await;
    let verifier = world
        .launch_with(chain().verifier(), None, da.clone())
        .await;
    assert_equal(&sequencer, &verifier).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_of_four_without_a_quorum_goes_on_through_the_root_and_resumes() {
    let (four, sockets) = Four::new();
    let world = World::new(chain().sequencer(Four::plan(0))).await;
    let da = world.root.da();
    // Each publishes in its turn.
    let keys = [5, 6, 7, 8].map(DevAccount::at);
    let join = |number: u32, listener: TcpListener| {
        let key = Some(&keys[number as usize]);
        world.launch_with(four.node(number, listener), key, da.clone())
    };
    let mut nodes = Vec::new();
    for (number, socket) in (0..).zip(sockets) {
        nodes.push(join(number, socket).await);
    }
    let mut all: Vec<Bytes> = (0..5).map(|nonce| payment(0, nonce)).collect();
    for transaction in &all {
        submit(&nodes[0], transaction).await;
    }
    until(&nodes[1], "the committee's order", |node| {
        all.iter().all(|transaction| published(node, transaction))
    })
    .await;

    // Two of four are no quorum.
    for node in nodes.drain(2..) {
        node.stop().await.expect("stops");
    }
    let meanwhile: Vec<Bytes> = (0..6).map(|nonce| payment(1, nonce)).collect();
    for (transaction, node) in meanwhile.iter().zip([0, 0, 0, 1, 1, 1]) {
        submit(&nodes[node], transaction).await;
    }
    for node in &nodes {
        until(node, "the root's order", |node| {
            meanwhile
                .iter()
                .all(|transaction| published(node, transaction))
        })
        .await;
    }
    let ordering = world.settlement().ordering().await.expect("asked");
    let open = ordering.is_some_and(|ordering| ordering.is_open(world.env.now().seconds()));
    assert!(open, "{ordering:?}");

    for number in 2..4 {
        let socket = four.socket(number).await;
        nodes.push(join(number, socket).await);
    }
    let after: Vec<Bytes> = (0..4).map(|nonce| payment(2, nonce)).collect();
    for (transaction, node) in after.iter().zip([0, 1, 2, 3]) {
        submit(&nodes[node], transaction).await;
    }
    for node in &nodes {
        until(node, "the committee's order again", |node| {
            after.iter().all(|transaction| published(node, transaction))
        })
        .await;
    }
    all.extend(meanwhile.into_iter().chain(after));
    // Until its links are up again, the root orders that as well; with more to say, the committee says it.
    let mut open = true;
    for nonce in 4..14 {
        let ordering = world.settlement().ordering().await.expect("asked");
        open = ordering.is_some_and(|ordering| ordering.opens_after.is_some());
        if !open {
            break;
        }
        let transaction = payment(2, nonce);
        submit(&nodes[nonce as usize % 4], &transaction).await;
        until(&nodes[0], "more", |node| published(node, &transaction)).await;
        all.push(transaction);
    }
    assert!(!open, "the committee did not resume");
    for node in &nodes[1..] {
        assert_equal(&nodes[0], node).await;
    }
    assert_once(&nodes[3], &all);
    let verifier = world
        .launch_with(chain().verifier(), None, da.clone())
        .await;
    assert_equal(&nodes[0], &verifier).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_devnet_that_is_based_goes_on_from_its_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = DevnetConfig {
        sequencer: DevSequencer::Based,
        data: Some(folder.path().to_owned()),
        root_port: 0,
        chain_port: 0,
        ..DevnetConfig::default()
    };
    let mut all = Vec::new();
    for nonce in 0..2 {
        let devnet = Devnet::launch(config.clone(), Arc::new(TokioEnv))
            .await
            .expect("a devnet");
        let node = &devnet.chains[0];
        let transaction = payment(0, nonce);
        let hash = call(node, "eth_sendRawTransaction", json!([transaction])).await;
        assert_eq!(hash, json!(transaction_hash(&transaction)));
        until(node, "the root's order", |node| {
            published(node, &transaction)
        })
        .await;
        all.push(transaction);
        assert_once(node, &all);
        let safe = call(node, "eth_getBlockByNumber", json!(["safe", false])).await;
        let latest = call(node, "eth_getBlockByNumber", json!(["latest", false])).await;
        assert_eq!(safe["hash"], latest["hash"]);
        devnet.stop().await.expect("stops");
    }
}

/// Lands batches that say nothing, one after the other, until the root takes none any more. Gives how many.
async fn flood(settlement: EvmSettlement) -> u64 {
    let bytes = Bytes::from_static(b"no batch");
    let last = BlockHeader {
        chain_id: CHAIN,
        height: Height(1),
        ..BlockHeader::default()
    };
    let mut landed = 0;
    loop {
        let view = settlement.view().await.expect("a view");
        let batch = BatchHeader {
            chain_id: CHAIN,
            entry: view.entries,
            first_height: last.height,
            last_height: last.height,
            last_hash: last.hash(),
            messages: view.consumed,
            commitment: DaCommitment::chunk_tree(&bytes),
        };
        match settlement.append_open(&batch, &last, &bytes).await {
            Ok(_) => landed += 1,
            Err(SettlementError::Stale(reason)) if reason.starts_with("NotOpen") => return landed,
            Err(SettlementError::Stale(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_keeps_a_committee_away_by_landing_batches_before_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(solo(&folder.path().join("registered"))).await;
    let account = RootAccount::new(world.root.client(), DevAccount::at(7).signer());
    let hostile = world.settlement().with_account(account);
    let message = Bytes::from_static(&[0]);
    hostile.send_transaction(&message).await.expect("sent");
    tokio::time::sleep(Duration::from_secs(SILENCE + 2)).await;
    let flood = tokio::spawn(flood(hostile));
    tokio::time::sleep(Duration::from_millis(500)).await;

    let operator = DevAccount::operator();
    let data = folder.path().join("committee");
    let node = world.launch(solo(&data), Some(&operator)).await;
    let transaction = payment(0, 0);
    submit(&node, &transaction).await;
    until(&node, "publication", |node| published(node, &transaction)).await;
    let landed = flood.await.expect("it ends by itself");
    println!("{landed} batches that say nothing");
    assert!(landed > 5, "{landed}");
    assert_once(&node, &[transaction]);
}
