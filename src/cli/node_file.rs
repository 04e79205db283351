//! The configuration file of `plasma node`.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use clap::ValueEnum;
use plasma_bridge::{Contracts, RootConfig};
use plasma_core::{Address, Committee, Epoch, Seat};
use plasma_sequencer::Peer;
use serde::{Deserialize, Serialize};

use crate::{committee::Borders, node::BatcherConfig};

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// Orders alone, publishes and claims.
    Full,
    /// Orders with others, in a committee; publishes and claims in turn with them.
    Sequencer,
    /// Derives from the root and the published bytes alone.
    Verifier,
}

/// The configuration file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeFile {
    pub(super) role: Role,
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Where to keep data.
    pub(super) data: PathBuf,
    /// Where to serve JSON-RPC.
    pub(super) listen: String,
    /// A node of the chain: for its genesis when none is given here, for bytes, and to hand transactions to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<String>,
    /// Whom to ask for the published bytes that this node does not have, one after the other; the peer otherwise.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_many"
    )]
    pub(super) da: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chain: Option<ChainFile>,
    pub(super) root: RootFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequencer: Option<SequencerFile>,
    #[serde(default)]
    pub(super) batcher: BatcherFile,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainFile {
    pub(super) id: u64,
    /// `modules`, `evm` or `wasm`.
    pub(super) execution: String,
    /// The genesis configuration, JSON.
    pub(super) genesis: PathBuf,
    /// The chain's birth, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) genesis_time_ms: Option<u64>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootFile {
    pub(super) url: String,
    pub(super) contracts: Contracts,
    /// The file with the key that publishes and claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<PathBuf>,
    #[serde(default)]
    pub(super) client: RootConfig,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SequencerFile {
    /// Role full: who orders.
    #[serde(default)]
    pub(super) kind: SequencerKind,
    /// The file with the key that certifies; where the root orders, the one that this node's word is signed with.
    pub(super) key: PathBuf,
    #[serde(default = "default_block_time_ms")]
    pub(super) block_time_ms: u64,
    /// Role sequencer: where the other members reach this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listen: Option<SocketAddr>,
    /// Role sequencer: the members, those of later committees included, by the keys that they vote with. This node's own
    /// entry may be among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) peers: BTreeMap<Address, SocketAddr>,
    /// Role sequencer, on a chain with a fixed committee: its seats, in order. Elsewhere the root's registry elects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) seats: Vec<SeatFile>,
    /// Role sequencer: from an election on the root to the border of epochs. The same at all members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notice_ms: Option<u64>,
    /// Role sequencer: how far the root's clock may be behind this node's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) root_lag_ms: Option<u64>,
}

/// Who orders, at a node of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SequencerKind {
    /// The key of this node, alone.
    #[default]
    Solo,
    /// The root: always, or while a committee in which this node has no seat is silent.
    Based,
}

/// A seat of a fixed committee.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatFile {
    pub(super) key: Address,
    pub(super) weight: u64,
}

impl SequencerFile {
    /// The others, as the sequencer knows them.
    pub(super) fn peers(&self) -> Vec<Peer> {
        let peers = self.peers.iter();
        let peer = |(key, address): (&Address, &SocketAddr)| Peer {
            key: *key,
            address: *address,
        };
        peers.map(peer).collect()
    }

    /// The fixed committee, if the file names one.
    pub(super) fn committee(&self) -> Option<Committee> {
        let seat = |seat: &SeatFile| Seat {
            key: seat.key,
            weight: seat.weight,
        };
        (!self.seats.is_empty()).then(|| Committee {
            epoch: Epoch(0),
            seats: self.seats.iter().map(seat).collect(),
        })
    }

    /// When elections take effect.
    pub(super) fn borders(&self) -> Borders {
        let default = Borders::default();
        Borders {
            notice: self.notice_ms.map_or(default.notice, Duration::from_millis),
            lag: self.root_lag_ms.map_or(default.lag, Duration::from_millis),
        }
    }
}

/// A text, or a list of them.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

fn default_block_time_ms() -> u64 {
    250
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BatcherFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_cost_wei: Option<u128>,
}

impl BatcherFile {
    pub(super) fn config(&self) -> BatcherConfig {
        let default = BatcherConfig::default();
        BatcherConfig {
            max_age: self
                .max_age_ms
                .map_or(default.max_age, Duration::from_millis),
            target_bytes: self.target_bytes.unwrap_or(default.target_bytes),
            max_cost_wei: self.max_cost_wei.unwrap_or(default.max_cost_wei),
            ..default
        }
    }
}
