//! The inbox's two hash chains, folded along and compared with the contract's own.
//!
//! A node that leaves out, adds or changes a message or an entry is found out before anything that
//! follows from it is handed on: each event's hash must continue the chain, and at the head the
//! counts and hashes must be those in the contract's storage. What is not known after a start in
//! the middle is asked of the contract: both lists only grow, so the newest state answers for every
//! older place.

use std::collections::BTreeMap;

use alloy::sol_types::SolCall;
use futures::try_join;
use plasma_core::{B256, ChainId, Inbox, InboxEntry, RootEvent, SettlementError};

use super::decode::Found;
use crate::{
    contracts::{Contracts, abi},
    root::RootClient,
};

/// Accumulators kept; an older one is asked for again.
const MAX_KEPT: usize = 4_096;

/// Why events do not continue what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// The node left something out, or gave it twice. Asking again may help: nodes behind one
    /// address differ.
    Gap(String),
    /// As the error says.
    Other(SettlementError),
}

impl From<SettlementError> for Break {
    fn from(error: SettlementError) -> Self {
        Self::Other(error)
    }
}

/// Where the follower stands in the inbox. `None`: not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tracker {
    entries: Option<u64>,
    entry_hash: Option<B256>,
    messages: Option<u64>,
    /// The accumulator after so many messages.
    accumulators: BTreeMap<u64, B256>,
}

/// The inbox's own state, at one block.
pub(super) struct Contract<'a> {
    pub(super) root: &'a RootClient,
    pub(super) contracts: &'a Contracts,
    pub(super) chain_id: ChainId,
    pub(super) at: B256,
}

impl Contract<'_> {
    /// Asks a view. It refuses only what is not there; and whoever asks read that it is: the root was
    /// set back in between, and shows it when asked again.
    async fn ask<C: SolCall>(&self, call: &C) -> Result<C::Return, SettlementError> {
        let asked = self.root.call(self.contracts.inbox, call, self.at).await;
        asked.map_err(|error| match error {
            SettlementError::Refused(reason) | SettlementError::Stale(reason) => {
                SettlementError::Unavailable(format!(
                    "its inbox moved while it was read ({reason})"
                ))
            }
            other => other,
        })
    }

    async fn counts(&self) -> Result<(u64, u64), SettlementError> {
        let call = abi::Inbox::countsCall {
            chainId: self.chain_id.0,
        };
        let counts = self.ask(&call).await?;
        Ok((counts.entries, counts.enqueued))
    }

    async fn accumulator(&self, count: u64) -> Result<B256, SettlementError> {
        let call = abi::Inbox::messageAccCall {
            chainId: self.chain_id.0,
            count,
        };
        self.ask(&call).await
    }

    async fn entry_hash(&self, count: u64) -> Result<B256, SettlementError> {
        let call = abi::Inbox::entryHashCall {
            chainId: self.chain_id.0,
            count,
        };
        self.ask(&call).await
    }
}

impl Tracker {
    /// Where the inbox stood at a block. A node that no longer has that state tells nothing, and
    /// then the first events do.
    pub(super) async fn anchor(contract: Contract<'_>) -> Self {
        match contract.counts().await {
            Ok((entries, messages)) => Self {
                entries: Some(entries),
                messages: Some(messages),
                ..Self::default()
            },
            // There was no contract yet: it returned nothing.
            Err(SettlementError::Contract(_)) => Self::empty(),
            Err(_) => Self::default(),
        }
    }

    /// Before the first message and entry.
    pub(super) fn empty() -> Self {
        Self {
            entries: Some(0),
            messages: Some(0),
            ..Self::default()
        }
    }

