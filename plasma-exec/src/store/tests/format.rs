//! What is on the disk, byte for byte, and what happens when it is damaged.

use std::sync::Arc;

use alloy_primitives::hex;

use super::disk::SimulatedDisk;
use super::*;
use crate::{Disk, MemoryConfig, MemoryStore, StoreError};

fn config() -> MemoryConfig {
    MemoryConfig {
        snapshot_after_bytes: 0,
        segment_bytes: 600,
        ..MemoryConfig::default()
    }
}

fn open(disk: &SimulatedDisk) -> Result<MemoryStore, StoreError> {
    MemoryStore::open_on(Arc::new(disk.clone()), config())
}

fn commit(store: &MemoryStore, height: u64) {
    let value = Some(Bytes::from(vec![height as u8; 100]));
    store
        .commit(height, &[(key(0, height), value)].into())
        .unwrap();
}

/// The format must not change by accident: these bytes are read by programs of other versions.
#[test]
fn golden_log() {
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap();
    let one = B256::repeat_byte(1);
    store
        .commit(3, &[(one, Some(Bytes::from_static(b"v")))].into())
        .unwrap();
    store.commit(4, &[(one, None)].into()).unwrap();
    store.rollback(3).unwrap();
    assert_eq!(
        hex::encode(disk.contents("log-0000000000000000")),
        GOLDEN_LOG.replace(' ', "")
    );
}

const GOLDEN_LOG: &str = "\
    504c41534d414c4701000000000000000000000000000000ab92ed453d445080 \
    505245435200000000000000000000000000000000000000c413059ce9eba365 \
    0103000000000000000000000000000000000000000000000000000000000000000000000000000000 \
    0100000001010101010101010101010101010101010101010101010101010101010101010100000076 \
    5052454351000000010000000000000001000000000000005f9f007daff5244c \
    010400000000000000f32e430b00df9cd141041ee4e606b36d9b1602d8696bfcc52204e622912e6dec \
    010000000101010101010101010101010101010101010101010101010101010101010101ffffffff \
    505245434900000002000000000000000200000000000000cbbcc4d9fa71a173 \
    0203000000000000000000000000000000000000000000000000000000000000000000000000000000 \
    f32e430b00df9cd141041ee4e606b36d9b1602d8696bfcc52204e622912e6dec";

#[test]
fn golden_snapshot() {
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap();
    for height in 0..6 {
        commit(&store, height);
    }
    store.prune(4).unwrap();
    let name = disk
        .list()
        .unwrap()
        .into_iter()
        .find(|name| name.starts_with("snapshot"))
        .unwrap();
    assert_eq!(name, "snapshot-0000000000000005");
    let hash = sha256(&disk.contents(&name));
    assert_eq!(hex::encode(hash), GOLDEN_SNAPSHOT);
}

const GOLDEN_SNAPSHOT: &str = "e936e3889bd9dbc5a6448dfd181e86218f7d3ab6dd3b88080c2a79ea826da7c2";

#[test]
fn damage_is_named_and_nothing_is_touched() {
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap();
    for height in 0..12 {
        commit(&store, height);
        if height == 5 {
            store.prune(4).unwrap();
        }
    }
    drop(store);
    let names = disk.list().unwrap();
    assert!(names.iter().any(|name| name.starts_with("snapshot")));
    let logs: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("log"))
        .collect();
    assert!(logs.len() > 2);
    for name in &names {
        let length = disk.contents(name).len();
        // Of the last segment, the last record may have been torn: it is cut. All else is damage.
        let last = *name == *logs[logs.len() - 1];
        let surely = if last { length - 213 } else { length };
        for offset in (0..surely).step_by(5) {
            let damaged = disk.after_crash(0);
            damaged.damage(name, offset);
            let before = damaged.contents(name);
            let error = open(&damaged)
                .err()
                .unwrap_or_else(|| panic!("{name} {offset}"));
            let text = error.to_string();
            assert!(text.contains(name.as_str()), "{name} {offset}: {text}");
            assert!(
                matches!(
                    error,
                    StoreError::Corrupt { .. } | StoreError::Version { .. }
                ),
                "{name} {offset}: {text}"
            );
            assert_eq!(damaged.contents(name), before);
        }
    }
}

#[test]
fn a_torn_tail_is_cut_and_reported() {
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap();
    for height in 0..2 {
        commit(&store, height);
    }
    drop(store);
    let name = "log-0000000000000000";
    let length = disk.contents(name).len();
    disk.damage(name, length - 1);
    let store = open(&disk).unwrap();
    let torn = store.recovery().torn.clone().unwrap();
    assert_eq!(torn.path, format!("/simulated/{name}"));
    assert_eq!(torn.offset + torn.bytes, length as u64);
    assert_eq!(store.height(), Some(0));
    commit(&store, 1);
    drop(store);
    assert_eq!(open(&disk).unwrap().height(), Some(1));
}

#[test]
fn a_directory_serves_one_store_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let config = MemoryConfig {
        directory: Some(directory.path().join("state")),
        ..MemoryConfig::default()
    };
    let store = MemoryStore::open(config.clone()).unwrap();
    commit(&store, 0);
    let error = MemoryStore::open(config.clone()).err().unwrap();
    assert!(
        matches!(&error, StoreError::InUse { path } if path.ends_with("LOCK")),
        "{error}"
    );
    drop(store);
    assert_eq!(MemoryStore::open(config).unwrap().height(), Some(0));
}
