//! A chain that runs.

use std::{net::SocketAddr, sync::Arc};

use plasma_core::{DataAvailability, Env, Sequencer, Settlement, TraceProvider};

use super::{CommitteeMember, EmbeddedRoot};
use crate::{
    chain::{Chain, ChainError},
    dispute::ChainTraces,
    node::{Health, Node, ProposerConfig},
    rpc::{RpcModule, ServerHandle},
};

/// A chain that runs in this process. Dropping it stops it.
pub struct RunningChain {
    pub(super) name: String,
    pub(super) node: Node,
    pub(super) sequencer: Option<Arc<dyn Sequencer>>,
    pub(super) settlement: Option<Arc<dyn Settlement>>,
    pub(super) da: Arc<dyn DataAvailability>,
    pub(super) env: Arc<dyn Env>,
    pub(super) module: RpcModule<()>,
    pub(super) server: Option<(SocketAddr, ServerHandle)>,
    pub(super) member: Option<CommitteeMember>,
    pub(super) root: Option<EmbeddedRoot>,
    pub(super) traces: Arc<ChainTraces>,
}

impl RunningChain {
    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The chain as this node executes it.
    pub fn chain(&self) -> &Arc<Chain> {
        self.node.chain()
    }

    /// How its tasks are.
    pub fn health(&self) -> &Arc<Health> {
        self.node.health()
    }

    /// Who orders; `None` on a verifier.
    pub fn sequencer(&self) -> Option<&Arc<dyn Sequencer>> {
        self.sequencer.as_ref()
    }

    /// The sequencer as a member of a committee; `None` where it is none.
    pub fn member(&self) -> Option<&CommitteeMember> {
        self.member.as_ref()
    }

    /// The client of the root; `None` on a chain without one.
    pub fn settlement(&self) -> Option<&Arc<dyn Settlement>> {
        self.settlement.as_ref()
    }

    /// Where its bytes are.
    pub fn da(&self) -> &Arc<dyn DataAvailability> {
        &self.da
    }

    /// What it stands for in claims and disputes.
    pub fn traces(&self) -> &Arc<ChainTraces> {
        &self.traces
    }

    /// Lets somebody else play on the root, with other traces and through another account.
    pub fn join(
        &mut self,
        settlement: Arc<dyn Settlement>,
        traces: Arc<dyn TraceProvider>,
        config: ProposerConfig,
    ) {
        self.node.join(settlement, traces, config);
    }

    /// Its clock.
    pub fn env(&self) -> &Arc<dyn Env> {
        &self.env
    }

    /// Its JSON-RPC methods, for use in process.
    pub fn rpc_module(&self) -> &RpcModule<()> {
        &self.module
    }

    /// Where its JSON-RPC is served, HTTP and WebSocket.
    pub fn rpc_address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(|(address, _)| *address)
    }

    /// The URL of its JSON-RPC; empty where none is served.
    pub fn rpc_url(&self) -> String {
        self.rpc_address()
            .map(|address| format!("http://{address}"))
            .unwrap_or_default()
    }

    /// The root in this process that was started with it.
    pub fn root(&self) -> Option<&EmbeddedRoot> {
        self.root.as_ref()
    }

    /// Stops it, and makes all that it executed durable.
    pub async fn stop(self) -> Result<(), ChainError> {
        if let Some((_, server)) = self.server {
            // Already stopped is stopped.
            let _ = server.stop();
            server.stopped().await;
        }
        self.node.stop()?;
        match self.root {
            Some(root) => Box::pin(root.stop()).await,
            None => Ok(()),
        }
    }
}