    /// Takes one event in, and gives what it means.
    pub(super) async fn apply(
        &mut self,
        contract: &Contract<'_>,
        found: Found,
    ) -> Result<RootEvent, Break> {
        match found {
            Found::Plain(event) => Ok(event),
            Found::Message {
                message,
                accumulator,
            } => {
                expect("message", self.messages, message.index)?;
                let mut inbox = Inbox {
                    message_hash: self.accumulator(contract, message.index).await?,
                    ..Inbox::default()
                };
                inbox.push_message(&message);
                let next = message.index + 1;
                same(
                    &format!("the accumulator of {next} messages"),
                    accumulator,
                    inbox.message_hash,
                )?;
                self.messages = Some(next);
                self.keep(next, accumulator);
                Ok(RootEvent::Message(message))
            }
            Found::Entry {
                index,
                kind,
                messages,
                timestamp,
                hash,
                bytes,
            } => {
                expect("entry", self.entries, index)?;
                let message_hash = self.accumulator(contract, messages).await?;
                let entry = InboxEntry {
                    index,
                    kind,
                    messages,
                    message_hash,
                    timestamp,
                };
                let entry_hash = match (index, self.entry_hash) {
                    (0, _) => B256::ZERO,
                    (_, Some(hash)) => hash,
                    (_, None) => contract.entry_hash(index).await?,
                };
                let mut inbox = Inbox {
                    entry_hash,
                    ..Inbox::default()
                };
                inbox.push_entry(&entry);
                same(
                    &format!("the hash of {} entries", index + 1),
                    hash,
                    inbox.entry_hash,
                )?;
                self.entries = Some(index + 1);
                self.entry_hash = Some(hash);
                Ok(match bytes {
                    Some(bytes) => RootEvent::OpenEntry { entry, bytes },
                    None => RootEvent::Entry(entry),
                })
            }
        }
    }

    /// Compares with the contract at the block up to which all events were taken in.
    pub(super) async fn check(&mut self, contract: &Contract<'_>) -> Result<(), Break> {
        let (entries, messages) = contract.counts().await?;
        let checked = try_join!(contract.entry_hash(entries), contract.accumulator(messages))?;
        for (what, known, own) in [
            ("entries", self.entries, entries),
            ("messages", self.messages, messages),
        ] {
            if let Some(known) = known.filter(|known| *known != own) {
                return Err(Break::Gap(format!(
                    "the inbox holds {own} {what}, but the node's logs give {known}"
                )));
            }
        }
        if let Some(hash) = self.entry_hash {
            same(&format!("the hash of {entries} entries"), checked.0, hash)?;
        }
        if let Some(hash) = self.accumulators.get(&messages) {
            same(
                &format!("the accumulator of {messages} messages"),
                checked.1,
                *hash,
            )?;
        }
        self.entries = Some(entries);
        self.messages = Some(messages);
        self.entry_hash = Some(checked.0);
        self.keep(messages, checked.1);
        Ok(())
    }

    async fn accumulator(
        &mut self,
        contract: &Contract<'_>,
        count: u64,
    ) -> Result<B256, SettlementError> {
        if count == 0 {
            return Ok(B256::ZERO);
        }
        if let Some(hash) = self.accumulators.get(&count) {
            return Ok(*hash);
        }
        let hash = contract.accumulator(count).await?;
        self.keep(count, hash);
        Ok(hash)
    }

    fn keep(&mut self, count: u64, hash: B256) {
        self.accumulators.insert(count, hash);
        if self.accumulators.len() > MAX_KEPT {
            self.accumulators.pop_first();
        }
    }
}

fn expect(what: &str, next: Option<u64>, got: u64) -> Result<(), Break> {
    match next {
        Some(next) if next != got => Err(Break::Gap(format!(
            "{what} {next} of the inbox comes next, but the node's logs give {got}"
        ))),
        _ => Ok(()),
    }
}

fn same(what: &str, own: B256, folded: B256) -> Result<(), Break> {
    if own == folded {
        return Ok(());
    }
    Err(Break::Other(SettlementError::Contract(format!(
        "{what} is {own} by the contract, but {folded} by the node's logs; \
         the node lies or is broken, ask another"
    ))))
}
