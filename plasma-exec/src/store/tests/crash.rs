//! The machine stops at every operation; what was durable is there, and nothing is half there.

use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::disk::SimulatedDisk;
use super::*;
use crate::{Durability, MemoryConfig, MemoryStore, StoreError};

fn config(durability: Durability) -> MemoryConfig {
    MemoryConfig {
        durability,
        threads: 1,
        segment_bytes: 2048,
        snapshot_after_bytes: 3000,
        ..MemoryConfig::default()
    }
}

/// The latest state, and its height.
type State = (Option<u64>, Model);

/// Every state that the store had, in order, and the place of the latest that is surely durable.
struct Run {
    states: Vec<State>,
    durable: usize,
    /// The state that an operation was making when the machine stopped.
    unfinished: Option<State>,
}

/// Commits, rolls back, prunes and syncs at random until the machine stops.
fn work(store: &MemoryStore, start: State, seed: u64, steps: u32, durability: Durability) -> Run {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut run = Run {
        states: vec![start.clone()],
        durable: 0,
        unfinished: None,
    };
    let mut history: Vec<State> = vec![start];
    let each = durability == Durability::Commit;
    for _ in 0..steps {
        let (height, model) = history.last().cloned().unwrap();
        let result = match random.random_range(0..20) {
            0 if history.len() > 2 => {
                let back = random.random_range(1..history.len().min(4));
                let target = history[history.len() - 1 - back].clone();
                match (target.0, store.oldest()) {
                    (Some(height), Some(oldest)) if height >= oldest => {
                        history.truncate(history.len() - back);
                        run.unfinished = Some(target);
                        store.rollback(height).map(|_| each)
                    }
                    _ => continue,
                }
            }
            1 | 2 if height.is_some() => {
                let oldest = store.oldest().unwrap_or_default();
                let keep = random.random_range(oldest..=height.unwrap_or_default());
                store.prune(keep).map(|()| false)
            }
            3 | 4 => store.sync().map(|()| true),
            _ => {
                let changes: Changes = (0..random.random_range(0..8))
                    .map(|_| {
                        let key = key(random.random_range(0..3), random.random_range(0..30));
                        let length = random.random_range(0..60);
                        let value = random.random_bool(0.7);
                        (
                            key,
                            value.then(|| Bytes::from(vec![random.random(); length])),
                        )
                    })
                    .collect();
                let mut model = model;
                apply(&mut model, &changes);
                let next = height.map_or(0, |height| height + 1);
                run.unfinished = Some((Some(next), model.clone()));
                history.push((Some(next), model));
                store.commit(next, &changes).map(|_| each)
            }
        };
        match result {
            Ok(durable) => {
                run.states.extend(run.unfinished.take());
                if durable {
                    run.durable = run.states.len() - 1;
                }
            }
            Err(_) => return run,
        }
    }
    run
}

/// The state found must be one that was, not older than the last durable one.
fn check(store: &MemoryStore, run: &Run, context: &str) -> State {
    let height = store.height();
    let root = store.root();
    let possible = run.states[run.durable..].iter().chain(&run.unfinished);
    let found = possible
        .clone()
        .find(|(at, model)| *at == height && root_of(model) == root)
        .unwrap_or_else(|| {
            panic!("{context}: height {height:?} with {root} never was, or is older")
        });
    for (key, value) in &found.1 {
        assert_eq!(store.get(key).as_ref(), Some(value), "{context}");
    }
    found.clone()
}

