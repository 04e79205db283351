//! The machine's side of a dispute: what this node computed, in the shapes that the root asks for.

use alloc::{string::String, sync::Arc, vec::Vec};

use alloy_primitives::{B256, Bytes, keccak256};

use crate::{Checkpoint, Severe, Severity, TraceCommitment, TraceProof, Words};

/// The entries that a round of claims is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimRange {
    /// The first entry.
    pub from: u64,
    /// The first entry that is not covered.
    pub entries: u64,
    /// The hash of the settled checkpoint, before entry `from`.
    pub settled: B256,
}

/// A stretch of the machine's run over one segment: what an inner tournament is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stretch {
    /// The claim's entries.
    pub range: ClaimRange,
    /// The segment: it leads to the outer trace's leaf of this place, from the one before it.
    pub segment: u64,
    /// Steps of the machine before the stretch. 0 at level 1, which is the whole run.
    pub first: u64,
    /// Leaf `i` is the state after `first + ((i + 1) << stride_log2)` steps.
    pub stride_log2: u8,
    /// The tree's height: the stretch has `1 << height` leaves.
    pub height: u8,
}

impl Stretch {
    /// The stretch between leaf `index` of this one and the leaf before it, one level down.
    pub fn within(&self, index: u64, stride_log2: u8, height: u8) -> Self {
        Self {
            first: self.first.saturating_add(index << self.stride_log2),
            stride_log2,
            height,
            ..*self
        }
    }
}

/// A program's identity, opened: what its hash is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct ProgramIdentity {
    /// The root of the table of instructions.
    pub rom_root: B256,
    /// The address of the table's first half-word.
    pub rom_base: u64,
    /// The root of the memory that the program starts with.
    pub memory_root: B256,
    /// Where it starts.
    pub entry: u64,
}

impl ProgramIdentity {
    /// The program's hash, as the registry holds it: keccak-256 over the four words.
    pub fn hash(&self) -> B256 {
        Words::new()
            .word(self.rom_root)
            .uint(self.rom_base)
            .word(self.memory_root)
            .uint(self.entry)
            .keccak()
    }
}

/// Why a trace cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// This node is not that far.
    #[error(
        "this node has derived {derived} entries and the claim covers {entries}; it goes on when it has caught up"
    )]
    Behind {
        /// The entries wanted.
        entries: u64,
        /// The entries derived.
        derived: u64,
    },
    /// What is settled on the root is not what this node derives.
    #[error(
        "the root settled checkpoint {settled} at entry {entry} and this node derives {own}; check which of the two is wrong"
    )]
    Diverged {
        /// The entry.
        entry: u64,
        /// The root's checkpoint hash.
        settled: B256,
        /// Ours.
        own: B256,
    },
    /// The machine and the native execution differ, or the machine failed: a bug.
    #[error(
        "the machine's run over segment {segment} is not what was executed: {reason}; report it"
    )]
    Machine {
        /// The segment.
        segment: u64,
        /// What differs.
        reason: String,
    },
    /// There is no such node, leaf or step.
    #[error("the trace has no {what} {index}; it has {limit}")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// The place asked for.
        index: u64,
        /// How many there are.
        limit: u64,
    },
    /// Data that is needed cannot be read now.
    #[error("{0}; it will be tried again")]
    Unavailable(String),
    /// The chain has no program that could decide a dispute.
    #[error(
        "no program is known for entry {0}; register the chain with one, or run the node with it"
    )]
    NoProgram(u64),
}

impl Severe for TraceError {
    fn severity(&self) -> Severity {
        match self {
            Self::Behind { .. } | Self::Unavailable(_) => Severity::Transient,
            Self::Diverged { .. }
            | Self::Machine { .. }
            | Self::OutOfRange { .. }
            | Self::NoProgram(_) => Severity::Fatal,
        }
    }
}

/// A tree over a trace's leaves S1..S(2^height), padded with the last one.
///
/// Answers are the same for ever: a trace is a value, however lazily it is computed. A call may take as long as
/// the machine needs; call it where blocking is allowed.
pub trait Trace: Send + Sync {
    /// The tree's height.
    fn height(&self) -> u8;

    /// The node at a height above the leaves (0 for a leaf) and a place among its height's nodes, from the left.
    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError>;

    /// The commitment.
    fn root(&self) -> Result<B256, TraceError> {
        self.node(self.height(), 0)
    }

    /// A node's two children.
    fn children(&self, height: u8, index: u64) -> Result<(B256, B256), TraceError> {
        let below = height.checked_sub(1).ok_or(TraceError::OutOfRange {
            what: "children of leaf",
            index,
            limit: 0,
        })?;
        let first = index.saturating_mul(2);
        Ok((
            self.node(below, first)?,
            self.node(below, first.saturating_add(1))?,
        ))
    }

    /// A leaf's siblings, bottom up.
    fn proof(&self, index: u64) -> Result<TraceProof, TraceError> {
        (0..self.height())
            .map(|height| self.node(height, (index >> height) ^ 1))
            .collect()
    }

    /// The commitment with the proof of its last leaf: what a claim shows.
    fn commitment(&self) -> Result<TraceCommitment, TraceError> {
        let last = (1_u64 << self.height().min(63)) - 1;
        Ok(TraceCommitment {
            root: self.root()?,
            last: self.proof(last)?,
        })
    }
}

/// The outer trace of a claim: its leaves are checkpoints' hashes.
pub trait OuterTrace: Trace {
    /// The checkpoint behind a leaf, which may lie in the padding.
    fn checkpoint(&self, index: u64) -> Result<Checkpoint, TraceError>;

    /// The checkpoint that the trace starts from, before leaf 0.
    fn settled(&self) -> Result<Checkpoint, TraceError>;

