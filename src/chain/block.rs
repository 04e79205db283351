//! A block with all that came of it.

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    B256, Block, Bytes, Certificate, Checkpoint, Height, InboxMessage, OutboxMessage, Receipt,
    Step, StepLeaf,
};

/// A block with all that came of it, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredBlock {
    /// The block's hash.
    pub hash: B256,
    /// The block.
    pub block: Block,
    /// The committee's proof; `None` for genesis and for blocks that only derivation gave.
    pub certificate: Option<Certificate>,
    /// The inbox messages that it consumed.
    pub messages: Vec<InboxMessage>,
    /// What came of each step: begin, messages, transactions, end.
    pub receipts: Vec<Receipt>,
    /// The messages it sent, each with the number of the step that sent it.
    pub sent: Vec<(u32, OutboxMessage)>,
    /// The segments that its execution was cut into, in order; none for genesis.
    pub segments: Vec<StoredSegment>,
    /// The state root after it.
    pub state_root: B256,
    /// The outbox root after it.
    pub outbox_root: B256,
    /// The base fee in it, in wei.
    pub base_fee: u128,
    /// The gas that it could use.
    pub gas_limit: u64,
}

/// What came of one segment of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredSegment {
    /// The number in the block of the first step after it.
    pub end: u32,
    /// The state root after it.
    pub state_root: B256,
    /// The outbox root after it.
    pub outbox_root: B256,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// The block.
    pub height: Height,
    /// The step in it, counting from begin.
    pub step: u32,
}

impl StoredBlock {
    /// The block's number.
    pub fn height(&self) -> Height {
        self.block.header.height
    }

    /// Each inbox message and transaction with its step's number, its bytes' hash and its receipt, in order.
    ///
    /// A deposit is named by its message's hash, a transaction by its own.
    pub fn entries(&self) -> impl Iterator<Item = (u32, B256, Step, &Receipt)> {
        let messages = self
            .messages
            .iter()
            .map(|message| (entry_hash(message), Step::Message(message.clone())));
        let transactions = self.block.transactions.iter();
        let transactions = transactions.map(|bytes: &Bytes| {
            (
                plasma_core::transaction_hash(bytes),
                Step::Transaction(bytes.clone()),
            )
        });
        let steps = messages.chain(transactions).zip(1_u32..);
        // Genesis has no receipts.
        steps.filter_map(|((hash, step), number)| {
            self.receipts
                .get(number as usize)
                .map(|receipt| (number, hash, step, receipt))
        })
    }

    /// Each inbox message and transaction by its step's number and what [`Self::entries`] calls it, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = (u32, B256)> {
        let messages = self.messages.iter().map(entry_hash);
        let transactions = self.block.transactions.iter();
        let transactions = transactions.map(|bytes| plasma_core::transaction_hash(bytes));
        // Genesis has no receipts.
        (1..self.receipts.len() as u32).zip(messages.chain(transactions))
    }

    /// The gas that all its steps used.
    pub fn gas_used(&self) -> u64 {
        self.receipts.iter().map(|receipt| receipt.gas_used.0).sum()
    }

    /// Its steps, as an entry's list commits to them.
    pub fn steps(&self) -> impl Iterator<Item = StepLeaf> {
        let messages = self.messages.iter().map(InboxMessage::hash);
        StepLeaf::of_block(self.hash, messages, &self.block.transactions)
    }

    /// The claimable state after it, with `entry` as the next inbox entry.
    pub fn checkpoint(&self, entry: u64) -> Checkpoint {
        Checkpoint {
            state_root: self.state_root,
            outbox_root: self.outbox_root,
            height: self.height(),
            block: self.hash,
            timestamp: self.block.header.timestamp,
            messages: self.block.header.messages,
            entry,
            ..Checkpoint::default()
        }
    }
}

/// The hash under which an inbox message shows as a transaction: a forced one by its own bytes, so that its sender
/// finds it.
pub(crate) fn entry_hash(message: &InboxMessage) -> B256 {
    match message.kind {
        plasma_core::MessageKind::Transaction => plasma_core::transaction_hash(&message.data),
        plasma_core::MessageKind::Deposit => message.hash(),
    }
}
