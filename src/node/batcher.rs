//! Publishing blocks in batches.
//!
//! ```text
//!   blocks since the last batch --encode--> bytes --publish--> commitment --Seal--> sequencer
//!                                                                   certified block with the seal
//!                                             root inbox <--append-----------------------+
//! ```
//! One batch at a time is on its way. Its header is written down before it is sealed, so that a restart goes on
//! with the same one; and the inbox takes a batch only at the entry it was made for, so none can land twice.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    BatchHeader, Block, ChainUpdate, Height, MAX_BATCH_BYTES, MAX_BATCH_PAYLOAD_BYTES,
    MAX_ENTRY_MESSAGES, Sequencer, Settlement, Severe as _, Severity, batch_weight, encode_batch,
};

use super::{RETRY, Shared};
use crate::chain::{ChainError, StoredBlock};

const TASK: &str = "batcher";
const SEALING: &str = "sealing-batch";

/// When a batch is made.
#[derive(Clone, Copy, Debug)]
pub struct BatcherConfig {
    /// When its oldest block is this old.
    pub max_age: Duration,
    /// Or when its blocks are this big before compression.
    pub target_bytes: usize,
    /// The most blocks in one.
    pub max_blocks: usize,
    /// The most that publishing one may cost, in wei of the availability layer; dearer ones wait until they are
    /// ten times `max_age` old.
    pub max_cost_wei: u128,
    /// How often to look.
    pub poll: Duration,
}

impl Default for BatcherConfig {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(2),
            target_bytes: 512 * 1024,
            max_blocks: 4_096,
            max_cost_wei: u128::MAX,
            poll: Duration::from_millis(50),
        }
    }
}

pub(super) async fn run(
    shared: Shared,
    sequencer: Arc<dyn Sequencer>,
    settlement: Arc<dyn Settlement>,
    config: BatcherConfig,
) {
    let batcher = Batcher {
        shared,
        sequencer,
        settlement,
        config,
    };
    loop {
        match batcher.turn().await {
            Ok(()) => {
                batcher.shared.health.well(TASK);
                batcher.shared.env.sleep(config.poll).await;
            }
            Err(Halt::Retry) => batcher.shared.env.sleep(RETRY).await,
            Err(Halt::Stop) => return,
        }
    }
}

enum Halt {
    Retry,
    Stop,
}

/// What could be published.
struct Waiting {
    blocks: Vec<Block>,
    /// Of the oldest of them.
    age: Duration,
    /// Whether a batch holds no more.
    full: bool,
}

struct Batcher {
    shared: Shared,
    sequencer: Arc<dyn Sequencer>,
    settlement: Arc<dyn Settlement>,
    config: BatcherConfig,
}

impl Batcher {
    fn met(&self, error: &(impl plasma_core::Severe + ?Sized)) -> Halt {
        if self.shared.health.met(TASK, error) {
            Halt::Stop
        } else {
            Halt::Retry
        }
    }

    /// Takes the batch that is on its way one step further, or makes a new one.
    async fn turn(&self) -> Result<(), Halt> {
        match self.under_way().map_err(|error| self.met(&error))? {
            Some(batch) => self.append(&batch).await,
            None => self.make().await,
        }
    }

    /// The batch that was made and is not in the inbox yet; `None` once it is, or can no longer be.
    fn under_way(&self) -> Result<Option<BatchHeader>, ChainError> {
        let chain = &self.shared.chain;
        let Some(batch) = chain
            .ledger()
            .record::<Option<BatchHeader>>(SEALING)?
            .flatten()
        else {
            return Ok(None);
        };
        let next = chain.inbox().entry_count()?;
        let last = chain.ledger().block(batch.last_height)?;
        Ok(
            (batch.entry == next && last.is_some_and(|last| last.hash == batch.last_hash))
                .then_some(batch),
        )
    }

    /// Appends a batch once a block that seals it is certified.
    async fn append(&self, batch: &BatchHeader) -> Result<(), Halt> {
        let Some(sealing) = self
            .sealing_block(batch)
            .map_err(|error| self.met(&error))?
        else {
            // Said again, for the sequencer may have restarted since.
            let seal = ChainUpdate::Seal(batch.clone());
            return self
                .sequencer
                .observe(seal)
                .await
                .map_err(|error| self.met(&error));
        };
        let (Some(certificate), Some(committee)) = (
            &sealing.certificate,
            self.sequencer.committee(sealing.block.header.epoch),
        ) else {
            return Err(Halt::Retry);
        };
        let header = &sealing.block.header;
        match self
            .settlement
            .append(batch, header, &committee, certificate)
            .await
        {
            Ok(receipt) => {
                tracing::info!(
                    entry = batch.entry,
                    blocks = %format_args!("{}..={}", batch.first_height, batch.last_height),
                    bytes = batch.commitment.length,
                    gas = receipt.gas_used,
                    "published a batch"
                );
                metrics::counter!("plasma_batches_total").increment(1);
                metrics::counter!("plasma_batch_bytes_total").increment(batch.commitment.length);
                metrics::counter!("plasma_batch_root_gas_total").increment(receipt.gas_used);
            }
            // It is in already, or another entry came first: what the root says next decides.
            Err(error) if error.severity() == Severity::Reset => {
                tracing::debug!("{error}");
            }
            Err(error) => return Err(self.met(&error)),
        }
        self.until_derived(batch).await;
        Ok(())
    }