    /// The program that decides about these entries.
    fn program(&self) -> Result<ProgramIdentity, TraceError>;
}

/// The machine's run over a [`Stretch`]: its leaves are machine states' hashes.
pub trait InnerTrace: Trace {
    /// The last leaf's state, packed: what its hash is of.
    fn final_state(&self) -> Result<Bytes, TraceError>;

    /// The program that runs.
    fn program(&self) -> Result<ProgramIdentity, TraceError>;

    /// What the root needs to take the step that leads to leaf `index`, where the stride is one step.
    fn step_proof(&self, index: u64) -> Result<Bytes, TraceError>;
}

/// Gives the traces that this node stands for. A pure function of the root's inbox and the published bytes, as all
/// that a node derives: two honest providers give the same traces, and so may be asked in turn.
///
/// Nothing is computed before it is asked for. The same trace is asked for at every block of the root while its
/// dispute lasts, so that a provider keeps what was expensive.
pub trait TraceProvider: Send + Sync {
    /// How many entries' claims could be made now: a claim about more is [`TraceError::Behind`].
    fn derived(&self) -> Result<u64, TraceError>;

    /// The outer trace over the entries of a claim.
    fn outer(&self, range: &ClaimRange) -> Result<Arc<dyn OuterTrace>, TraceError>;

    /// The machine's run, or a stretch of it.
    fn inner(&self, stretch: &Stretch) -> Result<Arc<dyn InnerTrace>, TraceError>;
}

/// A trace of which all leaves that differ are in memory: the plain one, which any other equals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseTrace {
    /// Nodes by height, without those of padding alone; never empty.
    levels: Vec<Vec<B256>>,
    /// The node of padding alone, by height.
    padding: Vec<B256>,
}

impl DenseTrace {
    /// A tree of `height` over these leaves. `None` when there are none, or more than it holds.
    pub fn new(height: u8, leaves: Vec<B256>) -> Option<Self> {
        let mut padding = *leaves.last()?;
        if height > 63 || leaves.len() as u64 > 1 << height {
            return None;
        }
        let mut trace = Self {
            levels: Vec::with_capacity(usize::from(height) + 1),
            padding: Vec::with_capacity(usize::from(height) + 1),
        };
        let mut level = leaves;
        for _ in 0..height {
            let parents = level
                .chunks(2)
                .map(|pair| node(pair[0], pair.get(1).copied().unwrap_or(padding)))
                .collect();
            trace.levels.push(level);
            trace.padding.push(padding);
            padding = node(padding, padding);
            level = parents;
        }
        trace.levels.push(level);
        trace.padding.push(padding);
        Some(trace)
    }
}

impl Trace for DenseTrace {
    fn height(&self) -> u8 {
        self.levels.len() as u8 - 1
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        let limit = 1_u64
            .checked_shl(u32::from(self.height().saturating_sub(height)))
            .filter(|limit| height <= self.height() && index < *limit);
        if limit.is_none() {
            return Err(TraceError::OutOfRange {
                what: "node",
                index,
                limit: 1 << self.height(),
            });
        }
        let level = usize::from(height);
        let real = usize::try_from(index)
            .ok()
            .and_then(|index| self.levels[level].get(index));
        Ok(real.copied().unwrap_or(self.padding[level]))
    }
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TRACE_HEIGHT;

    fn leaves(count: usize) -> Vec<B256> {
        (0..count)
            .map(|n| keccak256((n as u64).to_be_bytes()))
            .collect()
    }

    #[test]
    fn a_dense_trace_is_the_commitment_of_its_leaves() {
        for count in [1, 2, 3, 7, 8, 33] {
            let leaves = leaves(count);
            let trace = DenseTrace::new(TRACE_HEIGHT as u8, leaves.clone()).expect("they fit");
            assert_eq!(
                trace.commitment(),
                Ok(TraceCommitment::of(&leaves).expect("not empty"))
            );
        }
    }

    #[test]
    fn every_leaf_is_proven_by_its_siblings() {
        for (height, count) in [(0, 1), (1, 1), (3, 5), (3, 8)] {
            let trace = DenseTrace::new(height, leaves(count)).expect("they fit");
            for index in 0..1 << height {
                let leaf = trace.node(0, index).expect("it is there");
                assert_eq!(leaf, leaves(count)[(index as usize).min(count - 1)]);
                let proof = trace.proof(index).expect("it is there");
                let root = proof
                    .iter()
                    .enumerate()
                    .fold(leaf, |root, (height, sibling)| {
                        if (index >> height) & 1 == 0 {
                            node(root, *sibling)
                        } else {
                            node(*sibling, root)
                        }
                    });
                assert_eq!(
                    Ok(root),
                    trace.root(),
                    "leaf {index} of {count} under {height}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_beyond_the_tree() {
        assert_eq!(DenseTrace::new(3, leaves(9)), None);
        assert_eq!(DenseTrace::new(3, Vec::new()), None);
        let trace = DenseTrace::new(3, leaves(2)).expect("they fit");
        for (height, index) in [(0, 8), (1, 4), (3, 1), (4, 0), (255, 0), (0, u64::MAX)] {
            assert!(
                trace.node(height, index).is_err(),
                "{index} at height {height}"
            );
        }
        assert!(trace.children(0, 0).is_err());
    }

    #[test]
    fn a_stretch_within_another_begins_where_the_leaf_before_stands() {
        let run = Stretch {
            range: ClaimRange {
                from: 0,
                entries: 1,
                settled: B256::ZERO,
            },
            segment: 3,
            first: 0,
            stride_log2: 14,
            height: 14,
        };
        let inside = run.within(5, 0, 14);
        assert_eq!(
            (inside.first, inside.stride_log2, inside.height),
            (5 << 14, 0, 14)
        );
        assert_eq!(inside.segment, 3);
    }
}
