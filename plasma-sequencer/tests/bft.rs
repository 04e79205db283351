//! A committee keeps to what every sequencer keeps to: alone, and four over sockets. Members come
//! and go, and strangers are kept out.

use std::{
    collections::HashMap,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::StreamExt as _;
use plasma_core::{
    Address, B256, BlockHeader, BoxStream, Bytes, CertifiedBlock, ChainUpdate, Committee, Env,
    Epoch, Gate, Height, Promise, Seat, Sequencer, SequencerError, Signer, SubmitError, Timestamp,
    TokioEnv, TransactionHash,
    conformance::sequencer::{
        SequencerFixture, TOY_BLOCK_GAS, TOY_POOL_BYTES, TOY_SENDER_BYTES, ToyLedger,
        ToyTransaction, check_sequencer, sequential, toy_genesis, toy_root,
    },
};
use plasma_sequencer::{
    BftConfig, BftSequencer, FileJournal, FileLog, Journal, MemoryJournal, MemoryLog,
    MempoolLimits, Peer, RoundLog, Schedule,
};

fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
}

fn committee(members: u8) -> Committee {
    let seat = |number| Seat {
        key: signer(number).address(),
        weight: 10 + u64::from(number),
    };
    Committee {
        epoch: Epoch(0),
        seats: (1..=members).map(seat).collect(),
    }
}

fn config(genesis: BlockHeader, members: u8) -> BftConfig {
    let schedule = Schedule::new(committee(members)).expect("a committee");
    let mut config = BftConfig::new(genesis, schedule);
    config.app.gas_limit = TOY_BLOCK_GAS;
    config.app.limits = MempoolLimits {
        bytes: TOY_POOL_BYTES,
        sender_bytes: TOY_SENDER_BYTES,
        ..MempoolLimits::default()
    };
    config
}

fn sockets(members: u8) -> Vec<TcpListener> {
    (0..members)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a socket"))
        .collect()
}

/// A socket that a member had which is just being closed.
async fn again(address: std::net::SocketAddr) -> TcpListener {
    for _ in 0..500 {
        match TcpListener::bind(address) {
            Ok(socket) => return socket,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("{address} is not free");
}

fn peers(sockets: &[TcpListener]) -> Vec<Peer> {
    (1..)
        .zip(sockets)
        .map(|(number, socket)| Peer {
            key: signer(number).address(),
            address: socket.local_addr().expect("bound"),
        })
        .collect()
}

/// A committee of which one member is asked, and all are told.
struct All(Vec<BftSequencer>);

#[async_trait]
impl Sequencer for All {
    async fn submit(&self, transaction: Bytes) -> Result<Promise, SubmitError> {
        self.0[0].submit(transaction).await
    }

    fn blocks(&self, from: Height) -> BoxStream<'static, Result<CertifiedBlock, SequencerError>> {
        self.0[0].blocks(from)
    }

    fn head(&self) -> BlockHeader {
        self.0[0].head()
    }

    fn committee(&self, epoch: Epoch) -> Option<Committee> {
        self.0[0].committee(epoch)
    }

    async fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        for member in &self.0 {
            member.observe(update.clone()).await?;
        }
        Ok(())
    }

    fn pending(&self, limit: usize) -> Vec<Bytes> {
        self.0[0].pending(limit)
    }

    fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        self.0[0].ready(bytes, now)
    }

    fn pending_by_hash(&self, hash: &TransactionHash) -> Option<Bytes> {
        self.0[0].pending_by_hash(hash)
    }

    fn pending_nonce(&self, account: &Address) -> Option<u64> {
        self.0[0].pending_nonce(account)
    }
}

type Memories = HashMap<(u32, u8), (MemoryJournal, MemoryLog)>;

struct Fixture {
    members: u8,
    directory: Option<PathBuf>,
    memories: Mutex<Memories>,
}

impl Fixture {
    fn new(members: u8, directory: Option<PathBuf>) -> Self {
        Self {
            members,
            directory,
            memories: Mutex::default(),
        }
    }
}

impl SequencerFixture for Fixture {
    fn env(&self) -> Arc<dyn Env> {
        Arc::new(TokioEnv)
    }

