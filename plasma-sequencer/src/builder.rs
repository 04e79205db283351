//! What the next block says: the deterministic heart that every orderer shares.

use plasma_core::{
    Address, B256, BatchHeader, Block, BlockHeader, Bytes, Epoch, Height, MAX_ENTRY_MESSAGES,
    Timestamp, body_commitment, body_commitment_of,
};

use crate::Picked;

/// Builds block after block on one head.
///
/// Pure: no clock, no I/O, no randomness. Whoever drives it passes the time in, makes the block
/// durable and [commits](Self::commit) it. A solo sequencer does so at once, a committee after it
/// agreed.
///
/// A block is made only when there is something to say: transactions, messages in the root's inbox
/// that no block consumed yet, or a batch that waits for its seal.
#[derive(Clone, Debug)]
pub struct BlockBuilder {
    genesis: BlockHeader,
    epoch: Epoch,
    proposer: Address,
    head: BlockHeader,
    hash: B256,
    /// The newest execution that was reported; used once the head is not behind it.
    executed: (Height, B256),
    /// Messages in the root's inbox.
    messages: u64,
    seal: Option<BatchHeader>,
}

impl BlockBuilder {
    /// Continues after `head`, which is `genesis` for a new chain.
    pub fn new(genesis: BlockHeader, head: BlockHeader, epoch: Epoch, proposer: Address) -> Self {
        // What the head says of an earlier block, if it says something that can be.
        let says = head.executed_root != B256::ZERO && head.executed_height < head.height;
        let known = if says { &head } else { &genesis };
        Self {
            epoch,
            proposer,
            hash: head.hash(),
            executed: (known.executed_height, known.executed_root),
            messages: head.messages,
            seal: None,
            head,
            genesis,
        }
    }

    /// The block that the next one follows.
    pub fn head(&self) -> &BlockHeader {
        &self.head
    }

    /// The hash of [`Self::head`].
    pub fn head_hash(&self) -> B256 {
        self.hash
    }

    /// Takes note of an executed block. Only the newest counts.
    pub fn executed(&mut self, height: Height, state_root: B256) {
        if height >= self.executed.0 {
            self.executed = (height, state_root);
        }
    }

    /// Takes note of how many messages are in the root's inbox.
    pub fn messages(&mut self, count: u64) {
        self.messages = count;
    }

    /// Takes a batch to be sealed by the next block. It must end in a block of this chain.
    pub fn seal(&mut self, batch: BatchHeader) {
        self.seal = Some(batch);
    }

