//! What a block holds, in order: the inbox messages that it consumes, then its transactions.

use plasma_core::{B256, Bytes, InboxMessage, MessageKind, Receipt};

use crate::{StoredBlock, chain::entry_hash};

/// An inbox message or a transaction in a block, with its receipt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) block: &'a StoredBlock,
    /// Its place in the block: what Ethereum calls `transactionIndex`.
    pub(crate) index: u64,
    pub(crate) body: Body<'a>,
    pub(crate) receipt: &'a Receipt,
}

/// What an entry is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// A deposit.
    Deposit(&'a InboxMessage),
    /// A transaction that was forced through the root's inbox.
    Forced(&'a InboxMessage),
    /// A transaction that the sequencers ordered.
    Transaction(&'a Bytes),
}

impl<'a> Entry<'a> {
    /// Its name: a deposit's message hash, a transaction's own hash.
    pub(crate) fn hash(&self) -> B256 {
        match self.body {
            Body::Deposit(message) | Body::Forced(message) => entry_hash(message),
            Body::Transaction(bytes) => plasma_core::transaction_hash(bytes),
        }
    }

    /// The signed bytes; a deposit has none.
    pub(crate) fn transaction(&self) -> Option<&'a Bytes> {
        match self.body {
            Body::Deposit(_) => None,
            Body::Forced(message) => Some(&message.data),
            Body::Transaction(bytes) => Some(bytes),
        }
    }

    /// The number of its step: begin is 0.
    pub(crate) fn step(&self) -> u32 {
        self.index as u32 + 1
    }
}

/// The entry at this place of a block.
pub(crate) fn entry(block: &StoredBlock, index: u64) -> Option<Entry<'_>> {
    let at = usize::try_from(index).ok()?;
    let receipt = block.receipts.get(at.checked_add(1)?)?;
    let body = match block.messages.get(at) {
        Some(message) if message.kind == MessageKind::Deposit => Body::Deposit(message),
        Some(message) => Body::Forced(message),
        None => Body::Transaction(block.block.transactions.get(at - block.messages.len())?),
    };
    Some(Entry {
        block,
        index,
        body,
        receipt,
    })
}

/// All entries of a block.
pub(crate) fn entries(block: &StoredBlock) -> impl Iterator<Item = Entry<'_>> {
    (0..).map_while(|index| entry(block, index))
}
