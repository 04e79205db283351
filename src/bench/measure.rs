//! The runs.

use std::time::Duration;

use plasma_core::{
    Address, B256, BlockContext, BlockOutcome, Bytes, Changes, Execution, Genesis, Height,
    MemoryState, Overlay, Query, Receipt, Reply, StateRead, Step, U256, encode, keccak256,
};
use plasma_exec::{Durability, MemoryConfig, MemoryStore, Store as _};
use tempfile::TempDir;

use super::{
    Allocated, BenchError, Contender, CountAllocations, Machine, Measured, Model, Nonces,
    Operation, Report, Row, Settings, Spread, Threads, Times, Workload, World,
    growth::Growth,
    operation::operations,
    times::{in_parallel, time},
    world::BIRTH,
};

/// Who gets the fees: nobody who takes part.
const PROPOSER: Address = Address::repeat_byte(0x99);

/// Measures every contender at every workload, in order. `count` counts allocations; `says` hears what is being done.
pub fn run(
    settings: &Settings,
    contenders: &[Box<dyn Contender>],
    workloads: &[Workload],
    count: Option<CountAllocations>,
    says: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    settings.check()?;
    let mut rows = Vec::new();
    for workload in workloads {
        let world = World::new(*workload, settings.accounts);
        // The block before those that count has the same size.
        let whole = settings.transactions + settings.block_size();
        let (operations, model) = operations(&world, settings.seed, whole);
        for contender in contenders {
            says(&format!("{} on {}", workload.name(), contender.name()));
            let case = Case {
                settings,
                contender: &**contender,
                world: &world,
                operations: &operations,
                model: &model,
            };
            rows.extend(case.rows(count)?);
        }
    }
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        machine: Machine::here(),
        on: settings.on(),
        settings: settings.clone(),
        rows,
    })
}

/// A contender at a workload.
struct Case<'a> {
    settings: &'a Settings,
    contender: &'a dyn Contender,
    world: &'a World,
    operations: &'a [Operation],
    /// What must come of the operations.
    model: &'a Model,
}

/// A block, as it is executed and as its signatures are checked.
struct Block {
    context: BlockContext,
    steps: Vec<Step>,
    transactions: Vec<Bytes>,
}

/// All that runs have in common.
struct Prepared {
    /// The state when everything is set up, and its height.
    base: Changes,
    height: u64,
    /// The first is not counted.
    blocks: Vec<Block>,
}

/// What a block came to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct End {
    receipts: B256,
    root: B256,
}

/// What one run gives.
struct Run {
    ends: Vec<End>,
    times: Vec<Duration>,
    store: MemoryStore,
    /// What each step of each block came to.
    receipts: Vec<Vec<Receipt>>,
}

/// What is the same in every run.
#[derive(Default)]
struct Census {
    gas: u64,
    growth: Growth,
    allocated: Option<Allocated>,
    alone: Vec<Duration>,
}

fn context(world: &World, height: u64) -> BlockContext {
    BlockContext {
        chain_id: world.chain(),
        height: Height(height),
        timestamp: BIRTH + height * 1_000,
        proposer: PROPOSER,
        ..BlockContext::default()
    }
}

fn block(world: &World, height: u64, transactions: Vec<Bytes>) -> Block {
    let steps = transactions.iter().cloned().map(Step::Transaction);
    Block {
        context: context(world, height),
        steps: [Step::Begin]
            .into_iter()
            .chain(steps)
            .chain([Step::End])
            .collect(),
        transactions,
    }
}

