//! A round's cast, from a seed: who lies how, when they move, and what else goes wrong.

use std::{ops::Range, sync::Arc};

use plasma_bridge::Role;
use plasma_core::{Address, U256, keccak256};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::{
    actors::{Actor, Pace},
    story::Story,
    world::{Base, WINDOW},
};

/// Everything that is decided before a round begins.
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) actors: Vec<Actor>,
    /// The actors that tell the truth by the player's rules, and count as honest.
    pub(crate) honest: usize,
    /// Somebody sends what the honest one is about to send, before it.
    pub(crate) copier: bool,
    /// While these seconds pass after the round's opening, nothing of the honest one gets into a block.
    pub(crate) censored: Vec<Range<u64>>,
    /// In a hundred blocks, so many are undone after they were read.
    pub(crate) reorgs: u32,
    /// In a hundred blocks, before so many somebody tries what is not allowed.
    pub(crate) meddling: u32,
    /// The honest one sleeps through this many rounds that nobody survives.
    pub(crate) absent: u64,
    /// The longest time between two blocks.
    pub(crate) interval: u64,
    pub(crate) purse: U256,
    /// Accounts with code that cannot be paid.
    pub(crate) refusing: Vec<(Address, &'static [u8])>,
}

/// Code that refuses to be paid, and code that takes all gas with it.
pub(crate) const REVERTS: [u8; 3] = [0x5f, 0x5f, 0xfd];
pub(crate) const BURNS_GAS: [u8; 3] = [0x5b, 0x5f, 0x56];

/// The ways to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Claims, and says nothing more.
    Silent,
    /// Everything in the last second.
    LastSecond,
    /// Comes when the one before has lost, and loses at once.
    QuickLoser,
    /// The right outcome over a wrong outer trace.
    OuterFrenemy,
    /// The true claim over a wrong run of the machine.
    InnerFrenemy,
    /// A random root with a valid last leaf.
    Hollow,
    /// Wrong from the first leaf on.
    FirstLeaf,
    /// Wrong in the last leaf alone.
    LastLeaf,
    /// Wrong only where nothing happens any more.
    Padding,
    /// Wrong together with another, who differs.
    BothWrong,
    /// Comes in the window's last second.
    Late,
    /// Another run for somebody else's lie.
    Swarm,
    /// Takes its time over everything.
    Slow,
}

pub(crate) const KINDS: [Kind; 13] = [
    Kind::Silent,
    Kind::LastSecond,
    Kind::QuickLoser,
    Kind::OuterFrenemy,
    Kind::InnerFrenemy,
    Kind::Hollow,
    Kind::FirstLeaf,
    Kind::LastLeaf,
    Kind::Padding,
    Kind::BothWrong,
    Kind::Late,
    Kind::Swarm,
    Kind::Slow,
];

impl Scenario {
    pub(crate) fn random(seed: u64, base: &Base) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let liars = match rng.random_range(0..100) {
            0..70 => rng.random_range(1..=3),
            70..92 => rng.random_range(4..=10),
            92..98 => rng.random_range(11..=30),
            _ => rng.random_range(31..=63),
        };
        let kinds: Vec<Kind> = (0..liars)
            .map(|_| *KINDS.choose(&mut rng).expect("some"))
            .collect();
        Self::with(seed, base, &kinds)
    }

    /// Moves that the honest one may have to make again.
    pub(crate) fn undone(&self, blocks: u64) -> u64 {
        if self.reorgs == 0 { 0 } else { blocks }
    }

    /// Liars who play at once but never say how the machine ran, and an honest one that sleeps through so many rounds.
    pub(crate) fn abandoned(seed: u64, base: &Base, liars: usize, absent: u64) -> Self {
        let mut scenario = Self::with(seed, base, &vec![Kind::FirstLeaf; liars]);
        for liar in &mut scenario.actors[1..] {
            (liar.joins, liar.moves) = (Pace::Prompt, Pace::Prompt);
            (liar.joins_inner, liar.clears) = (Pace::Never, true);
        }
        scenario.absent = absent;
        scenario
    }

    /// These liars, everything else from the seed.
    pub(crate) fn with(seed: u64, base: &Base, kinds: &[Kind]) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0x5eed);
        let honest = Actor {
            name: "honest".into(),
            account: account(seed, u64::MAX),
            story: Arc::new(Story::honest(&base.truth, &base.heights)),
            joins: Pace::Prompt,
            joins_inner: Pace::Prompt,
            moves: Pace::Prompt,
            clears: true,
            role: if rng.random() {
                Role::Proposer
            } else {
                Role::Challenger
            },
        };
        let mut actors = vec![honest];
        for (place, kind) in kinds.iter().enumerate() {
            actors.push(liar(&mut rng, seed, place as u64, *kind, base));
        }
        let censored = match rng.random_range(0..4) {
            // A burst, or drips; less than the window together, with room for what the honest one must do.
            0 => {
                let start = rng.random_range(0..3 * WINDOW);
                let length = rng.random_range(1..WINDOW - 200);
                std::iter::once(start..start + length).collect()
            }
            1 => {
                let every = rng.random_range(40..400);
                (0..20)
                    .map(|drip| drip * every..drip * every + WINDOW / 50)
                    .collect()
            }
            _ => Vec::new(),
        };
        let refusing = actors[1..]
            .iter()
            .filter_map(|liar| match rng.random_range(0..12) {
                0 => Some((liar.account, &REVERTS[..])),
                1 => Some((liar.account, &BURNS_GAS[..])),
                _ => None,
            })
            .collect();
        Self {
            seed,
            actors,
            honest: 0,
            copier: rng.random_range(0..8) == 0,
            censored,
            reorgs: if rng.random_range(0..6) == 0 { 3 } else { 0 },
            meddling: if rng.random_range(0..4) == 0 { 30 } else { 0 },
            absent: 0,
            interval: rng.random_range(1..=12),
            purse: U256::from(10).pow(U256::from(20)),
            refusing,
        }
    }
}

