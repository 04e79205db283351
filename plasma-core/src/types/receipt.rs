//! What came of a step.

use alloc::{string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{Gas, OutgoingMessage};

/// How a step ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum Status {
    /// It did what it said.
    #[default]
    Success,
    /// It was paid for, and its effects were undone.
    Reverted,
    /// It could not even be paid for: malformed, a used nonce, no funds. No effect at all.
    Invalid,
}

/// An event, as the EVM shapes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Log {
    /// The contract or module that emitted it.
    pub address: Address,
    /// Up to four indexed words; the first is the event's signature.
    pub topics: Vec<B256>,
    /// The rest, ABI-encoded.
    pub data: Bytes,
}

/// What came of one step of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Receipt {
    /// How it ended.
    pub status: Status,
    /// The work that was paid for.
    pub gas_used: Gas,
    /// What each unit of gas cost, in wei.
    pub gas_price: u128,
    /// What the call returned, or the data it reverted with.
    pub output: Bytes,
    /// The events it emitted.
    pub logs: Vec<Log>,
    /// The messages it sends to other chains. Core gives them their places in the outbox.
    pub messages: Vec<OutgoingMessage>,
    /// The contract that it created.
    pub created: Option<Address>,
    /// Why it failed, in words; empty for a success. Deterministic, at most a few hundred bytes.
    pub reason: String,
}

impl Receipt {
    /// A step that had no effect at all, and why.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self {
            status: Status::Invalid,
            reason: reason.into(),
            ..Self::default()
        }
    }

    /// Whether it did what it said.
    pub fn succeeded(&self) -> bool {
        self.status == Status::Success
    }
}
