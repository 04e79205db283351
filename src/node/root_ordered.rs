//! Appending where the root orders: to a chain without a committee, and in the place of one that is silent.
//!
//! ```text
//!   what waits here ──ready──► block on top of all that is known ──► batch, with its bytes ──append──► root's inbox
//!         ▲                                                                                                │
//!         └──────────── what is not in it waits on ◄──────────── follow_root derives, whoever was first ◄──┘
//! ```
//! Nothing is remembered between two turns but since when something waits. A block exists once the root has it: whoever
//! comes second builds anew on what was derived, and no transaction is taken out of the pool before. Blocks that the
//! committee certified and nobody published yet go first, as they are.
//!
//! A committee is left alone as long as it certifies: a node acts only on what has waited for the whole bound without a
//! certified block. Then it complains, by a message to the inbox, which a committee that is there answers; and
//! appends when the root says that nobody did ([`RootOrdering`]).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use plasma_core::{
    Address, BatchHeader, Block, BlockHeader, Bytes, ChainHead, DaCommitment, Epoch, Height,
    MAX_ENTRY_MESSAGES, MAX_MESSAGE_DATA_BYTES, MAX_OPEN_BATCH_BYTES, MessageKind, RootOrdering,
    Sequencer, Settlement, Severe as _, Severity, Timestamp, batch_weight, encode_batch,
};
use plasma_sequencer::BlockBuilder;

use super::{RETRY, Shared};
use crate::chain::{Chain, ChainError, StoredBlock};

const TASK: &str = "root-ordered";
/// For how long something may wait at a member of a committee before the root is asked whether it orders: so long
/// has one that is back, from one batch of anyone's to the next, to certify a block.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long a committee that is back may fail to land a batch before it says so by itself.
const RESUME_AFTER: Duration = Duration::from_secs(5);
/// What a batch takes at most beside the transactions of a short block.
const FRAMING_BYTES: usize = 4 * 1024;
/// No transaction of any execution: it has no effect on the chain, and has to be answered all the same. Sent where
/// nothing that waits fits a message.
const COMPLAINT: &[u8] = &[0];

/// How a node appends where the root orders.
#[derive(Clone, Copy, Debug)]
pub struct RootOrderedConfig {
    /// Whom its blocks name as their maker, who gets the tips on the chain.
    pub proposer: Address,
    /// How often to look.
    pub poll: Duration,
}

impl Default for RootOrderedConfig {
    fn default() -> Self {
        Self {
            proposer: Address::ZERO,
            poll: Duration::from_millis(250),
        }
    }
}

pub(super) async fn run(
    shared: Shared,
    sequencer: Arc<dyn Sequencer>,
    settlement: Arc<dyn Settlement>,
    config: RootOrderedConfig,
) {
    let mut orderer = Orderer {
        shared,
        sequencer,
        settlement,
        config,
        certified: None,
        derived: 0,
        waits_since: None,
        asked: Timestamp(0),
    };
    loop {
        match orderer.turn().await {
            Ok(()) => {
                orderer.shared.health.well(TASK);
                orderer.shared.env.sleep(config.poll).await;
            }
            Err(Halt::Retry) => orderer.shared.env.sleep(RETRY).await,
            Err(Halt::Stop) => return,
        }
    }
}

enum Halt {
    Retry,
    Stop,
}

struct Orderer {
    shared: Shared,
    sequencer: Arc<dyn Sequencer>,
    settlement: Arc<dyn Settlement>,
    config: RootOrderedConfig,
    certified: Option<Certified>,
    /// Entries that were derived.
    derived: u64,
    /// Since when something waits, and nothing was certified or derived.
    waits_since: Option<Timestamp>,
    /// When the root was last asked.
    asked: Timestamp,
}

/// The newest block that was seen certified.
struct Certified {
    block: Arc<StoredBlock>,
    /// When the first one came after a silence.
    began: Timestamp,
    at: Timestamp,
}

/// What there is to append.
struct Draft {
    blocks: Vec<Block>,
    bytes: Bytes,
}

