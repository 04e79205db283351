use alloy_primitives::B256;

use crate::{PreimageKind, Severe, Severity, TrieError};

/// Why there is no next checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// A preimage is not there. In the fault-proof machine this cannot happen: the step waits for its proof.
    #[error("no preimage of {hash} ({kind:?}): the inputs of the segment do not hold it")]
    Missing {
        /// How the hash names it.
        kind: PreimageKind,
        /// The hash asked for.
        hash: B256,
    },
    /// A preimage has another form than what commits to it says.
    #[error("the preimage of {hash} is no {what}: no honest chain commits to it")]
    Malformed {
        /// The hash asked for.
        hash: B256,
        /// What was expected.
        what: &'static str,
    },
    /// The state root is no honest trie's.
    #[error("state: {0}")]
    State(TrieError),
}

impl From<TrieError> for TransitionError {
    fn from(error: TrieError) -> Self {
        match error {
            TrieError::Missing { kind, hash } => Self::Missing { kind, hash },
            error => Self::State(error),
        }
    }
}

impl Severe for TransitionError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}
