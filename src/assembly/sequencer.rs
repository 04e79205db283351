//! Which sequencer a chain gets.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use plasma_core::{
    B256, BASED_COMMITTEE, BlockHeader, ChainId, Committee, Env, Gas, Gate, Sequencer,
    SequencerError, Settlement, Signer,
};
use plasma_sequencer::{
    BasedConfig, BasedSequencer, FileJournal, Journal, MemoryJournal, MempoolLimits, SoloConfig,
    SoloSequencer,
};

use super::{LaunchError, member::CommitteeMember};

/// What a sequencer is built from.
pub struct SequencerParts {
    /// The chain.
    pub chain_id: ChainId,
    /// The block that it continues from when it has none of its own.
    pub genesis: BlockHeader,
    /// The gas of one block.
    pub gas_limit: Gas,
    /// The mempool's door.
    pub gate: Arc<dyn Gate>,
    /// Time and tasks.
    pub env: Arc<dyn Env>,
    /// The root, for those who learn from it who certifies.
    pub settlement: Option<Arc<dyn Settlement>>,
    /// Where it keeps its journal; `None` for memory.
    pub directory: Option<PathBuf>,
}

/// A sequencer to be: it can be started only once the chain that it feeds is open.
#[async_trait]
pub trait SequencerPlan: Send {
    /// Who will certify, as the root has to know it: the hash of a committee's seats, the address of a contract that
    /// has a committee for each epoch, or [`BASED_COMMITTEE`].
    fn committee(&self) -> B256;

    /// Starts it.
    async fn start(self: Box<Self>, parts: SequencerParts)
    -> Result<StartedSequencer, LaunchError>;
}

/// A sequencer that runs.
pub struct StartedSequencer {
    /// As the node knows it.
    pub sequencer: Arc<dyn Sequencer>,
    /// The same as a member of a committee, if it is one: its node follows epochs for it and reports what it finds out.
    pub member: Option<CommitteeMember>,
}

/// One sequencer, who certifies alone. The default.
#[derive(Clone, Debug)]
pub struct Solo {
    /// The key that certifies.
    pub signer: Signer,
    /// The time between blocks; zero makes one as soon as there is something to include.
    pub block_time: Duration,
    /// How much may wait.
    pub limits: MempoolLimits,
    /// Fault injection for tests and devnets: never consume the root's messages by itself.
    pub ignore_messages: bool,
}

impl Solo {
    /// A sequencer with this key, and a block every 250 ms at most.
    pub fn new(signer: Signer) -> Self {
        let (block_time, limits) = (Duration::from_millis(250), MempoolLimits::default());
        Self {
            signer,
            block_time,
            limits,
            ignore_messages: false,
        }
    }

    /// Sets the time between blocks.
    pub fn block_time(mut self, block_time: Duration) -> Self {
        self.block_time = block_time;
        self
    }
}

#[async_trait]
impl SequencerPlan for Solo {
    fn committee(&self) -> B256 {
        Committee::solo(self.signer.address()).hash()
    }

    async fn start(
        self: Box<Self>,
        parts: SequencerParts,
    ) -> Result<StartedSequencer, LaunchError> {
        let journal: Box<dyn Journal> = match &parts.directory {
            Some(directory) => {
                let journal = FileJournal::open(directory, &parts.genesis, &*parts.env);
                Box::new(journal.map_err(|error| SequencerError::Journal(error.to_string()))?)
            }
            None => Box::new(MemoryJournal::default()),
        };
        let config = SoloConfig {
            block_time: self.block_time,
            gas_limit: parts.gas_limit,
            limits: self.limits,
            ignore_messages: self.ignore_messages,
            ..SoloConfig::new(parts.chain_id, parts.genesis)
        };
        let sequencer = SoloSequencer::start(config, self.signer, parts.env, parts.gate, journal)?;
        Ok(StartedSequencer {
            sequencer: Arc::new(sequencer),
            member: None,
        })
    }
}

/// No sequencer: the root orders. Of a chain that this registers, always; beside a committee that another registered,
/// while that is silent.
#[derive(Clone, Debug)]
pub struct Based {
    /// The key that this node's word is signed with, where it says that it took a transaction.
    pub signer: Signer,
    /// How much may wait.
    pub limits: MempoolLimits,
}

impl Based {
    /// Signs with this key.
    pub fn new(signer: Signer) -> Self {
        let limits = MempoolLimits::default();
        Self { signer, limits }
    }
}

#[async_trait]
impl SequencerPlan for Based {
    fn committee(&self) -> B256 {
        BASED_COMMITTEE
    }

    async fn start(
        self: Box<Self>,
        parts: SequencerParts,
    ) -> Result<StartedSequencer, LaunchError> {
        let config = BasedConfig {
            gas_limit: parts.gas_limit,
            limits: self.limits,
            ..BasedConfig::new(parts.chain_id, parts.genesis)
        };
        let sequencer = BasedSequencer::start(config, self.signer, parts.env, parts.gate)?;
        Ok(StartedSequencer {
            sequencer: Arc::new(sequencer),
            member: None,
        })
    }
}
