//! What a devnet tells the programs that use it: the file of `--config-out`.

use std::{fs, io, path::Path};

use plasma_bridge::Contracts;
use plasma_core::{Address, B256};
use serde::{Deserialize, Serialize};

/// The file of `plasma devnet --config-out`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DevnetReport {
    /// The root layer.
    pub root: RootReport,
    /// The chains over it.
    pub chains: Vec<ChainReport>,
    /// The funded accounts.
    pub accounts: Vec<AccountReport>,
}

/// The root layer of a devnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootReport {
    /// Its JSON-RPC, HTTP; the same port speaks WebSocket.
    pub rpc: String,
    /// Its chain id.
    pub chain_id: u64,
    /// The contracts there.
    pub contracts: Contracts,
}

/// A chain of a devnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainReport {
    /// Its name.
    pub name: String,
    /// Its JSON-RPC, HTTP; the same port speaks WebSocket.
    pub rpc: String,
    /// Its chain id.
    pub chain_id: u64,
    /// `modules` or `evm`.
    pub execution: String,
    /// The committee's members; empty where there is one sequencer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequencers: Vec<SequencerReport>,
}

/// A member of a chain's committee.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequencerReport {
    /// The key that it votes with, and the address of its operator.
    pub key: Address,
    /// Its node's JSON-RPC.
    pub rpc: String,
    /// Where the other members reach it.
    pub peer: String,
}

/// A funded account of a devnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountReport {
    /// The address.
    pub address: Address,
    /// Its private key, which everyone knows.
    pub private_key: B256,
}

impl DevnetReport {
    /// Writes the file whole or not at all, so that who waits for it reads no half of it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let partial = path.with_extension("partial");
        fs::write(&partial, json)?;
        fs::rename(&partial, path)
    }

    /// Reads the file.
    pub fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
    }
}
