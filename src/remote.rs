//! What a node asks of other nodes, and how it checks what they say.

use async_trait::async_trait;
use jsonrpsee::{
    RpcModule,
    core::client::ClientT as _,
    http_client::{HttpClient, HttpClientBuilder},
    rpc_params,
    types::ErrorObjectOwned,
};
use plasma_core::{Bytes, DaCommitment, DaError, Genesis};
use plasma_da::{BlobSource, RemoteDa};
use plasma_exec::{EvmExecution, ModuleRuntime, WasmExecution};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{
    assembly::{ChainBuilder, LaunchError},
    chain::Chain,
    programs::builtin_program,
};

/// The longest answer taken from another node.
const MAX_ANSWER_BYTES: u32 = 64 * 1024 * 1024;

/// A chain's genesis, as its node tells it. Whoever uses it compares the genesis hash with the one that the root
/// has registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteGenesis {
    /// The genesis.
    pub genesis: Genesis,
    /// What the chain executes: `modules`, `evm` or `wasm`; another word for a chain with code of its own.
    pub execution: String,
}

impl RemoteGenesis {
    /// Gives a chain to be the execution that is named.
    pub fn execution(&self, builder: ChainBuilder) -> Result<ChainBuilder, LaunchError> {
        let builder = match self.execution.as_str() {
            "modules" => Ok(builder.execution_named("modules", ModuleRuntime::new())),
            "evm" => Ok(builder.execution_named("evm", EvmExecution::default())),
            "wasm" => Ok(builder.execution_named("wasm", WasmExecution::new())),
            other => Err(LaunchError::Configuration(format!(
                "the chain executes `{other}`, which is not built in here; verify it with its own binary, which calls \
                 ChainBuilder::verifier"
            ))),
        }?;
        Ok(match builtin_program(&self.execution) {
            Some(program) => builder.program(program),
            None => builder,
        })
    }
}

/// Adds `plasma_genesis` to a chain's methods.
pub(crate) fn register(module: &mut RpcModule<()>, chain: Arc<Chain>, execution: String) {
    let registered = module.register_method("plasma_genesis", move |_, (), _| {
        Ok::<_, ErrorObjectOwned>(RemoteGenesis {
            genesis: chain.genesis().clone(),
            execution: execution.clone(),
        })
    });
    registered.expect("no other method has this name");
}

/// Blobs that another node serves over JSON-RPC (`da_fetch`).
#[derive(Debug)]
pub struct RpcBlobs {
    client: HttpClient,
    url: String,
}

impl RpcBlobs {
    /// The availability layer that this node serves. What it gives is checked against the commitments.
    pub fn layer(url: &str) -> Result<RemoteDa<Self>, LaunchError> {
        let client = HttpClientBuilder::default()
            .max_response_size(MAX_ANSWER_BYTES)
            .build(url)
            .map_err(|error| {
                LaunchError::Configuration(format!(
                    "`{url}`: {error}; give the URL of a node's JSON-RPC"
                ))
            })?;
        Ok(RemoteDa::new(Self {
            client,
            url: url.to_owned(),
        }))
    }
}

#[async_trait]
impl BlobSource for RpcBlobs {
    fn name(&self) -> String {
        self.url.clone()
    }

    async fn blob(&self, commitment: &DaCommitment) -> Result<Bytes, DaError> {
        let asked = self
            .client
            .request("da_fetch", rpc_params![commitment])
            .await;
        asked.map_err(|error| DaError::Unavailable(format!("{}: {error}", self.url)))
    }
}
