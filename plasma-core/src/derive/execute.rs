//! From blocks to state.

use alloc::vec::Vec;

use alloy_primitives::B256;

use crate::{
    Block, BlockContext, Changes, Execution, InboxMessage, MemoryState, Outbox, OutboxMessage,
    Overlay, Receipt, StateRead, Step,
};

/// What came of a block, its outbox included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedBlock {
    /// One for each of [`steps_of`], in order.
    pub receipts: Vec<Receipt>,
    /// All writes, in key order.
    pub changes: Changes,
    /// The messages it sent, in their places, each with the number of the step that sent it.
    pub sent: Vec<(u32, OutboxMessage)>,
    /// The root of the outbox after it.
    pub outbox_root: B256,
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

/// Executes a block on the state that its parent left.
///
/// `messages` are those that it consumes: from its parent's count to its own. The outbox is kept here, from the
/// messages in the receipts, so that every [`Execution`] can send.
pub fn execute_block(
    execution: &dyn Execution,
    base: &dyn StateRead,
    genesis: B256,
    block: &Block,
    messages: &[InboxMessage],
) -> ExecutedBlock {
    let context = BlockContext::of(&block.header, genesis);
    let outcome = execution.apply_block(base, &context, &steps_of(block, messages));
    let mut outbox = Outbox::load(base);
    let mut sent = Vec::new();
    for (step, receipt) in outcome.receipts.iter().enumerate() {
        for message in &receipt.messages {
            let message = OutboxMessage {
                source: context.chain_id,
                nonce: outbox.count,
                message: message.clone(),
            };
            outbox.push(message.id());
            sent.push((step as u32, message));
        }
    }
    let mut changes = outcome.changes;
    if !sent.is_empty() {
        let empty = MemoryState::default();
        let mut overlay = Overlay::new(&empty);
        outbox.store(&mut overlay);
        changes.extend(overlay.into_changes());
    }
    ExecutedBlock {
        receipts: outcome.receipts,
        changes,
        sent,
        outbox_root: outbox.root(),
    }
}
