//! The methods that Ethereum's wallets and tools call.

mod blocks;
mod calls;
mod fees;
mod filters;
mod logs;
mod proof;
mod state;
mod submit;
mod subscriptions;
mod transactions;

pub(super) use filters::Filters;
pub(super) use submit::{Submitted, send};

use alloy_primitives::U64;
use plasma_core::{Bytes, keccak256};
use serde_json::{Value, json};

use super::methods::Methods;

pub(super) fn register(methods: &mut Methods) {
    methods.quick("eth_chainId", 0, |node, _| {
        Ok(U64::from(node.context.chain.genesis().chain_id.0))
    });
    methods.quick("net_version", 0, |node, _| {
        Ok(node.context.chain.genesis().chain_id.to_string())
    });
    methods.quick("net_listening", 0, |_, _| Ok(true));
    methods.quick("net_peerCount", 0, |_, _| Ok(U64::ZERO));
    methods.quick("web3_clientVersion", 0, |node, _| {
        Ok(node.context.client_version.clone())
    });
    methods.quick("web3_sha3", 1, |_, arguments| {
        Ok(keccak256(arguments.required::<Bytes>(0, "data")?))
    });
    methods.quick("eth_accounts", 0, |_, _| Ok(json!([])));
    // A node serves what it has executed, and what it has executed is whole.
    methods.quick("eth_syncing", 0, |_, _| Ok(Value::Bool(false)));
    blocks::register(methods);
    state::register(methods);
    calls::register(methods);
    fees::register(methods);
    transactions::register(methods);
    submit::register(methods);
    logs::register(methods);
    proof::register(methods);
    filters::register(methods);
    subscriptions::register(methods);
}
