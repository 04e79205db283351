//! What somebody claims: the truth, or the truth with a stretch of it replaced, at either level.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use plasma_core::{
    B256, Bytes, Checkpoint, ClaimRange, DenseTrace, InnerTrace, OuterTrace, ProgramIdentity,
    Stretch, Trace, TraceError, TraceProvider, keccak256,
};

use crate::truth::Truth;

/// A claim about everything, with whatever data it takes to defend it.
pub(crate) struct Story {
    truth: Arc<Truth>,
    heights: Vec<u8>,
    /// Outer leaves that are false, with the seed of what stands there; the later counts.
    outer: Vec<(u64, Range<u64>)>,
    /// Machine steps after which the state is false, in every segment, and the seed of what stands there.
    inner: (u64, Range<u64>),
    /// Whether it claims this many entries less than there are.
    short_by: u64,
    /// Nothing but the last leaf and its proof exists.
    hollow: bool,
    outer_traces: Mutex<HashMap<u64, Arc<StoryOuter>>>,
    inner_traces: Mutex<HashMap<Stretch, Arc<StoryInner>>>,
}

impl Story {
    pub(crate) fn honest(truth: &Arc<Truth>, heights: &[u8]) -> Self {
        Self {
            truth: truth.clone(),
            heights: heights.to_vec(),
            outer: Vec::new(),
            inner: (0, 0..0),
            short_by: 0,
            hollow: false,
            outer_traces: Mutex::default(),
            inner_traces: Mutex::default(),
        }
    }

    /// False at these leaves of the outer trace.
    pub(crate) fn outer(mut self, seed: u64, leaves: Range<u64>) -> Self {
        self.outer.push((seed, leaves));
        self
    }

    /// False in these states of every run.
    pub(crate) fn inner(self, seed: u64, steps: Range<u64>) -> Self {
        Self {
            inner: (seed, steps),
            ..self
        }
    }

    /// Opens rounds about fewer entries.
    pub(crate) fn short_by(self, short_by: u64) -> Self {
        Self { short_by, ..self }
    }

    /// A random root over a valid last leaf, and no data behind it.
    pub(crate) fn hollow(self) -> Self {
        Self {
            hollow: true,
            ..self
        }
    }

    fn checkpoint(&self, leaf: u64, entries: u64) -> Checkpoint {
        let mut checkpoint = self.truth.checkpoints[(leaf + 1).min(entries) as usize];
        if let Some(seed) = self.lie_at(leaf) {
            checkpoint.state_root = junk("checkpoint", seed, leaf);
        }
        checkpoint
    }

    fn lie_at(&self, leaf: u64) -> Option<u64> {
        let lies = self.outer.iter().rev();
        let mut found = lies.filter(|(_, leaves)| leaves.contains(&leaf));
        found.next().map(|(seed, _)| *seed)
    }

    fn steps_log2(&self) -> u32 {
        self.heights[1..]
            .iter()
            .map(|height| u32::from(*height))
            .sum()
    }

    /// The state after `steps` of the run of a segment, packed.
    fn state(&self, stretch: &Stretch, steps: u64) -> Bytes {
        let segment = stretch.segment;
        let run = &self.truth.runs[(segment as usize).min(self.truth.runs.len() - 1)];
        let is_last = steps == 1 << self.steps_log2();
        if is_last && self.lie_at(segment).is_some() {
            // A machine that halted well and committed to the checkpoint that is claimed.
            let mut state = run.state(steps).to_vec();
            state[346..].copy_from_slice(
                self.checkpoint(segment, stretch.range.entries)
                    .hash()
                    .as_slice(),
            );
            state.into()
        } else if self.inner.1.contains(&steps) {
            let mut state = run.state(steps).to_vec();
            state[40..72].copy_from_slice(junk("state", self.inner.0, steps).as_slice());
            state.into()
        } else {
            run.state(steps).clone()
        }
    }
}

fn junk(what: &str, seed: u64, place: u64) -> B256 {
    keccak256([what.as_bytes(), &seed.to_be_bytes(), &place.to_be_bytes()].concat())
}

/// A tree of which all is known, or only the way to the last leaf.
enum Tree {
    Dense(DenseTrace),
    Hollow { last: Vec<B256>, beside: Vec<B256> },
}

impl Tree {
    fn hollow(story: &Story, height: u8, leaf: B256) -> Self {
        let mut last = vec![leaf];
        let beside: Vec<B256> = (0..height)
            .map(|height| junk("beside", story.inner.0, height.into()))
            .collect();
        for sibling in &beside {
            let below = *last.last().expect("the leaf");
            last.push(keccak256([sibling.0, below.0].concat()));
        }
        Self::Hollow { last, beside }
    }

