//! Deriving the chain from the root's inbox and the published bytes.
//!
//! What is derived wins: a block that the sequencers certified, and that the root's order contradicts, is undone,
//! and the sequencer is told to go on from the derived one.

use std::sync::Arc;

use futures::StreamExt as _;
use plasma_core::{
    B256, BatchHeader, BlobRef, Block, Bytes, ChainUpdate, DerivedEntry, EntryKind, Height,
    InboxEntry, RootBlock, RootEvent, RootUpdate, Settlement, SettlementError, Severe as _,
    Severity, check_batch, derive_entry, encode_batch,
};

use super::{RETRY, Shared, continues, took_another_way};
use crate::chain::{Chain, ChainError, InboxRecord};

const TASK: &str = "follow-root";
/// The longest batch whose bytes are made again from blocks: batchers make shorter ones.
const MAX_REMADE_BLOCKS: u64 = 16_384;

/// Why following stops for a moment, or for good.
enum Halt {
    Retry,
    Stop,
}

pub(super) async fn run(shared: Shared, settlement: Arc<dyn Settlement>) {
    loop {
        match follow(&shared, &settlement).await {
            Halt::Retry => shared.env.sleep(RETRY).await,
            Halt::Stop => return,
        }
    }
}

async fn follow(shared: &Shared, settlement: &Arc<dyn Settlement>) -> Halt {
    let from = match start(shared, settlement).await {
        Ok(from) => from,
        Err(halt) => return halt,
    };
    let mut updates = settlement.events(from);
    while let Some(update) = updates.next().await {
        let taken = match update {
            Ok(RootUpdate::Block { block, events }) => take_block(shared, block, events).await,
            Ok(RootUpdate::Reorg { to }) => take_reorg(shared, to).await,
            Ok(_) => Ok(()),
            // Nothing that is remembered is on the root any more: it is read again from its start.
            Err(error @ SettlementError::DeepReorg(_)) => {
                shared.health.met(TASK, &error);
                match settlement.origin().await {
                    Ok(origin) => take_reorg(shared, origin).await.and(Err(Halt::Retry)),
                    Err(_) => Err(Halt::Retry),
                }
            }
            // The stream goes on by itself after what is transient.
            Err(error) if error.severity() == Severity::Transient => {
                shared.health.met(TASK, &error);
                continue;
            }
            Err(error) => Err(if shared.health.met(TASK, &error) {
                Halt::Stop
            } else {
                Halt::Retry
            }),
        };
        match taken {
            Ok(()) => shared.health.well(TASK),
            Err(halt) => return halt,
        }
    }
    Halt::Retry
}

async fn start(shared: &Shared, settlement: &Arc<dyn Settlement>) -> Result<RootBlock, Halt> {
    let known = shared
        .chain
        .inbox()
        .cursor()
        .map_err(|error| failed(shared, &error))?;
    // A crash may have come between forgetting messages and undoing the blocks that consumed them.
    undo_underived(shared).await?;
    undo_unbacked(shared).await?;
    tell_messages(shared).await?;
    match known {
        Some(cursor) => Ok(cursor),
        None => settlement.origin().await.map_err(|error| {
            if shared.health.met(TASK, &error) {
                Halt::Stop
            } else {
                Halt::Retry
            }
        }),
    }
}

fn failed(shared: &Shared, error: &ChainError) -> Halt {
    if shared.health.met(TASK, error) {
        Halt::Stop
    } else {
        Halt::Retry
    }
}

