//! How final a transaction is.

use core::fmt;

use borsh::{BorshDeserialize, BorshSerialize};

/// The four stages of finality, in order. A stage never regresses but by a reorganised root, and then visibly.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum Stage {
    /// Known to a sequencer, in no block yet.
    Pending,
    /// In a block with a quorum certificate (`latest`).
    Sequenced,
    /// Its bytes are on the availability layer and committed to in the root's inbox (`safe`).
    Published,
    /// A claim on the state after it has stood for the whole challenge window (`finalized`).
    Settled,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Sequenced,
        Self::Published,
        Self::Settled,
    ];

    /// The Ethereum block tag that asks for this stage.
    pub fn block_tag(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sequenced => "latest",
            Self::Published => "safe",
            Self::Settled => "finalized",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Sequenced => "sequenced",
            Self::Published => "published",
            Self::Settled => "settled",
        })
    }
}
