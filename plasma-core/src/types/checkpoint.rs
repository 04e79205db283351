//! Checkpoints: the leaves of the outer trace of a claim.

use alloy_primitives::B256;
use borsh::{BorshDeserialize, BorshSerialize};

use super::{Height, Timestamp};
use crate::Words;

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
    /// The leaf of the trace: keccak-256 over the fields as 32-byte words, in order.
    pub fn hash(&self) -> B256 {
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
            .keccak()
    }
}
