//! Whatever peers do that have a key of the committee, and whoever has none: the others go on with blocks, and memory
//! stays bounded. Memory is that of the whole process, as the system counts it, and so the tests of this binary run
//! one after the other.

mod attacks;
mod fuzz;
mod link;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use plasma_core::{
    Address, B256, BlockHeader, CertifiedBlock, ChainUpdate, Committee, Env, Epoch, Gate, Height,
    Seat, Sequencer, Signer, SubmitError, TokioEnv,
    conformance::sequencer::{
        TOY_BLOCK_GAS, ToyLedger, ToyTransaction, sequential, toy_genesis, toy_root, windowed,
    },
};
use plasma_sequencer::{
    BftConfig, BftSequencer, Domain, MAX_MESSAGE_BYTES, MemoryJournal, MemoryLog, MempoolLimits,
    Peer, Schedule,
};
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::{io::AsyncWriteExt as _, sync::Mutex, task::JoinHandle};

use attacks::{ATTACKS, Attack, Knowledge};
use link::Link;

/// How long each attack goes on.
const ATTACK: Duration = Duration::from_millis(1_500);
/// What the process may grow by while three members are attacked: what they may keep of one peer, and what the
/// allocator keeps for itself.
const MAX_GROWTH: u64 = 160 << 20;
/// The seat that is hostile.
const HOSTILE: u8 = 4;

static ONE_AFTER_THE_OTHER: Mutex<()> = Mutex::const_new(());

pub(crate) fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
}

fn committee() -> Committee {
    let seat = |number| Seat {
        key: signer(number).address(),
        weight: 10,
    };
    Committee {
        epoch: Epoch(0),
        seats: (1..=4).map(seat).collect(),
    }
}

/// The process's memory, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: u64| pages * 4_096)
}

/// Three honest members, each with a node behind it, and a seat whose key the test has.
struct Network {
    members: Vec<Arc<BftSequencer>>,
    nodes: Vec<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
    /// Where the fourth is called.
    fourth: Option<TcpListener>,
    sent: AtomicU64,
    included: Arc<AtomicU64>,
}

impl Network {
    fn new() -> Self {
        let sockets: Vec<TcpListener> = (0..4)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a socket"))
            .collect();
        let addresses: Vec<SocketAddr> = sockets
            .iter()
            .map(|socket| socket.local_addr().expect("bound"))
            .collect();
        let peers: Vec<Peer> = (1..)
            .zip(&addresses)
            .map(|(number, address)| Peer {
                key: signer(number).address(),
                address: *address,
            })
            .collect();
        let included = Arc::new(AtomicU64::new(0));
        let mut sockets = sockets.into_iter();
        let (mut members, mut nodes) = (Vec::new(), Vec::new());
        for (number, socket) in (1..=3_u8).zip(sockets.by_ref()) {
            let schedule = Schedule::new(committee()).expect("a committee");
            let mut config = BftConfig::new(toy_genesis(), schedule);
            config.app.gas_limit = TOY_BLOCK_GAS;
            config.app.limits = MempoolLimits {
                bytes: 4 << 20,
                sender_bytes: 1 << 20,
                ..MempoolLimits::default()
            };
            config.peers.clone_from(&peers);
            config.peers.remove(usize::from(number) - 1);
            let ledger = Arc::new(ToyLedger::default());
            let gate: Arc<dyn Gate> = Arc::<ToyLedger>::clone(&ledger);
            let env: Arc<dyn Env> = Arc::new(TokioEnv);
            let (journal, log) = (MemoryJournal::new(), MemoryLog::new());
            let (journal, log) = (Box::new(journal), Box::new(log));
            let key = signer(number);
            let member = BftSequencer::start(config, key, env, gate, journal, log, Some(socket));
            let member = Arc::new(member.expect("a member"));
            let count = (number == 1).then(|| Arc::clone(&included));
            nodes.push(tokio::spawn(node(Arc::clone(&member), ledger, count)));
            members.push(member);
        }
        Self {
            members,
            nodes,
            addresses,
            fourth: sockets.next(),
            sent: AtomicU64::new(0),
            included,
        }
    }

