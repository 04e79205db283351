//! From parts to a running chain.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use plasma_bridge::{BridgeClient, Deployment, EvmSettlement, Registration, RootAccount};
use plasma_core::{
    B256, BlockContext, BlockHeader, Bytes, ChainId, DataAvailability, Env, Execution, Gas,
    Genesis, GenesisState, Height, Query, Reply, Settlement, Timestamp, U256,
};
use plasma_da::EmbeddedDa;
use plasma_exec::{Durability, MemoryConfig, MemoryStore, ModuleRuntime, Program, Store};
use serde::Serialize;

use super::{
    CommitteeMember, Committees, EmbeddedRoot, EmbeddedRootConfig, LaunchError, RootHandle,
    RunningChain, SequencerParts, SequencerPlan, Solo,
};
use crate::{
    chain::{Chain, ChainConfig},
    committee::{self, Tips},
    devnet::DevAccount,
    dispute::ChainTraces,
    explain,
    node::{BatcherConfig, ChainGate, Health, Node, NodeParts, ProposerConfig, RootOrderedConfig},
    programs::builtin_program,
    remote,
    rpc::{self, RpcContext, RpcLimits, RpcModule},
};

/// The birth of a chain that names none: 2026-01-01. Constant, so that one configuration has one genesis.
pub const DEFAULT_GENESIS_TIME: Timestamp = Timestamp(1_767_225_600_000);

/// Which root a chain settles on.
enum Root {
    /// One in this process, started with the chain.
    Embedded,
    /// One whose contracts are in place.
    At(RootHandle),
    /// Any implementation of the port.
    Given(Arc<dyn Settlement>),
    /// None: sequenced is final.
    Sovereign,
}

/// Puts a chain together. Every slot has a default: native modules, bytes kept here, one sequencer, and a root in
/// this process.
///
/// ```
/// use std::sync::Arc;
///
/// use plasma_sdk::{ChainBuilder, ChainId, TokioEnv};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let chain = ChainBuilder::new(ChainId(4242)).launch(Arc::new(TokioEnv)).await?;
/// assert_eq!(chain.chain().head().height().0, 0);
/// chain.stop().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ChainBuilder {
    chain_id: ChainId,
    name: String,
    uri: String,
    execution_name: String,
    execution: Arc<dyn Execution>,
    program: Option<Program>,
    default_program: bool,
    genesis: Bytes,
    genesis_time: Timestamp,
    da: Option<Arc<dyn DataAvailability>>,
    served: Option<Arc<dyn DataAvailability>>,
    sequencer: Option<Box<dyn SequencerPlan>>,
    store: Option<Arc<dyn Store>>,
    root: Root,
    data: Option<PathBuf>,
    listen: Option<String>,
    forward: Option<String>,
    limits: RpcLimits,
    batcher: BatcherConfig,
    proposer: Option<ProposerConfig>,
    challenge_window: u64,
    forced_delay: u64,
    silence: u64,
    bond: U256,
    endowment: U256,
    history: u64,
}

impl ChainBuilder {
    /// A chain of this id, with the default in every slot.
    pub fn new(chain_id: ChainId) -> Self {
        Self {
            chain_id,
            name: format!("chain-{chain_id}"),
            uri: String::new(),
            execution_name: "modules".to_owned(),
            execution: Arc::new(ModuleRuntime::new()),
            program: None,
            default_program: true,
            genesis: Bytes::from_static(b"{}"),
            genesis_time: DEFAULT_GENESIS_TIME,
            da: None,
            served: None,
            sequencer: Some(Box::new(Solo::new(DevAccount::sequencer(0).signer()))),
            store: None,
            root: Root::Embedded,
            data: None,
            listen: None,
            forward: None,
            limits: RpcLimits::default(),
            batcher: BatcherConfig::default(),
            proposer: Some(ProposerConfig::default()),
            challenge_window: 10,
            forced_delay: 30,
            silence: 60,
            bond: U256::from(100_000_000_000_000_000_u64),
            endowment: U256::ZERO,
            history: 16_384,
        }
    }