impl Case<'_> {
    fn rows(&self, count: Option<CountAllocations>) -> Result<Vec<Row>, BenchError> {
        let row = |threads: Threads| Row {
            workload: self.world.workload(),
            backend: self.contender.name().to_owned(),
            threads,
            cores: threads.count(),
            measured: None,
            unsupported: None,
        };
        let threads = self.settings.threads.iter().copied();
        if let Some(reason) = self.unsupported() {
            let rows = threads.map(|threads| Row {
                unsupported: Some(reason.clone()),
                ..row(threads)
            });
            return Ok(rows.collect());
        }
        let prepared = self.prepare()?;
        let census = self.census(&prepared, count)?;
        let mut first: Option<Vec<End>> = None;
        let mut facts = 0;
        let mut rows = Vec::new();
        for threads in threads {
            let (mut rates, mut blocks) = (Vec::new(), Vec::new());
            for at in 0..self.settings.runs {
                let run = self.run(&prepared, threads)?;
                match &first {
                    None => facts = self.check(&prepared, &run)?,
                    Some(first) => self.compare(first, &run.ends, at, threads)?,
                }
                let seconds = run.times.iter().sum::<Duration>().as_secs_f64();
                rates.push(self.settings.transactions as f64 / seconds);
                blocks.extend(run.times);
                first.get_or_insert(run.ends);
            }
            let root = first.as_ref().and_then(|ends| ends.last());
            rows.push(Row {
                measured: Some(Measured {
                    transactions_per_second: Spread::of(rates),
                    block_ms: Times::new(blocks).percentiles(Duration::from_millis(1)),
                    state_root: root.map(|end| end.root).unwrap_or_default(),
                    checked_facts: facts,
                    ..census.measured(self.settings.transactions)
                }),
                ..row(threads)
            });
        }
        Ok(rows)
    }

    /// What the contender has no transaction for.
    fn unsupported(&self) -> Option<String> {
        let mut known: Vec<&str> = Vec::new();
        for operation in self.operations {
            let kind = operation.kind();
            if known.contains(&kind) {
                continue;
            }
            if self.contender.encode(self.world, operation, 0).is_none() {
                return Some(kind.to_owned());
            }
            known.push(kind);
        }
        None
    }

    fn failed(&self, what: String, receipt: &Receipt) -> BenchError {
        BenchError::Failed {
            contender: self.contender.name().to_owned(),
            workload: self.world.workload().name(),
            what,
            reason: receipt.reason.clone(),
        }
    }

    fn stored<T>(&self, result: Result<T, plasma_exec::StoreError>) -> Result<T, BenchError> {
        result.map_err(|error| BenchError::Store {
            contender: self.contender.name().to_owned(),
            workload: self.world.workload().name(),
            error: Box::new(error),
        })
    }

    /// Begins the chain, sets it up and signs all transactions.
    fn prepare(&self) -> Result<Prepared, BenchError> {
        let Self {
            contender, world, ..
        } = self;
        let execution = contender.execution(Threads::All.parallelism());
        let genesis = Genesis {
            chain_id: world.chain(),
            timestamp: BIRTH,
            config: contender.genesis(world).into(),
        };
        let first = genesis.state(&*execution);
        let first = first.map_err(|error| BenchError::Genesis {
            contender: contender.name().to_owned(),
            error,
        })?;
        let mut state = MemoryState::default();
        state.apply(&first.changes);
        let mut nonces = Nonces::new(world.people());
        let mut height = 0;
        for transactions in contender.set_up(world, &mut nonces) {
            height += 1;
            let block = block(world, height, transactions);
            execution.prepare(&block.transactions);
            let outcome = execution.apply_block(&state, &block.context, &block.steps);
            if let Some(receipt) = outcome.receipts.iter().find(|receipt| !receipt.succeeded()) {
                return Err(self.failed("a transaction of the set-up".to_owned(), receipt));
            }
            state.apply(&outcome.changes);
        }
        let numbered: Vec<(&Operation, u64)> = self
            .operations
            .iter()
            .map(|operation| (operation, nonces.next(operation.by())))
            .collect();
        let transactions = in_parallel(&numbered, |(operation, nonce)| {
            contender.encode(world, operation, *nonce)
        });
        // None is missing, for every kind of operation was asked about.
        let transactions: Vec<Bytes> = transactions.into_iter().flatten().collect();
        let blocks = (height + 1..)
            .zip(transactions.chunks(self.settings.block_size()))
            .map(|(height, transactions)| block(world, height, transactions.to_vec()));
        Ok(Prepared {
            blocks: blocks.collect(),
            base: state
                .entries()
                .iter()
                .map(|(key, value)| (*key, Some(value.clone())))
                .collect(),
            height,
        })
    }

    /// A store with the state that is set up, and where it is if it is on disk.
    fn store(
        &self,
        prepared: &Prepared,
        threads: Threads,
    ) -> Result<(MemoryStore, Option<TempDir>), BenchError> {
        let directory = self
            .settings
            .durable
            .then(|| {
                let path = &self.settings.directory;
                let made = tempfile::Builder::new()
                    .prefix("plasma-bench-")
                    .tempdir_in(path);
                made.map_err(|error| BenchError::Directory {
                    path: path.clone(),
                    error,
                })
            })
            .transpose()?;
        let config = MemoryConfig {
            directory: directory
                .as_ref()
                .map(|directory| directory.path().to_owned()),
            durability: Durability::Commit,
            threads: threads.count(),
            ..MemoryConfig::default()
        };
        let store = self.stored(MemoryStore::open(config))?;
        self.stored(store.commit(prepared.height, &prepared.base))?;
        Ok((store, directory))
    }

    /// All blocks, one on the other, by an execution and on a store of their own.
    fn run(&self, prepared: &Prepared, threads: Threads) -> Result<Run, BenchError> {
        let Settings {
            signatures, root, ..
        } = *self.settings;
        let execution = self.contender.execution(threads.parallelism());
        let (store, _directory) = self.store(prepared, threads)?;
        let (mut ends, mut times, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (block, height) in prepared.blocks.iter().zip(prepared.height..) {
            let base = self.stored(store.view(height))?;
            if !signatures {
                execution.prepare(&block.transactions);
            }
            let (executing, segments) = time(|| {
                // On one thread they are checked one by one, as they are executed.
                if signatures && threads == Threads::All {
                    execution.prepare(&block.transactions);
                }
                execution.apply_segments(&*base, &block.context, &block.steps)
            });
            let (receipts, changes) = parts(segments);
            self.succeeded(block, &receipts)?;
            let (committing, roots) = time(|| store.commit_segments(height + 1, &changes));
            let roots = self.stored(roots)?;
            times.push(if root {
                executing + committing
            } else {
                executing
            });
            ends.push(End {
                receipts: keccak256(encode(&receipts)),
                root: roots.last().copied().unwrap_or_default(),
            });
            all.push(receipts);
        }
        times.remove(0);
        Ok(Run {
            ends,
            times,
            store,
            receipts: all,
        })
    }

    fn succeeded(&self, block: &Block, receipts: &[Receipt]) -> Result<(), BenchError> {
        let (found, steps) = (receipts.len(), block.steps.len());
        if found != steps {
            let what = format!("block {}", block.context.height.0);
            let words = format!("{found} receipts for {steps} steps");
            return Err(self.failed(what, &Receipt::invalid(words)));
        }
        let failed = receipts
            .iter()
            .zip(0..)
            .find(|(receipt, _)| !receipt.succeeded());
        match failed {
            None => Ok(()),
            Some((receipt, at)) => {
                let what = format!("step {at} of block {}", block.context.height.0);
                Err(self.failed(what, receipt))
            }
        }
    }

    fn compare(
        &self,
        first: &[End],
        ends: &[End],
        run: usize,
        threads: Threads,
    ) -> Result<(), BenchError> {
        let differs = first.iter().zip(ends).position(|(one, other)| one != other);
        match differs {
            None => Ok(()),
            Some(block) => Err(BenchError::Differs {
                contender: self.contender.name().to_owned(),
                workload: self.world.workload().name(),
                block,
                run,
                threads: threads.count(),
            }),
        }
    }

    /// Holds the state after a run against what the operations come to; how much there was to ask about.
    fn check(&self, prepared: &Prepared, run: &Run) -> Result<usize, BenchError> {
        let execution = self.contender.execution(Threads::One.parallelism());
        let height = prepared.height + prepared.blocks.len() as u64;
        let after = self.stored(run.store.view(height))?;
        let before = self.stored(run.store.view(prepared.height))?;
        let block = context(self.world, height);
        let mut checked = 0;
        for (fact, expected) in self.model.facts() {
            let Some(query) = self.contender.ask(self.world, &fact) else {
                continue;
            };
            let found = answer(&*execution, &*after, &block, &query);
            self.equal(&format!("{fact:?}"), found, U256::from(expected))?;
            checked += 1;
        }
        let mut fees = vec![U256::ZERO; self.world.people()];
        let receipts = run
            .receipts
            .iter()
            .flat_map(|block| &block[1..block.len() - 1]);
        for (operation, receipt) in self.operations.iter().zip(receipts) {
            let price = U256::from(receipt.gas_price);
            fees[operation.by()] += U256::from(receipt.gas_used.0) * price;
        }
        for (person, fees) in fees.into_iter().enumerate() {
            let query = Query::Balance(self.world.address(person));
            let Ok(had) = answer(&*execution, &*before, &block, &query) else {
                break;
            };
            let (received, paid) = self.model.xpl_of(person);
            let expected = had + U256::from(received) - U256::from(paid) - fees;
            let found = answer(&*execution, &*after, &block, &query);
            self.equal(&format!("XPL of person {person}"), found, expected)?;
            checked += 1;
        }
        Ok(checked)
    }

    fn equal(
        &self,
        fact: &str,
        found: Result<U256, String>,
        expected: U256,
    ) -> Result<(), BenchError> {
        if found.as_ref() == Ok(&expected) {
            return Ok(());
        }
        Err(BenchError::Wrong {
            contender: self.contender.name().to_owned(),
            workload: self.world.workload().name(),
            fact: fact.to_owned(),
            found: found.map_or_else(|error| error, |found| found.to_string()),
            expected: expected.to_string(),
        })
    }

    /// Counts what does not depend on time, and takes the time of each transaction alone, on one thread.
    fn census(
        &self,
        prepared: &Prepared,
        count: Option<CountAllocations>,
    ) -> Result<Census, BenchError> {
        let execution = self.contender.execution(Threads::One.parallelism());
        let (store, _directory) = self.store(prepared, Threads::One)?;
        let mut census = Census::default();
        for (block, height) in prepared.blocks.iter().zip(prepared.height..) {
            let counted = height > prepared.height;
            let base = self.stored(store.view(height))?;
            execution.prepare(&block.transactions);
            let mut segments = Vec::new();
            let mut apply = || {
                segments = execution.apply_segments(&*base, &block.context, &block.steps);
            };
            match count.filter(|_| counted) {
                None => apply(),
                Some(count) => {
                    let Allocated { count, bytes } = count(&mut apply);
                    let all = census.allocated.get_or_insert_default();
                    all.count += count;
                    all.bytes += bytes;
                }
            }
            let (receipts, changes) = parts(segments);
            self.succeeded(block, &receipts)?;
            if counted {
                let transactions = &receipts[1..receipts.len() - 1];
                census.gas += transactions
                    .iter()
                    .map(|receipt| receipt.gas_used.0)
                    .sum::<u64>();
                let mut whole = Changes::new();
                whole.extend(changes.iter().flatten().map(|(k, v)| (*k, v.clone())));
                census.growth.add(&*base, &whole);
                census.alone.extend(alone(&*execution, &*base, block));
            }
            self.stored(store.commit_segments(height + 1, &changes))?;
        }
        Ok(census)
    }
}

