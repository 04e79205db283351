//! What this node knows of the root's inbox: messages, entries, and what was derived from each.
//!
//! Written in one durable transaction for each root block, with the block as the cursor, so that a restart goes on
//! exactly where it stopped; and removable from any root block on, for when the root reorganises.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    B256, Bytes, ChainHead, Checkpoint, DaCommitment, Height, InboxEntry, InboxMessage, RootBlock,
    encode,
};
use redb::{Durability, ReadableTable};

use super::{ChainError, Ledger, ledger};

const CURSOR: &str = "root-cursor";
const SETTLED: &str = "settled";
/// Settled checkpoints remembered, so that a reorganised root can take some back.
const SETTLED_KEPT: usize = 64;

/// An inbox entry and what was derived from it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InboxRecord {
    /// The entry.
    pub entry: InboxEntry,
    /// The root block it is in.
    pub root_block: u64,
    /// The derived chain's head after it.
    pub head: ChainHead,
    /// The hash of the inbox's chain over entries after it.
    pub entry_hash: B256,
    /// Why its batch was passed over.
    pub defect: Option<String>,
}

/// The node's record of the root's inbox, kept in its [`Ledger`].
#[derive(Clone, Copy)]
pub struct RootInbox<'a> {
    ledger: &'a Ledger,
}

impl<'a> RootInbox<'a> {
    /// The record in this ledger.
    pub fn new(ledger: &'a Ledger) -> Self {
        Self { ledger }
    }

    /// The last root block that was taken in.
    pub fn cursor(&self) -> Result<Option<RootBlock>, ChainError> {
        self.ledger.record(CURSOR)
    }

    /// How many messages are known.
    pub fn message_count(&self) -> Result<u64, ChainError> {
        self.ledger.read(ledger::MESSAGES, |table| {
            Ok(table.last()?.map_or(0, |(index, _)| index.value() + 1))
        })
    }

