//! How a root node is asked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a root node is asked, and how transactions are pushed through. The defaults suit Ethereum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RootConfig {
    /// Between two looks at the root's head, in milliseconds.
    pub poll_interval_ms: u64,
    /// How many blocks must stand on a block before its events are read, and before a transaction
    /// counts as done. 0 reads the head itself, and reorganisations are reported as they come.
    pub confirmations: u64,
    /// How many recent blocks are remembered to find where a reorganisation started.
    pub reorg_window: u64,
    /// The most blocks asked for in one `eth_getLogs`. Halved as often as the node refuses.
    pub log_range: u64,
    /// How long one request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long a transaction may take to be included, in milliseconds.
    pub inclusion_timeout_ms: u64,
    /// After this time without inclusion a transaction's fees are raised, in milliseconds.
    pub bump_interval_ms: u64,
    /// No transaction offers more than this, in wei for a unit of gas.
    pub max_fee_per_gas: u64,
}

impl Default for RootConfig {
    fn default() -> Self {
        Self {
            poll_interval_ms: 1_000,
            confirmations: 0,
            reorg_window: 256,
            log_range: 2_000,
            request_timeout_ms: 10_000,
            inclusion_timeout_ms: 300_000,
            bump_interval_ms: 45_000,
            max_fee_per_gas: 1_000_000_000_000,
        }
    }
}

impl RootConfig {
    /// For a root in the same process or on the same machine, which answers at once.
    pub fn local() -> Self {
        Self {
            poll_interval_ms: 25,
            request_timeout_ms: 5_000,
            inclusion_timeout_ms: 30_000,
            bump_interval_ms: 5_000,
            ..Self::default()
        }
    }

    pub(crate) fn poll_interval(&self) -> Duration {
        Duration::from_millis(self.poll_interval_ms.max(1))
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms.max(1))
    }
}
