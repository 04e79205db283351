//! Receipts.

use alloy_primitives::{Bloom, U64, U128};
use plasma_core::{Address, B256, Stage, Status};
use serde::Serialize;

use super::{Body, Entry, LogObject, bloom_of, entries, logs_of, transaction::DEPOSIT_TYPE};
use crate::{Chain, StoredBlock, rpc::find::stage_of};

/// A receipt as `eth_getTransactionReceipt` gives it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptObject {
    #[serde(rename = "type")]
    kind: U64,
    status: U64,
    transaction_hash: B256,
    transaction_index: U64,
    block_hash: B256,
    block_number: U64,
    from: Address,
    to: Option<Address>,
    contract_address: Option<Address>,
    gas_used: U64,
    cumulative_gas_used: U64,
    effective_gas_price: U128,
    logs: Vec<LogObject>,
    logs_bloom: Bloom,
    plasma: Extras,
}

/// What Ethereum's receipts have no room for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extras {
    stage: Stage,
    status: Status,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// The ids of the messages that it sent to other chains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<B256>,
}

/// The receipt of one entry.
pub(crate) fn receipt_of(chain: &Chain, entry: &Entry<'_>) -> ReceiptObject {
    let before = &entry.block.receipts[..entry.step() as usize];
    let gas = before.iter().map(|receipt| receipt.gas_used.0).sum();
    let logs = before
        .iter()
        .skip(1)
        .map(|receipt| receipt.logs.len() as u64)
        .sum();
    after(chain, entry, gas, logs)
}

/// The receipts of all entries of a block.
pub(crate) fn receipts_of(chain: &Chain, block: &StoredBlock) -> Vec<ReceiptObject> {
    let mut gas = block.receipts.first().map_or(0, |begin| begin.gas_used.0);
    let mut logs = 0;
    let one = |entry: Entry<'_>| {
        let object = after(chain, &entry, gas, logs);
        gas += entry.receipt.gas_used.0;
        logs += entry.receipt.logs.len() as u64;
        object
    };
    entries(block).map(one).collect()
}

fn after(chain: &Chain, entry: &Entry<'_>, gas_before: u64, logs_before: u64) -> ReceiptObject {
    let (block, receipt, hash) = (entry.block, entry.receipt, entry.hash());
    let view = entry
        .transaction()
        .and_then(|bytes| chain.execution().view(&chain.context_of(block), bytes));
    let (kind, from, to) = match (entry.body, view) {
        (_, Some(view)) => (view.kind, view.sender, view.to),
        (Body::Deposit(message), None) => (DEPOSIT_TYPE, message.sender, Some(message.to)),
        // Bytes that are no transaction at all, forced in by somebody.
        (Body::Forced(message), None) => (0, message.sender, Some(Address::ZERO)),
        (Body::Transaction(_), None) => (0, Address::ZERO, Some(Address::ZERO)),
    };
    let sent = block.sent.iter().filter(|(step, _)| *step == entry.step());
    ReceiptObject {
        kind: U64::from(kind),
        status: U64::from(u8::from(receipt.succeeded())),
        transaction_hash: hash,
        transaction_index: U64::from(entry.index),
        block_hash: block.hash,
        block_number: U64::from(block.height().0),
        from,
        to,
        contract_address: receipt.created,
        gas_used: U64::from(receipt.gas_used.0),
        cumulative_gas_used: U64::from(gas_before + receipt.gas_used.0),
        effective_gas_price: U128::from(receipt.gas_price),
        logs: logs_of(entry, hash, logs_before),
        logs_bloom: bloom_of(&receipt.logs),
        plasma: Extras {
            stage: stage_of(chain, block.height()),
            status: receipt.status,
            reason: receipt.reason.clone(),
            messages: sent.map(|(_, message)| message.id()).collect(),
        },
    }
}
