//! What happens in a run.

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

/// How a seat lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liar {
    /// Two members with one key, each talking to one half.
    Twins,
    /// Votes otherwise to some than to others.
    Fickle,
    /// Never sends its blocks.
    Withholds,
    /// Sends what is no message, and messages with changed bytes.
    Garbage,
    /// Says again what was said before, by anybody.
    Repeats,
    /// Says nothing.
    Silent,
}

const LIARS: [Liar; 6] = [
    Liar::Twins,
    Liar::Fickle,
    Liar::Withholds,
    Liar::Garbage,
    Liar::Repeats,
    Liar::Silent,
];

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A member's log fails after so many operations more; then it is down for so long.
    Crash {
        node: usize,
        after: u32,
        down_ms: u64,
    },
    /// Members reach only those of their side.
    Part { sides: Vec<bool> },
    /// All reach all again.
    Heal,
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) weights: Vec<u64>,
    pub(super) liars: Vec<(usize, Liar)>,
    /// Of a thousand messages, how many are lost, and how many come twice.
    pub(super) loss: u32,
    pub(super) twice: u32,
    /// The longest that a message takes, in milliseconds.
    pub(super) delay_ms: u64,
    /// How far clocks are off, in milliseconds.
    pub(super) skew_ms: i64,
    pub(super) events: Vec<(u64, Event)>,
    /// When all faults but the liars' end.
    pub(super) calm_at: u64,
    /// How often a user sends something, in milliseconds.
    pub(super) pace_ms: u64,
    /// The length of parts.
    pub(super) part_bytes: usize,
    /// The longest step of a round.
    pub(super) max_timeout_ms: u64,
}

impl Scenario {
    /// Nothing goes wrong.
    pub(super) fn calm(seed: u64, weights: &[u64]) -> Self {
        Self {
            seed,
            weights: weights.to_vec(),
            liars: Vec::new(),
            loss: 0,
            twice: 0,
            delay_ms: 20,
            skew_ms: 0,
            events: Vec::new(),
            calm_at: 0,
            pace_ms: 100,
            part_bytes: 4_096,
            max_timeout_ms: 2_000,
        }
    }

    /// Much goes wrong for a while. At most `liars` seats lie, with less than a third of the stake.
    pub(super) fn random(seed: u64, seats: usize, liars: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let weights: Vec<u64> = (0..seats).map(|_| rng.random_range(10..=20)).collect();
        let mut scenario = Self {
            loss: rng.random_range(0..150),
            twice: rng.random_range(0..50),
            delay_ms: rng.random_range(5..300),
            skew_ms: rng.random_range(0..600),
            calm_at: rng.random_range(6_000..12_000),
            pace_ms: rng.random_range(100..400),
            part_bytes: if rng.random_bool(0.3) { 100 } else { 4_096 },
            ..Self::calm(seed, &weights)
        };
        let (total, mut lying) = (weights.iter().sum::<u64>(), 0);
        for _ in 0..liars {
            let seat = rng.random_range(0..seats);
            let taken = scenario.liars.iter().any(|(other, _)| *other == seat);
            if !taken && (lying + weights[seat]) * 3 < total {
                lying += weights[seat];
                let kind = LIARS[rng.random_range(0..LIARS.len())];
                scenario.liars.push((seat, kind));
            }
        }
        for _ in 0..rng.random_range(0..=4) {
            let event = Event::Crash {
                node: rng.random_range(0..seats),
                after: rng.random_range(0..40),
                down_ms: rng.random_range(1..3_000),
            };
            let at = rng.random_range(0..scenario.calm_at);
            scenario.events.push((at, event));
        }
        for _ in 0..rng.random_range(0..=2) {
            let sides = (0..2 * seats).map(|_| rng.random_bool(0.5)).collect();
            let at = rng.random_range(0..scenario.calm_at);
            scenario.events.push((at, Event::Part { sides }));
            let healed = at + rng.random_range(100..4_000);
            scenario.events.push((healed, Event::Heal));
        }
        scenario
    }

    /// Within how long after the faults end there must be a block, in milliseconds: a round to
    /// meet in, one for each seat that may not answer when it is on turn, and two for luck; each
    /// as long as rounds may become.
    pub(super) fn patience(&self) -> u64 {
        (self.liars.len() as u64 + 3) * 3 * self.max_timeout_ms
    }
}
