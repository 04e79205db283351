//! Roots: the one in this process, and handles to any.

use std::{path::PathBuf, sync::Arc, time::Duration};

use alloy::rpc::client::RpcClient;
use plasma_bridge::{Contracts, RootAccount, RootClient, RootConfig};
use plasma_core::{Address, ChainId, Env, SettlementError, Signer, U256};
use plasma_da::EmbeddedDa;
use plasma_exec::{EvmExecution, EvmGenesis, EvmGenesisAccount, Prices};

use super::{ChainBuilder, LaunchError, RunningChain, Solo};
use crate::{chain::ChainError, rpc::InProcess};

/// A root whose contracts are in place, as a chain needs it.
#[derive(Clone)]
pub struct RootHandle {
    /// The connection.
    pub client: RootClient,
    /// The contracts there.
    pub contracts: Contracts,
    /// The account that publishes, claims and settles; `None` to watch only.
    pub account: Option<RootAccount>,
    /// The root's JSON-RPC as users reach it.
    pub url: String,
}

/// What the embedded root starts with.
#[derive(Clone, Debug)]
pub struct EmbeddedRootConfig {
    /// Its chain id.
    pub chain_id: ChainId,
    /// Who has how much of its coin at genesis, in wei.
    pub balances: Vec<(Address, U256)>,
    /// The key that orders it.
    pub signer: Signer,
    /// The time between its blocks; zero makes one as soon as there is something to include.
    pub block_time: Duration,
    /// Where it keeps its data; `None` for memory.
    pub data: Option<PathBuf>,
    /// Where it serves JSON-RPC; `None` for nowhere but in process.
    pub listen: Option<String>,
}

/// The root layer in this process: a plasma chain of its own, of `EvmExecution`, one sequencer, `EmbeddedDa`, and no
/// root above it.
pub struct EmbeddedRoot {
    chain: Box<RunningChain>,
    da: Arc<EmbeddedDa>,
    env: Arc<dyn Env>,
}

impl EmbeddedRoot {
    /// Starts it.
    pub async fn launch(
        config: EmbeddedRootConfig,
        env: Arc<dyn Env>,
    ) -> Result<Self, LaunchError> {
        let EmbeddedRootConfig {
            chain_id,
            balances,
            signer,
            block_time,
            data,
            listen,
        } = config;
        let da = Arc::new(match &data {
            Some(data) => EmbeddedDa::open(data.join("da"))?,
            None => EmbeddedDa::in_memory(),
        });
        let alloc = balances
            .into_iter()
            .map(|(address, balance)| {
                (
                    address,
                    EvmGenesisAccount {
                        balance,
                        ..EvmGenesisAccount::default()
                    },
                )
            })
            .collect();
        let genesis = EvmGenesis {
            alloc,
            base_fee: 1_000_000_000,
            // Nobody disputes what the root of all says.
            prices: Prices::Ethereum,
            ..EvmGenesis::default()
        };
        let mut builder = ChainBuilder::new(chain_id)
            .name("root")
            .execution_named("evm", EvmExecution::default())
            .genesis(&genesis)
            .sequencer(Solo::new(signer).block_time(block_time))
            .da(da.clone())
            .sovereign();
        if let Some(data) = data {
            builder = builder.data(data);
        }
        if let Some(listen) = listen {
            builder = builder.listen(listen);
        }
        let chain = Box::new(Box::pin(builder.launch(env.clone())).await?);
        Ok(Self { chain, da, env })
    }

    /// The chain that it is.
    pub fn chain(&self) -> &RunningChain {
        &self.chain
    }

    /// The availability layer that it offers to the chains over it.
    pub fn da(&self) -> &Arc<EmbeddedDa> {
        &self.da
    }

    /// A connection without a socket.
    pub fn client(&self) -> RootClient {
        let transport = InProcess::new(self.chain.rpc_module().clone());
        RootClient::new(
            RpcClient::new(transport, true),
            self.env.clone(),
            RootConfig::local(),
        )
    }

    /// Stops it.
    pub async fn stop(self) -> Result<(), ChainError> {
        Box::pin(self.chain.stop()).await
    }
}

impl RootHandle {
    /// The root's chain id.
    pub async fn chain_id(&self) -> Result<u64, SettlementError> {
        self.client.chain_id().await
    }
}
