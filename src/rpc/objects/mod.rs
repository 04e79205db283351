//! Blocks, transactions, receipts and logs as Ethereum's tools read them.

mod block;
mod entry;
mod log;
mod receipt;
mod transaction;

pub(super) use block::{BlockObject, Transactions, hash_value};
pub(super) use entry::{Body, Entry, entries, entry};
pub(super) use log::{Blooms, LogObject, block_logs, bloom_of, logs_of};
pub(super) use receipt::{ReceiptObject, receipt_of, receipts_of};
pub(super) use transaction::{mined, waiting};
