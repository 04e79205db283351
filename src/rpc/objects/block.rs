//! Blocks.

use alloy_consensus::EMPTY_OMMER_ROOT_HASH;
use alloy_primitives::{B64, Bloom, U64, U128};
use plasma_core::{Address, B256, Bytes, Epoch, Height, Stage, Timestamp, U256, keccak256};
use serde::Serialize;
use serde_json::Value;

use super::{Blooms, entries, mined};
use crate::{Chain, StoredBlock, rpc::find::stage_of};

/// Bytes of a header: eleven words.
const HEADER_BYTES: u64 = 11 * 32;

/// A block as `eth_getBlockByNumber` gives it. A pending block has no hash, nonce and bloom.
///
/// Its hash is the keccak of the Plasma header (`plasma_block` shows that), not of these fields.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockObject {
    number: U64,
    hash: Option<B256>,
    parent_hash: B256,
    nonce: Option<B64>,
    sha3_uncles: B256,
    logs_bloom: Option<Bloom>,
    /// What the header commits to transactions with.
    transactions_root: B256,
    /// After the block.
    state_root: B256,
    /// Zero: receipts follow from the state, and nothing else commits to them.
    receipts_root: B256,
    miner: Address,
    difficulty: U64,
    extra_data: Bytes,
    gas_limit: U64,
    gas_used: U64,
    timestamp: U64,
    base_fee_per_gas: U128,
    mix_hash: B256,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<U64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncles: Option<[B256; 0]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<Vec<Value>>,
    plasma: Extras,
}

/// What Ethereum's blocks have no room for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extras {
    stage: Stage,
    timestamp_ms: Timestamp,
    epoch: Epoch,
    /// Inbox messages consumed up to and including this block.
    messages: u64,
    outbox_root: B256,
    /// Whether the committee's certificate is here.
    certified: bool,
}

/// How a block shows its transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transactions {
    /// Not at all: a header, as subscriptions give.
    None,
    /// By hash.
    Hashes,
    /// In full.
    Full,
}

impl BlockObject {
    /// A block in the chain.
    pub(crate) fn new(
        chain: &Chain,
        blooms: &Blooms,
        block: &StoredBlock,
        show: Transactions,
    ) -> Self {
        let header = &block.block.header;
        let bytes: usize = block
            .block
            .transactions
            .iter()
            .map(|bytes| bytes.len())
            .sum();
        let transactions = match show {
            Transactions::None => None,
            Transactions::Hashes => Some(
                entries(block)
                    .map(|entry| hash_value(entry.hash()))
                    .collect(),
            ),
            Transactions::Full => Some(entries(block).map(|entry| mined(chain, &entry)).collect()),
        };
        Self {
            number: U64::from(header.height.0),
            hash: Some(block.hash),
            parent_hash: header.parent,
            nonce: Some(B64::ZERO),
            sha3_uncles: EMPTY_OMMER_ROOT_HASH,
            logs_bloom: Some(blooms.of(block)),
            transactions_root: header.body,
            state_root: block.state_root,
            receipts_root: B256::ZERO,
            miner: header.proposer,
            difficulty: U64::ZERO,
            extra_data: Bytes::new(),
            gas_limit: U64::from(block.gas_limit),
            gas_used: U64::from(block.gas_used()),
            timestamp: U64::from(header.timestamp.seconds().0),
            base_fee_per_gas: U128::from(block.base_fee),
            mix_hash: randomness(header.parent, header.height),
            size: Some(U64::from(HEADER_BYTES + bytes as u64)),
            uncles: (show != Transactions::None).then_some([]),
            transactions,
            plasma: Extras {
                stage: stage_of(chain, header.height),
                timestamp_ms: header.timestamp,
                epoch: header.epoch,
                messages: header.messages,
                outbox_root: block.outbox_root,
                certified: block.certificate.is_some(),
            },
        }
    }

    /// The block that would follow `parent`, with what waits.
    pub(crate) fn pending(
        parent: &StoredBlock,
        timestamp: Timestamp,
        base_fee: u128,
        transactions: Vec<Value>,
    ) -> Self {
        let header = &parent.block.header;
        let Height(number) = header.height.next();
        Self {
            number: U64::from(number),
            hash: None,
            parent_hash: parent.hash,
            nonce: None,
            sha3_uncles: EMPTY_OMMER_ROOT_HASH,
            logs_bloom: None,
            transactions_root: B256::ZERO,
            state_root: parent.state_root,
            receipts_root: B256::ZERO,
            miner: header.proposer,
            difficulty: U64::ZERO,
            extra_data: Bytes::new(),
            gas_limit: U64::from(parent.gas_limit),
            gas_used: U64::ZERO,
            timestamp: U64::from(timestamp.seconds().0),
            base_fee_per_gas: U128::from(base_fee),
            mix_hash: randomness(parent.hash, header.height.next()),
            size: Some(U64::from(HEADER_BYTES)),
            uncles: Some([]),
            transactions: Some(transactions),
            plasma: Extras {
                stage: Stage::Pending,
                timestamp_ms: timestamp,
                epoch: header.epoch,
                messages: header.messages,
                outbox_root: parent.outbox_root,
                certified: false,
            },
        }
    }
}

/// What contracts read as `PREVRANDAO`.
fn randomness(parent: B256, height: Height) -> B256 {
    keccak256([parent.0, B256::from(U256::from(height.0)).0].concat())
}

pub(crate) fn hash_value(hash: B256) -> Value {
    Value::String(hash.to_string())
}
