//! Executing a segment over the trie.

use alloc::vec::Vec;

use alloy_primitives::B256;

use super::{TransitionError, TransitionInput, reader::Reader, state::TrieState};
use crate::{
    BlockContext, Checkpoint, Execution, SegmentCut, Step, StepKind, StepLeaf, Trie,
    execute_segment, steps_height,
};

/// The checkpoint after the segment that `agreed`, inside an entry, stands before.
pub(super) fn execute(
    reader: &Reader<'_>,
    input: &TransitionInput,
    agreed: &Checkpoint,
    execution: &dyn Execution,
) -> Result<Checkpoint, TransitionError> {
    let mut list = Steps::new(reader, agreed);
    let state = TrieState::new(reader.preimages, agreed.state_root);
    let mut cut = SegmentCut::new(execution.segment_gas());
    let (mut steps, mut next) = (Vec::new(), agreed.next_step);
    let first = list.leaf(next)?;
    let header = reader.header(&first.block)?;
    let mut ended = false;
    // A list ends with the end of a block, and so does each block in it.
    while !ended && next < agreed.steps_count {
        let leaf = list.leaf(next)?;
        let step = match leaf.kind {
            StepKind::Begin => Step::Begin,
            StepKind::Message => Step::Message(reader.message(&leaf.payload)?),
            StepKind::Transaction | StepKind::LongTransaction => {
                Step::Transaction(reader.transaction(&leaf)?)
            }
            StepKind::End => Step::End,
        };
        let work = state.execute(|| execution.work(&state, &step))?;
        if !cut.takes(work) {
            break;
        }
        ended = step == Step::End;
        steps.push(step);
        next += 1;
    }
    let context = BlockContext::of(&header, input.genesis);
    let outcome = state.execute(|| execute_segment(execution, &state, &context, &steps))?;
    let trie = Trie::proven(reader.preimages);
    let state_root = trie.update(agreed.state_root, &outcome.changes)?;
    let block = ended.then_some((first.block, &header));
    Ok(agreed.after_segment(next, block, state_root, outcome.outbox_root))
}

/// The steps under a checkpoint's root. The path to the last one read is kept, for the next is its neighbour.
struct Steps<'a> {
    reader: &'a Reader<'a>,
    root: B256,
    count: u32,
    /// From the root downwards: a node's hash and its children.
    path: Vec<(B256, (B256, B256))>,
}

impl<'a> Steps<'a> {
    fn new(reader: &'a Reader<'a>, checkpoint: &Checkpoint) -> Self {
        Self {
            reader,
            root: checkpoint.steps_root,
            count: checkpoint.steps_count,
            path: Vec::new(),
        }
    }

    fn leaf(&mut self, index: u32) -> Result<StepLeaf, TransitionError> {
        if index >= self.count {
            return Err(TransitionError::Malformed {
                hash: self.root,
                what: "list with a next step",
            });
        }
        let height = steps_height(self.count);
        let mut hash = self.root;
        for depth in 0..height {
            let at = depth as usize;
            if self.path.get(at).is_none_or(|(known, _)| *known != hash) {
                self.path.truncate(at);
                self.path.push((hash, self.reader.pair(&hash)?));
            }
            let (left, right) = self.path[at].1;
            hash = if index >> (height - 1 - depth) & 1 == 0 {
                left
            } else {
                right
            };
        }
        self.reader.step(&hash)
    }
}
