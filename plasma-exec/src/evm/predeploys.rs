//! The contracts that every EVM chain has from its genesis, and how the node speaks with them.

use alloc::{format, string::String};

use alloy_primitives::{Address, Bytes, U256, address, bytes};
use alloy_sol_types::{SolCall, sol};
use plasma_core::InboxMessage;

pub(super) use crate::ethereum::bridge::*;

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