    /// Names the chain.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Where strangers can ask for the chain's genesis and bytes, to check it or to dispute a claim about it; registered
    /// on the root. Default: nowhere.
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        self.uri = uri.into();
        self
    }

    /// What its transactions do. Default: [`ModuleRuntime`] with the built-in modules.
    pub fn execution(self, execution: impl Execution + 'static) -> Self {
        self.execution_named("modules", execution)
    }

    /// The same, with the kind that `plasma_info` names: `modules`, `evm`.
    pub fn execution_named(mut self, kind: &str, execution: impl Execution + 'static) -> Self {
        self.execution = Arc::new(execution);
        self.execution_name = kind.to_owned();
        self.program = None;
        self.default_program = false;
        self
    }

    /// The fault-proof program that replays this execution: its claims can then be disputed on the root, and not only
    /// contradicted. Default: the one that replays [`ModuleRuntime::new`], as long as that is the execution.
    pub fn program(mut self, program: Program) -> Self {
        self.program = Some(program);
        self
    }

    /// The execution's genesis configuration: anything that serialises to the JSON that it reads.
    pub fn genesis(self, config: &impl Serialize) -> Self {
        // A configuration that does not serialise is refused by the execution, as the nothing that it becomes.
        self.genesis_bytes(serde_json::to_vec(config).unwrap_or_default())
    }

    /// The execution's genesis configuration in its own form.
    pub fn genesis_bytes(mut self, config: impl Into<Bytes>) -> Self {
        self.genesis = config.into();
        self
    }

    /// The execution's genesis configuration.
    pub(crate) fn genesis_config(&self) -> Bytes {
        self.genesis.clone()
    }

    /// The chain's birth. Default: [`DEFAULT_GENESIS_TIME`].
    pub fn genesis_time(mut self, time: Timestamp) -> Self {
        self.genesis_time = time;
        self
    }

    /// Where its bytes are. Default: the embedded root's layer, or one beside the chain's data.
    pub fn da(mut self, da: Arc<dyn DataAvailability>) -> Self {
        self.da = Some(da);
        self
    }

    /// The part of its bytes that it gives to others, by `da_fetch`. Default: all that [`Self::da`] has. A layer that asks other
    /// nodes should not be served: they may ask this one.
    pub fn serve_da(mut self, da: Arc<dyn DataAvailability>) -> Self {
        self.served = Some(da);
        self
    }

    /// Who orders. Default: [`Solo`].
    pub fn sequencer(mut self, plan: impl SequencerPlan + 'static) -> Self {
        self.sequencer = Some(Box::new(plan));
        self
    }

    /// Nobody orders here: this node derives the chain from the root and the bytes.
    pub fn verifier(mut self) -> Self {
        self.sequencer = None;
        self.proposer = None;
        self
    }

    /// The root on which it settles. Default: one in this process.
    pub fn root(mut self, root: RootHandle) -> Self {
        self.root = Root::At(root);
        self
    }

    /// Any implementation of the port of settlement.
    pub fn settlement(mut self, settlement: Arc<dyn Settlement>) -> Self {
        self.root = Root::Given(settlement);
        self
    }

    /// No root at all: what is sequenced is final.
    pub fn sovereign(mut self) -> Self {
        self.root = Root::Sovereign;
        self
    }

    /// Its state. Default: [`MemoryStore`], beside the chain's data; `NomtStore` holds more than
    /// fits in memory.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Where its data is kept. Default: in memory.
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Serves JSON-RPC, HTTP and WebSocket, at this address; port 0 is any free one. Default: not at all.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// The JSON-RPC to which a node without a sequencer hands transactions.
    pub fn forward(mut self, url: impl Into<String>) -> Self {
        self.forward = Some(url.into());
        self
    }

    /// When batches are made.
    pub fn batcher(mut self, config: BatcherConfig) -> Self {
        self.batcher = config;
        self
    }

    /// Whether, and how, results are claimed on the root.
    pub fn proposer(mut self, config: Option<ProposerConfig>) -> Self {
        self.proposer = config;
        self
    }

    /// Seconds for which a claim can be contested, where this builder registers the chain. Default: 10.
    pub fn challenge_window(mut self, seconds: u64) -> Self {
        self.challenge_window = seconds;
        self
    }

    /// Seconds after which anyone may force a message of the inbox, where this builder registers the chain.
    /// Default: 30.
    pub fn forced_delay(mut self, seconds: u64) -> Self {
        self.forced_delay = seconds;
        self
    }

    /// Seconds for which the sequencers may leave a message without an answer that they certified before anyone appends
    /// in their place, where this builder registers the chain; at least 3. Default: 60.
    pub fn silence(mut self, seconds: u64) -> Self {
        self.silence = seconds;
        self
    }

    /// For how many blocks behind the head state can be read and proven; what is not settled is kept anyway.
    /// Default: 16,384.
    pub fn history(mut self, blocks: u64) -> Self {
        self.history = blocks;
        self
    }

    /// XPL put in escrow on the root where this builder registers the chain, in wei: as much as its genesis gives
    /// away, so that every wei can leave. Default: none.
    pub fn endowment(mut self, amount: U256) -> Self {
        self.endowment = amount;
        self
    }

    fn genesis_block(&self) -> Result<(Genesis, GenesisState, B256), LaunchError> {
        let genesis = Genesis {
            chain_id: self.chain_id,
            timestamp: self.genesis_time,
            config: self.genesis.clone(),
        };
        let state = genesis.state(&*self.execution)?;
        let root = MemoryStore::ephemeral().commit(0, &state.changes)?;
        Ok((genesis, state, root))
    }

    /// What the chain is registered with on a root.
    pub fn registration(&self) -> Result<Registration, LaunchError> {
        let (_, state, root) = self.genesis_block()?;
        let committee: Option<B256> = self.sequencer.as_ref().map(|plan| plan.committee());
        let Some(committee) = committee else {
            return Err(LaunchError::Configuration(
                "a chain is registered with its committee; give it a sequencer".to_owned(),
            ));
        };
        Ok(Registration {
            chain_id: self.chain_id,
            name: self.name.clone(),
            uri: self.uri.clone(),
            program: self
                .proven_by()
                .map_or(B256::ZERO, |program| program.identity()),
            genesis_hash: state.header(root).hash(),
            genesis: state.checkpoint(root),
            committee,
            challenge_window: self.challenge_window,
            forced_delay: self.forced_delay,
            exit_window: self.challenge_window + self.forced_delay,
            silence: self.silence,
            bond: self.bond,
            owner: plasma_core::Address::ZERO,
        })
    }

    /// The fault-proof program, loaded only for who needs one.
    fn proven_by(&self) -> Option<Program> {
        match &self.program {
            None if self.default_program => builtin_program("modules"),
            program => program.clone(),
        }
    }

    /// Starts the chain.
    pub async fn launch(mut self, env: Arc<dyn Env>) -> Result<RunningChain, LaunchError> {
        let embedded = self.start_root(&env).await?;
        let (genesis, state, root) = self.genesis_block()?;
        let header = state.header(root);
        let store = match self.store.take() {
            Some(store) => store,
            None => self.open_store()?,
        };
        let execution = self.execution.clone();
        let config = ChainConfig {
            genesis,
            execution,
            store,
            history: self.history,
        };
        let chain = Arc::new(Chain::open(config, self.data.as_deref())?);
        let gate = Arc::new(ChainGate::new(env.clone()));
        gate.open(chain.clone());
        let (settlement, shown, may_send) = self.settlement_client(header.hash()).await?;
        let started = match self.sequencer.take() {
            Some(plan) => {
                let parts = SequencerParts {
                    chain_id: self.chain_id,
                    genesis: header.clone(),
                    gas_limit: self.gas_limit(&chain, &header),
                    gate,
                    env: env.clone(),
                    settlement: settlement.clone(),
                    directory: self.subdirectory("journal")?,
                };
                Some(plan.start(parts).await?)
            }
            None => None,
        };
        let (sequencer, member) = match started {
            Some(started) => (Some(started.sequencer), started.member),
            None => (None, None),
        };
        let da = match self.da.take() {
            Some(da) => da,
            None => match self.subdirectory("da")? {
                Some(directory) => {
                    Arc::new(EmbeddedDa::open(directory)?) as Arc<dyn DataAvailability>
                }
                None => Arc::new(EmbeddedDa::in_memory()),
            },
        };
        let mut context = RpcContext::new(chain.clone(), env.clone());
        context.sequencer.clone_from(&sequencer);
        context.forward = self.forward.take();
        context.da = Some(self.served.take().unwrap_or_else(|| da.clone()));
        context.name.clone_from(&self.name);
        context.execution.clone_from(&self.execution_name);
        context.root = shown;
        context.limits = self.limits;
        let health = Arc::new(Health::default());
        context.health = Some(health.clone());
        let mut module = rpc::module(context);
        remote::register(&mut module, chain.clone(), self.execution_name.clone());
        committee::register(&mut module, self.chain_id, member.clone());
        explain::register(
            &mut module,
            chain.clone(),
            sequencer.clone(),
            settlement.clone(),
            env.clone(),
        );
        let server = match &self.listen {
            Some(listen) => Some(rpc::serve(listen, module.clone(), self.limits).await?),
            None => None,
        };
        let traces = Arc::new(ChainTraces::new(
            chain.clone(),
            da.clone(),
            self.proven_by(),
            tokio::runtime::Handle::current(),
        ));
        let mut node = Node::start(NodeParts {
            chain,
            sequencer: sequencer.clone(),
            da: da.clone(),
            settlement: settlement.clone(),
            env: env.clone(),
            batcher: may_send.then_some(self.batcher),
            root_ordered: may_send.then(|| self.root_ordered()),
            proposer: self.proposer.filter(|_| may_send),
            traces: traces.clone(),
            member: member.clone(),
            health,
        });
        let tips = member
            .as_ref()
            .and_then(|member| self.tips(member, &module));
        if let Some(tips) = tips {
            let task = committee::take_tips(tips, env.clone(), node.health().clone());
            node.attend(env.spawn("tips", Box::pin(task)));
        }
        let name = self.name;
        Ok(RunningChain {
            name,
            node,
            sequencer,
            settlement,
            da,
            env,
            module,
            server,
            member,
            root: embedded,
            traces,
        })
    }

    /// How a member's tips get to the root, where they do.
    fn tips(&self, member: &CommitteeMember, module: &RpcModule<()>) -> Option<Tips> {
        let (Root::At(handle), Committees::Elected(network, _)) = (&self.root, &member.committees)
        else {
            return None;
        };
        let (least, account) = (member.payout?, handle.account.clone()?);
        let by_value = matches!(self.execution_name.as_str(), "evm" | "wasm");
        let client = BridgeClient::new(handle.client.clone(), handle.contracts);
        Some(Tips {
            bft: member.bft.clone(),
            signer: member.signer.clone(),
            least,
            chain_id: self.chain_id,
            l2_bridge: if by_value {
                plasma_exec::L2_BRIDGE
            } else {
                plasma_exec::module_address("bridge")
            },
            by_value,
            module: module.clone(),
            client: client.with_account(account),
            network: network.clone(),
        })
    }

    /// Starts the embedded root, puts the contracts on it and registers the chain, where that is the slot's choice.
    async fn start_root(
        &mut self,
        env: &Arc<dyn Env>,
    ) -> Result<Option<EmbeddedRoot>, LaunchError> {
        if !matches!(self.root, Root::Embedded) {
            return Ok(None);
        }
        if self.data.is_some() {
            return Err(LaunchError::Configuration(
                "an embedded root that lasts is a devnet's: use `plasma devnet --data`, or launch an EmbeddedRoot and \
                 give its handle to `root`"
                    .to_owned(),
            ));
        }
        let operator = DevAccount::operator();
        let coins = U256::from(10_000) * U256::from(10_u64.pow(18));
        let accounts = DevAccount::funded();
        let balances = accounts
            .iter()
            .chain([&operator])
            .map(|account| (account.address, coins))
            .collect();
        let root = EmbeddedRoot::launch(
            EmbeddedRootConfig {
                chain_id: ChainId(31_337),
                balances,
                signer: DevAccount::root_sequencer().signer(),
                block_time: std::time::Duration::ZERO,
                data: None,
                listen: None,
            },
            env.clone(),
        )
        .await?;
        let account = RootAccount::new(root.client(), operator.signer());
        let mut deployment = Deployment::new(&account).chain(self.registration()?);
        if !self.endowment.is_zero() {
            deployment = deployment.endow(self.chain_id, self.endowment);
        }
        let deployed = deployment.deploy(&account).await?;
        self.da.get_or_insert_with(|| root.da().clone());
        self.root = Root::At(RootHandle {
            client: root.client(),
            contracts: deployed.contracts,
            account: Some(account),
            url: root.chain().rpc_url(),
        });
        Ok(Some(root))
    }

    async fn settlement_client(
        &self,
        genesis_hash: B256,
    ) -> Result<(Option<Arc<dyn Settlement>>, Option<serde_json::Value>, bool), LaunchError> {
        match &self.root {
            Root::Sovereign | Root::Embedded => Ok((None, None, false)),
            Root::Given(settlement) => Ok((Some(settlement.clone()), None, true)),
            Root::At(handle) => {
                let shown = serde_json::json!({
                    "rpc": handle.url,
                    "chainId": handle.chain_id().await?,
                    "contracts": handle.contracts,
                });
                let mut settlement =
                    EvmSettlement::new(handle.client.clone(), handle.contracts, self.chain_id);
                let registered = settlement.registered().await?.genesis_hash;
                if registered != genesis_hash {
                    return Err(LaunchError::Configuration(format!(
                        "the root has chain {} registered with genesis {registered}, but this genesis is {genesis_hash}: \
                         the configuration or the execution is another one",
                        self.chain_id
                    )));
                }
                if let Some(account) = &handle.account {
                    settlement = settlement.with_account(account.clone());
                }
                Ok((
                    Some(Arc::new(settlement)),
                    Some(shown),
                    handle.account.is_some(),
                ))
            }
        }
    }

    /// Blocks that the root orders name the account that pays for them.
    fn root_ordered(&self) -> RootOrderedConfig {
        let default = RootOrderedConfig::default();
        match &self.root {
            Root::At(handle) => RootOrderedConfig {
                proposer: handle
                    .account
                    .as_ref()
                    .map_or(default.proposer, RootAccount::address),
                ..default
            },
            _ => default,
        }
    }

    fn open_store(&self) -> Result<Arc<dyn Store>, LaunchError> {
        let directory = self.subdirectory("state")?;
        // The sequencer's journal, or the root, has every block: state need not be synced for each.
        let config = MemoryConfig {
            directory,
            durability: Durability::Sync,
            ..MemoryConfig::default()
        };
        Ok(Arc::new(MemoryStore::open(config)?))
    }

    fn subdirectory(&self, name: &str) -> Result<Option<PathBuf>, LaunchError> {
        let Some(data) = &self.data else {
            return Ok(None);
        };
        let path: PathBuf = Path::new(data).join(name);
        fs::create_dir_all(&path).map_err(|source| LaunchError::Directory {
            path: path.clone(),
            source,
        })?;
        Ok(Some(path))
    }

    fn gas_limit(&self, chain: &Chain, genesis: &BlockHeader) -> Gas {
        let context = BlockContext::of(genesis, genesis.hash());
        let state = chain.state_at(Height(chain.head().height().0));
        let fees = state
            .ok()
            .and_then(|state| self.execution.query(&*state, &context, &Query::Fees).ok());
        match fees {
            Some(Reply::Fees(fees)) => fees.gas_limit,
            _ => Gas(u64::MAX),
        }
    }
}
