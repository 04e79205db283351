//! A root and plasma chains over it, with funded accounts, in one process.
//!
//! The root is the embedded one, or any Ethereum node; either way the contracts are put on it by transactions, and
//! the chains speak to it through the same client.

mod accounts;
mod report;
mod saved;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use plasma_bridge::{Deployment, EvmSettlement, Role, RootAccount, RootClient, RootConfig};
use plasma_core::{Address, ChainId, DataAvailability, Env, U256};
use plasma_da::EmbeddedDa;
use plasma_exec::{
    EvmExecution, EvmGenesis, EvmGenesisAccount, ModuleRuntime, WasmExecution, WasmGenesis,
};

pub use accounts::{DevAccount, FUNDED_ACCOUNTS, MNEMONIC};
pub use report::{AccountReport, ChainReport, DevnetReport, RootReport};
use saved::Saved;

use crate::{
    assembly::{
        ChainBuilder, EmbeddedRoot, EmbeddedRootConfig, LaunchError, RootHandle, RunningChain, Solo,
    },
    dispute::{Fault, FaultyTraces},
    node::{BatcherConfig, ProposerConfig},
    programs::builtin_program,
};

/// One XPL, or one coin, in wei.
const ONE: u64 = 1_000_000_000_000_000_000;
/// The chain id of the embedded root.
const ROOT_CHAIN_ID: ChainId = ChainId(31_337);
/// The chain id of chain 0; chain `k` has `k` more.
const FIRST_CHAIN_ID: u64 = 4_242;
/// The chain id of the real Plasma mainnet, which no devnet may bear: its users' signatures would be valid there.
const PLASMA_MAINNET: u64 = 9_745;

/// How often players look at the root.
const PLAYER_POLL: Duration = Duration::from_millis(200);

/// What a chain of a devnet executes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum DevExecution {
    /// Native Rust modules.
    Modules,
    /// The EVM.
    Evm,
    /// Contracts in WebAssembly.
    Wasm,
}

impl DevExecution {
    /// As `plasma_info` and `--config-out` name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Evm => "evm",
            Self::Wasm => "wasm",
        }
    }
}

/// How a devnet is made.
#[derive(Clone, Debug)]
pub struct DevnetConfig {
    /// What the chains execute.
    pub execution: DevExecution,
    /// How many chains.
    pub chains: u32,
    /// The time between a chain's blocks; zero makes one as soon as there is something to include.
    pub block_time: Duration,
    /// Seconds for which a claim can be contested.
    pub challenge_window: u64,
    /// Seconds after which anyone may force a message of the inbox.
    pub forced_delay: u64,
    /// An outside Ethereum node instead of the embedded root.
    pub root: Option<String>,
    /// Where data is kept; `None` for memory.
    pub data: Option<PathBuf>,
    /// The address that JSON-RPC is served at.
    pub host: String,
    /// The root's port; 0 for any free one.
    pub root_port: u16,
    /// Chain 0's port, chain `k` takes `k` more; 0 for any free ones.
    pub chain_port: u16,
    /// Fault injection: the sequencers consume no message of the inbox by themselves.
    pub ignore_messages: bool,
    /// Fault injection: somebody claims what is false of each chain.
    pub fault: Option<Fault>,
}

impl Default for DevnetConfig {
    fn default() -> Self {
        Self {
            execution: DevExecution::Modules,
            chains: 1,
            block_time: Duration::from_millis(250),
            challenge_window: 10,
            forced_delay: 30,
            root: None,
            data: None,
            host: "127.0.0.1".to_owned(),
            root_port: 8_545,
            chain_port: 9_545,
            ignore_messages: false,
            fault: None,
        }
    }
}

/// A running devnet.
pub struct Devnet {
    /// What it tells others.
    pub report: DevnetReport,
    /// The chains.
    pub chains: Vec<RunningChain>,
    /// The root; `None` when it is somebody else's.
    pub root: Option<EmbeddedRoot>,
    /// The root's contracts, as a chain sees them.
    pub handle: RootHandle,
}

