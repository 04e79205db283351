//! Signed transfers a second, from submission to receipt.

use std::{env, fs, process::Command, sync::mpsc, thread, time::Duration};

use plasma_core::{
    B256, Block, BlockHeader, Bytes, Changes, Ed25519Proof, Ed25519Signer, Execution, Genesis,
    Height, Signature, Signer, Timestamp, body_commitment, execute_block, keccak256,
    verify_ed25519,
};
use plasma_exec::{Durability, MemoryConfig, MemoryStore, ModuleRuntime, Store};
use plasma_sdk::{
    RunningChain,
    bench::{Times, in_parallel, rate, time},
};
use tokio::runtime::Runtime;

use crate::{
    Failure, Figure, Options,
    figure::cores,
    node::{durable, genesis, load, load_promised, now},
    suite::directory,
    workload::{BASE_FEE, CHAIN, Crowd, Kind},
};

pub(crate) const NAMES: &[&str] = &[
    "transfers.end_to_end_per_s",
    "transfers.native_end_to_end_per_s",
    "transfers.ed25519_end_to_end_per_s",
    "transfers.prepared_end_to_end_per_s",
    "transfers.promised_end_to_end_per_s",
    "transfers.end_to_end_one_core_share",
    "transfers.ed25519_end_to_end_one_core_share",
    "transfers.prepared_end_to_end_one_core_share",
    "transfers.bare_secp256k1_per_s",
    "transfers.bare_ed25519_per_s",
    "transfers.bare_prepared_per_s",
    "transfers.bare_pipelined_secp256k1_per_s",
    "transfers.bare_pipelined_ed25519_per_s",
    "transfers.bare_pipelined_prepared_per_s",
    "transfers.ceiling_recover_per_s",
    "transfers.ceiling_ed25519_per_s",
    "transfers.ceiling_sign_per_s",
    "transfers.ceiling_commit_per_s",
];

const CHECKED: &str = "signatures checked";
const PREPARED: &str = "signatures checked before";
const NODE: [&str; 4] = [
    "certificate per block",
    "Merkle root per block",
    "journal synced per block",
    "state and receipts on disk",
];
const BARE: [&str; 2] = ["Merkle root per block", "synced per block"];
const PEOPLE: usize = 10_000;
/// Transactions in a block where no node makes it: as many as the trials had.
const BARE_BLOCK: usize = 10_000;
/// Signatures of ed25519 in a batch.
const ED25519_BATCH: usize = 2_000;

/// A workload through the node.
#[derive(Clone, Copy)]
struct Case {
    kind: Kind,
    prepared: bool,
    promised: bool,
}

impl Case {
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            prepared: false,
            promised: false,
        }
    }
}

/// In the order of their names.
const CASES: [Case; 5] = [
    Case::of(Kind::Ethereum),
    Case::of(Kind::Native),
    Case::of(Kind::Ed25519),
    Case {
        prepared: true,
        ..Case::of(Kind::Ethereum)
    },
    Case {
        promised: true,
        ..Case::of(Kind::Ethereum)
    },
];