    fn open(&self, medium: u32, genesis: BlockHeader, gate: Arc<dyn Gate>) -> Arc<dyn Sequencer> {
        let sockets = sockets(self.members);
        let all = peers(&sockets);
        let member = |(number, socket): (u8, TcpListener)| {
            let media: (Box<dyn Journal>, Box<dyn RoundLog>) =
                if let Some(directory) = &self.directory {
                    on_disk(&directory.join(format!("{medium}-{number}")), &genesis)
                } else {
                    let mut memories = self.memories.lock().expect("no test panicked");
                    let (journal, log) = memories.entry((medium, number)).or_default();
                    (Box::new(journal.reopen()), Box::new(log.reopen(0)))
                };
            let key = signer(number);
            let mut config = config(genesis.clone(), self.members);
            config.peers = all.clone();
            config.peers.retain(|peer| peer.key != key.address());
            let gate = Arc::clone(&gate);
            BftSequencer::start(
                config,
                key,
                self.env(),
                gate,
                media.0,
                media.1,
                Some(socket),
            )
            .expect("a member")
        };
        Arc::new(All((1..).zip(sockets).map(member).collect()))
    }
}

fn on_disk(directory: &Path, genesis: &BlockHeader) -> (Box<dyn Journal>, Box<dyn RoundLog>) {
    let journal = FileJournal::open(directory, genesis, &TokioEnv).expect("a journal");
    let log = FileLog::open(directory, genesis, &TokioEnv).expect("a log");
    (Box::new(journal), Box::new(log))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committee_of_one_on_disk_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    check_sequencer(&Fixture::new(1, Some(folder.path().into()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_of_four_over_sockets_conforms() {
    check_sequencer(&Fixture::new(4, None)).await;
}

/// Four members in one process, with files, each with a node behind it.
struct Network {
    folder: tempfile::TempDir,
    addresses: Vec<Peer>,
    members: Vec<Option<(Arc<BftSequencer>, tokio::task::JoinHandle<()>)>>,
}

impl Network {
    fn new() -> Self {
        let sockets = sockets(4);
        let mut network = Self {
            folder: tempfile::tempdir().expect("a folder"),
            addresses: peers(&sockets),
            members: (0..4).map(|_| None).collect(),
        };
        for (member, socket) in sockets.into_iter().enumerate() {
            network.start(member, socket);
        }
        network
    }

    fn start(&mut self, member: usize, socket: TcpListener) {
        let key = signer(member as u8 + 1);
        let mut config = config(toy_genesis(), 4);
        config.peers.clone_from(&self.addresses);
        config.peers.remove(member);
        let directory = self.folder.path().join(member.to_string());
        let (journal, log) = on_disk(&directory, &toy_genesis());
        let ledger = Arc::new(ToyLedger::default());
        let gate: Arc<dyn Gate> = Arc::<ToyLedger>::clone(&ledger);
        let env: Arc<dyn Env> = Arc::new(TokioEnv);
        let sequencer = BftSequencer::start(config, key, env, gate, journal, log, Some(socket));
        let sequencer = Arc::new(sequencer.expect("a member"));
        let mut blocks = sequencer.blocks(Height(1));
        let weak = Arc::downgrade(&sequencer);
        let node = tokio::spawn(async move {
            while let Some(Ok(certified)) = blocks.next().await {
                ledger.execute(&certified.block.transactions);
                let header = certified.block.header;
                let (height, state_root) = (header.height, toy_root(header.height, header.hash()));
                let Some(sequencer) = weak.upgrade() else {
                    return;
                };
                let told = sequencer.observe(ChainUpdate::Executed { height, state_root });
                told.await.expect("known news");
            }
        });
        self.members[member] = Some((sequencer, node));
    }

    async fn stop(&mut self, member: usize) {
        let (sequencer, node) = self.members[member].take().expect("it runs");
        drop(sequencer);
        node.await.expect("no panic");
    }

    fn member(&self, member: usize) -> &BftSequencer {
        &self.members[member].as_ref().expect("it runs").0
    }

    async fn send(&self, member: usize, sender: u32, nonce: u64) {
        let bytes = ToyTransaction::new(sequential(sender), nonce).to_bytes();
        self.member(member).submit(bytes).await.expect("room");
    }

    /// Waits until all that run have this many transactions; gives the chain.
    async fn wait(&self, transactions: usize) -> Vec<B256> {
        let began = Instant::now();
        let mut chains: Vec<Vec<CertifiedBlock>> = Vec::new();
        for (sequencer, _) in self.members.iter().flatten() {
            let mut chain = Vec::new();
            let mut blocks = sequencer.blocks(Height(1));
            let count = |chain: &Vec<CertifiedBlock>| -> usize {
                chain
                    .iter()
                    .map(|block| block.block.transactions.len())
                    .sum()
            };
            while count(&chain) < transactions {
                let next = tokio::time::timeout(Duration::from_secs(45), blocks.next()).await;
                let next = next.unwrap_or_else(|_| {
                    panic!(
                        "no block for long: {:?}, {:?}",
                        sequencer.status(),
                        began.elapsed()
                    )
                });
                let block = next.expect("endless").expect("a block");
                let verdict = block.certificate.verify(&committee(4), &block.block.header);
                assert_eq!(verdict, Ok(()));
                chain.push(block);
            }
            assert_eq!(count(&chain), transactions, "each once");
            chains.push(chain);
        }
        let hashes = |chain: &Vec<CertifiedBlock>| -> Vec<B256> {
            chain
                .iter()
                .map(|block| block.block.header.hash())
                .collect()
        };
        let first = hashes(&chains[0]);
        assert!(
            chains.iter().all(|chain| hashes(chain) == first),
            "one chain"
        );
        first
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_four_may_go_and_catches_up_when_it_is_back() {
    let mut network = Network::new();
    for nonce in 0..10 {
        network.send(nonce as usize % 4, 1, nonce).await;
    }
    network.wait(10).await;
    network.stop(2).await;
    for nonce in 10..30 {
        network.send([0, 1, 3][nonce as usize % 3], 1, nonce).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let without = network.wait(30).await;
    let socket = again(network.addresses[2].address).await;
    network.start(2, socket);
    let with = network.wait(30).await;
    assert_eq!(with, without, "it has what it missed");
    for nonce in 30..40 {
        network.send(2, 1, nonce).await;
    }
    network.wait(40).await;
    for (sequencer, _) in network.members.iter().flatten() {
        let status = sequencer.status().expect("open");
        assert_eq!(status.accused, [] as [Address; 0], "nobody signed twice");
        assert_eq!(status.failure, None);
        assert_eq!(status.diverged, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_may_stop_at_once_and_go_on_as_they_were() {
    let mut network = Network::new();
    for round in 0..3_u64 {
        for nonce in 0..5 {
            network.send(nonce as usize % 4, 1, round * 5 + nonce).await;
        }
        if round < 2 {
            let before = network.wait((round as usize + 1) * 5).await;
            for member in 0..4 {
                network.stop(member).await;
            }
            for member in 0..4 {
                let socket = again(network.addresses[member].address).await;
                network.start(member, socket);
            }
            let after = network.wait((round as usize + 1) * 5).await;
            assert_eq!(after[..before.len()], before);
            // A node has executed before it takes what follows.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    network.wait(15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_and_noise_change_nothing() {
    let network = Network::new();
    for peer in &network.addresses {
        for noise in [
            &[0_u8; 3][..],
            &vec![0xff; 70_000],
            b"\0\x20GET / HTTP/1.1\r\n\r\n and more of that",
        ] {
            let mut stream = std::net::TcpStream::connect(peer.address).expect("it listens");
            let _ = stream.write_all(noise);
        }
    }
    // A key that is nobody's, and one of the committee on another chain.
    let other = BlockHeader {
        timestamp: Timestamp(7),
        ..toy_genesis()
    };
    let strangers: Vec<BftSequencer> = [(signer(9), toy_genesis()), (signer(1), other)]
        .into_iter()
        .map(|(key, genesis)| {
            let mut config = config(genesis, 4);
            config.peers.clone_from(&network.addresses);
            let gate = Arc::new(ToyLedger::default());
            let (journal, log) = (MemoryJournal::new(), MemoryLog::new());
            let (journal, log) = (Box::new(journal), Box::new(log));
            BftSequencer::start(config, key, Arc::new(TokioEnv), gate, journal, log, None)
                .expect("a sequencer")
        })
        .collect();
    for nonce in 0..10 {
        network.send(0, 1, nonce).await;
    }
    network.wait(10).await;
    for stranger in &strangers {
        assert_eq!(stranger.status().expect("open").peers, [] as [Address; 0]);
        assert_eq!(stranger.head().height, Height(0));
    }
    let began = Instant::now();
    while network.member(0).status().expect("open").peers.len() < 3 {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "the others are connected"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
