//! A chain in memory, fed as the root and the availability layer would, and its trace held against the transition.

use std::{collections::BTreeMap, sync::Arc};

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::TxKind;
use plasma_core::{
    Address, Admission, B256, BatchHeader, Block, BlockContext, BlockHeader, BlockOutcome, Bytes,
    ChainHead, ChainId, Checkpoint, DaCommitment, EntryKind, Execution, ExecutionError, Gas,
    Genesis, Height, Inbox, InboxEntry, InboxMessage, MessageKind, Query, QueryError, Receipt,
    Rejection, Reply, Seconds, Signer, State, StateRead, Step, Timestamp, TransactionView, U256,
    body_commitment, derive_entry, encode_batch, transition,
};
use plasma_exec::MemoryStore;
use plasma_sdk::{Chain, ChainConfig, InboxRecord, OuterTrace, SegmentInputs};

pub(crate) const CHAIN_ID: ChainId = ChainId(4_242);
pub(crate) const PROPOSER: Address = Address::repeat_byte(0x70);

pub(crate) fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(number + 1)).expect("a valid scalar")
}

/// A transaction by `signer(number)`.
pub(crate) fn signed(number: u8, change: impl FnOnce(&mut TxEip1559)) -> Bytes {
    let mut transaction = TxEip1559 {
        chain_id: CHAIN_ID.0,
        gas_limit: 100_000,
        max_fee_per_gas: 50_000_000_000,
        max_priority_fee_per_gas: 1_000,
        to: TxKind::Call(signer(number ^ 1).address()),
        ..TxEip1559::default()
    };
    change(&mut transaction);
    let signature = signer(number).sign(transaction.signature_hash());
    let signature =
        alloy_primitives::Signature::new(signature.r.into(), signature.s.into(), signature.v == 28);
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// An execution whose segments hold less.
pub(crate) struct Cut(pub(crate) Box<dyn Execution>, pub(crate) Gas);

impl Execution for Cut {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        self.0.genesis(state, config)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transaction: &[u8],
    ) -> Result<Admission, Rejection> {
        self.0.admit(state, block, transaction)
    }

    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        self.0.apply(state, block, step)
    }

    fn apply_block(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> BlockOutcome {
        self.0.apply_block(base, block, steps)
    }

    fn work(&self, state: &dyn StateRead, step: &Step) -> Gas {
        self.0.work(state, step)
    }

    fn segment_gas(&self) -> Gas {
        self.1
    }

    fn query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        self.0.query(state, block, query)
    }

    fn view(&self, block: &BlockContext, transaction: &[u8]) -> Option<TransactionView> {
        self.0.view(block, transaction)
    }
}

pub(crate) struct World {
    pub(crate) chain: Chain,
    inbox: Inbox,
    /// The message chain's hash after each count of messages.
    message_hashes: Vec<B256>,
    /// The published bytes of each entry.
    bytes: BTreeMap<u64, Bytes>,
    pub(crate) time: Seconds,
}

impl World {
    pub(crate) fn new(execution: impl Execution + 'static, config: &str) -> Self {
        let time = Seconds(1_760_000_000);
        let config = ChainConfig {
            genesis: Genesis {
                chain_id: CHAIN_ID,
                timestamp: time.timestamp(),
                config: config.as_bytes().to_vec().into(),
            },
            execution: Arc::new(execution),
            store: Arc::new(MemoryStore::ephemeral()),
            history: 1_000,
        };
        Self {
            chain: Chain::open(config, None).expect("the genesis is valid"),
            inbox: Inbox::default(),
            message_hashes: vec![B256::ZERO],
            bytes: BTreeMap::new(),
            time,
        }
    }

    /// How many messages the root has.
    pub(crate) fn messages(&self) -> u64 {
        self.message_hashes.len() as u64 - 1
    }

    /// Someone sends a message on the root.
    pub(crate) fn send(&mut self, kind: MessageKind, to: Address, amount: u64, data: Bytes) {
        let message = InboxMessage {
            kind,
            index: self.messages(),
            sender: Address::repeat_byte(0x5e),
            to,
            asset: Address::ZERO,
            amount: U256::from(amount),
            timestamp: self.time,
            deadline: Seconds(self.time.0 + 60),
            data,
        };
        self.inbox.push_message(&message);
        self.message_hashes.push(self.inbox.message_hash);
        let inbox = self.chain.inbox();
        inbox.push_message(&message, 1).expect("in memory");
    }

    /// Where derivation stands.
    pub(crate) fn head(&self) -> ChainHead {
        self.chain.derived_head().expect("in memory")
    }