/// What the machine does with nothing else to do.
struct Ceilings {
    sign: f64,
    recover: f64,
    ed25519: f64,
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(30_000, 8_000);
    let runs = options.size(3, 1);
    let runtime = Runtime::new()?;
    let ceilings = Ceilings::measure(options.size(8_000, 2_000))?;
    let mut figures = Vec::new();
    let mut commit = 0.0;
    let mut ends = [0.0; CASES.len()];
    for ((name, case), end) in NAMES.iter().zip(CASES).zip(&mut ends) {
        let writes_wanted = *name == NAMES[0] && options.wants(NAMES[17]);
        let shared = NAMES[5..8].iter().any(|share| {
            options.wants(share) && share.replace("one_core_share", "per_s") == **name
        });
        if !options.wants(name) && !writes_wanted && !shared {
            continue;
        }
        let (mut times, mut blocks) = (Vec::new(), 0);
        for _ in 0..runs {
            let run = runtime.block_on(run(case, count, writes_wanted))?;
            times.push(run.time);
            blocks = run.blocks;
            if writes_wanted {
                commit = commits(count, &run.writes)?;
            }
        }
        let times = Times::new(times);
        *end = times.rate(count);
        let detail = format!(
            "{count} transfers of {PEOPLE} people in {blocks} blocks, {}; {}{}",
            if case.promised {
                "one by one, a promise signed for each".to_owned()
            } else {
                format!("sent in batches of {}", case.kind.batch())
            },
            ceilings.shares(case, *end),
            times.spread(count)
        );
        let on = [&[if case.prepared { PREPARED } else { CHECKED }], &NODE[..]].concat();
        figures.push(Figure::new(name, *end, "transfers/s", &on).detail(detail));
    }
    figures.extend(one_core(options, &ends)?);
    figures.extend(bare(options, count.max(BARE_BLOCK), runs)?);
    let alone = format!("libsecp256k1 alone, on {} cores", cores());
    let recover = ceilings.recover;
    figures.push(Figure::new(NAMES[14], recover, "signatures/s", &[]).detail(&*alone));
    let batches = format!("batches of {ED25519_BATCH} alone, on {} cores", cores());
    let ed25519 = ceilings.ed25519;
    figures.push(Figure::new(NAMES[15], ed25519, "signatures/s", &[]).detail(batches));
    let promised = format!("{alone}; the sequencer signs for each transaction whose sender asks");
    figures.push(Figure::new(NAMES[16], ceilings.sign, "signatures/s", &[]).detail(promised));
    if commit > 0.0 {
        let alone = "the same blocks' writes alone, durable per block, roots computed";
        figures.push(Figure::new(NAMES[17], commit, "transfers/s", &BARE).detail(alone));
    }
    Ok(figures)
}

/// What came of one run.
struct Run {
    time: Duration,
    blocks: u64,
    /// What each block wrote, genesis first; none where nobody asked.
    writes: Vec<Changes>,
}

/// One run on a new node.
async fn run(case: Case, count: usize, writes_wanted: bool) -> Result<Run, Failure> {
    let directory = directory()?;
    let mut crowd = crowd(case.kind);
    let node = durable(&crowd, directory.path()).await?;
    let genesis = node.chain().genesis_hash();
    let transactions = crowd.transfers(case.kind, count, BASE_FEE, now(), genesis)?;
    if case.prepared {
        prepare(&node, &transactions)?;
    }
    let time = if case.promised {
        load_promised(&node, &transactions).await?
    } else {
        load(&node, &transactions, case.kind.batch()).await?
    };
    let blocks = node.chain().head().height().0;
    let writes = if writes_wanted {
        writes(&node)?
    } else {
        Vec::new()
    };
    node.stop().await?;
    Ok(Run {
        time,
        blocks,
        writes,
    })
}

fn crowd(kind: Kind) -> Crowd {
    match kind {
        Kind::Ed25519 => Crowd::with_ed25519(PEOPLE),
        _ => Crowd::new(PEOPLE),
    }
}

/// Has all signatures checked ahead of time, as a node does that saw the transactions before.
fn prepare(node: &RunningChain, transactions: &[Bytes]) -> Result<(), Failure> {
    let chain = node.chain();
    let head = chain.head();
    let context = chain.next_context(&head, node.env().now());
    let first = transactions.first().ok_or("no transactions")?;
    // Once seen, the execution knows the chain that the signatures are for.
    chain
        .execution()
        .admit(&*chain.state_at(head.height())?, &context, first)?;
    chain.execution().prepare(transactions);
    Ok(())
}

/// What each block wrote, genesis first.
fn writes(node: &RunningChain) -> Result<Vec<Changes>, Failure> {
    let chain = node.chain();
    let mut all = vec![chain.genesis().state(&**chain.execution())?.changes];
    for height in 1..=chain.head().height().0 {
        let (block, base) = (
            chain.block(Height(height))?,
            chain.state_at(Height(height - 1))?,
        );
        all.push(
            execute_block(
                &**chain.execution(),
                &*base,
                chain.genesis_hash(),
                &block.block,
                &[],
            )
            .into_changes(),
        );
    }
    Ok(all)
}

fn store(directory: &tempfile::TempDir) -> Result<MemoryStore, Failure> {
    let path = Some(directory.path().to_owned());
    Ok(MemoryStore::open(MemoryConfig {
        directory: path,
        durability: Durability::Commit,
        ..MemoryConfig::default()
    })?)
}