/// The time of each transaction of a block, executed as the only one, over what those before it wrote.
fn alone(execution: &dyn Execution, base: &dyn StateRead, block: &Block) -> Vec<Duration> {
    let mut state = Overlay::new(base);
    let mut times = Vec::new();
    for step in &block.steps {
        let (elapsed, _) = time(|| execution.apply(&mut state, &block.context, step));
        if matches!(step, Step::Transaction(_)) {
            times.push(elapsed);
        }
    }
    times
}

impl Census {
    fn measured(&self, transactions: usize) -> Measured {
        let each = |whole: f64| whole / transactions as f64;
        Measured {
            transaction_alone_us: Times::new(self.alone.clone())
                .percentiles(Duration::from_micros(1)),
            gas_per_transaction: each(self.gas as f64),
            allocations_per_transaction: self.allocated.map(|all| each(all.count as f64)),
            allocated_bytes_per_transaction: self.allocated.map(|all| each(all.bytes as f64)),
            keys_written_per_transaction: each(self.growth.written as f64),
            state_keys_per_transaction: each(self.growth.keys as f64),
            state_bytes_per_transaction: each(self.growth.bytes as f64),
            ..Measured::default()
        }
    }
}

fn parts(segments: Vec<(usize, BlockOutcome)>) -> (Vec<Receipt>, Vec<Changes>) {
    let mut receipts = Vec::new();
    let changes = segments.into_iter().map(|(_, outcome)| {
        receipts.extend(outcome.receipts);
        outcome.changes
    });
    let changes = changes.collect();
    (receipts, changes)
}

/// The last word of what a query gives.
fn answer(
    execution: &dyn Execution,
    state: &dyn StateRead,
    block: &BlockContext,
    query: &Query,
) -> Result<U256, String> {
    let bytes = match execution.query(state, block, query) {
        Ok(Reply::Word(word)) => return Ok(word),
        Ok(Reply::Bytes(bytes)) => bytes,
        Ok(Reply::Call(outcome)) if outcome.success => outcome.output,
        Ok(Reply::Call(outcome)) => return Err(outcome.reason),
        Ok(other) => return Err(format!("not a number: {other:?}")),
        Err(error) => return Err(error.to_string()),
    };
    match bytes.last_chunk() {
        Some(word) => Ok(U256::from_be_bytes::<32>(*word)),
        None => Err(format!("{} bytes, which are no word", bytes.len())),
    }
}
