//! A log in a file.
//!
//! ```text
//!   frame   "PSR1" │ length u32 LE │ body sum 8 │ head sum 8 │ body: borsh(Vec<Item>)
//! ```
//! Invariants:
//! - One frame for each synchronisation, so that only the last may be torn, and nobody was told what
//!   is in it: it is cut off. Damage before it is an error, for votes may be lost.
//! - The first frame names the chain and a salt, which all sums after it are over: no block can be
//!   made that has a frame in it. Sums are the first bytes of SHA-256.
//! - A new place is an item like others. Once the file is long it is written anew with that alone.

use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{B256, BlockHeader, Env, decode, encode, sha256};

use super::{LogEntry, LogPlace, RoundLog};
use crate::{
    JournalError,
    journal::{Disk, Storage},
};

const SYNC: [u8; 4] = *b"PSR1";
const HEAD_BYTES: usize = 24;
/// The longest frame's body: what one message, or one restart, can bring about.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// From which length on a new place begins a new file.
const LONG_FILE: u64 = 16 * 1024 * 1024;
/// The file's name in its directory.
const FILE_NAME: &str = "rounds.log";

type Salt = [u8; 16];

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Item {
    Origin { genesis: B256, salt: Salt },
    Place(LogPlace),
    Entry(LogEntry),
}

/// A [`RoundLog`] in a file, locked against other processes.
pub struct FileLog {
    storage: Box<dyn Storage>,
    genesis: B256,
    salt: Salt,
    /// What is not written yet.
    items: Vec<Item>,
    place: LogPlace,
    entries: Vec<LogEntry>,
    failed: bool,
}

impl FileLog {
    /// Opens the log in this directory, or begins it, for the chain with this genesis header.
    pub fn open(
        directory: impl AsRef<Path>,
        genesis: &BlockHeader,
        env: &dyn Env,
    ) -> Result<Self, JournalError> {
        let path = &directory.as_ref().join(FILE_NAME);
        let name = || path.display().to_string();
        let disk = Disk::open(path)
            .map_err(|source| JournalError::Io {
                path: name(),
                action: "opening",
                source,
            })?
            .ok_or_else(|| JournalError::InUse { path: name() })?;
        Self::on(Box::new(disk), genesis.hash(), env)
    }

    fn on(storage: Box<dyn Storage>, genesis: B256, env: &dyn Env) -> Result<Self, JournalError> {
        let mut log = Self {
            storage,
            genesis,
            salt: Salt::default(),
            items: Vec::new(),
            place: LogPlace::default(),
            entries: Vec::new(),
            failed: false,
        };
        if log.replay()? == 0 {
            let mut salt = Salt::default();
            env.random(&mut salt);
            let origin = log.origin(salt);
            log.write(&origin)?;
            log.salt = salt;
        }
        Ok(log)
    }

    fn origin(&self, salt: Salt) -> Vec<u8> {
        let genesis = self.genesis;
        frame(&Salt::default(), &[Item::Origin { genesis, salt }])
    }

    fn replay(&mut self) -> Result<u64, JournalError> {
        let length = self
            .storage
            .len()
            .map_err(|source| self.io("measuring", source))?;
        let mut bytes = vec![0; length as usize];
        self.storage
            .read(0, &mut bytes)
            .map_err(|source| self.io("reading", source))?;
        let mut offset = 0;
        while offset < bytes.len() {
            let rest = &bytes[offset..];
            let Some(body) = body(&self.salt, rest) else {
                if (1..rest.len()).any(|at| body_length(&self.salt, &rest[at..]).is_some()) {
                    let reason = "a frame is damaged, and there are whole ones after it";
                    return Err(self.corrupt(offset, bytes.len(), reason));
                }
                tracing::warn!(
                    path = self.storage.path(),
                    offset,
                    "the last write to the log of rounds was unfinished; cut it off"
                );
                self.storage
                    .truncate(offset as u64)
                    .map_err(|source| self.io("truncating", source))?;
                break;
            };
            let items = decode::<Vec<Item>>(body, MAX_BODY)
                .map_err(|error| self.corrupt(offset, bytes.len(), &error.to_string()))?;
            for item in items {
                match item {
                    Item::Origin { genesis, salt } if offset == 0 => {
                        if genesis != self.genesis {
                            return Err(JournalError::OtherChain {
                                path: self.storage.path(),
                                expected: self.genesis,
                                found: genesis,
                            });
                        }
                        self.salt = salt;
                    }
                    Item::Origin { .. } => {
                        let reason = "an origin that is not at the beginning";
                        return Err(self.corrupt(offset, bytes.len(), reason));
                    }
                    Item::Place(place) => {
                        self.place = place;
                        self.entries.clear();
                    }
                    Item::Entry(entry) => self.entries.push(entry),
                }
            }
            offset += HEAD_BYTES + body.len();
        }
        Ok(offset as u64)
    }

