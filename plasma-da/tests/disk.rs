//! What crashes, bad disks and time do to a directory of blobs.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use plasma_core::{
    BlobRef, Bytes, DaError, DataAvailability, Env as _, Severe as _, Severity, TokioEnv,
};
use plasma_da::{EmbeddedDa, Pruned};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    files.sort();
    files
}

fn set_age(file: &Path, age: Duration) {
    let time = SystemTime::now() - age;
    File::options()
        .append(true)
        .open(file)
        .and_then(|file| file.set_modified(time))
        .expect("set the file's time");
}

async fn publish(da: &EmbeddedDa, bytes: &'static [u8]) -> BlobRef {
    da.publish(Bytes::from_static(bytes))
        .await
        .expect("published")
}

#[tokio::test]
async fn blobs_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let blob = publish(
        &EmbeddedDa::open(folder.path()).expect("opened"),
        b"durable",
    )
    .await;
    let again = EmbeddedDa::open(folder.path()).expect("opened again");
    assert_eq!(again.fetch(&blob).await, Ok(Bytes::from_static(b"durable")));
}

#[tokio::test]
async fn what_a_crash_left_is_removed_and_nothing_else_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = folder.path().join("new");
    let da = EmbeddedDa::open(folder.path()).expect("opened");
    let blob = publish(&da, b"whole").await;
    assert_eq!(
        files(&new),
        Vec::<PathBuf>::new(),
        "publishing leaves nothing beside"
    );

    // As after power failed half way: a part of the same blob, and one that another process writes
    // right now.
    let (old, fresh) = (new.join("half.1.0"), new.join("half.2.0"));
    fs::write(&old, b"wh").expect("written");
    fs::write(&fresh, b"wh").expect("written");
    set_age(&old, Duration::from_hours(1));
    let da = EmbeddedDa::open(folder.path()).expect("opened over what was left");
    assert_eq!(files(&new), [fresh]);
    assert_eq!(da.fetch(&blob).await, Ok(Bytes::from_static(b"whole")));
}

#[tokio::test]
async fn a_blob_cut_off_at_any_length_is_never_taken_for_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let da = EmbeddedDa::open(folder.path()).expect("opened");
    let blob = publish(&da, b"every byte counts").await;
    let [file] = &files(folder.path())[..] else {
        panic!("one file")
    };
    let whole = fs::read(file).expect("read");
    for length in 0..whole.len() {
        fs::write(file, &whole[..length]).expect("cut");
        assert!(
            matches!(da.fetch(&blob).await, Err(DaError::Damaged(_))),
            "cut at {length}"
        );
    }
}

#[tokio::test]
async fn damage_is_named_and_healed_by_publishing_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let da = EmbeddedDa::open(folder.path()).expect("opened");
    let blob = publish(&da, b"precious bytes").await;
    let [file] = &files(folder.path())[..] else {
        panic!("one file")
    };
    for damaged in [&b"precious bytEs"[..], b"precious bytes and more", b""] {
        fs::write(file, damaged).expect("damaged");
        let error = da.fetch(&blob).await.expect_err("damaged");
        let text = error.to_string();
        assert!(
            text.contains(&file.display().to_string()),
            "names the file: {text}"
        );
        assert!(
            text.contains("publish the bytes again"),
            "names a remedy: {text}"
        );
        assert_eq!(
            (error.severity(), matches!(error, DaError::Damaged(_))),
            (Severity::Fatal, true)
        );
        assert_eq!(publish(&da, b"precious bytes").await, blob);
        assert_eq!(
            da.fetch(&blob).await,
            Ok(Bytes::from_static(b"precious bytes"))
        );
    }
}

#[tokio::test]
async fn old_blobs_are_pruned_and_those_published_again_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let da = EmbeddedDa::open(folder.path()).expect("opened");
    let [old, renewed] = [publish(&da, b"old").await, publish(&da, b"renewed").await];
    for file in files(folder.path()) {
        set_age(&file, Duration::from_hours(3));
    }
    publish(&da, b"renewed").await;
    let fresh = publish(&da, b"fresh").await;

    let hour_ago = plasma_core::Timestamp(TokioEnv.now().0 - 3_600_000);
    assert_eq!(da.prune(hour_ago).await, Ok(Pruned { blobs: 1, bytes: 3 }));
    assert_eq!(da.prune(hour_ago).await, Ok(Pruned::default()));
    assert_eq!(da.fetch(&old).await, Err(DaError::NotFound(old.commitment)));
    assert!(da.fetch(&renewed).await.is_ok() && da.fetch(&fresh).await.is_ok());
}

#[tokio::test]
async fn memory_is_pruned_too() {
    let da = EmbeddedDa::in_memory();
    let blob = publish(&da, b"short").await;
    assert_eq!(
        da.prune(plasma_core::Timestamp(0)).await,
        Ok(Pruned::default())
    );
    assert_eq!(
        da.prune(TokioEnv.now() + 10_000).await,
        Ok(Pruned { blobs: 1, bytes: 5 })
    );
    assert_eq!(
        da.fetch(&blob).await,
        Err(DaError::NotFound(blob.commitment))
    );
}

#[tokio::test]
async fn a_directory_that_cannot_be_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, b"not a folder").expect("written");
    let error = EmbeddedDa::open(&file)
        .expect_err("a file is no folder")
        .to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
}

#[tokio::test]
async fn writers_at_the_same_time_do_not_meet() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores: Vec<EmbeddedDa> = (0..4)
        .map(|_| EmbeddedDa::open(folder.path()).expect("opened"))
        .collect();
    let tasks = (0..64_u8).map(|n| {
        let da = stores[usize::from(n) % stores.len()].clone();
        tokio::spawn(async move { da.publish(vec![n / 8; 5_000].into()).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        let blob = task.await.expect("it ends").expect("published");
        assert!(stores[0].fetch(&blob).await.is_ok());
    }
    assert_eq!(
        files(folder.path()).len(),
        8,
        "eight different blobs, and nothing left beside"
    );
}
