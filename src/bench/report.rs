//! What was measured, as data.

use plasma_core::B256;
use serde::Serialize;

use super::{Machine, Percentiles, Settings, Threads, Workload};

/// All rows of one run, and what they were measured with. As JSON its names stay the same from version to version.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of the SDK.
    pub version: &'static str,
    /// The machine.
    pub machine: Machine,
    /// What was on, in words.
    pub on: [&'static str; 3],
    /// How much was done, and how.
    pub settings: Settings,
    /// One for each workload, backend and number of threads.
    pub rows: Vec<Row>,
}

impl Report {
    /// As JSON, with an end of line.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("all of it can be written as JSON");
        text + "\n"
    }
}

/// A backend at a workload.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The workload.
    pub workload: Workload,
    /// The contender's name.
    pub backend: String,
    /// How its blocks were spread over threads.
    pub threads: Threads,
    /// How many threads there could be.
    pub cores: usize,
    /// The numbers, where the backend has transactions for all of the workload's operations.
    pub measured: Option<Measured>,
    /// What the backend has no transaction for.
    pub unsupported: Option<String>,
}

/// The numbers of a row. What is said of a transaction is the mean over all that were measured, and was counted on one
/// thread.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Transactions in a second, over whole runs.
    pub transactions_per_second: Spread,
    /// How long a block took, in milliseconds, over all blocks of all runs.
    pub block_ms: Percentiles,
    /// How long a transaction took, in microseconds, when it was executed as the only one, with its signature checked
    /// before: with what it takes to begin and end a block's work, and so more than its share of a block.
    pub transaction_alone_us: Percentiles,
    /// Gas used.
    pub gas_per_transaction: f64,
    /// How often memory was asked for in executing blocks; none where nothing counts.
    pub allocations_per_transaction: Option<f64>,
    /// How many bytes were asked for.
    pub allocated_bytes_per_transaction: Option<f64>,
    /// Keys of the state written, each once in a block.
    pub keys_written_per_transaction: f64,
    /// Keys by which the state grew.
    pub state_keys_per_transaction: f64,
    /// Bytes of keys and values by which the state grew.
    pub state_bytes_per_transaction: f64,
    /// How many answers of the execution were compared with what the operations come to.
    pub checked_facts: usize,
    /// The state root in the end, the same in every run.
    pub state_root: B256,
}

/// What several runs gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; of an even number the slower of the two.
    pub median: f64,
    /// The least.
    pub slowest: f64,
    /// The most.
    pub fastest: f64,
}

impl Spread {
    /// Of these rates; zeros for none.
    pub fn of(mut rates: Vec<f64>) -> Self {
        rates.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| rates.get(index).copied().unwrap_or_default();
        let last = rates.len().saturating_sub(1);
        Self {
            median: at(last / 2),
            slowest: at(0),
            fastest: at(last),
        }
    }
}
