//! The store that holds its state in memory.
//!
//! On disk are a snapshot of the oldest height kept and a log of every commit and rollback since; opening loads
//! the one and replays the other. So whatever can be read can be read again after a restart, and pruning is what
//! bounds the disk: it writes a new snapshot once enough of the log lies before it.
//!
//! ```text
//! LOCK                      held by the one process that has the directory open
//! snapshot-<sequence>       the state before the log record of that sequence
//! log-<sequence>            records from that sequence on
//! *.tmp                     a snapshot being written; removed on opening
//! ```

mod arena;
mod bucket;
mod chunks;
mod due;
mod inspect;
mod nodes;
mod prove;
mod prune;
mod recover;
mod snapshot;
mod tree;
mod update;
mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy_primitives::{B256, Bytes};
use plasma_core::{Changes, StateKey, StateProof, StateRead, StateWitness};

use self::bucket::Change;
use self::tree::{Round, Tree};
use super::entry;
use super::heights::{Heights, Mark};
use super::log::Log;
use super::record::{Frame, Kind};
use super::{Directory, Disk, Durability, Store, StoreError, TornTail};

/// How a [`MemoryStore`] works.
#[derive(Clone, Debug)]
pub struct MemoryConfig {
    /// Where it is kept; `None` keeps it nowhere but in memory.
    pub directory: Option<PathBuf>,
    /// When a commit is durable.
    pub durability: Durability,
    /// Threads that share a large commit.
    pub threads: usize,
    /// Bytes after which a new log file is begun.
    pub segment_bytes: u64,
    /// Bytes of log before the oldest height kept that are worth a new snapshot.
    pub snapshot_after_bytes: u64,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            directory: None,
            durability: Durability::Commit,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            segment_bytes: 64 << 20,
            snapshot_after_bytes: 64 << 20,
        }
    }
}

/// What opening a store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Height of the snapshot loaded.
    pub snapshot: Option<u64>,
    /// Commits and rollbacks replayed from the log.
    pub replayed: u64,
    /// What was cut off the end of the log.
    pub torn: Option<TornTail>,
}

/// The store that holds its state in memory, and on disk a log and snapshots to find it again.
pub struct MemoryStore {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
    /// Held while a snapshot is written.
    pruning: Mutex<()>,
    config: MemoryConfig,
    recovery: Recovery,
}

/// What readers share with the writer.
struct Shared {
    tree: Tree,
    heights: RwLock<Heights>,
}

/// What committing takes.
struct Writer {
    log: Option<Log>,
    disk: Option<Arc<dyn Disk>>,
    frame: Frame,
    /// Version of the next commit or rollback.
    version: u64,
    /// Why nothing more may be written.
    stopped: Option<String>,
}

/// See `Tree`'s locks.
const BROKEN: &str = "the store is inconsistent after a panic; reopen it";

impl MemoryStore {
    /// Opens the store, recovering what its directory holds.
    pub fn open(config: MemoryConfig) -> Result<Self, StoreError> {
        match &config.directory {
            Some(path) => {
                let disk = Arc::new(Directory::open(path)?);
                Self::open_on(disk, config)
            }
            None => Ok(Self::new(config, None)),
        }
    }

    /// A store that lives in memory only.
    pub fn ephemeral() -> Self {
        Self::new(MemoryConfig::default(), None)
    }

    /// Opens the store on a disk of the caller's.
    pub fn open_on(disk: Arc<dyn Disk>, config: MemoryConfig) -> Result<Self, StoreError> {
        let mut store = Self::new(config, Some(Arc::clone(&disk)));
        let from = store.load_snapshot(&*disk)?;
        let limit = store.config.segment_bytes;
        let mut replayed = 0;
        let log = Log::open(disk, Kind::Commits, from, limit, |sequence, payload| {
            replayed += 1;
            store.replay(sequence, payload)
        })?;
        store.recovery.replayed = replayed;
        store.recovery.torn = log.torn().cloned();
        if let Some(torn) = &store.recovery.torn {
            tracing::warn!(
                path = torn.path,
                offset = torn.offset,
                bytes = torn.bytes,
                "cut writes off the log that were not durable when the machine stopped"
            );
        }
        store.writer().log = Some(log);
        Ok(store)
    }

    /// What opening found.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Number of keys, and bytes of memory that they take, but for values over 38 bytes.
    pub fn size(&self) -> (u64, u64) {
        self.shared.tree.size()
    }

