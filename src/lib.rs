//! Compose an application-specific chain from pluggable execution, data availability, sequencing and settlement.

mod assembly;
pub mod bench;
mod chain;
#[doc(hidden)]
pub mod cli;
mod committee;
pub mod devnet;
mod dispute;
mod explain;
mod node;
mod programs;
mod remote;
pub mod rpc;

pub use assembly::{
    Based, ChainBuilder, CommitteeMember, Committees, DEFAULT_GENESIS_TIME, EmbeddedRoot,
    EmbeddedRootConfig, LaunchError, Member, RootHandle, RunningChain, SequencerParts,
    SequencerPlan, Solo, StartedSequencer,
};
pub use chain::{
    Begun, BlockAhead, Chain, ChainConfig, ChainError, ChainEvent, InboxRecord, Ledger, OuterTrace,
    Position, RootInbox, SegmentInputs, Stages, StoredBlock, StoredSegment,
};
pub use committee::{Borders, CommitteeView, SeatView};
pub use dispute::{ChainTraces, Fault, FaultKind, FaultyTraces};
pub use explain::{Explainer, Explanation};
pub use node::{
    BatcherConfig, ChainGate, Health, HealthReport, Node, NodeParts, ProposerConfig,
    RootOrderedConfig,
};
pub use programs::{Replayed, builtin_program, replay};
pub use remote::{RemoteGenesis, RpcBlobs};

pub use plasma_bridge as bridge;
pub use plasma_core as core;
pub use plasma_da as da;
pub use plasma_exec as exec;
pub use plasma_sequencer as sequencer;

pub use plasma_core::{Address, B256, Bytes, ChainId, TokioEnv, U256};
pub use plasma_exec::{EvmExecution, EvmGenesis, ModuleRuntime};
