//! Filters, for those who poll.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy::rpc::types::Filter;
use alloy_primitives::U128;
use plasma_core::Timestamp;
use serde_json::{Value, json};

use super::logs::{check, pick, search};
use crate::rpc::{
    arguments::Arguments,
    error::{Outcome, Refusal},
    follow::{Follower, Move},
    methods::Methods,
    node::Node,
    objects::hash_value,
};

/// A filter that nobody asked for this long is gone, in milliseconds.
const IDLE_MS: u64 = 5 * 60 * 1_000;
/// Blocks that one poll looks at; the next goes on from there.
const BLOCKS_A_POLL: usize = 10_000;

pub(super) fn register(methods: &mut Methods) {
    methods.read("eth_newFilter", 1, |node, arguments| {
        let filter: Filter = arguments.required(0, "filter")?;
        check(&filter)?;
        node.filters.add(
            node,
            Kind::Logs(Box::new(filter), Follower::from_head(&node.context.chain)),
        )
    });
    methods.read("eth_newBlockFilter", 0, |node, _| {
        node.filters
            .add(node, Kind::Blocks(Follower::from_head(&node.context.chain)))
    });
    methods.read("eth_newPendingTransactionFilter", 0, |node, _| {
        node.filters
            .add(node, Kind::Pending(node.submitted.count()))
    });
    methods.read("eth_uninstallFilter", 1, |node, arguments| {
        let id = arguments.required(0, "filter id")?;
        Ok(node.filters.lock().remove(&id).is_some())
    });
    methods.work("eth_getFilterChanges", 1, changes);
    methods.work("eth_getFilterLogs", 1, logs);
}

/// The filters of all callers.
#[derive(Debug)]
pub(in crate::rpc) struct Filters {
    installed: Mutex<BTreeMap<U128, Installed>>,
    limit: usize,
}

#[derive(Debug)]
struct Installed {
    kind: Kind,
    asked: Timestamp,
}

#[derive(Debug)]
enum Kind {
    Logs(Box<Filter>, Follower),
    Blocks(Follower),
    /// How many submitted transactions were there at the last poll.
    Pending(u64),
}

impl Filters {
    pub(in crate::rpc) fn new(limit: usize) -> Self {
        Self {
            installed: Mutex::default(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<U128, Installed>> {
        self.installed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, node: &Node, kind: Kind) -> Outcome<U128> {
        let now = node.context.env.now();
        let mut installed = self.lock();
        installed.retain(|_, filter| now.0.saturating_sub(filter.asked.0) < IDLE_MS);
        if installed.len() >= self.limit {
            let limit = self.limit;
            return Err(Refusal::limit(format!(
                "{limit} filters are installed, the most there may be; subscribe"
            )));
        }
        // Unguessable, so that nobody empties another's filter.
        let mut random = [0; 16];
        node.context.env.random(&mut random);
        let id = U128::from_be_bytes(random);
        installed.insert(id, Installed { kind, asked: now });
        Ok(id)
    }

    /// Takes a filter out while it is read, so that reading holds up nobody else's.
    fn take(&self, id: U128) -> Outcome<Installed> {
        let missing = || {
            Refusal::refused("filter not found: it was never made, or nobody asked for 5 minutes")
        };
        self.lock().remove(&id).ok_or_else(missing)
    }
}

fn changes(node: &Node, arguments: &Arguments) -> Outcome<Value> {
    let id: U128 = arguments.required(0, "filter id")?;
    let mut filter = node.filters.take(id)?;
    let changes = news(node, &mut filter.kind);
    filter.asked = node.context.env.now();
    node.filters.lock().insert(id, filter);
    changes
}

fn news(node: &Node, kind: &mut Kind) -> Outcome<Value> {
    let chain = &node.context.chain;
    match kind {
        Kind::Pending(count) => {
            let (hashes, now) = node.submitted.since(*count);
            *count = now;
            Ok(json!(hashes))
        }
        Kind::Blocks(follower) => {
            let mut hashes = Vec::new();
            for _ in 0..BLOCKS_A_POLL {
                match follower.step(chain)? {
                    Some(Move::Added(block)) => hashes.push(hash_value(block.hash)),
                    Some(Move::Undone(_)) => {}
                    None => break,
                }
            }
            Ok(Value::Array(hashes))
        }
        Kind::Logs(filter, follower) => {
            let mut found = Vec::new();
            for _ in 0..BLOCKS_A_POLL {
                match follower.step(chain)? {
                    Some(Move::Added(block)) => found.extend(pick(node, filter, &block)),
                    Some(Move::Undone(block)) => {
                        found.extend(pick(node, filter, &block).into_iter().map(|mut log| {
                            log.removed = true;
                            log
                        }));
                    }
                    None => break,
                }
                if found.len() >= node.context.limits.logs {
                    break;
                }
            }
            Ok(json!(found))
        }
    }
}

fn logs(node: &Node, arguments: &Arguments) -> Outcome<Value> {
    let id: U128 = arguments.required(0, "filter id")?;
    let criteria = match node.filters.lock().get(&id) {
        Some(Installed {
            kind: Kind::Logs(filter, _),
            ..
        }) => (**filter).clone(),
        Some(_) => {
            return Err(Refusal::invalid(
                "this filter is not one of logs; use eth_getFilterChanges",
            ));
        }
        None => return Err(Refusal::refused("filter not found")),
    };
    Ok(json!(search(node, &criteria)?))
}
