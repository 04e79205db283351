//! Taking times.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::figure::{cores, digits};

/// The times of several runs of one workload, in order.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that this share of the runs took no longer than.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// How much was done in a second in the median run.
    pub(crate) fn rate(&self, count: usize) -> f64 {
        rate(count, self.median())
    }

    /// Slowest and fastest, in words.
    pub(crate) fn spread(&self, count: usize) -> String {
        if self.0.len() == 1 {
            return "one run".to_owned();
        }
        let [slow, fast] = [100, 0].map(|percent| digits(rate(count, self.percentile(percent))));
        format!("median of {} runs, {slow} to {fast}", self.0.len())
    }
}

/// How much was done in a second.
pub(crate) fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// How long it takes.
pub(crate) fn time<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let started = Instant::now();
    let result = work();
    (started.elapsed(), result)
}

/// Maps items on all cores, in order.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(cores()).max(1);
    let map = &map;
    thread::scope(|scope| {
        let chunks: Vec<_> = items
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().map(map).collect::<Vec<R>>()))
            .collect();
        chunks
            .into_iter()
            .flat_map(|chunk| chunk.join().expect("the work does not panic"))
            .collect()
    })
}
