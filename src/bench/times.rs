//! Taking times, and saying them.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::cores;

/// Times of the same work, in order.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// These, in any order.
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The shortest time that at least so many percent took no longer than (the nearest rank); zero without any.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The time that half of them took no longer than.
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// How many of `count` that were done in each time were done in a second of the median.
    pub fn rate(&self, count: usize) -> f64 {
        rate(count, self.median())
    }

    /// Slowest and fastest rate, in words.
    pub fn spread(&self, count: usize) -> String {
        if self.0.len() == 1 {
            return "one run".to_owned();
        }
        let [slow, fast] = [100, 0].map(|percent| digits(rate(count, self.percentile(percent))));
        format!("median of {} runs, {slow} to {fast}", self.0.len())
    }

    /// The usual three of them, in units of `unit`.
    pub fn percentiles(&self, unit: Duration) -> Percentiles {
        let of = |percent| self.percentile(percent).as_secs_f64() / unit.as_secs_f64();
        Percentiles {
            p50: of(50),
            p90: of(90),
            p99: of(99),
            samples: self.0.len(),
        }
    }
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them took no longer.
    pub p50: f64,
    /// Nine of ten took no longer.
    pub p90: f64,
    /// All but one of a hundred took no longer: of fewer samples than a hundred, the longest.
    pub p99: f64,
    /// How many were timed.
    pub samples: usize,
}

/// How much was done in a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// How long it takes.
pub fn time<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let started = Instant::now();
    let result = work();
    (started.elapsed(), result)
}

/// Maps items on all cores, in order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
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

/// Three digits, or all before the point, with commas.
pub fn digits(value: f64) -> String {
    let places = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.places$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, whole) = whole
        .strip_prefix('-')
        .map_or(("", whole), |whole| ("-", whole));
    let grouped: Vec<&str> = (0..whole.len().div_ceil(3))
        .rev()
        .map(|group| &whole[whole.len().saturating_sub(3 * group + 3)..whole.len() - 3 * group])
        .collect();
    format!("{sign}{}{rest}", grouped.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_taken_and_so_many_took_no_longer() {
        let times = |count: u64| Times::new((1..=count).rev().map(Duration::from_millis).collect());
        let cases = [
            (1, [1, 1, 1]),
            (2, [1, 2, 2]),
            (10, [5, 9, 10]),
            (30, [15, 27, 30]),
            (100, [50, 90, 99]),
            (1_000, [500, 900, 990]),
        ];
        for (count, expected) in cases {
            let Percentiles {
                p50,
                p90,
                p99,
                samples,
            } = times(count).percentiles(Duration::from_millis(1));
            let found = [p50, p90, p99].map(|value| value.round() as u64);
            assert_eq!((found, samples as u64), (expected, count));
        }
        assert_eq!(Times::default().percentile(50), Duration::ZERO);
        assert_eq!(times(7).percentile(0), Duration::from_millis(1));
        assert_eq!(times(7).percentile(100), Duration::from_millis(7));
    }

    #[test]
    fn items_are_mapped_in_order_however_many_there_are() {
        for count in [0_usize, 1, 2, 3, 100, 101] {
            let items: Vec<usize> = (0..count).collect();
            let doubled: Vec<usize> = items.iter().map(|n| n * 2).collect();
            assert_eq!(in_parallel(&items, |n| n * 2), doubled);
        }
    }

    #[test]
    fn numbers_are_grouped_and_keep_three_digits() {
        let cases = [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (999.6, "1,000"),
            (1_234_567.8, "1,234,568"),
            (-4_321.0, "-4,321"),
        ];
        for (value, text) in cases {
            assert_eq!(digits(value), text);
        }
    }
}
