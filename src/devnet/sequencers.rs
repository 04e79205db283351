//! The sequencers of a devnet: one for each chain, or one committee for all of them.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use plasma_bridge::{RootAccount, SequencerNetwork};
use plasma_core::{Address, U256};
use plasma_sequencer::{BftFault, Peer};

use super::{
    DevAccount, DevFault, DevnetConfig, SequencerFault, SequencerFaultKind, SequencerReport, coins,
    port,
};
use crate::{
    assembly::{Committees, LaunchError, Member, RootHandle, RunningChain},
    committee::Borders,
};

/// On a root in the same process news takes no time.
pub(crate) const BORDERS: Borders = Borders {
    notice: Duration::from_secs(3),
    lag: Duration::from_secs(2),
};

/// For how long a silent sequencer says nothing, and a parted network stays so.
const SILENCE_MS: u64 = 20_000;
const PARTITION_MS: u64 = 10_000;

/// XPL that each sequencer of a devnet has bonded, in wei.
pub(super) fn stake() -> U256 {
    coins(100_000)
}

/// The committee's accounts: an operator's and its key are one.
pub(super) fn members(config: &DevnetConfig) -> Vec<DevAccount> {
    if config.sequencers < 2 {
        return Vec::new();
    }
    (0..config.sequencers).map(DevAccount::member).collect()
}

/// Sockets for a chain's members to speak to each other, and who is where.
pub(super) fn sockets(
    config: &DevnetConfig,
    members: &[DevAccount],
) -> Result<(Vec<TcpListener>, Vec<Peer>), LaunchError> {
    let host: std::net::IpAddr = config.host.parse().map_err(|_| {
        LaunchError::Configuration(format!("--host `{}` is no address", config.host))
    })?;
    let (mut sockets, mut peers) = (Vec::new(), Vec::new());
    for member in members {
        let socket = Member::bind(SocketAddr::new(host, 0))?;
        let address = socket.local_addr().map_err(|error| {
            LaunchError::Configuration(format!("a socket without an address: {error}"))
        })?;
        sockets.push(socket);
        peers.push(Peer {
            key: member.address,
            address,
        });
    }
    Ok((sockets, peers))
}

/// The member `number` of a chain's committee, and the root as it speaks to it.
pub(super) fn member(
    config: &DevnetConfig,
    handle: &RootHandle,
    number: usize,
    members: &[DevAccount],
    peers: &[Peer],
) -> Result<(Member, RootHandle), LaunchError> {
    let key = || members[number].signer();
    let contracts = handle.contracts.network.ok_or_else(|| {
        LaunchError::Configuration(
            "the root has no registry of sequencers; use an empty --data directory".to_owned(),
        )
    })?;
    let account = RootAccount::new(handle.client.clone(), key());
    let network = SequencerNetwork::new(handle.client.clone(), contracts.registry)
        .with_account(account.clone());
    let plan = Member::new(key(), Committees::Elected(network, BORDERS))
        .peers(peers.iter().cloned())
        .block_time(config.block_time)
        .fault(fault(config.fault, number, members));
    let root = RootHandle {
        account: Some(account),
        ..handle.clone()
    };
    Ok((plan, root))
}

/// Who they will be and where, when each runs in a process of its own.
pub(super) fn planned(
    config: &DevnetConfig,
    k: u32,
    members: &[DevAccount],
) -> Result<Vec<SequencerReport>, LaunchError> {
    let (sockets, peers) = sockets(config, members)?;
    let mut planned = Vec::new();
    for (number, peer) in (0..).zip(&peers) {
        let port = match port(config, k, number) {
            // Free now; the process that takes it starts soon.
            0 => {
                let socket = Member::bind(SocketAddr::new(peer.address.ip(), 0))?;
                let address = socket.local_addr();
                address.map_or(0, |address| u32::from(address.port()))
            }
            port => port,
        };
        planned.push(SequencerReport {
            key: peer.key,
            rpc: format!("http://{}:{port}", config.host),
            peer: peer.address.to_string(),
        });
    }
    drop(sockets);
    Ok(planned)
}

/// Who they are, for `--config-out`.
pub(super) fn report(nodes: &[RunningChain], peers: &[Peer]) -> Vec<SequencerReport> {
    let nodes = nodes.iter().zip(peers);
    let report = |(node, peer): (&RunningChain, &Peer)| SequencerReport {
        key: peer.key,
        rpc: node.rpc_url(),
        peer: peer.address.to_string(),
    };
    nodes.map(report).collect()
}

/// What the member `number` does wrong.
fn fault(fault: Option<DevFault>, number: usize, members: &[DevAccount]) -> Option<BftFault> {
    let Some(DevFault::Sequencer(SequencerFault { kind, at })) = fault else {
        return None;
    };
    let last = number + 1 == members.len();
    let all = || members.iter().map(|member| member.address);
    let apart = |to: BTreeSet<Address>, for_ms| BftFault::Apart {
        from: at,
        to,
        for_ms,
    };
    match kind {
        SequencerFaultKind::Equivocate => last.then_some(BftFault::Equivocate { from: at }),
        SequencerFaultKind::Silent => last.then(|| apart(all().collect(), SILENCE_MS)),
        SequencerFaultKind::Partition => {
            let half = members.len() / 2;
            let to = if number < half {
                all().skip(half).collect()
            } else {
                all().take(half).collect()
            };
            Some(apart(to, PARTITION_MS))
        }
    }
}
