//! One block of the root behind a connection.

use std::sync::{Mutex, PoisonError};

use alloy::{
    network::TransactionBuilder as _,
    rpc::types::{BlockId, Filter, Log, TransactionRequest},
};
use async_trait::async_trait;
use plasma_core::{Address, B256, Bytes, RootBlock, Seconds, SettlementError};

use super::reader::moved;
use crate::{
    root::{LogQuery, RootClient},
    tournament::{Event, RootReader},
};

/// More events than this about one round are not read: each is of a claim or a match, and has cost somebody a bond.
const MAX_EVENTS: usize = 1_000_000;

/// The first block of a second, found once.
#[derive(Debug, Default)]
pub(super) struct FirstBlock(Mutex<Option<(Seconds, u64)>>);

impl FirstBlock {
    /// The number of the first block that is not older than `since`, among those up to `head`. Looked up again when
    /// it is no longer that.
    async fn find(
        &self,
        root: &RootClient,
        since: Seconds,
        head: RootBlock,
    ) -> Result<u64, SettlementError> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((second, number)) = known
            && second == since
            && number <= head.number
            && time_of(root, number).await? >= since
            && (number == 0 || time_of(root, number - 1).await? < since)
        {
            return Ok(number);
        }
        let number = first_since(root, since, head.number).await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((since, number));
        Ok(number)
    }
}

/// The first block that is not older than `since`, found by bisection over times: no state of the past and no logs are
/// needed.
pub(super) async fn first_since(
    root: &RootClient,
    since: Seconds,
    head: u64,
) -> Result<u64, SettlementError> {
    let (mut low, mut high) = (0, head);
    while low < high {
        let middle = low + (high - low) / 2;
        if time_of(root, middle).await? < since {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

async fn time_of(root: &RootClient, number: u64) -> Result<Seconds, SettlementError> {
    let header = root.header_at(number).await?;
    header
        .map(|header| header.block().timestamp)
        .ok_or_else(|| {
            SettlementError::Unavailable(format!("it has no block {number}; is it still syncing?"))
        })
}

/// A block, and the node that is asked about it.
pub(super) struct BlockReader<'a> {
    pub(super) root: &'a RootClient,
    pub(super) at: RootBlock,
    pub(super) first: &'a FirstBlock,
}

#[async_trait]
impl RootReader for BlockReader<'_> {
    fn at(&self) -> RootBlock {
        self.at
    }

    async fn view(&self, to: Address, data: Bytes) -> Result<Bytes, SettlementError> {
        let request = TransactionRequest::default().with_to(to).with_input(data);
        let answer = self
            .root
            .simulate(request, BlockId::hash(self.at.hash))
            .await?;
        answer.map_err(SettlementError::from)
    }

    async fn events(
        &self,
        contract: Address,
        kinds: &[B256],
        subjects: &[B256],
        since: Seconds,
    ) -> Result<Vec<Event>, SettlementError> {
        let filter = Filter::new()
            .address(contract)
            .event_signature(kinds.to_vec())
            .topic1(subjects.to_vec());
        let mut next = self.first.find(self.root, since, self.at).await?;
        let mut width = self.root.config().log_range.max(1);
        let mut logs: Vec<Log> = Vec::new();
        while next <= self.at.number {
            let end = next.saturating_add(width - 1).min(self.at.number);
            let asked = filter.clone().from_block(next).to_block(end);
            match self.root.logs(&asked).await? {
                LogQuery::Logs(more) => {
                    logs.extend(more);
                    next = end + 1;
                }
                LogQuery::TooWide(error) if width == 1 => return Err(error),
                LogQuery::TooWide(_) => width = width.div_ceil(2),
            }
            if logs.len() > MAX_EVENTS {
                return Err(SettlementError::Contract(format!(
                    "the node gave {} events about one round, more than {MAX_EVENTS}; check the node",
                    logs.len()
                )));
            }
        }
        // Ranges are of whatever chain the node is on: it must still be the one that is read.
        let still = self.root.header_at(self.at.number).await?;
        if still.map(|header| header.block().hash) != Some(self.at.hash) {
            return Err(moved(self.at.number));
        }
        logs.sort_unstable_by_key(|log| (log.block_number, log.log_index));
        Ok(logs.into_iter().map(|log| log.inner.data).collect())
    }
}
