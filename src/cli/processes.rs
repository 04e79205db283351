//! Files for the sequencers of a devnet that run in processes of their own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use plasma_core::B256;

use super::{
    Failure,
    node_file::{BatcherFile, ChainFile, NodeFile, Role, RootFile, SequencerFile, SequencerKind},
};
use crate::devnet::{BORDERS, ChainReport, DevAccount, DevnetConfig, DevnetReport, genesis};

/// Writes `chain-ID/genesis.json`, and `node.toml` and `sequencer.key` for each sequencer. Gives the paths of the former.
pub(super) fn write(
    folder: &Path,
    config: &DevnetConfig,
    report: &DevnetReport,
) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for (k, chain) in (0..).zip(&report.chains) {
        let folder = folder.join(format!("chain-{}", chain.chain_id));
        make(&folder)?;
        put(&folder.join("genesis.json"), &genesis(config, k), 0o644)?;
        for number in 0..chain.sequencers.len() {
            let folder = folder.join(format!("sequencer-{number}"));
            make(&folder)?;
            let key = DevAccount::member(number as u32).private_key;
            put(&folder.join("sequencer.key"), hex(&key).as_bytes(), 0o600)?;
            let file = folder.join("node.toml");
            let text = toml::to_string(&node_file(config, report, chain, number)?)?;
            put(&file, text.as_bytes(), 0o644)?;
            files.push(file);
        }
    }
    Ok(files)
}

fn node_file(
    config: &DevnetConfig,
    report: &DevnetReport,
    chain: &ChainReport,
    number: usize,
) -> Result<NodeFile, Failure> {
    let all = &chain.sequencers;
    let address = |text: &str| -> Result<std::net::SocketAddr, String> {
        let text = text.trim_start_matches("http://");
        text.parse()
            .map_err(|error| format!("`{text}` is no address: {error}"))
    };
    let mut peers = std::collections::BTreeMap::new();
    for sequencer in all {
        peers.insert(sequencer.key, address(&sequencer.peer)?);
    }
    let others = all.iter().enumerate().filter(|(other, _)| *other != number);
    Ok(NodeFile {
        role: Role::Sequencer,
        name: Some(chain.name.clone()),
        data: "data".into(),
        listen: address(&all[number].rpc)?.to_string(),
        peer: None,
        da: others.map(|(_, other)| other.rpc.clone()).collect(),
        chain: Some(ChainFile {
            id: chain.chain_id,
            execution: chain.execution.clone(),
            genesis: "../genesis.json".into(),
            genesis_time_ms: None,
        }),
        root: RootFile {
            url: report.root.rpc.clone(),
            contracts: report.root.contracts,
            key: Some("sequencer.key".into()),
            client: plasma_bridge::RootConfig::local(),
        },
        sequencer: Some(SequencerFile {
            kind: SequencerKind::Solo,
            key: "sequencer.key".into(),
            block_time_ms: config.block_time.as_millis() as u64,
            listen: Some(address(&all[number].peer)?),
            peers,
            seats: Vec::new(),
            notice_ms: Some(BORDERS.notice.as_millis() as u64),
            root_lag_ms: Some(BORDERS.lag.as_millis() as u64),
        }),
        batcher: BatcherFile {
            max_age_ms: Some(500),
            ..BatcherFile::default()
        },
    })
}

fn hex(key: &B256) -> String {
    format!("{key}\n")
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()).into())
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}
