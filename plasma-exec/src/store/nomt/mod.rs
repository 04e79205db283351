//! The store on NOMT, for a state larger than memory.
//!
//! NOMT holds the latest state and makes each commit durable and whole. Beside it is a log of the values that
//! commits replaced, from which older heights are read, proven and gone back to; the values of the heights kept
//! are in memory too. A record is durable before NOMT commits what it undoes; opening finds out by the root
//! whether NOMT did, and takes back the record, or finishes the rollback, if not.

mod database;
mod past;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy_primitives::{B256, Bytes};
use plasma_core::{Changes, PreimageMap, StateKey, StateProof, StateRead, StateWitness};

use self::database::{Database, Prepared};
use self::past::Past;
use super::entry::{self, Change, Entry};
use super::heights::{Heights, Mark};
use super::log::{self, Damage, Log};
use super::record::{Frame, Kind};
use super::undo::{Collect, Collected, undo};
use super::{Directory, Disk, Store, StoreError, TornTail};

/// How a [`NomtStore`] works.
#[derive(Clone, Debug)]
pub struct NomtConfig {
    /// Where it is kept.
    pub directory: PathBuf,
    /// Pages of 4 KiB in NOMT's hash table, fixed when it is made. A page holds up to 126 nodes; room for
    /// a million keys takes 64,000 pages.
    pub pages: u32,
    /// Whether to reserve the disk space for all pages at once.
    pub preallocate: bool,
    /// MiB of each of NOMT's two caches.
    pub cache_mib: usize,
    /// Threads that share a commit.
    pub threads: usize,
    /// Bytes after which a new file of the log of replaced values is begun.
    pub segment_bytes: u64,
}

impl NomtConfig {
    /// A store in a directory, for some million keys.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            pages: 1 << 18,
            preallocate: false,
            cache_mib: 256,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            segment_bytes: 64 << 20,
        }
    }
}

/// The store on NOMT, for a state larger than memory. Needs io_uring.
///
/// Each commit is durable when it returns. Reads may wait for a commit that is being written.
pub struct NomtStore {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
    torn: Option<TornTail>,
}

/// What readers share with the writer.
struct Shared {
    database: Database,
    heights: RwLock<Heights>,
    past: RwLock<Past>,
}

struct Writer {
    log: Log,
    frame: Frame,
    version: u64,
    stopped: Option<String>,
}

/// A lock is poisoned only by a panic of ours while it was held: what it guards may be half-written.
const BROKEN: &str = "the store is inconsistent after a panic; reopen it";

impl NomtStore {
    /// Opens the store, made if it is not there; fails if the machine does not offer io_uring.
    pub fn open(config: NomtConfig) -> Result<Self, StoreError> {
        let disk: Arc<dyn Disk> = Arc::new(Directory::open(&config.directory)?);
        let database = Database::open(&config)?;
        let mut replay = Replay::default();
        let from = log::first(&*disk)?.unwrap_or_default();
        let log = Log::open(
            disk,
            Kind::Undo,
            from,
            config.segment_bytes,
            |sequence, payload| replay.record(sequence, payload),
        )?;
        let torn = log.torn().cloned();
        let Replay {
            heights,
            past,
            version,
            last,
            before_last,
        } = replay;
        let shared = Shared {
            database,
            heights: RwLock::new(heights),
            past: RwLock::new(past),
        };
        let writer = Writer {
            log,
            frame: Frame::with_capacity(0),
            version,
            stopped: None,
        };
        let store = Self {
            shared: Arc::new(shared),
            writer: Mutex::new(writer),
            torn,
        };
        store.settle(last, before_last)?;
        Ok(store)
    }

