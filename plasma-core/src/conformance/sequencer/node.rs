//! A toy node: follows a sequencer, checks every block, executes it and says so.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{future::Future, pin::pin, time::Duration};

use futures::{
    FutureExt as _, StreamExt as _,
    future::{Either, select},
};

use super::toy::{ToyLedger, ToyTransaction, toy_genesis, toy_root};
use crate::{
    B256, Block, BlockHeader, BoxStream, Bytes, Certificate, CertifiedBlock, ChainUpdate, Env,
    Epoch, Height, MAX_BODY_BYTES, MAX_BODY_TRANSACTIONS, Promise, Sequencer, SequencerError,
    SubmitError, U256, body_commitment, transaction_hash,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

type Blocks = BoxStream<'static, Result<CertifiedBlock, SequencerError>>;

/// A sequencer, the toy chain behind it, and what was read so far.
pub(super) struct ToyNode {
    pub(super) env: Arc<dyn Env>,
    pub(super) sequencer: Arc<dyn Sequencer>,
    pub(super) ledger: Arc<ToyLedger>,
    /// From height 1 on.
    pub(super) chain: Vec<CertifiedBlock>,
    stream: Blocks,
}

impl ToyNode {
    pub(super) fn new(
        env: Arc<dyn Env>,
        sequencer: Arc<dyn Sequencer>,
        ledger: Arc<ToyLedger>,
    ) -> Self {
        let stream = sequencer.blocks(Height(1));
        Self {
            env,
            sequencer,
            ledger,
            chain: Vec::new(),
            stream,
        }
    }

    pub(super) fn head(&self) -> BlockHeader {
        self.chain
            .last()
            .map_or_else(toy_genesis, |last| last.block.header.clone())
    }

    /// Whether a transaction is in a block that was read, and in which.
    pub(super) fn included(&self, bytes: &Bytes) -> Vec<Height> {
        let has = |block: &&CertifiedBlock| block.block.transactions.contains(bytes);
        self.chain
            .iter()
            .filter(has)
            .map(|block| block.block.header.height)
            .collect()
    }

    pub(super) async fn submit(&self, toy: &ToyTransaction) -> Result<Promise, SubmitError> {
        self.sequencer.submit(toy.to_bytes()).await
    }

    /// Submits what must be taken.
    pub(super) async fn send(&self, toy: &ToyTransaction) -> (Bytes, Promise) {
        let promise = self.submit(toy).await.unwrap_or_else(|error| {
            panic!("refused nonce {} of {}: {error}", toy.nonce, toy.sender)
        });
        let bytes = toy.to_bytes();
        assert_eq!(
            promise.transaction,
            transaction_hash(&bytes),
            "the promise names the transaction"
        );
        assert_eq!(
            promise.chain_id,
            toy_genesis().chain_id,
            "the promise names the chain"
        );
        assert_eq!(
            promise.verify(),
            Ok(true),
            "the promise is signed by whom it names"
        );
        if !self.sequencer.certifies() {
            assert_eq!(
                promise.deadline,
                Height(u64::MAX),
                "who makes no blocks promises none"
            );
            return (bytes, promise);
        }
        let committee = self
            .sequencer
            .committee(self.head().epoch)
            .expect("the committee is known");
        let seated = committee
            .seats
            .iter()
            .any(|seat| seat.key == promise.sequencer);
        assert!(seated, "who promises is in the committee");
        (bytes, promise)
    }

    pub(super) async fn observe(&self, update: ChainUpdate) {
        self.sequencer
            .observe(update.clone())
            .await
            .unwrap_or_else(|error| panic!("{update:?}: {error}"));
    }

    /// Reads, checks and executes the next block.
    pub(super) async fn follow(&mut self) -> Block {
        if !self.sequencer.certifies() {
            let env = Arc::clone(&self.env);
            let transactions = within(&*env, "something ready", self.wait_for_ready()).await;
            return self.derive(self.made_of(transactions)).await;
        }
        let next = within(&*self.env, "the next block", self.stream.next()).await;
        let certified = next.expect("the stream is endless").expect("a block");
        self.check(&certified);
        let block = certified.block.clone();
        let header = &block.header;
        self.ledger.execute(&block.transactions);
        self.chain.push(certified);
        let (height, state_root) = (header.height, toy_root(header.height, header.hash()));
        self.observe(ChainUpdate::Executed { height, state_root })
            .await;
        block
    }

    async fn wait_for_ready(&self) -> Vec<Bytes> {
        loop {
            let ready = self.sequencer.ready(MAX_BODY_BYTES, self.env.now());
            if !ready.is_empty() {
                return ready;
            }
            self.env.sleep(Duration::from_millis(5)).await;
        }
    }

    /// The next block, as whoever appends it to the root would make it.
    pub(super) fn made_of(&self, transactions: Vec<Bytes>) -> Block {
        let head = self.head();
        let header = BlockHeader {
            chain_id: head.chain_id,
            height: head.height.next(),
            parent: head.hash(),
            timestamp: self.env.now().max(head.timestamp + 1),
            messages: head.messages,
            body: body_commitment(&transactions),
            executed_root: toy_genesis().executed_root,
            ..BlockHeader::default()
        };
        Block {
            header,
            transactions,
        }
    }

    /// Takes a block as the root's order has it, and waits until none of it waits.
    pub(super) async fn derive(&mut self, block: Block) -> Block {
        self.ledger.execute(&block.transactions);
        let header = block.header.clone();
        self.chain.push(CertifiedBlock {
            block: block.clone(),
            certificate: uncertified(),
        });
        let (height, state_root) = (header.height, toy_root(header.height, header.hash()));
        self.observe(ChainUpdate::Override(header)).await;
        self.observe(ChainUpdate::Executed { height, state_root })
            .await;
        let gone = async {
            let waits = |bytes: &Bytes| {
                let hash = transaction_hash(bytes);
                self.sequencer.pending_by_hash(&hash).is_some()
            };
            while block.transactions.iter().any(waits) {
                self.env.sleep(Duration::from_millis(5)).await;
            }
        };
        within(&*self.env, "the end of waiting for what is derived", gone).await;
        block
    }

    /// Reads on until every one of `all` was included; each exactly once, and by its deadline.
    pub(super) async fn follow_until(&mut self, all: &[(Bytes, Promise)]) {
        while all.iter().any(|(bytes, _)| self.included(bytes).is_empty()) {
            self.follow().await;
        }
        for (bytes, promise) in all {
            let heights = self.included(bytes);
            assert_eq!(
                heights.len(),
                1,
                "a transaction is in one block only: {heights:?}"
            );
            assert!(
                heights[0] <= promise.deadline,
                "promised by {}, not {}",
                promise.deadline,
                heights[0]
            );
        }
    }

    /// The error with which the stream ends, reading over blocks that were there before.
    pub(super) async fn error(&mut self) -> SequencerError {
        loop {
            match within(&*self.env, "the stream's end", self.stream.next()).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("the stream ended without saying why"),
            }
        }
    }

    /// Takes the chain back, and reads on from there.
    pub(super) fn rewind(&mut self, height: Height) {
        self.chain.truncate(height.0 as usize);
        self.ledger.reset();
        self.chain.iter().for_each(|block| {
            self.ledger.execute(&block.block.transactions);
        });
        self.reopen();
    }

    /// Adds a block of the root's making, and reads on after it.
    pub(super) fn adopt(&mut self, certified: CertifiedBlock) {
        let height = certified.block.header.height;
        self.rewind(Height(height.0 - 1));
        self.chain.push(certified);
        self.reopen();
    }

    /// Reads on from its head.
    pub(super) fn reopen(&mut self) {
        self.stream = self.sequencer.blocks(self.head().height.next());
    }

    fn check(&self, certified: &CertifiedBlock) {
        let (block, head) = (&certified.block, self.head());
        let header = &block.header;
        let height = header.height;
        assert_eq!(header.chain_id, head.chain_id, "block {height}: chain");
        assert_eq!(height, head.height.next(), "each height once and in order");
        assert_eq!(header.parent, head.hash(), "block {height}: parent");
        assert!(
            header.timestamp > head.timestamp,
            "block {height}: later than its parent"
        );
        assert!(
            header.messages >= head.messages,
            "block {height}: gives no message back"
        );
        assert_eq!(
            header.body,
            body_commitment(&block.transactions),
            "block {height}: body"
        );
        assert!(
            header.executed_height < height,
            "block {height}: executed before it"
        );
        let executed = self
            .chain
            .get((header.executed_height.0 as usize).wrapping_sub(1));
        let root = executed.map_or_else(
            || toy_genesis().executed_root,
            |block| toy_root(header.executed_height, block.block.header.hash()),
        );
        assert_eq!(
            header.executed_root, root,
            "block {height}: the root that was reported"
        );
        let bytes: usize = block.transactions.iter().map(|bytes| bytes.len()).sum();
        assert!(bytes <= MAX_BODY_BYTES, "block {height}: {bytes} bytes");
        assert!(
            block.transactions.len() <= MAX_BODY_TRANSACTIONS,
            "block {height}: transactions"
        );
        let news = !block.transactions.is_empty()
            || header.messages > head.messages
            || !header.seal.is_zero();
        assert!(news, "block {height} says nothing");
        let committee = self
            .sequencer
            .committee(header.epoch)
            .expect("the committee of a block");
        certified
            .certificate
            .verify(&committee, header)
            .expect("a valid certificate");
    }
}

/// In the place of a certificate, for a block that nobody certified.
fn uncertified() -> Certificate {
    Certificate {
        epoch: Epoch(0),
        height: Height(0),
        round: 0,
        block: B256::ZERO,
        signers: U256::ZERO,
        signatures: Vec::new(),
    }
}

/// Waits, but not for ever.
pub(super) async fn within<T>(env: &dyn Env, what: &str, work: impl Future<Output = T>) -> T {
    match select(pin!(work), env.sleep(PATIENCE)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// What a stream gives within `duration`, if anything.
pub(super) async fn soon(
    env: &dyn Env,
    duration: Duration,
    blocks: &mut Blocks,
) -> Option<CertifiedBlock> {
    let next: futures::future::BoxFuture<'_, _> =
        Box::pin(blocks.next().map(|next| next.and_then(Result::ok)));
    match select(next, env.sleep(duration)).await {
        Either::Left((block, _)) => block,
        Either::Right(_) => None,
    }
}
