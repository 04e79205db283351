//! Why a chain did not start.

use std::path::PathBuf;

use plasma_core::{DaError, ExecutionError, SequencerError, SettlementError};
use plasma_exec::StoreError;

use crate::{chain::ChainError, rpc::RpcError};

/// Why a chain did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The genesis configuration is not one.
    #[error(transparent)]
    Genesis(#[from] ExecutionError),
    /// The chain's own data cannot be opened.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The state store cannot be opened.
    #[error("the state store did not open: {0}")]
    Store(#[from] StoreError),
    /// The availability layer cannot be opened.
    #[error("the availability layer did not open: {0}")]
    Da(#[from] DaError),
    /// The sequencer cannot start.
    #[error("the sequencer did not start: {0}")]
    Sequencer(#[from] SequencerError),
    /// The root does not answer, or refuses.
    #[error("the root: {0}")]
    Settlement(#[from] SettlementError),
    /// The JSON-RPC server cannot start.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A directory cannot be made.
    #[error("{path}: {source}; give a directory that can be written")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file that the node wrote earlier cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The parts do not fit.
    #[error("{0}")]
    Configuration(String),
}