    fn write(&mut self, frame: &[u8]) -> Result<(), JournalError> {
        if self.failed {
            let path = self.storage.path();
            return Err(JournalError::Failed { path });
        }
        self.failed = true;
        self.storage
            .append(frame)
            .map_err(|source| self.io("writing", source))?;
        self.storage
            .sync()
            .map_err(|source| self.io("synchronising", source))?;
        self.failed = false;
        Ok(())
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> JournalError {
        JournalError::Io {
            path: self.storage.path(),
            action,
            source,
        }
    }

    fn corrupt(&self, offset: usize, length: usize, reason: &str) -> JournalError {
        JournalError::Corrupt {
            path: self.storage.path(),
            offset: offset as u64,
            length: length as u64,
            reason: reason.into(),
        }
    }
}

impl RoundLog for FileLog {
    fn read(&mut self) -> Result<(LogPlace, Vec<LogEntry>), JournalError> {
        Ok((self.place, std::mem::take(&mut self.entries)))
    }

    fn append(&mut self, entry: &LogEntry) -> Result<(), JournalError> {
        self.items.push(Item::Entry(entry.clone()));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        if self.items.is_empty() {
            return Ok(());
        }
        let items = std::mem::take(&mut self.items);
        let frame = frame(&self.salt, &items);
        let anew = matches!(items.first(), Some(Item::Place(_)))
            && self.storage.len().is_ok_and(|length| length > LONG_FILE);
        if !anew {
            return self.write(&frame);
        }
        let whole = [self.origin(self.salt), frame].concat();
        self.storage.rewrite(&whole, &[]).map_err(|source| {
            self.failed = true;
            self.io("rewriting", source)
        })
    }

    fn reset(&mut self, place: LogPlace) -> Result<(), JournalError> {
        self.items = vec![Item::Place(place)];
        Ok(())
    }
}

fn frame(salt: &Salt, items: &[Item]) -> Vec<u8> {
    let body = encode(items);
    let mut frame = Vec::with_capacity(HEAD_BYTES + body.len());
    frame.extend_from_slice(&SYNC);
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(&sha256(&body)[..8]);
    let sum = head_sum(salt, &frame);
    frame.extend_from_slice(&sum);
    frame.extend_from_slice(&body);
    frame
}

fn head_sum(salt: &Salt, head: &[u8]) -> [u8; 8] {
    let sum = sha256(&[salt, &head[..16]].concat());
    sum[..8].try_into().expect("eight bytes")
}

/// The length of the body, if these bytes begin with the head of a frame.
fn body_length(salt: &Salt, bytes: &[u8]) -> Option<usize> {
    let head = bytes
        .get(..HEAD_BYTES)
        .filter(|head| head.starts_with(&SYNC))?;
    let length = u32::from_le_bytes(head[4..8].try_into().ok()?) as usize;
    (head[16..] == head_sum(salt, head) && length <= MAX_BODY).then_some(length)
}

/// The body of the frame that these bytes begin with, if it is whole.
fn body<'a>(salt: &Salt, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let length = body_length(salt, bytes)?;
    let body = bytes.get(HEAD_BYTES..HEAD_BYTES + length)?;
    (sha256(body)[..8] == bytes[8..16]).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::Payload;
    use plasma_core::{Block, Height, TokioEnv};