    fn height(&self) -> Height {
        self.members[0].head().height
    }

    /// A user sends something to a member. Gives how many did by now.
    async fn send(&self) -> u64 {
        let nonce = self.sent.fetch_add(1, Relaxed);
        let member = &self.members[nonce as usize % 3];
        let bytes = ToyTransaction::new(sequential(1), nonce).to_bytes();
        member.submit(bytes).await.expect("room");
        nonce + 1
    }

    /// Waits until everything that was sent is in blocks.
    async fn wait(&self, what: &str) {
        let (began, sent) = (Instant::now(), self.sent.load(Relaxed));
        while self.included.load(Relaxed) < sent {
            let status = self.members[0].status();
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "{what}: {} of {sent} are in blocks: {status:?}",
                self.included.load(Relaxed)
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Users go on for as long as something else does. Gives the most memory that was in use meanwhile, and the blocks.
    async fn go_on(&self, attack: Duration, what: &str) -> (u64, u64) {
        let (began, from, mut most) = (Instant::now(), self.height(), 0);
        while began.elapsed() < attack {
            self.send().await;
            most = most.max(resident());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.wait(what).await;
        (most.max(resident()), self.height().0 - from.0)
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge {
            key: signer(HOSTILE),
            domain: Domain {
                chain_id: toy_genesis().chain_id,
                epoch: Epoch(0),
                base: 0,
            },
            next: self.height().next(),
            old: None,
        }
    }

    async fn block(&self, height: Height) -> CertifiedBlock {
        let mut blocks = self.members[0].blocks(height);
        blocks.next().await.expect("endless").expect("a block")
    }

    /// No honest member is accused, has stopped or disagrees.
    fn check(&self) {
        for member in &self.members {
            let status = member.status().expect("open");
            let hostile = signer(HOSTILE).address();
            let honest: Vec<&Address> = status
                .accused
                .iter()
                .filter(|key| **key != hostile)
                .collect();
            assert_eq!(honest, [] as [&Address; 0]);
            assert_eq!((status.failure, status.diverged), (None, None));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.nodes.iter().for_each(JoinHandle::abort);
    }
}

async fn node(member: Arc<BftSequencer>, ledger: Arc<ToyLedger>, count: Option<Arc<AtomicU64>>) {
    let mut blocks = member.blocks(Height(1));
    while let Some(Ok(certified)) = blocks.next().await {
        let executed = ledger.execute(&certified.block.transactions);
        if let Some(count) = &count {
            count.fetch_add(executed as u64, Relaxed);
        }
        let header = certified.block.header;
        let (height, state_root) = (header.height, toy_root(header.height, header.hash()));
        let told = member.observe(ChainUpdate::Executed { height, state_root });
        told.await.expect("known news");
    }
}

/// Says whatever the link takes, to one member, until it is stopped. Gives how many messages and bytes.
async fn flood(
    network: Arc<Network>,
    member: usize,
    attack: Attack,
    stop: Arc<AtomicBool>,
) -> (u64, u64) {
    let mut rng = SmallRng::seed_from_u64(member as u64 + 17);
    let (mut messages, mut bytes) = (0, 0);
    let old = network.block(Height(1)).await;
    let key = signer(HOSTILE);
    while !stop.load(Relaxed) {
        let address = network.addresses[member];
        let Ok(mut link) = Link::open(address, &key, &toy_genesis()).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        'link: while !stop.load(Relaxed) {
            let mut knowledge = network.knowledge();
            knowledge.old = Some(old.clone());
            for message in knowledge.say(attack, &mut rng) {
                let sent = tokio::time::timeout(ATTACK, link.send(&message)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    break 'link;
                }
                (messages, bytes) = (messages + 1, bytes + message.len() as u64);
            }
            tokio::task::yield_now().await;
        }
    }
    (messages, bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_seat_that_floods_neither_stops_the_others_nor_fills_their_memory() {
    let _alone = ONE_AFTER_THE_OTHER.lock().await;
    let network = Arc::new(Network::new());
    let (quiet, calm) = network.go_on(ATTACK, "nobody attacks").await;
    println!("nobody attacks: {calm} blocks, {} MB", quiet >> 20);
    for attack in ATTACKS {
        let stop = Arc::new(AtomicBool::new(false));
        let floods: Vec<_> = (0..3)
            .map(|member| {
                let (network, stop) = (Arc::clone(&network), Arc::clone(&stop));
                tokio::spawn(flood(network, member, attack, stop))
            })
            .collect();
        let what = format!("{attack:?}");
        let (most, blocks) = network.go_on(ATTACK, &what).await;
        stop.store(true, Relaxed);
        let (mut messages, mut bytes) = (0, 0);
        for flood in floods {
            let (more, length) = flood.await.expect("no panic");
            (messages, bytes) = (messages + more, bytes + length);
        }
        println!(
            "{what}: {messages} messages, {} MB sent; {blocks} blocks; {} MB",
            bytes >> 20,
            most >> 20
        );
        assert!(messages > 10, "{what} did not take place");
        assert!(blocks >= 5, "{what}: {blocks} blocks");
        assert!(most < quiet + MAX_GROWTH, "{what}: {most} bytes");
        network.check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn links_that_say_nothing_or_too_much_are_ended_and_keep_nobody_out() {
    let _alone = ONE_AFTER_THE_OTHER.lock().await;
    let network = Arc::new(Network::new());
    network.go_on(Duration::from_millis(300), "at first").await;
    let before = resident();
    let (key, genesis) = (signer(HOSTILE), toy_genesis());
    // Another chain, and a key that is nobody's.
    let other = BlockHeader {
        timestamp: plasma_core::Timestamp(7),
        ..toy_genesis()
    };
    for (key, genesis) in [(&key, &other), (&signer(9), &genesis)] {
        let refused = Link::open(network.addresses[0], key, genesis).await;
        assert!(refused.is_err());
    }
    // Too long, by one byte.
    let mut link = Link::open(network.addresses[0], &key, &genesis)
        .await
        .expect("a seat");
    let length = MAX_MESSAGE_BYTES as u32 + 1;
    let _ = link.send_announced(length, &[0; 1_000]).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), link.receive()).await;
    assert!(ended.expect("it hangs up").is_err());
    // As long as may be, and it never comes; and a later link of the same key ends it.
    let mut old = Link::open(network.addresses[0], &key, &genesis)
        .await
        .expect("a seat");
    old.send_announced(MAX_MESSAGE_BYTES as u32, &[0; 1_000])
        .await
        .expect("open");
    let links = (0..50).map(|_| Link::open(network.addresses[0], &key, &genesis));
    let links = futures::future::join_all(links).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), old.receive()).await;
    assert!(ended.expect("it hangs up").is_err());
    drop(links);
    // Many that never prove anything: honest members that come back get in all the same.
    let mut idle = Vec::new();
    for number in 0..700_u32 {
        let Ok(mut stream) = tokio::net::TcpStream::connect(network.addresses[0]).await else {
            continue;
        };
        if number % 2 == 0 {
            let _ = stream.write_all(&[0, 32, 1, 2, 3]).await;
        }
        idle.push(stream);
    }
    let link = Link::open(network.addresses[0], &key, &genesis);
    let link = tokio::time::timeout(Duration::from_secs(4), link).await;
    assert!(link.expect("before the others time out").is_ok());
    let (most, blocks) = network
        .go_on(Duration::from_millis(500), "idle links")
        .await;
    assert!(blocks >= 3, "{blocks} blocks");
    assert!(most < before + MAX_GROWTH, "{most} bytes");
    network.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_seat_that_asks_for_much_and_reads_nothing_costs_a_bounded_queue() {
    let _alone = ONE_AFTER_THE_OTHER.lock().await;
    let mut network = Network::new();
    let fourth = network.fourth.take().expect("free");
    fourth.set_nonblocking(true).expect("a socket");
    let fourth = tokio::net::TcpListener::from_std(fourth).expect("a socket");
    let network = Arc::new(network);
    // It proves its key to whoever calls, and then reads nothing.
    let answering = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = fourth.accept().await {
            held.push(Link::accept(stream, &signer(HOSTILE), &toy_genesis()).await);
        }
    });
    let long = |nonce: u64| {
        let mut toy = ToyTransaction::new(windowed(2), nonce);
        toy.padding = vec![nonce as u8; 100_000];
        toy.to_bytes()
    };
    // Blocks that are worth asking for.
    for nonce in 0..40 {
        // There is room for ten of them: blocks make more.
        let mut tries = 0;
        while let Err(error) = network.members[0].submit(long(nonce)).await {
            tries += 1;
            assert!(tries < 400, "{error}");
            network.send().await;
            network.wait("long blocks").await;
        }
    }
    let before = resident();
    let stop = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..3)
        .map(|member| {
            let (network, stop) = (Arc::clone(&network), Arc::clone(&stop));
            tokio::spawn(flood(network, member, Attack::Fetches, stop))
        })
        .collect();
    let (most, blocks) = network.go_on(2 * ATTACK, "a slow reader").await;
    stop.store(true, Relaxed);
    for flood in floods {
        flood.await.expect("no panic");
    }
    answering.abort();
    println!(
        "a slow reader: {blocks} blocks, {} MB more",
        most.saturating_sub(before) >> 20
    );
    assert!(blocks >= 5, "{blocks} blocks");
    assert!(most < before + MAX_GROWTH, "{most} bytes, {before} before");
    network.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sender_that_submits_without_end_is_refused_and_others_are_not() {
    let _alone = ONE_AFTER_THE_OTHER.lock().await;
    let network = Arc::new(Network::new());
    network.go_on(Duration::from_millis(300), "at first").await;
    let before = resident();
    let stop = Arc::new(AtomicBool::new(false));
    let users: Vec<_> = (0..3)
        .map(|member| {
            let (network, stop) = (Arc::clone(&network), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut taken, mut refused) = (0_u64, 0_u64);
                let mut nonce = 1;
                while !stop.load(Relaxed) {
                    // Never the first: nothing of it can ever be in a block.
                    let mut toy = ToyTransaction::new(sequential(77), nonce);
                    toy.padding = vec![member; 1_000];
                    match network.members[usize::from(member)]
                        .submit(toy.to_bytes())
                        .await
                    {
                        Ok(_) => taken += 1,
                        Err(SubmitError::Unavailable(error)) => panic!("{error}"),
                        Err(_) => refused += 1,
                    }
                    nonce += 1;
                    tokio::task::yield_now().await;
                }
                (taken, refused)
            })
        })
        .collect();
    let (most, blocks) = network.go_on(2 * ATTACK, "submits").await;
    stop.store(true, Relaxed);
    let (mut taken, mut refused) = (0, 0);
    for user in users {
        let (more, less) = user.await.expect("no panic");
        (taken, refused) = (taken + more, refused + less);
    }
    println!(
        "one sender: {taken} taken, {refused} refused; {blocks} blocks, {} MB more",
        most.saturating_sub(before) >> 20
    );
    assert!(refused > taken, "{taken} taken, {refused} refused");
    assert!(blocks >= 5, "{blocks} blocks");
    assert!(most < before + MAX_GROWTH, "{most} bytes, {before} before");
    for member in &network.members {
        assert!(member.mempool().bytes <= 4 << 20);
    }
    network.check();
}