    /// Certifies in another term from the next block on.
    pub fn term(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// The batch that the next block seals.
    pub fn sealing(&self) -> Option<&BatchHeader> {
        self.seal.as_ref()
    }

    /// How many messages are known to be in the root's inbox.
    pub fn known_messages(&self) -> u64 {
        self.messages
    }

    /// Whether the next block has something to say even without transactions.
    pub fn has_news(&self) -> bool {
        self.seal.is_some() || self.messages > self.head.messages
    }

    /// The next block's time at `now`: always after its parent's.
    pub fn timestamp(&self, now: Timestamp) -> Timestamp {
        now.max(self.head.timestamp + 1)
    }

    /// The next block, or `None` when it would say nothing.
    pub fn build(&self, now: Timestamp, transactions: Vec<Bytes>) -> Option<Block> {
        let news = !transactions.is_empty() || self.has_news();
        news.then(|| self.build_any(now, transactions))
    }

    /// The next block of what was picked, whose names are known already, or `None` when it would say nothing.
    pub fn build_picked(&self, now: Timestamp, picked: Vec<Picked>) -> Option<Block> {
        let news = !picked.is_empty() || self.has_news();
        news.then(|| {
            let body = body_commitment_of(picked.iter().map(|picked| picked.hash));
            let transactions = picked.into_iter().map(|picked| picked.bytes).collect();
            self.build_on(now, body, transactions)
        })
    }

    /// The next block, even if it says nothing: it moves the chain's time on.
    pub fn build_any(&self, now: Timestamp, transactions: Vec<Bytes>) -> Block {
        self.build_on(now, body_commitment(&transactions), transactions)
    }

    fn build_on(&self, now: Timestamp, body: B256, transactions: Vec<Bytes>) -> Block {
        let behind = self.executed.0 > self.head.height;
        let (executed_height, executed_root) = if behind {
            // The node runs ahead of this head, in blocks that are about to override it.
            (self.head.executed_height, self.head.executed_root)
        } else {
            self.executed
        };
        let header = BlockHeader {
            chain_id: self.head.chain_id,
            height: self.head.height.next(),
            epoch: self.epoch.max(self.head.epoch),
            parent: self.hash,
            timestamp: self.timestamp(now),
            proposer: self.proposer,
            // A root that reorganised may count fewer than are consumed; none is ever given back
            // here. What is over an entry's limit waits for the next block, and the next entry.
            messages: self
                .messages
                .clamp(self.head.messages, self.head.messages + MAX_ENTRY_MESSAGES),
            body,
            executed_height,
            executed_root,
            seal: self
                .seal
                .as_ref()
                .map(BatchHeader::hash)
                .unwrap_or_default(),
        };
        Block {
            header,
            transactions,
        }
    }

    /// Goes on after a block that follows the head and is durable.
    pub fn commit(&mut self, header: &BlockHeader) {
        assert_eq!(
            header.parent, self.hash,
            "a committed block follows the head"
        );
        if self
            .seal
            .as_ref()
            .is_some_and(|batch| batch.hash() == header.seal)
        {
            self.seal = None;
        }
        self.hash = header.hash();
        self.head = header.clone();
    }

    /// Goes on after another block. `ours` says that it was on the chain built so far, so that what
    /// is known of earlier blocks still holds.
    pub fn restart(&mut self, head: BlockHeader, ours: bool) {
        let (reported, before) = (self.executed, self.head.height);
        let holds = reported.0 <= head.height && (ours || reported.0 > before);
        if !holds {
            // Forced blocks carry no execution, and what nobody certified may carry anything: then the
            // first state is the only one surely known, until the node says what it executed.
            let known = if ours && head.executed_root != B256::ZERO {
                &head
            } else {
                &self.genesis
            };
            self.executed = (known.executed_height, known.executed_root);
        }
        if self
            .seal
            .as_ref()
            .is_some_and(|batch| !ours || batch.last_height > head.height)
        {
            self.seal = None;
        }
        self.messages = self.messages.max(head.messages);
        self.hash = head.hash();
        self.head = head;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasma_core::ChainId;

    fn genesis() -> BlockHeader {
        let executed_root = B256::repeat_byte(1);
        BlockHeader {
            chain_id: ChainId(7),
            timestamp: Timestamp(1_000),
            executed_root,
            ..Default::default()
        }
    }

    fn builder() -> BlockBuilder {
        BlockBuilder::new(genesis(), genesis(), Epoch(0), Address::repeat_byte(9))
    }

    fn made(builder: &mut BlockBuilder, now: u64) -> BlockHeader {
        let block = builder
            .build(Timestamp(now), vec![Bytes::from_static(b"tx")])
            .expect("a block");
        builder.commit(&block.header);
        block.header
    }

    #[test]
    fn nothing_to_say_makes_no_block() {
        let mut builder = builder();
        assert_eq!(builder.build(Timestamp(2_000), vec![]), None);
        builder.messages(3);
        let block = builder
            .build(Timestamp(2_000), vec![])
            .expect("messages to consume");
        assert_eq!(block.header.messages, 3);
        builder.commit(&block.header);
        assert_eq!(builder.build(Timestamp(3_000), vec![]), None);
    }

    #[test]
    fn a_block_of_what_was_picked_is_the_block_of_its_bytes() {
        let builder = builder();
        for count in 0..5_u8 {
            let bodies: Vec<Bytes> = (0..count).map(|n| vec![n; 9].into()).collect();
            let picked = bodies.iter().map(|bytes| Picked {
                hash: plasma_core::transaction_hash(bytes),
                bytes: bytes.clone(),
            });
            let picked = builder.build_picked(Timestamp(2_000), picked.collect());
            assert_eq!(picked, builder.build(Timestamp(2_000), bodies));
        }
    }

    #[test]
    fn a_block_consumes_no_more_messages_than_an_entry_may() {
        let mut builder = builder();
        builder.messages(2 * MAX_ENTRY_MESSAGES + 5);
        for consumed in [
            MAX_ENTRY_MESSAGES,
            2 * MAX_ENTRY_MESSAGES,
            2 * MAX_ENTRY_MESSAGES + 5,
        ] {
            let block = builder
                .build(Timestamp(2_000), vec![])
                .expect("messages to consume");
            assert_eq!(block.header.messages, consumed);
            builder.commit(&block.header);
        }
        assert!(!builder.has_news());
    }

    #[test]
    fn time_moves_on_even_when_the_clock_does_not() {
        let mut builder = builder();
        let times: Vec<u64> = [500, 500, 5_000, 4_000]
            .map(|now| made(&mut builder, now).timestamp.0)
            .into();
        assert_eq!(times, [1_001, 1_002, 5_000, 5_001]);
    }

    #[test]
    fn a_seal_is_carried_once_and_not_past_an_override() {
        let mut builder = builder();
        let first = made(&mut builder, 2_000);
        let batch = BatchHeader {
            last_height: Height(1),
            last_hash: first.hash(),
            ..Default::default()
        };
        builder.seal(batch.clone());
        let sealing = builder
            .build(Timestamp(3_000), vec![])
            .expect("a seal to carry")
            .header;
        assert_eq!(sealing.seal, batch.hash());
        builder.commit(&sealing);
        assert!(!builder.has_news());
        builder.seal(batch);
        builder.restart(genesis(), true);
        assert!(!builder.has_news());
    }

    #[test]
    fn nothing_is_believed_of_a_block_that_nobody_certified() {
        let mut builder = builder();
        made(&mut builder, 2_000);
        let lie = BlockHeader {
            height: Height(1),
            executed_height: Height(u64::MAX),
            executed_root: B256::repeat_byte(6),
            ..BlockHeader::default()
        };
        builder.restart(lie.clone(), false);
        let next = made(&mut builder, 3_000);
        assert_eq!(
            (next.executed_height, next.executed_root),
            (Height(0), B256::repeat_byte(1))
        );
        builder.executed(Height(1), B256::repeat_byte(2));
        assert_eq!(
            made(&mut builder, 4_000).executed_root,
            B256::repeat_byte(2)
        );
        // Nor after a restart on it.
        let builder = BlockBuilder::new(genesis(), lie, Epoch(0), Address::ZERO);
        let next = builder.build(Timestamp(2_000), vec![Bytes::from_static(b"tx")]);
        assert_eq!(
            next.expect("a block").header.executed_root,
            B256::repeat_byte(1)
        );
    }

    #[test]
    fn executed_roots_are_of_blocks_before_and_of_this_chain() {
        let mut builder = builder();
        let first = made(&mut builder, 2_000);
        assert_eq!(
            (first.executed_height, first.executed_root),
            (Height(0), B256::repeat_byte(1))
        );
        builder.executed(Height(1), B256::repeat_byte(2));
        builder.executed(Height(0), B256::repeat_byte(1));
        assert_eq!(
            made(&mut builder, 3_000).executed_root,
            B256::repeat_byte(2)
        );
        // What was executed of our block 1 says nothing about a forced block 1.
        let forced = BlockHeader {
            height: Height(1),
            proposer: Address::ZERO,
            ..BlockHeader::default()
        };
        builder.restart(forced, false);
        assert_eq!(
            made(&mut builder, 4_000).executed_root,
            B256::repeat_byte(1)
        );
    }
}
