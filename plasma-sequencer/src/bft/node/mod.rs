//! A member of a committee as a node runs it: a [`Replica`] behind the port of sequencing, with
//! links to the others.
//!
//! ```text
//!   users ─submit─► Replica ◄─receive─ links (one to each peer, one from each)
//!   node ─observe─►    │  ▲ tick
//!                      │  └─ driver: timers, pace
//!                      ├─ certified ─► feed ─► readers
//!                      └─ outputs ───► links
//! ```
//! Invariants:
//! - The replica is behind one lock, and what it says is what the simulation tests: this module adds
//!   time, sockets and readers, and decides nothing.
//! - Whoever submits waits for no disk and no peer.
//! - Every queue to and from a peer is bounded, in messages and in bytes; what does not fit is lost,
//!   as on any network, and said again.
//! - What one peer may cost in a second is bounded too ([`budget`]), whatever it says.

mod budget;
mod config;
mod driver;
mod fault;
mod handshake;
mod links;
mod secure;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use plasma_core::{
    Address, B256, BlockHeader, BoxStream, Bytes, CertifiedBlock, ChainUpdate, Committee, Env,
    Epoch, Gate, Height, Promise, Sequencer, SequencerError, Signature, Signer, SubmitError, Task,
    Timestamp, TransactionHash,
};
use tokio::sync::{Notify, watch};

use super::{
    app::{Entered, SequencerApp},
    evidence::Evidence,
    log::RoundLog,
    replica::Replica,
    schedule::ScheduleError,
    verifier::Verifier,
};
use crate::{
    Journal, MempoolStatistics,
    feed::{self, Feed, Source},
};

use budget::Budgets;
pub use config::{BftConfig, Peer};
pub use fault::BftFault;
use fault::Fault;
use links::Links;

/// How long the seat that is to publish a batch may take before the next one does, in milliseconds.
const PUBLISHING_PATIENCE_MS: u64 = 5_000;

/// A member of a committee that agrees on blocks.
///
/// Everyone is told through [`Sequencer::observe`] what was executed, as a solo sequencer is. A
/// promise is the word of the member that took the transaction; it told the others of it.
pub struct BftSequencer {
    shared: Arc<Shared>,
    _tasks: Vec<Task>,
}

struct Shared {
    env: Arc<dyn Env>,
    config: BftConfig,
    signer: Signer,
    fault: Option<Fault>,
    /// Gone once the sequencer is closed. Taken before the feed, where both are.
    replica: Mutex<Option<Replica>>,
    feed: Mutex<Feed>,
    changes: watch::Sender<()>,
    work: Arc<Notify>,
    links: Links,
    budgets: Budgets,
    /// The misses that metrics show, of a term's seats.
    shown: Mutex<(Epoch, Vec<u32>)>,
}

/// How a member is doing.
#[derive(Clone, Debug)]
pub struct BftStatus {
    /// The newest certified height.
    pub height: Height,
    /// The round of the next height; `None` while there is nothing to agree on.
    pub round: Option<u32>,
    /// The peers that it can speak to.
    pub peers: Vec<Address>,
    /// Who decides the next height.
    pub committee: Committee,
    /// How many turns in a row each of its seats missed.
    pub misses: Vec<u32>,
    /// Who contradicted itself.
    pub accused: Vec<Address>,
    /// The lowest height that the committee executed otherwise.
    pub diverged: Option<Height>,
    /// Why it takes no part any more.
    pub failure: Option<SequencerError>,
}

