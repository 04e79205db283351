//! From blocks to state.

use alloc::{vec, vec::Vec};

use alloy_primitives::B256;

use super::segment::finish_segment;
use crate::{
    Block, BlockContext, Changes, Execution, InboxMessage, Outbox, OutboxMessage, Receipt,
    StateRead, Step,
};

/// What came of a block, its outbox included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedBlock {
    /// One for each of [`steps_of`], in order.
    pub receipts: Vec<Receipt>,
    /// The segments that the block was cut into, in order; one at least.
    pub segments: Vec<ExecutedSegment>,
    /// The messages it sent, in their places, each with the number of the step that sent it.
    pub sent: Vec<(u32, OutboxMessage)>,
    /// The root of the outbox after it.
    pub outbox_root: B256,
}

/// What came of one segment of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedSegment {
    /// The number in the block of the first step after it.
    pub end: u32,
    /// Its writes over the state that the segment before left, in key order.
    pub changes: Changes,
    /// The root of the outbox after it.
    pub outbox_root: B256,
}

impl ExecutedBlock {
    /// All writes of the block, in key order.
    pub fn into_changes(self) -> Changes {
        let mut all = Changes::new();
        for segment in self.segments {
            if all.is_empty() {
                all = segment.changes;
            } else {
                all.extend(segment.changes);
            }
        }
        all
    }
}

/// The steps of a block: begin, the inbox's messages that it consumes, its transactions, end.
pub fn steps_of(block: &Block, messages: &[InboxMessage]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(messages.len() + block.transactions.len() + 2);
    steps.push(Step::Begin);
    steps.extend(messages.iter().cloned().map(Step::Message));
    steps.extend(block.transactions.iter().cloned().map(Step::Transaction));
    steps.push(Step::End);
    steps
}

/// Executes a block, segment by segment, on the state that its parent left.
///
/// `messages` are those that it consumes: from its parent's count to its own. The same segments come of it as of
/// [`transition`](crate::transition), and together the same as of the block's steps one by one.
pub fn execute_block(
    execution: &dyn Execution,
    base: &dyn StateRead,
    genesis: B256,
    block: &Block,
    messages: &[InboxMessage],
) -> ExecutedBlock {
    let context = BlockContext::of(&block.header, genesis);
    let steps = steps_of(block, messages);
    let mut outbox = Outbox::load(base);
    let mut executed = ExecutedBlock {
        receipts: Vec::with_capacity(steps.len()),
        segments: vec![],
        sent: vec![],
        outbox_root: outbox.root(),
    };
    let mut start = 0;
    for (end, outcome) in execution.apply_segments(base, &context, &steps) {
        let outcome = finish_segment(outcome, &context, &mut outbox, Some(executed.outbox_root));
        executed.receipts.extend(outcome.receipts);
        let place = |(step, message)| (start as u32 + step, message);
        executed.sent.extend(outcome.sent.into_iter().map(place));
        executed.outbox_root = outcome.outbox_root;
        executed.segments.push(ExecutedSegment {
            end: end as u32,
            changes: outcome.changes,
            outbox_root: outcome.outbox_root,
        });
        start = end;
    }
    executed
}
