//! Finding blocks and transactions.
//!
//! A block becomes the head, is indexed and moves its stage in three steps that take a moment. To
//! callers they are one: what is above the head is not there yet, and of the head all is there. So
//! whoever sees a receipt sees what it did, and whoever sees a head finds all its receipts.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use plasma_core::{B256, Bytes, Height, Stage};

use super::{
    error::{Outcome, Refusal},
    node::Node,
    objects::entries,
};
use crate::{Chain, StoredBlock};

/// The stage of a block that is here.
pub(super) fn stage_of(chain: &Chain, height: Height) -> Stage {
    chain.stages().of(height).max(Stage::Sequenced)
}

impl Node {
    /// The block that `id` names: by number, by hash (EIP-1898), or by the tag of a stage. `None`
    /// if it is not here.
    pub(super) fn find(&self, id: BlockId) -> Outcome<Option<Arc<StoredBlock>>> {
        let chain = &self.context.chain;
        let head = chain.head();
        let height = match id {
            BlockId::Hash(hash) if hash.block_hash == head.hash => head.height(),
            BlockId::Hash(hash) => match chain.ledger().height_of(&hash.block_hash)? {
                Some(height) => height,
                None => return Ok(None),
            },
            BlockId::Number(tag) => match tag {
                BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => head.height(),
                BlockNumberOrTag::Safe => chain.stages().height(Stage::Published),
                BlockNumberOrTag::Finalized => chain.stages().height(Stage::Settled),
                BlockNumberOrTag::Earliest => chain.ledger().oldest()?.unwrap_or_default(),
                BlockNumberOrTag::Number(number) => Height(number),
            },
        };
        if height == head.height() {
            return Ok(Some(head));
        }
        Ok(if height < head.height() {
            chain.ledger().block(height)?
        } else {
            None
        })
    }

    /// The block that `id` names, which must be here.
    pub(super) fn block(&self, id: BlockId) -> Outcome<Arc<StoredBlock>> {
        self.find(id)?.ok_or_else(|| {
            let head = self.context.chain.head().height();
            Refusal::not_found(format!(
                "header not found: block {id} is not here; the newest is {head}"
            ))
        })
    }

    /// The block that has the transaction or deposit of this hash, and its place there.
    pub(super) fn locate(&self, hash: B256) -> Outcome<Option<(Arc<StoredBlock>, u64)>> {
        let chain = &self.context.chain;
        let (head, ledger) = (chain.head(), chain.ledger());
        // Asked before the index is, so that no block is indexed in between and found in neither.
        let indexed = ledger.height_of(&head.hash)?.is_some();
        match ledger.locate(&hash)? {
            Some(position) if position.height <= head.height() => {
                let block = ledger.block(position.height)?;
                Ok(block.map(|block| (block, u64::from(position.step.saturating_sub(1)))))
            }
            Some(_) => Ok(None),
            None if indexed => Ok(None),
            None => {
                let index = entries(&head)
                    .find(|entry| entry.hash() == hash)
                    .map(|entry| entry.index);
                Ok(index.map(|index| (head, index)))
            }
        }
    }

    /// The bytes of a transaction that waits here.
    pub(super) fn pending(&self, hash: &B256) -> Option<Bytes> {
        self.context.sequencer.as_ref()?.pending_by_hash(hash)
    }
}
