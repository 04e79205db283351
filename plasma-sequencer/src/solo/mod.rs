//! One sequencer, one key: a committee of one.
//!
//! ```text
//!    submit ─► Gate ─► Mempool ──take──► BlockBuilder ─► Certificate::solo ─► Journal ─► readers
//!                         ▲                  ▲                                  (fsync)
//!                     revalidation        Executed, Messages, Seal, Override  ◄── the node
//! ```
//! Invariants:
//! - A block is given to a reader only after the journal has it, and nothing is signed at a height
//!   that the journal has, unless an override took it back first.
//! - One task makes blocks, one at a time. Whoever submits never waits for a block, a disk or that
//!   task.
//! - Time, tasks and randomness come from [`Env`].

mod config;
mod entrance;
mod meters;
mod produce;
mod upkeep;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use plasma_core::{
    Address, Admission, BlockHeader, BoxStream, Bytes, CertifiedBlock, ChainUpdate, Committee, Env,
    Epoch, Gate, Height, MAX_TRANSACTION_BYTES, Promise, Rejection, Sequencer, SequencerError,
    Signer, SubmitError, Task, Timestamp, TransactionHash, transaction_hash,
};
use tokio::sync::{Notify, watch};

use crate::{
    BlockBuilder, Journal, JournalError, Mempool, MempoolStatistics,
    feed::{self, Feed, Source},
};

pub use config::SoloConfig;
use entrance::{Answer, Entrance};
use meters::Meters;

/// How many enter the pool before others get their turn at it.
const ENTERED_AT_ONCE: usize = 128;

/// One sequencer, one key: a committee of one, with certificates like everyone else's.
///
/// The node tells it through [`Sequencer::observe`] what it executed. The [`Gate`] must already
/// answer with the state after a block when that block is reported as executed, and with the
/// derived chain's state when an override is reported.
///
/// A promise binds as long as the transaction stays payable, its sender does not replace it, and
/// the pool is not so full that better-paying ones push it out. One that waits for an earlier
/// nonce, or for a lower base fee, gets the deadline [`Height`]`(u64::MAX)`: none.
pub struct SoloSequencer {
    shared: Arc<Shared>,
    _tasks: [Task; 2],
}

struct Shared {
    config: SoloConfig,
    signer: Signer,
    env: Arc<dyn Env>,
    gate: Arc<dyn Gate>,
    // Taken in this order, where several are: order, touched, pool, feed.
    order: Mutex<Order>,
    pool: Mutex<Mempool>,
    feed: Mutex<Feed>,
    /// Who submits one transaction by itself; no other lock is taken while this one is held.
    entrance: Entrance,
    /// Batches that are being admitted.
    admitting: AtomicUsize,
    /// Senders to look up again.
    touched: Mutex<BTreeSet<Address>>,
    /// Whether some of them are still to be looked up since the chain was overridden.
    stale: AtomicBool,
    /// Counts what was reported as executed, before it is taken in.
    executions: AtomicU64,
    changes: watch::Sender<()>,
    work: Arc<Notify>,
    upkeep: Arc<Notify>,
    meters: Meters,
}

/// What makes blocks.
struct Order {
    builder: BlockBuilder,
    /// Gone once the sequencer is closed.
    journal: Option<Box<dyn Journal>>,
    /// Blocks whose execution was not reported yet.
    unexecuted: VecDeque<(Height, Vec<TransactionHash>)>,
    /// Since when it waits for execution to catch up.
    stalled: Option<Timestamp>,
    /// Since when the next block waits for execution to come closer.
    lingering: Option<Timestamp>,
    /// Since when it waits for what is being admitted.
    gathering: Option<Timestamp>,
}

impl SoloSequencer {
    /// Continues where the journal ends, and begins to make blocks at once. `env` must be able to
    /// spawn.
    pub fn start(
        config: SoloConfig,
        signer: Signer,
        env: Arc<dyn Env>,
        gate: Arc<dyn Gate>,
        journal: Box<dyn Journal>,
    ) -> Result<Self, SequencerError> {
        let genesis = config.genesis.clone();
        let head = journal.head().unwrap_or(&genesis).clone();
        if genesis.chain_id != config.chain_id || head.chain_id != config.chain_id {
            let (expected, genesis, found) = (config.chain_id, genesis.chain_id, head.chain_id);
            let text =
                format!("chain {expected}, a genesis of {genesis}, and a journal of {found}");
            return Err(SequencerError::Inconsistent(text));
        }
        let builder = BlockBuilder::new(genesis, head.clone(), config.epoch, signer.address());
        let order = Order {
            builder,
            journal: Some(journal),
            unexecuted: VecDeque::new(),
            stalled: None,
            lingering: None,
            gathering: None,
        };
        let (work, upkeep) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = Arc::new(Shared {
            order: Mutex::new(order),
            pool: Mutex::new(Mempool::new(config.limits, config.gas_limit)),
            feed: Mutex::new(Feed::new(head)),
            entrance: Entrance::new(),
            admitting: AtomicUsize::new(0),
            touched: Mutex::new(BTreeSet::new()),
            stale: AtomicBool::new(false),
            executions: AtomicU64::new(0),
            changes: watch::Sender::new(()),
            work: Arc::clone(&work),
            upkeep: Arc::clone(&upkeep),
            meters: Meters::new(),
            config,
            signer,
            env: Arc::clone(&env),
            gate,
        });
        shared.recall()?;
        let tasks = [
            env.spawn(
                "sequencer",
                Box::pin(produce::run(Arc::downgrade(&shared), work)),
            ),
            env.spawn(
                "mempool-upkeep",
                Box::pin(upkeep::run(Arc::downgrade(&shared), upkeep)),
            ),
        ];
        Ok(Self {
            shared,
            _tasks: tasks,
        })
    }

