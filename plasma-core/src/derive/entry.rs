//! From an inbox entry to blocks.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::{
    BatchHeader, Block, BlockHeader, ChainId, CodecError, CommitmentScheme, DaCommitment,
    EntryKind, Epoch, Height, InboxEntry, MAX_BATCH_BYTES, Timestamp, decode_batch,
};

/// How far a block's time may be ahead of the root's when its batch is appended.
pub const MAX_TIMESTAMP_DRIFT_MS: u64 = 60_000;

/// Where derivation stands: the last block, and the next entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct ChainHead {
    /// The chain.
    pub chain_id: ChainId,
    /// The last block.
    pub height: Height,
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub timestamp: Timestamp,
    /// The term in which it was made.
    pub epoch: Epoch,
    /// How many messages are consumed.
    pub messages: u64,
    /// The next inbox entry.
    pub entry: u64,
}

impl ChainHead {
    /// The head after this block, with `entry` as the next.
    pub fn of(header: &BlockHeader, entry: u64) -> Self {
        Self {
            chain_id: header.chain_id,
            height: header.height,
            hash: header.hash(),
            timestamp: header.timestamp,
            epoch: header.epoch,
            messages: header.messages,
            entry,
        }
    }
}

/// Why a certified batch yields no blocks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchDefect {
    /// The bytes are not those that were committed to.
    #[error("the bytes do not match commitment {root}", root = .0.root)]
    Commitment(DaCommitment),
    /// It commits to more bytes than a batch may have.
    #[error("{length} bytes are over a batch's limit of {limit}; publish smaller batches")]
    TooLong {
        /// Bytes committed to.
        length: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The bytes are no batch.
    #[error("the bytes are no batch: {0}")]
    Malformed(#[from] CodecError),
    /// It continues another block.
    #[error("blocks {first} to {last} do not follow block {height}")]
    Heights {
        /// The batch's first.
        first: Height,
        /// The batch's last.
        last: Height,
        /// The chain's last.
        height: Height,
    },
    /// A block breaks a rule of headers.
    #[error("block {height}: {rule}")]
    Header {
        /// The block.
        height: Height,
        /// The rule.
        rule: &'static str,
    },
    /// The blocks are not those that were certified.
    #[error("the blocks end in {got}, not in the certified {expected}")]
    LastHash {
        /// Certified.
        expected: B256,
        /// Derived.
        got: B256,
    },
}

/// The blocks of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedEntry {
    /// In order; together they bring the consumed messages to where the entry says.
    pub blocks: Vec<Block>,
    /// Why the entry's batch was passed over.
    pub defect: Option<BatchDefect>,
}

/// Derives the blocks of `entry`, which is the next one of `head`. `bytes` are the batch's; ignored for a forced
/// entry.
///
/// A batch counts as a whole or not at all: its certificate covers its last block, so a batch with one bad block
/// was certified by a dishonest quorum, and nothing in it is worth keeping. The messages that such a batch
/// claimed to consume are consumed by a forced block, so that what the root believes comes true.
pub fn derive_entry(head: &ChainHead, entry: &InboxEntry, bytes: &[u8]) -> DerivedEntry {
    let bytes = match &entry.kind {
        EntryKind::Force => Ok(bytes),
        EntryKind::Batch(batch) => check_batch(head, batch).and_then(|()| {
            let bound = batch.commitment.binds(bytes);
            bound
                .then_some(bytes)
                .ok_or(BatchDefect::Commitment(batch.commitment))
        }),
    };
    derive_opened(head, entry, bytes)
}

/// Whether the bytes of a batch matter at all. A batch of which this fails is passed over, whatever they are.
pub fn check_batch(head: &ChainHead, batch: &BatchHeader) -> Result<(), BatchDefect> {
    let (first, last, height) = (batch.first_height, batch.last_height, head.height);
    if first != height.next() || last < first {
        return Err(BatchDefect::Heights {
            first,
            last,
            height,
        });
    }
    let (length, limit) = (batch.commitment.length, MAX_BATCH_BYTES as u64);
    if length > limit {
        return Err(BatchDefect::TooLong { length, limit });
    }
    if batch.commitment.scheme != CommitmentScheme::ChunkTree {
        return Err(BatchDefect::Commitment(batch.commitment));
    }
    Ok(())
}

/// As [`derive_entry`], where somebody has checked the batch ([`check_batch`]) and its bytes already: either they are
/// what the commitment binds, or there is a defect.
pub fn derive_opened(
    head: &ChainHead,
    entry: &InboxEntry,
    bytes: Result<&[u8], BatchDefect>,
) -> DerivedEntry {
    let (mut blocks, defect) = match &entry.kind {
        EntryKind::Force => (Vec::new(), None),
        EntryKind::Batch(batch) => match derive_batch(head, batch, entry, bytes) {
            Ok(blocks) => (blocks, None),
            Err(defect) => (Vec::new(), Some(defect)),
        },
    };
    let head = blocks
        .last()
        .map_or(*head, |block| ChainHead::of(&block.header, entry.index));
    if head.messages < entry.messages {
        blocks.push(forced_block(&head, entry));
    }
    DerivedEntry { blocks, defect }
}

/// The block that consumes what the sequencers left.
pub fn forced_block(head: &ChainHead, entry: &InboxEntry) -> Block {
    let timestamp = entry.timestamp.timestamp().max(head.timestamp + 1);
    let header = BlockHeader {
        chain_id: head.chain_id,
        height: head.height.next(),
        epoch: head.epoch,
        parent: head.hash,
        timestamp,
        proposer: Address::ZERO,
        messages: entry.messages,
        ..BlockHeader::default()
    };
    Block {
        header,
        transactions: Vec::new(),
    }
}

fn derive_batch(
    head: &ChainHead,
    batch: &BatchHeader,
    entry: &InboxEntry,
    bytes: Result<&[u8], BatchDefect>,
) -> Result<Vec<Block>, BatchDefect> {
    let blocks = decode_batch(head, bytes?)?;
    let latest = entry.timestamp.timestamp() + MAX_TIMESTAMP_DRIFT_MS;
    // The root takes no batch that says more than its entry.
    let messages = batch.messages.min(entry.messages);
    let mut before = *head;
    for block in &blocks {
        check_header(&before, block, messages, latest).map_err(|rule| BatchDefect::Header {
            height: block.header.height,
            rule,
        })?;
        before = ChainHead::of(&block.header, entry.index);
    }
    if before.hash == batch.last_hash {
        Ok(blocks)
    } else {
        Err(BatchDefect::LastHash {
            expected: batch.last_hash,
            got: before.hash,
        })
    }
}

/// The rules of headers, but for the commitment to the transactions: decoding computes that, and the certified hash
/// covers it.
fn check_header(
    before: &ChainHead,
    block: &Block,
    messages: u64,
    latest: Timestamp,
) -> Result<(), &'static str> {
    let header = &block.header;
    let rules = [
        (header.chain_id == before.chain_id, "it is of another chain"),
        (
            header.height == before.height.next(),
            "its height does not follow its parent's",
        ),
        (header.parent == before.hash, "its parent is another block"),
        (
            header.timestamp > before.timestamp,
            "its time is not after its parent's",
        ),
        (
            header.timestamp <= latest,
            "its time is too far ahead of the root's",
        ),
        (
            header.epoch >= before.epoch,
            "its epoch is before its parent's",
        ),
        (header.messages >= before.messages, "it gives messages back"),
        (
            header.messages <= messages,
            "it consumes more messages than its batch says",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(rule),
        None => Ok(()),
    }
}