    /// What was cut off the end of the log when it was opened.
    pub fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }

    /// Brings log and database together, of which a crash may have left the one a record ahead.
    fn settle(&self, last: Last, before_last: Mark) -> Result<(), StoreError> {
        let found = self.shared.database.root();
        let latest = self.shared.heights().latest();
        if found == latest.root {
            return Ok(());
        }
        let mut writer = self.writer();
        match last {
            // The commit was not made: nothing of it was acknowledged.
            Last::Commit(height) if found == before_last.root => {
                writer.log.retract()?;
                self.shared.heights_mut().retract(height, before_last);
                self.shared.past_mut().retract();
                Ok(())
            }
            // The rollback was not made: make it.
            Last::Rollback(target) if found == before_last.root => {
                let changed = self.shared.past().changed_since(target.version);
                let prepared = self
                    .shared
                    .database
                    .prepare(&changed.into_iter().collect::<Vec<_>>())?;
                assert_eq!(prepared.root, target.root, "undoing changes");
                self.shared.database.commit(prepared.finished)
            }
            _ => Err(StoreError::Root {
                height: self.shared.heights().height().unwrap_or_default(),
                computed: found,
                recorded: latest.root,
                path: self.shared.database.path().to_owned(),
            }),
        }
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

    /// Commits what was prepared, its record being written; returns the mark of the new state.
    fn finish(
        &self,
        writer: &mut Writer,
        Prepared {
            finished,
            root,
            replaced,
        }: Prepared,
    ) -> Result<Mark, StoreError> {
        let written = writer.log.append(&mut writer.frame).and_then(|sequence| {
            writer.log.sync()?;
            Ok(sequence + 1)
        });
        let sequence = writer.noting(written)?;
        let version = writer.version;
        writer.version += 1;
        // Readers look here after the database: what they miss there they find here.
        self.shared.past_mut().insert(version, replaced);
        let committed = self.shared.database.commit(finished);
        writer.noting(committed)?;
        Ok(Mark {
            version,
            root,
            sequence,
        })
    }

    /// The preimages of the paths of keys at `height`, and of the values of those to be read; more than those if
    /// the height is not the latest.
    fn collect(
        &self,
        height: u64,
        reads: &[StateKey],
        writes: &[StateKey],
    ) -> Result<Collected, StoreError> {
        let mut known = PreimageMap::default();
        // Held so that nobody writes: the nodes must be of one state.
        let _writer = self.writer();
        let (target, latest) = {
            let heights = self.shared.heights();
            (heights.find(height)?, heights.latest())
        };
        let asked = reads.iter().map(|key| (key, Collect::Value));
        let asked = asked.chain(writes.iter().map(|key| (key, Collect::Path)));
        self.shared.database.collect(asked, &mut known)?;
        let exact = target.root == latest.root;
        if !exact {
            let changed = self.shared.past().changed_since(target.version);
            let keys = changed.keys().map(|key| (key, Collect::Siblings));
            self.shared.database.collect(keys, &mut known)?;
            undo(&mut known, latest.root, target.root, changed, reads)?;
        }
        Ok(Collected {
            root: target.root,
            known,
            exact,
        })
    }
}

/// The last record of a log.
#[derive(Default)]
enum Last {
    #[default]
    None,
    /// A commit of this height.
    Commit(u64),
    /// A rollback to the state of this mark.
    Rollback(Mark),
}

/// Reading the log of replaced values.
struct Replay {
    heights: Heights,
    past: Past,
    version: u64,
    last: Last,
    before_last: Mark,
}

impl Default for Replay {
    fn default() -> Self {
        let heights = Heights::new();
        let before_last = heights.latest();
        Self {
            heights,
            past: Past::default(),
            version: 1,
            last: Last::None,
            before_last,
        }
    }
}

