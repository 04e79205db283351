//! JSON-RPC for wallets and tools: `eth_` as Ethereum nodes speak it, `plasma_` for what is ours,
//! `da_` for bytes.
//!
//! ```text
//!   serve ── HTTP and WebSocket on one port ──┐
//!                                             ├── module ── eth, plasma, da ── Node (chain, sequencer, caches)
//!   InProcess ── alloy's transport ───────────┘
//! ```
//! The tags are stages of finality: `latest` is sequenced, `safe` is published, `finalized` is
//! settled. Everything that a caller can make long is bounded by [`RpcLimits`].

mod arguments;
mod at;
mod context;
mod cors;
mod error;
mod eth;
mod find;
mod follow;
mod in_process;
mod methods;
mod node;
mod objects;
mod plasma;
mod server;

pub use context::{RpcContext, RpcLimits};
pub use error::RpcError;
pub use in_process::InProcess;
pub use server::serve;

pub use jsonrpsee::{RpcModule, server::ServerHandle};

use methods::Methods;
use node::Node;

/// All methods over this context, for [`serve`], for [`InProcess`], and for more to be merged into.
pub fn module(context: RpcContext) -> RpcModule<()> {
    let mut methods = Methods::new(Node::new(context));
    eth::register(&mut methods);
    plasma::register(&mut methods);
    methods.into_module()
}