/// The ceiling of state: transfers whose writes a durable store takes in a second.
fn commits(count: usize, writes: &[Changes]) -> Result<f64, Failure> {
    let directory = directory()?;
    let store = store(&directory)?;
    store.commit(0, &writes[0])?;
    let (elapsed, done) = time(|| {
        (1..)
            .zip(&writes[1..])
            .try_for_each(|(at, changes)| store.commit(at, changes).map(drop))
    });
    done?;
    Ok(rate(count, elapsed))
}

/// The same through a node that may use one core, as a share of what it does with all.
fn one_core(options: &Options, ends: &[f64]) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for (name, case) in NAMES[5..8].iter().zip([0, 2, 3]) {
        if !options.wants(name) {
            continue;
        }
        let Some(alone) = on_one_core(NAMES[case], options)? else {
            continue;
        };
        let (share, all) = (100.0 * alone / ends[case], cores());
        let detail = format!("{alone:.0} transfers/s on one core, against {all} in the same run");
        let checked = if CASES[case].prepared {
            PREPARED
        } else {
            CHECKED
        };
        let on = [&[checked], &NODE[..]].concat();
        figures.push(Figure::new(name, share, "%", &on).detail(detail));
    }
    Ok(figures)
}

/// A figure as this program measures it when it is bound to one core; `None` where the system has no means to.
fn on_one_core(name: &str, options: &Options) -> Result<Option<f64>, Failure> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let first = status.lines().find_map(|line| {
        let allowed = line.strip_prefix("Cpus_allowed_list:")?.trim();
        allowed.split([',', '-']).next().map(str::to_owned)
    });
    let Some(core) = first else {
        eprintln!("one core: the system does not say which cores there are");
        return Ok(None);
    };
    let directory = directory()?;
    let json = directory.path().join("figures.json");
    let mut command = Command::new("taskset");
    command.args(["-c", &core]).arg(env::current_exe()?);
    command.args(["--filter", name]).arg("--json").arg(&json);
    if options.quick {
        command.arg("--quick");
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("one core: taskset does not start: {error}");
            return Ok(None);
        }
    };
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let report: serde_json::Value = serde_json::from_slice(&fs::read(json)?)?;
    let figures = report["figures"]
        .as_array()
        .ok_or("a report without figures")?;
    let figure = figures.iter().find(|figure| figure["name"] == name);
    let value = figure.and_then(|figure| figure["value"].as_f64());
    Ok(Some(value.ok_or("a report without the figure")?))
}

/// Check, execution, root and log alone, without a node: one after the other, and with the signatures of a block
/// checked while the one before is executed.
fn bare(options: &Options, count: usize, runs: usize) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for (pipelined, names) in [(false, &NAMES[8..11]), (true, &NAMES[11..14])] {
        for (name, case) in names.iter().zip([0, 2, 3]) {
            if !options.wants(name) {
                continue;
            }
            let case = CASES[case];
            let times: Result<Vec<_>, Failure> = (0..runs)
                .map(|_| bare_run(case, count, pipelined))
                .collect();
            let times = Times::new(times?);
            let how = if pipelined {
                "signatures checked while the block before is executed and committed"
            } else {
                "check, execution and commit one after the other"
            };
            let spread = times.spread(count);
            let detail = format!("{count} transfers in blocks of {BARE_BLOCK}, {how}; {spread}");
            let checked = if case.prepared { PREPARED } else { CHECKED };
            let on = [&[checked], &BARE[..]].concat();
            let value = times.rate(count);
            figures.push(Figure::new(name, value, "transfers/s", &on).detail(detail));
        }
    }
    Ok(figures)
}

