//! No sequencer: the root orders.
//!
//! ```text
//!    submit ─► Gate ─► Mempool ──ready──► the node, which appends a block of it to the root's inbox
//!                         ▲
//!                   revalidation ◄── Override: what the root's order came to
//! ```
//! Invariants:
//! - Nothing is signed but promises that promise nothing, and nothing is kept on disk: what is in order is on the
//!   root.
//! - A transaction waits until a derived block used its nonce, or nobody can pay for it any more. Until that is
//!   looked up after each change of the derived chain, nothing is ready: so no block says again what is derived.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use plasma_core::{
    Address, BlockHeader, BoxStream, Bytes, CertifiedBlock, ChainId, ChainUpdate, Committee, Env,
    Epoch, Gas, Gate, Height, MAX_OPEN_BATCH_BYTES, MAX_TRANSACTION_BYTES, Promise, Rejection,
    Sequencer, SequencerError, Signer, SubmitError, Task, Timestamp, TransactionHash,
    transaction_hash,
};
use tokio::sync::{Notify, watch};

use crate::{Mempool, MempoolLimits, MempoolStatistics, feed::give_way, mempool::look_up};

/// How many senders are looked up after a block although they had nothing in it: money also comes and goes without
/// its owner's doing.
const STALE_LOOKUPS: usize = 32;
/// How many are looked up before other tasks get their turn.
const LOOKUPS_AT_ONCE: usize = 16;
/// What a batch takes at most beside the one transaction in it.
const FRAMING_BYTES: usize = 4 * 1024;

/// How a [`BasedSequencer`] works.
#[derive(Clone, Debug)]
pub struct BasedConfig {
    /// The chain.
    pub chain_id: ChainId,
    /// Where the chain begins.
    pub genesis: BlockHeader,
    /// The gas of one block: the sum of its transactions' limits.
    pub gas_limit: Gas,
    /// The bytes of one transaction. It must fit a call of the root with the batch around it.
    pub byte_limit: usize,
    /// How much may wait.
    pub limits: MempoolLimits,
}

impl BasedConfig {
    /// The defaults for a chain.
    pub fn new(chain_id: ChainId, genesis: BlockHeader) -> Self {
        Self {
            chain_id,
            genesis,
            gas_limit: Gas(1_000_000_000),
            byte_limit: MAX_TRANSACTION_BYTES.min(MAX_OPEN_BATCH_BYTES - FRAMING_BYTES),
            limits: MempoolLimits::default(),
        }
    }
}

/// Holds what waits for the root's order, and certifies nothing.
///
/// For a chain without a committee; and for a node without a seat in one, which then appends what waits here when the
/// committee is silent. The [`Gate`] must already answer with the derived chain's state when an override is reported.
pub struct BasedSequencer {
    shared: Arc<Shared>,
    _task: Task,
}

struct Shared {
    config: BasedConfig,
    signer: Signer,
    env: Arc<dyn Env>,
    gate: Arc<dyn Gate>,
    pool: Mutex<Mempool>,
    head: Mutex<BlockHeader>,
    due: Mutex<Due>,
    upkeep: Arc<Notify>,
    closed: watch::Sender<bool>,
}

/// Senders to look up.
#[derive(Default)]
struct Due {
    senders: BTreeSet<Address>,
    /// The chain has changed since they were last all looked up.
    stale: bool,
}

impl BasedSequencer {
    /// Begins with nothing. `signer` is whom promises name; `env` must be able to spawn.
    pub fn start(
        config: BasedConfig,
        signer: Signer,
        env: Arc<dyn Env>,
        gate: Arc<dyn Gate>,
    ) -> Result<Self, SequencerError> {
        if config.genesis.chain_id != config.chain_id {
            let (expected, got) = (config.chain_id, config.genesis.chain_id);
            let text = format!("chain {expected}, and a genesis of {got}");
            return Err(SequencerError::Inconsistent(text));
        }
        let upkeep = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            pool: Mutex::new(Mempool::new(config.limits, config.gas_limit)),
            head: Mutex::new(config.genesis.clone()),
            due: Mutex::default(),
            upkeep: Arc::clone(&upkeep),
            closed: watch::Sender::new(false),
            signer,
            env: Arc::clone(&env),
            gate,
            config,
        });
        let task = env.spawn(
            "mempool-upkeep",
            Box::pin(keep_up(Arc::downgrade(&shared), upkeep)),
        );
        Ok(Self {
            shared,
            _task: task,
        })
    }

    /// Whom its promises name.
    pub fn address(&self) -> Address {
        self.shared.signer.address()
    }

    /// What waits, and what became of the rest.
    pub fn mempool(&self) -> MempoolStatistics {
        self.shared.pool().statistics()
    }
}

impl Drop for BasedSequencer {
    /// Ends all streams.
    fn drop(&mut self) {
        self.shared.closed.send_replace(true);
        self.shared.upkeep.notify_one();
    }
}

#[async_trait]
impl Sequencer for BasedSequencer {
    async fn submit(&self, transaction: Bytes) -> Result<Promise, SubmitError> {
        self.shared.submit(transaction)
    }

