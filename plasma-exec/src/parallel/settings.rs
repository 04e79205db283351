//! When a block is worth more than one thread.

use core::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};
use std::sync::OnceLock;

use plasma_core::Receipt;

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
    /// What a unit of gas took in the last block that was folded though it could have been spread, in picoseconds.
    fold: AtomicU64,
    /// How many were folded, as far as that matters.
    folded: AtomicU32,
    /// Runs that are not tried.
    skip: AtomicU32,
    /// How many runs were not tried after the last one that was no gain.
    penalty: AtomicU32,
    /// How many were tried since one was folded.
    tried: AtomicU32,
}

/// The shortest and the longest time without a try after one that was no gain, in runs.
const LEAST_SKIPPED: u32 = 7;
const MOST_SKIPPED: u32 = 63;
/// After so many tries a block is folded, to see what that takes now.
const MOST_TRIED: u32 = 31;
/// The first time that anything is done says little: nothing is in any memory yet.
const FIRST: u32 = 1;

/// What was done, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    time: Duration,
    gas: u64,
}

impl Cost {
    pub(super) fn new<'a>(time: Duration, receipts: impl IntoIterator<Item = &'a Receipt>) -> Self {
        let gas = receipts.into_iter().map(|receipt| receipt.gas_used.0);
        let gas = gas.fold(0, u64::saturating_add);
        Self { time, gas }
    }

    /// What a unit of gas took, in picoseconds: one at least.
    fn per_gas(self) -> Option<u64> {
        let picoseconds = self.time.as_nanos().checked_mul(1_000)?;
        let each = picoseconds.checked_div(self.gas.into())?;
        u64::try_from(each.max(1)).ok()
    }
}

impl Settings {
    /// So far nothing is learned.
    #[cfg(any(test, feature = "wasm"))]
    pub(crate) fn with(parallelism: Parallelism) -> Self {
        Self {
            parallelism,
            ..Self::default()
        }
    }

    /// Whether the next run is tried on threads. Blocks are like those before them: after a run that was no gain some are
    /// folded, the more the oftener.
    pub(super) fn tries(&self) -> bool {
        if self.parallelism.insists() {
            return true;
        }
        let less = |skip: u32| skip.checked_sub(1);
        let skip = &self.skip;
        if skip
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
        {
            return false;
        }
        let known = self.folded.load(Ordering::Relaxed) > FIRST;
        if known && self.tried.fetch_add(1, Ordering::Relaxed) < MOST_TRIED {
            return true;
        }
        self.tried.store(0, Ordering::Relaxed);
        false
    }

    /// Takes note of what a block took that was folded.
    pub(super) fn folded(&self, cost: Cost) {
        if let Some(each) = cost.per_gas() {
            self.fold.store(each, Ordering::Relaxed);
            if self.folded.load(Ordering::Relaxed) <= FIRST {
                self.folded.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes note of what a run took on threads.
    pub(super) fn spread(&self, cost: Cost) {
        let first = self.tried.load(Ordering::Relaxed) <= FIRST;
        if first && self.penalty.load(Ordering::Relaxed) == 0 {
            return;
        }
        let fold = self.fold.load(Ordering::Relaxed);
        self.learn(cost.per_gas().is_none_or(|each| each < fold));
    }

    /// Takes note of a run that had to be given up.
    pub(super) fn given_up(&self) {
        self.learn(false);
    }

    fn learn(&self, gained: bool) {
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
impl Settings {
    /// Such as have met a fold that anything is faster than.
    pub(super) fn eager(parallelism: Parallelism) -> Self {
        let settings = Self::with(parallelism);
        for _ in 0..=FIRST {
            settings.folded(Cost {
                time: Duration::from_secs(1_000),
                gas: 1,
            });
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use plasma_core::Gas;

    use super::*;

    fn cost(nanoseconds: u64, gas: u64) -> Cost {
        let receipt = Receipt {
            gas_used: Gas(gas),
            ..Receipt::default()
        };
        Cost::new(Duration::from_nanos(nanoseconds), [&receipt])
    }

    #[test]
    fn what_is_no_gain_is_tried_ever_less_often_and_insisting_always() {
        let settings = Settings::default();
        let mut tried = Vec::new();
        for run in 0..300 {
            if settings.tries() {
                tried.push(run);
                settings.spread(cost(100, 100));
            } else {
                settings.folded(cost(100, 100));
            }
        }
        // The first ones are folded, for nobody knows what that takes; and of the tries the very first one does not count.
        assert_eq!(tried, [2, 3, 11, 27, 59, 123, 187, 251]);
        while !settings.tries() {}
        settings.given_up();
        assert!(!settings.tries());
        let insisting = Settings::with(Parallelism::always(3));
        insisting.given_up();
        assert!(insisting.tries());
        assert_eq!(insisting.parallelism.threads(), 3);
        assert_eq!(Parallelism::sequential().threads(), 1);
        assert!(Parallelism::default().threads() >= 1);
    }

    #[test]
    fn what_is_a_gain_is_compared_anew_with_the_fold_now_and_then() {
        let settings = Settings::default();
        let mut folded = Vec::new();
        for run in 0..100 {
            if settings.tries() {
                // Twice the gas in less than twice the time.
                settings.spread(cost(199, 200));
            } else {
                folded.push(run);
                settings.folded(cost(100, 100));
            }
        }
        assert_eq!(folded, [0, 1, 33, 65, 97]);
        // Where the fold became faster, it is taken.
        while settings.tries() {}
        settings.folded(cost(50, 100));
        for _ in 0..2 {
            assert!(settings.tries());
            settings.spread(cost(51, 100));
        }
        assert!(!settings.tries());
        // What used nothing says nothing.
        settings.folded(cost(1, 0));
        assert_eq!(settings.fold.load(Ordering::Relaxed), 500);
    }
}
