//! Following the chain, block by block, through reorganisations.

use std::{collections::VecDeque, sync::Arc};

use crate::{Chain, ChainError, StoredBlock};

/// Blocks remembered, so that those undone can be named.
const REMEMBERED: usize = 32;

/// What happened next.
#[derive(Clone, Debug)]
pub(super) enum Move {
    /// A block was added.
    Added(Arc<StoredBlock>),
    /// A block that was reported as added is no more.
    Undone(Arc<StoredBlock>),
}

/// Where a follower is. It reads the ledger at its own pace, so that a slow one misses nothing and
/// keeps nothing from anyone; events only wake it.
#[derive(Debug)]
pub(super) struct Follower {
    recent: VecDeque<Arc<StoredBlock>>,
}

impl Follower {
    /// Follows from the chain's head on.
    pub(super) fn from_head(chain: &Chain) -> Self {
        Self {
            recent: VecDeque::from([chain.head()]),
        }
    }

    /// The next move; `None` at the head.
    pub(super) fn step(&mut self, chain: &Chain) -> Result<Option<Move>, ChainError> {
        let Some(last) = self.recent.back() else {
            self.recent.push_back(chain.head());
            return Ok(None);
        };
        if !stands(chain, last)? {
            return self.undo(chain);
        }
        if last.height() >= chain.head().height() {
            return Ok(None);
        }
        let Some(next) = chain.ledger().block(last.height().next())? else {
            return Ok(None);
        };
        if next.block.header.parent != last.hash {
            // It was reorganised between the two reads.
            return self.undo(chain);
        }
        self.recent.push_back(next.clone());
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        Ok(Some(Move::Added(next)))
    }

    fn undo(&mut self, chain: &Chain) -> Result<Option<Move>, ChainError> {
        let undone = self.recent.pop_back();
        if let (Some(block), true) = (&undone, self.recent.is_empty()) {
            // Deeper than is remembered: go on from where the chain is now.
            let height = block
                .height()
                .0
                .saturating_sub(1)
                .min(chain.head().height().0);
            self.recent.push_back(chain.block(height.into())?);
        }
        Ok(undone.map(Move::Undone))
    }
}

/// Whether a block is still in the chain. The newest may be shown a moment before its hash is indexed.
fn stands(chain: &Chain, block: &StoredBlock) -> Result<bool, ChainError> {
    let ledger = chain.ledger();
    if ledger.height_of(&block.hash)? == Some(block.height()) {
        return Ok(true);
    }
    let shown = ledger.block(block.height())?;
    Ok(shown.is_some_and(|shown| shown.hash == block.hash))
}
