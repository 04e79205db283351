//! Which heights are kept, and who reads which.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use plasma_core::EMPTY_ROOT;

use super::StoreError;

/// The state at a height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its version: each commit and each rollback makes a new one, so that what was undone stays readable
    /// by those who hold it.
    pub(super) version: u64,
    pub(super) root: B256,
    /// Sequence of the first log record that is not in it.
    pub(super) sequence: u64,
}

/// Heights kept, and versions in use.
#[derive(Debug)]
pub(super) struct Heights {
    marks: BTreeMap<u64, Mark>,
    /// The latest state: that of the highest mark, or its equal made by a rollback.
    latest: Mark,
    /// Views held, by version.
    pins: BTreeMap<u64, usize>,
}

impl Heights {
    pub(super) fn new() -> Self {
        let latest = Mark {
            version: 0,
            root: EMPTY_ROOT,
            sequence: 0,
        };
        Self {
            marks: BTreeMap::new(),
            latest,
            pins: BTreeMap::new(),
        }
    }

    pub(super) fn height(&self) -> Option<u64> {
        self.marks.last_key_value().map(|(height, _)| *height)
    }

    pub(super) fn oldest(&self) -> Option<u64> {
        self.marks.first_key_value().map(|(height, _)| *height)
    }

    pub(super) fn latest(&self) -> Mark {
        self.latest
    }

    pub(super) fn get(&self, height: u64) -> Option<Mark> {
        self.marks.get(&height).copied()
    }

    /// The mark at `height`, or why there is none.
    pub(super) fn find(&self, height: u64) -> Result<Mark, StoreError> {
        let (Some(oldest), Some(latest)) = (self.oldest(), self.height()) else {
            return Err(StoreError::Empty);
        };
        self.get(height).ok_or(StoreError::NotKept {
            height,
            oldest,
            latest,
        })
    }

    /// Whether `height` may be committed next.
    pub(super) fn check_next(&self, got: u64) -> Result<(), StoreError> {
        match self.height() {
            Some(height) if height.checked_add(1) != Some(got) => {
                Err(StoreError::Height { height, got })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn commit(&mut self, height: u64, mark: Mark) {
        self.marks.insert(height, mark);
        self.latest = mark;
    }

    /// Drops heights above `height`, whose state is `latest` again.
    pub(super) fn rollback(&mut self, height: u64, latest: Mark) {
        self.marks.split_off(&height.saturating_add(1));
        // A snapshot of this height must be followed by what comes after the rollback.
        self.marks.insert(height, latest);
        self.latest = latest;
    }

    /// Drops the latest height, whose commit came to nothing.
    #[cfg_attr(
        not(feature = "nomt"),
        expect(dead_code, reason = "only NOMT may be behind its log")
    )]
    pub(super) fn retract(&mut self, height: u64, latest: Mark) {
        self.marks.remove(&height);
        self.latest = latest;
    }

    /// Drops heights below `height`.
    pub(super) fn prune(&mut self, height: u64) {
        self.marks = self.marks.split_off(&height);
    }

    /// The lowest version that anyone may still read.
    pub(super) fn floor(&self) -> u64 {
        // Versions ascend with heights: a rollback makes a new one for the height that it goes back to.
        let marked = self
            .marks
            .first_key_value()
            .map_or(self.latest.version, |(_, m)| m.version);
        self.pins
            .first_key_value()
            .map_or(marked, |(pinned, _)| marked.min(*pinned))
    }

    pub(super) fn pin(&mut self, version: u64) {
        *self.pins.entry(version).or_default() += 1;
    }

    pub(super) fn unpin(&mut self, version: u64) {
        if let Some(count) = self.pins.get_mut(&version) {
            *count -= 1;
            if *count == 0 {
                self.pins.remove(&version);
            }
        }
    }
}