impl Orderer {
    fn met(&self, error: &(impl plasma_core::Severe + ?Sized)) -> Halt {
        if self.shared.health.met(TASK, error) {
            Halt::Stop
        } else {
            Halt::Retry
        }
    }

    async fn turn(&mut self) -> Result<(), Halt> {
        let now = self.shared.env.now();
        self.note_certified(now);
        self.note_derived().map_err(|error| self.met(&error))?;
        if !self.waits(now).map_err(|error| self.met(&error))? {
            self.waits_since = None;
            return Ok(());
        }
        let waits = since(*self.waits_since.get_or_insert(now), now);
        if self.sequencer.certifies() && waits < PATIENCE && !self.is_overtaken(now) {
            return Ok(());
        }
        self.asked = now;
        let asked = self.settlement.ordering().await;
        let Some(ordering) = asked.map_err(|error| self.met(&error))? else {
            return Ok(());
        };
        let silence = Duration::from_secs(ordering.silence);
        // A root that makes no blocks while it is idle stands still in time.
        let clock = ordering.at.timestamp.max(now.seconds());
        let alive = self
            .certified
            .as_ref()
            .filter(|last| since(last.at, now) < silence);
        if !ordering.is_open(clock) {
            if ordering.opens_after.is_none() && waits >= silence {
                self.complain(now).await?;
            }
            return Ok(());
        }
        match alive {
            None => self.append(&ordering, now).await,
            // The batcher's next batch will do; unless somebody lands one before each.
            Some(last) if since(last.began, now) < RESUME_AFTER => Ok(()),
            Some(last) => self.resume(&ordering, &last.block).await,
        }
    }

    /// Takes note of what the committee does.
    fn note_certified(&mut self, now: Timestamp) {
        let head = self.shared.chain.head();
        if head.certificate.is_none() {
            return;
        }
        let last = self.certified.take();
        if last
            .as_ref()
            .is_some_and(|last| last.block.hash == head.hash)
        {
            self.certified = last;
            return;
        }
        let began = last
            .filter(|last| since(last.at, now) < RESUME_AFTER)
            .map_or(now, |last| last.began);
        self.certified = Some(Certified {
            block: head,
            began,
            at: now,
        });
        self.waits_since = None;
    }

    /// Whether the committee has certified for a while, and still something waits: now and then that is asked about,
    /// for somebody may land a batch before each of its own.
    fn is_overtaken(&self, now: Timestamp) -> bool {
        let certifies = |last: &Certified| since(last.began, now) >= RESUME_AFTER;
        self.certified.as_ref().is_some_and(certifies) && since(self.asked, now) >= RESUME_AFTER
    }

    /// A committee that has just been overridden has time to continue after it, before the next one.
    fn note_derived(&mut self) -> Result<(), ChainError> {
        let entries = self.shared.chain.inbox().entry_count()?;
        if self.sequencer.certifies() && entries != self.derived {
            self.waits_since = None;
        }
        self.derived = entries;
        Ok(())
    }

    /// Whether something here is not in the derived chain and should be.
    fn waits(&self, now: Timestamp) -> Result<bool, ChainError> {
        let chain = &self.shared.chain;
        let head = chain.head();
        if chain.inbox().message_count()? > head.block.header.messages
            || !self.sequencer.ready(MAX_OPEN_BATCH_BYTES, now).is_empty()
        {
            return Ok(true);
        }
        Ok(!says_nothing(chain, &chain.derived_head()?)?)
    }

