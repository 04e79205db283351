//! Segments: runs of steps of one block, each small enough for the fault-proof machine.

use alloc::vec::Vec;

use alloy_primitives::B256;

use crate::{
    BlockContext, BlockOutcome, Changes, Execution, Gas, MAX_VALUE_LEN, MemoryState, Outbox,
    OutboxMessage, Overlay, Receipt, StateRead, Step,
};

/// Says where a segment ends: it takes its first step, and goes on while the work of all is within the limit.
#[derive(Clone, Copy, Debug)]
pub struct SegmentCut {
    left: u64,
    empty: bool,
}

impl SegmentCut {
    /// A segment without steps, of an execution with this [`Execution::segment_gas`].
    pub fn new(segment_gas: Gas) -> Self {
        Self {
            left: segment_gas.0,
            empty: true,
        }
    }

    /// Whether a step of so much work still belongs to the segment; it is taken if so.
    pub fn takes(&mut self, work: Gas) -> bool {
        let fits = work.0 <= self.left;
        if !fits && !self.empty {
            return false;
        }
        self.left = self.left.saturating_sub(work.0);
        self.empty = false;
        true
    }
}

/// How many of these steps of one block, the next ones of it, the next segment takes. `state` is the one before them.
pub fn segment_length(execution: &dyn Execution, state: &dyn StateRead, steps: &[Step]) -> usize {
    let mut cut = SegmentCut::new(execution.segment_gas());
    steps
        .iter()
        .take_while(|step| cut.takes(execution.work(state, step)))
        .count()
}

/// Where the segments of a block end, if this is the work of its steps whatever happens before them.
pub fn segment_ends(segment_gas: Gas, work: impl IntoIterator<Item = Gas>) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut cut = SegmentCut::new(segment_gas);
    let mut count = 0;
    for work in work {
        if !cut.takes(work) {
            ends.push(count);
            cut = SegmentCut::new(segment_gas);
            cut.takes(work);
        }
        count += 1;
    }
    if count > 0 {
        ends.push(count);
    }
    ends
}

/// What came of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentOutcome {
    /// One for each step, in order.
    pub receipts: Vec<Receipt>,
    /// All writes, in key order, the outbox included.
    pub changes: Changes,
    /// The messages sent, in their places, each with the number in the segment of the step that sent it.
    pub sent: Vec<(u32, OutboxMessage)>,
    /// The root of the outbox after it.
    pub outbox_root: B256,
}

/// Executes steps of one block on the state before them.
///
/// The outbox is kept here, from the messages in the receipts, so that every [`Execution`] can send. A value that
/// is too long to be opened on the root is not written, whatever the execution says.
pub fn execute_segment(
    execution: &dyn Execution,
    base: &dyn StateRead,
    context: &BlockContext,
    steps: &[Step],
) -> SegmentOutcome {
    let outcome = execution.apply_block(base, context, steps);
    finish_segment(outcome, context, &mut Outbox::load(base), None)
}

/// What came of a segment, with the outbox brought to where it is after it; its root before is taken where it is known.
pub(super) fn finish_segment(
    outcome: BlockOutcome,
    context: &BlockContext,
    outbox: &mut Outbox,
    root: Option<B256>,
) -> SegmentOutcome {
    let BlockOutcome {
        receipts,
        mut changes,
    } = outcome;
    drop_long_values(&mut changes);
    let mut sent = Vec::new();
    for (step, receipt) in (0..).zip(&receipts) {
        for message in &receipt.messages {
            let message = OutboxMessage {
                source: context.chain_id,
                nonce: outbox.count,
                message: message.clone(),
            };
            outbox.push(message.id());
            sent.push((step, message));
        }
    }
    if !sent.is_empty() {
        let empty = MemoryState::default();
        let mut overlay = Overlay::new(&empty);
        outbox.store(&mut overlay);
        changes.extend(overlay.into_changes());
    }
    let root = root.filter(|_| sent.is_empty());
    SegmentOutcome {
        receipts,
        changes,
        sent,
        outbox_root: root.unwrap_or_else(|| outbox.root()),
    }
}

/// What could not be opened on the root is not written.
pub(crate) fn drop_long_values(changes: &mut Changes) {
    changes.retain(|_, value| {
        value
            .as_ref()
            .is_none_or(|value| value.len() <= MAX_VALUE_LEN)
    });
}
