//! Putting a chain together: its parts, its root, and the defaults of each slot.

mod builder;
mod error;
mod member;
mod root;
mod running;
mod sequencer;

pub use builder::{ChainBuilder, DEFAULT_GENESIS_TIME};
pub use error::LaunchError;
pub use member::{CommitteeMember, Committees, Member};
pub use root::{EmbeddedRoot, EmbeddedRootConfig, RootHandle};
pub use running::RunningChain;
pub use sequencer::{Based, SequencerParts, SequencerPlan, Solo, StartedSequencer};
