//! The honest traces of a chain.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use plasma_core::{
    B256, Bytes, Checkpoint, ClaimRange, DataAvailability, DenseTrace, InnerTrace, OuterTrace,
    ProgramIdentity, Severe as _, Severity, Stretch, TRACE_HEIGHT, Trace, TraceError,
    TraceProvider,
};
use plasma_exec::{Machine, Oracle, Program, RunTrace, RunTraceError, TraceShape};
use tokio::runtime::Handle;

use crate::chain::{Chain, ChainError, SegmentInputs};

/// Runs of the machine that are kept: a dispute asks for one, again and again.
const KEPT_RUNS: usize = 4;

/// The traces of a chain as this node derived it.
///
/// Calls block, for as long as the machine needs for a segment, and must come from a thread on which that is allowed.
pub struct ChainTraces {
    chain: Arc<Chain>,
    da: Arc<dyn DataAvailability>,
    program: Option<Program>,
    runtime: Handle,
    outer: Mutex<Option<(ClaimRange, Arc<ChainOuter>)>>,
    inputs: Mutex<Vec<(B256, Arc<SegmentInputs>)>>,
    runs: Mutex<Vec<(Stretch, Arc<MachineRun>)>>,
}

impl ChainTraces {
    /// Of this chain, whose segments `program` replays; without one only claims can be made.
    pub fn new(
        chain: Arc<Chain>,
        da: Arc<dyn DataAvailability>,
        program: Option<Program>,
        runtime: Handle,
    ) -> Self {
        Self {
            chain,
            da,
            program,
            runtime,
            outer: Mutex::default(),
            inputs: Mutex::default(),
            runs: Mutex::default(),
        }
    }

    fn program(&self, entry: u64) -> Result<&Program, TraceError> {
        self.program.as_ref().ok_or(TraceError::NoProgram(entry))
    }

    fn outer_of(&self, range: &ClaimRange) -> Result<Arc<ChainOuter>, TraceError> {
        if let Some((known, trace)) = &*lock(&self.outer)
            && known == range
        {
            return Ok(trace.clone());
        }
        let derived = self.derived()?;
        let checkpoints = self
            .chain
            .outer_trace(range.from, range.entries)
            .map_err(unavailable)?
            .ok_or(TraceError::Behind {
                entries: range.entries,
                derived,
            })?;
        let own = checkpoints.start.hash();
        if own != range.settled {
            return Err(TraceError::Diverged {
                entry: range.from,
                settled: range.settled,
                own,
            });
        }
        let hashes = checkpoints.leaves.iter().map(Checkpoint::hash).collect();
        let tree = DenseTrace::new(TRACE_HEIGHT as u8, hashes).ok_or(TraceError::OutOfRange {
            what: "leaf",
            index: checkpoints.leaves.len() as u64,
            limit: 1 << TRACE_HEIGHT,
        })?;
        let trace = Arc::new(ChainOuter {
            checkpoints,
            tree,
            program: self.program.as_ref().map(Program::opened),
        });
        *lock(&self.outer) = Some((*range, trace.clone()));
        Ok(trace)
    }

    /// What the machine reads in the segment after a checkpoint.
    pub(super) fn inputs(&self, agreed: &Checkpoint) -> Result<Arc<SegmentInputs>, TraceError> {
        let hash = agreed.hash();
        if let Some((_, known)) = lock(&self.inputs).iter().find(|(known, _)| *known == hash) {
            return Ok(known.clone());
        }
        let bytes = match self.chain.segment_bytes(agreed).map_err(unavailable)? {
            Some(blob) => {
                let carried = self.chain.inbox().carried(&blob.commitment);
                Some(match carried.map_err(unavailable)? {
                    Some(bytes) => bytes,
                    None => self
                        .runtime
                        .block_on(self.da.fetch(&blob))
                        .map_err(|error| TraceError::Unavailable(error.to_string()))?,
                })
            }
            None => None,
        };
        let inputs = Arc::new(
            self.chain
                .segment_inputs(agreed, bytes.as_ref())
                .map_err(unavailable)?,
        );
        let mut kept = lock(&self.inputs);
        kept.truncate(KEPT_RUNS - 1);
        kept.insert(0, (hash, inputs.clone()));
        Ok(inputs)
    }

    pub(super) fn run(&self, stretch: &Stretch) -> Result<Arc<MachineRun>, TraceError> {
        if let Some((_, known)) = lock(&self.runs).iter().find(|(known, _)| known == stretch) {
            return Ok(known.clone());
        }
        let outer = self.outer_of(&stretch.range)?;
        let program = self.program(stretch.range.from)?;
        let agreed = outer.checkpoints.before(stretch.segment);
        let inputs = self.inputs(&agreed)?;
        let run = Arc::new(MachineRun::new(program, &inputs, stretch)?);
        let mut kept = lock(&self.runs);
        kept.truncate(KEPT_RUNS - 1);
        kept.insert(0, (*stretch, run.clone()));
        Ok(run)
    }
}

