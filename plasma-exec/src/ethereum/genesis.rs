//! How a chain of accounts with contracts begins.

use alloc::format;

use plasma_core::ExecutionError;
use serde::de::DeserializeOwned;

/// Reads the JSON of a genesis.
pub(crate) fn read_genesis<T: DeserializeOwned>(config: &[u8]) -> Result<T, ExecutionError> {
    serde_json::from_slice(config).map_err(|error| {
        ExecutionError::Genesis(format!(
            "{error}; expected JSON like {{\"alloc\": {{\"0x..\": {{\"balance\": \"..\"}}}}, \"gasLimit\": 60000000}}"
        ))
    })
}
