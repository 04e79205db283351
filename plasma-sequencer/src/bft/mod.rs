//! A committee that agrees on blocks: the sequencer network.

mod app;
mod bucket;
mod context;
mod evidence;
mod log;
mod node;
mod replica;
mod schedule;
#[cfg(test)]
mod simulation;
mod turns;
mod verifier;
mod wire;

pub use app::{AppConfig, Entered, Payload, SequencerApp, Verdict};
pub use context::*;
pub use evidence::{EVIDENCE_HEIGHTS, Evidence, EvidencePool};
pub use log::{FileLog, LogEntry, LogPlace, MemoryLog, RoundLog};
pub use node::{BftConfig, BftFault, BftSequencer, BftStatus, Peer};
pub use replica::{Expenses, Output, Replica, ReplicaConfig};
pub use schedule::{Schedule, ScheduleError};
pub use turns::{TERM, Turns};
pub use verifier::Verifier;
pub use wire::{Decided, MAX_BESIDE, MAX_MESSAGE_BYTES, Message, Polka, RoundEntry, Signed};
