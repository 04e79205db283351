//! State as executions see it.

use alloc::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};

use crate::state::Mark;

/// A hashed key: its path in the trie.
pub type StateKey = B256;

/// Writes in key order; `None` removes.
pub type Changes = BTreeMap<StateKey, Option<Bytes>>;

/// Reads of state at one point in time.
///
/// A read cannot fail: a store whose medium fails stops the node instead of answering wrongly, and the
/// fault-proof machine halts on a preimage that is not there.
pub trait StateRead: Send + Sync {
    /// The value at `key`.
    fn get(&self, key: &StateKey) -> Option<Bytes>;

    /// Whether a read that turns out not to be needed has no consequence.
    ///
    /// Then an execution may read by guess, and on many threads. False, as by default, for what notes its reads, or
    /// has only what is needed: there an execution reads what the steps read, one after the other.
    fn reads_freely(&self) -> bool {
        false
    }
}

/// Reads and writes of state.
pub trait State: StateRead {
    /// Sets the value at `key`; `None` removes it.
    ///
    /// A value over [`MAX_VALUE_LEN`](crate::MAX_VALUE_LEN) could not be opened on the root: it is not written,
    /// and the key keeps what it had.
    fn set(&mut self, key: StateKey, value: Option<Bytes>);

    /// A point to go back to with [`State::revert`].
    fn mark(&mut self) -> Mark;

    /// Undoes all writes since `mark`.
    fn revert(&mut self, mark: Mark);
}

impl<T: StateRead + ?Sized> StateRead for alloc::sync::Arc<T> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        (**self).get(key)
    }

    fn reads_freely(&self) -> bool {
        (**self).reads_freely()
    }
}
