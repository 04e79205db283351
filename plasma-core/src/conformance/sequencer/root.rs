//! The suite's part about sequencers that certify nothing: the suite plays the root.

use alloc::vec::Vec;

use futures::StreamExt as _;

use super::{
    Suite, TOY_BLOCK_GAS, ToyTransaction,
    node::{ToyNode, within},
    run, sequential, toy_genesis, windowed,
};
use crate::{
    BlockHeader, Bytes, ChainUpdate, Epoch, Height, MAX_BODY_BYTES, SequencerError,
    transaction_hash,
};

/// What could be in the next block of the root, all of it.
fn ready(node: &ToyNode) -> Vec<Bytes> {
    node.sequencer.ready(MAX_BODY_BYTES, node.env.now())
}

impl Suite<'_> {
    pub(super) async fn what_waits_is_the_roots_to_order(&self, medium: u32) {
        let mut node = self.open(medium);
        assert_eq!(node.sequencer.head(), toy_genesis());
        assert_eq!(node.sequencer.committee(Epoch(0)), None);
        let (first, _) = node
            .send(&ToyTransaction::new(sequential(1), 0).paying(20))
            .await;
        let (second, _) = node
            .send(&ToyTransaction::new(sequential(1), 1).paying(90))
            .await;
        let (other, _) = node
            .send(&ToyTransaction::new(windowed(1), 7).paying(50))
            .await;
        let (behind_a_gap, _) = node
            .send(&ToyTransaction::new(sequential(2), 3).paying(99))
            .await;
        let order = [other.clone(), first.clone(), second.clone()];
        assert_eq!(ready(&node), order, "in an order that can be executed");
        assert_eq!(ready(&node), order, "and still waiting");
        let room = other.len() + first.len();
        assert_eq!(
            node.sequencer.ready(room, node.env.now()),
            [other.clone(), first.clone()],
            "no more bytes than asked for"
        );
        let block = node.follow().await;
        assert_eq!(block.transactions, order);
        assert_eq!(node.sequencer.head(), node.head());
        assert_eq!(node.sequencer.pending(10), [behind_a_gap]);
        for done in &order {
            let hash = transaction_hash(done);
            assert_eq!(node.sequencer.pending_by_hash(&hash), None);
        }
        assert_eq!(ready(&node), Vec::<Bytes>::new());

        // No more gas than a block has.
        let half = TOY_BLOCK_GAS.0 / 2 + 1;
        for sender in 5..8 {
            let toy = ToyTransaction {
                gas: half,
                ..ToyTransaction::new(sequential(sender), 0)
            };
            node.send(&toy).await;
        }
        assert_eq!(ready(&node).len(), 1);
    }

    pub(super) async fn nothing_ready_is_derived_already(&self, medium: u32) {
        let mut node = self.open(medium);
        let mut sent = Vec::new();
        for sender in 0..20 {
            for toy in run(sequential(sender), 0..10) {
                sent.push(node.send(&toy).await);
            }
        }
        // Somebody else's block has the first five of each.
        let theirs: Vec<Bytes> = sent
            .chunks(10)
            .flat_map(|chunk| chunk[..5].iter().map(|(bytes, _)| bytes.clone()))
            .collect();
        let block = node.made_of(theirs.clone());
        node.derive(block).await;
        // Asked at once and until all comes: never one of those.
        for _ in 0..2_000 {
            let now = ready(&node);
            if let Some(again) = now.iter().find(|bytes| theirs.contains(bytes)) {
                panic!("{} is derived, and ready again", transaction_hash(again));
            }
            if now.len() == sent.len() - theirs.len() {
                return node.follow_until(&sent).await;
            }
            node.env.sleep(core::time::Duration::from_millis(5)).await;
        }
        panic!("what waits is not ready any more");
    }

    pub(super) async fn a_root_that_goes_back_is_followed(&self, medium: u32) {
        let mut node = self.grown(medium).await;
        let dropped: Vec<Bytes> = node
            .chain
            .last()
            .map(|last| last.block.transactions.clone())
            .unwrap_or_default();
        let to = Height(node.head().height.0 - 1);
        node.rewind(to);
        node.observe(ChainUpdate::Override(node.head())).await;
        assert_eq!(node.sequencer.head(), node.head());
        // The node hands in again what the root no longer has.
        for bytes in &dropped {
            let again = node.sequencer.submit(bytes.clone()).await;
            again.unwrap_or_else(|error| panic!("{}: {error}", transaction_hash(bytes)));
        }
        while !dropped.iter().all(|bytes| !node.included(bytes).is_empty()) {
            node.follow().await;
        }
        let stranger = BlockHeader {
            chain_id: crate::ChainId(1),
            ..node.head()
        };
        let refused = node
            .sequencer
            .observe(ChainUpdate::Override(stranger))
            .await;
        assert!(
            matches!(refused, Err(SequencerError::Inconsistent(_))),
            "{refused:?}"
        );
    }

    pub(super) async fn it_ends_when_it_is_dropped(&self, medium: u32) {
        let node = self.open(medium);
        let mut blocks = node.sequencer.blocks(Height(1));
        let env = node.env.clone();
        drop(node);
        let end = within(&*env, "the stream's end", blocks.next()).await;
        assert_eq!(end, Some(Err(SequencerError::Stopped)));
        let restarted = self.open(medium);
        assert_eq!(restarted.sequencer.head(), toy_genesis());
    }
}
