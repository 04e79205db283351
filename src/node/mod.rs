//! A running node of one chain.
//!
//! ```text
//!   Sequencer --blocks--> follow_sequencer --execute--> Chain <--derive-- follow_root <--events-- Settlement
//!       ^                                                 |                    ^                       ^
//!       | seal, messages, override                        v                    | bytes                 | append, claim,
//!       +------------------------ batcher <---- blocks ---+          DataAvailability                  | settle, force
//!                                    |                                                                 |
//!                                    +---------------- append -------> Settlement <----- proposer -----+
//! ```
//! Where the root orders, `root_ordered` appends what waits at the sequencer. A *full* node runs all of it. A *verifier* runs `follow_root` alone: it needs nothing from the sequencers and
//! derives exactly the blocks that they certified; where the two differ, the derived chain wins.

mod batcher;
mod follow_root;
mod follow_sequencer;
mod gate;
mod health;
mod proposer;
mod root_ordered;

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use plasma_core::{
    BlockHeader, ChainUpdate, DataAvailability, EntryKind, Env, Sequencer, Settlement, Task,
    TraceProvider,
};

pub use batcher::BatcherConfig;
pub use gate::ChainGate;
pub use health::{Health, HealthReport};
pub use proposer::ProposerConfig;
pub use root_ordered::RootOrderedConfig;

use crate::{
    assembly::{CommitteeMember, Committees},
    chain::{Chain, ChainError},
    committee,
};

/// How long a task waits before it tries again what the world refused.
const RETRY: Duration = Duration::from_millis(200);

/// What a node is made of.
pub struct NodeParts {
    /// The chain as it executes it.
    pub chain: Arc<Chain>,
    /// Who orders; `None` for a verifier.
    pub sequencer: Option<Arc<dyn Sequencer>>,
    /// Where the bytes are.
    pub da: Arc<dyn DataAvailability>,
    /// The root; `None` for a chain that no root settles: there, what is sequenced is final.
    pub settlement: Option<Arc<dyn Settlement>>,
    /// Time and tasks.
    pub env: Arc<dyn Env>,
    /// Whether, and how, it publishes batches.
    pub batcher: Option<BatcherConfig>,
    /// Whether, and how, it appends where the root orders.
    pub root_ordered: Option<RootOrderedConfig>,
    /// Whether, and how, it claims results and defends them.
    pub proposer: Option<ProposerConfig>,
    /// Its sequencer as a member of a committee, if it is one.
    pub member: Option<CommitteeMember>,
    /// What it stands for in claims and disputes.
    pub traces: Arc<dyn TraceProvider>,
    /// Where its tasks say how they are.
    pub health: Arc<Health>,
}

/// A running node. Dropping it stops its tasks.
pub struct Node {
    shared: Shared,
    tasks: Vec<Task>,
}

/// What all tasks of a node share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) chain: Arc<Chain>,
    pub(crate) sequencer: Option<Arc<dyn Sequencer>>,
    pub(crate) da: Arc<dyn DataAvailability>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) health: Arc<Health>,
}

impl Shared {
    /// Runs work that takes the processor for long off the tasks' threads.
    pub(crate) async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Chain) -> R + Send + 'static,
    ) -> Result<R, tokio::task::JoinError> {
        let chain = self.chain.clone();
        tokio::task::spawn_blocking(move || work(&chain)).await
    }
}

/// Whether the sequencer goes on from this block. It need not hold the block itself, which may be of the root's
/// making, but what it made after it names it. Where it holds neither, what is derived next will tell.
async fn continues(sequencer: &dyn Sequencer, header: &BlockHeader) -> bool {
    let head = sequencer.head();
    if header.height >= head.height || !sequencer.certifies() {
        return head == *header;
    }
    match sequencer.blocks(header.height.next()).next().await {
        Some(Ok(next)) => next.block.header.parent == header.hash(),
        _ => true,
    }
}