impl Replay {
    fn record(&mut self, sequence: u64, payload: &[u8]) -> Result<(), Damage> {
        let entry = Entry::parse(payload);
        let Some(Entry::Undo { before, .. } | Entry::Rollback { before, .. }) = &entry else {
            return Err(Damage("not a record of replaced values".to_owned()));
        };
        let bad = |error: StoreError| Damage(error.to_string());
        // What the first record follows was pruned, but for its root.
        let root = self.heights.latest().root;
        if self.heights.height().is_some() && *before != root {
            let wrong = format!("the record follows root {before}, but the state has {root}");
            return Err(Damage(wrong));
        }
        let version = self.version;
        self.version += 1;
        self.before_last = self.heights.latest();
        match entry {
            Some(Entry::Undo {
                height,
                before,
                after,
                replaced,
            }) => {
                if self.heights.height().is_none() && sequence > 0 && height > 0 {
                    let mark = Mark {
                        version: version - 1,
                        root: before,
                        sequence,
                    };
                    self.heights.commit(height - 1, mark);
                    self.before_last = mark;
                }
                self.heights.check_next(height).map_err(bad)?;
                self.past.insert(version, replaced);
                let mark = Mark {
                    version,
                    root: after,
                    sequence: sequence + 1,
                };
                self.heights.commit(height, mark);
                self.last = Last::Commit(height);
            }
            Some(Entry::Rollback { height, after, .. }) => {
                let mark = Mark {
                    version,
                    root: after,
                    sequence: sequence + 1,
                };
                if self.heights.height().is_none() {
                    self.heights.commit(height, mark);
                    self.last = Last::None;
                } else {
                    self.last = Last::Rollback(self.heights.find(height).map_err(bad)?);
                    self.heights.rollback(height, mark);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Shared {
    fn heights(&self) -> RwLockReadGuard<'_, Heights> {
        self.heights.read().expect(BROKEN)
    }

    fn heights_mut(&self) -> RwLockWriteGuard<'_, Heights> {
        self.heights.write().expect(BROKEN)
    }

    fn past(&self) -> RwLockReadGuard<'_, Past> {
        self.past.read().expect(BROKEN)
    }

    fn past_mut(&self) -> RwLockWriteGuard<'_, Past> {
        self.past.write().expect(BROKEN)
    }

    /// The value of `key` at `version`.
    fn get(&self, key: &StateKey, version: u64) -> Option<Bytes> {
        // The database first: if a commit overtakes this, the value it replaces stands in the past by then.
        let latest = self.database.get(key);
        match self.past().get(key, version) {
            Some(replaced) => replaced.value.clone(),
            // `StateRead` cannot fail: a node whose disk does must stop, not go on with a wrong state.
            None => latest.unwrap_or_else(|error| panic!("reading state: {error}")),
        }
    }
}

impl Writer {
    /// Remembers an error after which nothing may be written.
    fn noting<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Stopped { reason }) = &result {
            self.stopped = Some(reason.clone());
        }
        result
    }

    /// Puts a record of replaced values into the frame.
    fn put_undo(&mut self, height: u64, before: B256, after: B256, replaced: &[Change]) {
        self.frame.clear();
        let replaced = replaced
            .iter()
            .map(|(key, value)| (key, value.as_deref().map(AsRef::as_ref)));
        entry::put_undo(self.frame.payload(), height, (before, after), replaced);
    }
}

impl Store for NomtStore {
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
        self.shared.get(key, heights.latest().version)
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
        let mut writer = self.running()?;
        let before = {
            let heights = self.shared.heights();
            heights.check_next(height)?;
            heights.latest()
        };
        for (key, value) in changes {
            entry::check_value(key, value.as_ref().map(AsRef::as_ref))?;
        }
        let changes: Vec<Change> = changes.iter().map(|(key, v)| (*key, v.clone())).collect();
        let prepared = self.shared.database.prepare(&changes)?;
        writer.put_undo(height, before.root, prepared.root, &prepared.replaced);
        let mark = self.finish(&mut writer, prepared)?;
        self.shared.heights_mut().commit(height, mark);
        Ok(mark.root)
    }

    fn preview(&self, changes: &Changes) -> Result<B256, StoreError> {
        let _writer = self.writer();
        let changes: Vec<Change> = changes.iter().map(|(key, v)| (*key, v.clone())).collect();
        Ok(self.shared.database.prepare(&changes)?.root)
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
        let mut writer = self.running()?;
        let mark = self.shared.heights().find(keep_from)?;
        // Of a log in several files; the last one stays.
        writer.log.truncate_before(mark.sequence)?;
        let floor = {
            let mut heights = self.shared.heights_mut();
            heights.prune(keep_from);
            heights.floor()
        };
        self.shared.past_mut().forget(floor);
        Ok(())
    }

    fn rollback(&self, height: u64) -> Result<B256, StoreError> {
        let mut writer = self.running()?;
        let (target, latest) = {
            let heights = self.shared.heights();
            if heights.height() == Some(height) {
                return Ok(heights.latest().root);
            }
            (heights.find(height)?, heights.latest())
        };
        let changed = self.shared.past().changed_since(target.version);
        let prepared = self
            .shared
            .database
            .prepare(&changed.into_iter().collect::<Vec<_>>())?;
        assert_eq!(prepared.root, target.root, "undoing changes");
        writer.frame.clear();
        let roots = (latest.root, target.root);
        entry::put_rollback(writer.frame.payload(), height, roots);
        let mark = self.finish(&mut writer, prepared)?;
        self.shared.heights_mut().rollback(height, mark);
        Ok(mark.root)
    }

    fn sync(&self) -> Result<(), StoreError> {
        // Each commit is durable already.
        self.running().map(drop)
    }
}

/// The state at one height, for as long as it is held.
struct View {
    shared: Arc<Shared>,
    version: u64,
}

impl StateRead for View {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        self.shared.get(key, self.version)
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

#[cfg(test)]
mod tests;
