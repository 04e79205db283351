//! Searching logs.

use std::time::Instant;

use alloy::rpc::types::{Filter, FilterBlockOption, FilterSet};
use alloy_eips::BlockNumberOrTag;
use plasma_core::{Height, Log};

use crate::{
    StoredBlock,
    rpc::{
        error::{Outcome, Refusal},
        methods::Methods,
        node::Node,
        objects::{LogObject, block_logs},
    },
};

/// Addresses, or topics in one place, that a filter may name.
const ALTERNATIVES: usize = 1_024;

pub(super) fn register(methods: &mut Methods) {
    methods.work("eth_getLogs", 1, |node, arguments| {
        search(node, &arguments.required(0, "filter")?)
    });
}

/// Refuses a filter that would cost too much to apply.
pub(super) fn check(filter: &Filter) -> Outcome<()> {
    let most = filter
        .topics
        .iter()
        .map(FilterSet::len)
        .chain([filter.address.len()])
        .max();
    if most.unwrap_or_default() > ALTERNATIVES {
        return Err(Refusal::limit(format!(
            "a filter may name at most {ALTERNATIVES} addresses, and as many topics in each place; split it"
        )));
    }
    Ok(())
}

/// The logs of a block that the filter picks, whatever the filter says about blocks.
pub(super) fn pick(node: &Node, filter: &Filter, block: &StoredBlock) -> Vec<LogObject> {
    if !filter.matches_bloom(node.blooms.of(block)) {
        return Vec::new();
    }
    block_logs(block, |log: &Log| {
        filter.matches_address(log.address) && filter.matches_topics(&log.topics)
    })
}

/// All logs that the filter picks.
pub(super) fn search(node: &Node, filter: &Filter) -> Outcome<Vec<LogObject>> {
    check(filter)?;
    let (from, to) = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            return Ok(pick(node, filter, &*node.block(hash.into())?));
        }
        FilterBlockOption::Range {
            from_block,
            to_block,
        } => (from_block, to_block),
    };
    let chain = &node.context.chain;
    let number = |tag: Option<BlockNumberOrTag>| match tag {
        Some(BlockNumberOrTag::Number(number)) => Ok(number),
        tag => Ok::<_, Refusal>(node.block(tag.unwrap_or_default().into())?.height().0),
    };
    let (from, to) = (number(from)?, number(to)?);
    if from > to {
        return Err(Refusal::invalid(format!(
            "invalid block range: from {from} is after to {to}"
        )));
    }
    let to = to.min(chain.head().height().0);
    let limits = &node.context.limits;
    let span = (to + 1).saturating_sub(from);
    if span > limits.log_blocks {
        let limit = limits.log_blocks;
        return Err(Refusal::limit(format!(
            "a range of {span} blocks is over the limit of {limit}; ask for blocks {from} to {} and go on from there",
            from + limit - 1,
        )));
    }
    let (started, mut found) = (Instant::now(), Vec::new());
    for height in (from..=to).map(Height) {
        if let Some(bloom) = node.blooms.known(chain, height)?
            && !filter.matches_bloom(bloom)
        {
            continue;
        }
        found.extend(pick(node, filter, &*chain.block(height)?));
        let narrower = || {
            format!(
                "ask for blocks {from} to {} and go on from there",
                height.0.max(from + 1) - 1
            )
        };
        if found.len() > limits.logs {
            let limit = limits.logs;
            return Err(Refusal::limit(format!(
                "query returned more than {limit} results; {}",
                narrower()
            )));
        }
        if started.elapsed() > limits.log_time {
            let limit = limits.log_time.as_secs();
            return Err(Refusal::limit(format!(
                "the search took longer than {limit} seconds; {}",
                narrower()
            )));
        }
    }
    Ok(found)
}
