//! Executing blocks, and saying how final they are.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use plasma_core::{
    B256, Block, BlockContext, Certificate, ChainHead, Execution, FeeQuote, Genesis, Height,
    Outbox, Query, Reply, Severe as _, Severity, Stage, StateRead,
};
use plasma_exec::Store;
use tokio::sync::broadcast;

use super::{ChainError, Ledger, RootInbox, StoredBlock};

/// Events that a slow reader may fall behind before it has to read the ledger instead.
const EVENT_BACKLOG: usize = 1_024;
/// Blocks between two durable points of state and ledger.
const SYNC_BLOCKS: u64 = 256;

/// What a chain is made of.
pub struct ChainConfig {
    /// Its birth.
    pub genesis: Genesis,
    /// What its transactions do.
    pub execution: Arc<dyn Execution>,
    /// Its state.
    pub store: Arc<dyn Store>,
    /// For how many blocks behind the head state can be read and proven. What is not settled is kept anyway.
    pub history: u64,
}

/// The highest block of each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stages {
    /// In a certified, executed block.
    pub sequenced: Height,
    /// On the availability layer, and in the root's inbox.
    pub published: Height,
    /// Behind a claim that stood.
    pub settled: Height,
}

impl Stages {
    /// The stage of the block at `height`.
    pub fn of(&self, height: Height) -> Stage {
        if height <= self.settled {
            Stage::Settled
        } else if height <= self.published {
            Stage::Published
        } else if height <= self.sequenced {
            Stage::Sequenced
        } else {
            Stage::Pending
        }
    }

    /// The highest block of a stage.
    pub fn height(&self, stage: Stage) -> Height {
        match stage {
            Stage::Pending | Stage::Sequenced => self.sequenced,
            Stage::Published => self.published,
            Stage::Settled => self.settled,
        }
    }
}

/// Something happened to the chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChainEvent {
    /// A block was executed.
    Block(Arc<StoredBlock>),
    /// All blocks above this height were undone.
    Reorg(Height),
    /// A stage moved.
    Stages(Stages),
}

/// The chain as this node has executed it. Shared by all who read it; one at a time writes.
pub struct Chain {
    genesis: Genesis,
    genesis_hash: B256,
    execution: Arc<dyn Execution>,
    store: Arc<dyn Store>,
    history: u64,
    ledger: Ledger,
    head: RwLock<Arc<StoredBlock>>,
    stages: RwLock<Stages>,
    events: broadcast::Sender<ChainEvent>,
    writer: Mutex<()>,
    /// Counts what was undone, so that nothing is finished on it that was begun before.
    pub(super) generation: AtomicU64,
}

