//! Commitments to all states of a run: what an inner tournament is about.
//!
//! ```text
//!   leaf j = hash of the state after (j + 1) * 2^s steps; the last state is repeated to the end
//!
//!            root                     height
//!            /  \                        :     kept
//!          ..    ..                      :
//!     chunk      chunk  ...     chunk height   kept: one root for each chunk
//!      / \        / \                    :     computed again from a snapshot when asked for
//!   leaves      leaves                   0
//! ```
//!
//! One thread runs ahead and leaves a snapshot at the beginning of each chunk; the others hash chunks. Snapshots far
//! apart are kept. Nodes inside a chunk are computed again by running from the last of them.

mod leaves;

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use plasma_core::B256;

use super::{
    keccak::hash_all,
    machine::{Machine, Snapshot},
    oracle::{Oracle, RunError},
    program::Program,
    state::Status,
    tree::hash_pair,
};

/// The steps of a chunk, as a power of two: enough to make up for hashing the pages that it changes.
const CHUNK_STEPS_BITS: u32 = 14;
/// A snapshot is kept every so many steps, as a power of two: running so far takes some milliseconds.
const KEPT_STEPS_BITS: u32 = 20;
/// How many chunks keep their nodes after someone asked.
const CACHED_CHUNKS: usize = 4;
/// The tallest trace: 2^40 steps are far beyond what any machine runs.
const MAX_STEPS_BITS: u32 = 40;

/// Which states a trace is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceShape {
    /// The height of the tree: 2^height leaves.
    pub height: u32,
    /// The steps between leaves, as a power of two; 0 for every step.
    pub stride_bits: u32,
}

impl TraceShape {
    /// Every step, 2^`height` of them.
    pub fn dense(height: u32) -> Self {
        Self {
            height,
            stride_bits: 0,
        }
    }

    fn chunk_height(self) -> u32 {
        CHUNK_STEPS_BITS
            .saturating_sub(self.stride_bits)
            .min(self.height)
    }

    fn chunk_steps(self) -> u64 {
        1 << (self.chunk_height() + self.stride_bits)
    }
}

/// Why there is no trace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunTraceError {
    /// The run cannot go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A trace of more steps than any machine takes.
    #[error("a trace of 2^{0} steps is over the limit of 2^40; choose a smaller height or stride")]
    TooTall(u32),
    /// A node that the tree does not have.
    #[error(
        "there is no node {index} at height {height} of a trace of height {limit}; ask below the root"
    )]
    NoSuchNode {
        /// The height asked for.
        height: u32,
        /// The place at that height.
        index: u64,
        /// The trace's height.
        limit: u32,
    },
}

/// The tree over the states of a run.
pub struct RunTrace {
    program: Program,
    oracle: Arc<dyn Oracle>,
    shape: TraceShape,
    /// From the roots of chunks up to the root of all.
    levels: Vec<Vec<B256>>,
    /// The subtrees of each height over the last state alone.
    padding: Vec<B256>,
    /// At the beginning, and every so many steps after it.
    kept: Vec<Snapshot>,
    end: Snapshot,
    recent: Mutex<VecDeque<(u64, Arc<Levels>)>>,
}

/// The nodes of a chunk, from its leaves up to its root.
type Levels = Vec<Vec<B256>>;

impl RunTrace {
    /// Runs from a snapshot of a program to its end, or to the trace's, and commits to the states on the way, on so many
    /// threads besides the one that runs ahead.
    pub fn commit(
        program: &Program,
        start: &Snapshot,
        shape: TraceShape,
        oracle: Arc<dyn Oracle>,
        threads: NonZeroUsize,
    ) -> Result<Self, RunTraceError> {
        let bits = shape.height.saturating_add(shape.stride_bits);
        if bits > MAX_STEPS_BITS {
            return Err(RunTraceError::TooTall(bits));
        }
        let run = Run {
            program,
            shape,
            oracle: &*oracle,
        };
        let (roots, kept, end) = run.on_threads(start, threads)?;
        let padding = tower(end.state().hash(), shape.height);
        let mut levels = vec![roots];
        for height in shape.chunk_height()..shape.height {
            let below = &levels[levels.len() - 1];
            levels.push(parents(below, &padding[height as usize]));
        }
        Ok(Self {
            program: program.clone(),
            oracle,
            shape,
            levels,
            padding,
            kept,
            end,
            recent: Mutex::default(),
        })
    }