    /// Messages `from..to`; fewer when not all are known.
    pub fn messages(&self, from: u64, to: u64) -> Result<Vec<InboxMessage>, ChainError> {
        let records = self.ledger.read(ledger::MESSAGES, |table| {
            table
                .range(from..to.max(from))?
                .map(|item| Ok(item?.1.value().to_vec()))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let decoded = records
            .iter()
            .map(|bytes| self.ledger.decode::<(InboxMessage, u64)>(bytes));
        decoded.map(|record| Ok(record?.0)).collect()
    }

    /// How many entries are known and derived.
    pub fn entry_count(&self) -> Result<u64, ChainError> {
        self.ledger.read(ledger::ENTRIES, |table| {
            Ok(table.last()?.map_or(0, |(index, _)| index.value() + 1))
        })
    }

    /// An entry and what was derived from it.
    pub fn entry(&self, index: u64) -> Result<Option<InboxRecord>, ChainError> {
        let bytes = self.ledger.read(ledger::ENTRIES, |table| {
            Ok(table.get(index)?.map(|bytes| bytes.value().to_vec()))
        })?;
        bytes.map(|bytes| self.ledger.decode(&bytes)).transpose()
    }

    /// The newest entry.
    pub fn last_entry(&self) -> Result<Option<InboxRecord>, ChainError> {
        match self.entry_count()? {
            0 => Ok(None),
            count => self.entry(count - 1),
        }
    }

    /// The newest settled checkpoint.
    pub fn settled(&self) -> Result<Option<Checkpoint>, ChainError> {
        let all: Option<Vec<(u64, Checkpoint)>> = self.ledger.record(SETTLED)?;
        Ok(all
            .unwrap_or_default()
            .last()
            .map(|(_, checkpoint)| *checkpoint))
    }

    /// Adds one message, before the block that holds it is closed by [`RootInbox::close`].
    pub fn push_message(&self, message: &InboxMessage, root_block: u64) -> Result<(), ChainError> {
        self.ledger.write(Durability::None, |tx| {
            tx.open_table(ledger::MESSAGES)?
                .insert(message.index, encode(&(message, root_block)).as_slice())?;
            Ok(())
        })
    }

    /// Keeps the bytes of a batch that the root itself carries.
    pub fn carry(&self, commitment: &DaCommitment, bytes: &Bytes) -> Result<(), ChainError> {
        self.ledger.write(Durability::None, |tx| {
            tx.open_table(ledger::CARRIED)?
                .insert(commitment.root.0, &bytes[..])?;
            Ok(())
        })
    }

    /// The bytes that a commitment binds, if they came with an entry.
    pub fn carried(&self, commitment: &DaCommitment) -> Result<Option<Bytes>, ChainError> {
        let bytes = self.ledger.read(ledger::CARRIED, |table| {
            Ok(table
                .get(commitment.root.0)?
                .map(|bytes| Bytes::copy_from_slice(bytes.value())))
        })?;
        Ok(bytes.filter(|bytes| commitment.binds(bytes)))
    }

    /// Adds one derived entry.
    pub fn push_entry(&self, record: &InboxRecord) -> Result<(), ChainError> {
        self.ledger.write(Durability::None, |tx| {
            tx.open_table(ledger::ENTRIES)?
                .insert(record.entry.index, encode(record).as_slice())?;
            Ok(())
        })
    }

    /// Adds a settled checkpoint.
    pub fn push_settled(&self, checkpoint: &Checkpoint, root_block: u64) -> Result<(), ChainError> {
        let mut all: Vec<(u64, Checkpoint)> = self.ledger.record(SETTLED)?.unwrap_or_default();
        // Taking the same block in again after a crash adds nothing.
        if all.iter().any(|(_, known)| known == checkpoint) {
            return Ok(());
        }
        all.push((root_block, *checkpoint));
        let surplus = all.len().saturating_sub(SETTLED_KEPT);
        all.drain(..surplus);
        self.ledger.set_record(SETTLED, &all)
    }

    /// All of this root block is taken in, durably.
    pub fn close(&self, block: RootBlock) -> Result<(), ChainError> {
        self.ledger.set_record(CURSOR, &block)
    }

    /// Forgets all that came after `to`.
    pub fn rewind(&self, to: RootBlock) -> Result<(), ChainError> {
        let mut entries = self.entry_count()?;
        while entries > 0
            && self
                .entry(entries - 1)?
                .is_some_and(|record| record.root_block > to.number)
        {
            entries -= 1;
        }
        let mut messages = self.message_count()?;
        while messages > 0
            && self
                .root_block_of(messages - 1)?
                .is_some_and(|block| block > to.number)
        {
            messages -= 1;
        }
        let mut settled: Vec<(u64, Checkpoint)> = self.ledger.record(SETTLED)?.unwrap_or_default();
        settled.retain(|(block, _)| *block <= to.number);
        self.ledger.write(Durability::Immediate, |tx| {
            tx.open_table(ledger::ENTRIES)?
                .retain(|index, _| index < entries)?;
            tx.open_table(ledger::MESSAGES)?
                .retain(|index, _| index < messages)?;
            let mut records = tx.open_table(ledger::RECORDS)?;
            records.insert(SETTLED, encode(&settled).as_slice())?;
            records.insert(CURSOR, encode(&to).as_slice())?;
            Ok(())
        })
    }

    /// Forgets entries whose derived blocks the state does not have, after a power cut took them from one file and
    /// not from the other. The root is then read again from the start, which changes nothing that is known.
    pub(super) fn trim(self, tip: Height) -> Result<(), ChainError> {
        let count = self.entry_count()?;
        let mut kept = count;
        while kept > 0
            && self
                .entry(kept - 1)?
                .is_some_and(|record| record.head.height > tip)
        {
            kept -= 1;
        }
        if kept == count {
            return Ok(());
        }
        self.ledger.write(Durability::Immediate, |tx| {
            tx.open_table(ledger::ENTRIES)?
                .retain(|index, _| index < kept)?;
            tx.open_table(ledger::RECORDS)?.remove(CURSOR)?;
            Ok(())
        })
    }

    fn root_block_of(self, message: u64) -> Result<Option<u64>, ChainError> {
        let bytes = self.ledger.read(ledger::MESSAGES, |table| {
            Ok(table.get(message)?.map(|bytes| bytes.value().to_vec()))
        })?;
        let record: Option<(InboxMessage, u64)> =
            bytes.map(|bytes| self.ledger.decode(&bytes)).transpose()?;
        Ok(record.map(|(_, block)| block))
    }
}