impl Chain {
    /// Opens the chain in `directory`, or one in memory; begins it when there is nothing yet.
    ///
    /// State and ledger may have stopped at different heights: both go back to the lower, and what is missing is
    /// executed again by whoever feeds the chain.
    pub fn open(config: ChainConfig, directory: Option<&Path>) -> Result<Self, ChainError> {
        let ChainConfig {
            genesis,
            execution,
            store,
            history,
        } = config;
        let ledger = Ledger::open(directory)?;
        let first = genesis.state(&*execution)?;
        // Before anything is touched.
        if let Some(found) = ledger.record::<Genesis>("genesis")?
            && found != genesis
        {
            let found = ledger.block(Height(0))?.map(|block| block.hash);
            return Err(ChainError::OtherChain {
                found: found.unwrap_or_default(),
                expected: first.header(B256::ZERO).hash(),
            });
        }
        if store.height().is_none() && ledger.tip()?.is_some() {
            tracing::warn!("the state is gone; the blocks are executed anew from genesis on");
            store.commit(0, &first.changes)?;
        }
        let common = match (store.height(), ledger.tip()?) {
            (Some(store), Some(ledger)) => Some(ledger.min(Height(store))),
            _ => None,
        };
        let genesis_block = match common {
            Some(height) => {
                if store.height() > Some(height.0) {
                    store.rollback(height.0)?;
                }
                ledger.truncate(height)?;
                ledger.block(Height(0))?
            }
            None => None,
        };
        let genesis_block = match genesis_block {
            Some(block) => block,
            None => {
                let state_root = match store.height() {
                    None => store.commit(0, &first.changes)?,
                    Some(_) => store.rollback(0)?,
                };
                let header = first.header(state_root);
                let fees = fees_of(
                    &*execution,
                    &*store.view(0)?,
                    &BlockContext::of(&header, B256::ZERO),
                );
                let block = Arc::new(StoredBlock {
                    hash: header.hash(),
                    block: Block {
                        header,
                        transactions: Vec::new(),
                    },
                    certificate: None,
                    messages: Vec::new(),
                    receipts: Vec::new(),
                    sent: Vec::new(),
                    segments: Vec::new(),
                    state_root,
                    outbox_root: Outbox::default().root(),
                    base_fee: fees.base_fee,
                    gas_limit: fees.gas_limit.0,
                });
                ledger.append(&block)?;
                ledger.set_record("genesis", &genesis)?;
                block
            }
        };
        let tip = ledger.tip()?.unwrap_or_default();
        let head = ledger.block(tip)?.unwrap_or_else(|| genesis_block.clone());
        let inbox = RootInbox::new(&ledger);
        inbox.trim(tip)?;
        let published = inbox
            .last_entry()?
            .map_or(Height(0), |record| record.head.height)
            .min(tip);
        let settled = inbox
            .settled()?
            .map_or(Height(0), |checkpoint| checkpoint.height)
            .min(published);
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        Ok(Self {
            genesis,
            genesis_hash: genesis_block.hash,
            execution,
            store,
            history,
            ledger,
            head: RwLock::new(head),
            stages: RwLock::new(Stages {
                sequenced: tip,
                published,
                settled,
            }),
            events,
            writer: Mutex::new(()),
            generation: AtomicU64::new(0),
        })
    }

    /// The chain's birth.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The hash of the genesis block.
    pub fn genesis_hash(&self) -> B256 {
        self.genesis_hash
    }

    /// What transactions do here.
    pub fn execution(&self) -> &Arc<dyn Execution> {
        &self.execution
    }

