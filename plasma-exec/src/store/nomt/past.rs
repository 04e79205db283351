use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::Bytes;
use plasma_core::StateKey;

/// The value that a key had until `version` changed it.
pub(super) struct Replaced {
    version: u64,
    pub(super) value: Option<Bytes>,
}

/// What keys were before the versions that changed them, for all versions that may be read.
#[derive(Default)]
pub(super) struct Past {
    /// By key: the value until each version that changed it, oldest first.
    values: BTreeMap<StateKey, VecDeque<Replaced>>,
    /// The keys that each version changed, oldest first.
    versions: VecDeque<(u64, Vec<StateKey>)>,
}

impl Past {
    pub(super) fn insert(
        &mut self,
        version: u64,
        replaced: impl IntoIterator<Item = (StateKey, Option<Bytes>)>,
    ) {
        let mut keys = Vec::new();
        for (key, value) in replaced {
            self.values
                .entry(key)
                .or_default()
                .push_back(Replaced { version, value });
            keys.push(key);
        }
        self.versions.push_back((version, keys));
    }

    /// Takes back the latest version, which came to nothing.
    pub(super) fn retract(&mut self) {
        for key in self
            .versions
            .pop_back()
            .map(|(_, keys)| keys)
            .unwrap_or_default()
        {
            if let Some(values) = self.values.get_mut(&key) {
                values.pop_back();
                if values.is_empty() {
                    self.values.remove(&key);
                }
            }
        }
    }

    /// The value of `key` at `version`, if it was changed since.
    pub(super) fn get(&self, key: &StateKey, version: u64) -> Option<&Replaced> {
        let values = self.values.get(key)?;
        let next = values.partition_point(|replaced| replaced.version <= version);
        values.get(next)
    }

    /// The values that keys changed after `version` had then.
    pub(super) fn changed_since(&self, version: u64) -> BTreeMap<StateKey, Option<Bytes>> {
        let newer = self
            .versions
            .iter()
            .rev()
            .take_while(|(changed, _)| *changed > version);
        newer
            .flat_map(|(_, keys)| keys)
            .filter_map(|key| Some((*key, self.get(key, version)?.value.clone())))
            .collect()
    }

    /// Forgets what only readers of versions below `version` could ask for.
    pub(super) fn forget(&mut self, version: u64) {
        while self
            .versions
            .front()
            .is_some_and(|(changed, _)| *changed <= version)
        {
            for key in self
                .versions
                .pop_front()
                .map(|(_, keys)| keys)
                .unwrap_or_default()
            {
                if let Some(values) = self.values.get_mut(&key) {
                    values.pop_front();
                    if values.is_empty() {
                        self.values.remove(&key);
                    }
                }
            }
        }
    }
}
