//! Disputes over the real contracts, in an EVM with a clock of the test's own.

mod actors;
mod arena;
mod guest;
mod root;
mod scenario;
mod story;
mod truth;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
    time::Instant,
};

use plasma_core::{B256, Checkpoint, ClaimRange, keccak256};

use arena::{GasTable, Report};
use scenario::{KINDS, Kind, Scenario};
use world::{Base, World};

#[test]
fn the_program_computes_what_native_code_does() {
    let chain = truth::Chain {
        id: 7,
        genesis_hash: keccak256("genesis"),
        genesis: Checkpoint::default(),
        entries: (0..3_u8)
            .map(|entry| keccak256([entry]))
            .collect::<Vec<B256>>(),
    };
    let truth = truth::Truth::new(&chain);
    for run in &truth.runs {
        assert!((100..256).contains(&run.steps()), "{}", run.steps());
    }
    let range = ClaimRange {
        from: 0,
        entries: 3,
        settled: chain.genesis.hash(),
    };
    for heights in [&[3, 8][..], &[4, 4, 4], &[2, 1, 3, 4]] {
        let honest = story::Story::honest(&truth, heights);
        plasma_core::conformance::traces::check(&honest, &range, heights, 1);
    }
}

/// Two levels and three.
fn bases() -> [Arc<Base>; 2] {
    [&[4, 8][..], &[3, 4, 4]].map(Base::new)
}

/// Seeds to play: the one in PLASMA_SEED; else a sample, or with PLASMA_LONG all that there is time for.
fn seeds() -> Vec<u64> {
    if let Ok(seed) = std::env::var("PLASMA_SEED") {
        return vec![seed.parse().expect("PLASMA_SEED is a number")];
    }
    let is_long = std::env::var("PLASMA_LONG").is_ok_and(|long| long == "1");
    (1..=if is_long { 10_000 } else { 40 }).collect()
}

/// Plays each seed's round, on all cores.
fn play_all(seeds: &[u64]) -> Vec<Report> {
    let bases = bases();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let started = (0..threads).map(|first| {
            let (bases, seeds) = (&bases, seeds.iter().skip(first).step_by(threads));
            scope.spawn(move || seeds.map(|seed| play(bases, *seed)).collect::<Vec<_>>())
        });
        let started: Vec<_> = started.collect();
        let joined = started.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .flat_map(|played| played.expect("a seed that fails is printed above"))
            .collect()
    })
}

fn play(bases: &[Arc<Base>; 2], seed: u64) -> Report {
    let base = &bases[(seed % 2) as usize];
    let scenario = Scenario::random(seed, base);
    let round = AssertUnwindSafe(|| {
        let report = arena::play(&scenario, World::new(base));
        assert!(report.is_true, "a false claim settled");
        report
    });
    catch_unwind(round).unwrap_or_else(|panic| {
        let names: Vec<_> = scenario.actors.iter().map(|actor| &actor.name).collect();
        eprintln!("PLASMA_SEED={seed} replays it; the cast: {names:?}");
        resume_unwind(panic)
    })
}

#[test]
fn the_truth_settles_in_time_and_no_wei_is_lost_whoever_lies() {
    let started = Instant::now();
    let seeds = seeds();
    let reports = play_all(&seeds);
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let longest = reports
        .iter()
        .map(|report| report.seconds * 100 / report.longest)
        .max();
    println!(
        "{} rounds in {:?}: {} moves, {} matches, {} blocks; at most {}% of the longest time allowed",
        seeds.len(),
        started.elapsed(),
        sum(|report| report.moves),
        sum(|report| report.matches),
        sum(|report| report.blocks),
        longest.unwrap_or_default(),
    );
    let mut gas = GasTable::new();
    for (name, used) in reports.into_iter().flat_map(|report| report.gas) {
        gas.entry(name).or_default().extend(used);
    }
    for (name, mut used) in gas {
        used.sort_unstable();
        let (median, worst) = (used[used.len() / 2], used[used.len() - 1]);
        println!(
            "{name:14} {:8} times, median {median:7}, worst {worst:7} gas",
            used.len()
        );
    }
}

#[test]
fn a_round_that_nobody_survives_begins_anew_and_the_truth_settles_then() {
    for (seed, base) in bases().iter().enumerate() {
        let scenario = Scenario::abandoned(seed as u64, base, 2, 1);
        let report = arena::play(&scenario, World::new(base));
        assert_eq!(report.restarts, 1);
        assert!(report.is_true);
    }
}

/// What the other tests find would be found: without an honest claim there is nothing to stop a lie.
#[test]
fn a_lie_settles_where_nobody_is_honest() {
    for (seed, base) in bases().iter().enumerate() {
        let scenario = Scenario::abandoned(seed as u64, base, 1, u64::MAX);
        let report = arena::play(&scenario, World::new(base));
        assert!(!report.is_true);
    }
}

#[test]
fn sixty_three_liars_of_all_kinds_are_beaten_by_one_who_is_honest() {
    for (seed, base) in bases().iter().enumerate() {
        let kinds: Vec<Kind> = KINDS.iter().cycle().take(63).copied().collect();
        let scenario = Scenario::with(seed as u64, base, &kinds);
        let report = arena::play(&scenario, World::new(base));
        assert!(report.is_true);
        println!(
            "{} moves in {} matches took {} s of the root",
            report.moves, report.matches, report.seconds
        );
    }
}
