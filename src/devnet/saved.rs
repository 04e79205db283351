//! What a devnet with a data directory remembers of itself.

use std::{fs, path::PathBuf};

use plasma_bridge::Contracts;
use serde::{Deserialize, Serialize};

use super::{DevExecution, DevSequencer, DevnetConfig};
use crate::assembly::LaunchError;

/// The file `devnet.json` of a data directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    /// What the chains execute.
    execution: DevExecution,
    /// Who orders them, as the root has it registered.
    sequencer: DevSequencer,
    /// How many there are.
    chains: u32,
    /// How many sequencers they have.
    #[serde(default = "one")]
    sequencers: u32,
    /// The outside root, if it is one.
    root: Option<String>,
    /// Seconds for which a claim can be contested, as the root has them registered.
    challenge_window: u64,
    /// Seconds after which a message can be forced, as the root has them registered.
    forced_delay: u64,
    /// The contracts there.
    pub(super) contracts: Contracts,
}

fn one() -> u32 {
    1
}

impl Saved {
    pub(super) fn new(config: &DevnetConfig, contracts: Contracts) -> Self {
        let DevnetConfig {
            execution,
            sequencer,
            chains,
            sequencers,
            root,
            challenge_window,
            forced_delay,
            ..
        } = config;
        Self {
            execution: *execution,
            sequencer: *sequencer,
            chains: *chains,
            sequencers: *sequencers,
            root: root.clone(),
            challenge_window: *challenge_window,
            forced_delay: *forced_delay,
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
            && saved.sequencer == config.sequencer
            && saved.chains == config.chains
            && saved.sequencers == config.sequencers
            && saved.root == config.root
            && saved.challenge_window == config.challenge_window
            && saved.forced_delay == config.forced_delay;
        if same {
            return Ok(Some(saved));
        }
        let (execution, chains) = (saved.execution.name(), saved.chains);
        let sequencer = saved.sequencer.name();
        let (window, delay) = (saved.challenge_window, saved.forced_delay);
        let sequencers = saved.sequencers;
        let root = saved
            .root
            .as_deref()
            .map(|url| format!(" --root {url}"))
            .unwrap_or_default();
        Err(LaunchError::File {
            path,
            reason: format!(
                "this directory was made with --execution {execution} --sequencer {sequencer} --chains {chains} \
                 --sequencers {sequencers} \
                 --challenge-window {window}s --forced-delay {delay}s{root}; use these, or another --data directory"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_up_only_with_what_it_was_made_with() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = DevnetConfig {
            data: Some(folder.path().to_owned()),
            challenge_window: 7,
            ..DevnetConfig::default()
        };
        assert!(Saved::load(&made).expect("nothing there").is_none());
        let somewhere = plasma_core::Address::repeat_byte(1);
        let contracts = Contracts {
            xpl: somewhere,
            chain_registry: somewhere,
            inbox: somewhere,
            bridge: somewhere,
            tournament: somewhere,
            network: None,
        };
        Saved::new(&made, contracts).store(&made).expect("stored");
        assert!(Saved::load(&made).expect("the same").is_some());
        let others: [fn(&mut DevnetConfig); 6] = [
            |config| config.sequencers = 4,
            |config| config.execution = DevExecution::Evm,
            |config| config.sequencer = DevSequencer::Based,
            |config| config.chains = 2,
            |config| config.root = Some("http://127.0.0.1:1".to_owned()),
            |config| config.challenge_window = 8,
            |config| config.forced_delay = 1,
        ];
        for (index, change) in others.into_iter().enumerate() {
            let mut other = made.clone();
            change(&mut other);
            let refused = Saved::load(&other).err().map(|error| error.to_string());
            let remedy = refused.is_some_and(|text| text.contains("--challenge-window 7s"));
            assert!(remedy, "change {index} was taken");
        }
    }
}