impl Devnet {
    /// Starts it; returns once everything answers.
    pub async fn launch(config: DevnetConfig, env: Arc<dyn Env>) -> Result<Self, LaunchError> {
        check_ports(&config)?;
        if let Some(data) = &config.data {
            fs::create_dir_all(data).map_err(|source| LaunchError::Directory {
                path: data.clone(),
                source,
            })?;
        }
        let saved = Saved::load(&config)?;
        let (root, client, url) = start_root(&config, &env).await?;
        let account = RootAccount::new(client.clone(), DevAccount::operator().signer());
        let mut builders: Vec<ChainBuilder> =
            (0..config.chains).map(|k| chain(&config, k)).collect();
        let saved = match saved {
            Some(saved) => saved,
            None => {
                if root.is_none() {
                    fund_operator(&client, account.address()).await?;
                }
                let deployed = deployment(&account, &builders)?.deploy(&account).await?;
                let saved = Saved::new(&config, deployed.contracts);
                saved.store(&config)?;
                saved
            }
        };
        let handle = RootHandle {
            client,
            contracts: saved.contracts,
            account: Some(account),
            url: url.clone(),
        };
        let da = availability(&config, root.as_ref())?;
        let mut chains = Vec::new();
        for builder in builders.drain(..) {
            let mut chain = builder
                .root(handle.clone())
                .da(da.clone())
                .launch(env.clone())
                .await?;
            if let Some(fault) = config.fault {
                add_liar(&mut chain, &handle, fault).await?;
            }
            chains.push(chain);
        }
        let report = DevnetReport {
            root: RootReport {
                rpc: url,
                chain_id: handle.chain_id().await?,
                contracts: saved.contracts,
            },
            chains: (0..)
                .zip(&chains)
                .map(|(k, chain)| ChainReport {
                    name: chain.name().to_owned(),
                    rpc: chain.rpc_url(),
                    chain_id: chain_id(k).0,
                    execution: config.execution.name().to_owned(),
                })
                .collect(),
            accounts: DevAccount::funded()
                .into_iter()
                .map(|account| AccountReport {
                    address: account.address,
                    private_key: account.private_key,
                })
                .collect(),
        };
        Ok(Self {
            report,
            chains,
            root,
            handle,
        })
    }

    /// Stops it, and makes all that was executed durable.
    pub async fn stop(self) -> Result<(), crate::ChainError> {
        for chain in self.chains {
            chain.stop().await?;
        }
        match self.root {
            Some(root) => root.stop().await,
            None => Ok(()),
        }
    }
}

/// Lets somebody with an account of their own claim what is false.
async fn add_liar(
    chain: &mut RunningChain,
    handle: &RootHandle,
    fault: Fault,
) -> Result<(), LaunchError> {
    let account = RootAccount::new(handle.client.clone(), DevAccount::liar().signer());
    if handle.client.coin_balance(account.address()).await? < coins(10)
        && let Some(rich) = &handle.account
    {
        plasma_bridge::fund(rich, account.address(), coins(20)).await?;
    }
    let id = chain.chain().genesis().chain_id;
    let settlement =
        EvmSettlement::new(handle.client.clone(), handle.contracts, id).with_account(account);
    let traces = FaultyTraces::new(chain.traces().clone(), fault);
    let config = ProposerConfig {
        poll: PLAYER_POLL,
        role: Role::Challenger,
    };
    chain.join(Arc::new(settlement), Arc::new(traces), config);
    Ok(())
}

/// Refuses ports that there are not, before anything starts.
fn check_ports(config: &DevnetConfig) -> Result<(), LaunchError> {
    let highest = u32::from(u16::MAX) + 1 - config.chains.min(u32::from(u16::MAX));
    if u32::from(config.chain_port) > highest {
        return Err(LaunchError::Configuration(format!(
            "{} chains from port {} on go beyond 65535; choose a --chain-port of at most {highest}, or 0 for any free \
             ones",
            config.chains, config.chain_port
        )));
    }
    Ok(())
}

/// The id of chain `k`.
fn chain_id(k: u32) -> ChainId {
    let id = FIRST_CHAIN_ID + u64::from(k);
    // Far apart for any number of chains that a machine runs; skipped all the same.
    ChainId(if id >= PLASMA_MAINNET { id + 1 } else { id })
}

fn coins(amount: u64) -> U256 {
    U256::from(amount) * U256::from(ONE)
}

/// XPL that each funded account has on each chain.
fn chain_balance() -> U256 {
    coins(10_000)
}