/// Crashes a run after `stop` operations, and again while it recovers; then it must work on.
fn crash(seed: u64, stop: u64, durability: Durability) {
    let context = format!("seed {seed}, stop after {stop}, {durability:?}");
    let disk = SimulatedDisk::default();
    let mut random = SmallRng::seed_from_u64(seed ^ stop << 32);
    disk.stop_after(stop);
    let Ok(store) = MemoryStore::open_on(Arc::new(disk.clone()), config(durability)) else {
        // Stopped while the first segment was made: nothing was there, nothing is.
        let disk = disk.after_crash(random.random());
        let store = MemoryStore::open_on(Arc::new(disk), config(durability)).expect(&context);
        assert_eq!(store.height(), None, "{context}");
        return;
    };
    let run = work(&store, (None, Model::new()), seed, 60, durability);
    drop(store);

    // The machine may stop again while the store recovers, any number of times.
    let mut disk = disk.after_crash(random.random());
    for _ in 0..2 {
        disk.stop_after(random.random_range(0..12));
        let reopened = MemoryStore::open_on(Arc::new(disk.clone()), config(durability));
        if let Err(error) = &reopened {
            assert!(matches!(error, StoreError::Io { .. }), "{context}: {error}");
        }
        drop(reopened);
        disk = disk.after_crash(random.random());
    }
    let store = MemoryStore::open_on(Arc::new(disk.clone()), config(durability))
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    let found = check(&store, &run, &context);

    let after = work(&store, found, seed + 1, 12, durability);
    drop(store);
    let disk = disk.after_crash(random.random());
    let store = MemoryStore::open_on(Arc::new(disk), config(durability))
        .unwrap_or_else(|error| panic!("{context}, after working on: {error}"));
    check(&store, &after, &context);
}

fn crash_everywhere(durability: Durability, seeds: u64) {
    for seed in 0..seeds {
        let disk = SimulatedDisk::default();
        let store = MemoryStore::open_on(Arc::new(disk.clone()), config(durability)).unwrap();
        work(&store, (None, Model::new()), seed, 60, durability);
        let operations = disk.operations();
        assert!(operations > 60, "the run is too short to show anything");
        for stop in 0..=operations {
            crash(seed, stop, durability);
        }
    }
}

#[test]
fn a_crash_loses_no_acknowledged_commit() {
    crash_everywhere(Durability::Commit, 2);
}

#[test]
fn a_crash_loses_no_synced_commit_and_tears_none() {
    crash_everywhere(Durability::Sync, 3);
}

#[test]
fn a_full_disk_refuses_commits_and_loses_nothing() {
    let disk = SimulatedDisk::default();
    let config = config(Durability::Commit);
    let store = MemoryStore::open_on(Arc::new(disk.clone()), config.clone()).unwrap();
    let mut model = Model::new();
    // Both ways of committing: alone, and with the log on a thread of its own.
    for (height, size) in [(0u64, 10), (1, 800)] {
        let changes: Changes = (0..size)
            .map(|n| (key(0, n), Some(Bytes::from(vec![height as u8; 20]))))
            .collect();
        disk.leave_room(Some(100));
        for _ in 0..2 {
            let error = store.commit(height, &changes).unwrap_err();
            assert!(error.to_string().contains("no space left"), "{error}");
            assert_eq!(store.height(), height.checked_sub(1));
            assert_latest(&store, &model, &[key(0, 0)]);
        }
        disk.leave_room(None);
        apply(&mut model, &changes);
        assert_eq!(store.commit(height, &changes).unwrap(), root_of(&model));
    }
    drop(store);
    let store = MemoryStore::open_on(Arc::new(disk), config).unwrap();
    assert_eq!(store.height(), Some(1));
    assert_latest(&store, &model, &[]);
}

#[test]
fn after_a_failed_sync_nothing_is_written() {
    let disk = SimulatedDisk::default();
    let store = MemoryStore::open_on(Arc::new(disk.clone()), config(Durability::Commit)).unwrap();
    store.commit(0, &Changes::new()).unwrap();
    // The append succeeds, the sync does not.
    disk.stop_after(1);
    assert!(matches!(
        store.commit(1, &Changes::new()),
        Err(StoreError::Stopped { .. })
    ));
    disk.stop_after(1000);
    assert!(matches!(
        store.commit(1, &Changes::new()),
        Err(StoreError::Stopped { .. })
    ));
    assert!(matches!(
        store.rollback(0),
        Err(StoreError::Stopped { .. }) | Ok(_)
    ));
    assert_eq!(store.height(), Some(0));
}