    /// Its shape.
    pub fn shape(&self) -> TraceShape {
        self.shape
    }

    /// The commitment.
    pub fn root(&self) -> B256 {
        self.levels[self.levels.len() - 1][0]
    }

    /// The state that is repeated to the end.
    pub fn end(&self) -> &Snapshot {
        &self.end
    }

    /// The state before the first leaf.
    pub fn start(&self) -> &Snapshot {
        &self.kept[0]
    }

    /// The node at a height over the leaves, and a place from the left.
    pub fn node(&self, height: u32, index: u64) -> Result<B256, RunTraceError> {
        let limit = self.shape.height;
        if height > limit || index >> (limit - height) != 0 {
            return Err(RunTraceError::NoSuchNode {
                height,
                index,
                limit,
            });
        }
        let chunk_height = self.shape.chunk_height();
        let node = if height >= chunk_height {
            let level = &self.levels[(height - chunk_height) as usize];
            level.get(index as usize).copied()
        } else {
            let within = chunk_height - height;
            let chunk = index >> within;
            if chunk < self.levels[0].len() as u64 {
                let levels = self.chunk(chunk)?;
                let place = index & ((1 << within) - 1);
                levels[height as usize].get(place as usize).copied()
            } else {
                None
            }
        };
        Ok(node.unwrap_or(self.padding[height as usize]))
    }

    /// The siblings on the way from a leaf up to the root, bottom up.
    pub fn proof(&self, leaf: u64) -> Result<Vec<B256>, RunTraceError> {
        (0..self.shape.height)
            .map(|height| self.node(height, leaf >> height ^ 1))
            .collect()
    }

    /// A machine after so many steps from the start; of one that ended before, the end.
    pub fn machine_at(&self, steps: u64) -> Result<Machine, RunTraceError> {
        let place = steps >> self.kept_bits();
        let from = usize::try_from(place).unwrap_or(usize::MAX);
        let snapshot = &self.kept[from.min(self.kept.len() - 1)];
        let taken = snapshot.steps() - self.start().steps();
        let mut machine = Machine::at(&self.program, snapshot);
        machine.run(steps - taken, &*self.oracle)?;
        Ok(machine)
    }

    fn kept_bits(&self) -> u32 {
        KEPT_STEPS_BITS.max(self.shape.chunk_height() + self.shape.stride_bits)
    }

    fn chunk(&self, chunk: u64) -> Result<Arc<Levels>, RunTraceError> {
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, levels)) = recent().iter().find(|(known, _)| *known == chunk) {
            return Ok(levels.clone());
        }
        let mut machine = self.machine_at(chunk * self.shape.chunk_steps())?;
        let run = Run {
            program: &self.program,
            shape: self.shape,
            oracle: &*self.oracle,
        };
        let levels = Arc::new(run.chunk_levels(&mut machine)?);
        let mut recent = recent();
        recent.truncate(CACHED_CHUNKS - 1);
        recent.push_front((chunk, levels.clone()));
        Ok(levels)
    }
}

/// A run that is to be committed to.
#[derive(Clone, Copy)]
struct Run<'a> {
    program: &'a Program,
    shape: TraceShape,
    oracle: &'a dyn Oracle,
}

