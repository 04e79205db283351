//! Four members in one process, with their files, over loopback sockets.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use plasma_core::{
    B256, CertifiedBlock, ChainUpdate, Committee, Env, Epoch, Gas, Gate, Height, Seat, Sequencer,
    Signer, TokioEnv,
};
use plasma_sdk::sequencer::{AppConfig, BftConfig, BftSequencer, MempoolLimits, Peer, Schedule};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::{
    Shape,
    load::{Open, genesis, number},
    media::{Writes, open},
    rates::{Rates, Window},
};
use crate::{Failure, suite::directory};

/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(number)).expect("a key")
}

/// Four of equal weight.
pub(super) fn committee() -> Committee {
    let seat = |number| Seat {
        key: signer(number).address(),
        weight: 1,
    };
    Committee {
        epoch: Epoch(0),
        seats: (1..=4).map(seat).collect(),
    }
}

/// A core for blocks of this shape.
pub(super) fn app(shape: Shape) -> AppConfig {
    AppConfig {
        byte_limit: shape.block_bytes(),
        gas_limit: Gas(u64::MAX / 4),
        limits: MempoolLimits {
            bytes: 256 << 20,
            sender_bytes: 1 << 20,
            ..MempoolLimits::default()
        },
        ..AppConfig::new(genesis())
    }
}

/// A block that a member had certified, and when.
pub(super) struct Arrival {
    pub(super) member: usize,
    pub(super) at: Instant,
    pub(super) wall_ms: u64,
    pub(super) block: CertifiedBlock,
}

/// The members that run.
pub(super) struct Network {
    shape: Shape,
    pace_ms: u64,
    directory: TempDir,
    addresses: Vec<SocketAddr>,
    members: Vec<Option<(Arc<BftSequencer>, JoinHandle<()>)>>,
    pub(super) writes: Arc<Writes>,
    news: UnboundedSender<Arrival>,
    arrivals: UnboundedReceiver<Arrival>,
    /// The number of the next transaction.
    next: u64,
}

impl Network {
    /// Starts all but those in `dead`.
    pub(super) fn start(shape: Shape, pace_ms: u64, dead: &[usize]) -> Result<Self, Failure> {
        let mut sockets = Vec::new();
        for _ in 0..4 {
            sockets.push(TcpListener::bind("127.0.0.1:0")?);
        }
        let addresses: Result<_, _> = sockets.iter().map(TcpListener::local_addr).collect();
        let (news, arrivals) = unbounded_channel();
        let mut network = Self {
            shape,
            next: 0,
            pace_ms,
            directory: directory()?,
            addresses: addresses?,
            members: (0..4).map(|_| None).collect(),
            writes: Arc::default(),
            news,
            arrivals,
        };
        for (number, socket) in sockets.into_iter().enumerate() {
            if !dead.contains(&number) {
                network.start_member(number, socket)?;
            }
        }
        Ok(network)
    }

    fn start_member(&mut self, number: usize, socket: TcpListener) -> Result<(), Failure> {
        let mut config = BftConfig::new(genesis(), Schedule::new(committee())?);
        config.app = app(self.shape);
        config.replica.pace_ms = self.pace_ms;
        let peers = (1..).zip(&self.addresses).map(|(number, address)| Peer {
            key: signer(number).address(),
            address: *address,
        });
        config.peers = peers.collect();
        config.peers.remove(number);
        let path: PathBuf = self.directory.path().join(number.to_string());
        let (journal, log) = open(&path, &self.writes)?;
        let gate = Arc::new(Open::default());
        let env: Arc<dyn Env> = Arc::new(TokioEnv);
        let port: Arc<dyn Gate> = Arc::<Open>::clone(&gate);
        let key = signer(number as u8 + 1);
        let member = BftSequencer::start(config, key, env, port, journal, log, Some(socket))?;
        let member = Arc::new(member);
        let (weak, news) = (Arc::downgrade(&member), self.news.clone());
        let mut blocks = member.blocks(Height(1));
        let node = tokio::spawn(async move {
            while let Some(Ok(block)) = blocks.next().await {
                let (at, wall_ms) = (Instant::now(), TokioEnv.now().0);
                let header = &block.block.header;
                gate.execute(&block.block.transactions);
                let update = ChainUpdate::Executed {
                    height: header.height,
                    state_root: header.parent,
                };
                let Some(sequencer) = weak.upgrade() else {
                    return;
                };
                if sequencer.observe(update).await.is_err() {
                    return;
                }
                let member = number;
                let _ = news.send(Arrival {
                    member,
                    at,
                    wall_ms,
                    block,
                });
            }
        });
        self.members[number] = Some((member, node));
        Ok(())
    }

    /// Stops a member, and starts it again.
    pub(super) async fn restart(&mut self, number: usize) -> Result<(), Failure> {
        if let Some((member, node)) = self.members[number].take() {
            drop(member);
            node.await?;
        }
        let address = self.addresses[number];
        let began = Instant::now();
        let socket = loop {
            match TcpListener::bind(address) {
                Ok(socket) => break socket,
                Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        self.start_member(number, socket)
    }

    pub(super) fn member(&self, number: usize) -> Result<&Arc<BftSequencer>, Failure> {
        let member = self.members[number].as_ref();
        Ok(&member.ok_or("this member does not run")?.0)
    }

    /// The next block that some member had certified, or nothing for so long.
    pub(super) async fn arrival(&mut self, patience: Duration) -> Option<Arrival> {
        let next = tokio::time::timeout(patience, self.arrivals.recv()).await;
        next.ok().flatten()
    }

    /// Waits until the first member can speak to so many others.
    pub(super) async fn connected(&self, peers: usize) -> Result<(), Failure> {
        let began = Instant::now();
        while self.member(0)?.status().map_or(0, |one| one.peers.len()) < peers {
            if began.elapsed() > PATIENCE {
                return Err("the members are not connected".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Keeps so many blocks' worth waiting at the first member, for so long. `restarts` says which member is stopped
    /// and started, and how often.
    pub(super) async fn run(
        &mut self,
        window: u64,
        time: Duration,
        restarts: Option<(usize, Duration)>,
    ) -> Result<Rates, Failure> {
        let mut load = Window::new(self.shape, window, self.next);
        let began = Instant::now();
        let mut last = began;
        let mut restarted = began;
        while began.elapsed() < time {
            let member = Arc::clone(self.member(0)?);
            for bytes in load.due() {
                member.submit(bytes).await?;
            }
            drop(member);
            if let Some((member, every)) = restarts
                && restarted.elapsed() >= every
            {
                restarted = Instant::now();
                self.restart(member).await?;
            }
            let Some(arrival) = self.arrival(Duration::from_millis(50)).await else {
                if last.elapsed() > PATIENCE {
                    return Err(format!("no block within {PATIENCE:?}").into());
                }
                continue;
            };
            if arrival.member == 0 {
                last = arrival.at;
                let transactions = &arrival.block.block.transactions;
                let size = transactions.iter().map(|bytes| bytes.len()).sum();
                let numbers = transactions.iter().filter_map(|bytes| number(bytes));
                load.block(size, &numbers.collect::<Vec<_>>());
            }
        }
        self.next = load.next();
        Ok(load.rates(began.elapsed()))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for (member, node) in self.members.drain(..).flatten() {
            drop(member);
            node.abort();
        }
    }
}
