//! Logs, and the blooms by which a search passes over blocks that have none of interest.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use alloy_primitives::{Bloom, BloomInput, U64};
use plasma_core::{Address, B256, Bytes, Height, Log};
use serde::Serialize;

use super::{Entry, entries};
use crate::{Chain, ChainError, StoredBlock};

/// A log as `eth_getLogs` gives it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogObject {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_hash: B256,
    block_number: U64,
    block_timestamp: U64,
    transaction_hash: B256,
    transaction_index: U64,
    log_index: U64,
    pub(crate) removed: bool,
}

impl LogObject {
    fn new(log: &Log, entry: &Entry<'_>, transaction: B256, index: u64) -> Self {
        let header = &entry.block.block.header;
        Self {
            address: log.address,
            topics: log.topics.clone(),
            data: log.data.clone(),
            block_hash: entry.block.hash,
            block_number: U64::from(header.height.0),
            block_timestamp: U64::from(header.timestamp.seconds().0),
            transaction_hash: transaction,
            transaction_index: U64::from(entry.index),
            log_index: U64::from(index),
            removed: false,
        }
    }
}

/// The logs of an entry; `first` is the number in the block of the first.
pub(crate) fn logs_of(entry: &Entry<'_>, hash: B256, first: u64) -> Vec<LogObject> {
    let numbered = entry.receipt.logs.iter().zip(first..);
    numbered
        .map(|(log, index)| LogObject::new(log, entry, hash, index))
        .collect()
}

/// The logs of a block that `wanted` picks.
pub(crate) fn block_logs(block: &StoredBlock, wanted: impl Fn(&Log) -> bool) -> Vec<LogObject> {
    let (mut found, mut index) = (Vec::new(), 0);
    for entry in entries(block) {
        let mut hash = None;
        for log in &entry.receipt.logs {
            if wanted(log) {
                let hash = *hash.get_or_insert_with(|| entry.hash());
                found.push(LogObject::new(log, &entry, hash, index));
            }
            index += 1;
        }
    }
    found
}

/// The bloom over these logs.
pub(crate) fn bloom_of<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        for topic in &log.topics {
            bloom.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    bloom
}

/// Blocks whose blooms are remembered: 16 MiB of them.
const REMEMBERED: usize = 65_536;

/// Blooms of blocks seen before, by height.
#[derive(Debug, Default)]
pub(crate) struct Blooms(Mutex<BTreeMap<u64, (B256, Bloom)>>);

impl Blooms {
    /// The bloom of a block.
    pub(crate) fn of(&self, block: &StoredBlock) -> Bloom {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&block.height().0) {
            Some((hash, bloom)) if *hash == block.hash => *bloom,
            _ => {
                drop(known);
                let bloom = bloom_of(entries(block).flat_map(|entry| &entry.receipt.logs));
                known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(block.height().0, (block.hash, bloom));
                if known.len() > REMEMBERED {
                    known.pop_first();
                }
                bloom
            }
        }
    }

    /// The bloom of the block at `height`, if that block was seen before and still stands.
    pub(crate) fn known(&self, chain: &Chain, height: Height) -> Result<Option<Bloom>, ChainError> {
        let known = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&height.0)
            .copied();
        match known {
            Some((hash, bloom)) if chain.ledger().height_of(&hash)? == Some(height) => {
                Ok(Some(bloom))
            }
            _ => Ok(None),
        }
    }
}