    fn new(config: MemoryConfig, disk: Option<Arc<dyn Disk>>) -> Self {
        let tree = Tree::new(config.threads);
        let shared = Shared {
            tree,
            heights: RwLock::new(Heights::new()),
        };
        let frame = Frame::with_capacity(0);
        let writer = Writer {
            log: None,
            disk,
            frame,
            version: 1,
            stopped: None,
        };
        Self {
            shared: Arc::new(shared),
            writer: Mutex::new(writer),
            pruning: Mutex::new(()),
            config,
            recovery: Recovery::default(),
        }
    }

    /// Commits the segments of one height, of which there is one at least: to the tree each as a version of its own,
    /// to the log all as one record. Returns the root after each.
    fn commit_all(&self, height: u64, segments: &[Changes]) -> Result<Vec<B256>, StoreError> {
        let mut guard = self.running()?;
        let writer = &mut *guard;
        let before = {
            let heights = self.shared.heights();
            heights.check_next(height)?;
            heights.latest()
        };
        let mut rounds: Vec<Round<'_>> = Vec::with_capacity(segments.len());
        for segment in segments {
            let mut changes = Vec::with_capacity(segment.len());
            for (key, value) in segment {
                entry::check_value(key, value.as_ref().map(AsRef::as_ref))?;
                changes.push((key, value.as_ref()));
            }
            rounds.push(Round {
                version: 0,
                changes,
            });
        }
        for round in &mut rounds {
            round.version = writer.next_version();
        }
        let count: usize = rounds.iter().map(|round| round.changes.len()).sum();
        let durability = self.config.durability;
        let log = |writer: &mut Writer| {
            if writer.log.is_none() {
                return Ok(0);
            }
            writer.frame.clear();
            writer.put_commit(height, before.root, &rounds);
            writer.write(durability)
        };
        let apply = || self.shared.tree.apply(&rounds);
        // Hashing and writing have nothing to wait for in each other.
        let (roots, written) = if writer.log.is_some() && count >= OVERLAP {
            std::thread::scope(|scope| {
                let written = scope.spawn(|| log(&mut *writer));
                let roots = apply();
                (roots, written.join().expect(BROKEN))
            })
        } else {
            let written = log(writer);
            // Small commits: nothing to undo if the log refuses.
            let sequence = writer.noting(written)?;
            (apply(), Ok(sequence))
        };
        let sequence = match writer.noting(written) {
            Ok(sequence) => sequence,
            Err(error) => {
                let version = writer.next_version();
                self.shared.restore(before, version);
                return Err(error);
            }
        };
        let (version, root) = (rounds[rounds.len() - 1].version, roots[roots.len() - 1]);
        let mark = Mark {
            version,
            root,
            sequence,
        };
        self.shared.heights_mut().commit(height, mark);
        Ok(roots)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().expect(BROKEN)
    }

    /// The writer, unless an earlier failure stopped it.
    fn running(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let writer = self.writer();
        match &writer.stopped {
            Some(reason) => Err(StoreError::Stopped {
                reason: reason.clone(),
            }),
            None => Ok(writer),
        }
    }
}

impl Shared {
    fn heights(&self) -> RwLockReadGuard<'_, Heights> {
        self.heights.read().expect(BROKEN)
    }

    fn heights_mut(&self) -> RwLockWriteGuard<'_, Heights> {
        self.heights.write().expect(BROKEN)
    }

    /// Makes the state of `target` the latest, as `version`.
    fn restore(&self, target: Mark, version: u64) -> B256 {
        let changed = self.tree.changed_since(target.version);
        let changes = changed.iter().map(|(key, value)| (key, value.as_ref()));
        let root = self.tree.apply_one(version, changes.collect());
        assert_eq!(root, target.root, "undoing changes");
        root
    }
}

impl Writer {
    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version - 1
    }

    /// Puts a commit's record into the frame: each key once, as the last round leaves it.
    fn put_commit(&mut self, height: u64, before: B256, rounds: &[Round<'_>]) {
        let mut put = |changes: &[Change<'_>]| {
            let entries = changes.iter();
            let entries = entries.map(|(key, value)| (*key, value.map(AsRef::as_ref)));
            entry::put_commit(self.frame.payload(), height, before, entries);
        };
        match rounds {
            [only] => put(&only.changes),
            _ => {
                let all = rounds.iter().flat_map(|round| &round.changes);
                let all: BTreeMap<_, _> = all.copied().collect();
                put(&all.into_iter().collect::<Vec<_>>());
            }
        }
    }

    /// Writes the frame's record to the log, if there is one; returns the sequence after it.
    fn write(&mut self, durability: Durability) -> Result<u64, StoreError> {
        let Some(log) = &mut self.log else {
            return Ok(0);
        };
        let sequence = log.append(&mut self.frame)?;
        if durability == Durability::Commit {
            log.sync()?;
        }
        Ok(sequence + 1)
    }

    /// Remembers an error after which nothing may be written.
    fn noting<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Stopped { reason }) = &result {
            self.stopped = Some(reason.clone());
        }
        result
    }
}

