//! `plasma node`: a node from a configuration file.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use plasma_bridge::{RootAccount, RootClient, SequencerNetwork};
use plasma_core::{B256, ChainId, DataAvailability, Genesis, Signer, Timestamp, TokioEnv};
use plasma_da::{EmbeddedDa, FallbackDa};
use serde_json::json;
use zeroize::Zeroize as _;

use super::{
    Failure, devnet,
    node_file::{NodeFile, Role, SequencerFile, SequencerKind},
    rpc::ChainRpc,
};
use crate::{
    assembly::{Based, ChainBuilder, Committees, DEFAULT_GENESIS_TIME, Member, RootHandle, Solo},
    remote::{RemoteGenesis, RpcBlobs},
};

#[derive(Args)]
pub(super) struct NodeArgs {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What the node does, instead of the file's word.
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// Serve Prometheus metrics at this address.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:9600")]
    metrics: Option<SocketAddr>,
}

pub(super) async fn run(args: NodeArgs) -> Result<(), Failure> {
    let text = fs::read_to_string(&args.config)
        .map_err(|error| format!("{}: {error}", args.config.display()))?;
    let file: NodeFile =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", args.config.display()))?;
    let folder = args.config.parent().unwrap_or(Path::new("."));
    let role = args.role.unwrap_or(file.role);
    if let Some(address) = args.metrics {
        devnet::serve_metrics(address)?;
    }
    let remote = genesis(&file, folder).await?;
    let Genesis {
        chain_id,
        timestamp,
        config,
    } = remote.genesis.clone();
    let env = Arc::new(TokioEnv);
    let client = RootClient::connect(&file.root.url, env.clone(), file.root.client.clone()).await?;
    let account = match (&file.root.key, role) {
        (Some(key), Role::Full | Role::Sequencer) => Some(RootAccount::new(
            client.clone(),
            read_key(&folder.join(key))?,
        )),
        _ => None,
    };
    let root = RootHandle {
        client,
        contracts: file.root.contracts,
        account,
        url: file.root.url.clone(),
    };
    let mut builder = remote
        .execution(ChainBuilder::new(chain_id))?
        .genesis_time(timestamp)
        .genesis_bytes(config)
        .data(folder.join(&file.data))
        .listen(&file.listen)
        .root(root.clone())
        .batcher(file.batcher.config());
    if let Some(name) = &file.name {
        builder = builder.name(name);
    }
    if let Some(da) = availability(&file, folder, role)? {
        builder = builder.da(da);
    }
    if let Some(peer) = &file.peer {
        builder = builder.forward(peer);
    }
    builder = match role {
        Role::Verifier => builder.verifier(),
        Role::Full => {
            let sequencer = file
                .sequencer
                .ok_or("role full needs a [sequencer] with a key")?;
            let signer = read_key(&folder.join(&sequencer.key))?;
            match sequencer.kind {
                SequencerKind::Solo => builder.sequencer(
                    Solo::new(signer).block_time(Duration::from_millis(sequencer.block_time_ms)),
                ),
                SequencerKind::Based => builder.sequencer(Based::new(signer)),
            }
        }
        Role::Sequencer => {
            let sequencer = file
                .sequencer
                .ok_or("role sequencer needs a [sequencer] with a key, `listen` and `peers`")?;
            builder.sequencer(member(&sequencer, folder, &root)?)
        }
    };
    let node = builder.launch(env).await?;
    println!(
        "{} at {} (chain id {chain_id}, {role:?})",
        node.name(),
        node.rpc_url()
    );
    devnet::stopped().await?;
    node.stop().await?;
    Ok(())
}

/// Where the published bytes are: on the own disk, and at others.
fn availability(
    file: &NodeFile,
    folder: &Path,
    role: Role,
) -> Result<Option<Arc<dyn DataAvailability>>, Failure> {
    let mut urls = file.da.clone();
    if role == Role::Verifier && urls.is_empty() {
        urls.extend(file.peer.clone());
    }
    let mut layers: Vec<Arc<dyn DataAvailability>> = Vec::new();
    if role != Role::Verifier && !urls.is_empty() {
        let directory = folder.join(&file.data).join("da");
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        layers.push(Arc::new(EmbeddedDa::open(directory)?));
    }
    for url in urls {
        layers.push(Arc::new(RpcBlobs::layer(&url)?));
    }
    let mut layers = layers.into_iter();
    let Some(first) = layers.next() else {
        return Ok(None);
    };
    let all = layers.fold(FallbackDa::new(first), FallbackDa::or);
    Ok(Some(Arc::new(all)))
}

/// A seat in a committee: a fixed one, which the file names, or the root's.
fn member(file: &SequencerFile, folder: &Path, root: &RootHandle) -> Result<Member, Failure> {
    let signer = read_key(&folder.join(&file.key))?;
    let committees = match (file.committee(), root.contracts.network) {
        (Some(committee), _) => Committees::Fixed(committee),
        (None, Some(contracts)) => {
            let network = SequencerNetwork::new(root.client.clone(), contracts.registry);
            let network = match &root.account {
                Some(account) => network.with_account(account.clone()),
                None => network,
            };
            Committees::Elected(network, file.borders())
        }
        (None, None) => {
            return Err("who certifies? name [root.contracts.network], or the [[sequencer.seats]] of a fixed committee".into());
        }
    };
    let member = Member::new(signer, committees)
        .peers(file.peers())
        .block_time(Duration::from_millis(file.block_time_ms));
    Ok(match file.listen {
        Some(listen) => member.listener(Member::bind(listen)?),
        None => member,
    })
}

/// The chain's genesis: the file's own, or its peer's; either is checked against the root's registration.
async fn genesis(file: &NodeFile, folder: &Path) -> Result<RemoteGenesis, Failure> {
    if let Some(chain) = &file.chain {
        let path = folder.join(&chain.genesis);
        let config = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let timestamp = chain
            .genesis_time_ms
            .map_or(DEFAULT_GENESIS_TIME, Timestamp);
        let genesis = Genesis {
            chain_id: ChainId(chain.id),
            timestamp,
            config: config.into(),
        };
        return Ok(RemoteGenesis {
            genesis,
            execution: chain.execution.clone(),
        });
    }
    let peer = file
        .peer
        .as_ref()
        .ok_or("give [chain] with a genesis, or a `peer` to ask for it")?;
    ChainRpc::connect(peer, None)?
        .call("plasma_genesis", json!([]))
        .await
}

/// A key file: 32 bytes in hex.
fn read_key(path: &Path) -> Result<Signer, Failure> {
    let mut text =
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parsed: Result<B256, _> = text.trim().parse();
    text.zeroize();
    let mut key = parsed.map_err(|_| format!("{}: not 32 bytes in hex", path.display()))?;
    let signer =
        Signer::from_bytes(&key).ok_or_else(|| format!("{}: no valid key", path.display()));
    key.0.zeroize();
    Ok(signer?)
}
