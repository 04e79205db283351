//! Backends of execution side by side: the same logical work on each, measured in one run.
//!
//! ```text
//!   seed ──> Operation, Operation, ...  ──> Model: what must come of them
//!                     │ a Contender encodes each as a signed transaction of its own
//!                     v
//!   blocks ──> Execution::apply_segments ──> Store::commit_segments ──> Report: table, JSON, chart
//! ```
//! Every [`Contender`] gets the same operations in the same blocks, and what came of them is held against the [`Model`],
//! through the contender's own queries: who does less is not faster, but fails. All runs of a contender must agree in every
//! receipt and every state root, whatever the number of threads.
//!
//! What is on is in the report: [`Settings`] switches signatures, the Merkle root and durability one by one. The first
//! block of each run is not counted: caches fill in it, as in a node that has been running.
//!
//! A chain's own execution takes part with an implementation of [`Contender`], whose shortest has four methods: see
//! `examples/bench-execution`.

mod chart;
mod contender;
mod contracts;
mod growth;
mod machine;
mod measure;
mod model;
mod modules;
mod operation;
mod report;
mod settings;
mod table;
mod times;
mod world;

#[cfg(test)]
mod tests;

pub use contender::{Contender, Fact};
pub use contracts::ContractContender;
pub use machine::{Machine, cores};
pub use measure::run;
pub use model::Model;
pub use modules::{
    IOrderBook, IPool, ModulesContender, OrderBookModule, PoolModule, PoolState, WaitingOrder,
};
pub use operation::{Operation, Workload};
pub use report::{Measured, Report, Row, Spread};
pub use settings::{Allocated, BenchError, CountAllocations, Settings, Threads};
pub use times::{Percentiles, Times, digits, in_parallel, rate, time};
pub use world::{EthereumCall, FUNDS, Nonces, World};
