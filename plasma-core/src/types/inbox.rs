//! The root's inbox: the one source of a chain's order.
//!
//! ```text
//!   messages   m0 ── m1 ── m2 ── m3 ...      deposits and forced transactions, as users send them
//!                    │           │
//!   entries    e0: batch ── e1: force ──     each entry says how many messages are consumed after it
//! ```
//! Both are keccak chains, so a single hash on the root commits to all that ever entered.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::Seconds;
use crate::{BatchHeader, PreimageMap, WordReader, Words};

/// The longest `data` of an inbox message, so that a whole message fits one preimage of the fault-proof machine.
pub const MAX_MESSAGE_DATA_BYTES: usize = 3_072;

/// The most messages that one entry consumes, so that opening it fits the fault-proof machine.
pub const MAX_ENTRY_MESSAGES: u64 = 1_024;

/// What an inbox message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum MessageKind {
    /// Credit what the bridge holds.
    Deposit,
    /// Execute the signed transaction in `data`.
    Transaction,
}

impl MessageKind {
    /// The number under which the root knows the kind.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind of a number that the root gave.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Deposit),
            1 => Some(Self::Transaction),
            _ => None,
        }
    }
}

/// A deposit or a forced transaction, as the root's inbox holds it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct InboxMessage {
    /// What it asks for.
    pub kind: MessageKind,
    /// Its place among all the chain's messages, from 0.
    pub index: u64,
    /// Who sent it on the root.
    pub sender: Address,
    /// Who is credited; zero for a transaction.
    pub to: Address,
    /// The asset credited: the root token's address, or zero for XPL.
    pub asset: Address,
    /// How much is credited, in the asset's smallest unit.
    pub amount: U256,
    /// When it was sent, by the root's clock.
    pub timestamp: Seconds,
    /// When anyone may force it.
    pub deadline: Seconds,
    /// A deposit's payload, or the signed transaction. At most [`MAX_MESSAGE_DATA_BYTES`].
    pub data: Bytes,
}

impl InboxMessage {
    /// The hash that the inbox chains: keccak-256 over [`InboxMessage::words`].
    pub fn hash(&self) -> B256 {
        self.words().keccak()
    }

    /// The fields as 32-byte words, in order, the data by its keccak-256.
    pub fn words(&self) -> Words {
        Words::new()
            .uint(self.kind.number())
            .uint(self.index)
            .address(self.sender)
            .address(self.to)
            .address(self.asset)
            .uint(self.amount)
            .uint(self.timestamp.0)
            .uint(self.deadline.0)
            .word(keccak256(&self.data))
    }

    /// The message of these words but for its data, and the keccak-256 of that.
    pub fn from_words(bytes: &[u8]) -> Option<(Self, B256)> {
        let mut words = WordReader::new(bytes, 9)?;
        let message = Self {
            kind: MessageKind::from_number(words.uint()?)?,
            index: words.uint()?,
            sender: words.address()?,
            to: words.address()?,
            asset: words.address()?,
            amount: words.word()?.into(),
            timestamp: Seconds(words.uint()?),
            deadline: Seconds(words.uint()?),
            data: Bytes::new(),
        };
        Some((message, words.word()?))
    }
}

/// What an entry of the inbox is.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum EntryKind {
    /// A certified batch.
    Batch(BatchHeader),
    /// Somebody forced the overdue messages.
    Force,
}

/// One entry of the inbox.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct InboxEntry {
    /// Its place, from 0.
    pub index: u64,
    /// What it is.
    pub kind: EntryKind,
    /// How many messages are consumed once it is processed.
    pub messages: u64,
    /// The message chain's hash at that count.
    pub message_hash: B256,
    /// When it was appended, by the root's clock.
    pub timestamp: Seconds,
}

/// The two hash chains of an inbox, folded forward by whoever follows the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Inbox {
    /// The chain over entries.
    pub entry_hash: B256,
    /// The chain over messages.
    pub message_hash: B256,
}

impl Inbox {
    /// Folds one message in.
    pub fn push_message(&mut self, message: &InboxMessage) {
        self.message_hash = message_link(self.message_hash, message.hash()).keccak();
    }

    /// Folds one entry in.
    pub fn push_entry(&mut self, entry: &InboxEntry) {
        self.entry_hash = entry.link(self.entry_hash).words().keccak();
    }
}

fn message_link(before: B256, message: B256) -> Words {
    Words::new().word(before).word(message)
}

/// Adds the links of the message chain from the hash `before` these messages on; returns the hash after them.
pub fn put_message_links(
    known: &mut PreimageMap,
    before: B256,
    messages: impl IntoIterator<Item = B256>,
) -> B256 {
    messages.into_iter().fold(before, |before, message| {
        let link = message_link(before, message);
        known.insert_keccak(Bytes::copy_from_slice(link.as_bytes()))
    })
}

/// One link of the chain over entries: what its hash is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLink {
    /// The chain's hash before the entry.
    pub before: B256,
    /// Whether somebody forced the overdue messages; else it is a batch.
    pub forced: bool,
    /// The batch's hash; zero for a forced entry.
    pub batch: B256,
    /// How many messages are consumed once the entry is processed.
    pub messages: u64,
    /// The message chain's hash at that count.
    pub message_hash: B256,
    /// When it was appended, by the root's clock.
    pub timestamp: Seconds,
}

impl EntryLink {
    /// The words that are hashed.
    pub fn words(&self) -> Words {
        Words::new()
            .word(self.before)
            .uint(u8::from(self.forced))
            .word(self.batch)
            .uint(self.messages)
            .word(self.message_hash)
            .uint(self.timestamp.0)
    }

    /// The link of these words.
    pub fn from_words(bytes: &[u8]) -> Option<Self> {
        let mut words = WordReader::new(bytes, 6)?;
        Some(Self {
            before: words.word()?,
            forced: match words.uint::<u8>()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            batch: words.word()?,
            messages: words.uint()?,
            message_hash: words.word()?,
            timestamp: Seconds(words.uint()?),
        })
    }
}

impl InboxEntry {
    /// The link of the chain over entries that this one makes after the hash `before`.
    pub fn link(&self, before: B256) -> EntryLink {
        let (forced, batch) = match &self.kind {
            EntryKind::Batch(batch) => (false, batch.hash()),
            EntryKind::Force => (true, B256::ZERO),
        };
        EntryLink {
            before,
            forced,
            batch,
            messages: self.messages,
            message_hash: self.message_hash,
            timestamp: self.timestamp,
        }
    }

    /// Adds the link of the entry chain after the hash `before`, and the batch's header; returns the hash after it.
    pub fn put(&self, known: &mut PreimageMap, before: B256) -> B256 {
        if let EntryKind::Batch(batch) = &self.kind {
            known.insert_keccak(Bytes::copy_from_slice(batch.words().as_bytes()));
        }
        known.insert_keccak(Bytes::copy_from_slice(self.link(before).words().as_bytes()))
    }
}
