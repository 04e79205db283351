//! The outer trace of a claim, and what the fault-proof machine needs for each segment of it.
//!
//! ```text
//!   entry 5                         entry 6           entry 7, without blocks
//!   open | block 9 | block 10: a b  open | block 11   open
//!    S1      S2        S3   S4       S5     S6         S7          leaves, after S0, which is settled
//! ```
//! The trace is made of what executing kept: nothing is executed again. A segment's inputs are collected by running
//! the transition itself over all that this node has, and noting what it asks for.

use plasma_core::{
    B256, BlobRef, Bytes, ChainHead, Checkpoint, EntryKind, Height, PreimageMap, PreimageRecorder,
    Recorder, StepLeaf, TraceCommitment, TransitionInput, Trie, check_batch, execute_block,
    put_chunks, put_message, put_message_links, put_steps, put_transaction, transition,
};

use super::{Chain, ChainError, InboxRecord, StoredBlock};

/// The checkpoints of some entries' segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OuterTrace {
    /// The checkpoint before the first segment: S0.
    pub start: Checkpoint,
    /// The checkpoint after each segment: S1 to Sn.
    pub leaves: Vec<Checkpoint>,
}

impl OuterTrace {
    /// The checkpoint after the last segment.
    pub fn last(&self) -> Checkpoint {
        self.leaves.last().copied().unwrap_or(self.start)
    }

    /// The checkpoint before leaf `index`, counted from 0. Behind the last segment it stays what it is.
    pub fn before(&self, index: u64) -> Checkpoint {
        let last = self.leaves.len() as u64;
        match index.min(last).checked_sub(1) {
            // It is below the number of leaves.
            Some(place) => self.leaves[place as usize],
            None => self.start,
        }
    }

    /// What a claim commits to; `None` where there is nothing to claim, or more than a trace holds.
    pub fn commitment(&self) -> Option<TraceCommitment> {
        let hashes: Vec<B256> = self.leaves.iter().map(Checkpoint::hash).collect();
        TraceCommitment::of(&hashes)
    }
}

/// All that the fault-proof machine needs for one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInputs {
    /// Its first key is the hash of this.
    pub input: TransitionInput,
    /// Everything that it reads, and nothing else.
    pub preimages: PreimageMap,
    /// The checkpoint that comes of it.
    pub next: Checkpoint,
}

impl Chain {
    /// The segments of the entries `from..to`. `None` while this node has not derived that far.
    pub fn outer_trace(&self, from: u64, to: u64) -> Result<Option<OuterTrace>, ChainError> {
        let Some(start) = self.checkpoint_before(from)? else {
            return Ok(None);
        };
        let mut trace = OuterTrace {
            start,
            leaves: Vec::new(),
        };
        for index in from..to {
            let Some(record) = self.inbox().entry(index)? else {
                return Ok(None);
            };
            let blocks = self.entry_blocks(trace.last().height, &record)?;
            let steps: Vec<StepLeaf> = blocks.iter().flat_map(|block| block.steps()).collect();
            let mut at = trace.last().opened(&steps);
            trace.leaves.push(at);
            let mut first = 0;
            for block in &blocks {
                let end = block.receipts.len() as u32;
                for segment in &block.segments {
                    let done = (segment.end == end).then_some((block.hash, &block.block.header));
                    let (state, outbox) = (segment.state_root, segment.outbox_root);
                    at = at.after_segment(first + segment.end, done, state, outbox);
                    trace.leaves.push(at);
                }
                first += end;
            }
        }
        Ok(Some(trace))
    }

    /// The checkpoint after all entries below `entries`.
    pub fn checkpoint_before(&self, entries: u64) -> Result<Option<Checkpoint>, ChainError> {
        if entries == 0 {
            return Ok(Some(self.block(Height(0))?.checkpoint(0)));
        }
        match self.inbox().entry(entries - 1)? {
            Some(record) => Ok(Some(self.block(record.head.height)?.checkpoint(entries))),
            None => Ok(None),
        }
    }

    /// The published bytes that the segment after `agreed` reads: only one that opens a batch reads any.
    pub fn segment_bytes(&self, agreed: &Checkpoint) -> Result<Option<BlobRef>, ChainError> {
        let record = self.record_of(agreed)?;
        Ok(match record.entry.kind {
            EntryKind::Batch(batch)
                if agreed.is_between_entries()
                    && check_batch(&self.head_at(agreed)?, &batch).is_ok() =>
            {
                Some(batch.commitment.into())
            }
            _ => None,
        })
    }

