//! Finding a chain from its root alone: what is registered says where the rest is.

use std::sync::Arc;

use alloy::{
    network::TransactionBuilder as _,
    providers::Provider as _,
    rpc::types::{Filter, TransactionRequest},
    sol,
    sol_types::{SolCall, SolEvent as _},
};
use plasma_bridge::{Contracts, RootClient, RootConfig};
use plasma_core::{Address, TokioEnv};

use super::{Failure, bridge::Open};
use crate::devnet::{ChainReport, DevnetReport, RootReport};

sol! {
    struct Checkpoint {
        bytes32 stateRoot;
        bytes32 outboxRoot;
        uint64 height;
        bytes32 blockHash;
        uint64 timestamp;
        uint64 messages;
        uint64 entry;
        bytes32 stepsRoot;
        uint32 stepsCount;
        uint32 nextStep;
    }

    struct Registration {
        uint64 chainId;
        string name;
        string uri;
        bytes32 program;
        bytes32 genesisHash;
        Checkpoint genesis;
        bytes32 committee;
        uint64 challengeWindow;
        uint64 forcedDelay;
        uint64 exitWindow;
        uint64 silence;
        uint256 bond;
        address owner;
    }

    event Registered(uint64 indexed chainId, address indexed owner, Registration registration);

    function inbox() external view returns (address);
    function bridge() external view returns (address);
    function tournament() external view returns (address);
    function xpl() external view returns (address);
}

/// The chain of this name or id on a root; the first one registered where none is named.
pub(super) async fn chain(
    root: &str,
    name: Option<&str>,
    rpc: Option<&str>,
) -> Result<Open, Failure> {
    let client = RootClient::connect(root, Arc::new(TokioEnv), RootConfig::local()).await?;
    let filter = Filter::new()
        .event_signature(Registered::SIGNATURE_HASH)
        .from_block(0);
    let logs = client.provider().get_logs(&filter).await?;
    let mut found = logs.iter().filter_map(|log| {
        let event = Registered::decode_log(&log.inner).ok()?;
        let registration = event.data.registration;
        let named = match name {
            None => true,
            Some(name) => registration.name == name || registration.chainId.to_string() == name,
        };
        named.then_some((log.address(), registration))
    });
    let Some((registry, registration)) = found.next() else {
        return Err(match name {
            Some(name) => format!("the root at {root} has no chain `{name}` registered"),
            None => format!("the root at {root} has no chain registered; is it the right one?"),
        }
        .into());
    };
    let inbox = ask(&client, registry, &inboxCall {}).await?;
    let bridge = ask(&client, inbox, &bridgeCall {}).await?;
    let contracts = Contracts {
        chain_registry: registry,
        inbox,
        bridge,
        tournament: ask(&client, bridge, &tournamentCall {}).await?,
        xpl: ask(&client, bridge, &xplCall {}).await?,
    };
    let uri = rpc.map_or(registration.uri.clone(), str::to_owned);
    if uri.is_empty() {
        return Err(format!(
            "chain {} is registered without the address of a node; give --rpc URL",
            registration.name
        )
        .into());
    }
    let chain = ChainReport {
        name: registration.name,
        rpc: uri,
        chain_id: registration.chainId,
        execution: String::new(),
    };
    Ok(Open {
        report: DevnetReport {
            root: RootReport {
                rpc: root.to_owned(),
                chain_id: client.chain_id().await?,
                contracts,
            },
            chains: vec![chain.clone()],
            accounts: Vec::new(),
        },
        chain,
    })
}

async fn ask<C: SolCall<Return = Address>>(
    client: &RootClient,
    to: Address,
    call: &C,
) -> Result<Address, Failure> {
    let request = TransactionRequest::default()
        .with_to(to)
        .with_input(call.abi_encode());
    let answer = client.provider().call(request).await?;
    Ok(C::abi_decode_returns(&answer)?)
}
