//! Opening an entry: its blocks, and the commitment to their steps.

use alloc::vec::Vec;

use alloy_primitives::Bytes;

use super::{TransitionError, reader::Reader};
use crate::{
    BatchDefect, ChainHead, Checkpoint, EntryKind, InboxEntry, StepLeaf, check_batch, derive_opened,
};

/// The checkpoint once `entry` is opened: inside it, or, where it has no blocks, behind it.
pub(super) fn open(
    reader: &Reader<'_>,
    agreed: &Checkpoint,
    entry: &InboxEntry,
) -> Result<Checkpoint, TransitionError> {
    let head = ChainHead::of(&reader.header(&agreed.block)?, agreed.entry);
    let bytes = match &entry.kind {
        EntryKind::Force => Ok(Bytes::new()),
        EntryKind::Batch(batch) => match check_batch(&head, batch) {
            Err(defect) => Err(defect),
            Ok(()) => reader
                .chunks(&batch.commitment.root, batch.commitment.length)?
                .ok_or(BatchDefect::Commitment(batch.commitment)),
        },
    };
    let derived = derive_opened(
        &head,
        entry,
        bytes.as_ref().map(AsRef::as_ref).map_err(Clone::clone),
    );
    let messages = reader.message_hashes(entry.message_hash, head.messages, entry.messages)?;
    let mut messages = messages.into_iter();
    let mut leaves: Vec<StepLeaf> = Vec::new();
    let mut consumed = head.messages;
    for block in &derived.blocks {
        // Derivation lets no block fall behind the one before, or go beyond the entry.
        let count = (block.header.messages - consumed) as usize;
        consumed = block.header.messages;
        let own = messages.by_ref().take(count);
        leaves.extend(StepLeaf::of_block(
            block.header.hash(),
            own,
            &block.transactions,
        ));
    }
    Ok(agreed.opened(&leaves))
}
