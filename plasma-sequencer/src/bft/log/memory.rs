//! A log that lasts as long as the process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{LogEntry, LogPlace, RoundLog};
use crate::JournalError;

/// A log in memory, which loses what was not synchronised when it is [reopened](Self::reopen).
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    shared: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    place: LogPlace,
    entries: Vec<LogEntry>,
    durable: usize,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same log after a crash: of what was not synchronised, at most `kept` entries are there.
    pub fn reopen(&self, kept: usize) -> Self {
        let mut memory = self.memory();
        let length = memory.durable + kept;
        memory.entries.truncate(length);
        memory.durable = memory.entries.len();
        drop(memory);
        self.clone()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoundLog for MemoryLog {
    fn read(&mut self) -> Result<(LogPlace, Vec<LogEntry>), JournalError> {
        let memory = self.memory();
        Ok((memory.place, memory.entries.clone()))
    }

    fn append(&mut self, entry: &LogEntry) -> Result<(), JournalError> {
        self.memory().entries.push(entry.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        let mut memory = self.memory();
        memory.durable = memory.entries.len();
        Ok(())
    }

    fn reset(&mut self, place: LogPlace) -> Result<(), JournalError> {
        *self.memory() = Memory {
            place,
            ..Memory::default()
        };
        Ok(())
    }
}