fn bare_run(case: Case, count: usize, pipelined: bool) -> Result<Duration, Failure> {
    let directory = directory()?;
    let (store, execution) = (store(&directory)?, ModuleRuntime::new());
    let mut crowd = crowd(case.kind);
    let start = now();
    let birth = Genesis {
        chain_id: CHAIN,
        timestamp: Timestamp(start * 1_000),
        config: genesis(&crowd).to_string().into_bytes().into(),
    };
    let first = birth.state(&execution)?;
    let header = first.header(store.commit(0, &first.changes)?);
    let genesis = header.hash();
    let transactions = crowd.transfers(case.kind, count, BASE_FEE, start, genesis)?;
    let blocks = blocks(&header, &transactions);
    // Once seen, the execution knows the chain that the signatures are for.
    let context = plasma_core::BlockContext::of(&blocks[0].header, genesis);
    execution.admit(&*store.view(0)?, &context, &transactions[0])?;
    if case.prepared {
        execution.prepare(&transactions);
    }
    let check = |block: &Block| execution.prepare(&block.transactions);
    let commit = |block: &Block| -> Result<(), Failure> {
        let height = block.header.height.0;
        let base = store.view(height - 1)?;
        let executed = execute_block(&execution, &*base, genesis, block, &[]);
        if let Some(failed) = executed.receipts.iter().find(|it| !it.succeeded()) {
            return Err(failed.reason.clone().into());
        }
        let changes: Vec<Changes> = executed
            .segments
            .into_iter()
            .map(|segment| segment.changes)
            .collect();
        store.commit_segments(height, &changes)?;
        Ok(())
    };
    let (elapsed, done) = time(|| {
        if !pipelined {
            return blocks.iter().try_for_each(|block| {
                check(block);
                commit(block)
            });
        }
        thread::scope(|scope| {
            let (checked, ready) = mpsc::sync_channel(1);
            let all = &blocks;
            scope.spawn(move || {
                for block in all {
                    check(block);
                    if checked.send(block).is_err() {
                        return;
                    }
                }
            });
            ready.iter().try_for_each(commit)
        })
    });
    done?;
    Ok(elapsed)
}

fn blocks(genesis: &BlockHeader, transactions: &[Bytes]) -> Vec<Block> {
    let mut parent = genesis.clone();
    let made = transactions.chunks(BARE_BLOCK).map(|transactions| {
        let header = BlockHeader {
            chain_id: CHAIN,
            height: parent.height.next(),
            parent: parent.hash(),
            timestamp: parent.timestamp + 1,
            body: body_commitment(transactions),
            ..BlockHeader::default()
        };
        parent = header.clone();
        Block {
            header,
            transactions: transactions.to_vec(),
        }
    });
    made.collect()
}

impl Ceilings {
    /// How many signatures a second are made, and checked, on all cores.
    fn measure(count: usize) -> Result<Self, Failure> {
        let signer = Signer::from_bytes(&B256::repeat_byte(0x11)).ok_or("no key")?;
        let digests: Vec<B256> = (0..count).map(|n| keccak256(n.to_be_bytes())).collect();
        let (signing, signed): (_, Vec<(B256, Signature)>) =
            time(|| in_parallel(&digests, |digest| (*digest, signer.sign(*digest))));
        let (recovering, right) = time(|| {
            in_parallel(&signed, |(digest, signature)| {
                signature.recover(*digest) == Ok(signer.address())
            })
        });
        let other = |digest: &B256| {
            let key = Ed25519Signer::from_bytes(&keccak256(digest));
            (*digest, key.sign(*digest))
        };
        let others: Vec<(B256, Ed25519Proof)> = in_parallel(&digests, other);
        let batches: Vec<&[(B256, Ed25519Proof)]> = others
            .chunks(ED25519_BATCH.min(count.div_ceil(cores())))
            .collect();
        let (verifying, hold) = time(|| {
            in_parallel(&batches, |batch| {
                verify_ed25519(batch).into_iter().all(|holds| holds)
            })
        });
        if right.contains(&false) || hold.contains(&false) {
            return Err("a signature is not its signer's".into());
        }
        Ok(Self {
            sign: rate(count, signing),
            recover: rate(count, recovering),
            ed25519: rate(count, verifying),
        })
    }

    /// What share of them a workload comes to, in words.
    fn shares(&self, case: Case, value: f64) -> String {
        let of = |ceiling: f64| 100.0 * value / ceiling;
        match case {
            Case { prepared: true, .. } => String::new(),
            Case {
                kind: Kind::Ed25519,
                ..
            } => format!("{:.1}% of bare batches of ed25519; ", of(self.ed25519)),
            _ => format!("{:.1}% of bare signature recovery; ", of(self.recover)),
        }
    }
}