impl Run<'_> {
    /// The roots of all chunks, the snapshots that are kept, and the end.
    fn on_threads(
        self,
        start: &Snapshot,
        threads: NonZeroUsize,
    ) -> Result<(Vec<B256>, Vec<Snapshot>, Snapshot), RunError> {
        let threads = threads.get();
        let (sender, receiver) = mpsc::sync_channel::<(usize, Snapshot)>(2 * threads);
        let receiver = Mutex::new(receiver);
        // A worker that fails goes on taking chunks, so that whoever runs ahead never waits for nobody.
        let work = || -> Result<Vec<(usize, B256)>, RunError> {
            let mut machine = None;
            let mut roots = Ok(Vec::new());
            loop {
                let next = receiver
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .recv();
                let Ok((chunk, snapshot)) = next else {
                    return roots;
                };
                let Ok(done) = &mut roots else { continue };
                let machine = machine.get_or_insert_with(|| Machine::at(self.program, &snapshot));
                machine.restore(&snapshot);
                match self.chunk_levels(machine) {
                    Ok(levels) => done.push((chunk, levels[levels.len() - 1][0])),
                    Err(error) => roots = Err(error),
                }
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let ahead = self.run_ahead(start, |chunk, snapshot| {
                sender.send((chunk, snapshot)).is_ok()
            });
            drop(sender);
            let mut roots = Vec::new();
            for worker in workers {
                let done = worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                roots.extend(done?);
            }
            let (kept, end) = ahead?;
            roots.sort_unstable_by_key(|(chunk, _)| *chunk);
            let roots = roots.into_iter().map(|(_, root)| root).collect();
            Ok((roots, kept, end))
        })
    }

    /// Runs to the end and hands out a snapshot at the beginning of each chunk, until nobody takes one.
    fn run_ahead(
        self,
        start: &Snapshot,
        mut hand_out: impl FnMut(usize, Snapshot) -> bool,
    ) -> Result<(Vec<Snapshot>, Snapshot), RunError> {
        let mut machine = Machine::at(self.program, start);
        let chunk_steps = self.shape.chunk_steps();
        let kept_every = ((1 << KEPT_STEPS_BITS) / chunk_steps).max(1) as usize;
        let chunks = 1usize << (self.shape.height - self.shape.chunk_height());
        let mut kept = Vec::new();
        for chunk in 0..chunks {
            let snapshot = machine.snapshot();
            if chunk.is_multiple_of(kept_every) {
                kept.push(snapshot.clone());
            }
            let taken = hand_out(chunk, snapshot);
            let status = machine.run(chunk_steps, self.oracle)?;
            if status != Status::Running || !taken {
                break;
            }
        }
        Ok((kept, machine.snapshot()))
    }

    /// The nodes of the chunk that begins where the machine stands.
    fn chunk_levels(self, machine: &mut Machine) -> Result<Levels, RunError> {
        let height = self.shape.chunk_height();
        let count = 1 << height;
        let leaves = if self.shape.stride_bits == 0 {
            leaves::dense(machine, count, self.oracle)?
        } else {
            leaves::sparse(machine, count, 1 << self.shape.stride_bits, self.oracle)?
        };
        let padding = tower(leaves[leaves.len() - 1], height);
        let mut levels = vec![leaves];
        for last in &padding[..height as usize] {
            let above = parents(&levels[levels.len() - 1], last);
            levels.push(above);
        }
        Ok(levels)
    }
}

/// Subtrees of height 0 to `height` with this leaf alone.
fn tower(leaf: B256, height: u32) -> Vec<B256> {
    let mut nodes = vec![leaf];
    for below in 0..height as usize {
        nodes.push(hash_pair(&nodes[below], &nodes[below]));
    }
    nodes
}

/// The level above, where `padding` follows on the right.
fn parents(below: &[B256], padding: &B256) -> Vec<B256> {
    let pairs: Vec<[u8; 64]> = below
        .chunks(2)
        .map(|two| {
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(two[0].as_slice());
            pair[32..].copy_from_slice(two.get(1).unwrap_or(padding).as_slice());
            pair
        })
        .collect();
    let mut hashes = Vec::new();
    hash_all(&pairs, &mut hashes);
    hashes
}
