//! A block is executed while the one before it is committed.
//!
//! ```text
//!   begin    | block n     | block n+1   | block n+2   |              transactions, over what is not committed yet
//!   finish                 | block n     | block n+1   | block n+2    root, log, ledger, head, events
//! ```
//! [`Chain::execute`] does both one after the other: it is the specification. In the pipeline a block is begun on its
//! parent's writes, over the state below them that the store has. It counts once it is finished, in order, and only
//! if its parent is the head then and nothing was undone since it was begun; else it never was.

use std::sync::{Arc, atomic::Ordering};

use alloy_primitives::map::B256Map;
use plasma_core::{
    B256, Block, BlockContext, BlockHeader, Bytes, Certificate, Changes, ExecutedBlock, FeeQuote,
    InboxMessage, OutboxMessage, Receipt, StateKey, StateRead, execute_block,
};
use plasma_exec::StoreError;

use super::{Chain, ChainError, StoredBlock, StoredSegment, engine::fees_of};

/// A block that was begun: executed, and not committed.
pub struct Begun(Work);

enum Work {
    /// It was there already.
    Known(Arc<StoredBlock>),
    Executed(Box<Executed>),
}

struct Executed {
    ahead: BlockAhead,
    block: Block,
    certificate: Option<Certificate>,
    messages: Vec<InboxMessage>,
    receipts: Vec<Receipt>,
    sent: Vec<(u32, OutboxMessage)>,
    /// The end of each segment, and the outbox's root there.
    parts: Vec<(u32, B256)>,
    outbox_root: B256,
    fees: FeeQuote,
}

/// A block that was begun, as the one after it needs it.
#[derive(Clone)]
pub struct BlockAhead {
    header: BlockHeader,
    hash: B256,
    changes: Arc<Vec<Changes>>,
    /// How often blocks had been undone.
    generation: u64,
}

impl Begun {
    /// What the next block can be begun on before this one is finished; `None` when this one was there already.
    pub fn ahead(&self) -> Option<BlockAhead> {
        match &self.0 {
            Work::Known(_) => None,
            Work::Executed(executed) => Some(executed.ahead.clone()),
        }
    }
}

/// A state with writes that are not committed yet.
struct Uncommitted {
    base: Arc<dyn StateRead>,
    writes: B256Map<Option<Bytes>>,
}

impl StateRead for Uncommitted {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        match self.writes.get(key) {
            Some(value) => value.clone(),
            None => self.base.get(key),
        }
    }

    fn reads_freely(&self) -> bool {
        self.base.reads_freely()
    }
}

impl Chain {
    /// Executes a block, and commits nothing: on the head, or on a block `after` it that was begun and is not
    /// finished yet. The same block again is no error.
    pub fn begin(
        &self,
        block: Block,
        certificate: Option<Certificate>,
        after: Option<&BlockAhead>,
    ) -> Result<Begun, ChainError> {
        let generation = self.generation.load(Ordering::Acquire);
        let head = self.head();
        let (height, hash) = (block.header.height, block.header.hash());
        if height <= head.height() {
            let known = self.block(height)?;
            if known.hash == hash {
                return Ok(Begun(Work::Known(known)));
            }
        }
        let not_next = || ChainError::NotNext {
            got: height,
            parent: block.header.parent,
            head: head.height(),
            hash: head.hash,
        };
        // By now the one before may be finished.
        let after = after.filter(|after| after.hash != head.hash);
        let (parent, parent_hash) = match after {
            Some(after) if after.header.parent == head.hash && after.generation == generation => {
                (&after.header, after.hash)
            }
            Some(_) => return Err(not_next()),
            None => (&head.block.header, head.hash),
        };
        if height != parent.height.next() || block.header.parent != parent_hash {
            return Err(not_next());
        }
        let (from, to) = (parent.messages, block.header.messages);
        let messages = self.inbox().messages(from, to)?;
        if messages.len() as u64 != to - from {
            return Err(ChainError::MessagesAhead {
                height,
                needed: to,
                known: from + messages.len() as u64,
            });
        }
        let stored = match self.store().view(head.height().0) {
            Err(StoreError::NotKept { .. }) => return Err(not_next()),
            stored => stored?,
        };
        // What was undone meanwhile may have other blocks in its place by now.
        if self.generation.load(Ordering::Acquire) != generation {
            return Err(not_next());
        }
        let base: Arc<dyn StateRead> = match after {
            None => stored,
            Some(after) => {
                let count = after.changes.iter().map(Changes::len).sum();
                let mut writes = B256Map::default();
                writes.reserve(count);
                let changes = after.changes.iter().flatten();
                writes.extend(changes.map(|(key, value)| (*key, value.clone())));
                Arc::new(Uncommitted {
                    base: stored,
                    writes,
                })
            }
        };
        let genesis = self.genesis_hash();
        let context = BlockContext::of(&block.header, genesis);
        let fees = fees_of(&**self.execution(), &*base, &context);
        let ExecutedBlock {
            receipts,
            segments,
            sent,
            outbox_root,
        } = execute_block(&**self.execution(), &*base, genesis, &block, &messages);
        let (parts, changes) = segments
            .into_iter()
            .map(|segment| ((segment.end, segment.outbox_root), segment.changes))
            .unzip();
        let ahead = BlockAhead {
            header: block.header.clone(),
            hash,
            changes: Arc::new(changes),
            generation,
        };
        Ok(Begun(Work::Executed(Box::new(Executed {
            ahead,
            block,
            certificate,
            messages,
            receipts,
            sent,
            parts,
            outbox_root,
            fees,
        }))))
    }

    /// Commits a block that was begun, as the one after the head.
    pub fn finish(&self, begun: Begun) -> Result<Arc<StoredBlock>, ChainError> {
        let _writer = self.writing();
        self.commit(begun)
    }

    /// The same for whoever writes already.
    pub(super) fn commit(&self, begun: Begun) -> Result<Arc<StoredBlock>, ChainError> {
        let Executed {
            ahead:
                BlockAhead {
                    header,
                    hash,
                    changes,
                    generation,
                },
            block,
            certificate,
            messages,
            receipts,
            sent,
            parts,
            outbox_root,
            fees,
        } = match begun.0 {
            Work::Known(block) => return Ok(block),
            Work::Executed(executed) => *executed,
        };
        let head = self.head();
        let undone = self.generation.load(Ordering::Acquire) != generation;
        if undone || header.parent != head.hash {
            return Err(ChainError::NotNext {
                got: header.height,
                parent: header.parent,
                head: head.height(),
                hash: head.hash,
            });
        }
        let roots = self.store().commit_segments(header.height.0, &changes)?;
        let segments: Vec<StoredSegment> = parts
            .into_iter()
            .zip(roots)
            .map(|((end, outbox_root), state_root)| StoredSegment {
                end,
                state_root,
                outbox_root,
            })
            .collect();
        let state_root = segments
            .last()
            .map_or(head.state_root, |segment| segment.state_root);
        let stored = Arc::new(StoredBlock {
            hash,
            block,
            certificate,
            messages,
            receipts,
            sent,
            segments,
            state_root,
            outbox_root,
            base_fee: fees.base_fee,
            gas_limit: fees.gas_limit.0,
        });
        self.take(stored.clone())?;
        Ok(stored)
    }
}
