//! The ports: the four pluggable parts of a chain, and what they stand on.
//!
//! Each port is dyn-compatible, has an error of its own that says what to do next, and a conformance suite
//! (feature `testing`) that every implementation passes.

mod data_availability;
mod env;
mod execution;
mod module;
mod sequencer;
mod settlement;
mod state;

pub use data_availability::{DaError, DaProperties, DataAvailability, Quote, Retention, Trust};
pub use env::{BoxFuture, BoxStream, Env, Task};
pub use execution::{
    Admission, BlockOutcome, Call, CallOutcome, Execution, ExecutionError, FeeQuote, NonceRule,
    Query, QueryError, Rejection, Reply, Step, TransactionView, fold_block,
};
pub use module::Gate;
pub use sequencer::{ChainUpdate, Promise, Sequencer, SequencerError, SubmitError};
pub use settlement::{
    ClaimView, DisputeView, Move, RootBlock, RootEvent, RootReceipt, RootUpdate, Settlement,
    SettlementError,
};
pub use state::{Changes, Preimages, State, StateKey, StateRead};