    /// The state.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Blocks, receipts and indexes.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is known of the root's inbox.
    pub fn inbox(&self) -> RootInbox<'_> {
        RootInbox::new(&self.ledger)
    }

    /// The newest executed block.
    pub fn head(&self) -> Arc<StoredBlock> {
        self.head
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The head of the derived chain: what the root alone gives.
    pub fn derived_head(&self) -> Result<ChainHead, ChainError> {
        match self.inbox().last_entry()? {
            Some(record) => Ok(record.head),
            None => {
                let genesis = self.block(Height(0))?;
                Ok(ChainHead::of(&genesis.block.header, 0))
            }
        }
    }

    /// The highest block of each stage.
    pub fn stages(&self) -> Stages {
        *self.stages.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events from now on. A reader that falls behind is told so, and reads the ledger instead.
    pub fn subscribe(&self) -> broadcast::Receiver<ChainEvent> {
        self.events.subscribe()
    }

    /// A block that is here.
    pub fn block(&self, height: Height) -> Result<Arc<StoredBlock>, ChainError> {
        match self.ledger.block(height)? {
            Some(block) => Ok(block),
            None => Err(ChainError::NoBlock {
                height,
                oldest: self.ledger.oldest()?.unwrap_or_default(),
                newest: self.head().height(),
            }),
        }
    }

    /// The state after the block at `height`.
    pub fn state_at(&self, height: Height) -> Result<Arc<dyn StateRead>, ChainError> {
        Ok(self.store.view(height.0)?)
    }

    /// The context of a block that would follow the one at `height`, in which calls and admissions run.
    pub fn next_context(&self, parent: &StoredBlock, now: plasma_core::Timestamp) -> BlockContext {
        let header = &parent.block.header;
        BlockContext {
            chain_id: header.chain_id,
            genesis: self.genesis_hash,
            height: header.height.next(),
            parent: parent.hash,
            timestamp: now.max(header.timestamp + 1),
            proposer: header.proposer,
        }
    }

    /// The context in which the block itself ran.
    pub fn context_of(&self, block: &StoredBlock) -> BlockContext {
        BlockContext::of(&block.block.header, self.genesis_hash)
    }

    /// Executes the block after the head. The same block again is no error, and does nothing.
    pub fn execute(
        &self,
        block: Block,
        certificate: Option<Certificate>,
    ) -> Result<Arc<StoredBlock>, ChainError> {
        let _writer = self.writing();
        let begun = self.begin(block, certificate, None)?;
        self.commit(begun)
    }

    /// Makes a block the head, whose state is committed.
    pub(super) fn take(&self, stored: Arc<StoredBlock>) -> Result<(), ChainError> {
        let height = stored.height();
        // Its state is the newest before its receipts can be found: who sees a receipt must see what it did.
        self.ledger.show(&stored);
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = stored.clone();
        self.ledger.append(&stored)?;
        if height.0.is_multiple_of(SYNC_BLOCKS) {
            // The state first: the ledger must not be ahead of it after a power cut.
            self.store.sync()?;
            self.ledger.sync()?;
            self.prune(height)?;
        }
        self.move_stages(|stages| stages.sequenced = height);
        let _ = self.events.send(ChainEvent::Block(stored));
        Ok(())
    }

    /// Lets go of state that is settled and older than the history kept.
    fn prune(&self, head: Height) -> Result<(), ChainError> {
        let keep_from = self
            .stages()
            .settled
            .0
            .min(head.0.saturating_sub(self.history));
        if self.store.oldest().is_some_and(|oldest| oldest < keep_from) {
            self.store.prune(keep_from)?;
        }
        Ok(())
    }

    /// Undoes all blocks above `height`.
    pub fn rollback(&self, height: Height) -> Result<(), ChainError> {
        let _writer = self.writing();
        if height >= self.head().height() {
            return Ok(());
        }
        // Before and after: what is begun meanwhile sees one of them, and what is undone with it.
        self.generation.fetch_add(1, Ordering::AcqRel);
        let undone = self.undo(height);
        self.generation.fetch_add(1, Ordering::AcqRel);
        undone
    }

    fn undo(&self, height: Height) -> Result<(), ChainError> {
        // The ledger first: it must never be ahead of the state.
        let head = self.block(height)?;
        self.ledger.truncate(height)?;
        self.ledger.sync()?;
        self.store.rollback(height.0)?;
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head;
        self.move_stages(|stages| {
            stages.sequenced = height;
            stages.published = stages.published.min(height);
        });
        let _ = self.events.send(ChainEvent::Reorg(height));
        Ok(())
    }

    /// Takes the stages of publication and settlement from what is known of the root.
    pub fn refresh_stages(&self) -> Result<Stages, ChainError> {
        let published = self.derived_head()?.height;
        let settled = self
            .inbox()
            .settled()?
            .map_or(Height(0), |checkpoint| checkpoint.height);
        Ok(self.move_stages(|stages| {
            stages.published = published.min(stages.sequenced);
            stages.settled = settled.min(stages.published);
        }))
    }

    /// On a chain that no root settles, what is sequenced is final.
    pub fn settle_by_itself(&self) {
        self.move_stages(|stages| {
            stages.published = stages.sequenced;
            stages.settled = stages.sequenced;
        });
    }

    fn move_stages(&self, change: impl FnOnce(&mut Stages)) -> Stages {
        let mut stages = self.stages.write().unwrap_or_else(PoisonError::into_inner);
        let before = *stages;
        change(&mut stages);
        if *stages != before {
            let _ = self.events.send(ChainEvent::Stages(*stages));
        }
        *stages
    }

    pub(super) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all that was executed durable.
    pub fn sync(&self) -> Result<(), ChainError> {
        let _writer = self.writing();
        self.store.sync()?;
        self.ledger.sync()
    }
}

/// Whether an error of the chain is worth another try.
pub(crate) fn is_transient(error: &ChainError) -> bool {
    error.severity() == Severity::Transient
}

pub(super) fn fees_of(
    execution: &dyn Execution,
    state: &dyn StateRead,
    context: &BlockContext,
) -> FeeQuote {
    match execution.query(state, context, &Query::Fees) {
        Ok(Reply::Fees(fees)) => fees,
        // An execution without fees charges none.
        _ => FeeQuote::default(),
    }
}