    fn height(&self) -> u8 {
        match self {
            Self::Dense(tree) => tree.height(),
            Self::Hollow { beside, .. } => beside.len() as u8,
        }
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        match self {
            Self::Dense(tree) => tree.node(height, index),
            Self::Hollow { last, beside } => {
                let end = (1_u64 << self.height().saturating_sub(height)) - 1;
                match end.saturating_sub(index) {
                    0 => Ok(last[usize::from(height)]),
                    1 if index.is_multiple_of(2) => Ok(beside[usize::from(height)]),
                    _ => Err(TraceError::Unavailable("there is nothing behind it".into())),
                }
            }
        }
    }
}

pub(crate) struct StoryOuter {
    tree: Tree,
    checkpoints: Vec<Checkpoint>,
    settled: Checkpoint,
    program: ProgramIdentity,
}

impl Trace for StoryOuter {
    fn height(&self) -> u8 {
        self.tree.height()
    }
    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.tree.node(height, index)
    }
}

impl OuterTrace for StoryOuter {
    fn checkpoint(&self, index: u64) -> Result<Checkpoint, TraceError> {
        Ok(self.checkpoints[index as usize])
    }
    fn settled(&self) -> Result<Checkpoint, TraceError> {
        Ok(self.settled)
    }
    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        Ok(self.program)
    }
}

pub(crate) struct StoryInner {
    tree: Tree,
    last: Bytes,
    truth: Arc<Truth>,
    stretch: Stretch,
}

impl Trace for StoryInner {
    fn height(&self) -> u8 {
        self.tree.height()
    }
    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.tree.node(height, index)
    }
}

impl InnerTrace for StoryInner {
    fn final_state(&self) -> Result<Bytes, TraceError> {
        Ok(self.last.clone())
    }
    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        Ok(self.truth.identity())
    }
    fn step_proof(&self, index: u64) -> Result<Bytes, TraceError> {
        let place = (self.stretch.segment as usize).min(self.truth.runs.len() - 1);
        Ok(self.truth.runs[place].step_proof(self.stretch.first + index))
    }
}

impl TraceProvider for Story {
    fn derived(&self) -> Result<u64, TraceError> {
        Ok(self.truth.runs.len() as u64 - self.short_by)
    }

    fn outer(&self, range: &ClaimRange) -> Result<Arc<dyn OuterTrace>, TraceError> {
        let derived = self.truth.runs.len() as u64;
        if range.entries > derived {
            let entries = range.entries;
            return Err(TraceError::Behind { entries, derived });
        }
        let own = self.truth.checkpoints[range.from as usize].hash();
        if own != range.settled {
            return Err(TraceError::Diverged {
                entry: range.from,
                settled: range.settled,
                own,
            });
        }
        let mut cached = self
            .outer_traces
            .lock()
            .expect("nobody panics while holding it");
        let trace = cached.entry(range.entries).or_insert_with(|| {
            let height = self.heights[0];
            let checkpoints: Vec<_> = (0..1 << height)
                .map(|leaf| self.checkpoint(leaf, range.entries))
                .collect();
            let leaves: Vec<B256> = checkpoints.iter().map(Checkpoint::hash).collect();
            let tree = if self.hollow {
                Tree::hollow(self, height, *leaves.last().expect("one at least"))
            } else {
                Tree::Dense(DenseTrace::new(height, leaves).expect("as many as fit"))
            };
            Arc::new(StoryOuter {
                tree,
                checkpoints,
                settled: self.truth.checkpoints[0],
                program: self.truth.identity(),
            })
        });
        Ok(trace.clone())
    }

    fn inner(&self, stretch: &Stretch) -> Result<Arc<dyn InnerTrace>, TraceError> {
        let mut cached = self
            .inner_traces
            .lock()
            .expect("nobody panics while holding it");
        let trace = cached.entry(*stretch).or_insert_with(|| {
            let steps = (1..=1_u64 << stretch.height)
                .map(|leaf| stretch.first + (leaf << stretch.stride_log2));
            let states: Vec<Bytes> = steps.map(|steps| self.state(stretch, steps)).collect();
            let last = states.last().expect("one at least").clone();
            let tree = if self.hollow {
                Tree::hollow(self, stretch.height, keccak256(&last))
            } else {
                let leaves = states.iter().map(keccak256).collect();
                Tree::Dense(DenseTrace::new(stretch.height, leaves).expect("as many as fit"))
            };
            Arc::new(StoryInner {
                tree,
                last,
                truth: self.truth.clone(),
                stretch: *stretch,
            })
        });
        Ok(trace.clone())
    }
}
