//! A root and plasma chains over it, with funded accounts, in one process.
//!
//! The root is the embedded one, or any Ethereum node; either way the contracts are put on it by transactions, and
//! the chains speak to it through the same client.

mod accounts;
mod fault;
mod report;
mod saved;
mod sequencers;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use plasma_bridge::{
    Deployment, EvmSettlement, NetworkTerms, Role, RootAccount, RootClient, RootConfig,
};
use plasma_core::{Address, Bytes, ChainId, DataAvailability, Env, U256};
use plasma_da::EmbeddedDa;
use plasma_exec::{
    EvmExecution, EvmGenesis, EvmGenesisAccount, ModuleRuntime, WasmExecution, WasmGenesis,
};

pub use accounts::{DevAccount, FUNDED_ACCOUNTS, MNEMONIC};
pub use fault::{DevFault, SequencerFault, SequencerFaultKind};
pub use report::{AccountReport, ChainReport, DevnetReport, RootReport, SequencerReport};
use saved::Saved;
pub(crate) use sequencers::BORDERS;

use crate::{
    assembly::{
        Based, ChainBuilder, EmbeddedRoot, EmbeddedRootConfig, LaunchError, RootHandle,
        RunningChain, Solo,
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

/// How often players look at the root; and how often those who are there in case the first fails.
const PLAYER_POLL: Duration = Duration::from_millis(200);
const WATCHER_POLL: Duration = Duration::from_secs(2);

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

/// Who orders a chain of a devnet.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum DevSequencer {
    /// Who certifies its blocks.
    Committee,
    /// The root, and nobody else.
    Based,
}

impl DevSequencer {
    /// As `--sequencer` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Committee => "committee",
            Self::Based => "based",
        }
    }
}

/// How a devnet is made.
#[derive(Clone, Debug)]
pub struct DevnetConfig {
    /// What the chains execute.
    pub execution: DevExecution,
    /// Who orders the chains.
    pub sequencer: DevSequencer,
    /// How many chains.
    pub chains: u32,
    /// How many sequencers. More than one are a committee that the registry on the root elects, for all chains.
    pub sequencers: u32,
    /// The time between a chain's blocks; zero makes one as soon as there is something to include.
    pub block_time: Duration,
    /// Seconds for which a claim can be contested.
    pub challenge_window: u64,
    /// Seconds after which anyone may force a message of the inbox.
    pub forced_delay: u64,
    /// Seconds for which what waits in the inbox may wait before the root orders without the committee.
    pub silence: u64,
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
    /// Whether the sequencers' nodes run in processes of their own: then only the root and its contracts are started here.
    pub elsewhere: bool,
    /// Fault injection: the sequencers consume no message of the inbox by themselves.
    pub ignore_messages: bool,
    /// Fault injection: what goes wrong on purpose.
    pub fault: Option<DevFault>,
    /// The network of sequencers that is deployed on the root.
    pub network: NetworkTerms,
}

impl Default for DevnetConfig {
    fn default() -> Self {
        Self {
            execution: DevExecution::Modules,
            sequencer: DevSequencer::Committee,
            chains: 1,
            sequencers: 1,
            block_time: Duration::from_millis(250),
            challenge_window: 10,
            forced_delay: 30,
            silence: 60,
            root: None,
            data: None,
            host: "127.0.0.1".to_owned(),
            root_port: 8_545,
            chain_port: 9_545,
            elsewhere: false,
            ignore_messages: false,
            fault: None,
            network: NetworkTerms::default(),
        }
    }
}

/// A running devnet.
pub struct Devnet {
    /// What it tells others.
    pub report: DevnetReport,
    /// The chains. With a committee, as its first member has them.
    pub chains: Vec<RunningChain>,
    /// The same at the other members, chain by chain.
    pub members: Vec<RunningChain>,
    /// The root; `None` when it is somebody else's.
    pub root: Option<EmbeddedRoot>,
    /// The root's contracts, as a chain sees them.
    pub handle: RootHandle,
}

