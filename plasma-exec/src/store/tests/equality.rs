//! The store against a plain map, and against the plain trie.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::{MemoryConfig, MemoryStore, StoreError};

#[derive(Clone, Debug)]
pub(in crate::store) enum Step {
    Commit(Changes),
    Segments(Vec<Changes>),
    Rollback(usize),
    Prune(usize),
}

pub(in crate::store) fn keys() -> impl Strategy<Value = StateKey> {
    prop_oneof![
        2 => (0u64..60).prop_map(|number| key(0, number)),
        1 => (0u64..20).prop_map(|number| key(1, number)),
        1 => (0u64..20).prop_map(|number| key(2, number)),
    ]
}

fn changes() -> impl Strategy<Value = Changes> {
    let value = prop_oneof![
        3 => vec(any::<u8>(), 0..60).prop_map(|bytes| Some(Bytes::from(bytes))),
        2 => Just(None),
    ];
    btree_map(keys(), value, 0..30)
}

pub(in crate::store) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => changes().prop_map(Step::Commit),
        2 => vec(changes(), 0..4).prop_map(Step::Segments),
        1 => (0usize..6).prop_map(Step::Rollback),
        1 => (0usize..6).prop_map(Step::Prune),
    ]
}

/// What the store should hold: a model for each height kept.
#[derive(Default)]
struct Expected {
    first: u64,
    kept: Vec<Model>,
}

fn check_everything(store: &dyn Store, expected: &Expected, probes: &[StateKey]) {
    let latest = expected.first + expected.kept.len() as u64 - 1;
    assert_eq!(
        (store.oldest(), store.height()),
        (Some(expected.first), Some(latest))
    );
    for (index, model) in expected.kept.iter().enumerate() {
        let height = expected.first + index as u64;
        let root = root_of(model);
        assert_eq!(store.root_at(height), Some(root));
        let view = store.view(height).unwrap();
        for key in probes {
            assert_eq!(view.get(key).as_ref(), model.get(key));
            let proof = store.prove(height, key).unwrap();
            assert_eq!(proof.verify(root, key).unwrap().as_ref(), model.get(key));
        }
        let (reads, writes) = probes.split_at(probes.len() / 2);
        let witness = store.witness(height, reads, writes).unwrap();
        witness.verify(root).unwrap();
        for key in reads {
            assert_eq!(
                witness.trie().read(root, key).unwrap().as_ref(),
                model.get(key)
            );
        }
        let mut changed = model.clone();
        let change: Changes = writes
            .iter()
            .enumerate()
            .map(|(index, key)| (*key, (index % 2 == 0).then(|| Bytes::from_static(b"w"))))
            .collect();
        apply(&mut changed, &change);
        assert_eq!(
            witness.trie().update(root, &change).unwrap(),
            root_of(&changed)
        );
    }
    assert_latest(store, expected.kept.last().unwrap(), probes);
}

pub(in crate::store) fn run(store: &dyn Store, steps: &[Step], probes: &[StateKey]) {
    let mut expected = Expected {
        first: 5,
        kept: vec![Model::new()],
    };
    let mut views = Vec::new();
    store.commit(5, &Changes::new()).unwrap();
    for step in steps {
        let latest = expected.first + expected.kept.len() as u64 - 1;
        match step {
            Step::Commit(changes) => {
                let mut model = expected.kept.last().unwrap().clone();
                apply(&mut model, changes);
                assert_eq!(store.preview(changes).unwrap(), root_of(&model));
                assert_eq!(store.commit(latest + 1, changes).unwrap(), root_of(&model));
                views.push((store.view(latest + 1).unwrap(), model.clone()));
                expected.kept.push(model);
            }
            Step::Segments(segments) => {
                let mut model = expected.kept.last().unwrap().clone();
                let mut roots: Vec<B256> = segments
                    .iter()
                    .map(|changes| {
                        apply(&mut model, changes);
                        root_of(&model)
                    })
                    .collect();
                if roots.is_empty() {
                    roots.push(root_of(&model));
                }
                assert_eq!(store.commit_segments(latest + 1, segments).unwrap(), roots);
                views.push((store.view(latest + 1).unwrap(), model.clone()));
                expected.kept.push(model);
            }
            Step::Rollback(back) => {
                let kept = expected.kept.len().saturating_sub(*back).max(1);
                expected.kept.truncate(kept);
                let height = expected.first + kept as u64 - 1;
                let root = root_of(expected.kept.last().unwrap());
                assert_eq!(store.rollback(height).unwrap(), root);
            }
            Step::Prune(keep) => {
                let dropped = expected.kept.len().saturating_sub(*keep + 1);
                expected.kept.drain(..dropped);
                expected.first += dropped as u64;
                store.prune(expected.first).unwrap();
            }
        }
    }
    check_everything(store, &expected, probes);
    // Views held through it all are what they were.
    for (view, model) in views {
        for key in probes {
            assert_eq!(view.get(key).as_ref(), model.get(key));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: plasma_core::conformance::cases(48), ..ProptestConfig::default() })]

    #[test]
    fn memory_store_equals_the_plain_trie(
        steps in vec(step(), 1..14),
        probes in vec(keys(), 1..16),
    ) {
        run(&MemoryStore::ephemeral(), &steps, &probes);
    }
}

