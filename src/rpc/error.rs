//! Refusals, with the codes and openings that wallets know from Ethereum's nodes.

use std::net::SocketAddr;

use jsonrpsee::types::{
    ErrorObjectOwned,
    error::{INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE},
};
use plasma_core::{B256, Bytes, CodecError, DaError, QueryError, SubmitError};
use plasma_exec::StoreError;
use serde::Serialize;

use crate::ChainError;

/// Refused: the request was understood, and cannot be done.
const REFUSED: i32 = -32_000;
/// What was named is not here (EIP-1474).
const NOT_FOUND: i32 = -32_001;
/// This node cannot do that (EIP-1474).
const UNSUPPORTED: i32 = -32_004;
/// More than a limit (EIP-1474).
const LIMIT: i32 = -32_005;
/// A call reverted; `data` is what it reverted with.
const REVERTED: i32 = 3;
/// A transaction is not in a block yet; `data` is its hash (EIP-7966).
const TIMEOUT: i32 = 4;

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// Another program has the port.
    #[error("port {port} of {ip} is in use by another program; stop that program, or choose another port (0 picks any free one)", port = .0.port(), ip = .0.ip())]
    PortInUse(SocketAddr),
    /// Not an address.
    #[error(
        "cannot listen on \"{listen}\": {reason}; write it as address:port, such as 127.0.0.1:9545"
    )]
    Address {
        /// What was given.
        listen: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refuses the address.
    #[error(
        "cannot listen on {address}: {reason}; choose an address of this machine and a port that you may use"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// What a method answers, or why not.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// Why a method does not answer.
#[derive(Debug)]
pub(super) struct Refusal(ErrorObjectOwned);

impl Refusal {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self(ErrorObjectOwned::owned(code, message, None::<()>))
    }

    fn with_data(code: i32, message: impl Into<String>, data: impl Serialize) -> Self {
        Self(ErrorObjectOwned::owned(code, message, Some(data)))
    }

    /// The parameters are not as they must be.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS_CODE, message)
    }

    /// It cannot be done.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(REFUSED, message)
    }

    /// It is not here.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, message)
    }

    /// This node does not do that.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(UNSUPPORTED, message)
    }

    /// It asks for too much.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(LIMIT, message)
    }

    /// Our bug, or a broken disk.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(INTERNAL_ERROR_CODE, message)
    }

    /// A call reverted with `output`.
    pub(super) fn reverted(message: impl Into<String>, output: &Bytes) -> Self {
        Self::with_data(REVERTED, message, output)
    }

    /// A transaction waits, and the time to wait for it is over.
    pub(super) fn timeout(message: impl Into<String>, transaction: B256) -> Self {
        Self::with_data(TIMEOUT, message, transaction)
    }

    /// The code under which it is counted.
    pub(super) fn code(&self) -> i32 {
        self.0.code()
    }
}

impl From<Refusal> for ErrorObjectOwned {
    fn from(refusal: Refusal) -> Self {
        refusal.0
    }
}

/// An upstream node's refusal is passed on as it is.
impl From<ErrorObjectOwned> for Refusal {
    fn from(error: ErrorObjectOwned) -> Self {
        Self(error)
    }
}

impl From<ChainError> for Refusal {
    fn from(error: ChainError) -> Self {
        match &error {
            ChainError::NoBlock { .. } => Self::not_found(error.to_string()),
            ChainError::Store(StoreError::NotKept { .. }) => {
                // The opening by which tools recognise a node that pruned.
                Self::refused(format!(
                    "missing trie node: the state of this block is not kept here ({error})"
                ))
            }
            _ => Self::internal(error.to_string()),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        ChainError::from(error).into()
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Malformed(_) => Self::invalid(error.to_string()),
            _ => Self::unsupported(error.to_string()),
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        Self::refused(error.to_string())
    }
}

impl From<DaError> for Refusal {
    fn from(error: DaError) -> Self {
        match error {
            DaError::NotFound(_) => Self::not_found(error.to_string()),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<CodecError> for Refusal {
    fn from(error: CodecError) -> Self {
        Self::invalid(error.to_string())
    }
}
