//! What the methods answer from, and within which bounds.

use std::{sync::Arc, time::Duration};

use plasma_core::{DataAvailability, Env, Sequencer};

use crate::{Chain, node::Health};

/// Bounds on what callers may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcLimits {
    /// The longest request, in bytes. A transaction of the greatest length takes 256 KiB in hex.
    pub request_bytes: u32,
    /// The longest response, in bytes.
    pub response_bytes: u32,
    /// Connections at once.
    pub connections: u32,
    /// Subscriptions of one connection.
    pub subscriptions: u32,
    /// Requests in one batch.
    pub batch: u32,
    /// The most gas that one call or estimate may use.
    pub call_gas: u64,
    /// Blocks that one log query may span.
    pub log_blocks: u64,
    /// Logs that one query may return.
    pub logs: usize,
    /// How long one log query may search.
    pub log_time: Duration,
    /// Filters at once, over all callers.
    pub filters: usize,
    /// Calls, estimates, proofs and log queries that run at once; more wait.
    pub workers: usize,
    /// How long `eth_sendRawTransactionSync` waits when the caller does not say.
    pub sync_timeout: Duration,
    /// The longest that it may be told to wait.
    pub sync_timeout_max: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            request_bytes: 1024 * 1024,
            response_bytes: 64 * 1024 * 1024,
            connections: 1_024,
            subscriptions: 128,
            batch: 256,
            call_gas: 100_000_000,
            log_blocks: 100_000,
            logs: 20_000,
            log_time: Duration::from_secs(10),
            filters: 1_024,
            workers: std::thread::available_parallelism().map_or(2, usize::from) * 2,
            sync_timeout: Duration::from_secs(10),
            sync_timeout_max: Duration::from_mins(1),
        }
    }
}

/// What the methods answer from.
#[derive(Clone)]
pub struct RpcContext {
    /// The chain.
    pub chain: Arc<Chain>,
    /// The clock.
    pub env: Arc<dyn Env>,
    /// Where transactions go; `None` on a node that only follows.
    pub sequencer: Option<Arc<dyn Sequencer>>,
    /// The JSON-RPC of a node with a sequencer, to which a node without one hands transactions.
    pub forward: Option<String>,
    /// The availability layer, for `da_` methods.
    pub da: Option<Arc<dyn DataAvailability>>,
    /// The chain's name.
    pub name: String,
    /// The execution's name: `modules`, `evm`, `wasm`.
    pub execution: String,
    /// The root layer as `plasma_info` shows it: its RPC, chain id and contracts.
    pub root: Option<serde_json::Value>,
    /// What `web3_clientVersion` says.
    pub client_version: String,
    /// How the node's tasks are, for `plasma_health`.
    pub health: Option<Arc<Health>>,
    /// Bounds.
    pub limits: RpcLimits,
}

impl RpcContext {
    /// Over this chain, with nothing else; set the other fields as there is need.
    pub fn new(chain: Arc<Chain>, env: Arc<dyn Env>) -> Self {
        Self {
            chain,
            env,
            sequencer: None,
            forward: None,
            da: None,
            name: String::new(),
            execution: String::new(),
            root: None,
            client_version: concat!("plasma/v", env!("CARGO_PKG_VERSION")).to_owned(),
            health: None,
            limits: RpcLimits::default(),
        }
    }
}
