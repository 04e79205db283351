//! Sequencing for the Plasma SDK: a bounded mempool and the orderers that certify blocks.

mod builder;
mod journal;
mod mempool;
mod solo;

pub use builder::BlockBuilder;
pub use journal::{FileJournal, Journal, JournalError, MemoryJournal};
pub use mempool::{Mempool, MempoolLimits, MempoolStatistics, Picked, TRANSACTION_OVERHEAD_BYTES};
pub use solo::{SoloConfig, SoloSequencer};
