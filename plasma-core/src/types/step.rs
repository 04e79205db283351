//! The steps of an inbox entry, as a checkpoint commits to them.
//!
//! ```text
//!   leaf     keccak(kind u8 | hash of the block's header | payload)
//!   tree     node = keccak(left, right), of the least height that holds all leaves, padded with zero
//! ```

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes, keccak256};

use super::{CHUNK_BYTES, InboxMessage, chunk_root, put_chunks, transaction_hash};
use crate::{PreimageMap, WordReader, Words};

/// What a step is, and what its leaf's payload commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StepKind {
    /// The block begins. Payload: zero.
    Begin,
    /// An inbox message. Payload: its hash.
    Message,
    /// A transaction of at most [`CHUNK_BYTES`]. Payload: the keccak of its bytes.
    Transaction,
    /// A longer transaction. Payload: the keccak of its length and its chunk root, as words.
    LongTransaction,
    /// The block ends. Payload: zero.
    End,
}

impl StepKind {
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Begin,
            1 => Self::Message,
            2 => Self::Transaction,
            3 => Self::LongTransaction,
            4 => Self::End,
            _ => return None,
        })
    }
}

/// One step as the list of steps commits to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLeaf {
    /// What it is.
    pub kind: StepKind,
    /// The hash of the block that it is in.
    pub block: B256,
    /// What it is about.
    pub payload: B256,
}

impl StepLeaf {
    /// The words that are hashed.
    pub fn words(&self) -> Words {
        Words::new()
            .uint(self.kind as u8)
            .word(self.block)
            .word(self.payload)
    }

    /// The leaf.
    pub fn hash(&self) -> B256 {
        self.words().keccak()
    }

    /// The step of these words.
    pub fn from_words(bytes: &[u8]) -> Option<Self> {
        let mut words = WordReader::new(bytes, 3)?;
        Some(Self {
            kind: StepKind::from_number(words.uint()?)?,
            block: words.word()?,
            payload: words.word()?,
        })
    }

    /// The step of a transaction.
    pub fn transaction(block: B256, bytes: &[u8]) -> Self {
        let (kind, payload) = if bytes.len() <= CHUNK_BYTES {
            (StepKind::Transaction, transaction_hash(bytes))
        } else {
            (StepKind::LongTransaction, long_transaction(bytes).keccak())
        };
        Self {
            kind,
            block,
            payload,
        }
    }

    /// The steps of a block: begin, its messages by their hashes, its transactions, end.
    pub fn of_block(
        block: B256,
        messages: impl IntoIterator<Item = B256>,
        transactions: &[Bytes],
    ) -> impl Iterator<Item = Self> {
        let step = move |kind, payload| Self {
            kind,
            block,
            payload,
        };
        let messages = messages
            .into_iter()
            .map(move |hash| step(StepKind::Message, hash));
        let transactions = transactions
            .iter()
            .map(move |bytes| Self::transaction(block, bytes));
        [step(StepKind::Begin, B256::ZERO)]
            .into_iter()
            .chain(messages)
            .chain(transactions)
            .chain([step(StepKind::End, B256::ZERO)])
    }
}

fn long_transaction(bytes: &[u8]) -> Words {
    Words::new()
        .uint(bytes.len() as u64)
        .word(chunk_root(bytes))
}

/// Adds what the payload of a message's step needs: its words and its data.
pub fn put_message(known: &mut PreimageMap, message: &InboxMessage) {
    known.insert_keccak(Bytes::copy_from_slice(message.words().as_bytes()));
    known.insert_keccak(message.data.clone());
}

/// Adds what the payload of a transaction's step needs: its bytes, or their length and chunks.
pub fn put_transaction(known: &mut PreimageMap, bytes: &Bytes) {
    if bytes.len() <= CHUNK_BYTES {
        known.insert_keccak(bytes.clone());
    } else {
        known.insert_keccak(Bytes::copy_from_slice(long_transaction(bytes).as_bytes()));
        put_chunks(known, bytes);
    }
}

/// The height of the tree over so many steps.
pub fn steps_height(count: u32) -> u32 {
    u32::BITS - count.saturating_sub(1).leading_zeros()
}

/// The commitment to a list of steps; `None` for no steps, which need none, and for 2^32 or more.
pub fn steps_root(leaves: &[StepLeaf]) -> Option<B256> {
    fold_steps(leaves, &mut |_, _| {})
}

/// Adds the leaves and the nodes of the tree over them; returns its root.
pub fn put_steps(known: &mut PreimageMap, leaves: &[StepLeaf]) -> Option<B256> {
    for leaf in leaves {
        known.insert_keccak(Bytes::copy_from_slice(leaf.words().as_bytes()));
    }
    fold_steps(leaves, &mut |left, right| {
        known.insert_keccak([left.0, right.0].concat().into());
    })
}

fn fold_steps(leaves: &[StepLeaf], emit: &mut dyn FnMut(&B256, &B256)) -> Option<B256> {
    let count = u32::try_from(leaves.len())
        .ok()
        .filter(|count| *count > 0)?;
    let mut level: Vec<B256> = leaves.iter().map(StepLeaf::hash).collect();
    let mut padding = B256::ZERO;
    for _ in 0..steps_height(count) {
        let above = level.chunks(2).map(|pair| {
            let right = pair.get(1).unwrap_or(&padding);
            emit(&pair[0], right);
            node(&pair[0], right)
        });
        level = above.collect();
        padding = node(&padding, &padding);
    }
    level.first().copied()
}

fn node(left: &B256, right: &B256) -> B256 {
    keccak256([left.0, right.0].as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_padded_with_zero_to_the_least_height() {
        for (count, height) in [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1_000, 10)] {
            let leaves: Vec<StepLeaf> = (0..count)
                .map(|n: u32| StepLeaf::transaction(B256::repeat_byte(7), &n.to_be_bytes()))
                .collect();
            assert_eq!(steps_height(count), height);
            let mut level: Vec<B256> = leaves.iter().map(StepLeaf::hash).collect();
            level.resize(1 << height, B256::ZERO);
            while level.len() > 1 {
                level = level
                    .chunks(2)
                    .map(|pair| keccak256([pair[0].0, pair[1].0].concat()))
                    .collect();
            }
            assert_eq!(steps_root(&leaves), Some(level[0]), "{count} steps");
        }
        assert_eq!(steps_root(&[]), None);
    }

    #[test]
    fn words_of_another_shape_are_no_step() {
        let leaf = StepLeaf::transaction(B256::repeat_byte(1), b"tx");
        let words = leaf.words();
        assert_eq!(StepLeaf::from_words(words.as_bytes()), Some(leaf));
        let mut unknown = words.as_bytes().to_vec();
        unknown[31] = 5;
        let mut wide = words.as_bytes().to_vec();
        wide[0] = 1;
        let hostile = [
            &unknown[..],
            &wide,
            &words.as_bytes()[..64],
            &[words.as_bytes(), &[0; 32]].concat(),
            &[],
        ];
        for bytes in hostile {
            assert_eq!(StepLeaf::from_words(bytes), None);
        }
    }
}
