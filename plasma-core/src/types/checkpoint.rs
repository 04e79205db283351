//! Checkpoints: the leaves of the outer trace of a claim.

use alloy_primitives::B256;
use borsh::{BorshDeserialize, BorshSerialize};

use super::{BlockHeader, Height, StepLeaf, Timestamp, steps_root};
use crate::{WordReader, Words};

/// All that the next segment needs to go on from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Checkpoint {
    /// The root of the state trie.
    pub state_root: B256,
    /// The root of the outbox, from which withdrawals are proven.
    pub outbox_root: B256,
    /// The last block derived.
    pub height: Height,
    /// Its hash.
    pub block: B256,
    /// Its time.
    pub timestamp: Timestamp,
    /// How many inbox messages are consumed.
    pub messages: u64,
    /// The next inbox entry to process.
    pub entry: u64,
    /// Inside an entry: the commitment to its list of steps. Zero between entries.
    pub steps_root: B256,
    /// Inside an entry: how many steps it has.
    pub steps_count: u32,
    /// Inside an entry: the next of them.
    pub next_step: u32,
}

impl Checkpoint {
    /// Whether it stands between entries, and not inside one.
    pub fn is_between_entries(&self) -> bool {
        self.steps_count == 0
    }

    /// The checkpoint once the entry that this one stands before is opened: inside it, before its first step; or
    /// behind it, where it has no steps.
    pub fn opened(&self, steps: &[StepLeaf]) -> Self {
        match steps_root(steps) {
            None => Self {
                entry: self.entry + 1,
                ..*self
            },
            Some(steps_root) => Self {
                steps_root,
                steps_count: steps.len() as u32,
                next_step: 0,
                ..*self
            },
        }
    }

    /// The checkpoint after a segment of the entry that this one stands inside: before step `next`, and after `block`
    /// if the segment ended that. The entry's last step leads out of it.
    pub fn after_segment(
        &self,
        next: u32,
        block: Option<(B256, &BlockHeader)>,
        state_root: B256,
        outbox_root: B256,
    ) -> Self {
        let mut after = Self {
            state_root,
            outbox_root,
            next_step: next,
            ..*self
        };
        if let Some((hash, header)) = block {
            after.block = hash;
            after.height = header.height;
            after.timestamp = header.timestamp;
            after.messages = header.messages;
        }
        if next >= self.steps_count {
            after.entry += 1;
            (after.steps_root, after.steps_count, after.next_step) = (B256::ZERO, 0, 0);
        }
        after
    }

    /// The leaf of the trace: keccak-256 over [`Checkpoint::words`].
    pub fn hash(&self) -> B256 {
        self.words().keccak()
    }

    /// The fields as 32-byte words, in order.
    pub fn words(&self) -> Words {
        Words::new()
            .word(self.state_root)
            .word(self.outbox_root)
            .uint(self.height.0)
            .word(self.block)
            .uint(self.timestamp.0)
            .uint(self.messages)
            .uint(self.entry)
            .word(self.steps_root)
            .uint(self.steps_count)
            .uint(self.next_step)
    }

    /// The checkpoint of these words.
    pub fn from_words(bytes: &[u8]) -> Option<Self> {
        let mut words = WordReader::new(bytes, 10)?;
        Some(Self {
            state_root: words.word()?,
            outbox_root: words.word()?,
            height: Height(words.uint()?),
            block: words.word()?,
            timestamp: Timestamp(words.uint()?),
            messages: words.uint()?,
            entry: words.uint()?,
            steps_root: words.word()?,
            steps_count: words.uint()?,
            next_step: words.uint()?,
        })
    }
}