    /// Waits until this node has taken in what stands at the batch's entry, or gives up for now.
    async fn until_derived(&self, batch: &BatchHeader) {
        for _ in 0..200 {
            if self
                .shared
                .chain
                .inbox()
                .entry_count()
                .is_ok_and(|count| count > batch.entry)
            {
                return;
            }
            self.shared.env.sleep(RETRY / 20).await;
        }
    }

    fn sealing_block(&self, batch: &BatchHeader) -> Result<Option<Arc<StoredBlock>>, ChainError> {
        let (chain, seal) = (&self.shared.chain, batch.hash());
        for height in batch.last_height.0 + 1..=chain.head().height().0 {
            if let Some(block) = chain.ledger().block(Height(height))?
                && block.block.header.seal == seal
                && block.certificate.is_some()
            {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// Makes a batch of what waits, if it is time.
    async fn make(&self) -> Result<(), Halt> {
        let waiting = self.waiting().map_err(|error| self.met(&error))?;
        let Some(Waiting { blocks, age, full }) = waiting else {
            return Ok(());
        };
        if !full && age < self.config.max_age {
            return Ok(());
        }
        let chain = &self.shared.chain;
        let entry = chain
            .inbox()
            .entry_count()
            .map_err(|error| self.met(&error))?;
        if !self.sequencer.publishes(entry, age) {
            return Ok(());
        }
        let (blocks, bytes) = self.encode(blocks).await?;
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(());
        };
        if !self.affordable(bytes.len() as u64, first).await? {
            return Ok(());
        }
        let blob = self
            .shared
            .da
            .publish(bytes)
            .await
            .map_err(|error| self.met(&error))?;
        let batch = BatchHeader {
            chain_id: last.header.chain_id,
            entry,
            first_height: first.header.height,
            last_height: last.header.height,
            last_hash: last.header.hash(),
            messages: last.header.messages,
            commitment: blob.commitment,
        };
        chain
            .ledger()
            .set_record(SEALING, &Some(batch.clone()))
            .map_err(|error| self.met(&error))?;
        self.sequencer
            .observe(ChainUpdate::Seal(batch))
            .await
            .map_err(|error| self.met(&error))
    }

    /// The blocks since the last batch, up to the target. `None` when there is nothing in them: an idle chain costs
    /// nothing.
    fn waiting(&self) -> Result<Option<Waiting>, ChainError> {
        let chain = &self.shared.chain;
        let (derived, head) = (chain.derived_head()?, chain.head().height());
        let (mut blocks, mut size, mut weights, mut content) = (Vec::new(), 0, 0, 0);
        let mut messages = derived.messages;
        for height in derived.height.0 + 1..=head.0 {
            let Some(stored) = chain.ledger().block(Height(height))? else {
                break;
            };
            let bytes = stored
                .block
                .transactions
                .iter()
                .map(|bytes| bytes.len() + 64)
                .sum::<usize>()
                + 128;
            // An entry consumes so many messages and no more; a batch weighs so much.
            let most = derived.messages + MAX_ENTRY_MESSAGES;
            let weight = weights + batch_weight(&stored.block);
            if blocks.len() == self.config.max_blocks
                || stored.block.header.messages > most
                || (weights > 0 && weight > MAX_BATCH_PAYLOAD_BYTES)
                || (size > 0 && size + bytes > self.config.target_bytes)
            {
                size = self.config.target_bytes;
                break;
            }
            size += bytes;
            weights = weight;
            blocks.push(stored.block.clone());
            if !stored.block.transactions.is_empty() || stored.block.header.messages > messages {
                content = blocks.len();
            }
            messages = stored.block.header.messages;
        }
        if content == 0 {
            return Ok(None);
        }
        let oldest = blocks[0].header.timestamp;
        let age = Duration::from_millis(self.shared.env.now().0.saturating_sub(oldest.0));
        Ok(Some(Waiting {
            blocks,
            age,
            full: size >= self.config.target_bytes,
        }))
    }

    /// Encodes as many of the blocks as fit a blob.
    async fn encode(
        &self,
        mut blocks: Vec<Block>,
    ) -> Result<(Vec<Block>, plasma_core::Bytes), Halt> {
        let limit = (MAX_BATCH_BYTES as u64).min(self.shared.da.properties().max_blob_bytes);
        loop {
            let encoded = self
                .shared
                .blocking(move |_| (encode_batch(&blocks), blocks))
                .await;
            let Ok((bytes, all)) = encoded else {
                self.shared.health.note(
                    TASK,
                    "encoding a batch stopped".to_owned(),
                    Severity::Fatal,
                );
                return Err(Halt::Stop);
            };
            if bytes.len() as u64 <= limit || all.len() == 1 {
                return Ok((all, bytes.into()));
            }
            blocks = all;
            blocks.truncate(blocks.len() / 2);
        }
    }

    async fn affordable(&self, bytes: u64, oldest: &Block) -> Result<bool, Halt> {
        let quote = self
            .shared
            .da
            .quote(bytes)
            .await
            .map_err(|error| self.met(&error))?;
        let age = self
            .shared
            .env
            .now()
            .0
            .saturating_sub(oldest.header.timestamp.0);
        let patience = self.config.max_age.as_millis() as u64 * 10;
        Ok(quote.wei <= self.config.max_cost_wei || age >= patience)
    }
}
