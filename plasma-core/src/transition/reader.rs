//! Reading what hashes commit to.

use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY};

use super::{TransitionError, TransitionInput};
use crate::{
    BatchHeader, BlockHeader, CHUNK_BYTES, Checkpoint, EntryKind, EntryLink, InboxEntry,
    InboxMessage, PreimageKind, Preimages, StepKind, StepLeaf, WordReader,
};

/// Typed reads of what is named by its keccak-256.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) preimages: &'a dyn Preimages,
}

impl<'a> Reader<'a> {
    pub(super) fn new(preimages: &'a dyn Preimages) -> Self {
        Self { preimages }
    }

    fn keccak(&self, hash: &B256) -> Result<Bytes, TransitionError> {
        if *hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        let kind = PreimageKind::Keccak;
        self.preimages
            .get(kind, hash)
            .ok_or(TransitionError::Missing { kind, hash: *hash })
    }

    fn typed<T>(
        &self,
        hash: &B256,
        what: &'static str,
        parse: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, TransitionError> {
        parse(&self.keccak(hash)?).ok_or(TransitionError::Malformed { hash: *hash, what })
    }

    pub(super) fn input(&self, hash: &B256) -> Result<TransitionInput, TransitionError> {
        self.typed(hash, "input", TransitionInput::from_words)
    }

    pub(super) fn checkpoint(&self, hash: &B256) -> Result<Checkpoint, TransitionError> {
        self.typed(hash, "checkpoint", Checkpoint::from_words)
    }

    pub(super) fn header(&self, hash: &B256) -> Result<BlockHeader, TransitionError> {
        self.typed(hash, "block header", BlockHeader::from_words)
    }

    pub(super) fn step(&self, hash: &B256) -> Result<StepLeaf, TransitionError> {
        self.typed(hash, "step", StepLeaf::from_words)
    }

    /// Two hashes: a node of a tree, or a link of the message chain.
    pub(super) fn pair(&self, hash: &B256) -> Result<(B256, B256), TransitionError> {
        self.typed(hash, "pair of hashes", pair)
    }

    /// The entry whose link the chain over entries ends with.
    pub(super) fn entry(&self, hash: &B256, index: u64) -> Result<InboxEntry, TransitionError> {
        let link = self.typed(hash, "inbox entry", EntryLink::from_words)?;
        let kind = if link.forced {
            EntryKind::Force
        } else {
            let batch = self.typed(&link.batch, "batch header", BatchHeader::from_words)?;
            EntryKind::Batch(batch)
        };
        Ok(InboxEntry {
            index,
            kind,
            messages: link.messages,
            message_hash: link.message_hash,
            timestamp: link.timestamp,
        })
    }

    pub(super) fn message(&self, hash: &B256) -> Result<InboxMessage, TransitionError> {
        let (mut message, data) = self.typed(hash, "message", InboxMessage::from_words)?;
        message.data = self.keccak(&data)?;
        Ok(message)
    }

    /// The hashes of the messages `from..to`, walked back from the chain's hash after them.
    pub(super) fn message_hashes(
        &self,
        after: B256,
        from: u64,
        to: u64,
    ) -> Result<Vec<B256>, TransitionError> {
        let mut hashes = Vec::new();
        let mut chain = after;
        for _ in from..to {
            let (before, message) = self.pair(&chain)?;
            hashes.push(message);
            chain = before;
        }
        hashes.reverse();
        Ok(hashes)
    }

    /// The bytes of a transaction's step.
    pub(super) fn transaction(&self, step: &StepLeaf) -> Result<Bytes, TransitionError> {
        if step.kind == StepKind::Transaction {
            return self.keccak(&step.payload);
        }
        let parse = |bytes: &[u8]| {
            let mut words = WordReader::new(bytes, 2)?;
            Some((words.uint::<u64>()?, words.word()?))
        };
        let (length, root) = self.typed(&step.payload, "long transaction", parse)?;
        self.chunks(&root, length)?
            .ok_or(TransitionError::Malformed {
                hash: root,
                what: "chunk tree",
            })
    }

    /// The bytes under the root of a chunk tree; `None` where the tree has another shape than such a length gives.
    pub(super) fn chunks(
        &self,
        root: &B256,
        length: u64,
    ) -> Result<Option<Bytes>, TransitionError> {
        if length == 0 {
            return Ok(root.is_zero().then(Bytes::new));
        }
        let mut bytes = Vec::new();
        let whole = self.add_chunks(root, length, &mut bytes)?;
        Ok(whole.then(|| bytes.into()))
    }

    /// Adds the bytes below a node, `length` of them. Recurses as deep as the logarithm of the length.
    fn add_chunks(
        &self,
        hash: &B256,
        length: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<bool, TransitionError> {
        const CHUNK: u64 = CHUNK_BYTES as u64;
        let content = self.keccak(hash)?;
        if length <= CHUNK {
            bytes.extend_from_slice(&content);
            return Ok(content.len() as u64 == length);
        }
        let Some((left, right)) = pair(&content) else {
            return Ok(false);
        };
        // The left child is full: the last node of an odd level moves up as it is.
        let first = length.div_ceil(CHUNK).next_power_of_two() / 2 * CHUNK;
        Ok(self.add_chunks(&left, first, bytes)?
            && self.add_chunks(&right, length - first, bytes)?)
    }
}

fn pair(bytes: &[u8]) -> Option<(B256, B256)> {
    let mut words = WordReader::new(bytes, 2)?;
    Some((words.word()?, words.word()?))
}
