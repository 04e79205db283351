//! The newest blocks of a ledger, before they are in its file.
//!
//! Writing many blocks at once costs a fraction of writing each: what is looked up by hash is all over the file, and a
//! page that ten blocks change is written once. Nothing is risked by that: only a durable write survives a crash, and
//! every durable write takes along all that is here.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::map::HashMap;
use plasma_core::{B256, Height, OutboxMessage, encode};
use redb::WriteTransaction;

use super::{
    Position, StoredBlock,
    ledger::{BLOCKS, HEIGHTS, SENT, SENT_BY_ID, TRANSACTIONS},
};

/// Blocks from which it is written to the file.
const MAX_BLOCKS: usize = 64;
/// Transactions from which it is: some tens of megabytes.
const MAX_TRANSACTIONS: usize = 49_152;

/// Blocks that follow the newest in the file.
#[derive(Default)]
pub(super) struct Tail {
    blocks: BTreeMap<u64, Entry>,
    heights: HashMap<B256, u64>,
    /// Where each transaction is first.
    transactions: HashMap<B256, Position>,
    sent: BTreeMap<u64, (OutboxMessage, u64)>,
    sent_by_id: HashMap<B256, u64>,
}

/// A block, and what its transactions and deposits are called.
#[derive(Clone)]
struct Entry {
    block: Arc<StoredBlock>,
    names: Arc<Vec<(B256, Position)>>,
}

/// What is to be written.
pub(super) struct Due(Vec<Entry>);

impl Tail {
    pub(super) fn push(&mut self, block: &Arc<StoredBlock>) {
        let height = block.height();
        let place = |(step, hash): (u32, B256)| (hash, Position { height, step });
        let names: Vec<_> = block.names().map(place).collect();
        for (hash, position) in &names {
            self.transactions.entry(*hash).or_insert(*position);
        }
        self.heights.insert(block.hash, height.0);
        for (_, message) in &block.sent {
            self.sent_by_id.insert(message.id(), message.nonce);
            self.sent.insert(message.nonce, (message.clone(), height.0));
        }
        let entry = Entry {
            block: block.clone(),
            names: Arc::new(names),
        };
        self.blocks.insert(height.0, entry);
    }

    /// Whether it is time to write it.
    pub(super) fn is_long(&self) -> bool {
        self.blocks.len() >= MAX_BLOCKS || self.transactions.len() >= MAX_TRANSACTIONS
    }

    pub(super) fn tip(&self) -> Option<Height> {
        self.blocks
            .last_key_value()
            .map(|(height, _)| Height(*height))
    }

    pub(super) fn block(&self, height: Height) -> Option<Arc<StoredBlock>> {
        self.blocks.get(&height.0).map(|entry| entry.block.clone())
    }

    pub(super) fn height_of(&self, hash: &B256) -> Option<Height> {
        self.heights.get(hash).copied().map(Height)
    }

    pub(super) fn locate(&self, hash: &B256) -> Option<Position> {
        self.transactions.get(hash).copied()
    }

    pub(super) fn sent(&self, nonce: u64) -> Option<(OutboxMessage, u64)> {
        self.sent.get(&nonce).cloned()
    }

    pub(super) fn sent_nonce(&self, id: &B256) -> Option<u64> {
        self.sent_by_id.get(id).copied()
    }

    /// All of it, to be written.
    pub(super) fn due(&self) -> Due {
        Due(self.blocks.values().cloned().collect())
    }

    /// Forgets what was written.
    pub(super) fn written(&mut self, due: &Due) {
        let Some(last) = due.0.last().map(|entry| entry.block.height().0) else {
            return;
        };
        let rest = self.blocks.split_off(&(last + 1));
        *self = Self::default();
        for entry in rest.into_values() {
            self.push(&entry.block);
        }
    }
}

impl Due {
    pub(super) fn write(&self, tx: &WriteTransaction) -> Result<(), redb::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (mut blocks, mut heights) = (tx.open_table(BLOCKS)?, tx.open_table(HEIGHTS)?);
        let (mut sent, mut by_id) = (tx.open_table(SENT)?, tx.open_table(SENT_BY_ID)?);
        for Entry { block, .. } in &self.0 {
            let height = block.height().0;
            blocks.insert(height, encode(&**block).as_slice())?;
            heights.insert(block.hash.0, height)?;
            for (_, message) in &block.sent {
                sent.insert(message.nonce, encode(&(message, height)).as_slice())?;
                by_id.insert(message.id().0, message.nonce)?;
            }
        }
        let mut names: Vec<(B256, Position)> = self
            .0
            .iter()
            .flat_map(|entry| entry.names.iter().copied())
            .collect();
        // In the order of the file, and of two with one name the first one first.
        names.sort_by_key(|(hash, _)| *hash);
        names.dedup_by_key(|(hash, _)| *hash);
        let mut transactions = tx.open_table(TRANSACTIONS)?;
        for (hash, position) in names {
            let position = encode(&position);
            let known = transactions
                .insert(hash.0, position.as_slice())?
                .map(|known| known.value().to_vec());
            // The first inclusion of some bytes is the one that counts: a replay is invalid.
            if let Some(known) = known.filter(|known| *known != position) {
                transactions.insert(hash.0, known.as_slice())?;
            }
        }
        Ok(())
    }
}