    fn timeout(round: u32) -> LogEntry {
        LogEntry::Timeout(0, round)
    }

    fn genesis() -> BlockHeader {
        BlockHeader::default()
    }

    fn place(height: u64) -> LogPlace {
        LogPlace {
            height: Height(height),
            base: 0,
        }
    }

    fn open(directory: &Path) -> Result<FileLog, JournalError> {
        FileLog::open(directory, &genesis(), &TokioEnv)
    }

    /// A log of place 7 with rounds 1, 2 and 3, each synchronised; where each ended.
    fn written(directory: &Path) -> (Vec<u8>, Vec<usize>) {
        let mut log = open(directory).expect("a log");
        log.reset(place(7)).expect("room");
        log.sync().expect("a disk");
        let path = directory.join(FILE_NAME);
        let length = || std::fs::metadata(&path).expect("a file").len() as usize;
        let mut ends = vec![length()];
        for round in 1..=3 {
            log.append(&timeout(round)).expect("room");
            log.sync().expect("a disk");
            ends.push(length());
        }
        (std::fs::read(&path).expect("a file"), ends)
    }

    #[test]
    fn what_was_synchronised_is_there_and_what_was_not_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        written(folder.path());
        let mut log = open(folder.path()).expect("a log");
        assert!(matches!(
            open(folder.path()),
            Err(JournalError::InUse { .. })
        ));
        let all = vec![timeout(1), timeout(2), timeout(3)];
        assert_eq!(log.read().expect("whole"), (place(7), all));
        log.append(&timeout(4)).expect("room");
        drop(log);
        let mut log = open(folder.path()).expect("a log");
        assert_eq!(log.read().expect("whole").1.len(), 3);
        log.reset(place(8)).expect("room");
        log.append(&timeout(9)).expect("room");
        log.sync().expect("a disk");
        drop(log);
        let mut log = open(folder.path()).expect("a log");
        assert_eq!(log.read().expect("whole"), (place(8), vec![timeout(9)]));
        drop(log);
        let other = BlockHeader {
            height: Height(1),
            ..genesis()
        };
        let other = FileLog::open(folder.path(), &other, &TokioEnv);
        assert!(matches!(other, Err(JournalError::OtherChain { .. })));
    }

    #[test]
    fn a_torn_end_is_cut_off_at_any_byte_and_damage_before_it_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let (bytes, ends) = written(folder.path());
        for length in ends[0]..bytes.len() {
            std::fs::write(&path, &bytes[..length]).expect("a file");
            let mut log = open(folder.path()).expect("a log");
            let whole = ends[1..].iter().filter(|end| **end <= length).count();
            assert_eq!(log.read().expect("whole").1.len(), whole, "{length} bytes");
        }
        for at in ends[0]..ends[2] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).expect("a file");
            let opened = open(folder.path());
            assert!(
                matches!(opened, Err(JournalError::Corrupt { .. })),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_long_file_begins_anew_with_a_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let mut log = open(folder.path()).expect("a log");
        log.reset(place(1)).expect("room");
        let block = Block {
            transactions: vec![vec![7; LONG_FILE as usize].into()],
            ..Block::default()
        };
        let payload = Payload { block, batch: None };
        log.append(&LogEntry::Body(payload, false)).expect("room");
        log.sync().expect("a disk");
        assert!(std::fs::metadata(&path).expect("a file").len() > LONG_FILE);
        log.reset(place(2)).expect("room");
        log.append(&timeout(5)).expect("room");
        log.sync().expect("a disk");
        assert!(std::fs::metadata(&path).expect("a file").len() < 1_000);
        log.append(&timeout(6)).expect("room");
        log.sync().expect("a disk");
        drop(log);
        let mut log = open(folder.path()).expect("a log");
        assert_eq!(
            log.read().expect("whole"),
            (place(2), vec![timeout(5), timeout(6)])
        );
    }
}