    /// Who it signs as.
    pub fn address(&self) -> Address {
        self.shared.signer.address()
    }

    /// What waits, and what became of the rest.
    pub fn mempool(&self) -> MempoolStatistics {
        self.shared.pool().statistics()
    }

    /// Tells the base fee of the next block, in wei. What offers less waits until it falls, and
    /// tips are counted above it. Without that, it is learnt only from what the [`Gate`] refuses.
    pub fn set_base_fee(&self, base_fee: u128) {
        self.shared.pool().set_base_fee(base_fee);
        self.shared.work.notify_one();
    }

    /// Forgets blocks below `below`, which readers will no more ask for: those that are settled,
    /// say. They remain derivable from the root and its availability layer.
    pub fn prune(&self, below: Height) -> Result<(), SequencerError> {
        let mut order = self.shared.order();
        let journal = order.journal.as_mut().ok_or(SequencerError::Stopped)?;
        blocking(|| journal.prune(below)).map_err(journal_failed)
    }
}

impl Drop for SoloSequencer {
    /// Closes the journal, so that it can be opened again at once, and ends all streams.
    fn drop(&mut self) {
        self.shared.order().journal = None;
        self.shared.fail(SequencerError::Stopped);
    }
}

#[async_trait]
impl Sequencer for SoloSequencer {
    async fn submit(&self, transaction: Bytes) -> Result<Promise, SubmitError> {
        let (hash, ready) = self.shared.enter_one(transaction).await?;
        // Outside all locks: signing takes longer than all the rest.
        Ok(self.shared.promise(hash, ready))
    }

    async fn submit_all(
        &self,
        transactions: Vec<Bytes>,
    ) -> Vec<Result<TransactionHash, SubmitError>> {
        if let [one] = &transactions[..] {
            let answer = self.shared.enter_one(one.clone()).await;
            return vec![answer.map(|(hash, _)| hash)];
        }
        let enter = || self.shared.enter(transactions);
        let answers = blocking(enter).into_iter();
        answers.map(|answer| answer.map(|(hash, _)| hash)).collect()
    }

    fn blocks(&self, from: Height) -> BoxStream<'static, Result<CertifiedBlock, SequencerError>> {
        feed::stream(&self.shared, from)
    }

    fn head(&self) -> BlockHeader {
        self.shared.feed().head.clone()
    }

    fn committee(&self, epoch: Epoch) -> Option<Committee> {
        let seats = Committee::solo(self.shared.signer.address()).seats;
        (epoch == self.shared.config.epoch).then_some(Committee { epoch, seats })
    }

    async fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        self.shared.observe(update)
    }

    fn pending(&self, limit: usize) -> Vec<Bytes> {
        self.shared.pool().pending(limit)
    }

    fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        self.shared.ready(bytes, now)
    }

    fn pending_by_hash(&self, hash: &TransactionHash) -> Option<Bytes> {
        self.shared.pool().get(hash).cloned()
    }

    fn pending_nonce(&self, account: &Address) -> Option<u64> {
        self.shared.pool().next_nonce(account)
    }
}

impl Shared {
    /// Takes transactions; says of each what it is called and whether a block could take it now.
    ///
    /// What they have in common is done once: one look at the state, one check of all signatures, one wake-up.
    fn enter(&self, transactions: Vec<Bytes>) -> Vec<Answer> {
        let failure = self.feed().failure.as_ref().map(ToString::to_string);
        let refused: Vec<Option<SubmitError>> = transactions
            .iter()
            .map(|transaction| self.refuses(transaction.len(), failure.as_deref()))
            .collect();
        let fresh: Vec<Bytes> = transactions
            .into_iter()
            .zip(&refused)
            .filter(|(_, refused)| refused.is_none())
            .map(|(transaction, _)| transaction)
            .collect();
        let executions = self.executions.load(Ordering::Acquire);
        let entered = match &fresh[..] {
            [] => Entered::default(),
            [one] => {
                let admissions = vec![self.gate.admit(one)];
                self.enter_pool(fresh, admissions)
            }
            many => {
                let _admitting = Admitting::begin(&self.admitting);
                let admissions = self.gate.admit_all(many);
                self.enter_pool(fresh, admissions)
            }
        };
        // What seems to wait for a nonce may only have been admitted before that was used.
        if !entered.gapped.is_empty() && self.executions.load(Ordering::Acquire) != executions {
            self.touch(entered.gapped);
        }
        if entered.answers.iter().any(Result::is_ok) {
            self.meters.pool(&entered.statistics);
            self.work.notify_one();
        }
        let mut answers = entered.answers.into_iter();
        let silent = || SubmitError::Unavailable("the gate did not answer for it".to_owned());
        let answer = |refused| match refused {
            Some(refused) => Err(refused),
            None => answers.next().unwrap_or_else(|| Err(silent())),
        };
        let answers: Vec<Answer> = refused.into_iter().map(answer).collect();
        Meters::submitted(&answers);
        answers
    }

