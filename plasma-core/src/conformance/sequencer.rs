//! What every sequencer keeps to.
//!
//! The suite brings a toy chain with it ([`ToyLedger`]), so that an implementation is tested
//! without an execution.

mod node;
mod orders;
mod root;
mod toy;
mod waits;

use alloc::{sync::Arc, vec::Vec};

use crate::{BlockHeader, Env, Gate, Sequencer};

use node::ToyNode;

pub use toy::{
    TOY_BALANCE, TOY_BLOCK_GAS, ToyLedger, ToyTransaction, sequential, toy_genesis, toy_root,
    windowed,
};

/// The most bytes of one sender that may wait in a sequencer under test.
pub const TOY_SENDER_BYTES: usize = 256 * 1024;
/// The most bytes that may wait in a sequencer under test.
pub const TOY_POOL_BYTES: usize = 1024 * 1024;

/// An implementation to be tested.
pub trait SequencerFixture: Send + Sync {
    /// Time and tasks.
    fn env(&self) -> Arc<dyn Env>;

    /// Opens a sequencer with [`TOY_BLOCK_GAS`], [`TOY_SENDER_BYTES`] and [`TOY_POOL_BYTES`].
    ///
    /// Each `medium` is another memory that lasts. Given again, it is a restart: the sequencer that
    /// had it before is dropped by then, as after a crash.
    fn open(&self, medium: u32, genesis: BlockHeader, gate: Arc<dyn Gate>) -> Arc<dyn Sequencer>;
}

/// Panics with what is wrong with an implementation.
///
/// One that [certifies](Sequencer::certifies) nothing makes no blocks: for it the suite plays the root, which takes what
/// is [ready](Sequencer::ready) into blocks, and asks the same of what waits.
pub async fn check_sequencer(fixture: &dyn SequencerFixture) {
    let suite = Suite { fixture };
    if suite.open(0).sequencer.certifies() {
        suite.check_blocks().await;
    } else {
        suite.what_waits_is_the_roots_to_order(1).await;
        suite.nothing_ready_is_derived_already(2).await;
        suite.a_root_that_goes_back_is_followed(3).await;
        suite.it_ends_when_it_is_dropped(4).await;
    }
    suite.refusals_say_why(9).await;
    suite.what_waits_is_known(10).await;
    suite.floods_are_bounded(11).await;
    suite.what_becomes_unpayable_is_dropped(12).await;
}

struct Suite<'a> {
    fixture: &'a dyn SequencerFixture,
}

impl Suite<'_> {
    async fn check_blocks(&self) {
        let suite = self;
        suite
            .every_block_comes_once_in_order_with_its_certificate(1)
            .await;
        suite.reading_resumes_at_any_height(2).await;
        suite.nothing_to_say_makes_no_block(3).await;
        suite.messages_are_consumed_once(4).await;
        suite.a_batch_is_sealed_once(5).await;
        suite.a_restart_gives_the_same_blocks(6).await;
        suite
            .an_override_takes_blocks_back_and_their_transactions_wait_again(7)
            .await;
        suite
            .an_override_by_a_block_from_elsewhere_is_continued(8)
            .await;
    }

    fn open(&self, medium: u32) -> ToyNode {
        let ledger = Arc::new(ToyLedger::default());
        self.open_on(medium, ledger)
    }

    fn open_on(&self, medium: u32, ledger: Arc<ToyLedger>) -> ToyNode {
        let gate: Arc<dyn Gate> = Arc::<ToyLedger>::clone(&ledger);
        let sequencer = self.fixture.open(medium, toy_genesis(), gate);
        ToyNode::new(self.fixture.env(), sequencer, ledger)
    }

    /// A chain of a few blocks.
    async fn grown(&self, medium: u32) -> ToyNode {
        let mut node = self.open(medium);
        for nonce in 0..6 {
            let sent = [
                node.send(&ToyTransaction::new(sequential(1), nonce)).await,
                node.send(&ToyTransaction::new(windowed(1), 5 - nonce))
                    .await,
            ];
            node.follow_until(&sent).await;
        }
        node
    }

    fn restart(&self, medium: u32, node: ToyNode) -> ToyNode {
        let ledger = Arc::clone(&node.ledger);
        drop(node);
        self.open_on(medium, ledger)
    }
}

/// A run of transactions of one sender.
fn run(sender: crate::Address, nonces: core::ops::Range<u64>) -> Vec<ToyTransaction> {
    nonces
        .map(|nonce| ToyTransaction::new(sender, nonce))
        .collect()
}