fn account(seed: u64, place: u64) -> Address {
    let hash = keccak256([seed.to_be_bytes(), place.to_be_bytes()].concat());
    Address::from_word(hash)
}

fn liar(rng: &mut StdRng, seed: u64, place: u64, kind: Kind, base: &Base) -> Actor {
    let leaves = 1_u64 << base.heights[0];
    let real = base.truth.runs.len() as u64;
    let steps: u64 = 1 << base.heights[1..].iter().sum::<u8>();
    let (outer_seed, inner_seed) = (seed ^ (place + 1), rng.random());
    let wrong_from = rng.random_range(1..=steps);
    // The first liar's lie is one that others can share.
    let shared = seed % real;
    let from_segment = if place == 0 {
        shared
    } else {
        rng.random_range(0..real)
    };
    let story = Story::honest(&base.truth, &base.heights).short_by(rng.random_range(0..2));
    let story = story.inner(inner_seed, wrong_from..steps + 1);
    let story = match kind {
        Kind::OuterFrenemy => story.outer(
            outer_seed,
            from_segment..rng.random_range(from_segment + 1..leaves),
        ),
        Kind::InnerFrenemy => story.inner(inner_seed, wrong_from.min(steps - 1)..steps),
        Kind::Hollow => story.outer(outer_seed, leaves - 1..leaves).hollow(),
        Kind::FirstLeaf => story.outer(outer_seed, 0..leaves),
        Kind::LastLeaf => story.outer(outer_seed, leaves - 1..leaves),
        Kind::Padding => story.outer(outer_seed, rng.random_range(real..leaves)..leaves),
        // The same wrong start, and different ways on.
        Kind::BothWrong => story
            .outer(seed ^ 0xb07, 0..leaves)
            .outer(outer_seed, from_segment..leaves),
        // The first liar's lie.
        Kind::Swarm => story.outer(seed ^ 1, shared..leaves),
        _ => story.outer(outer_seed, from_segment..leaves),
    };
    let any = |rng: &mut StdRng| match rng.random_range(0..4) {
        0 => Pace::After(rng.random_range(0..WINDOW)),
        1 => Pace::LastSecond,
        _ => Pace::Prompt,
    };
    let (joins, joins_inner, moves) = match kind {
        Kind::Silent => (
            any(rng),
            if rng.random() {
                Pace::Never
            } else {
                Pace::Prompt
            },
            Pace::Never,
        ),
        Kind::LastSecond => (any(rng), Pace::LastSecond, Pace::LastSecond),
        Kind::QuickLoser => (Pace::After(place * WINDOW / 64), Pace::Prompt, Pace::Prompt),
        Kind::Late => (Pace::LastSecond, Pace::LastSecond, any(rng)),
        Kind::Slow => (
            any(rng),
            any(rng),
            Pace::After(rng.random_range(0..WINDOW / 3)),
        ),
        _ => (any(rng), any(rng), any(rng)),
    };
    Actor {
        name: format!("{kind:?} {place}"),
        account: account(seed, place),
        story: Arc::new(story),
        joins,
        joins_inner,
        moves,
        clears: rng.random(),
        role: Role::Proposer,
    }
}
