use alloy_primitives::B256;

use crate::{ChainId, WordReader, Words};

/// What a transition is about. Its hash is the first key that the fault-proof machine is given, built by the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionInput {
    /// The chain.
    pub chain_id: ChainId,
    /// The hash of its genesis block.
    pub genesis: B256,
    /// The hash of the checkpoint from which it goes on.
    pub agreed: B256,
    /// The hash of the inbox's chain after the entry before which, or inside which, that checkpoint stands.
    pub entry: B256,
}

impl TransitionInput {
    /// The words that are hashed.
    pub fn words(&self) -> Words {
        Words::new()
            .uint(self.chain_id.0)
            .word(self.genesis)
            .word(self.agreed)
            .word(self.entry)
    }

    /// The key under which the machine finds it.
    pub fn hash(&self) -> B256 {
        self.words().keccak()
    }

    /// The input of these words.
    pub fn from_words(bytes: &[u8]) -> Option<Self> {
        let mut words = WordReader::new(bytes, 4)?;
        Some(Self {
            chain_id: ChainId(words.uint()?),
            genesis: words.word()?,
            agreed: words.word()?,
            entry: words.word()?,
        })
    }
}
