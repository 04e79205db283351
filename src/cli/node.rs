//! `plasma node`: a node from a configuration file.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use plasma_bridge::{Contracts, RootAccount, RootClient, RootConfig};
use plasma_core::{B256, ChainId, Genesis, Signer, Timestamp, TokioEnv};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroize as _;

use super::{Failure, devnet, rpc::ChainRpc};
use crate::{
    assembly::{ChainBuilder, DEFAULT_GENESIS_TIME, RootHandle, Solo},
    node::BatcherConfig,
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

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Role {
    /// Orders, publishes and claims.
    Full,
    /// Derives from the root and the published bytes alone.
    Verifier,
}

/// The configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeFile {
    role: Role,
    #[serde(default)]
    name: Option<String>,
    /// Where to keep data.
    data: PathBuf,
    /// Where to serve JSON-RPC.
    listen: String,
    /// A node of the chain: for its genesis when none is given here, for bytes, and to hand transactions to.
    peer: Option<String>,
    /// Where to ask for the published bytes; the peer otherwise, or this node's own disk.
    da: Option<String>,
    chain: Option<ChainFile>,
    root: RootFile,
    sequencer: Option<SequencerFile>,
    #[serde(default)]
    batcher: BatcherFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChainFile {
    id: u64,
    /// `modules`, `evm` or `wasm`.
    execution: String,
    /// The genesis configuration, JSON.
    genesis: PathBuf,
    /// The chain's birth, Unix milliseconds.
    genesis_time_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootFile {
    url: String,
    contracts: Contracts,
    /// The file with the key that publishes and claims.
    key: Option<PathBuf>,
    #[serde(default)]
    client: RootConfig,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SequencerFile {
    /// The file with the key that certifies.
    key: PathBuf,
    #[serde(default = "default_block_time_ms")]
    block_time_ms: u64,
}

fn default_block_time_ms() -> u64 {
    250
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BatcherFile {
    max_age_ms: Option<u64>,
    target_bytes: Option<usize>,
    max_cost_wei: Option<u128>,
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
        (Some(key), Role::Full) => Some(RootAccount::new(
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
        .root(root)
        .batcher(file.batcher.config());
    if let Some(name) = file.name {
        builder = builder.name(name);
    }
    if let Some(url) = file
        .da
        .as_ref()
        .or(file.peer.as_ref().filter(|_| role == Role::Verifier))
    {
        builder = builder.da(Arc::new(RpcBlobs::layer(url)?));
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
            builder.sequencer(
                Solo::new(signer).block_time(Duration::from_millis(sequencer.block_time_ms)),
            )
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

impl BatcherFile {
    fn config(&self) -> BatcherConfig {
        let default = BatcherConfig::default();
        BatcherConfig {
            max_age: self
                .max_age_ms
                .map_or(default.max_age, Duration::from_millis),
            target_bytes: self.target_bytes.unwrap_or(default.target_bytes),
            max_cost_wei: self.max_cost_wei.unwrap_or(default.max_cost_wei),
            ..default
        }
    }
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
