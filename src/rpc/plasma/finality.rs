//! How final something is, and what it waits for.

use plasma_core::{B256, Height, Seconds, Stage};
use serde::{Deserialize, Serialize};

use alloy_primitives::U64;

use crate::{
    Chain, ChainError, InboxRecord,
    rpc::{arguments::Arguments, error::Outcome, find::stage_of, methods::Methods, node::Node},
};

pub(super) fn register(methods: &mut Methods) {
    methods.read("plasma_finality", 1, finality);
}

/// The inbox entry that brings the block at `height`: the first whose derived head is not below it.
/// `None` while the root does not have it.
pub(super) fn entry_of(chain: &Chain, height: Height) -> Result<Option<InboxRecord>, ChainError> {
    let inbox = chain.inbox();
    let (mut low, mut high) = (0, inbox.entry_count()?);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(record) = inbox.entry(middle)? else {
            break;
        };
        if record.head.height >= height {
            high = middle;
            found = Some(record);
        } else {
            low = middle + 1;
        }
    }
    Ok(found)
}

/// A transaction's, deposit's or block's hash, or a height.
#[derive(Deserialize)]
#[serde(untagged)]
enum Subject {
    Hash(B256),
    Height(u64),
    Hex(U64),
}

/// What `plasma_finality` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finality {
    stage: Stage,
    /// The Ethereum tag of the stage.
    tag: &'static str,
    height: Option<Height>,
    block_hash: Option<B256>,
    /// The inbox entry that has its bytes.
    entry: Option<u64>,
    /// The root block of that entry.
    root_block: Option<u64>,
    /// When that was, by the root's clock.
    root_timestamp: Option<Seconds>,
    /// What must happen for the next stage; absent at the last.
    waits_for: Option<&'static str>,
}

fn finality(node: &Node, arguments: &Arguments) -> Outcome<Option<Finality>> {
    let chain = &node.context.chain;
    let height = match arguments.required(0, "hash or height")? {
        Subject::Height(height) => Some(Height(height)),
        Subject::Hex(height) => Some(Height(height.to())),
        Subject::Hash(hash) => match (node.locate(hash)?, node.find(hash.into())?) {
            (Some((block, _)), _) | (None, Some(block)) => Some(block.height()),
            (None, None) if node.pending(&hash).is_some() => None,
            (None, None) => return Ok(None),
        },
    };
    let Some(height) = height.filter(|height| *height <= chain.head().height()) else {
        return Ok(Some(at_stage(Stage::Pending)));
    };
    let block = chain.block(height)?;
    let stages = chain.stages();
    let record = if height.0 == 0 {
        None
    } else {
        entry_of(chain, height)?
    };
    let record = record.filter(|_| height <= stages.published);
    Ok(Some(Finality {
        height: Some(height),
        block_hash: Some(block.hash),
        entry: record.as_ref().map(|record| record.entry.index),
        root_block: record.as_ref().map(|record| record.root_block),
        root_timestamp: record.as_ref().map(|record| record.entry.timestamp),
        ..at_stage(stage_of(chain, height))
    }))
}

fn at_stage(stage: Stage) -> Finality {
    let waits_for = match stage {
        Stage::Pending => Some(
            "a sequencer to put it in a block; forced through the root's inbox, nobody can refuse it",
        ),
        Stage::Sequenced => Some("a batch with it in the root's inbox, which anyone may append"),
        Stage::Published => Some(
            "a claim on the state after it, which anyone may make, to stand for the challenge window",
        ),
        Stage::Settled => None,
    };
    Finality {
        stage,
        tag: stage.block_tag(),
        height: None,
        block_hash: None,
        entry: None,
        root_block: None,
        root_timestamp: None,
        waits_for,
    }
}
