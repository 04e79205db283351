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
use crate::{BatchHeader, Words};

/// The longest `data` of an inbox message, so that a whole message fits one preimage of the fault-proof machine.
pub const MAX_MESSAGE_DATA_BYTES: usize = 3_072;

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
    /// The hash that the inbox chains.
    pub fn hash(&self) -> B256 {
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
            .keccak()
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
        self.message_hash = Words::new()
            .word(self.message_hash)
            .word(message.hash())
            .keccak();
    }

    /// Folds one entry in.
    pub fn push_entry(&mut self, entry: &InboxEntry) {
        let (kind, payload) = match &entry.kind {
            EntryKind::Batch(batch) => (0_u8, batch.hash()),
            EntryKind::Force => (1, B256::ZERO),
        };
        self.entry_hash = Words::new()
            .word(self.entry_hash)
            .uint(kind)
            .word(payload)
            .uint(entry.messages)
            .word(entry.message_hash)
            .uint(entry.timestamp.0)
            .keccak();
    }
}
