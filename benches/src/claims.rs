//! What claiming costs a node on the happy path: cutting blocks, a root for each segment, and the outer trace.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    Admission, B256, Block, BlockContext, BlockHeader, BlockOutcome, Bytes, ChainHead, EntryKind,
    Execution, ExecutionError, Gas, Genesis, InboxEntry, Query, QueryError, Receipt, Rejection,
    Reply, State, StateRead, Step, Timestamp, TransactionView, body_commitment,
};
use plasma_exec::{MemoryStore, ModuleRuntime, Parallelism};
use plasma_sdk::{
    Chain, ChainConfig, InboxRecord,
    bench::{Times, time},
};

use crate::{
    Failure, Figure, Options,
    node::{genesis, now},
    workload::{BASE_FEE, CHAIN, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &["claim.share_of_execution"];

const ON: [&str; 3] = [
    "signatures checked",
    "Merkle root per segment",
    "outer trace committed to",
];
const PEOPLE: usize = 10_000;
const BLOCK: usize = 2_000;
const RUNS: usize = 7;

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(20_000, 8_000);
    let mut crowd = Crowd::new(PEOPLE);
    let start = now();
    let transactions = crowd.transfers(Kind::Ethereum, count, BASE_FEE, start, B256::ZERO)?;
    let blocks: Vec<&[Bytes]> = transactions.chunks(BLOCK).collect();
    let (mut whole, mut cut, mut trace) = (Vec::new(), Vec::new(), Vec::new());
    let mut segments = 0;
    // In turns, so that whatever else the machine does falls on both.
    for _ in 0..RUNS {
        let chain = open(Uncut(ModuleRuntime::new()), &crowd, start)?;
        whole.push(execute(&chain, &blocks)?);
        // On one core, as what is compared with it.
        let alone = ModuleRuntime::new().parallelism(Parallelism::sequential());
        let chain = open(alone, &crowd, start)?;
        cut.push(execute(&chain, &blocks)?);
        let (elapsed, leaves) = claim(&chain)?;
        trace.push(elapsed);
        segments = leaves;
    }
    let [whole, cut, trace] = [whole, cut, trace].map(|times| Times::new(times).percentile(0));
    let extra = (cut + trace).as_secs_f64() - whole.as_secs_f64();
    let detail = format!(
        "{count} transfers in {} blocks and {segments} segments: {:.1} ms uncut, {:.1} ms cut, {:.1} ms for the trace; \
         the fastest of {RUNS} runs each",
        blocks.len(),
        millis(whole),
        millis(cut),
        millis(trace),
    );
    let share = extra / whole.as_secs_f64();
    Ok(vec![Figure::new(NAMES[0], share, "x", &ON).detail(detail)])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn open(execution: impl Execution + 'static, crowd: &Crowd, start: u64) -> Result<Chain, Failure> {
    let birth = Genesis {
        chain_id: CHAIN,
        timestamp: Timestamp(start * 1_000),
        config: genesis(crowd).to_string().into_bytes().into(),
    };
    let config = ChainConfig {
        genesis: birth,
        execution: Arc::new(execution),
        store: Arc::new(MemoryStore::ephemeral()),
        history: 1_000,
    };
    Ok(Chain::open(config, None)?)
}

/// Executes the blocks as a node that never saw their transactions before.
fn execute(chain: &Chain, blocks: &[&[Bytes]]) -> Result<Duration, Failure> {
    let mut made = Vec::new();
    let mut parent = chain.head().block.header.clone();
    for transactions in blocks {
        let transactions = transactions.to_vec();
        let header = BlockHeader {
            chain_id: CHAIN,
            height: parent.height.next(),
            parent: parent.hash(),
            timestamp: parent.timestamp + 1_000,
            body: body_commitment(&transactions),
            ..BlockHeader::default()
        };
        parent = header.clone();
        made.push(Block {
            header,
            transactions,
        });
    }
    let (elapsed, done) = time(|| {
        made.into_iter().try_for_each(|block| {
            chain.execution().prepare(&block.transactions);
            let block = chain.execute(block, None)?;
            match block.receipts.iter().find(|receipt| !receipt.succeeded()) {
                None => Ok(()),
                Some(receipt) => Err(Failure::from(receipt.reason.clone())),
            }
        })
    });
    done?;
    Ok(elapsed)
}

/// Commits to the trace of all blocks as one entry; how long that takes, and how many leaves it has.
fn claim(chain: &Chain) -> Result<(Duration, usize), Failure> {
    let head = chain.head();
    let entry = InboxEntry {
        index: 0,
        kind: EntryKind::Force,
        messages: 0,
        message_hash: B256::ZERO,
        timestamp: head.block.header.timestamp.seconds(),
    };
    chain.inbox().push_entry(&InboxRecord {
        entry_hash: entry.link(B256::ZERO).words().keccak(),
        entry,
        root_block: 1,
        head: ChainHead::of(&head.block.header, 1),
        defect: None,
    })?;
    let (elapsed, trace) = time(|| {
        let trace = chain.outer_trace(0, 1)?;
        Ok::<_, plasma_sdk::ChainError>(trace.map(|trace| (trace.commitment(), trace.leaves.len())))
    });
    let (_, leaves) = trace?.ok_or("the entry is not derived")?;
    Ok((elapsed, leaves))
}

/// Modules whose blocks are never cut, and that nobody asks for a step's work.
struct Uncut(ModuleRuntime);

impl Execution for Uncut {
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

    fn work(&self, _: &dyn StateRead, _: &Step) -> Gas {
        Gas(0)
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

    fn prepare(&self, transactions: &[Bytes]) {
        self.0.prepare(transactions);
    }
}
