//! Finding a committee's seats: the root keeps their hash, and an event has them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use alloy::{rpc::types::Filter, sol_types::SolEvent as _};
use plasma_core::{Address, B256, Committee, Epoch, MAX_SEATS, Seat, SettlementError};

use crate::{
    contracts::abi,
    root::{LogQuery, RootClient},
};

/// Committees that are remembered: those of certificates that still count, and some.
const REMEMBERED: usize = 16;

/// Committees that were found, with the block of their election.
#[derive(Debug, Default)]
pub(super) struct Committees(Mutex<BTreeMap<Epoch, (Committee, u64)>>);

impl Committees {
    /// The seats of an epoch, which hash to what the registry holds, and the block of their election. Read backwards from the election after it, or from
    /// the head: recent ones are near.
    pub(super) async fn find(
        &self,
        root: &RootClient,
        registry: Address,
        epoch: Epoch,
        hash: B256,
    ) -> Result<(Committee, u64), SettlementError> {
        let (known, later) = self.known(epoch);
        // A reorganisation of the root can hold the same election again, with other seats.
        if let Some(committee) = known.filter(|(known, _)| known.hash() == hash) {
            return Ok(committee);
        }
        let head = root.head().await?.number;
        let mut last = later.unwrap_or(head).min(head);
        let mut range = root.config().log_range.max(1);
        loop {
            let first = (last + 1).saturating_sub(range);
            let filter = Filter::new()
                .address(registry)
                .event_signature(abi::SequencerRegistry::Elected::SIGNATURE_HASH)
                .topic1(B256::left_padding_from(&epoch.0.to_be_bytes()))
                .topic2(hash)
                .from_block(first)
                .to_block(last);
            match root.logs(&filter).await? {
                LogQuery::TooWide(error) if range == 1 => return Err(error),
                LogQuery::TooWide(_) => {
                    range = (range / 2).max(1);
                    continue;
                }
                LogQuery::Logs(logs) => {
                    let found = logs.iter().filter(|log| log.address() == registry);
                    let found = found.filter_map(|log| {
                        let event = abi::SequencerRegistry::Elected::decode_log(&log.inner).ok()?;
                        let committee = committee_of(epoch, &event.seats)?;
                        (committee.hash() == hash).then_some((committee, log.block_number))
                    });
                    if let Some((committee, block)) = found.last() {
                        let block = block.unwrap_or(last);
                        self.remember(&committee, block);
                        return Ok((committee, block));
                    }
                }
            }
            match first.checked_sub(1) {
                Some(before) => last = before,
                None => break,
            }
        }
        Err(SettlementError::Contract(format!(
            "the root's node gives no event with the seats of epoch {epoch}, whose hash is {hash}; ask a node that keeps \
             logs so far back, or check the registry's address {registry}"
        )))
    }

    /// The committee if it is remembered, and the block of an election after it.
    fn known(&self, epoch: Epoch) -> (Option<(Committee, u64)>, Option<u64>) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let later = known.range(Epoch(epoch.0.saturating_add(1))..).next();
        (
            known.get(&epoch).cloned(),
            later.map(|(_, (_, block))| *block),
        )
    }

    fn remember(&self, committee: &Committee, block: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(committee.epoch, (committee.clone(), block));
        while known.len() > REMEMBERED {
            known.pop_first();
        }
    }
}

/// Core's form of seats; `None` for more than a certificate can count.
fn committee_of(epoch: Epoch, seats: &[abi::Seat]) -> Option<Committee> {
    (seats.len() <= MAX_SEATS).then(|| Committee {
        epoch,
        seats: seats
            .iter()
            .map(|seat| Seat {
                key: seat.key,
                weight: seat.weight,
            })
            .collect(),
    })
}