/// Batches large enough to be shared by threads, with the log beside them.
#[test]
fn large_commits_equal_the_plain_trie() {
    let directory = tempfile::tempdir().unwrap();
    let config = MemoryConfig {
        directory: Some(directory.path().to_owned()),
        threads: 4,
        ..MemoryConfig::default()
    };
    let store = MemoryStore::open(config.clone()).unwrap();
    let mut model = Model::new();
    for height in 0..6u64 {
        let changes: Changes = (0..3000)
            .map(|n| {
                let number = n * 7 + height * 1000;
                let value = (number % 5 != height % 5)
                    .then(|| Bytes::from(vec![height as u8; (number % 90) as usize]));
                (key((number % 3) as u8, number), value)
            })
            .collect();
        apply(&mut model, &changes);
        let root = root_of(&model);
        assert_eq!(store.preview(&changes).unwrap(), root);
        assert_eq!(store.commit(height, &changes).unwrap(), root);
    }
    let root = store.root();
    assert_eq!(store.size().0, model.len() as u64);
    drop(store);
    let store = MemoryStore::open(config).unwrap();
    assert_eq!((store.root(), store.height()), (root, Some(5)));
    assert_eq!(store.recovery().replayed, 6);
    assert_latest(&store, &model, &[]);
}

/// Readers during commits see one state, whole.
#[test]
fn views_are_consistent_while_commits_go_on() {
    let store = MemoryStore::ephemeral();
    let keys: Vec<_> = (0..2000).map(|number| key(0, number)).collect();
    let all = |byte: u8| {
        keys.iter()
            .map(|key| (*key, Some(Bytes::from(vec![byte]))))
            .collect()
    };
    store.commit(0, &all(0)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                let height = store.height().unwrap();
                // It may be pruned by now; then there is nothing to see.
                let Ok(view) = store.view(height) else {
                    continue;
                };
                let expected = Some(Bytes::from(vec![height as u8]));
                assert!(keys.iter().step_by(7).all(|key| view.get(key) == expected));
                rounds += 1;
            }
            rounds
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        for height in 1..60 {
            store.commit(height, &all(height as u8)).unwrap();
            if height > 3 {
                store.prune(height - 2).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(
            readers
                .map(|reader| reader.join().unwrap())
                .iter()
                .sum::<u32>()
                > 0
        );
    });
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let store = MemoryStore::ephemeral();
    assert!(matches!(store.view(0).err(), Some(StoreError::Empty)));
    assert!(matches!(store.rollback(0), Err(StoreError::Empty)));
    let key = key(0, 1);
    store
        .commit(7, &[(key, Some(Bytes::from_static(b"v")))].into())
        .unwrap();
    let root = store.root();
    let long = Bytes::from(vec![0; plasma_core::MAX_VALUE_LEN + 1]);
    let too_long = store.commit(8, &[(key, Some(long))].into());
    assert!(matches!(
        too_long,
        Err(StoreError::ValueTooLong { limit: 4_096, .. })
    ));
    for height in [0, 7, 9] {
        let error = store.commit(height, &Changes::new());
        assert!(matches!(error, Err(StoreError::Height { height: 7, .. })));
    }
    for height in [6, 8] {
        assert!(matches!(
            store.rollback(height),
            Err(StoreError::NotKept { .. })
        ));
        assert!(matches!(
            store.prune(height),
            Err(StoreError::NotKept { .. })
        ));
        assert!(matches!(
            store.prove(height, &key),
            Err(StoreError::NotKept { .. })
        ));
    }
    assert_eq!((store.root(), store.height()), (root, Some(7)));
}