    /// A block after `parent` that consumes messages up to a count.
    pub(crate) fn block(
        &self,
        parent: &ChainHead,
        messages: u64,
        transactions: Vec<Bytes>,
    ) -> Block {
        let header = BlockHeader {
            chain_id: parent.chain_id,
            height: parent.height.next(),
            epoch: parent.epoch,
            parent: parent.hash,
            timestamp: Timestamp(parent.timestamp.0 + 1_000),
            proposer: PROPOSER,
            messages,
            body: body_commitment(&transactions),
            executed_height: Height(0),
            executed_root: self.chain.block(Height(0)).expect("genesis").state_root,
            seal: B256::ZERO,
        };
        Block {
            header,
            transactions,
        }
    }

    /// The header and the bytes of a batch of these blocks.
    pub(crate) fn batch(&self, blocks: &[Block]) -> (BatchHeader, Bytes) {
        let bytes = Bytes::from(encode_batch(blocks));
        let (first, last) = (&blocks[0].header, &blocks[blocks.len() - 1].header);
        let batch = BatchHeader {
            chain_id: CHAIN_ID,
            entry: self.head().entry,
            first_height: first.height,
            last_height: last.height,
            last_hash: last.hash(),
            messages: last.messages,
            commitment: DaCommitment::chunk_tree(&bytes),
        };
        (batch, bytes)
    }

    /// The root takes a batch.
    pub(crate) fn append(&mut self, batch: BatchHeader, bytes: Bytes) {
        let messages = batch.messages;
        self.take(EntryKind::Batch(batch), messages, bytes);
    }

    /// Blocks of these transactions, each with the messages that it consumes up to, as one batch.
    pub(crate) fn publish(&mut self, blocks: Vec<(u64, Vec<Bytes>)>) {
        let mut parent = self.head();
        let made: Vec<Block> = blocks
            .into_iter()
            .map(|(messages, transactions)| {
                let block = self.block(&parent, messages, transactions);
                parent = ChainHead::of(&block.header, parent.entry);
                block
            })
            .collect();
        let (batch, bytes) = self.batch(&made);
        self.append(batch, bytes);
    }

    /// Someone forces messages up to a count.
    pub(crate) fn force(&mut self, messages: u64) {
        self.take(EntryKind::Force, messages, Bytes::new());
    }

    /// What `follow_root` does with an entry.
    fn take(&mut self, kind: EntryKind, messages: u64, bytes: Bytes) {
        self.time = Seconds(self.time.0 + 20);
        let head = self.head();
        let entry = InboxEntry {
            index: head.entry,
            kind,
            messages,
            message_hash: self.message_hashes[messages as usize],
            timestamp: self.time,
        };
        let derived = derive_entry(&head, &entry, &bytes);
        let mut after = head;
        for block in derived.blocks {
            after = ChainHead::of(&block.header, entry.index + 1);
            self.chain.execute(block, None).expect("it follows");
        }
        after.entry = entry.index + 1;
        self.inbox.push_entry(&entry);
        self.bytes.insert(entry.index, bytes);
        let record = InboxRecord {
            root_block: 1,
            head: after,
            entry_hash: self.inbox.entry_hash,
            defect: derived.defect.map(|defect| defect.to_string()),
            entry,
        };
        self.chain.inbox().push_entry(&record).expect("in memory");
    }

    /// Why the newest entry's batch was passed over.
    pub(crate) fn defect(&self) -> Option<String> {
        let record = self.chain.inbox().last_entry().expect("in memory");
        record.expect("there is an entry").defect
    }

    pub(crate) fn trace(&self) -> OuterTrace {
        let to = self.head().entry;
        let trace = self.chain.outer_trace(0, to).expect("in memory");
        trace.expect("all of it is derived")
    }

    pub(crate) fn inputs(&self, agreed: &Checkpoint) -> SegmentInputs {
        let wanted = self.chain.segment_bytes(agreed).expect("in memory");
        let bytes = wanted.map(|_| &self.bytes[&agreed.entry]);
        self.chain
            .segment_inputs(agreed, bytes)
            .unwrap_or_else(|error| panic!("{agreed:?}: {error}"))
    }

    /// Every leaf of the trace follows from the one before by the transition, over its inputs alone. Gives the trace.
    pub(crate) fn check(&self) -> OuterTrace {
        let trace = self.trace();
        let mut agreed = trace.start;
        for (index, leaf) in trace.leaves.iter().enumerate() {
            assert_eq!(trace.before(index as u64), agreed);
            let inputs = self.inputs(&agreed);
            assert_eq!(inputs.next, *leaf, "leaf {index} after {agreed:?}");
            let execution = &**self.chain.execution();
            let alone = transition(&inputs.input.hash(), &inputs.preimages, execution);
            assert_eq!(alone, Ok(*leaf), "leaf {index} over its inputs alone");
            agreed = *leaf;
        }
        let entries = self.head().entry;
        let derived = self.chain.checkpoint_before(entries).expect("in memory");
        assert_eq!(
            Some(trace.last()),
            derived,
            "the trace ends where the chain does"
        );
        assert_eq!(trace.before(u64::MAX), trace.last());
        trace
    }
}
