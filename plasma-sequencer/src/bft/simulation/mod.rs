//! A committee in one thread: virtual time, a network that loses, delays, repeats and reorders,
//! members that crash anywhere and come back with their logs, and seats that lie.
//!
//! In some runs committees change, and members hear of that late; the root overrides blocks with one of its own, and
//! has blocks that a member lacks.
//!
//! Everything follows from a seed. `PLASMA_SEED=7 cargo nextest run -p plasma-sequencer --features
//! bft simulation` replays one; `PLASMA_LONG=1` tries thousands, `PLASMA_RUNS=300` so many of each kind.
//!
//! What is checked, in every run:
//! - no two blocks at one height are certified, by anybody, but where the root overrode the first, and all honest
//!   members have the same bytes;
//! - every certificate is one that the root accepts;
//! - no honest key is in anybody's evidence;
//! - no honest member stops;
//! - once the faults end, all honest members go on within a [bound](scenario::Scenario::patience),
//!   and every transaction gets into exactly one block.

mod checks;
mod liars;
mod network;
mod root;
mod scenario;
mod world;

use std::time::Instant;

use plasma_core::{Committee, Epoch, Height, Seat, Timestamp};

use scenario::{Liar, Scenario};
use world::{DAWN, World};

/// The seeds of a test: some, or many, or one, or as many as are asked for.
fn seeds(some: u64, many: u64) -> Vec<u64> {
    let asked = |name| {
        let value = std::env::var(name).ok()?;
        Some(
            value
                .parse()
                .unwrap_or_else(|_| panic!("{name} is a number")),
        )
    };
    if let Some(seed) = asked("PLASMA_SEED") {
        return vec![seed];
    }
    if let Some(runs) = asked("PLASMA_RUNS") {
        return (0..runs).collect();
    }
    let long = std::env::var("PLASMA_LONG").is_ok_and(|value| value != "0" && !value.is_empty());
    (0..if long { many } else { some }).collect()
}

/// Runs scenarios; gives how many pieces of evidence there were against liars.
fn run_all(name: &str, seeds: Vec<u64>, scenario: impl Fn(u64) -> Scenario) -> usize {
    let began = Instant::now();
    let (mut evidence, mut heights, mut slowest) = (0, 0, 0);
    let count = seeds.len();
    for seed in seeds {
        let mut world = World::new(scenario(seed));
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
        match shown {
            Ok(outcome) => {
                evidence += outcome.accused;
                heights += outcome.height;
                slowest = slowest.max(outcome.recovery_ms);
            }
            Err(panic) => {
                eprintln!("{name}: PLASMA_SEED={seed} replays this");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!(
        "{name}: {count} runs, {heights} heights in {:.1} s; slowest to go on after {slowest} ms; \
         {evidence} liars found out",
        began.elapsed().as_secs_f64()
    );
    evidence
}

#[test]
fn four_agree_whatever_the_network_does() {
    run_all("4 honest", seeds(12, 1_000), |seed| {
        Scenario::random(seed, 4, 0)
    });
}

#[test]
fn four_agree_with_a_liar_among_them() {
    run_all("4, one lies", seeds(24, 2_000), |seed| {
        Scenario::random(seed, 4, 1)
    });
}

#[test]
fn seven_agree_with_liars_among_them() {
    run_all("7, two lie", seeds(10, 1_800), |seed| {
        Scenario::random(seed, 7, 2)
    });
}

#[test]
fn sixteen_agree_with_liars_among_them() {
    run_all("16, some lie", seeds(2, 200), |seed| {
        Scenario::random(seed, 16, 5)
    });
}

#[test]
fn fifty_agree_with_liars_among_them() {
    run_all("50, some lie", seeds(1, 10), |seed| {
        Scenario::brief(seed, 50, 16)
    });
}

#[test]
fn a_hundred_agree_with_liars_among_them() {
    run_all("100, some lie", seeds(1, 4), |seed| {
        Scenario::brief(seed, 100, 33)
    });
}

#[test]
fn twins_that_each_talk_to_one_half_are_found_out() {
    let found = run_all("twins", seeds(6, 200), |seed| {
        let mut scenario = Scenario::random(seed, 4, 1);
        scenario
            .liars
            .iter_mut()
            .for_each(|(_, liar)| *liar = Liar::Twins);
        scenario
    });
    assert!(
        found >= 4 || std::env::var("PLASMA_SEED").is_ok(),
        "{found} found out"
    );
}

#[test]
fn a_run_follows_from_its_seed() {
    let run = |seed| {
        let mut world = World::new(Scenario::random(seed, 4, 1));
        world.run();
        world.trace()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn one_dead_of_four_costs_less_than_a_fifth_of_the_rate() {
    let heights = |dead: bool| {
        let mut scenario = Scenario::calm(5, &[25, 25, 25, 25]);
        if dead {
            scenario.liars.push((2, Liar::Silent));
        }
        let mut world = World::new(scenario);
        world.run_for(60_000);
        world.highest().0
    };
    let (all, three) = (heights(false), heights(true));
    println!("heights in 60 s: {all} with all, {three} with one dead");
    assert!(three * 5 >= all * 4, "{three} against {all}");
}

#[test]
fn half_of_the_committee_is_replaced_without_a_halt() {
    let mut world = World::new(Scenario::calm(9, &[10, 9, 8, 7, 6, 5]));
    let all: Vec<Seat> = world.committee().seats.clone();
    let (first, second) = (all[..4].to_vec(), all[2..].to_vec());
    world.appoint(
        Timestamp(0),
        Committee {
            epoch: Epoch(1),
            seats: first,
        },
    );
    world.appoint(
        Timestamp(DAWN + 6_000),
        Committee {
            epoch: Epoch(2),
            seats: second,
        },
    );
    world.run_for(20_000);
    assert!(world.highest() >= Height(24), "{}", world.highest());
    assert!(
        world.longest_pause_ms() < 1_000,
        "{}",
        world.longest_pause_ms()
    );
    assert_eq!(world.epochs(), [Epoch(1), Epoch(2)]);
    world.check_all_equal();
}
