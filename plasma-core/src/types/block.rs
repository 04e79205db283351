//! Blocks: what the sequencers order, certify and hand on.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{Certificate, ChainId, Epoch, Height, Timestamp, TransactionHash, transaction_hash};
use crate::{WordReader, Words};

/// The most transactions in one block.
pub const MAX_BODY_TRANSACTIONS: usize = 16_384;
/// The most bytes of transactions in one block.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What a certificate is about: the order of one block, and all that came before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct BlockHeader {
    /// The chain it belongs to.
    pub chain_id: ChainId,
    /// Its number; genesis is 0.
    pub height: Height,
    /// The term of the committee that certified it.
    pub epoch: Epoch,
    /// The hash of the block before it.
    pub parent: B256,
    /// When it was proposed; later than its parent.
    pub timestamp: Timestamp,
    /// Who proposed it, and earns its priority fees.
    pub proposer: Address,
    /// How many of the root inbox's messages are consumed up to and including this block.
    pub messages: u64,
    /// The commitment to its transactions: [`body_commitment`].
    pub body: B256,
    /// An earlier block, whose execution the proposer had finished.
    pub executed_height: Height,
    /// The state root after that block.
    pub executed_root: B256,
    /// The hash of the [`BatchHeader`](crate::BatchHeader) of the blocks before this one that it seals; zero for none.
    pub seal: B256,
}

impl BlockHeader {
    /// The block's name: keccak-256 over [`BlockHeader::words`], as the root's `Inbox` computes it.
    pub fn hash(&self) -> B256 {
        self.words().keccak()
    }

    /// The fields as 32-byte words, in order.
    pub fn words(&self) -> Words {
        Words::new()
            .uint(self.chain_id.0)
            .uint(self.height.0)
            .uint(self.epoch.0)
            .word(self.parent)
            .uint(self.timestamp.0)
            .address(self.proposer)
            .uint(self.messages)
            .word(self.body)
            .uint(self.executed_height.0)
            .word(self.executed_root)
            .word(self.seal)
    }

    /// The header of these words.
    pub fn from_words(bytes: &[u8]) -> Option<Self> {
        let mut words = WordReader::new(bytes, 11)?;
        Some(Self {
            chain_id: ChainId(words.uint()?),
            height: Height(words.uint()?),
            epoch: Epoch(words.uint()?),
            parent: words.word()?,
            timestamp: Timestamp(words.uint()?),
            proposer: words.address()?,
            messages: words.uint()?,
            body: words.word()?,
            executed_height: Height(words.uint()?),
            executed_root: words.word()?,
            seal: words.word()?,
        })
    }
}

/// The commitment to a block's transactions: keccak-256 over the hashes of them all, in order; zero for none.
pub fn body_commitment(transactions: &[Bytes]) -> B256 {
    body_commitment_of(transactions.iter().map(|bytes| transaction_hash(bytes)))
}

/// [`body_commitment`], for whoever has named the transactions: that these are their hashes is the caller's word.
pub fn body_commitment_of(hashes: impl Iterator<Item = TransactionHash>) -> B256 {
    let mut words = Vec::new();
    hashes.for_each(|hash| words.extend_from_slice(hash.as_slice()));
    if words.is_empty() {
        B256::ZERO
    } else {
        keccak256(&words)
    }
}

/// A header and the transactions that it commits to.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// The header.
    pub header: BlockHeader,
    /// The transactions, in order, as their senders sent them.
    pub transactions: Vec<Bytes>,
}

/// A block and the proof that the committee ordered it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CertifiedBlock {
    /// The block.
    pub block: Block,
    /// The proof.
    pub certificate: Certificate,
}

/// What execution may know of the block that it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockContext {
    /// The chain.
    pub chain_id: ChainId,
    /// The hash of the chain's genesis, to which native transactions are bound.
    pub genesis: B256,
    /// The block's number.
    pub height: Height,
    /// The hash of the block before it.
    pub parent: B256,
    /// When it was proposed.
    pub timestamp: Timestamp,
    /// Who proposed it.
    pub proposer: Address,
}

impl BlockContext {
    /// The context in which the block with this header runs.
    pub fn of(header: &BlockHeader, genesis: B256) -> Self {
        Self {
            chain_id: header.chain_id,
            genesis,
            height: header.height,
            parent: header.parent,
            timestamp: header.timestamp,
            proposer: header.proposer,
        }
    }
}