impl TraceProvider for ChainTraces {
    fn derived(&self) -> Result<u64, TraceError> {
        self.chain.inbox().entry_count().map_err(unavailable)
    }

    fn outer(&self, range: &ClaimRange) -> Result<Arc<dyn OuterTrace>, TraceError> {
        Ok(self.outer_of(range)?)
    }

    fn inner(&self, stretch: &Stretch) -> Result<Arc<dyn InnerTrace>, TraceError> {
        Ok(self.run(stretch)?)
    }
}

/// The trace of a claim.
struct ChainOuter {
    checkpoints: crate::chain::OuterTrace,
    tree: DenseTrace,
    program: Option<ProgramIdentity>,
}

impl Trace for ChainOuter {
    fn height(&self) -> u8 {
        self.tree.height()
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.tree.node(height, index)
    }
}

impl OuterTrace for ChainOuter {
    fn checkpoint(&self, index: u64) -> Result<Checkpoint, TraceError> {
        Ok(self.checkpoints.before(index.saturating_add(1)))
    }

    fn settled(&self) -> Result<Checkpoint, TraceError> {
        Ok(self.checkpoints.start)
    }

    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        self.program
            .ok_or(TraceError::NoProgram(self.checkpoints.start.entry))
    }
}

/// The machine's run over a segment, or a stretch of it.
pub(super) struct MachineRun {
    trace: RunTrace,
    oracle: Arc<dyn Oracle>,
    program: Program,
    segment: u64,
}

impl MachineRun {
    fn new(
        program: &Program,
        inputs: &SegmentInputs,
        stretch: &Stretch,
    ) -> Result<Self, TraceError> {
        let segment = stretch.segment;
        let failed = |reason: String| TraceError::Machine { segment, reason };
        let oracle: Arc<dyn Oracle> = Arc::new(inputs.preimages.clone());
        let mut machine = Machine::new(program, inputs.input.hash());
        machine
            .run(stretch.first, &*oracle)
            .map_err(|error| failed(error.to_string()))?;
        let shape = TraceShape {
            height: u32::from(stretch.height),
            stride_bits: u32::from(stretch.stride_log2),
        };
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let trace = RunTrace::commit(program, &machine.snapshot(), shape, oracle.clone(), threads)
            .map_err(|error| failed(error.to_string()))?;
        let whole = stretch.first == 0;
        let (outcome, next) = (trace.end().registers().outcome(), inputs.next.hash());
        if whole && outcome != next {
            return Err(failed(format!(
                "it ends in outcome {outcome}, natively the next checkpoint is {next}"
            )));
        }
        Ok(Self {
            trace,
            oracle,
            program: program.clone(),
            segment,
        })
    }

    /// The state after so many steps from the stretch's start.
    pub(super) fn machine_at(&self, steps: u64) -> Result<Machine, TraceError> {
        self.trace
            .machine_at(steps)
            .map_err(|error| self.failed(&error))
    }

    /// The state after so many steps, had the program committed to something else by then.
    pub(super) fn continued(&self, steps: u64, output: B256) -> Result<Machine, TraceError> {
        let snapshot = self.machine_at(steps)?.snapshot().with_output(output);
        Ok(Machine::at(&self.program, &snapshot))
    }

    /// Steps until the run ends, or the stretch.
    pub(super) fn steps(&self) -> u64 {
        self.trace.end().steps() - self.trace.start().steps()
    }

    pub(super) fn oracle(&self) -> &dyn Oracle {
        &*self.oracle
    }

    fn failed(&self, error: &RunTraceError) -> TraceError {
        TraceError::Machine {
            segment: self.segment,
            reason: error.to_string(),
        }
    }
}

impl Trace for MachineRun {
    fn height(&self) -> u8 {
        self.trace.shape().height as u8
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.trace
            .node(u32::from(height), index)
            .map_err(|error| self.failed(&error))
    }
}

impl InnerTrace for MachineRun {
    fn final_state(&self) -> Result<Bytes, TraceError> {
        Ok(Bytes::copy_from_slice(&self.trace.end().state().encode()))
    }

    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        Ok(self.program.opened())
    }

    fn step_proof(&self, index: u64) -> Result<Bytes, TraceError> {
        self.machine_at(index)?
            .step_proof(&*self.oracle)
            .map_err(|error| self.failed(&error.into()))
    }
}

fn unavailable(error: ChainError) -> TraceError {
    match error.severity() {
        Severity::Fatal => TraceError::Machine {
            segment: 0,
            reason: error.to_string(),
        },
        Severity::Transient | Severity::Reset => TraceError::Unavailable(error.to_string()),
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