impl BftSequencer {
    /// Continues where journal and log end. `listener` is where the others reach it; a committee of
    /// one needs none. `env` must be able to spawn, on a tokio runtime with I/O.
    pub fn start(
        config: BftConfig,
        signer: Signer,
        env: Arc<dyn Env>,
        gate: Arc<dyn Gate>,
        journal: Box<dyn Journal>,
        log: Box<dyn RoundLog>,
        listener: Option<TcpListener>,
    ) -> Result<Self, SequencerError> {
        let wrong = |error: String| SequencerError::Inconsistent(error);
        let schedule = config.schedule.clone();
        let app = SequencerApp::new(config.app.clone(), signer.clone(), schedule, gate, journal)?;
        let head = app.head().clone();
        let verifier = Arc::new(Verifier::new());
        let replica = Replica::new(config.replica, app, log, verifier, env.now())?;
        let work = Arc::new(Notify::new());
        let (links, queues) = Links::new(&config.peers);
        let shared = Arc::new(Shared {
            env: Arc::clone(&env),
            signer: signer.clone(),
            fault: config.fault.clone().map(Fault::new),
            replica: Mutex::new(Some(replica)),
            feed: Mutex::new(Feed::new(head)),
            changes: watch::Sender::new(()),
            work: Arc::clone(&work),
            links,
            budgets: Budgets::new(config.peers.iter().map(|peer| peer.key), env.now()),
            shown: Mutex::default(),
            config,
        });
        let mut tasks = vec![env.spawn(
            "bft",
            Box::pin(driver::run(Arc::downgrade(&shared), Arc::clone(&work))),
        )];
        let me = handshake::Identity::new(signer, &shared.config.app.genesis);
        for (peer, queue) in shared.config.peers.iter().zip(queues) {
            let task = links::dial(Arc::downgrade(&shared), me.clone(), peer.clone(), queue);
            tasks.push(env.spawn("bft-dial", Box::pin(task)));
        }
        if let Some(listener) = listener {
            let listen = |listener: TcpListener| {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener)
            };
            let listener =
                listen(listener).map_err(|error| wrong(format!("listening: {error}")))?;
            let task = links::listen(Arc::downgrade(&shared), me, listener);
            tasks.push(env.spawn("bft-listen", Box::pin(task)));
        }
        work.notify_one();
        Ok(Self {
            shared,
            _tasks: tasks,
        })
    }

    /// Who it signs as.
    pub fn address(&self) -> Address {
        self.shared.signer.address()
    }

    /// Other committees certify what follows the first block of their time or later, and up to
    /// `known` there are no others. A member waits with what it does not know.
    pub fn announce(
        &self,
        terms: Vec<(Timestamp, Committee)>,
        known: Timestamp,
    ) -> Result<(), ScheduleError> {
        let mut replica = self.shared.replica();
        let Some(replica) = replica.as_mut() else {
            return Ok(());
        };
        let told = replica.announce(terms, known, self.shared.env.now());
        self.shared.settle(replica);
        self.shared.work.notify_one();
        told
    }

    /// Whether a committee was announced, or is the first.
    pub fn knows(&self, committee: &Committee) -> bool {
        let replica = self.shared.replica();
        let known = replica
            .as_ref()
            .map(|one| one.app().schedule().of(committee.epoch) == Some(committee));
        known.unwrap_or_default()
    }

    /// How it is doing; `None` once it is closed.
    pub fn status(&self) -> Option<BftStatus> {
        let replica = self.shared.replica();
        let replica = replica.as_ref()?;
        let app = replica.app();
        Some(BftStatus {
            height: app.head().height,
            round: replica.round().as_u32(),
            peers: self.shared.links.connected(),
            committee: app.committee().clone(),
            misses: app.turns().misses().collect(),
            accused: app.evidence().found().map(|(key, _)| *key).collect(),
            diverged: app.diverged(),
            failure: replica.failure().cloned(),
        })
    }

    /// What was found out about others, for the root.
    pub fn evidence(&self) -> Vec<Evidence> {
        let replica = self.shared.replica();
        let found = replica.as_ref().map(|replica| {
            let found = replica.app().evidence().found();
            found
                .flat_map(|(_, evidence)| evidence.iter().cloned())
                .collect()
        });
        found.unwrap_or_default()
    }

    /// The own signature under a precommit of late.
    pub fn precommit(&self, digest: B256) -> Option<Signature> {
        self.shared.replica().as_ref()?.precommit(digest)
    }

    /// What waits, and what became of the rest.
    pub fn mempool(&self) -> MempoolStatistics {
        let replica = self.shared.replica();
        let statistics = replica.as_ref().map(|one| one.app().pool().statistics());
        statistics.unwrap_or_default()
    }

    /// Tells the base fee of the next block, in wei.
    pub fn set_base_fee(&self, base_fee: u128) {
        if let Some(replica) = self.shared.replica().as_mut() {
            replica.app_mut().pool_mut().set_base_fee(base_fee);
        }
        self.shared.work.notify_one();
    }
}

impl Drop for BftSequencer {
    /// Closes journal and log, so that they can be opened again at once, and ends all streams.
    fn drop(&mut self) {
        *self.shared.replica() = None;
        self.shared.fail(SequencerError::Stopped);
    }
}

#[async_trait]
impl Sequencer for BftSequencer {
    async fn submit(&self, transaction: Bytes) -> Result<Promise, SubmitError> {
        let shared = &self.shared;
        let entered = shared.enter(vec![transaction]).remove(0)?;
        // Outside the lock: signing takes longer than all the rest.
        let chain_id = shared.config.app.genesis.chain_id;
        Ok(entered.promise(&shared.signer, chain_id))
    }

