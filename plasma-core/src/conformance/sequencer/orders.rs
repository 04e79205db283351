//! The suite's part about blocks: their order, how they are read, and how they are taken back.

use alloc::vec::Vec;
use core::time::Duration;

use futures::StreamExt as _;

use super::{Suite, ToyTransaction, node, node::within, run, sequential, toy_genesis, windowed};
use crate::{BatchHeader, Block, BlockHeader, CertifiedBlock, ChainUpdate, Height, SequencerError};

const A_WHILE: Duration = Duration::from_millis(1_500);

impl Suite<'_> {
    pub(super) async fn every_block_comes_once_in_order_with_its_certificate(&self, medium: u32) {
        let mut node = self.open(medium);
        let mut sent = Vec::new();
        for sender in 0..10 {
            for toy in run(sequential(sender), 0..5) {
                sent.push(node.send(&toy).await);
            }
            for toy in run(windowed(sender), 0..5).into_iter().rev() {
                sent.push(node.send(&toy).await);
            }
        }
        node.follow_until(&sent).await;
        assert_eq!(
            node.sequencer.head(),
            node.head(),
            "the head is the last block given"
        );
    }

    pub(super) async fn reading_resumes_at_any_height(&self, medium: u32) {
        let node = self.grown(medium).await;
        for from in 0..node.chain.len() {
            let rest: Vec<_> = within(
                &*node.env,
                "blocks of before",
                node.sequencer
                    .blocks(Height(from as u64 + 1))
                    .take(node.chain.len() - from)
                    .collect::<Vec<_>>(),
            )
            .await;
            let rest: Vec<_> = rest
                .into_iter()
                .map(|block| block.expect("a block"))
                .collect();
            assert_eq!(rest, node.chain[from..], "blocks from {}", from + 1);
        }
        let genesis_has_no_block = node.sequencer.blocks(Height(0)).next().await;
        assert_eq!(genesis_has_no_block, Some(Ok(node.chain[0].clone())));

        // A reader that is ahead waits, and so does another beside it.
        let next = node.head().height.next();
        let (mut one, mut other) = (node.sequencer.blocks(next), node.sequencer.blocks(next));
        node.send(&ToyTransaction::new(sequential(1), 6)).await;
        let given = within(&*node.env, "a live block", one.next()).await;
        assert_eq!(
            given,
            within(&*node.env, "the same block", other.next()).await
        );
    }

    pub(super) async fn nothing_to_say_makes_no_block(&self, medium: u32) {
        let node = self.grown(medium).await;
        let mut blocks = node.sequencer.blocks(node.head().height.next());
        assert_eq!(
            node::soon(&*node.env, A_WHILE, &mut blocks).await,
            None,
            "an empty block"
        );
        assert_eq!(node.sequencer.head(), node.head());
    }

    pub(super) async fn messages_are_consumed_once(&self, medium: u32) {
        let mut node = self.grown(medium).await;
        node.observe(ChainUpdate::Messages { count: 3 }).await;
        assert_eq!(node.follow().await.header.messages, 3);
        node.observe(ChainUpdate::Messages { count: 3 }).await;
        let mut blocks = node.sequencer.blocks(node.head().height.next());
        assert_eq!(
            node::soon(&*node.env, A_WHILE, &mut blocks).await,
            None,
            "messages consumed twice"
        );
    }

    pub(super) async fn a_batch_is_sealed_once(&self, medium: u32) {
        let mut node = self.grown(medium).await;
        let last = node.chain[2].block.header.clone();
        let batch = BatchHeader {
            chain_id: last.chain_id,
            first_height: Height(1),
            last_height: last.height,
            last_hash: last.hash(),
            ..BatchHeader::default()
        };
        node.observe(ChainUpdate::Seal(batch.clone())).await;
        node.observe(ChainUpdate::Seal(batch.clone())).await;
        assert_eq!(node.follow().await.header.seal, batch.hash());
        // Said again after it was sealed, and after a restart.
        node.observe(ChainUpdate::Seal(batch.clone())).await;
        node = self.restart(medium, node);
        node.observe(ChainUpdate::Seal(batch.clone())).await;
        let elsewhere = BatchHeader {
            last_hash: toy_genesis().hash(),
            entry: 1,
            ..batch
        };
        node.observe(ChainUpdate::Seal(elsewhere)).await;
        let mut blocks = node.sequencer.blocks(node.sequencer.head().height.next());
        assert_eq!(
            node::soon(&*node.env, A_WHILE, &mut blocks).await,
            None,
            "sealed what it should not"
        );
    }

    pub(super) async fn a_restart_gives_the_same_blocks(&self, medium: u32) {
        let mut node = self.grown(medium).await;
        // The last block is certified, but not executed, when the sequencer stops.
        let last = ToyTransaction::new(sequential(1), 6);
        let (bytes, _) = node.send(&last).await;
        let next = node.head().height.next();
        let last = within(
            &*node.env,
            "the last block",
            node.sequencer.blocks(next).next(),
        )
        .await;
        let last = last.expect("endless").expect("a block");
        assert_eq!(last.block.transactions, [bytes]);
        let before: Vec<_> = node.chain.iter().cloned().chain([last]).collect();

        node = self.restart(medium, node);
        let after: Vec<_> = within(
            &*node.env,
            "blocks of before the restart",
            node.sequencer
                .blocks(Height(1))
                .take(before.len())
                .collect::<Vec<_>>(),
        )
        .await;
        let after: Vec<_> = after
            .into_iter()
            .map(|block| block.expect("a block"))
            .collect();
        assert_eq!(after, before, "the same heights have the same blocks");

        // It goes on where it was, and takes nothing twice.
        node.chain.clone_from(&before);
        node.rewind(node.head().height);
        let head = node.head();
        node.observe(ChainUpdate::Executed {
            height: head.height,
            state_root: super::toy_root(head.height, head.hash()),
        })
        .await;
        let sent = [node.send(&ToyTransaction::new(sequential(1), 7)).await];
        node.follow_until(&sent).await;
        assert_eq!(node.chain.len(), before.len() + 1);
    }

    pub(super) async fn an_override_takes_blocks_back_and_their_transactions_wait_again(
        &self,
        medium: u32,
    ) {
        let mut node = self.grown(medium).await;
        let old = node.chain.clone();
        let target = old[2].block.header.clone();
        let mut behind = node.sequencer.blocks(Height(2));
        let first = behind.next().await;
        assert_eq!(first, Some(Ok(old[1].clone())));

        node.ledger.reset();
        old[..3].iter().for_each(|block| {
            node.ledger.execute(&block.block.transactions);
        });
        node.observe(ChainUpdate::Override(target.clone())).await;
        assert_eq!(
            node.error().await,
            SequencerError::Overridden(Height(4)),
            "a reader that is ahead"
        );
        assert_eq!(
            within(&*node.env, "block 3", behind.next()).await,
            Some(Ok(old[2].clone()))
        );

        node.rewind(target.height);
        let height = target.height;
        let state_root = super::toy_root(height, target.hash());
        node.observe(ChainUpdate::Executed { height, state_root })
            .await;
        let dropped: Vec<_> = old[3..]
            .iter()
            .flat_map(|block| block.block.transactions.clone())
            .collect();
        while dropped.iter().any(|bytes| node.included(bytes).is_empty()) {
            node.follow().await;
        }
        let again = within(&*node.env, "block 4", behind.next()).await;
        assert_eq!(
            again,
            Some(Ok(node.chain[3].clone())),
            "a reader that was behind sees nothing of it"
        );
        assert_ne!(node.chain[3], old[3]);

        // Said twice it changes nothing, and it outlives a restart.
        let head = node.head();
        node.observe(ChainUpdate::Override(head.clone())).await;
        let chain = node.chain.clone();
        node = self.restart(medium, node);
        let after: Vec<_> = node
            .sequencer
            .blocks(Height(1))
            .take(chain.len())
            .collect()
            .await;
        assert!(
            after.into_iter().eq(chain.into_iter().map(Ok)),
            "an override outlives a restart"
        );
        assert_eq!(node.sequencer.head(), head);
    }

    pub(super) async fn an_override_by_a_block_from_elsewhere_is_continued(&self, medium: u32) {
        let mut node = self.grown(medium).await;
        let old = node.chain.clone();
        let parent = &old[2].block.header;
        let header = BlockHeader {
            chain_id: parent.chain_id,
            height: parent.height.next(),
            parent: parent.hash(),
            timestamp: parent.timestamp + 1,
            messages: 2,
            ..BlockHeader::default()
        };
        let certificate = old[3].certificate.clone();
        let block = Block {
            header: header.clone(),
            transactions: Vec::new(),
        };
        let stale = BatchHeader {
            chain_id: parent.chain_id,
            last_height: Height(5),
            last_hash: old[4].block.header.hash(),
            ..BatchHeader::default()
        };
        node.adopt(CertifiedBlock { block, certificate });
        node.observe(ChainUpdate::Override(header.clone())).await;
        // Told although it asked for nothing that was taken back: it asked before.
        assert_eq!(node.error().await, SequencerError::Overridden(Height(5)));
        node.reopen();
        node.observe(ChainUpdate::Seal(stale.clone())).await;
        let gone = within(
            &*node.env,
            "word of the override",
            node.sequencer.blocks(Height(4)).next(),
        )
        .await;
        assert_eq!(
            gone,
            Some(Err(SequencerError::Overridden(Height(5)))),
            "it is not the sequencer's block"
        );
        let dropped: Vec<_> = old[3..]
            .iter()
            .flat_map(|block| block.block.transactions.clone())
            .collect();
        while dropped.iter().any(|bytes| node.included(bytes).is_empty()) {
            assert_ne!(
                node.follow().await.header.seal,
                stale.hash(),
                "sealed an overridden batch"
            );
        }
        let chain = node.chain[4..].to_vec();
        node = self.restart(medium, node);
        let after: Vec<_> = node
            .sequencer
            .blocks(Height(5))
            .take(chain.len())
            .collect()
            .await;
        assert!(
            after.into_iter().eq(chain.into_iter().map(Ok)),
            "an override outlives a restart"
        );
    }
}
