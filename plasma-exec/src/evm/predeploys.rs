//! The contracts that every EVM chain has from its genesis, and how the node speaks with them.

use alloc::{format, string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256, address, bytes};
use alloy_sol_types::{SolCall, SolEvent, sol};
use plasma_core::{ChainId, InboxMessage, Log, OutgoingMessage};

pub(super) use crate::ethereum::bridge::*;

/// Who calls when the node itself does (as in EIP-2935 and EIP-4788).
pub(super) const SYSTEM: Address = address!("0xfffffffffffffffffffffffffffffffffffffffe");
/// The last 8,191 blocks' hashes (EIP-2935).
pub(super) const HISTORY: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");
const HISTORY_CODE: Bytes = bytes!(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
);
/// The factory with which tools put a contract at the same address on every chain (CREATE2).
pub(super) const FACTORY: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
const FACTORY_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);
/// The compiled `L2Bridge` of the contracts' sources.
const L2_BRIDGE_ARTIFACT: &str = include_str!("predeploys/L2Bridge.json");

sol! {
    function deposit(address asset, address sender, address to, uint256 amount, bytes data);
}

/// The slot of [`HISTORY`] that holds the hash of block `number`.
pub(super) fn history_slot(number: u64) -> U256 {
    U256::from(number % 8_191)
}

/// Address and code of each predeploy.
pub(super) fn predeploys() -> Result<[(Address, Bytes); 3], String> {
    Ok([
        (L2_BRIDGE, l2_bridge_code()?),
        (HISTORY, HISTORY_CODE),
        (FACTORY, FACTORY_CODE),
    ])
}

fn l2_bridge_code() -> Result<Bytes, String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Artifact {
        deployed_bytecode: Bytes,
    }
    serde_json::from_str::<Artifact>(L2_BRIDGE_ARTIFACT)
        .map(|artifact| artifact.deployed_bytecode)
        .map_err(|error| format!("the artifact of L2Bridge is damaged: {error}"))
}

/// The call that credits a deposit of a root token.
pub(super) fn deposit_call(message: &InboxMessage) -> Bytes {
    let InboxMessage {
        asset,
        sender,
        to,
        amount,
        data,
        ..
    } = message.clone();
    depositCall {
        asset,
        sender,
        to,
        amount,
        data,
    }
    .abi_encode()
    .into()
}

/// The message that a log is, if it is one.
pub(super) fn outgoing(log: &Log) -> Option<OutgoingMessage> {
    let first: Option<&B256> = log.topics.first();
    if log.address != L2_BRIDGE || first != Some(&MessageSent::SIGNATURE_HASH) {
        return None;
    }
    let event = MessageSent::decode_raw_log(log.topics.iter().copied(), &log.data).ok()?;
    Some(OutgoingMessage {
        destination: ChainId(event.destination),
        sender: event.sender,
        recipient: event.recipient,
        asset: event.asset,
        amount: event.amount,
        gas: event.gas,
        expiry: event.expiry,
        refund: event.refund,
        bundle: event.bundle,
        payload: event.payload,
    })
}

/// The messages among logs.
pub(super) fn messages(logs: &[Log]) -> Vec<OutgoingMessage> {
    logs.iter().filter_map(outgoing).collect()
}
