//! Derivation: from the root's inbox and the published bytes to blocks, and from blocks to state.
//!
//! ```text
//!   inbox entry + bytes --derive_entry--> blocks --execute_block--> receipts, changes, outbox
//! ```
//! Both are pure and total: every malformed thing has one defined outcome, the same in the node, in a verifier
//! and in the fault-proof machine.

mod entry;
mod execute;
mod genesis;
mod segment;

pub use entry::{
    BatchDefect, ChainHead, DerivedEntry, MAX_TIMESTAMP_DRIFT_MS, check_batch, derive_entry,
    derive_opened, forced_block,
};
pub use execute::{ExecutedBlock, ExecutedSegment, execute_block, steps_of};
pub use genesis::{Genesis, GenesisState};
pub(crate) use segment::drop_long_values;
pub use segment::{SegmentCut, SegmentOutcome, execute_segment, segment_ends, segment_length};
