//! What the root keeps of a batch.

use alloy_primitives::B256;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::{ChainId, CommitmentScheme, DaCommitment, Height, WordReader, Words};

/// What the root's inbox is told of a batch, and the next block seals.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct BatchHeader {
    /// The chain.
    pub chain_id: ChainId,
    /// The place in the inbox for which it is made.
    pub entry: u64,
    /// Its first block.
    pub first_height: Height,
    /// Its last block.
    pub last_height: Height,
    /// The last block's hash.
    pub last_hash: B256,
    /// How many inbox messages are consumed up to and including its last block.
    pub messages: u64,
    /// What binds its bytes.
    pub commitment: DaCommitment,
}

impl BatchHeader {
    /// The hash that a block seals: keccak-256 over [`BatchHeader::words`].
    pub fn hash(&self) -> B256 {
        self.words().keccak()
    }

    /// The fields as 32-byte words, in order.
    pub fn words(&self) -> Words {
        Words::new()
            .uint(self.chain_id.0)
            .uint(self.entry)
            .uint(self.first_height.0)
            .uint(self.last_height.0)
            .word(self.last_hash)
            .uint(self.messages)
            .uint(self.commitment.scheme.number())
            .word(self.commitment.root)
            .uint(self.commitment.length)
    }

    /// The header of these words.
    pub fn from_words(bytes: &[u8]) -> Option<Self> {
        let mut words = WordReader::new(bytes, 9)?;
        Some(Self {
            chain_id: ChainId(words.uint()?),
            entry: words.uint()?,
            first_height: Height(words.uint()?),
            last_height: Height(words.uint()?),
            last_hash: words.word()?,
            messages: words.uint()?,
            commitment: DaCommitment {
                scheme: CommitmentScheme::from_number(words.uint()?)?,
                root: words.word()?,
                length: words.uint()?,
            },
        })
    }
}
