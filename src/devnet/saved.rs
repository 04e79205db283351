//! What a devnet with a data directory remembers of itself.

use std::{fs, path::PathBuf};

use plasma_bridge::Contracts;
use serde::{Deserialize, Serialize};

use super::{DevExecution, DevnetConfig};
use crate::assembly::LaunchError;

/// The file `devnet.json` of a data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    /// What the chains execute.
    execution: DevExecution,
    /// How many there are.
    chains: u32,
    /// The outside root, if it is one.
    root: Option<String>,
    /// The contracts there.
    pub(super) contracts: Contracts,
}

impl Saved {
    pub(super) fn new(config: &DevnetConfig, contracts: Contracts) -> Self {
        let DevnetConfig {
            execution,
            chains,
            root,
            ..
        } = config;
        Self {
            execution: *execution,
            chains: *chains,
            root: root.clone(),
            contracts,
        }
    }

    fn path(config: &DevnetConfig) -> Option<PathBuf> {
        config.data.as_ref().map(|data| data.join("devnet.json"))
    }

    /// What the directory remembers; `None` when it is new. A devnet of another kind is refused.
    pub(super) fn load(config: &DevnetConfig) -> Result<Option<Self>, LaunchError> {
        let Some(path) = Self::path(config) else {
            return Ok(None);
        };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LaunchError::Directory { path, source }),
        };
        let saved: Self = serde_json::from_slice(&text).map_err(|error| LaunchError::File {
            path: path.clone(),
            reason: format!("not a devnet's file ({error}); use an empty --data directory"),
        })?;
        let same = saved.execution == config.execution
            && saved.chains == config.chains
            && saved.root == config.root;
        if same {
            return Ok(Some(saved));
        }
        let (execution, chains) = (saved.execution.name(), saved.chains);
        let root = saved
            .root
            .as_deref()
            .map(|url| format!(" --root {url}"))
            .unwrap_or_default();
        Err(LaunchError::File {
            path,
            reason: format!(
                "this directory was made with --execution {execution} --chains {chains}{root}; use these, or another \
                 --data directory"
            ),
        })
    }

    /// Writes the file whole or not at all.
    pub(super) fn store(&self, config: &DevnetConfig) -> Result<(), LaunchError> {
        let Some(path) = Self::path(config) else {
            return Ok(());
        };
        let failed = |source| LaunchError::Directory {
            path: path.clone(),
            source,
        };
        let json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let partial = path.with_extension("partial");
        fs::write(&partial, json)
            .and_then(|()| fs::File::open(&partial)?.sync_all())
            .map_err(failed)?;
        fs::rename(&partial, &path).map_err(failed)
    }
}
