//! From logs to events.

use alloy::{
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};
use plasma_core::{
    B256, BatchHeader, Bytes, ChainId, Checkpoint, EntryKind, InboxMessage, RootEvent, Seconds,
    SettlementError,
};

use crate::contracts::{Contracts, abi};

/// An event, with what the contract says of its hash chains, still to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A message, and the accumulator after it.
    Message {
        message: InboxMessage,
        accumulator: B256,
    },
    /// An entry, and the chain's hash after it.
    Entry {
        index: u64,
        kind: EntryKind,
        messages: u64,
        timestamp: Seconds,
        hash: B256,
        /// What the root carries of it.
        bytes: Option<Bytes>,
    },
    /// What has no chain.
    Plain(RootEvent),
}

/// An event in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) block: u64,
    pub(super) block_hash: B256,
    pub(super) index: u64,
    pub(super) found: Found,
}

/// The filters that together find all of a chain's events. Two, because `Withdrawn` names the chain
/// in its second place.
pub(super) fn filters(contracts: &Contracts, chain_id: ChainId) -> [Filter; 2] {
    let chain = Contracts::topic(chain_id);
    let named_first = [
        abi::Inbox::MessageEnqueued::SIGNATURE_HASH,
        abi::Inbox::BatchAppended::SIGNATURE_HASH,
        abi::Inbox::OpenBatchAppended::SIGNATURE_HASH,
        abi::Inbox::ForceAppended::SIGNATURE_HASH,
        abi::Tournament::Joined::SIGNATURE_HASH,
        abi::Tournament::Contested::SIGNATURE_HASH,
        abi::Tournament::Settled::SIGNATURE_HASH,
        abi::Tournament::Restarted::SIGNATURE_HASH,
    ];
    [
        Filter::new()
            .address(vec![contracts.inbox, contracts.tournament])
            .event_signature(named_first.to_vec())
            .topic1(chain),
        Filter::new()
            .address(contracts.bridge)
            .event_signature(abi::Bridge::Withdrawn::SIGNATURE_HASH)
            .topic2(chain),
    ]
}

/// Reads logs that the filters found, and puts them in order. A log that the filters cannot have
/// found, or that does not decode, is the node's fault or a newer contract's: an error that names
/// it.
pub(super) fn decode(
    contracts: &Contracts,
    chain_id: ChainId,
    mut logs: Vec<Log>,
) -> Result<Vec<Located>, SettlementError> {
    logs.sort_unstable_by_key(|log| (log.block_number, log.log_index));
    // `Contested` follows the `Joined` that caused it, which says how many entries it is about.
    let mut contested_entries = 0;
    logs.iter()
        .map(|log| {
            let place = (log.block_number, log.block_hash, log.log_index);
            let (Some(block), Some(block_hash), Some(index), false) =
                (place.0, place.1, place.2, log.removed)
            else {
                return Err(wrong(log, "it is in no block"));
            };
            let found = decode_one(contracts, chain_id, log, &mut contested_entries)?;
            Ok(Located {
                block,
                block_hash,
                index,
                found,
            })
        })
        .collect()
}

fn decode_one(
    contracts: &Contracts,
    chain_id: ChainId,
    log: &Log,
    contested_entries: &mut u64,
) -> Result<Found, SettlementError> {
    let event = log.topic0().copied().unwrap_or_default();
    let (found, chain) = if log.address() == contracts.inbox {
        inbox_event(event, log)?
    } else if log.address() == contracts.tournament {
        tournament_event(event, log, contested_entries)?
    } else if log.address() == contracts.bridge && event == abi::Bridge::Withdrawn::SIGNATURE_HASH {
        let event: abi::Bridge::Withdrawn = read(log)?;
        (
            Found::Plain(RootEvent::Withdrawn { id: event.id }),
            event.chainId,
        )
    } else {
        return Err(wrong(log, "nobody asked for it"));
    };
    if chain == chain_id.0 {
        Ok(found)
    } else {
        Err(wrong(log, "it is another chain's"))
    }
}

