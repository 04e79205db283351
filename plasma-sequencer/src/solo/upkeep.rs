//! News from the node, and what waits in step with it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak, atomic::Ordering},
};

use plasma_core::{
    Address, B256, BatchHeader, Block, BlockHeader, ChainUpdate, Height, SequencerError,
    transaction_hash,
};
use tokio::sync::Notify;

use super::{Order, Shared, blocking, journal_failed, lock};
use crate::{
    Picked,
    feed::{Source as _, give_way},
    mempool::look_up,
};

/// How many senders are looked up after a block although they had nothing in it: money also comes
/// and goes without its owner's doing.
const STALE_LOOKUPS: usize = 32;
/// How many are looked up before other tasks get their turn.
const LOOKUPS_AT_ONCE: usize = 16;

/// Looks senders up whose nonce or balance moved, until the sequencer is gone.
pub(super) async fn run(shared: Weak<Shared>, upkeep: Arc<Notify>) {
    loop {
        upkeep.notified().await;
        loop {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let mut senders = BTreeSet::new();
            {
                let mut touched = lock(&shared.touched);
                while senders.len() < LOOKUPS_AT_ONCE {
                    let Some(sender) = touched.pop_first() else {
                        break;
                    };
                    senders.insert(sender);
                }
                if senders.is_empty() {
                    shared.stale.store(false, Ordering::Release);
                    break;
                }
            }
            for sender in senders {
                shared.look_up(sender);
            }
            shared.meters.pool(&shared.pool().statistics());
            shared.work.notify_one();
            drop(shared);
            give_way().await;
        }
    }
}