async fn take_block(shared: &Shared, block: RootBlock, events: Vec<RootEvent>) -> Result<(), Halt> {
    let news = !events.is_empty();
    let derives = events
        .iter()
        .any(|event| matches!(event, RootEvent::Entry(_) | RootEvent::OpenEntry { .. }));
    for event in events {
        let inbox = shared.chain.inbox();
        match event {
            RootEvent::Message(message) => {
                inbox
                    .push_message(&message, block.number)
                    .map_err(|error| failed(shared, &error))?;
            }
            RootEvent::Entry(entry) => take_entry(shared, block, entry, None).await?,
            RootEvent::OpenEntry { entry, bytes } => {
                take_entry(shared, block, entry, Some(bytes)).await?;
            }
            RootEvent::Settled(checkpoint) => {
                check_settled(shared, &checkpoint)?;
                inbox
                    .push_settled(&checkpoint, block.number)
                    .map_err(|error| failed(shared, &error))?;
            }
            RootEvent::Contested { entries } => {
                tracing::warn!(entries, "claims on the root contradict each other");
            }
            _ => {}
        }
    }
    if news {
        shared
            .chain
            .refresh_stages()
            .map_err(|error| failed(shared, &error))?;
        tell_messages(shared).await?;
    }
    if derives {
        // A derived block has no journal behind it: it must be durable before its entry counts as taken in.
        let synced = shared.blocking(Chain::sync).await;
        match synced {
            Ok(synced) => synced.map_err(|error| failed(shared, &error))?,
            Err(_) => return Err(Halt::Retry),
        }
    }
    shared
        .chain
        .inbox()
        .close(block)
        .map_err(|error| failed(shared, &error))
}

/// What settled must be what this node derived; if not, the root was deceived, and everyone must know.
fn check_settled(shared: &Shared, settled: &plasma_core::Checkpoint) -> Result<(), Halt> {
    let block = shared
        .chain
        .block(settled.height)
        .map_err(|error| failed(shared, &error))?;
    let own = block.checkpoint(settled.entry);
    if own != *settled {
        let trouble = format!(
            "the root settled state {} at height {}, but this node derives {}: a false claim stood unchallenged",
            settled.state_root, settled.height, own.state_root
        );
        shared.health.note("settlement", trouble, Severity::Fatal);
    }
    Ok(())
}

/// Derives an entry. `carried` are the batch's bytes where the root has them itself.
async fn take_entry(
    shared: &Shared,
    root: RootBlock,
    entry: InboxEntry,
    carried: Option<Bytes>,
) -> Result<(), Halt> {
    let known = shared
        .chain
        .inbox()
        .entry_count()
        .map_err(|error| failed(shared, &error))?;
    if entry.index < known {
        return Ok(()); // Taken in before a restart.
    }
    if entry.index > known {
        let trouble = format!(
            "inbox entry {} came before entry {known}; reading again",
            entry.index
        );
        shared.health.note(TASK, trouble, Severity::Reset);
        return Err(Halt::Retry);
    }
    let head = shared
        .chain
        .derived_head()
        .map_err(|error| failed(shared, &error))?;
    // Bytes that cannot matter are not waited for.
    let bytes = match &entry.kind {
        EntryKind::Batch(batch) if check_batch(&head, batch).is_ok() => match carried {
            Some(bytes) => {
                // For disputes: nobody else has said that they keep them.
                let kept = shared.chain.inbox().carry(&batch.commitment, &bytes);
                kept.map_err(|error| failed(shared, &error))?;
                bytes
            }
            None => fetch(shared, batch).await?,
        },
        _ => Bytes::new(),
    };
    let next = entry.clone();
    let derived = shared
        .blocking(move |_| derive_entry(&head, &next, &bytes))
        .await;
    let Ok(DerivedEntry { blocks, defect }) = derived else {
        shared
            .health
            .note(TASK, "derivation stopped".to_owned(), Severity::Fatal);
        return Err(Halt::Stop);
    };
    if let Some(defect) = &defect {
        tracing::warn!(entry = entry.index, "a batch was passed over: {defect}");
    }
    let mut after = head;
    let mut overridden = None;
    for block in blocks {
        after = plasma_core::ChainHead::of(&block.header, entry.index + 1);
        let header = block.header.clone();
        if adopt(shared, block).await? {
            overridden = Some(header);
        }
    }
    after.entry = entry.index + 1;
    let before = shared
        .chain
        .inbox()
        .last_entry()
        .map_err(|error| failed(shared, &error))?
        .map_or(B256::ZERO, |record| record.entry_hash);
    let record = InboxRecord {
        entry_hash: entry.link(before).words().keccak(),
        root_block: root.number,
        head: after,
        defect: defect.map(|defect| defect.to_string()),
        entry,
    };
    shared
        .chain
        .inbox()
        .push_entry(&record)
        .map_err(|error| failed(shared, &error))?;
    metrics::counter!("plasma_derived_entries_total").increment(1);
    // After a restart the root may be quicker than the sequencer's journal with what both have. Blocks that were
    // certified on top of it are nobody's to take back then.
    if let (Some(header), Some(sequencer)) = (overridden, &shared.sequencer)
        && !continues(&**sequencer, &header).await
    {
        let update = took_another_way(&shared.chain, &**sequencer, &header)
            .map_err(|error| failed(shared, &error))?;
        if let ChainUpdate::Override(header) = &update
            && sequencer.certifies()
        {
            let height = header.height.0;
            tracing::warn!(height, "the derived chain overrides the sequencer");
        }
        tell(shared, &**sequencer, update).await?;
        // What a block that nobody certified says was executed before it is worth nothing.
        let head = shared.chain.head();
        let executed = ChainUpdate::Executed {
            height: head.height(),
            state_root: head.state_root,
        };
        tell(shared, &**sequencer, executed).await?;
    }
    Ok(())
}