impl Store for MemoryStore {
    fn height(&self) -> Option<u64> {
        self.shared.heights().height()
    }

    fn oldest(&self) -> Option<u64> {
        self.shared.heights().oldest()
    }

    fn root(&self) -> B256 {
        self.shared.heights().latest().root
    }

    fn root_at(&self, height: u64) -> Option<B256> {
        self.shared.heights().get(height).map(|mark| mark.root)
    }

    fn get(&self, key: &StateKey) -> Option<Bytes> {
        // The version is held by the lock: nothing is forgotten that it needs.
        let heights = self.shared.heights();
        self.shared.tree.get(key, heights.latest().version)
    }

    fn view(&self, height: u64) -> Result<Arc<dyn StateRead>, StoreError> {
        let mut heights = self.shared.heights_mut();
        let version = heights.find(height)?.version;
        heights.pin(version);
        Ok(Arc::new(View {
            shared: Arc::clone(&self.shared),
            version,
        }))
    }

    fn commit(&self, height: u64, changes: &Changes) -> Result<B256, StoreError> {
        let roots = self.commit_all(height, slice::from_ref(changes))?;
        Ok(roots[0])
    }

    fn commit_segments(&self, height: u64, segments: &[Changes]) -> Result<Vec<B256>, StoreError> {
        if segments.is_empty() {
            return self.commit_all(height, &[Changes::new()]);
        }
        self.commit_all(height, segments)
    }

    fn preview(&self, changes: &Changes) -> Result<B256, StoreError> {
        // Held so that nobody writes.
        let _writer = self.writer();
        let changes: Vec<Change<'_>> = changes
            .iter()
            .map(|(key, value)| (key, value.as_ref()))
            .collect();
        Ok(self.shared.tree.preview(&changes))
    }

    fn prove(&self, height: u64, key: &StateKey) -> Result<StateProof, StoreError> {
        self.collect(height, &[*key], &[])?.proof(key)
    }

    fn witness(
        &self,
        height: u64,
        reads: &[StateKey],
        writes: &[StateKey],
    ) -> Result<StateWitness, StoreError> {
        self.collect(height, reads, writes)?.witness(reads, writes)
    }

    fn prune(&self, keep_from: u64) -> Result<(), StoreError> {
        self.prune_below(keep_from)
    }

    fn rollback(&self, height: u64) -> Result<B256, StoreError> {
        let mut guard = self.running()?;
        let writer = &mut *guard;
        let (target, latest) = {
            let heights = self.shared.heights();
            if heights.height() == Some(height) {
                return Ok(heights.latest().root);
            }
            (heights.find(height)?, heights.latest())
        };
        let mut sequence = 0;
        if writer.log.is_some() {
            writer.frame.clear();
            let roots = (latest.root, target.root);
            entry::put_rollback(writer.frame.payload(), height, roots);
            let written = writer.write(self.config.durability);
            sequence = writer.noting(written)?;
        }
        let version = writer.next_version();
        let root = self.shared.restore(target, version);
        self.shared.heights_mut().rollback(
            height,
            Mark {
                version,
                root,
                sequence,
            },
        );
        Ok(root)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let (file, sequence) = match &self.running()?.log {
            Some(log) => log.begin_sync(),
            None => return Ok(()),
        };
        // Commits go on meanwhile; this covers those that were there when it began.
        let synced = file.sync().map_err(|error| StoreError::Stopped {
            reason: format!("making the log durable: {error}"),
        });
        let mut writer = self.writer();
        writer.noting(synced)?;
        if let Some(log) = &mut writer.log {
            log.synced(sequence);
        }
        Ok(())
    }
}

/// Changes from which writing the log on a thread of its own pays.
const OVERLAP: usize = 384;

/// The state at one height, for as long as it is held.
struct View {
    shared: Arc<Shared>,
    version: u64,
}

impl StateRead for View {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        self.shared.tree.get(key, self.version)
    }

    fn reads_freely(&self) -> bool {
        true
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // Whoever panicked while holding it is stopping the store anyway.
        if let Ok(mut heights) = self.shared.heights.write() {
            heights.unpin(self.version);
        }
    }
}
