//! A seat in a committee as a chain's sequencer.

use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use plasma_bridge::SequencerNetwork;
use plasma_core::{B256, BlockHeader, Committee, Env, SequencerError, Signer};
use plasma_sequencer::{
    BftConfig, BftFault, BftSequencer, FileJournal, FileLog, Journal, MemoryJournal, MemoryLog,
    MempoolLimits, Peer, RoundLog, Schedule,
};

use crate::committee::{self, Borders};

use super::{LaunchError, SequencerParts, SequencerPlan, StartedSequencer};

/// Where a chain's committees come from.
#[derive(Clone, Debug)]
pub enum Committees {
    /// One for ever, until the chain is upgraded.
    Fixed(Committee),
    /// Elected on the root, epoch by epoch.
    Elected(SequencerNetwork, Borders),
}

/// A sequencer in a committee that is more than one. Started on each member's node, with its own key.
pub struct Member {
    signer: Signer,
    committees: Committees,
    listener: Option<TcpListener>,
    peers: Vec<Peer>,
    block_time: Duration,
    limits: MempoolLimits,
    fault: Option<BftFault>,
}

/// A member that runs, for what its node does besides ordering.
#[derive(Clone)]
pub struct CommitteeMember {
    /// The member.
    pub bft: Arc<BftSequencer>,
    /// Where its committees come from.
    pub committees: Committees,
}

impl fmt::Debug for CommitteeMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitteeMember")
            .field("address", &self.bft.address())
            .finish_non_exhaustive()
    }
}

impl Member {
    /// The member that votes with this key. All members name the same committees.
    pub fn new(signer: Signer, committees: Committees) -> Self {
        Self {
            signer,
            committees,
            listener: None,
            peers: Vec::new(),
            block_time: Duration::from_millis(250),
            limits: MempoolLimits::default(),
            fault: None,
        }
    }

    /// Where the others reach it.
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// The other members, those of later committees included. Its own entry, if there is one, is left out.
    pub fn peers(mut self, peers: impl IntoIterator<Item = Peer>) -> Self {
        let me = self.signer.address();
        self.peers
            .extend(peers.into_iter().filter(|peer| peer.key != me));
        self
    }

    /// Sets the least time between blocks. Default: 250 ms.
    pub fn block_time(mut self, block_time: Duration) -> Self {
        self.block_time = block_time;
        self
    }

    /// Sets how much may wait.
    pub fn limits(mut self, limits: MempoolLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets it misbehave, for development networks.
    pub fn fault(mut self, fault: Option<BftFault>) -> Self {
        self.fault = fault;
        self
    }

    /// A socket for a member to listen at.
    pub fn bind(address: SocketAddr) -> Result<TcpListener, LaunchError> {
        TcpListener::bind(address).map_err(|error| {
            LaunchError::Configuration(format!(
                "sequencers cannot be heard at {address}: {error}; give another address to listen at"
            ))
        })
    }
}

#[async_trait]
impl SequencerPlan for Member {
    fn committee(&self) -> B256 {
        match &self.committees {
            Committees::Fixed(committee) => committee.hash(),
            Committees::Elected(network, _) => network.registry().into_word(),
        }
    }

    async fn start(
        self: Box<Self>,
        parts: SequencerParts,
    ) -> Result<StartedSequencer, LaunchError> {
        let wrong = |error: &dyn fmt::Display| LaunchError::Configuration(error.to_string());
        let schedule = match &self.committees {
            Committees::Fixed(committee) => {
                Schedule::new(committee.clone()).map_err(|error| wrong(&error))?
            }
            Committees::Elected(network, borders) => {
                let settlement = parts.settlement.as_ref().ok_or_else(|| {
                    wrong(&"a committee is elected on a root; give the chain one, or a fixed committee")
                })?;
                let asked = parts.env.now();
                let registered = settlement.origin().await?;
                committee::schedule(network, *borders, registered, asked).await?
            }
        };
        let (journal, log) = media(&parts.genesis, parts.directory.as_deref(), &*parts.env)?;
        let mut config = BftConfig::new(parts.genesis, schedule);
        config.app.gas_limit = parts.gas_limit;
        config.app.limits = self.limits;
        config.replica.pace_ms = u64::try_from(self.block_time.as_millis()).unwrap_or(u64::MAX);
        config.peers = self.peers;
        config.fault = self.fault;
        let bft = BftSequencer::start(
            config,
            self.signer,
            parts.env,
            parts.gate,
            journal,
            log,
            self.listener,
        )?;
        let bft = Arc::new(bft);
        Ok(StartedSequencer {
            sequencer: bft.clone(),
            member: Some(CommitteeMember {
                bft,
                committees: self.committees,
            }),
        })
    }
}

type Media = (Box<dyn Journal>, Box<dyn RoundLog>);

/// What a member remembers: certified blocks, and what it said about the next.
fn media(
    genesis: &BlockHeader,
    directory: Option<&Path>,
    env: &dyn Env,
) -> Result<Media, LaunchError> {
    let Some(directory) = directory else {
        return Ok((
            Box::new(MemoryJournal::default()),
            Box::new(MemoryLog::default()),
        ));
    };
    let failed = |error: &dyn fmt::Display| SequencerError::Journal(error.to_string());
    let journal = FileJournal::open(directory, genesis, env).map_err(|error| failed(&error))?;
    let log = FileLog::open(directory, genesis, env).map_err(|error| failed(&error))?;
    Ok((Box::new(journal), Box::new(log)))
}
