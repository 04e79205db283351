//! The block that a request means, and the state after it.

use std::sync::Arc;

use alloy_eips::BlockId;
use plasma_core::{
    Address, BlockContext, Call, CallOutcome, FeeQuote, Query, QueryError, Reply, StateRead, U256,
};

use super::{
    arguments::Arguments,
    error::{Outcome, Refusal},
    node::Node,
};
use crate::StoredBlock;

/// The state after a block, and the context of the block that would follow it.
pub(super) struct At<'a> {
    node: &'a Node,
    pub(super) block: Arc<StoredBlock>,
    pub(super) state: Arc<dyn StateRead>,
    pub(super) context: BlockContext,
}

impl Node {
    /// The state after the block that the argument at `index` names; after the newest if it names
    /// none.
    pub(super) fn at(&self, arguments: &Arguments, index: usize) -> Outcome<At<'_>> {
        let id: BlockId = arguments.optional(index, "block")?.unwrap_or_default();
        self.after(self.block(id)?)
    }

    /// The state after the newest block.
    pub(super) fn newest(&self) -> Outcome<At<'_>> {
        self.after(self.context.chain.head())
    }

    /// The state after `block`.
    pub(super) fn after(&self, block: Arc<StoredBlock>) -> Outcome<At<'_>> {
        let chain = &self.context.chain;
        let state = chain.state_at(block.height())?;
        // A chain without traffic has an old head: calls on it run in the present, so that
        // deadlines pass.
        let newest = block.height() >= chain.head().height();
        let now = if newest {
            self.context.env.now()
        } else {
            block.block.header.timestamp
        };
        let context = chain.next_context(&block, now);
        Ok(At {
            node: self,
            block,
            state,
            context,
        })
    }
}

impl At<'_> {
    pub(super) fn ask(&self, query: &Query) -> Result<Reply, QueryError> {
        self.node
            .context
            .chain
            .execution()
            .query(&*self.state, &self.context, query)
    }

    pub(super) fn word(&self, query: &Query) -> Outcome<U256> {
        match self.ask(query)? {
            Reply::Word(word) => Ok(word),
            other => Err(mismatch(query, &other)),
        }
    }

    pub(super) fn bytes(&self, query: &Query) -> Outcome<plasma_core::Bytes> {
        match self.ask(query)? {
            Reply::Bytes(bytes) => Ok(bytes),
            other => Err(mismatch(query, &other)),
        }
    }

    pub(super) fn call(&self, call: Call, estimate: bool) -> Outcome<CallOutcome> {
        let query = if estimate {
            Query::Estimate(call)
        } else {
            Query::Call(call)
        };
        match self.ask(&query)? {
            Reply::Call(outcome) => Ok(outcome),
            other => Err(mismatch(&query, &other)),
        }
    }

    /// What gas costs in the block that would follow. An execution without fees charges none.
    pub(super) fn fees(&self) -> FeeQuote {
        match self.ask(&Query::Fees) {
            Ok(Reply::Fees(fees)) => fees,
            _ => FeeQuote::default(),
        }
    }

    /// The lowest unused nonce of an account.
    pub(super) fn nonce(&self, account: Address) -> Outcome<u64> {
        Ok(self.word(&Query::Nonce(account))?.saturating_to())
    }
}

fn mismatch(query: &Query, reply: &Reply) -> Refusal {
    Refusal::internal(format!(
        "the chain's execution answered {query:?} with {reply:?}; this is a bug of it"
    ))
}
