use std::sync::Arc;

use plasma_core::{
    B256, Bytes, Checkpoint, ClaimRange, DenseTrace, InnerTrace, OuterTrace, ProgramIdentity,
    Stretch, Trace, TraceError, TraceProvider, keccak256,
};

/// Of the levels that it can be disputed on.
pub const HEIGHTS: [u8; 3] = [4, 3, 2];
/// A made-up computation: its checkpoints and states are numbers, and it lies from a place on.
#[derive(Clone)]
pub struct Computation {
    pub settled: Checkpoint,
    pub derived: u64,
    /// The first outer leaf that is wrong.
    pub outer_lie: u64,
    /// The first machine step that is wrong, in every segment.
    pub inner_lie: u64,
}

impl Computation {
    pub fn honest() -> Self {
        Self {
            settled: Checkpoint::default(),
            derived: 9,
            outer_lie: u64::MAX,
            inner_lie: u64::MAX,
        }
    }

    pub fn checkpoint(&self, leaf: u64) -> Checkpoint {
        Checkpoint {
            state_root: keccak256(
                [leaf.to_be_bytes(), [u8::from(leaf >= self.outer_lie); 8]].concat(),
            ),
            entry: leaf + 1,
            ..Checkpoint::default()
        }
    }

    /// A state as the contract reads it: packed, and halted with the outcome in the last one.
    pub fn state(&self, segment: u64, step: u64) -> Bytes {
        let lie = [u8::from(step >= self.inner_lie); 8];
        let content = keccak256([segment.to_be_bytes(), step.to_be_bytes(), lie].concat());
        let mut state = [content.to_vec(), vec![0; 346]].concat();
        if step == 1 << (HEIGHTS[1] + HEIGHTS[2]) {
            state[296] = 1;
            state[346..].copy_from_slice(self.checkpoint(segment).hash().as_slice());
        }
        state.into()
    }
}

/// What the chain is registered with.
pub fn program() -> ProgramIdentity {
    ProgramIdentity {
        entry: 7,
        ..ProgramIdentity::default()
    }
}

struct Outer(DenseTrace, Computation);

impl Trace for Outer {
    fn height(&self) -> u8 {
        self.0.height()
    }
    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.0.node(height, index)
    }
}

impl OuterTrace for Outer {
    fn checkpoint(&self, index: u64) -> Result<Checkpoint, TraceError> {
        Ok(self.1.checkpoint(index.min(8)))
    }
    fn settled(&self) -> Result<Checkpoint, TraceError> {
        Ok(self.1.settled)
    }
    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        Ok(program())
    }
}

struct Inner(DenseTrace, Computation, Stretch);

impl Trace for Inner {
    fn height(&self) -> u8 {
        self.0.height()
    }
    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.0.node(height, index)
    }
}

impl InnerTrace for Inner {
    fn final_state(&self) -> Result<Bytes, TraceError> {
        let leaves = 1 << self.2.height;
        let last = self.2.first + (leaves << self.2.stride_log2);
        Ok(self.1.state(self.2.segment, last))
    }
    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        Ok(program())
    }
    fn step_proof(&self, index: u64) -> Result<Bytes, TraceError> {
        Ok(self.1.state(self.2.segment, self.2.first + index))
    }
}

impl TraceProvider for Computation {
    fn derived(&self) -> Result<u64, TraceError> {
        Ok(self.derived)
    }
    fn outer(&self, range: &ClaimRange) -> Result<Arc<dyn OuterTrace>, TraceError> {
        if range.entries > self.derived {
            return Err(TraceError::Behind {
                entries: range.entries,
                derived: self.derived,
            });
        }
        let leaves = (0..9).map(|leaf| self.checkpoint(leaf).hash()).collect();
        let trace = DenseTrace::new(HEIGHTS[0], leaves).expect("nine fit");
        Ok(Arc::new(Outer(trace, self.clone())))
    }
    fn inner(&self, stretch: &Stretch) -> Result<Arc<dyn InnerTrace>, TraceError> {
        let steps =
            (1..=1_u64 << stretch.height).map(|leaf| stretch.first + (leaf << stretch.stride_log2));
        let leaves = steps
            .map(|step| keccak256(self.state(stretch.segment, step)))
            .collect();
        let trace = DenseTrace::new(stretch.height, leaves).expect("all of them");
        Ok(Arc::new(Inner(trace, self.clone(), *stretch)))
    }
}