/// The bytes of a blob. Bytes that cannot be had yet are waited for: no outcome may depend on patience.
async fn fetch(shared: &Shared, batch: &BatchHeader) -> Result<Bytes, Halt> {
    let blob = BlobRef::from(batch.commitment);
    loop {
        match shared.da.fetch(&blob).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.severity() != Severity::Fatal => {
                if let Some(bytes) = remake(shared, batch).await {
                    tracing::info!(entry = batch.entry, "made a batch's bytes from its blocks");
                    return Ok(bytes);
                }
                shared.health.met(TASK, &error);
                shared.env.sleep(RETRY).await;
            }
            Err(error) if shared.health.met(TASK, &error) => return Err(Halt::Stop),
            Err(_) => shared.env.sleep(RETRY).await,
        }
    }
}

/// Makes the bytes of a batch of which this node has all blocks, and keeps them for those who have not: whoever published
/// them may be gone.
async fn remake(shared: &Shared, batch: &BatchHeader) -> Option<Bytes> {
    let wanted = batch.clone();
    let made = shared.blocking(move |chain| {
        let heights = wanted.first_height.0..=wanted.last_height.0;
        let count = wanted.last_height.0.saturating_sub(wanted.first_height.0);
        if chain.head().height() < wanted.last_height || count >= MAX_REMADE_BLOCKS {
            return None;
        }
        let stored: Option<Vec<_>> = heights
            .map(|height| chain.ledger().block(Height(height)).ok().flatten())
            .collect();
        let stored = stored?;
        if stored.last()?.hash != wanted.last_hash {
            return None;
        }
        let blocks: Vec<Block> = stored.iter().map(|stored| stored.block.clone()).collect();
        let bytes = Bytes::from(encode_batch(&blocks));
        wanted.commitment.binds(&bytes).then_some(bytes)
    });
    let bytes = made.await.ok().flatten()?;
    // A layer that takes no publications is fine: this node has what it needs.
    let _ = shared.da.publish(bytes.clone()).await;
    Some(bytes)
}

/// Makes a derived block the chain's. Returns whether another block, or none, was there.
async fn adopt(shared: &Shared, block: Block) -> Result<bool, Halt> {
    let (height, hash) = (block.header.height, block.header.hash());
    loop {
        let head = shared.chain.head();
        let known = if height <= head.height() {
            shared.chain.block(height).ok()
        } else {
            None
        };
        if known.is_some_and(|known| known.hash == hash) {
            return Ok(false);
        }
        let work = block.clone();
        let outcome = shared
            .blocking(move |chain| {
                chain.rollback(Height(height.0 - 1))?;
                chain.execution().prepare(&work.transactions);
                chain.execute(work, None)
            })
            .await;
        match outcome {
            Ok(Ok(_)) => return Ok(true),
            // The sequencer's follower was quicker with a block of its own: undo that as well.
            Ok(Err(ChainError::NotNext { .. })) => shared.env.sleep(RETRY / 20).await,
            Ok(Err(error)) => return Err(failed(shared, &error)),
            Err(panic) => {
                shared
                    .health
                    .note(TASK, format!("execution stopped: {panic}"), Severity::Fatal);
                return Err(Halt::Stop);
            }
        }
    }
}