impl Shared {
    pub(super) fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        match update {
            ChainUpdate::Executed { height, state_root } => self.executed(height, state_root),
            ChainUpdate::Messages { count } => {
                if !self.config.ignore_messages {
                    self.order().builder.messages(count);
                }
            }
            ChainUpdate::Seal(batch) => self.seal(batch)?,
            // Whatever is certified is by this one: if it does not have it, its journal was lost.
            ChainUpdate::Derived(header) | ChainUpdate::Override(header) => self.rewind(header)?,
            other => {
                let text = format!("a kind of news that this sequencer does not know: {other:?}");
                return Err(SequencerError::Inconsistent(text));
            }
        }
        self.work.notify_one();
        Ok(())
    }

    fn executed(&self, height: Height, state_root: B256) {
        let mut order = self.order();
        order.builder.executed(height, state_root);
        let mut done = Vec::new();
        while let Some((_, hashes)) = order.unexecuted.pop_front_if(|(block, _)| *block <= height) {
            done.extend(hashes);
        }
        self.meters.unexecuted(order.unexecuted.len());
        drop(order);
        // Before the pool is told: who enters it later with an older answer finds that it is older.
        self.executions.fetch_add(1, Ordering::AcqRel);
        let mut pool = self.pool();
        let mut touched = pool.executed(&done);
        touched.extend(pool.stalest(STALE_LOOKUPS));
        self.meters.pool(&pool.statistics());
        drop(pool);
        self.touch(touched);
    }

    pub(super) fn touch(&self, senders: impl IntoIterator<Item = Address>) {
        lock(&self.touched).extend(senders);
        self.upkeep.notify_one();
    }

    fn look_up(&self, sender: Address) {
        look_up(&self.pool, &*self.gate, sender);
    }

    /// Takes a batch for the next block to seal, unless it is of an overridden chain or sealed
    /// already.
    fn seal(&self, batch: BatchHeader) -> Result<(), SequencerError> {
        if batch.chain_id != self.config.chain_id {
            let (got, expected) = (batch.chain_id, self.config.chain_id);
            let text = format!("a batch of chain {got} to seal; this is chain {expected}");
            return Err(SequencerError::Inconsistent(text));
        }
        let mut order = self.order();
        let journal = order.journal.as_ref().ok_or(SequencerError::Stopped)?;
        if journal.sealed(&batch.hash()).is_some() {
            return Ok(());
        }
        // Its last block may be from elsewhere and not held, but what follows that names it.
        let last = if order.builder.head().height == batch.last_height {
            Some(order.builder.head_hash())
        } else {
            let follower =
                blocking(|| journal.get(batch.last_height.next())).map_err(journal_failed)?;
            follower.map(|held| held.block.header.parent)
        };
        if last == Some(batch.last_hash) {
            order.builder.seal(batch);
        } else {
            tracing::debug!(last = %batch.last_height, "a batch to seal ends in no block of this chain");
        }
        Ok(())
    }

    /// Continues after `header`, with what was ordered since waiting again.
    fn rewind(&self, header: BlockHeader) -> Result<(), SequencerError> {
        if header.chain_id != self.config.chain_id {
            let (got, expected) = (header.chain_id, self.config.chain_id);
            let text = format!("an override by a block of chain {got}; this is chain {expected}");
            return Err(SequencerError::Inconsistent(text));
        }
        let mut order = self.order();
        if order.builder.head_hash() == header.hash() {
            return Ok(());
        }
        let dropped = order.dropped_by(&header)?;
        let journal = order.journal.as_mut().ok_or(SequencerError::Stopped)?;
        blocking(|| journal.rewind(&header))
            .map_err(journal_failed)
            .inspect_err(|error| self.fail(error.clone()))?;
        let kept = if dropped.ours {
            header.height
        } else {
            Height(header.height.0.saturating_sub(1)).min(order.builder.head().height)
        };
        tracing::warn!(
            height = %header.height,
            blocks = dropped.blocks.len(),
            "the derived chain overrides the sequencer's"
        );
        order.builder.restart(header.clone(), dropped.ours);
        order.unexecuted.retain(|(height, _)| *height <= kept);
        self.feed().rewind(header, kept);
        self.changes.send_replace(());
        self.meters.overridden();
        // Under the order's lock, so that no block is made of a pool that is half put back.
        self.put_back(dropped.blocks);
        Ok(())
    }

    fn put_back(&self, blocks: Vec<Block>) {
        // Until all were looked up, what waits is out of step.
        let mut touched = lock(&self.touched);
        self.stale.store(true, Ordering::Release);
        let mut pool = self.pool();
        let senders = pool.rewind();
        let mut unknown = Vec::new();
        for block in blocks {
            let picked: Vec<Picked> = block
                .transactions
                .into_iter()
                .map(|bytes| Picked {
                    hash: transaction_hash(&bytes),
                    bytes,
                })
                .collect();
            unknown.extend(pool.put_back(&picked));
        }
        drop(pool);
        for Picked { hash, bytes } in unknown {
            // They were executed, so only the gate knows whether they can be again.
            let result = self
                .gate
                .admit(&bytes)
                .map_err(Into::into)
                .and_then(|admission| self.pool().insert(hash, bytes, &admission, self.env.now()));
            if let Err(error) = result {
                tracing::debug!(%hash, %error, "a transaction of an overridden block cannot wait again");
            }
        }
        touched.extend(senders.into_iter().chain(self.pool().stalest(usize::MAX)));
        drop(touched);
        self.upkeep.notify_one();
    }

    /// Reads what was made but not executed before the restart, so that it is not taken twice.
    pub(super) fn recall(&self) -> Result<(), SequencerError> {
        let mut order = self.order();
        let journal = order.journal.as_ref().ok_or(SequencerError::Stopped)?;
        let head = order.builder.head();
        // It never runs further ahead than this, whatever the head says: a block of the root's
        // making says nothing.
        let oldest = head
            .height
            .0
            .saturating_sub(self.config.max_unexecuted as u64);
        let mut from = head.executed_height.max(Height(oldest)).next();
        let mut recalled = Vec::new();
        while let Some(height) = journal.next(from) {
            let Some(held) = journal.get(height).map_err(journal_failed)? else {
                break;
            };
            recalled.push(held.block);
            from = height.next();
        }
        for block in recalled {
            let mut hashes = Vec::with_capacity(block.transactions.len());
            for bytes in block.transactions {
                let hash = transaction_hash(&bytes);
                let admission = self.gate.admit(&bytes).ok();
                self.pool().included(hash, bytes, admission.as_ref());
                hashes.push(hash);
            }
            order.unexecuted.push_back((block.header.height, hashes));
        }
        Ok(())
    }
}

/// What an override takes back.
struct Dropped {
    blocks: Vec<Block>,
    /// Whether the block that it continues after is one of ours.
    ours: bool,
}

impl Order {
    fn dropped_by(&self, to: &BlockHeader) -> Result<Dropped, SequencerError> {
        let journal = self.journal.as_ref().ok_or(SequencerError::Stopped)?;
        let held = journal.get(to.height).map_err(journal_failed)?;
        let ours = held.is_some_and(|held| held.block.header == *to);
        let mut from = if ours { to.height.next() } else { to.height };
        let mut blocks = Vec::new();
        while let Some(height) = journal.next(from) {
            let Some(held) = journal.get(height).map_err(journal_failed)? else {
                break;
            };
            blocks.push(held.block);
            from = height.next();
        }
        Ok(Dropped { blocks, ours })
    }
}
