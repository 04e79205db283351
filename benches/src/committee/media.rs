//! Journals and logs that say how long their writes took.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use plasma_core::{B256, BlockHeader, CertifiedBlock, Height, TokioEnv};
use plasma_sdk::{
    bench::time,
    sequencer::{FileJournal, FileLog, Journal, JournalError, LogEntry, LogPlace, RoundLog},
};

use super::load::genesis;
use crate::Failure;

/// What durable writes took, in all members together.
#[derive(Debug, Default)]
pub(super) struct Writes {
    micros: AtomicU64,
    count: AtomicU64,
}

impl Writes {
    fn of<R>(&self, write: impl FnOnce() -> R) -> R {
        let (took, result) = time(write);
        self.micros.fetch_add(took.as_micros() as u64, Relaxed);
        self.count.fetch_add(1, Relaxed);
        result
    }

    /// Microseconds, and how many writes there were.
    pub(super) fn total(&self) -> (u64, u64) {
        (self.micros.load(Relaxed), self.count.load(Relaxed))
    }
}

type Media = (Box<dyn Journal>, Box<dyn RoundLog>);

/// A member's files.
pub(super) fn open(directory: &Path, writes: &Arc<Writes>) -> Result<Media, Failure> {
    let journal = FileJournal::open(directory, &genesis(), &TokioEnv)?;
    let log = FileLog::open(directory, &genesis(), &TokioEnv)?;
    let journal = TimedJournal(journal, Arc::clone(writes));
    let log = TimedLog(log, Arc::clone(writes));
    Ok((Box::new(journal), Box::new(log)))
}

struct TimedJournal(FileJournal, Arc<Writes>);

impl Journal for TimedJournal {
    fn head(&self) -> Option<&BlockHeader> {
        self.0.head()
    }

    fn first(&self) -> Option<Height> {
        self.0.first()
    }

    fn next(&self, from: Height) -> Option<Height> {
        self.0.next(from)
    }

    fn get(&self, height: Height) -> Result<Option<CertifiedBlock>, JournalError> {
        self.0.get(height)
    }

    fn sealed(&self, seal: &B256) -> Option<Height> {
        self.0.sealed(seal)
    }

    fn append(&mut self, block: &CertifiedBlock) -> Result<(), JournalError> {
        let Self(journal, writes) = self;
        writes.of(|| journal.append(block))
    }

    fn rewind(&mut self, to: &BlockHeader) -> Result<(), JournalError> {
        self.0.rewind(to)
    }

    fn prune(&mut self, below: Height) -> Result<(), JournalError> {
        self.0.prune(below)
    }
}

struct TimedLog(FileLog, Arc<Writes>);

impl RoundLog for TimedLog {
    fn read(&mut self) -> Result<(LogPlace, Vec<LogEntry>), JournalError> {
        self.0.read()
    }

    fn append(&mut self, entry: &LogEntry) -> Result<(), JournalError> {
        self.0.append(entry)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        let Self(log, writes) = self;
        writes.of(|| log.sync())
    }

    fn reset(&mut self, place: LogPlace) -> Result<(), JournalError> {
        self.0.reset(place)
    }
}
