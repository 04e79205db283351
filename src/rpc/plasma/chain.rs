//! The chain and its blocks, in their own terms.

use std::collections::BTreeMap;

use alloy_eips::BlockId;
use plasma_core::{
    B256, BatchHeader, BlockHeader, Bytes, Certificate, Checkpoint, DaProperties, EntryKind,
    Height, InboxMessage, Stage,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::finality::entry_of;
use crate::{
    Stages, StoredBlock,
    node::HealthReport,
    rpc::{
        arguments::Arguments, error::Outcome, find::stage_of, methods::Methods, node::Node,
        objects::entries,
    },
};

/// Waiting transactions shown.
const PENDING_SHOWN: usize = 1_024;

pub(super) fn register(methods: &mut Methods) {
    methods.read("plasma_info", 0, |node, _| info(node));
    methods.quick("plasma_health", 0, |node, _| Ok(health(node)));
    methods.read("plasma_block", 1, block);
    methods.read("plasma_checkpoint", 1, checkpoint);
    methods.read("plasma_pending", 0, |node, _| Ok(pending(node)));
}

/// What `plasma_info` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    name: String,
    chain_id: u64,
    genesis_hash: B256,
    execution: String,
    client_version: String,
    /// The height of each stage.
    stages: Stages,
    head: B256,
    /// Whether transactions are taken here, or where they are handed to.
    sequencer: bool,
    forwards: bool,
    /// Entries and messages of the root's inbox that this node knows.
    inbox: Value,
    root: Option<Value>,
    da: Option<DaProperties>,
}

fn info(node: &Node) -> Outcome<Info> {
    let context = &node.context;
    let (chain, inbox) = (&context.chain, context.chain.inbox());
    Ok(Info {
        name: context.name.clone(),
        chain_id: chain.genesis().chain_id.0,
        genesis_hash: chain.genesis_hash(),
        execution: context.execution.clone(),
        client_version: context.client_version.clone(),
        stages: chain.stages(),
        head: chain.head().hash,
        sequencer: context.sequencer.is_some(),
        forwards: context.forward.is_some(),
        inbox: json!({
            "entries": inbox.entry_count()?,
            "messages": inbox.message_count()?,
            "rootBlock": inbox.cursor()?,
        }),
        root: context.root.clone(),
        da: context.da.as_ref().map(|da| da.properties()),
    })
}

/// What `plasma_health` gives.
#[derive(Debug, Serialize)]
struct HealthAnswer {
    /// Whether no task of the node stopped for good.
    healthy: bool,
    /// What each task in trouble met.
    troubles: BTreeMap<&'static str, HealthReport>,
}

fn health(node: &Node) -> HealthAnswer {
    let health = node.context.health.as_ref();
    let troubles = health.map(|health| health.troubles()).unwrap_or_default();
    HealthAnswer {
        healthy: !troubles.values().any(|report| report.fatal),
        troubles,
    }
}

/// What `plasma_block` gives: all that a verifier needs to check the block by itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockDetails {
    hash: B256,
    header: BlockHeader,
    /// More than two thirds of the committee signed `hash`; absent where only the root vouches.
    certificate: Option<Certificate>,
    stage: Stage,
    state_root: B256,
    outbox_root: B256,
    base_fee: String,
    gas_used: u64,
    gas_limit: u64,
    messages: Vec<InboxMessage>,
    transactions: Vec<B256>,
    /// The batch that its header seals, where this node knows it.
    sealed: Option<BatchHeader>,
}

fn block(node: &Node, arguments: &Arguments) -> Outcome<Option<BlockDetails>> {
    let id: BlockId = arguments.required(0, "block")?;
    let Some(block) = node.find(id)? else {
        return Ok(None);
    };
    Ok(Some(details(node, &block)?))
}

fn details(node: &Node, block: &StoredBlock) -> Outcome<BlockDetails> {
    let header = block.block.header.clone();
    let sealed = if header.seal.is_zero() {
        None
    } else {
        sealed(node, &header)?
    };
    Ok(BlockDetails {
        hash: block.hash,
        certificate: block.certificate.clone(),
        stage: stage_of(&node.context.chain, header.height),
        state_root: block.state_root,
        outbox_root: block.outbox_root,
        base_fee: block.base_fee.to_string(),
        gas_used: block.gas_used(),
        gas_limit: block.gas_limit,
        messages: block.messages.clone(),
        transactions: entries(block).map(|entry| entry.hash()).collect(),
        sealed,
        header,
    })
}

/// The batch that a header seals: the one that ends before it.
fn sealed(node: &Node, header: &BlockHeader) -> Outcome<Option<BatchHeader>> {
    let record = entry_of(
        &node.context.chain,
        Height(header.height.0.saturating_sub(1)),
    )?;
    Ok(record.and_then(|record| match record.entry.kind {
        EntryKind::Batch(batch) if batch.hash() == header.seal => Some(batch),
        _ => None,
    }))
}

/// What `plasma_checkpoint` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointDetails {
    checkpoint: Checkpoint,
    hash: B256,
    /// Whether an inbox entry ends with this block: only then is it one that can be claimed and
    /// settled.
    claimable: bool,
    settled: bool,
}

fn checkpoint(node: &Node, arguments: &Arguments) -> Outcome<CheckpointDetails> {
    let chain = &node.context.chain;
    let id: Option<BlockId> = arguments.optional(0, "block")?;
    let block = node.block(id.unwrap_or(BlockId::finalized()))?;
    let height = block.height();
    let record = entry_of(chain, height)?;
    let claimable = height.0 == 0
        || record
            .as_ref()
            .is_some_and(|record| record.head.height == height);
    let next = match (record, height.0) {
        (_, 0) => 0,
        (Some(record), _) if record.head.height == height => record.entry.index + 1,
        (Some(record), _) => record.entry.index,
        (None, _) => chain.inbox().entry_count()?,
    };
    let checkpoint = block.checkpoint(next);
    Ok(CheckpointDetails {
        hash: checkpoint.hash(),
        checkpoint,
        claimable,
        settled: claimable && height <= chain.stages().settled,
    })
}

/// What `plasma_pending` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pending {
    transactions: Vec<PendingTransaction>,
    /// Whether there are more than are shown.
    more: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingTransaction {
    hash: B256,
    bytes: Bytes,
}

fn pending(node: &Node) -> Pending {
    let sequencer = node.context.sequencer.as_ref();
    let mut waiting = sequencer
        .map(|sequencer| sequencer.pending(PENDING_SHOWN + 1))
        .unwrap_or_default();
    let more = waiting.len() > PENDING_SHOWN;
    waiting.truncate(PENDING_SHOWN);
    let show = |bytes: Bytes| PendingTransaction {
        hash: plasma_core::transaction_hash(&bytes),
        bytes,
    };
    Pending {
        transactions: waiting.into_iter().map(show).collect(),
        more,
    }
}
