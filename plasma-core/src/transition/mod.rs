//! The transition: from one checkpoint of a claim to the next, over data by its hash.
//!
//! ```text
//!   input --> agreed checkpoint, inbox entry
//!     between entries   open:      bytes by commitment --> blocks --> commitment to their steps
//!     inside an entry   segment:   steps of one block --> writes --> state root, outbox root
//! ```
//! The same code runs natively and in the fault-proof machine. It is total: every malformed batch, block, message
//! and transaction has a defined outcome. Only what no honest chain commits to has none, and data that is not there:
//! [`TransitionError`].

mod error;
mod input;
mod open;
mod reader;
mod segment;
mod state;

use alloy_primitives::B256;

use crate::{Checkpoint, Execution, Preimages};

pub use error::TransitionError;
pub use input::TransitionInput;
use reader::Reader;

/// The checkpoint after the one that `input` names: the hash of a [`TransitionInput`].
///
/// Everything is read through `preimages`, whose answers are taken as they are: wrap what may lie in
/// [`Verified`](crate::Verified).
pub fn transition(
    input: &B256,
    preimages: &dyn Preimages,
    execution: &dyn Execution,
) -> Result<Checkpoint, TransitionError> {
    let reader = Reader::new(preimages);
    let input = reader.input(input)?;
    let agreed = reader.checkpoint(&input.agreed)?;
    if agreed.is_between_entries() {
        let entry = reader.entry(&input.entry, agreed.entry)?;
        open::open(&reader, &agreed, &entry)
    } else {
        segment::execute(&reader, &input, &agreed, execution)
    }
}