    /// Sends a message to the inbox, so that the committee's silence is counted.
    async fn complain(&mut self, now: Timestamp) -> Result<(), Halt> {
        tracing::warn!(
            "nothing was certified for the chain's bound; asking for an answer by the root"
        );
        metrics::counter!("plasma_root_ordered_complaints_total").increment(1);
        self.waits_since = Some(now);
        // What waits longest by rank goes itself: then the answer is that it is in the chain.
        let ready = self.sequencer.ready(MAX_OPEN_BATCH_BYTES, now);
        let first = ready
            .into_iter()
            .next()
            .filter(|bytes| bytes.len() <= MAX_MESSAGE_DATA_BYTES);
        let message = first.unwrap_or(Bytes::from_static(COMPLAINT));
        match self.settlement.send_transaction(&message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.met(&error)),
        }
    }

    /// Says that the committee is back, by its newest block, if that is an answer.
    async fn resume(&self, ordering: &RootOrdering, block: &StoredBlock) -> Result<(), Halt> {
        let header = &block.block.header;
        let (Some(certificate), Some(committee)) =
            (&block.certificate, self.sequencer.committee(header.epoch))
        else {
            return Ok(());
        };
        if ordering.based || header.messages <= ordering.awaited {
            return Ok(());
        }
        let resumed = self.settlement.resume(header, &committee, certificate);
        match resumed.await {
            Ok(_) => {
                tracing::info!(height = header.height.0, "the committee is back");
                Ok(())
            }
            Err(error) if error.severity() == Severity::Reset => Ok(()),
            Err(error) => Err(self.met(&error)),
        }
    }

    async fn append(&self, ordering: &RootOrdering, now: Timestamp) -> Result<(), Halt> {
        let entry = self.shared.chain.inbox().entry_count();
        let entry = entry.map_err(|error| self.met(&error))?;
        let drafted = self.draft(ordering.epoch, now);
        let Some(Draft { blocks, bytes }) = drafted.map_err(|error| self.met(&error))? else {
            return Ok(());
        };
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(());
        };
        let batch = BatchHeader {
            chain_id: last.header.chain_id,
            entry,
            first_height: first.header.height,
            last_height: last.header.height,
            last_hash: last.header.hash(),
            messages: last.header.messages,
            commitment: DaCommitment::chunk_tree(&bytes),
        };
        match self
            .settlement
            .append_open(&batch, &last.header, &bytes)
            .await
        {
            Ok(receipt) => {
                tracing::info!(
                    entry,
                    blocks = %format_args!("{}..={}", batch.first_height, batch.last_height),
                    bytes = bytes.len(),
                    gas = receipt.gas_used,
                    "appended in the root's order"
                );
                metrics::counter!("plasma_root_ordered_batches_total").increment(1);
                metrics::counter!("plasma_root_ordered_bytes_total").increment(bytes.len() as u64);
                metrics::counter!("plasma_batch_root_gas_total").increment(receipt.gas_used);
            }
            // Somebody was quicker, or the committee is back: what the root says next decides.
            Err(error) if error.severity() == Severity::Reset => tracing::debug!("{error}"),
            Err(error) => return Err(self.met(&error)),
        }
        self.until_derived(entry).await;
        Ok(())
    }

    /// Waits until this node has taken in what stands at an entry, or gives up for now.
    async fn until_derived(&self, entry: u64) {
        for _ in 0..200 {
            let count = self.shared.chain.inbox().entry_count();
            if count.is_ok_and(|count| count > entry) {
                return;
            }
            self.shared.env.sleep(RETRY / 20).await;
        }
    }

    /// What is to be appended: the blocks that are known above the derived chain, as they are, and one of what waits.
    /// `None` when that says nothing.
    fn draft(&self, epoch: Epoch, now: Timestamp) -> Result<Option<Draft>, ChainError> {
        let chain = &self.shared.chain;
        let derived = chain.derived_head()?;
        let (mut known, whole) = known_above(chain, &derived, epoch)?;
        if whole && let Some(tip) = known.last() {
            let used: usize = known.iter().map(|stored| batch_weight(&stored.block)).sum();
            let transactions = self.ready(used, now);
            let next = self.block(tip, &derived, transactions, now)?;
            if next.is_none() && says_nothing(chain, &derived)? {
                return Ok(None);
            }
            let mut blocks: Vec<Block> = known.iter().map(|stored| stored.block.clone()).collect();
            blocks.extend(next);
            if let Some(draft) = Draft::of(blocks) {
                return Ok(Some(draft));
            }
        }
        while !known.is_empty() {
            let blocks = known.iter().map(|stored| stored.block.clone()).collect();
            if let Some(draft) = Draft::of(blocks) {
                return Ok(Some(draft));
            }
            known.pop();
        }
        // Where a certified block cannot go as it is, it is overridden, and what is in it waits again.
        let tip = chain.block(derived.height)?;
        let mut transactions = self.ready(0, now);
        loop {
            let block = self.block(&tip, &derived, transactions.clone(), now)?;
            let Some(block) = block else {
                return Ok(None);
            };
            if let Some(draft) = Draft::of(vec![block]) {
                return Ok(Some(draft));
            }
            if transactions.is_empty() {
                return Ok(None);
            }
            transactions.truncate(transactions.len() / 2);
        }
    }

    /// What waits and fits a batch in which so much is used.
    fn ready(&self, used: usize, now: Timestamp) -> Vec<Bytes> {
        let left = MAX_OPEN_BATCH_BYTES.saturating_sub(used + FRAMING_BYTES);
        self.sequencer.ready(left, now)
    }

    /// The next block after `tip`; `None` when it would say nothing.
    fn block(
        &self,
        tip: &StoredBlock,
        derived: &ChainHead,
        transactions: Vec<Bytes>,
        now: Timestamp,
    ) -> Result<Option<Block>, ChainError> {
        let chain = &self.shared.chain;
        let genesis: BlockHeader = chain.block(Height(0))?.block.header.clone();
        let (head, maker) = (tip.block.header.clone(), self.config.proposer);
        let mut builder = BlockBuilder::new(genesis, head, derived.epoch, maker);
        builder.executed(tip.height(), tip.state_root);
        // No more than one entry may consume.
        let most = derived.messages + MAX_ENTRY_MESSAGES;
        let count = chain.inbox().message_count()?.min(most);
        builder.messages(count);
        // What comes as a message in the same block need not come again.
        let messages = chain.inbox().messages(tip.block.header.messages, count)?;
        let forced: BTreeSet<&Bytes> = messages
            .iter()
            .filter(|message| message.kind == MessageKind::Transaction)
            .map(|message| &message.data)
            .collect();
        let transactions = transactions
            .into_iter()
            .filter(|bytes| !forced.contains(bytes))
            .collect();
        Ok(builder.build(now, transactions))
    }
}