fn inbox_event(event: B256, log: &Log) -> Result<(Found, u64), SettlementError> {
    match event {
        abi::Inbox::MessageEnqueued::SIGNATURE_HASH => {
            let event: abi::Inbox::MessageEnqueued = read(log)?;
            let message = InboxMessage::try_from(event.message)?;
            if message.index != event.index {
                return Err(wrong(log, "its two indexes differ"));
            }
            Ok((
                Found::Message {
                    message,
                    accumulator: event.acc,
                },
                event.chainId,
            ))
        }
        abi::Inbox::BatchAppended::SIGNATURE_HASH => {
            let event: abi::Inbox::BatchAppended = read(log)?;
            let batch = batch(log, &event.header, event.batchHash, event.entry)?;
            let place = (event.entryHash, Seconds(event.timestamp));
            Ok((batch_entry(batch, place, None), event.chainId))
        }
        abi::Inbox::OpenBatchAppended::SIGNATURE_HASH => {
            let event: abi::Inbox::OpenBatchAppended = read(log)?;
            let batch = batch(log, &event.header, event.batchHash, event.entry)?;
            if !batch.commitment.binds(&event.data) {
                return Err(wrong(log, "its bytes are not those of its batch"));
            }
            let place = (event.entryHash, Seconds(event.timestamp));
            Ok((batch_entry(batch, place, Some(event.data)), event.chainId))
        }
        abi::Inbox::ForceAppended::SIGNATURE_HASH => {
            let event: abi::Inbox::ForceAppended = read(log)?;
            let (index, messages, hash) = (event.entry, event.messages, event.entryHash);
            let timestamp = Seconds(event.timestamp);
            let kind = EntryKind::Force;
            Ok((
                Found::Entry {
                    index,
                    kind,
                    messages,
                    timestamp,
                    hash,
                    bytes: None,
                },
                event.chainId,
            ))
        }
        _ => Err(wrong(log, "nobody asked for it")),
    }
}

/// The batch that an event is about.
fn batch(
    log: &Log,
    header: &abi::BatchHeader,
    hash: B256,
    entry: u64,
) -> Result<BatchHeader, SettlementError> {
    let batch = BatchHeader::try_from(header)?;
    if batch.hash() == hash && batch.entry == entry {
        Ok(batch)
    } else {
        Err(wrong(log, "its batch has another hash or entry"))
    }
}

fn batch_entry(
    batch: BatchHeader,
    (hash, timestamp): (B256, Seconds),
    bytes: Option<Bytes>,
) -> Found {
    Found::Entry {
        index: batch.entry,
        messages: batch.messages,
        kind: EntryKind::Batch(batch),
        timestamp,
        hash,
        bytes,
    }
}

fn tournament_event(
    event: B256,
    log: &Log,
    contested_entries: &mut u64,
) -> Result<(Found, u64), SettlementError> {
    match event {
        abi::Tournament::Joined::SIGNATURE_HASH => {
            let event: abi::Tournament::Joined = read(log)?;
            *contested_entries = event.entries;
            let claimed = RootEvent::Claimed {
                claimant: event.claimant,
                entries: event.entries,
                commitment: event.commitment,
                checkpoint: Checkpoint::from(&event.finalState).hash(),
            };
            Ok((Found::Plain(claimed), event.chainId))
        }
        abi::Tournament::Contested::SIGNATURE_HASH => {
            let event: abi::Tournament::Contested = read(log)?;
            let contested = RootEvent::Contested {
                entries: *contested_entries,
            };
            Ok((Found::Plain(contested), event.chainId))
        }
        abi::Tournament::Restarted::SIGNATURE_HASH => {
            let event: abi::Tournament::Restarted = read(log)?;
            let restarted = RootEvent::Restarted {
                round: event.number,
            };
            Ok((Found::Plain(restarted), event.chainId))
        }
        abi::Tournament::Settled::SIGNATURE_HASH => {
            let event: abi::Tournament::Settled = read(log)?;
            let checkpoint = Checkpoint::from(&event.checkpoint);
            if checkpoint.hash() != event.checkpointHash {
                return Err(wrong(log, "its checkpoint has another hash"));
            }
            Ok((Found::Plain(RootEvent::Settled(checkpoint)), event.chainId))
        }
        _ => Err(wrong(log, "nobody asked for it")),
    }
}

fn read<E: SolEvent>(log: &Log) -> Result<E, SettlementError> {
    E::decode_log_data_validate(log.data())
        .map_err(|error| wrong(log, &format!("it is no {}: {error}", E::SIGNATURE)))
}

fn wrong(log: &Log, what: &str) -> SettlementError {
    SettlementError::Contract(format!(
        "the node gave log {} of block {} from {}, but {what}; check the contracts' addresses \
         and the node",
        log.log_index.unwrap_or_default(),
        log.block_number.unwrap_or_default(),
        log.address(),
    ))
}
