//! What a member remembers of the height that it is deciding, so that after a crash it says the
//! same again.
//!
//! Invariants:
//! - Nothing that was voted or proposed leaves before [`RoundLog::sync`] returned.
//! - What was synchronised is there after any crash, in order. What was appended since may be there
//!   up to any entry.
//! - A log is of one height and one [base](super::Domain::base): those of another are no longer of
//!   use, for that height is certified or was overridden.

mod file;
mod memory;

use arc_malachitebft_core_consensus::{Input, ProposedValue};
use arc_malachitebft_core_types::{Round, Timeout, TimeoutKind, Validity, ValueOrigin};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{B256, Height};

use super::{
    app::Payload,
    context::{BlockHeight, BlockId, Key, PlasmaContext, Proposal, Vote},
    wire::{Polka, Signed},
};
use crate::JournalError;

pub use file::FileLog;
pub use memory::MemoryLog;

/// What a log is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LogPlace {
    /// The height that is being decided.
    pub height: Height,
    /// What its rounds count from.
    pub base: u32,
}

/// Something to remember.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[non_exhaustive]
pub enum LogEntry {
    /// A vote, own or another's.
    Vote(Signed<Vote>),
    /// A proposal, own or another's.
    Proposal(Signed<Proposal>),
    /// Prevotes of a quorum.
    Polka(Polka),
    /// Time was up: of proposing, prevoting, precommitting (0, 1, 2) in a round.
    Timeout(u8, u32),
    /// A block is known whole, proposed in a round by a key, and found valid or not.
    Known(u32, Key, B256, bool),
    /// A block. The last says whether it is an own one.
    Body(Payload, bool),
}

impl LogEntry {
    /// The entry for an input of the engine; `None` for those that it derives again.
    pub(super) fn of(input: &Input<PlasmaContext>) -> Option<Self> {
        let round = |round: Round| round.as_u32().unwrap_or_default();
        Some(match input {
            Input::Vote(vote) => Self::Vote(vote.clone().into()),
            Input::Proposal(proposal) => Self::Proposal(proposal.clone().into()),
            Input::PolkaCertificate(polka) => Self::Polka(polka.clone().into()),
            Input::TimeoutElapsed(timeout) => {
                let kind = match timeout.kind {
                    TimeoutKind::Propose => 0,
                    TimeoutKind::Prevote => 1,
                    TimeoutKind::Precommit => 2,
                    _ => return None,
                };
                Self::Timeout(kind, round(timeout.round))
            }
            Input::ProposedValue(known, _) => Self::Known(
                round(known.round),
                known.proposer,
                known.value.0,
                known.validity.is_valid(),
            ),
            _ => return None,
        })
    }

    /// The engine's input that this entry is of; `None` for a body.
    pub(super) fn into_input(self, height: BlockHeight) -> Option<Input<PlasmaContext>> {
        Some(match self {
            Self::Vote(vote) => Input::Vote(vote.into_engine()),
            Self::Proposal(proposal) => Input::Proposal(proposal.into_engine()),
            Self::Polka(polka) => Input::PolkaCertificate(polka.into_engine()),
            Self::Timeout(kind, round) => {
                let kind = match kind {
                    0 => TimeoutKind::Propose,
                    1 => TimeoutKind::Prevote,
                    _ => TimeoutKind::Precommit,
                };
                Input::TimeoutElapsed(Timeout::new(Round::new(round), kind))
            }
            Self::Known(round, proposer, block, valid) => {
                let value = ProposedValue {
                    height,
                    round: Round::new(round),
                    valid_round: Round::Nil,
                    proposer,
                    value: BlockId(block),
                    validity: Validity::from_bool(valid),
                };
                Input::ProposedValue(value, ValueOrigin::Consensus)
            }
            Self::Body(..) => return None,
        })
    }
}

/// A durable log of one height. Not shared: two members with one key and one log would equivocate.
pub trait RoundLog: Send {
    /// What there is.
    fn read(&mut self) -> Result<(LogPlace, Vec<LogEntry>), JournalError>;

    /// Adds an entry. It is durable once [synchronised](Self::sync).
    fn append(&mut self, entry: &LogEntry) -> Result<(), JournalError>;

    /// Returns once all that was appended is durable.
    fn sync(&mut self) -> Result<(), JournalError>;

    /// Forgets everything, and begins to log another place.
    fn reset(&mut self, place: LogPlace) -> Result<(), JournalError>;
}
