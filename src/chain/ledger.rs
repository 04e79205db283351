//! Blocks, receipts and indexes, in redb.
//!
//! Everything here can be computed again from the sequencer's journal or from the root, so writes are not synced
//! one by one: a crash loses the newest blocks of the ledger, and they are executed again. Nor are they written one by
//! one: the newest wait in the [`Tail`].

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use borsh::BorshDeserialize;
use plasma_core::{B256, Height, OutboxMessage, decode, encode};
use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction, backends::InMemoryBackend,
};

use super::{ChainError, Position, StoredBlock, tail::Tail};

pub(super) const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
pub(super) const HEIGHTS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("heights");
pub(super) const TRANSACTIONS: TableDefinition<'_, [u8; 32], &[u8]> =
    TableDefinition::new("transactions");
pub(super) const SENT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sent");
pub(super) const SENT_BY_ID: TableDefinition<'_, [u8; 32], u64> =
    TableDefinition::new("sent-by-id");
pub(super) const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
pub(super) const MESSAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("messages");
pub(super) const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
pub(super) const CARRIED: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("carried");

/// Blocks kept decoded in memory, for the RPC's usual questions.
const RECENT_BLOCKS: usize = 256;
/// Steps that they have together, but for the newest: large blocks are fewer.
const RECENT_STEPS: usize = 1 << 18;
/// The longest record read back: ours, so only a damaged file has longer ones.
const MAX_RECORD_BYTES: usize = 256 * 1024 * 1024;

/// Blocks, receipts and indexes of one chain.
pub struct Ledger {
    db: Database,
    path: String,
    recent: RwLock<Recent>,
    tail: RwLock<Tail>,
}

/// The newest blocks, decoded.
#[derive(Default)]
struct Recent {
    blocks: BTreeMap<u64, Arc<StoredBlock>>,
    steps: usize,
}

impl Recent {
    fn insert(&mut self, block: &Arc<StoredBlock>) {
        self.steps += block.receipts.len();
        if let Some(before) = self.blocks.insert(block.height().0, block.clone()) {
            self.steps -= before.receipts.len();
        }
        while self.blocks.len() > RECENT_BLOCKS
            || self.blocks.len() > 1 && self.steps > RECENT_STEPS
        {
            let Some((_, oldest)) = self.blocks.pop_first() else {
                break;
            };
            self.steps -= oldest.receipts.len();
        }
    }

    fn truncate(&mut self, height: u64) {
        for block in self.blocks.split_off(&(height + 1)).into_values() {
            self.steps -= block.receipts.len();
        }
    }
}

impl Ledger {
    /// Opens the ledger in `directory`, or one in memory.
    pub fn open(directory: Option<&Path>) -> Result<Self, ChainError> {
        let path = directory.map_or("memory".to_owned(), |path| {
            path.join("ledger.redb").display().to_string()
        });
        let failed = |error: redb::DatabaseError| ChainError::Ledger {
            path: path.clone(),
            reason: error.to_string(),
        };
        let db = match directory {
            Some(directory) => Database::builder()
                .set_cache_size(64 * 1024 * 1024)
                .create(directory.join("ledger.redb"))
                .map_err(failed)?,
            None => Database::builder()
                .create_with_backend(InMemoryBackend::new())
                .map_err(failed)?,
        };
        let ledger = Self {
            db,
            path,
            recent: RwLock::default(),
            tail: RwLock::default(),
        };
        // Tables exist from the first transaction on, so that readers need not ask.
        ledger.write(Durability::Immediate, |tx| {
            tx.open_table(BLOCKS)?;
            tx.open_table(HEIGHTS)?;
            tx.open_table(TRANSACTIONS)?;
            tx.open_table(SENT)?;
            tx.open_table(SENT_BY_ID)?;
            tx.open_table(RECORDS)?;
            tx.open_table(MESSAGES)?;
            tx.open_table(ENTRIES)?;
            tx.open_table(CARRIED)?;
            Ok(())
        })?;
        Ok(ledger)
    }

