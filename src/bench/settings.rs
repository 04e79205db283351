//! How it is measured, and why it could not be.

use std::path::PathBuf;

use plasma_core::ExecutionError;
use plasma_exec::{Parallelism, StoreError};
use serde::Serialize;

use super::cores;

/// The most transactions of a block, as on a chain.
const MOST_IN_BLOCK: usize = plasma_core::MAX_BODY_TRANSACTIONS;
/// The most transactions, people, blocks and runs: all of it is in memory at once.
const MOST: usize = 1_000_000;

/// How blocks are spread over threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Threads {
    /// On one.
    One,
    /// On all cores, where it pays.
    All,
}

impl Threads {
    /// What an execution is told.
    pub fn parallelism(self) -> Parallelism {
        match self {
            Self::One => Parallelism::sequential(),
            Self::All => Parallelism::default(),
        }
    }

    /// How many there are at most.
    pub fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::All => cores(),
        }
    }
}

/// How much is done, and what is measured of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Where the operations come from.
    pub seed: u64,
    /// How many transactions are measured in each run.
    pub transactions: usize,
    /// In how many blocks. One more goes before them and is not counted.
    pub blocks: usize,
    /// How many runs.
    pub runs: usize,
    /// How many people take part.
    pub accounts: usize,
    /// On how many threads, one after the other.
    pub threads: Vec<Threads>,
    /// Whether signatures are checked in the measured time; before it otherwise.
    pub signatures: bool,
    /// Whether the state's Merkle roots are computed in the measured time.
    pub root: bool,
    /// Whether each block is on disk at the end of its measured time. Needs `root`.
    pub durable: bool,
    /// Where a durable state is kept meanwhile.
    #[serde(skip)]
    pub directory: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            transactions: 5_000,
            blocks: 10,
            runs: 3,
            accounts: 1_000,
            threads: vec![Threads::One, Threads::All],
            signatures: false,
            root: false,
            durable: false,
            directory: std::env::temp_dir(),
        }
    }
}

impl Settings {
    /// A workload for a quick look: the same, and little of it.
    pub fn quick() -> Self {
        Self {
            transactions: 400,
            blocks: 4,
            runs: 2,
            accounts: 40,
            ..Self::default()
        }
    }

    /// What is on, in words.
    pub fn on(&self) -> [&'static str; 3] {
        [
            if self.signatures {
                "signatures checked"
            } else {
                "signatures checked before"
            },
            if self.root {
                "Merkle root per block"
            } else {
                "no Merkle root"
            },
            if self.durable {
                "durable per block"
            } else {
                "not durable"
            },
        ]
    }

    /// How many transactions a block has.
    pub(super) fn block_size(&self) -> usize {
        self.transactions / self.blocks
    }

    pub(super) fn check(&self) -> Result<(), BenchError> {
        let limits = [
            ("transactions", self.transactions, 1, MOST),
            ("blocks", self.blocks, 1, self.transactions),
            ("runs", self.runs, 1, MOST),
            ("accounts", self.accounts, 2, MOST),
        ];
        for (what, value, least, most) in limits {
            if !(least..=most).contains(&value) {
                return Err(BenchError::Size {
                    what,
                    value,
                    least,
                    most,
                });
            }
        }
        if !self.transactions.is_multiple_of(self.blocks) {
            return Err(BenchError::Uneven {
                transactions: self.transactions,
                blocks: self.blocks,
            });
        }
        if self.block_size() > MOST_IN_BLOCK {
            return Err(BenchError::BlockSize {
                size: self.block_size(),
                limit: MOST_IN_BLOCK,
                blocks: self.transactions.div_ceil(MOST_IN_BLOCK),
            });
        }
        if self.durable && !self.root {
            return Err(BenchError::NoRoot);
        }
        if self.threads.is_empty() {
            return Err(BenchError::NoThreads);
        }
        Ok(())
    }
}

/// What some work allocated, on all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocated {
    /// How often.
    pub count: u64,
    /// How many bytes, whether or not they were given back.
    pub bytes: u64,
}

/// Does some work once and counts what it allocates. A program that has a counting allocator can give one; the library
/// has none.
pub type CountAllocations = fn(&mut dyn FnMut()) -> Allocated;

/// Why the bench gives no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A number is out of its range.
    #[error("{what} {value} is outside {least} to {most}")]
    Size {
        /// Which.
        what: &'static str,
        /// What it is.
        value: usize,
        /// The least that it may be.
        least: usize,
        /// The most.
        most: usize,
    },
    /// The blocks would be of several sizes.
    #[error("{transactions} transactions do not make {blocks} equal blocks; give a multiple of it")]
    Uneven {
        /// How many transactions.
        transactions: usize,
        /// In how many blocks.
        blocks: usize,
    },
    /// A chain would not take such a block.
    #[error(
        "{size} transactions in a block are over the limit of {limit}; make {blocks} blocks or more"
    )]
    BlockSize {
        /// How many.
        size: usize,
        /// How many there may be.
        limit: usize,
        /// How many blocks it takes.
        blocks: usize,
    },
    /// There is no store that keeps a state without its root.
    #[error("what is kept on disk has a Merkle root; switch the root on, too")]
    NoRoot,
    /// Nothing would be measured.
    #[error("no number of threads is given; one or all of them")]
    NoThreads,
    /// There is no place for a durable state.
    #[error("{}: no directory for a durable state: {error}", path.display())]
    Directory {
        /// In which a directory would be made.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// A contender's chain cannot begin.
    #[error("{contender} does not begin: {error}")]
    Genesis {
        /// Whose.
        contender: String,
        /// Why.
        error: ExecutionError,
    },
    /// The store did not take it.
    #[error("{contender}, {workload}: {error}")]
    Store {
        /// Whose state.
        contender: String,
        /// Doing what.
        workload: &'static str,
        /// Why.
        error: Box<StoreError>,
    },
    /// A transaction did not do what it says, so that its time says nothing.
    #[error("{contender}, {workload}: {what} failed: {reason}")]
    Failed {
        /// Whose.
        contender: String,
        /// Doing what.
        workload: &'static str,
        /// Which transaction.
        what: String,
        /// Why.
        reason: String,
    },
    /// Two runs of the same blocks came to different ends.
    #[error(
        "{contender}, {workload}: block {block} came to something else in run {run} on {threads} thread(s) than before"
    )]
    Differs {
        /// Whose.
        contender: String,
        /// Doing what.
        workload: &'static str,
        /// The first block that differs.
        block: usize,
        /// In which run.
        run: usize,
        /// On how many threads.
        threads: usize,
    },
    /// The work was not what the operations say.
    #[error("{contender}, {workload}: {fact} is {found} and should be {expected}")]
    Wrong {
        /// Whose.
        contender: String,
        /// Doing what.
        workload: &'static str,
        /// What was asked.
        fact: String,
        /// What the execution answered.
        found: String,
        /// What follows from the operations.
        expected: String,
    },
}