async fn take_reorg(shared: &Shared, to: RootBlock) -> Result<(), Halt> {
    tracing::warn!(to = to.number, "the root reorganised");
    metrics::counter!("plasma_root_reorgs_total").increment(1);
    let chain = &shared.chain;
    chain
        .inbox()
        .rewind(to)
        .map_err(|error| failed(shared, &error))?;
    undo_underived(shared).await?;
    undo_unbacked(shared).await?;
    chain
        .refresh_stages()
        .map_err(|error| failed(shared, &error))?;
    tell_messages(shared).await
}

/// Undoes the blocks that consumed messages which the root no longer has.
async fn undo_unbacked(shared: &Shared) -> Result<(), Halt> {
    let chain = &shared.chain;
    let kept = chain
        .inbox()
        .message_count()
        .map_err(|error| failed(shared, &error))?;
    let head = chain.head();
    if head.block.header.messages > kept {
        // Blocks that consumed what is gone cannot stand; their transactions are ordered anew.
        let target = last_with_messages(shared, kept, head.height())
            .map_err(|error| failed(shared, &error))?;
        chain
            .rollback(target)
            .map_err(|error| failed(shared, &error))?;
        let header = chain.head().block.header.clone();
        if let Some(sequencer) = &shared.sequencer {
            tell(shared, &**sequencer, ChainUpdate::Messages { count: kept }).await?;
            tell(shared, &**sequencer, ChainUpdate::Override(header)).await?;
        }
    }
    Ok(())
}

/// Where nobody certifies, what the root no longer has in order is in none: its transactions wait again.
async fn undo_underived(shared: &Shared) -> Result<(), Halt> {
    let uncertified = |sequencer: &&Arc<dyn plasma_core::Sequencer>| !sequencer.certifies();
    let Some(sequencer) = shared.sequencer.as_ref().filter(uncertified) else {
        return Ok(());
    };
    let chain = &shared.chain;
    let derived = chain
        .derived_head()
        .map_err(|error| failed(shared, &error))?;
    let head = chain.head().height();
    // What is so old that the state before it is gone stands until the root contradicts it.
    let gone = |oldest| oldest > derived.height.0;
    if head <= derived.height || chain.store().oldest().is_none_or(gone) {
        return Ok(());
    }
    let mut waiting = Vec::new();
    for height in derived.height.0 + 1..=head.0 {
        let block = chain
            .block(Height(height))
            .map_err(|error| failed(shared, &error))?;
        waiting.extend(block.block.transactions.iter().cloned());
    }
    chain
        .rollback(derived.height)
        .map_err(|error| failed(shared, &error))?;
    let header = chain.head().block.header.clone();
    tell(shared, &**sequencer, ChainUpdate::Override(header)).await?;
    for transaction in waiting {
        if let Err(error) = sequencer.submit(transaction).await {
            tracing::debug!("a transaction of an undone block cannot wait again: {error}");
        }
    }
    Ok(())
}

/// The highest block that consumed no more than `kept` messages. Counts never fall, so halving finds it.
fn last_with_messages(shared: &Shared, kept: u64, head: Height) -> Result<Height, ChainError> {
    let (mut low, mut high) = (0, head.0);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if shared.chain.block(Height(middle))?.block.header.messages <= kept {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(Height(low))
}

async fn tell_messages(shared: &Shared) -> Result<(), Halt> {
    let Some(sequencer) = &shared.sequencer else {
        return Ok(());
    };
    let count = shared
        .chain
        .inbox()
        .message_count()
        .map_err(|error| failed(shared, &error))?;
    tell(shared, &**sequencer, ChainUpdate::Messages { count }).await
}

async fn tell(
    shared: &Shared,
    sequencer: &dyn plasma_core::Sequencer,
    update: ChainUpdate,
) -> Result<(), Halt> {
    match sequencer.observe(update).await {
        Ok(()) => Ok(()),
        Err(error) if shared.health.met(TASK, &error) => Err(Halt::Stop),
        Err(_) => Err(Halt::Retry),
    }
}
