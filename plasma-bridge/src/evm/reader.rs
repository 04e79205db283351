//! Reading blocks and logs, within whatever limits the node has.

use std::collections::BTreeSet;

use alloy::rpc::types::{Filter, Log};
use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use plasma_core::{B256, ChainId, RootBlock, SettlementError};
use tracing::debug;

use super::decode::{Located, decode, filters};
use crate::{
    contracts::Contracts,
    root::{Header, LogQuery, RootClient},
};

/// Requests under way at once.
const CONCURRENT: usize = 8;
/// More logs than this in one answer are asked for in smaller pieces.
const MAX_LOGS: usize = 20_000;

/// Blocks in order, the last one always among them, and the events in them.
pub(super) type Read = (Vec<RootBlock>, Vec<Located>);

/// Reads one chain's events.
pub(super) struct Reader {
    root: RootClient,
    contracts: Contracts,
    chain_id: ChainId,
    /// Blocks to ask for at once.
    range: u64,
}

impl Reader {
    pub(super) fn new(root: RootClient, contracts: Contracts, chain_id: ChainId) -> Self {
        let range = root.config().log_range.max(1);
        Self {
            root,
            contracts,
            chain_id,
            range,
        }
    }

    /// A few blocks near the head, each by its hash, so that logs cannot be of another block.
    pub(super) async fn blocks(
        &self,
        before: Option<RootBlock>,
        next: u64,
        head: RootBlock,
    ) -> Result<Read, SettlementError> {
        let headers = self.headers(next..=head.number).await?;
        let mut before = before.map(|block| block.hash);
        for header in &headers {
            if before.is_some_and(|before| before != header.parent_hash) {
                return Err(moved(header.block().number));
            }
            before = Some(header.block().hash);
        }
        if before != Some(head.hash) {
            return Err(moved(head.number));
        }
        let blocks: Vec<RootBlock> = headers.iter().map(Header::block).collect();
        let asked: Vec<_> = blocks
            .iter()
            .map(|block| self.logs_of(block.hash))
            .collect();
        let logs: Vec<_> = stream::iter(asked)
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        let located = decode(&self.contracts, self.chain_id, logs.concat())?;
        for event in &located {
            in_blocks(event, &blocks)?;
        }
        Ok((blocks, located))
    }

    async fn logs_of(&self, hash: B256) -> Result<Vec<Log>, SettlementError> {
        let [first, second] =
            filters(&self.contracts, self.chain_id).map(|filter| filter.at_block_hash(hash));
        let (first, second) = try_join!(self.root.logs(&first), self.root.logs(&second))?;
        match (first, second) {
            (LogQuery::Logs(first), LogQuery::Logs(second)) => Ok([first, second].concat()),
            (LogQuery::TooWide(error), _) | (_, LogQuery::TooWide(error)) => Err(error),
        }
    }

    /// Many blocks at once, far below the head. `None`: the node wants less at a time.
    pub(super) async fn range(
        &mut self,
        next: u64,
        limit: u64,
    ) -> Result<Option<Read>, SettlementError> {
        let end = (next + self.range - 1).min(limit);
        let last = self.header(end).await?;
        let Some(logs) = self.logs_between(next, end).await? else {
            return Ok(None);
        };
        let located = decode(&self.contracts, self.chain_id, logs)?;
        let numbers: BTreeSet<u64> = located
            .iter()
            .map(|event| event.block)
            .chain([end])
            .collect();
        if numbers.first().is_some_and(|first| *first < next) || numbers.last() != Some(&end) {
            return Err(SettlementError::Contract(format!(
                "the node gave logs outside of blocks {next} to {end}, which were asked for"
            )));
        }
        let headers = self.headers(numbers).await?;
        let blocks: Vec<RootBlock> = headers.iter().map(Header::block).collect();
        // Read again after the logs: had the root moved in between, they could be of two chains.
        if blocks.last().map(|block| block.hash) != Some(last.block().hash) {
            return Err(moved(end));
        }
        for event in &located {
            in_blocks(event, &blocks)?;
        }
        Ok(Some((blocks, located)))
    }

    async fn logs_between(
        &mut self,
        first: u64,
        last: u64,
    ) -> Result<Option<Vec<Log>>, SettlementError> {
        let [one, two] = filters(&self.contracts, self.chain_id)
            .map(|filter: Filter| filter.from_block(first).to_block(last));
        let (one, two) = try_join!(self.root.logs(&one), self.root.logs(&two))?;
        let limit = self.root.config().log_range.max(1);
        match (one, two) {
            (LogQuery::Logs(one), LogQuery::Logs(two))
                if first == last || one.len() + two.len() <= MAX_LOGS =>
            {
                // What a node refuses once it may allow later.
                self.range = (self.range + self.range / 8 + 1).min(limit);
                Ok(Some([one, two].concat()))
            }
            (LogQuery::TooWide(error), _) | (_, LogQuery::TooWide(error)) if first == last => {
                Err(error)
            }
            _ => {
                let asked = last - first + 1;
                self.range = (asked / 2).max(1);
                debug!(
                    asked,
                    next = self.range,
                    "the root node limits eth_getLogs; asking for less"
                );
                Ok(None)
            }
        }
    }

    pub(super) async fn headers(
        &self,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<Header>, SettlementError> {
        let asked: Vec<_> = numbers
            .into_iter()
            .map(|number| self.header(number))
            .collect();
        stream::iter(asked).buffered(CONCURRENT).try_collect().await
    }

    async fn header(&self, number: u64) -> Result<Header, SettlementError> {
        self.root
            .header_at(number)
            .await?
            .ok_or_else(|| moved(number))
    }
}

fn in_blocks(event: &Located, blocks: &[RootBlock]) -> Result<(), SettlementError> {
    match blocks.iter().find(|block| block.number == event.block) {
        Some(block) if block.hash == event.block_hash => Ok(()),
        _ => Err(moved(event.block)),
    }
}

/// The root moved on between two questions. Asking again shows where to.
pub(super) fn moved(block: u64) -> SettlementError {
    SettlementError::Unavailable(format!("block {block} changed while it was read"))
}