    async fn submit_all(
        &self,
        transactions: Vec<Bytes>,
    ) -> Vec<Result<TransactionHash, SubmitError>> {
        let enter = |transaction| self.shared.enter(transaction);
        transactions.into_iter().map(enter).collect()
    }

    fn certifies(&self) -> bool {
        false
    }

    fn blocks(&self, _from: Height) -> BoxStream<'static, Result<CertifiedBlock, SequencerError>> {
        let mut closed = self.shared.closed.subscribe();
        stream::once(async move {
            // An error says the same: it is gone.
            let _ = closed.wait_for(|closed| *closed).await;
            Err(SequencerError::Stopped)
        })
        .boxed()
    }

    fn head(&self) -> BlockHeader {
        lock(&self.shared.head).clone()
    }

    fn committee(&self, _epoch: Epoch) -> Option<Committee> {
        None
    }

    async fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        self.shared.observe(update)
    }

    fn pending(&self, limit: usize) -> Vec<Bytes> {
        self.shared.pool().pending(limit)
    }

    fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        if lock(&self.shared.due).stale {
            return Vec::new();
        }
        self.shared
            .pool()
            .ready(self.shared.config.gas_limit, bytes, now)
    }

    fn pending_by_hash(&self, hash: &TransactionHash) -> Option<Bytes> {
        self.shared.pool().get(hash).cloned()
    }

    fn pending_nonce(&self, account: &Address) -> Option<u64> {
        self.shared.pool().next_nonce(account)
    }
}

impl Shared {
    fn pool(&self) -> MutexGuard<'_, Mempool> {
        lock(&self.pool)
    }

    fn submit(&self, transaction: Bytes) -> Result<Promise, SubmitError> {
        let hash = self.enter(transaction)?;
        // Whether and when the root has it is nobody's to promise: a deadline of the largest height is none.
        Ok(Promise::sign(
            &self.signer,
            self.config.chain_id,
            hash,
            Height(u64::MAX),
        ))
    }

    fn enter(&self, transaction: Bytes) -> Result<TransactionHash, SubmitError> {
        let limit = MAX_TRANSACTION_BYTES.min(self.config.byte_limit);
        // What no chain takes is refused with the limit of all chains.
        for limit in [MAX_TRANSACTION_BYTES, limit] {
            if transaction.len() > limit {
                let length = transaction.len();
                return Err(Rejection::TooLarge { length, limit }.into());
            }
        }
        if *self.closed.borrow() {
            return Err(SubmitError::Unavailable(
                SequencerError::Stopped.to_string(),
            ));
        }
        let hash = transaction_hash(&transaction);
        if self.pool().contains(&hash) {
            return Err(SubmitError::AlreadyKnown(hash));
        }
        let admission = self.gate.admit(&transaction)?;
        let now = self.env.now();
        self.pool().insert(hash, transaction, &admission, now)?;
        Ok(hash)
    }

    fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        match update {
            ChainUpdate::Executed { .. } => {
                let stalest = self.pool().stalest(STALE_LOOKUPS);
                lock(&self.due).senders.extend(stalest);
                self.upkeep.notify_one();
            }
            // Whoever makes a block asks the root for messages; and there is no block to seal anything.
            ChainUpdate::Messages { .. } | ChainUpdate::Seal(_) => {}
            ChainUpdate::Derived(header) | ChainUpdate::Override(header) => self.follow(header)?,
            other => {
                let text = format!("a kind of news that this sequencer does not know: {other:?}");
                return Err(SequencerError::Inconsistent(text));
            }
        }
        Ok(())
    }

    /// The derived chain goes on after `header`.
    fn follow(&self, header: BlockHeader) -> Result<(), SequencerError> {
        if header.chain_id != self.config.chain_id {
            let (got, expected) = (header.chain_id, self.config.chain_id);
            let text = format!("a derived block of chain {got}; this is chain {expected}");
            return Err(SequencerError::Inconsistent(text));
        }
        let mut head = lock(&self.head);
        if *head == header {
            return Ok(());
        }
        let mut due = lock(&self.due);
        due.stale = true;
        let mut pool = self.pool();
        if header.height <= head.height {
            // Nonces that were used may be free again.
            due.senders.extend(pool.rewind());
        }
        due.senders.extend(pool.stalest(usize::MAX));
        *head = header;
        self.upkeep.notify_one();
        Ok(())
    }
}

/// Looks senders up whose nonce or balance may have moved, until the sequencer is gone.
async fn keep_up(shared: Weak<Shared>, upkeep: Arc<Notify>) {
    loop {
        upkeep.notified().await;
        loop {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let mut senders = Vec::new();
            {
                let mut due = lock(&shared.due);
                while senders.len() < LOOKUPS_AT_ONCE {
                    let Some(sender) = due.senders.pop_first() else {
                        break;
                    };
                    senders.push(sender);
                }
                if senders.is_empty() {
                    due.stale = false;
                    break;
                }
            }
            for sender in senders {
                look_up(&shared.pool, &*shared.gate, sender);
            }
            drop(shared);
            give_way().await;
        }
    }
}

/// A panic elsewhere is reported where it happened; what is guarded here stays whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
