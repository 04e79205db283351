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
    /// A member's node reads what the root has.
    Derive { node: usize },
    /// The root makes a block of its own, so far below the newest one.
    Force { back: u64 },
    /// The root forgets blocks, so many below the newest one, as when it reorganises.
    Forget { back: u64 },
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) weights: Vec<u64>,
    pub(super) liars: Vec<(usize, Liar)>,
    /// Committees: from when on, and whose. None for one of all members.
    pub(super) terms: Vec<(u64, Vec<usize>)>,
    /// Whether members hear of them through a root, and some of them late.
    pub(super) told_late: bool,
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
            terms: Vec::new(),
            told_late: false,
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
        // In some runs up to half of the seats are replaced, once or twice.
        let changes = if rng.random_bool(0.35) {
            rng.random_range(1..=2)
        } else {
            0
        };
        let replaced = if changes > 0 {
            rng.random_range(1..=seats / 2)
        } else {
            0
        };
        let members = seats + changes * replaced;
        let weights: Vec<u64> = (0..members).map(|_| rng.random_range(10..=20)).collect();
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
        let mut from = 0;
        for term in 0..=changes {
            let first = term * replaced;
            scenario
                .terms
                .push((from, (first..first + seats).collect()));
            from += rng.random_range(1_000..5_000);
        }
        scenario.told_late = changes > 0;
        for _ in 0..liars {
            let seat = rng.random_range(0..members);
            let taken = scenario.liars.iter().any(|(other, _)| *other == seat);
            if !taken && scenario.bears(seat) {
                let kind = LIARS[rng.random_range(0..LIARS.len())];
                scenario.liars.push((seat, kind));
            }
        }
        for _ in 0..rng.random_range(0..=4) {
            let event = Event::Crash {
                node: rng.random_range(0..members),
                after: rng.random_range(0..40),
                down_ms: rng.random_range(1..3_000),
            };
            let at = rng.random_range(0..scenario.calm_at);
            scenario.events.push((at, event));
        }
        for _ in 0..rng.random_range(0..=2) {
            let sides = (0..2 * members).map(|_| rng.random_bool(0.5)).collect();
            let at = rng.random_range(0..scenario.calm_at);
            scenario.events.push((at, Event::Part { sides }));
            let healed = at + rng.random_range(100..4_000);
            scenario.events.push((healed, Event::Heal));
        }
        for _ in 0..rng.random_range(0..=3) {
            let node = rng.random_range(0..members);
            let at = rng.random_range(0..scenario.calm_at);
            scenario.events.push((at, Event::Derive { node }));
        }
        if rng.random_bool(0.25) {
            for _ in 0..rng.random_range(1..=2) {
                let back = rng.random_range(0..=3);
                let at = rng.random_range(1_000..scenario.calm_at);
                let event = match rng.random_range(0..2) {
                    0 => Event::Force { back },
                    _ => Event::Forget { back },
                };
                scenario.events.push((at, event));
            }
        }
        scenario
    }

    /// The same for a short while: a large committee says much.
    pub(super) fn brief(seed: u64, seats: usize, liars: usize) -> Self {
        let mut scenario = Self::random(seed, seats, liars);
        scenario.calm_at = 1_500;
        scenario.delay_ms = scenario.delay_ms.min(100);
        scenario.skew_ms = scenario.skew_ms.min(100);
        scenario.pace_ms = 300;
        scenario.events.retain(|(at, _)| *at < 1_500);
        scenario
    }

    /// Whether every committee has more than two thirds of its stake that is honest, if a seat lies too.
    fn bears(&self, seat: usize) -> bool {
        let lies = |one: usize| one == seat || self.liars.iter().any(|(liar, _)| *liar == one);
        self.terms.iter().all(|(_, seats)| {
            let total: u64 = seats.iter().map(|one| self.weights[*one]).sum();
            let lying = seats.iter().filter(|one| lies(**one));
            lying.map(|one| self.weights[*one]).sum::<u64>() * 3 < total
        })
    }

    /// Within how long after the faults end there must be a block, in milliseconds: a round to
    /// meet in, one for each seat that may not answer when it is on turn, and two for luck; each
    /// as long as rounds may become.
    pub(super) fn patience(&self) -> u64 {
        (self.liars.len() as u64 + 3) * 3 * self.max_timeout_ms
    }
}
