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
    function minter() external view returns (address);
    function registry() external view returns (address);
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
    let contracts = contracts_at(&client, registry).await?;
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
        sequencers: Vec::new(),
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

/// The network of sequencers on a root: the one that may mint its XPL. The contracts are looked for where they are not known.
pub(super) async fn network(
    client: &RootClient,
    url: &str,
    known: Option<Contracts>,
) -> Result<(Contracts, Address), Failure> {
    let contracts = match known {
        Some(contracts) => contracts,
        None => {
            let filter = Filter::new()
                .event_signature(Registered::SIGNATURE_HASH)
                .from_block(0);
            let logs = client.provider().get_logs(&filter).await?;
            let registry = logs
                .iter()
                .find(|log| Registered::decode_log(&log.inner).is_ok())
                .map(|log| log.address());
            let registry = registry.ok_or_else(|| {
                format!("the root at {url} has no chain registered that would lead to a network; give --registry ADDRESS")
            })?;
            contracts_at(client, registry).await?
        }
    };
    let minter = ask(client, contracts.xpl, &minterCall {}).await?;
    if minter.is_zero() {
        let xpl = contracts.xpl;
        return Err(format!(
            "the root at {url} has no network of sequencers: nobody may mint its XPL ({xpl}); give --registry ADDRESS if \
             there is one all the same"
        )
        .into());
    }
    Ok((contracts, minter))
}

/// The contracts that a network of sequencers belongs to.
pub(super) async fn contracts_of(
    client: &RootClient,
    network: Address,
) -> Result<Contracts, Failure> {
    let failed = |error| format!("no network of sequencers at {network}: {error}");
    let inbox = ask(client, network, &inboxCall {}).await.map_err(failed)?;
    let registry = ask(client, inbox, &registryCall {}).await.map_err(failed)?;
    contracts_at(client, registry).await
}

/// The contracts around a registry of chains.
async fn contracts_at(client: &RootClient, registry: Address) -> Result<Contracts, Failure> {
    let inbox = ask(client, registry, &inboxCall {}).await?;
    let bridge = ask(client, inbox, &bridgeCall {}).await?;
    Ok(Contracts {
        chain_registry: registry,
        inbox,
        bridge,
        tournament: ask(client, bridge, &tournamentCall {}).await?,
        xpl: ask(client, bridge, &xplCall {}).await?,
        network: None,
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
