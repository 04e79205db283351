//! When a block is worth more than one thread.

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

/// How blocks are spread over threads. No result depends on it.
///
/// By itself an execution uses all cores for blocks that are worth it: small ones, and such as turn out to be one
/// long chain of dependencies, are done on one thread, which is faster then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallelism {
    threads: usize,
    insists: bool,
}

/// More threads than this only wait for each other.
const MOST_THREADS: usize = 64;

impl Default for Parallelism {
    /// All cores, where it pays.
    fn default() -> Self {
        Self::up_to(0)
    }
}

impl Parallelism {
    /// At most so many threads, where it pays; 0 for as many as there are cores.
    pub const fn up_to(threads: usize) -> Self {
        Self {
            threads,
            insists: false,
        }
    }

    /// One thread: blocks are folded step by step.
    pub const fn sequential() -> Self {
        Self::up_to(1)
    }

    /// The parallel engine on exactly so many threads, however small a block is and however much of it conflicts:
    /// for tests and benches.
    pub const fn always(threads: usize) -> Self {
        Self {
            threads,
            insists: true,
        }
    }

    /// At least one.
    pub(super) fn threads(self) -> usize {
        let threads = match self.threads {
            0 => cores(),
            threads => threads,
        };
        threads.clamp(1, MOST_THREADS)
    }

    /// Whether neither cost nor conflicts are asked about.
    pub(super) fn insists(self) -> bool {
        self.insists
    }
}

/// The cores that the process may use. Asking the system takes longer than a small block, so that is done once.
pub(crate) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// An execution's settings, and what it learned from the blocks before.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) parallelism: Parallelism,
    /// Runs that are not tried.
    skip: AtomicU32,
    /// How many runs were not tried after the last one that was no gain.
    penalty: AtomicU32,
    /// How many were tried since one that was no gain.
    tried: AtomicU32,
}

/// The shortest and the longest time without a try after one that was no gain, in runs.
const LEAST_SKIPPED: u32 = 7;
const MOST_SKIPPED: u32 = 63;
/// Of so many runs one is compared with the fold, the first one among them.
const COMPARED: u32 = 16;

impl Settings {
    /// So far nothing is learned.
    #[cfg(any(test, feature = "wasm"))]
    pub(crate) fn with(parallelism: Parallelism) -> Self {
        Self {
            parallelism,
            ..Self::default()
        }
    }

    /// Whether the next run is tried. Blocks are like those before them: after one that was no gain some are folded, the
    /// more the oftener.
    pub(super) fn tries(&self) -> bool {
        self.parallelism.insists()
            || self
                .skip
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |skip| {
                    skip.checked_sub(1)
                })
                .is_err()
    }

    /// Whether the run that is tried now is to be compared with the fold.
    pub(super) fn compares(&self) -> bool {
        let tried = self.tried.fetch_add(1, Ordering::Relaxed);
        !self.parallelism.insists() && tried.is_multiple_of(COMPARED)
    }

    /// Takes note of whether a run was a gain.
    pub(super) fn learn(&self, gained: bool) {
        if gained {
            self.penalty.store(0, Ordering::Relaxed);
            return;
        }
        let penalty = self.penalty.load(Ordering::Relaxed) * 2 + 1;
        let penalty = penalty.clamp(LEAST_SKIPPED, MOST_SKIPPED);
        self.penalty.store(penalty, Ordering::Relaxed);
        self.skip.store(penalty, Ordering::Relaxed);
        self.tried.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_is_no_gain_is_tried_ever_less_often_and_insisting_always() {
        let settings = Settings::default();
        let mut tried = Vec::new();
        for run in 0..300 {
            if settings.tries() {
                tried.push(run);
                assert!(settings.compares());
                settings.learn(false);
            }
        }
        assert_eq!(tried, [0, 8, 24, 56, 120, 184, 248]);
        while !settings.tries() {}
        settings.learn(true);
        assert!(settings.tries());
        let compared = (0..40).filter(|_| settings.compares());
        assert_eq!(compared.collect::<Vec<_>>(), [0, 16, 32]);
        let insisting = Settings::with(Parallelism::always(3));
        insisting.learn(false);
        assert!(insisting.tries() && !insisting.compares());
        assert_eq!(insisting.parallelism.threads(), 3);
        assert_eq!(Parallelism::sequential().threads(), 1);
        assert!(Parallelism::default().threads() >= 1);
    }
}
