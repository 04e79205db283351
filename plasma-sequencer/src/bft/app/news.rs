//! What the node says.

use plasma_core::{
    B256, BatchHeader, Block, BlockHeader, ChainUpdate, Height, SequencerError, transaction_hash,
};

use super::{MAX_ROOTS, SequencerApp, journal_failed};
use crate::{
    Picked,
    bft::{context::Domain, turns::Turns},
};

/// How many senders are looked up after a block although they had nothing in it.
const STALE_LOOKUPS: usize = 32;

impl SequencerApp {
    /// Takes news. Gives the height that readers are to go on after when the chain was overridden.
    pub fn observe(
        &mut self,
        update: ChainUpdate,
    ) -> Result<Option<(BlockHeader, Height)>, SequencerError> {
        match update {
            ChainUpdate::Executed { height, state_root } => self.executed(height, state_root),
            ChainUpdate::Messages { count } => self.builder.messages(count),
            ChainUpdate::Seal(batch) => self.seal(batch)?,
            ChainUpdate::Derived(header) if header.height > self.head().height => {}
            ChainUpdate::Derived(header) if self.has(&header) => {}
            ChainUpdate::Derived(header) | ChainUpdate::Override(header) => {
                return self.rewind(header);
            }
            other => {
                let text = format!("a kind of news that this sequencer does not know: {other:?}");
                return Err(SequencerError::Inconsistent(text));
            }
        }
        Ok(None)
    }

    fn executed(&mut self, height: Height, state_root: B256) {
        self.builder.executed(height, state_root);
        self.executed.insert(height, state_root);
        while self.executed.len() > MAX_ROOTS {
            self.executed.pop_first();
        }
        if let Some(claimed) = self.claimed.get(&height).copied() {
            self.claim(height, claimed);
        }
        let mut done = Vec::new();
        while let Some((_, hashes)) = self.unexecuted.pop_front_if(|(block, _)| *block <= height) {
            done.extend(hashes);
        }
        let mut touched = self.pool.executed(&done);
        touched.extend(self.pool.stalest(STALE_LOOKUPS));
        for sender in touched {
            self.look_up(sender);
        }
    }

    /// Compares what a certified header says of an executed block with what the node did.
    pub(super) fn claim(&mut self, height: Height, root: B256) {
        match self.executed.get(&height) {
            Some(known) if *known != root && self.diverged.is_none() => {
                tracing::error!(%height, claimed = %root, executed = %known, "the committee executed differently");
                self.diverged = Some(height);
            }
            Some(_) => {}
            None => {
                self.claimed.insert(height, root);
                while self.claimed.len() > MAX_ROOTS {
                    self.claimed.pop_first();
                }
            }
        }
    }

    fn look_up(&mut self, sender: plasma_core::Address) {
        while let Some((hash, bytes)) = self.pool.probe(&sender) {
            let answer = self.gate.admit(&bytes);
            if !self.pool.refresh(sender, &hash, &answer) {
                return;
            }
        }
    }

    fn seal(&mut self, batch: BatchHeader) -> Result<(), SequencerError> {
        let expected = self.config.genesis.chain_id;
        if batch.chain_id != expected {
            let got = batch.chain_id;
            let text = format!("a batch of chain {got} to seal; this is chain {expected}");
            return Err(SequencerError::Inconsistent(text));
        }
        if self.journal.sealed(&batch.hash()).is_none() && self.ends_in_chain(&batch) {
            self.builder.seal(batch);
        }
        Ok(())
    }

    /// Whether a batch's last block is of this chain.
    pub(super) fn ends_in_chain(&self, batch: &BatchHeader) -> bool {
        if self.head().height == batch.last_height {
            return self.builder.head_hash() == batch.last_hash;
        }
        // It may be from elsewhere and not held, but what follows it names it.
        let follower = self.journal.get(batch.last_height.next());
        let follower = follower.ok().flatten();
        follower.is_some_and(|held| held.block.header.parent == batch.last_hash)
    }

    /// Whether a block up to the head is of this chain, as far as that can be told.
    fn has(&self, header: &BlockHeader) -> bool {
        if header.height == self.head().height {
            return self.builder.head_hash() == header.hash();
        }
        let follower = self.journal.get(header.height.next()).ok().flatten();
        follower.is_none_or(|held| held.block.header.parent == header.hash())
    }

    /// Continues after `header`, with what was ordered since waiting again.
    fn rewind(
        &mut self,
        header: BlockHeader,
    ) -> Result<Option<(BlockHeader, Height)>, SequencerError> {
        let expected = self.config.genesis.chain_id;
        if header.chain_id != expected {
            let got = header.chain_id;
            let text = format!("an override by a block of chain {got}; this is chain {expected}");
            return Err(SequencerError::Inconsistent(text));
        }
        let base = Domain::base_after(header.hash());
        if self.builder.head_hash() == header.hash() {
            // Others had more, and decide what follows anew: so does this member.
            self.rebase(base);
            return Ok(None);
        }
        let held = self.journal.get(header.height).map_err(journal_failed)?;
        let ours = held.is_some_and(|held| held.block.header == header);
        let from = if ours {
            header.height.next()
        } else {
            header.height
        };
        let dropped = self.blocks_from(from)?;
        self.journal.rewind(&header).map_err(journal_failed)?;
        let kept = if ours {
            header.height
        } else {
            Height(header.height.0.saturating_sub(1)).min(self.head().height)
        };
        let ahead = header.height > self.head().height;
        self.builder.restart(header.clone(), ours);
        self.unexecuted.retain(|(height, _)| *height <= kept);
        self.executed.retain(|height, _| *height <= kept);
        self.claimed.retain(|height, _| *height <= kept);
        self.undecided.clear();
        let own = self.own.take();
        self.turns = Turns::new(&self.committee().clone());
        self.recall_turns()?;
        // Heights are decided anew: nothing signed for them before counts again.
        self.rebase(base);
        // To who was only behind it is the others who say from where rounds count.
        self.any_base = ahead;
        self.release(own.map(|(_, picked)| picked).unwrap_or_default(), dropped);
        Ok(Some((header, kept)))
    }

    fn blocks_from(&self, mut from: Height) -> Result<Vec<Block>, SequencerError> {
        let mut blocks = Vec::new();
        while let Some(height) = self.journal.next(from) {
            let Some(held) = self.journal.get(height).map_err(journal_failed)? else {
                break;
            };
            blocks.push(held.block);
            from = height.next();
        }
        Ok(blocks)
    }

    fn release(&mut self, own: Vec<Picked>, dropped: Vec<Block>) {
        let senders = self.pool.rewind();
        let dropped = dropped.into_iter().flat_map(|block| block.transactions);
        let dropped = dropped.map(|bytes| Picked {
            hash: transaction_hash(&bytes),
            bytes,
        });
        let all: Vec<Picked> = own.into_iter().chain(dropped).collect();
        let now = self.head().timestamp;
        for Picked { hash, bytes } in self.pool.put_back(&all) {
            // They were executed, so only the gate knows whether they can be again.
            if let Ok(admission) = self.gate.admit(&bytes) {
                let _ = self.pool.insert(hash, bytes, &admission, now);
            }
        }
        let stale = self.pool.stalest(usize::MAX);
        for sender in senders.into_iter().chain(stale) {
            self.look_up(sender);
        }
    }
}
