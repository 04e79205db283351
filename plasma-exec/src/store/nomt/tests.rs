use alloy_primitives::{B256, Bytes};
use plasma_core::{Changes, Severe, Severity};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Last, NomtConfig, NomtStore, entry};
use crate::store::tests::equality::{keys, run, step};
use crate::store::tests::{Model, apply, key, root_of};
use crate::store::{Store, StoreError};

/// A store in a directory of its own, or nothing where there is no io_uring, once the error has said so.
fn open(directory: &TempDir) -> Option<NomtStore> {
    let config = NomtConfig {
        pages: 4096,
        cache_mib: 8,
        segment_bytes: 4096,
        ..NomtConfig::new(directory.path())
    };
    match NomtStore::open(config) {
        Ok(store) => Some(store),
        Err(error @ StoreError::Unsupported { .. }) => {
            assert!(
                error.to_string().contains("use the memory store"),
                "{error}"
            );
            assert_eq!(error.severity(), Severity::Fatal);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: plasma_core::conformance::cases(8), ..ProptestConfig::default() })]

    #[test]
    fn nomt_store_equals_the_plain_trie(
        steps in vec(step(), 1..10),
        probes in vec(keys(), 1..10),
    ) {
        let directory = tempfile::tempdir().unwrap();
        if let Some(store) = open(&directory) {
            run(&store, &steps, &probes);
        }
    }
}

fn changes(height: u64) -> Changes {
    (0..20)
        .map(|number| {
            let value = (number % 4 != height % 4).then(|| Bytes::from(vec![height as u8; 40]));
            (key((number % 3) as u8, number), value)
        })
        .collect()
}

/// Heights 0 to 9, and what the state was at each.
fn filled(directory: &TempDir) -> Option<(NomtStore, Vec<Model>)> {
    let store = open(directory)?;
    let mut models: Vec<Model> = Vec::new();
    for height in 0..10 {
        let mut model = models.last().cloned().unwrap_or_default();
        apply(&mut model, &changes(height));
        assert_eq!(
            store.commit(height, &changes(height)).unwrap(),
            root_of(&model)
        );
        models.push(model);
    }
    Some((store, models))
}

fn check(store: &NomtStore, models: &[Model], first: usize) {
    assert_eq!(store.oldest(), Some(first as u64));
    assert_eq!(store.height(), Some(models.len() as u64 - 1));
    for (height, model) in models.iter().enumerate().skip(first) {
        let root = root_of(model);
        assert_eq!(store.root_at(height as u64), Some(root));
        let view = store.view(height as u64).unwrap();
        for key in changes(0).keys() {
            assert_eq!(view.get(key).as_ref(), model.get(key));
            let proof = store.prove(height as u64, key).unwrap();
            assert_eq!(proof.verify(root, key).unwrap().as_ref(), model.get(key));
        }
    }
}

#[test]
fn all_heights_kept_are_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let Some((store, mut models)) = filled(&directory) else {
        return;
    };
    check(&store, &models, 0);
    drop(store);
    let store = open(&directory).unwrap();
    check(&store, &models, 0);
    store.rollback(6).unwrap();
    models.truncate(7);
    drop(store);
    let store = open(&directory).unwrap();
    check(&store, &models, 0);
    // What is pruned from memory goes from the disk file by file.
    store.prune(5).unwrap();
    check(&store, &models, 5);
    drop(store);
    let store = open(&directory).unwrap();
    let oldest = store.oldest().unwrap() as usize;
    assert!((1..=5).contains(&oldest), "{oldest}");
    check(&store, &models, oldest);
}

/// Stopped between the record and the database's commit: nothing of the commit is left.
#[test]
fn a_commit_that_was_not_made_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let Some((store, models)) = filled(&directory) else {
        return;
    };
    for _ in 0..2 {
        let mut writer = store.writer();
        let list: Vec<_> = changes(10).into_iter().collect();
        let prepared = store.shared.database.prepare(&list).unwrap();
        writer.put_undo(10, store.root(), prepared.root, &prepared.replaced);
        let writer = &mut *writer;
        writer.log.append(&mut writer.frame).unwrap();
        writer.log.sync().unwrap();
    }
    drop(store);
    // Two such records there never are: the log is damaged then.
    assert!(matches!(
        NomtStore::open(NomtConfig {
            pages: 4096,
            ..NomtConfig::new(directory.path())
        }),
        Err(StoreError::Corrupt { .. })
    ));

    let directory = tempfile::tempdir().unwrap();
    let Some((store, _)) = filled(&directory) else {
        return;
    };
    {
        let mut writer = store.writer();
        let list: Vec<_> = changes(10).into_iter().collect();
        let prepared = store.shared.database.prepare(&list).unwrap();
        writer.put_undo(10, store.root(), prepared.root, &prepared.replaced);
        let writer = &mut *writer;
        writer.log.append(&mut writer.frame).unwrap();
        writer.log.sync().unwrap();
    }
    drop(store);
    for _ in 0..2 {
        let store = open(&directory).unwrap();
        check(&store, &models, 0);
    }
    let store = open(&directory).unwrap();
    store.commit(10, &changes(10)).unwrap();
    drop(store);
    assert_eq!(open(&directory).unwrap().height(), Some(10));
}

/// Stopped between the record and the database's commit: the rollback is made on opening.
#[test]
fn a_rollback_that_was_not_made_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let Some((store, mut models)) = filled(&directory) else {
        return;
    };
    {
        let mut writer = store.writer();
        let roots = (store.root(), store.root_at(4).unwrap());
        let writer = &mut *writer;
        writer.frame.clear();
        entry::put_rollback(writer.frame.payload(), 4, roots);
        writer.log.append(&mut writer.frame).unwrap();
        writer.log.sync().unwrap();
    }
    drop(store);
    models.truncate(5);
    for _ in 0..2 {
        let store = open(&directory).unwrap();
        check(&store, &models, 0);
    }
}

#[test]
fn a_log_of_another_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let Some((store, _)) = filled(&directory) else {
        return;
    };
    let error = store.settle(Last::None, store.shared.heights().latest());
    assert!(error.is_ok());
    drop(store);
    std::fs::remove_dir_all(directory.path().join("nomt")).unwrap();
    let config = NomtConfig {
        pages: 4096,
        ..NomtConfig::new(directory.path())
    };
    let error = NomtStore::open(config).err().unwrap();
    assert!(
        matches!(
            error,
            StoreError::Root {
                computed: B256::ZERO,
                ..
            }
        ),
        "{error}"
    );
}