    fn failed(&self, reason: impl ToString) -> ChainError {
        ChainError::Ledger {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn write<R>(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<R, redb::Error>,
    ) -> Result<R, ChainError> {
        let mut tx = self.db.begin_write().map_err(|error| self.failed(error))?;
        tx.set_durability(durability)
            .map_err(|error| self.failed(error))?;
        // What is durable must not speak of blocks that are not.
        let due = matches!(durability, Durability::Immediate).then(|| self.tail().due());
        let write = || {
            if let Some(due) = &due {
                due.write(&tx)?;
            }
            work(&tx)
        };
        let result = write().map_err(|error| self.failed(error))?;
        tx.commit().map_err(|error| self.failed(error))?;
        if let Some(due) = due {
            self.tail_mut().written(&due);
        }
        Ok(result)
    }

    fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.tail.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail_mut(&self) -> RwLockWriteGuard<'_, Tail> {
        self.tail.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to the file what waits for that.
    fn flush(&self) -> Result<(), ChainError> {
        let due = self.tail().due();
        self.write(Durability::None, |tx| due.write(tx))?;
        self.tail_mut().written(&due);
        Ok(())
    }

    pub(super) fn read<K: redb::Key + 'static, V: redb::Value + 'static, R>(
        &self,
        table: TableDefinition<'_, K, V>,
        work: impl FnOnce(&ReadOnlyTable<K, V>) -> Result<R, redb::StorageError>,
    ) -> Result<R, ChainError> {
        let tx = self.db.begin_read().map_err(|error| self.failed(error))?;
        let table = tx.open_table(table).map_err(|error| self.failed(error))?;
        work(&table).map_err(|error| self.failed(error))
    }

    pub(super) fn decode<T: BorshDeserialize>(&self, bytes: &[u8]) -> Result<T, ChainError> {
        decode(bytes, MAX_RECORD_BYTES).map_err(|error| self.failed(error))
    }

    /// The newest block's number; `None` before genesis is here.
    pub fn tip(&self) -> Result<Option<Height>, ChainError> {
        let tip = self.tail().tip();
        if tip.is_some() {
            return Ok(tip);
        }
        self.read(BLOCKS, |table| {
            Ok(table.last()?.map(|(height, _)| Height(height.value())))
        })
    }

    /// The oldest block's number.
    pub fn oldest(&self) -> Result<Option<Height>, ChainError> {
        let written = self.read(BLOCKS, |table| {
            Ok(table.first()?.map(|(height, _)| Height(height.value())))
        })?;
        // Genesis is written durably with its record; before that there is nothing else.
        Ok(written.or_else(|| self.tail().tip()))
    }

    /// Shows a block that [`Ledger::append`] is about to add.
    pub(super) fn show(&self, block: &Arc<StoredBlock>) {
        self.recent
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(block);
    }

    /// Adds the block after the newest.
    pub fn append(&self, block: &Arc<StoredBlock>) -> Result<(), ChainError> {
        let long = {
            let mut tail = self.tail_mut();
            tail.push(block);
            tail.is_long()
        };
        if long { self.flush() } else { Ok(()) }
    }

    /// Removes all blocks above `height`.
    pub fn truncate(&self, height: Height) -> Result<(), ChainError> {
        self.flush()?;
        let Some(tip) = self.tip()? else {
            return Ok(());
        };
        for above in (height.0 + 1..=tip.0).rev() {
            let Some(block) = self.block(Height(above))? else {
                continue;
            };
            self.write(Durability::None, |tx| {
                tx.open_table(BLOCKS)?.remove(above)?;
                tx.open_table(HEIGHTS)?.remove(block.hash.0)?;
                let mut transactions = tx.open_table(TRANSACTIONS)?;
                for (step, hash, _, _) in block.entries() {
                    let position = encode(&Position {
                        height: Height(above),
                        step,
                    });
                    let here = transactions
                        .get(hash.0)?
                        .is_some_and(|at| at.value() == position.as_slice());
                    if here {
                        transactions.remove(hash.0)?;
                    }
                }
                let (mut sent, mut by_id) = (tx.open_table(SENT)?, tx.open_table(SENT_BY_ID)?);
                for (_, message) in &block.sent {
                    sent.remove(message.nonce)?;
                    by_id.remove(message.id().0)?;
                }
                Ok(())
            })?;
        }
        self.recent
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .truncate(height.0);
        Ok(())
    }

    /// Makes all that was written durable.
    pub fn sync(&self) -> Result<(), ChainError> {
        self.write(Durability::Immediate, |_| Ok(()))
    }

    /// A block by its number.
    pub fn block(&self, height: Height) -> Result<Option<Arc<StoredBlock>>, ChainError> {
        let recent = self
            .recent
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .blocks
            .get(&height.0)
            .cloned();
        let waiting = || self.tail().block(height);
        if let Some(block) = recent.or_else(waiting) {
            return Ok(Some(block));
        }
        let bytes = self.read(BLOCKS, |table| {
            Ok(table.get(height.0)?.map(|bytes| bytes.value().to_vec()))
        })?;
        bytes
            .map(|bytes| self.decode(&bytes).map(Arc::new))
            .transpose()
    }

    /// The number of the block with this hash.
    pub fn height_of(&self, hash: &B256) -> Result<Option<Height>, ChainError> {
        let waiting = self.tail().height_of(hash);
        if waiting.is_some() {
            return Ok(waiting);
        }
        self.read(HEIGHTS, |table| {
            Ok(table.get(hash.0)?.map(|height| Height(height.value())))
        })
    }

    /// Where the transaction, or deposit, of this hash is.
    pub fn locate(&self, hash: &B256) -> Result<Option<Position>, ChainError> {
        // Asked first, for it may be in the file by the time that is asked; and what is there was earlier.
        let waiting = self.tail().locate(hash);
        let bytes = self.read(TRANSACTIONS, |table| {
            Ok(table.get(hash.0)?.map(|at| at.value().to_vec()))
        })?;
        let written = bytes.map(|bytes| self.decode(&bytes)).transpose()?;
        Ok(written.or(waiting))
    }

    /// A message that the chain sent, with the block that sent it, by its place in the outbox.
    pub fn sent(&self, nonce: u64) -> Result<Option<(OutboxMessage, Height)>, ChainError> {
        if let Some((message, height)) = self.tail().sent(nonce) {
            return Ok(Some((message, Height(height))));
        }
        let bytes = self.read(SENT, |table| {
            Ok(table.get(nonce)?.map(|bytes| bytes.value().to_vec()))
        })?;
        let message: Option<(OutboxMessage, u64)> =
            bytes.map(|bytes| self.decode(&bytes)).transpose()?;
        Ok(message.map(|(message, height)| (message, Height(height))))
    }

    /// The place in the outbox of the message with this id.
    pub fn sent_nonce(&self, id: &B256) -> Result<Option<u64>, ChainError> {
        let waiting = self.tail().sent_nonce(id);
        if waiting.is_some() {
            return Ok(waiting);
        }
        self.read(SENT_BY_ID, |table| {
            Ok(table.get(id.0)?.map(|nonce| nonce.value()))
        })
    }

    /// The ids of the first `count` messages that the chain sent: the leaves of its outbox.
    pub fn outbox_leaves(&self, count: u64) -> Result<Vec<B256>, ChainError> {
        (0..count)
            .map(|nonce| {
                let message = self
                    .sent(nonce)?
                    .ok_or_else(|| self.failed(format!("outbox message {nonce} is missing")))?;
                Ok(message.0.id())
            })
            .collect()
    }

    /// A named record.
    pub fn record<T: BorshDeserialize>(&self, name: &str) -> Result<Option<T>, ChainError> {
        let bytes = self.read(RECORDS, |table| {
            Ok(table.get(name)?.map(|bytes| bytes.value().to_vec()))
        })?;
        bytes.map(|bytes| self.decode(&bytes)).transpose()
    }

    /// Writes a named record, durably.
    pub fn set_record<T: borsh::BorshSerialize>(
        &self,
        name: &str,
        value: &T,
    ) -> Result<(), ChainError> {
        self.write(Durability::Immediate, |tx| {
            tx.open_table(RECORDS)?
                .insert(name, encode(value).as_slice())?;
            Ok(())
        })
    }
}