    /// What is refused whatever it says.
    fn refuses(&self, length: usize, failure: Option<&str>) -> Option<SubmitError> {
        let limit = MAX_TRANSACTION_BYTES.min(self.config.byte_limit);
        if length > limit {
            return Some(Rejection::TooLarge { length, limit }.into());
        }
        failure.map(|failure| SubmitError::Unavailable(failure.to_owned()))
    }

    /// Puts into the pool what the gate admitted. Its names are the gate's: nobody computes them twice.
    fn enter_pool(
        &self,
        transactions: Vec<Bytes>,
        admissions: Vec<Result<Admission, Rejection>>,
    ) -> Entered {
        let now = self.env.now();
        let mut entered = Entered::default();
        let mut rest = transactions.into_iter().zip(admissions);
        loop {
            // What is known is told to be known, even if it would be refused by now. Named before others wait for the pool.
            let some: Vec<_> = rest
                .by_ref()
                .take(ENTERED_AT_ONCE)
                .map(|(bytes, admission)| {
                    let named = admission.as_ref().map(|it| it.hash);
                    let hash = named.unwrap_or_else(|_| transaction_hash(&bytes));
                    (hash, bytes, admission)
                })
                .collect();
            if some.is_empty() {
                return entered;
            }
            let mut pool = self.pool();
            for (hash, bytes, admission) in some {
                let answer = match admission {
                    Ok(it) => {
                        debug_assert_eq!(hash, transaction_hash(&bytes), "its name");
                        let ready = pool.insert(hash, bytes, &it, now);
                        if ready == Ok(false) {
                            entered.gapped.push(it.sender);
                        }
                        ready.map(|ready| (hash, ready))
                    }
                    Err(_) if pool.contains(&hash) => Err(SubmitError::AlreadyKnown(hash)),
                    Err(rejection) => Err(rejection.into()),
                };
                entered.answers.push(answer);
            }
            entered.statistics = pool.statistics();
        }
    }

    fn promise(&self, hash: TransactionHash, ready: bool) -> Promise {
        let deadline = if ready {
            self.feed().head.height + self.config.promise_blocks
        } else {
            Height(u64::MAX)
        };
        Promise::sign(&self.signer, self.config.chain_id, hash, deadline)
    }

    fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        if self.stale.load(Ordering::Acquire) {
            return Vec::new();
        }
        let bytes = bytes.min(self.config.byte_limit);
        self.pool().ready(self.config.gas_limit, bytes, now)
    }

    /// No more blocks, and why.
    fn fail(&self, error: SequencerError) {
        self.feed().failure.get_or_insert(error);
        self.changes.send_replace(());
        self.work.notify_one();
        self.upkeep.notify_one();
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        lock(&self.order)
    }

    fn pool(&self) -> MutexGuard<'_, Mempool> {
        lock(&self.pool)
    }
}

/// A batch that is being admitted, until this is dropped.
struct Admitting<'a>(&'a AtomicUsize);

impl<'a> Admitting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Admitting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What came of a try to enter the pool.
#[derive(Default)]
struct Entered {
    answers: Vec<Answer>,
    /// Senders of what seems to wait for an earlier nonce.
    gapped: Vec<Address>,
    /// Of the pool after that.
    statistics: MempoolStatistics,
}

impl Source for Shared {
    fn feed(&self) -> MutexGuard<'_, Feed> {
        lock(&self.feed)
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn first(&self) -> Height {
        self.config.genesis.height.next()
    }

    fn read(&self, height: Height) -> Result<Option<CertifiedBlock>, SequencerError> {
        let order = self.order();
        let journal = order.journal.as_ref().ok_or(SequencerError::Stopped)?;
        if let Some(block) = blocking(|| journal.get(height)).map_err(journal_failed)? {
            return Ok(Some(block));
        }
        let head = order.builder.head().height;
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
        Err(SequencerError::Overridden(
            journal.next(height).unwrap_or(head.next()),
        ))
    }
}

/// A panic elsewhere is reported where it happened; what is guarded here stays whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn journal_failed(error: JournalError) -> SequencerError {
    SequencerError::Journal(error.to_string())
}

/// Runs what waits for a disk; where the runtime has other threads, they take over what else is to
/// be done.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}