fn chain(config: &DevnetConfig, k: u32) -> ChainBuilder {
    let id = chain_id(k);
    let mut solo = Solo::new(DevAccount::sequencer(k).signer()).block_time(config.block_time);
    solo.ignore_messages = config.ignore_messages;
    let port = if config.chain_port == 0 {
        0
    } else {
        u32::from(config.chain_port) + k
    };
    let mut builder = ChainBuilder::new(id)
        .name(format!("plasma-{k}"))
        .sequencer(solo)
        .challenge_window(config.challenge_window)
        .forced_delay(config.forced_delay)
        .endowment(chain_balance() * U256::from(FUNDED_ACCOUNTS))
        .batcher(BatcherConfig {
            max_age: Duration::from_millis(500),
            ..BatcherConfig::default()
        })
        .proposer(Some(ProposerConfig {
            poll: PLAYER_POLL,
            ..ProposerConfig::default()
        }))
        .listen(format!("{}:{port}", config.host));
    if port != 0 {
        builder = builder.uri(format!("http://{}:{port}", config.host));
    }
    builder = match config.execution {
        DevExecution::Modules => {
            let balances: std::collections::BTreeMap<Address, U256> = DevAccount::funded()
                .iter()
                .map(|account| (account.address, chain_balance()))
                .collect();
            builder
                .execution_named("modules", ModuleRuntime::new())
                .genesis(&serde_json::json!({ "balances": balances }))
        }
        DevExecution::Evm => {
            let alloc = DevAccount::funded()
                .iter()
                .map(|account| {
                    (
                        account.address,
                        EvmGenesisAccount {
                            balance: chain_balance(),
                            ..EvmGenesisAccount::default()
                        },
                    )
                })
                .collect();
            builder
                .execution_named("evm", EvmExecution::default())
                .genesis(&EvmGenesis {
                    alloc,
                    ..EvmGenesis::default()
                })
        }
        DevExecution::Wasm => {
            let genesis = DevAccount::funded()
                .iter()
                .fold(WasmGenesis::default(), |genesis, account| {
                    genesis.with_balance(account.address, chain_balance())
                });
            builder
                .execution_named("wasm", WasmExecution::new())
                .genesis(&genesis)
        }
    };
    if let Some(program) = builtin_program(config.execution.name()) {
        builder = builder.program(program);
    }
    match &config.data {
        Some(data) => builder.data(data.join(format!("chain-{id}"))),
        None => builder,
    }
}

async fn start_root(
    config: &DevnetConfig,
    env: &Arc<dyn Env>,
) -> Result<(Option<EmbeddedRoot>, RootClient, String), LaunchError> {
    if let Some(url) = &config.root {
        let client = RootClient::connect(url, env.clone(), RootConfig::local()).await?;
        let id = client.chain_id().await?;
        if (0..config.chains).any(|k| chain_id(k).0 == id) {
            return Err(LaunchError::Configuration(format!(
                "the root at {url} has chain id {id}, which a chain of this devnet has"
            )));
        }
        return Ok((None, client, url.clone()));
    }
    let operator = DevAccount::operator();
    let mut balances: Vec<(Address, U256)> = DevAccount::funded()
        .iter()
        .map(|account| (account.address, coins(10_000)))
        .collect();
    balances.push((operator.address, coins(1_000_000)));
    let root = EmbeddedRoot::launch(
        EmbeddedRootConfig {
            chain_id: ROOT_CHAIN_ID,
            balances,
            signer: DevAccount::root_sequencer().signer(),
            block_time: Duration::ZERO,
            data: config.data.as_ref().map(|data| data.join("root")),
            listen: Some(format!("{}:{}", config.host, config.root_port)),
        },
        env.clone(),
    )
    .await?;
    let (client, url) = (root.client(), root.chain().rpc_url());
    Ok((Some(root), client, url))
}

/// On somebody else's development node the first funded account pays for the operator.
async fn fund_operator(client: &RootClient, operator: Address) -> Result<(), LaunchError> {
    if client.coin_balance(operator).await? >= coins(10) {
        return Ok(());
    }
    let rich = RootAccount::new(client.clone(), DevAccount::at(0).signer());
    plasma_bridge::fund(&rich, operator, coins(100)).await?;
    Ok(())
}

fn deployment(account: &RootAccount, chains: &[ChainBuilder]) -> Result<Deployment, LaunchError> {
    let mut deployment = Deployment::new(account);
    for chain in chains {
        let registration = chain.registration()?;
        let id = registration.chain_id;
        deployment = deployment
            .chain(registration)
            .endow(id, chain_balance() * U256::from(FUNDED_ACCOUNTS));
    }
    for rich in DevAccount::funded() {
        deployment = deployment.grant(rich.address, coins(1_000_000));
    }
    Ok(deployment)
}

fn availability(
    config: &DevnetConfig,
    root: Option<&EmbeddedRoot>,
) -> Result<Arc<dyn DataAvailability>, LaunchError> {
    Ok(match (root, &config.data) {
        (Some(root), _) => root.da().clone(),
        (None, Some(data)) => Arc::new(EmbeddedDa::open(data.join("da"))?),
        (None, None) => Arc::new(EmbeddedDa::in_memory()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_have_ports_that_exist() {
        for (chains, chain_port, fits) in [
            (1, 65_535, true),
            (2, 65_535, false),
            (2, 65_534, true),
            (64, 0, true),
            (64, 65_500, false),
        ] {
            let config = DevnetConfig {
                chains,
                chain_port,
                ..DevnetConfig::default()
            };
            assert_eq!(check_ports(&config).is_ok(), fits, "{chains} {chain_port}");
        }
    }

    #[test]
    fn no_chain_has_the_id_of_the_real_plasma() {
        let ids: Vec<u64> = (0..10_000).map(|k| chain_id(k).0).collect();
        assert!(!ids.contains(&PLASMA_MAINNET));
        assert!(ids.is_sorted_by(|one, next| one < next));
    }
}
