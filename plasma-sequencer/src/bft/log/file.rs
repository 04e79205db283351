//! A log in a file.
//!
//! Invariants:
//! - One [frame](crate::frames) for each synchronisation, of a `Vec<Item>` in borsh, so that only the last may be torn, and
//!   nobody was told what is in it.
//! - The first frame names the chain and the file's salt.
//! - A new place is an item like others. Once the file is long it is written anew with that alone.

use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{B256, BlockHeader, Env, decode, encode};

use super::{LogEntry, LogPlace, RoundLog};
use crate::{
    JournalError,
    frames::{Format, Frames, HEAD_BYTES, Salt},
};

const FORMAT: Format = Format {
    sync: *b"PSR1",
    first_body: 4 + 1 + 32 + 16,
    // What one message, or one restart, can bring about.
    longest_body: 64 * 1024 * 1024,
    name: "the log of rounds",
};
/// From which length on a new place begins a new file.
const LONG_FILE: u64 = 16 * 1024 * 1024;
/// The file's name in its directory.
const FILE_NAME: &str = "rounds.log";

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Item {
    Origin { genesis: B256, salt: Salt },
    Place(LogPlace),
    Entry(LogEntry),
}

/// A [`RoundLog`] in a file, locked against other processes.
pub struct FileLog {
    frames: Frames,
    genesis: B256,
    /// What is not written yet.
    items: Vec<Item>,
    place: LogPlace,
    entries: Vec<LogEntry>,
}

impl FileLog {
    /// Opens the log in this directory, or begins it, for the chain with this genesis header.
    pub fn open(
        directory: impl AsRef<Path>,
        genesis: &BlockHeader,
        env: &dyn Env,
    ) -> Result<Self, JournalError> {
        let storage = Frames::open(&directory.as_ref().join(FILE_NAME))?;
        let mut log = Self {
            frames: Frames::new(storage, FORMAT),
            genesis: genesis.hash(),
            items: Vec::new(),
            place: LogPlace::default(),
            entries: Vec::new(),
        };
        if log.replay()? == 0 {
            let origin = origin(log.genesis);
            log.frames.begin(env, origin)?;
        }
        Ok(log)
    }

    /// Reads all frames; returns where the last whole one ends.
    fn replay(&mut self) -> Result<u64, JournalError> {
        let length = self.frames.length()?;
        let mut offset = 0;
        while offset < length {
            let Some(body) = self.frames.body(offset, length)? else {
                self.frames.cut(offset, length)?;
                break;
            };
            let items = decode::<Vec<Item>>(&body, FORMAT.longest_body)
                .map_err(|error| self.frames.corrupt(offset, length, error.to_string()))?;
            for item in items {
                match item {
                    Item::Origin { genesis, salt } if offset == 0 => {
                        self.frames.begun(self.genesis, genesis, salt)?;
                    }
                    Item::Origin { .. } => {
                        let reason = "an origin that is not at the beginning";
                        return Err(self.frames.corrupt(offset, length, reason));
                    }
                    Item::Place(place) => {
                        self.place = place;
                        self.entries.clear();
                    }
                    Item::Entry(entry) => self.entries.push(entry),
                }
            }
            offset += (HEAD_BYTES + body.len()) as u64;
        }
        Ok(offset)
    }
}

/// The first frame's body.
fn origin(genesis: B256) -> impl FnOnce(Salt) -> Vec<u8> {
    move |salt| encode(&[Item::Origin { genesis, salt }][..])
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
        let body = encode(&items[..]);
        let anew = matches!(items.first(), Some(Item::Place(_)));
        if anew && self.frames.length()? > LONG_FILE {
            let origin = origin(self.genesis);
            self.frames.rewrite(origin, &[], &[&body])?;
        } else {
            self.frames.append(&body)?;
        }
        Ok(())
    }

    fn reset(&mut self, place: LogPlace) -> Result<(), JournalError> {
        self.items = vec![Item::Place(place)];
        Ok(())
    }
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
