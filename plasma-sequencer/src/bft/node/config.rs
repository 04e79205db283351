//! What a member is told once.

use std::net::SocketAddr;

use plasma_core::{Address, BlockHeader};

use super::BftFault;
use crate::bft::{AppConfig, ReplicaConfig, Schedule};

/// Another member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The key that it votes with, and proves on every link.
    pub key: Address,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How a [`BftSequencer`](super::BftSequencer) works.
#[derive(Clone, Debug)]
pub struct BftConfig {
    /// What is agreed on. The same at all members.
    pub app: AppConfig,
    /// How.
    pub replica: ReplicaConfig,
    /// Who certifies when.
    pub schedule: Schedule,
    /// The other members, those of later committees included.
    pub peers: Vec<Peer>,
    /// How it misbehaves, on a development network.
    pub fault: Option<BftFault>,
}

impl BftConfig {
    /// The defaults for a chain and its committees.
    pub fn new(genesis: BlockHeader, schedule: Schedule) -> Self {
        Self {
            app: AppConfig::new(genesis),
            replica: ReplicaConfig::default(),
            schedule,
            peers: Vec::new(),
            fault: None,
        }
    }
}
