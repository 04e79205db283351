//! Where the time of a transfer goes between submission and receipt: each stage by itself, one after the other.

use std::{sync::Arc, time::Duration};

use plasma_core::{
    B256, Bytes, Certificate, CertifiedBlock, Changes, Env as _, Epoch, Execution as _, Gas,
    Genesis, MAX_BODY_BYTES, Signer, Timestamp, TokioEnv, execute_block,
};
use plasma_exec::{Durability, MemoryConfig, MemoryStore, ModuleRuntime, Store};
use plasma_sdk::{
    Chain, ChainConfig,
    bench::time,
    sequencer::{BlockBuilder, FileJournal, Journal as _, Mempool, MempoolLimits, Picked},
};

use crate::{
    Failure, Figure, Options,
    figure::cores,
    node::{genesis, now},
    suite::directory,
    workload::{BASE_FEE, CHAIN, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &[
    "path.ethereum_admission_ns",
    "path.ethereum_readmission_ns",
    "path.ethereum_mempool_ns",
    "path.ethereum_block_ns",
    "path.ethereum_journal_ns",
    "path.ethereum_prepare_ns",
    "path.ethereum_execute_ns",
    "path.ethereum_commit_ns",
    "path.ethereum_ledger_ns",
    "path.ed25519_admission_ns",
    "path.ed25519_readmission_ns",
    "path.ed25519_mempool_ns",
    "path.ed25519_block_ns",
    "path.ed25519_journal_ns",
    "path.ed25519_prepare_ns",
    "path.ed25519_execute_ns",
    "path.ed25519_commit_ns",
    "path.ed25519_ledger_ns",
];

const STAGES: usize = 9;
/// What is done in each stage.
const DETAILS: [&str; STAGES] = [
    "decoded, named, its signature and its account checked; in batches as clients send them, on all cores",
    "the same again: recognised, and its account checked",
    "into the pool, out of it into a block, and forgotten after that",
    "the block's body committed to, its header hashed and certified",
    "the block written and synchronised",
    "signers looked up ahead of execution",
    "executed, on one thread",
    "roots of all segments computed and written, synchronised; on all cores",
    "names, head, events, and the share of the ledger's file",
];
const PEOPLE: usize = 10_000;
/// Gas and bytes of a block, as a sequencer makes them by default.
const BLOCK_GAS: Gas = Gas(1_000_000_000);

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(30_000, 8_000);
    let mut figures = Vec::new();
    for (kind, names) in [Kind::Ethereum, Kind::Ed25519]
        .into_iter()
        .zip(NAMES.chunks(STAGES))
    {
        if !names.iter().any(|name| options.wants(name)) {
            continue;
        }
        let (path, transactions) = Path::open(kind, count)?;
        let walked = path.walk(&transactions)?;
        let all: f64 = walked.times.iter().map(Duration::as_secs_f64).sum();
        for ((name, time), what) in names.iter().zip(&walked.times).zip(DETAILS) {
            if !options.wants(name) {
                continue;
            }
            let share = 100.0 * time.as_secs_f64() / all;
            let detail = format!(
                "{what}; {share:.0}% of all stages, {count} transfers in {} blocks of {} segments, {} cores",
                walked.blocks,
                walked.segments,
                cores()
            );
            let each = time.as_secs_f64() * 1e9 / count as f64;
            figures.push(Figure::new(name, each, "ns/transfer", &[]).detail(detail));
        }
    }
    Ok(figures)
}

/// All that a transfer meets on its way through a node, but for tasks and sockets.
struct Path {
    kind: Kind,
    directory: tempfile::TempDir,
    execution: Arc<ModuleRuntime>,
    genesis: Genesis,
}

/// What came of it.
struct Walked {
    times: [Duration; STAGES],
    blocks: usize,
    /// In all blocks.
    segments: usize,
}

impl Path {
    fn open(kind: Kind, count: usize) -> Result<(Self, Vec<Bytes>), Failure> {
        let mut crowd = match kind {
            Kind::Ed25519 => Crowd::with_ed25519(PEOPLE),
            _ => Crowd::new(PEOPLE),
        };
        let execution = Arc::new(ModuleRuntime::new());
        let start = now();
        let genesis = Genesis {
            chain_id: CHAIN,
            timestamp: Timestamp(start * 1_000),
            config: genesis(&crowd).to_string().into_bytes().into(),
        };
        let path = Self {
            kind,
            directory: directory()?,
            execution,
            genesis,
        };
        let hash = path.chain("names")?.genesis_hash();
        let transactions = crowd.transfers(kind, count, BASE_FEE, start, hash)?;
        Ok((path, transactions))
    }

    fn store(&self, name: &str) -> Result<MemoryStore, Failure> {
        Ok(MemoryStore::open(MemoryConfig {
            directory: Some(self.directory.path().join(name)),
            durability: Durability::Commit,
            ..MemoryConfig::default()
        })?)
    }

    fn chain(&self, name: &str) -> Result<Chain, Failure> {
        let directory = self.directory.path().join(name);
        std::fs::create_dir_all(&directory)?;
        let config = ChainConfig {
            genesis: self.genesis.clone(),
            execution: self.execution.clone(),
            store: Arc::new(self.store(&format!("{name}-state"))?),
            history: 256,
        };
        Ok(Chain::open(config, Some(&directory))?)
    }

    fn walk(&self, transactions: &[Bytes]) -> Result<Walked, Failure> {
        let env = TokioEnv;
        let chain = self.chain("chain")?;
        let genesis = chain.genesis_hash();
        let header = chain.head().block.header.clone();
        let execution = &*self.execution;
        let (state, context) = (
            chain.state_at(header.height)?,
            chain.next_context(&chain.head(), env.now()),
        );
        let mut times = [Duration::ZERO; STAGES];
        let mut add = |stage: usize, time: Duration| times[stage] += time;

        let admit = || {
            let batches = transactions.chunks(self.kind.batch());
            let answers = batches.flat_map(|batch| execution.admit_all(&*state, &context, batch));
            answers.collect::<Result<Vec<_>, _>>()
        };
        let (first, admissions) = time(admit);
        let admissions = admissions?;
        add(0, first);
        let (again, same) = time(admit);
        if same? != admissions {
            return Err("what was admitted once is admitted otherwise".into());
        }
        add(1, again);

        let mut pool = Mempool::new(MempoolLimits::default(), BLOCK_GAS);
        let signer = Signer::from_bytes(&B256::repeat_byte(0x11)).ok_or("no key")?;
        let mut builder =
            BlockBuilder::new(header.clone(), header.clone(), Epoch(0), signer.address());
        let mut journal = FileJournal::open(self.directory.path(), &header, &env)?;
        let plain = self.store("state")?;
        plain.commit(0, &self.genesis.state(execution)?.changes)?;
        let (mut blocks, mut segments) = (0, 0);
        let mut waiting = transactions.iter().zip(&admissions).peekable();
        // The pool holds some blocks' worth, as it does under load.
        while waiting.peek().is_some() || pool.has_ready() {
            let fresh: Vec<_> = waiting.by_ref().take(20_000).collect();
            let now = env.now();
            let (inserted, answer) = time(|| {
                fresh.into_iter().try_for_each(|(bytes, admission)| {
                    let inserted = pool.insert(admission.hash, bytes.clone(), admission, now);
                    inserted.map(drop)
                })
            });
            answer?;
            let (taken, picked) = time(|| pool.take(BLOCK_GAS, MAX_BODY_BYTES, now));
            let hashes: Vec<_> = picked.iter().map(|picked| picked.hash).collect();
            let (built, certified) = time(|| certified(&builder, picked, &signer, env.now()));
            let certified = certified.ok_or("an empty block")?;
            add(3, built);
            let (written, answer) = time(|| journal.append(&certified));
            answer?;
            add(4, written);
            builder.commit(&certified.block.header);
            let (forgotten, _) = time(|| pool.executed(&hashes));
            add(2, inserted + taken + forgotten);

            let CertifiedBlock { block, certificate } = certified;
            let (prepared, ()) = time(|| execution.prepare(&block.transactions));
            add(5, prepared);
            let height = block.header.height.0;
            let base = plain.view(height - 1)?;
            let (executed, outcome) =
                time(|| execute_block(execution, &*base, genesis, &block, &[]));
            if let Some(failed) = outcome.receipts.iter().find(|it| !it.succeeded()) {
                return Err(failed.reason.clone().into());
            }
            add(6, executed);
            let changes: Vec<Changes> = outcome.segments.into_iter().map(|it| it.changes).collect();
            segments += changes.len();
            let (committed, roots) = time(|| plain.commit_segments(height, &changes));
            roots?;
            add(7, committed);
            // The chain does that again, and the rest.
            let begun = chain.begin(block, Some(certificate), None)?;
            let (finished, stored) = time(|| chain.finish(begun));
            stored?;
            add(8, finished.saturating_sub(committed));
            blocks += 1;
        }
        let (synced, answer) = time(|| chain.sync());
        answer?;
        add(8, synced);
        Ok(Walked {
            times,
            blocks,
            segments,
        })
    }
}

/// The next block, of what was picked.
fn certified(
    builder: &BlockBuilder,
    picked: Vec<Picked>,
    signer: &Signer,
    now: Timestamp,
) -> Option<CertifiedBlock> {
    let block = builder.build_picked(now, picked)?;
    let certificate = Certificate::solo(signer, &block.header);
    Some(CertifiedBlock { block, certificate })
}