impl Draft {
    /// Encodes the blocks, if they fit.
    fn of(blocks: Vec<Block>) -> Option<Self> {
        let bytes = encode_batch(&blocks);
        (bytes.len() <= MAX_OPEN_BATCH_BYTES).then(|| Self {
            blocks,
            bytes: bytes.into(),
        })
    }
}

/// The blocks above the derived chain that this node has executed, from the first on, as far as one entry can hold
/// them; and whether these are all. Blocks of an epoch that the root has not seen certified cannot go there.
fn known_above(
    chain: &Chain,
    derived: &ChainHead,
    epoch: Epoch,
) -> Result<(Vec<Arc<StoredBlock>>, bool), ChainError> {
    let most = derived.messages + MAX_ENTRY_MESSAGES;
    let (mut known, mut weights) = (Vec::new(), 0);
    for height in derived.height.0 + 1..=chain.head().height().0 {
        let Some(stored) = chain.ledger().block(Height(height))? else {
            return Ok((known, false));
        };
        let header = &stored.block.header;
        weights += batch_weight(&stored.block);
        let fits = known.is_empty() || weights <= MAX_OPEN_BATCH_BYTES;
        if !fits || header.messages > most || header.epoch > epoch {
            return Ok((known, false));
        }
        known.push(stored);
    }
    Ok((known, true))
}

/// Whether the blocks above the derived chain, if there are any, have nothing in them but seals.
fn says_nothing(chain: &Chain, derived: &ChainHead) -> Result<bool, ChainError> {
    if chain.head().block.header.messages > derived.messages {
        return Ok(false);
    }
    for height in derived.height.0 + 1..=chain.head().height().0 {
        let stored = chain.ledger().block(Height(height))?;
        if stored.is_some_and(|stored| !stored.block.transactions.is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(now.0.saturating_sub(then.0))
}