impl Devnet {
    /// Starts it; returns once everything answers.
    pub async fn launch(config: DevnetConfig, env: Arc<dyn Env>) -> Result<Self, LaunchError> {
        check_ports(&config)?;
        check_sequencers(&config)?;
        if let Some(data) = &config.data {
            fs::create_dir_all(data).map_err(|source| LaunchError::Directory {
                path: data.clone(),
                source,
            })?;
        }
        let saved = Saved::load(&config)?;
        let seats = sequencers::members(&config);
        let (root, client, url) = start_root(&config, &env).await?;
        let account = RootAccount::new(client.clone(), DevAccount::operator().signer());
        let saved = match saved {
            Some(saved) => saved,
            None => {
                if root.is_none() {
                    fund_operator(&client, account.address()).await?;
                }
                let deployed = deployment(&config, &account, &seats)?
                    .deploy(&account)
                    .await?;
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
        let (mut chains, mut members, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        let here = if config.elsewhere { 0 } else { config.chains };
        for k in 0..here {
            let builder = |number| {
                let builder = chain(&config, k, number);
                builder.da(da.clone())
            };
            let mut nodes = Vec::new();
            let (sockets, peers) = sequencers::sockets(&config, &seats)?;
            for (number, socket) in sockets.into_iter().enumerate() {
                let (plan, root) = sequencers::member(&config, &handle, number, &seats, &peers)?;
                let builder = builder(number as u32)
                    .root(root)
                    .sequencer(plan.listener(socket));
                nodes.push(builder.launch(env.clone()).await?);
            }
            if seats.is_empty() {
                let builder = builder(0).root(handle.clone());
                nodes.push(builder.launch(env.clone()).await?);
            }
            listed.push(sequencers::report(&nodes, &peers));
            let mut nodes = nodes.into_iter();
            let first = nodes.next().into_iter();
            for mut chain in first {
                if let Some(DevFault::Claim(fault)) = config.fault {
                    add_liar(&mut chain, &handle, fault).await?;
                }
                chains.push(chain);
            }
            members.extend(nodes);
        }
        for k in here..config.chains {
            listed.push(sequencers::planned(&config, k, &seats)?);
        }
        let report = DevnetReport {
            root: RootReport {
                rpc: url,
                chain_id: handle.chain_id().await?,
                contracts: saved.contracts,
            },
            chains: (0..)
                .zip(listed)
                .map(|(k, sequencers)| {
                    let here = chains.get(k as usize).map(RunningChain::rpc_url);
                    let first = || sequencers.first().map(|first| first.rpc.clone());
                    ChainReport {
                        name: name(k),
                        rpc: here.or_else(first).unwrap_or_default(),
                        chain_id: chain_id(k).0,
                        execution: config.execution.name().to_owned(),
                        sequencers,
                    }
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
            members,
            root,
            handle,
        })
    }

    /// Stops it, and makes all that was executed durable.
    pub async fn stop(self) -> Result<(), crate::ChainError> {
        for chain in self.members.into_iter().chain(self.chains) {
            chain.stop().await?;
        }
        match self.root {
            Some(root) => root.stop().await,
            None => Ok(()),
        }
    }
}

/// What chain `k` of a devnet begins with: the execution's configuration.
pub(crate) fn genesis(config: &DevnetConfig, k: u32) -> Bytes {
    chain(config, k, 0).genesis_config()
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
    let ports = config.chains.saturating_mul(config.sequencers);
    let highest = u32::from(u16::MAX) + 1 - ports.min(u32::from(u16::MAX));
    if u32::from(config.chain_port) > highest {
        return Err(LaunchError::Configuration(format!(
            "{} nodes from port {} on go beyond 65535; choose a --chain-port of at most {highest}, or 0 for any free \
             ones",
            ports, config.chain_port
        )));
    }
    Ok(())
}

/// Refuses sequencers for chains that have none.
fn check_sequencers(config: &DevnetConfig) -> Result<(), LaunchError> {
    if config.sequencer == DevSequencer::Based && config.sequencers > 1 {
        return Err(LaunchError::Configuration(format!(
            "the root orders a based chain, and {} sequencers have nothing to do; leave --sequencers out",
            config.sequencers
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

fn name(k: u32) -> String {
    format!("plasma-{k}")
}

/// The port of chain `k` at its sequencer `number`; 0 for any free one.
fn port(config: &DevnetConfig, k: u32, number: u32) -> u32 {
    match config.chain_port {
        0 => 0,
        first => u32::from(first) + k + config.chains * number,
    }
}

fn coins(amount: u64) -> U256 {
    U256::from(amount) * U256::from(ONE)
}

/// XPL that each funded account has on each chain.
fn chain_balance() -> U256 {
    coins(10_000)
}

/// Chain `k` as its sequencer `number` runs it.
fn chain(config: &DevnetConfig, k: u32, number: u32) -> ChainBuilder {
    let id = chain_id(k);
    let mut solo = Solo::new(DevAccount::sequencer(k).signer()).block_time(config.block_time);
    solo.ignore_messages = config.ignore_messages;
    let port = port(config, k, number);
    let mut builder = ChainBuilder::new(id)
        .name(name(k))
        .sequencer(solo)
        .challenge_window(config.challenge_window)
        .forced_delay(config.forced_delay)
        .silence(config.silence)
        .endowment(chain_balance() * U256::from(FUNDED_ACCOUNTS))
        .batcher(BatcherConfig {
            max_age: Duration::from_millis(500),
            ..BatcherConfig::default()
        })
        .proposer(Some(ProposerConfig {
            poll: if number == 0 {
                PLAYER_POLL
            } else {
                WATCHER_POLL
            },
            ..ProposerConfig::default()
        }))
        .listen(format!("{}:{port}", config.host));
    if config.sequencer == DevSequencer::Based {
        builder = builder.sequencer(Based::new(DevAccount::sequencer(k).signer()));
    }
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
        Some(data) if number > 0 => {
            builder.data(data.join(format!("chain-{id}-sequencer-{number}")))
        }
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

fn deployment(
    config: &DevnetConfig,
    account: &RootAccount,
    seats: &[DevAccount],
) -> Result<Deployment, LaunchError> {
    let mut deployment = Deployment::new(account).network(config.network.clone());
    for k in 0..config.chains {
        let registration = chain(config, k, 0).registration()?;
        let id = registration.chain_id;
        deployment = if seats.is_empty() {
            deployment.chain(registration)
        } else {
            deployment.served_chain(registration)
        };
        deployment = deployment.endow(id, chain_balance() * U256::from(FUNDED_ACCOUNTS));
    }
    for seat in seats {
        deployment = deployment.sequencer(seat.signer(), sequencers::stake());
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
