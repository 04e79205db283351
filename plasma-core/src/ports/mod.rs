//! The ports: the four pluggable parts of a chain, and what they stand on.
//!
//! Each port is dyn-compatible, has an error of its own that says what to do next, and a conformance suite
//! (feature `testing`) that every implementation passes.

mod data_availability;
mod dispute;
mod env;
mod execution;
mod module;
mod preimages;
mod sequencer;
mod settlement;
mod state;
mod traces;

pub use data_availability::{DaError, DaProperties, DataAvailability, Quote, Retention, Trust};
pub use dispute::{
    Clock, Contest, DisputeTerms, MatchKey, MatchPhase, MatchStage, MatchView, Side, Standing,
    TournamentClaim, TournamentPhase, TournamentView, outer_tournament,
};
pub use env::{BoxFuture, BoxStream, Env, Task};
pub use execution::{
    Admission, BlockOutcome, Call, CallOutcome, Execution, ExecutionError, FeeQuote, NonceRule,
    Query, QueryError, Rejection, Reply, Step, TransactionView, fold_block, fold_segments,
};
pub use module::Gate;
pub use preimages::{MAX_PREIMAGE_BYTES, PreimageKind, Preimages, Verified};
pub use sequencer::{ChainUpdate, Promise, Sequencer, SequencerError, SubmitError};
pub use settlement::{
    ClaimView, DisputeView, Move, RootBlock, RootEvent, RootOrdering, RootReceipt, RootUpdate,
    SealedLeaf, Settlement, SettlementError,
};
pub use state::{Changes, State, StateKey, StateRead};
pub use traces::{
    ClaimRange, DenseTrace, InnerTrace, OuterTrace, ProgramIdentity, Stretch, Trace, TraceError,
    TraceProvider,
};