    async fn submit_all(
        &self,
        transactions: Vec<Bytes>,
    ) -> Vec<Result<TransactionHash, SubmitError>> {
        let enter = || self.shared.enter(transactions);
        let answers = driver::blocking(enter).into_iter();
        answers
            .map(|answer| answer.map(|entered| entered.hash))
            .collect()
    }

    fn blocks(&self, from: Height) -> BoxStream<'static, Result<CertifiedBlock, SequencerError>> {
        feed::stream(&self.shared, from)
    }

    fn head(&self) -> BlockHeader {
        self.shared.feed().head.clone()
    }

    fn committee(&self, epoch: Epoch) -> Option<Committee> {
        let replica = self.shared.replica();
        replica.as_ref()?.app().schedule().of(epoch).cloned()
    }

    async fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        self.shared.observe(update)
    }

    fn pending(&self, limit: usize) -> Vec<Bytes> {
        let replica = self.shared.replica();
        let pending = replica.as_ref().map(|one| one.app().pool().pending(limit));
        pending.unwrap_or_default()
    }

    fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        let replica = self.shared.replica();
        let ready = replica.as_ref().map(|one| one.app().ready(bytes, now));
        ready.unwrap_or_default()
    }

    fn pending_by_hash(&self, hash: &TransactionHash) -> Option<Bytes> {
        let replica = self.shared.replica();
        replica.as_ref()?.app().pool().get(hash).cloned()
    }

    fn pending_nonce(&self, account: &Address) -> Option<u64> {
        let replica = self.shared.replica();
        replica.as_ref()?.app().pool().next_nonce(account)
    }

    /// Seats take turns, entry by entry; whose turn is missed is followed by the next. Whoever lately missed its turn
    /// to propose comes last here too.
    fn publishes(&self, entry: u64, waited: Duration) -> bool {
        let replica = self.shared.replica();
        let Some(replica) = replica.as_ref() else {
            return false;
        };
        let (app, me) = (replica.app(), self.address());
        let misses = app.turns().misses().chain(std::iter::repeat(0));
        let seats = app.committee().seats.iter().map(|seat| seat.key);
        let (present, away): (Vec<_>, Vec<_>) =
            seats.zip(misses).partition(|(_, misses)| *misses == 0);
        let late = waited.as_millis() as u64 / PUBLISHING_PATIENCE_MS;
        let turn = |seats: &[(Address, u32)], number: u64| {
            let place = usize::try_from(number % seats.len().max(1) as u64).ok()?;
            seats.get(place).map(|(key, _)| *key)
        };
        let first = if present.is_empty() { &away } else { &present };
        if late < first.len() as u64 {
            return turn(first, entry + late) == Some(me);
        }
        let all: Vec<_> = first.iter().chain(&away).copied().collect();
        turn(&all, entry + late) == Some(me)
    }
}

impl Shared {
    /// Takes transactions; one answer for each in their order.
    fn enter(&self, transactions: Vec<Bytes>) -> Vec<Result<Entered, SubmitError>> {
        let now = self.env.now();
        let answers = match self.replica().as_mut() {
            Some(replica) => {
                let answers = replica.enter(transactions, now);
                self.settle(replica);
                answers
            }
            None => {
                let stopped = SequencerError::Stopped.to_string();
                vec![Err(SubmitError::Unavailable(stopped)); transactions.len()]
            }
        };
        self.work.notify_one();
        answers
    }

    fn replica(&self) -> MutexGuard<'_, Option<Replica>> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No more blocks, and why.
    fn fail(&self, error: SequencerError) {
        self.feed().failure.get_or_insert(error);
        self.changes.send_replace(());
        self.work.notify_one();
    }
}

impl Source for Shared {
    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn first(&self) -> Height {
        self.config.app.genesis.height.next()
    }

    fn read(&self, height: Height) -> Result<Option<CertifiedBlock>, SequencerError> {
        let replica = self.replica();
        let app = replica.as_ref().ok_or(SequencerError::Stopped)?.app();
        let journal = app.journal();
        let held = driver::blocking(|| journal.get(height));
        let held = held.map_err(|error| SequencerError::Journal(error.to_string()))?;
        if held.is_some() {
            return Ok(held);
        }
        let head = app.head().height;
        if height > head {
            return Ok(None);
        }
        let first = journal.first().unwrap_or(head.next());
        if height < first {
            let text = format!(
                "block {height} is not held, the journal begins at {first}; derive it from the root's inbox"
            );
            return Err(SequencerError::Journal(text));
        }
        let resume = journal.next(height).unwrap_or(head.next());
        Err(SequencerError::Overridden(resume))
    }
}
