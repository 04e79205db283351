//! When the engine wants to be woken.

use std::collections::BTreeMap;

use arc_malachitebft_core_types::Timeout;

/// Timeouts by when they are due, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeMap<(u64, u64), Timeout>,
    count: u64,
}

impl Timers {
    pub(super) fn schedule(&mut self, at: u64, timeout: Timeout) {
        self.cancel(&timeout);
        self.count += 1;
        self.due.insert((at, self.count), timeout);
    }

    pub(super) fn cancel(&mut self, timeout: &Timeout) {
        self.due.retain(|_, held| held != timeout);
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
    }

    pub(super) fn next(&self) -> Option<u64> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn pop(&mut self, now: u64) -> Option<Timeout> {
        let first = self.due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