/// What to tell a sequencer that does not go on from a derived block: one that is only behind with what was certified
/// may catch up by itself.
fn took_another_way(
    chain: &Chain,
    sequencer: &dyn Sequencer,
    header: &BlockHeader,
) -> Result<ChainUpdate, ChainError> {
    // Nobody certified what came with its bytes; and the root's own blocks have no proposer.
    let open = match chain.inbox().last_entry()?.map(|record| record.entry.kind) {
        Some(EntryKind::Batch(batch)) if batch.last_hash == header.hash() => {
            chain.inbox().carried(&batch.commitment)?.is_some()
        }
        _ => false,
    };
    let certified = !open && !header.proposer.is_zero();
    Ok(if certified && header.height > sequencer.head().height {
        ChainUpdate::Derived(header.clone())
    } else {
        ChainUpdate::Override(header.clone())
    })
}

impl Node {
    /// Starts the tasks that the parts call for.
    pub fn start(parts: NodeParts) -> Self {
        let NodeParts {
            chain,
            sequencer,
            da,
            settlement,
            env,
            batcher,
            root_ordered,
            proposer,
            member,
            traces,
            health,
        } = parts;
        let shared = Shared {
            chain,
            sequencer,
            da,
            env: env.clone(),
            health,
        };
        let mut tasks = Vec::new();
        if let Some(CommitteeMember { bft, committees }) = member
            && let Committees::Elected(network, borders) = committees
        {
            let (env, health) = (shared.env.clone(), shared.health.clone());
            if network.acts() {
                let task =
                    committee::report(bft.clone(), network.clone(), env.clone(), health.clone());
                tasks.push(env.spawn("report-evidence", Box::pin(task)));
                let task =
                    committee::attest(bft.clone(), network.clone(), env.clone(), health.clone());
                tasks.push(env.spawn("attest", Box::pin(task)));
            }
            let task = committee::follow(bft, network, borders, env.clone(), health);
            tasks.push(env.spawn("epochs", Box::pin(task)));
        }
        if let Some(sequencer) = shared.sequencer.clone() {
            let sovereign = settlement.is_none();
            let task = follow_sequencer::run(shared.clone(), sequencer, sovereign);
            tasks.push(env.spawn("follow-sequencer", Box::pin(task)));
        }
        if let Some(settlement) = settlement {
            let task = follow_root::run(shared.clone(), settlement.clone());
            tasks.push(env.spawn("follow-root", Box::pin(task)));
            if let (Some(config), Some(sequencer)) = (batcher, shared.sequencer.clone()) {
                let task = batcher::run(shared.clone(), sequencer, settlement.clone(), config);
                tasks.push(env.spawn("batcher", Box::pin(task)));
            }
            if let (Some(config), Some(sequencer)) = (root_ordered, shared.sequencer.clone()) {
                let task = root_ordered::run(shared.clone(), sequencer, settlement.clone(), config);
                tasks.push(env.spawn("root-ordered", Box::pin(task)));
            }
            if let Some(config) = proposer {
                let task = proposer::run(shared.clone(), settlement, traces, config);
                tasks.push(env.spawn("proposer", Box::pin(task)));
            }
        }
        Self { shared, tasks }
    }

    /// Lets somebody else play on the root beside the node itself: other traces, another account, and troubles of
    /// their own.
    pub fn join(
        &mut self,
        settlement: Arc<dyn Settlement>,
        traces: Arc<dyn TraceProvider>,
        config: ProposerConfig,
    ) {
        let shared = Shared {
            health: Arc::new(Health::default()),
            ..self.shared.clone()
        };
        let task = proposer::run(shared, settlement, traces, config);
        self.tasks
            .push(self.shared.env.spawn("guest-player", Box::pin(task)));
    }

    /// The chain as it executes it.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.shared.chain
    }

    /// How its tasks are.
    pub fn health(&self) -> &Arc<Health> {
        &self.shared.health
    }

    /// Stops the tasks and makes all that was executed durable.
    pub fn stop(self) -> Result<(), ChainError> {
        drop(self.tasks);
        self.shared.chain.sync()
    }
}