    /// Collects what the segment after `agreed` reads. `bytes` are those of [`Chain::segment_bytes`]. The state
    /// before the segment's block must still be kept: that of all that is not settled is.
    pub fn segment_inputs(
        &self,
        agreed: &Checkpoint,
        bytes: Option<&Bytes>,
    ) -> Result<SegmentInputs, ChainError> {
        let record = self.record_of(agreed)?;
        let input = TransitionInput {
            chain_id: self.genesis().chain_id,
            genesis: self.genesis_hash(),
            agreed: agreed.hash(),
            entry: record.entry_hash,
        };
        let mut known = PreimageMap::default();
        for words in [input.words(), agreed.words()] {
            known.insert_keccak(Bytes::copy_from_slice(words.as_bytes()));
        }
        if agreed.is_between_entries() {
            self.collect_opening(agreed, &record, bytes, &mut known)?;
        } else {
            self.collect_execution(agreed, &record, &mut known)?;
        }
        let recorder = PreimageRecorder::new(&known);
        let next = transition(&input.hash(), &recorder, &**self.execution())?;
        Ok(SegmentInputs {
            input,
            preimages: recorder.into_used(),
            next,
        })
    }

    fn collect_opening(
        &self,
        agreed: &Checkpoint,
        record: &InboxRecord,
        bytes: Option<&Bytes>,
        known: &mut PreimageMap,
    ) -> Result<(), ChainError> {
        let before = match agreed.entry.checked_sub(1) {
            Some(index) => self.inbox().entry(index)?,
            None => None,
        };
        let (entry_hash, message_hash) = before.map_or_else(Default::default, |record| {
            (record.entry_hash, record.entry.message_hash)
        });
        record.entry.put(known, entry_hash);
        put_header(known, &*self.block(agreed.height)?);
        if let Some(bytes) = bytes {
            put_chunks(known, bytes);
        }
        let (from, to) = (agreed.messages, record.entry.messages);
        let messages = self.inbox().messages(from, to)?;
        let hashes = messages.iter().map(plasma_core::InboxMessage::hash);
        put_message_links(known, message_hash, hashes);
        Ok(())
    }

    fn collect_execution(
        &self,
        agreed: &Checkpoint,
        record: &InboxRecord,
        known: &mut PreimageMap,
    ) -> Result<(), ChainError> {
        let first = match agreed.entry.checked_sub(1) {
            Some(index) => self.inbox().entry(index)?,
            None => None,
        };
        let from = first.map_or(Height(0), |record| record.head.height);
        let blocks = self.entry_blocks(from, record)?;
        let steps: Vec<StepLeaf> = blocks.iter().flat_map(|block| block.steps()).collect();
        put_steps(known, &steps);
        let block = self.block(agreed.height.next())?;
        put_header(known, &block);
        block
            .messages
            .iter()
            .for_each(|message| put_message(known, message));
        block
            .block
            .transactions
            .iter()
            .for_each(|bytes| put_transaction(known, bytes));

        // The block is executed again, to see what it reads; and its state rebuilt to where the segment begins.
        let base = self.state_at(agreed.height)?;
        let recorder = Recorder::new(&*base);
        let executed = execute_block(
            &**self.execution(),
            &recorder,
            self.genesis_hash(),
            &block.block,
            &block.messages,
        );
        let reads = recorder.keys();
        let writes: Vec<_> = executed
            .segments
            .iter()
            .flat_map(|segment| segment.changes.keys().copied())
            .collect();
        let witness = self.store().witness(agreed.height.0, &reads, &writes)?;
        let mut root = witness.root();
        known.extend(witness.preimages().clone());
        for segment in executed.segments {
            if root == agreed.state_root {
                break;
            }
            let values = segment.changes.into_iter();
            let changes: Vec<_> = values
                .map(|(key, value)| (key, value.map(|value| known.insert_value(value))))
                .collect();
            let mut made = Vec::new();
            root = Trie::proven(&*known)
                .update_hashes(root, &changes, &mut |node, _| made.push(*node))
                .map_err(plasma_core::TransitionError::from)?;
            for node in made {
                known.insert_node(&node);
            }
        }
        Ok(())
    }

    fn record_of(&self, agreed: &Checkpoint) -> Result<InboxRecord, ChainError> {
        let known = self.inbox().entry_count()?;
        self.inbox()
            .entry(agreed.entry)?
            .ok_or(ChainError::NoEntry {
                entry: agreed.entry,
                known,
            })
    }

    fn head_at(&self, agreed: &Checkpoint) -> Result<ChainHead, ChainError> {
        let block = self.block(agreed.height)?;
        Ok(ChainHead::of(&block.block.header, agreed.entry))
    }

    /// The blocks of an entry, of which `before` is the last one before it.
    fn entry_blocks(
        &self,
        before: Height,
        record: &InboxRecord,
    ) -> Result<Vec<std::sync::Arc<StoredBlock>>, ChainError> {
        (before.0 + 1..=record.head.height.0)
            .map(|height| self.block(Height(height)))
            .collect()
    }
}

fn put_header(known: &mut PreimageMap, block: &StoredBlock) {
    known.insert_keccak(Bytes::copy_from_slice(
        block.block.header.words().as_bytes(),
    ));
}
