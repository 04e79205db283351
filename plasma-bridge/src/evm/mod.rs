//! Settlement on an EVM root: Ethereum, a development node, the embedded root, another plasma
//! chain.
//!
//! ```text
//!   head ──> follower ──> reader ──logs──> decode ──events──> tracker ──checked──> RootUpdate
//!              │ window of hashes: finds reorganisations          │ folds both hash chains
//! ```

mod decode;
mod follower;
mod reader;
mod settlement;
mod tracker;
mod view;

pub use settlement::EvmSettlement;
