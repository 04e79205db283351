//! A journal in one file that only grows, a checked frame for each entry, synchronised before it
//! counts.

use std::path::Path;

use plasma_core::{B256, BlockHeader, CertifiedBlock, Env, Height, decode};

use super::{
    Journal, JournalError,
    index::Index,
    record::{self, FORMAT, Record},
};
use crate::frames::{Frames, HEAD_BYTES, Place, Storage};

/// A journal in a file.
///
/// A crash while writing leaves a torn end, which is cut off when the file is opened, and reported
/// by [`Self::torn_bytes`]. Damage anywhere else is an error, and nothing is touched.
pub struct FileJournal {
    frames: Frames,
    index: Index<Place>,
    genesis: B256,
    torn_bytes: u64,
}

/// The file's name in its directory.
const FILE_NAME: &str = "certified.journal";

impl FileJournal {
    /// Opens the journal in this directory, or begins it, for the chain with this genesis header.
    /// The file is locked until the journal is dropped, through another beside it.
    pub fn open(
        directory: impl AsRef<Path>,
        genesis: &BlockHeader,
        env: &dyn Env,
    ) -> Result<Self, JournalError> {
        let storage = Frames::open(&directory.as_ref().join(FILE_NAME))?;
        Self::on(storage, genesis.hash(), env)
    }

    pub(super) fn on(
        storage: Box<dyn Storage>,
        genesis: B256,
        env: &dyn Env,
    ) -> Result<Self, JournalError> {
        let mut journal = Self {
            frames: Frames::new(storage, FORMAT),
            index: Index::default(),
            genesis,
            torn_bytes: 0,
        };
        if journal.replay()? == 0 {
            let origin = |salt| record::origin(genesis, salt);
            journal.frames.begin(env, origin)?;
        }
        Ok(journal)
    }

    /// How many bytes of an unfinished write were cut off when the file was opened. Nobody ever saw
    /// that block.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Reads all frames; returns where the last whole one ends.
    fn replay(&mut self) -> Result<u64, JournalError> {
        let length = self.frames.length()?;
        let mut offset = 0;
        while offset < length {
            let Some(body) = self.frames.body(offset, length)? else {
                self.torn_bytes = self.frames.cut(offset, length)?;
                break;
            };
            let end = offset + (HEAD_BYTES + body.len()) as u64;
            let place = (offset, end - offset);
            let damaged = |reason: &str| self.frames.corrupt(offset, length, reason);
            match record::read(&body) {
                Some(Record::Origin { genesis, salt }) if offset == 0 => {
                    self.frames.begun(self.genesis, genesis, salt)?;
                }
                Some(Record::Block(header)) if offset > 0 => {
                    self.index
                        .check(&header)
                        .map_err(|error| damaged(&error.to_string()))?;
                    let hash = header.hash();
                    self.index.push(&header, hash, place);
                }
                Some(Record::Override(header)) if offset > 0 => {
                    let hold = self.holds(&header)?;
                    self.index.rewind(&header, hold, place);
                }
                Some(_) => {
                    return Err(damaged("the origin must be the first entry, and only that"));
                }
                None => {
                    return Err(damaged(
                        "unknown kind of entry; a newer version may know it",
                    ));
                }
            }
            offset = end;
        }
        Ok(offset)
    }

    fn read(&self, (offset, size): Place) -> Result<CertifiedBlock, JournalError> {
        let length = self.frames.length()?;
        let damaged = |reason: &str| self.frames.corrupt(offset, length, reason);
        let body = self.frames.body(offset, offset + size)?;
        let body = body.ok_or_else(|| damaged("the block here was whole when it was written"))?;
        decode(&body[1..], FORMAT.longest_body).map_err(|error| damaged(&error.to_string()))
    }

    /// Whether the block at its height is this one.
    fn holds(&self, header: &BlockHeader) -> Result<bool, JournalError> {
        match self.index.get(header.height) {
            Some(&place) => Ok(self.read(place)?.block.header == *header),
            None => Ok(false),
        }
    }
}

impl Journal for FileJournal {
    fn head(&self) -> Option<&BlockHeader> {
        self.index.head()
    }

    fn first(&self) -> Option<Height> {
        self.index.first()
    }

    fn next(&self, from: Height) -> Option<Height> {
        self.index.next(from)
    }

    fn get(&self, height: Height) -> Result<Option<CertifiedBlock>, JournalError> {
        self.index
            .get(height)
            .map(|place| self.read(*place))
            .transpose()
    }

    fn sealed(&self, seal: &B256) -> Option<Height> {
        self.index.sealed(seal)
    }

    fn append(&mut self, block: &CertifiedBlock) -> Result<(), JournalError> {
        let header = &block.block.header;
        self.index.check(header)?;
        let place = self.frames.append(&record::block(block))?;
        self.index.push(header, header.hash(), place);
        Ok(())
    }

    fn rewind(&mut self, to: &BlockHeader) -> Result<(), JournalError> {
        if self.index.is_head(to) {
            return Ok(());
        }
        let hold = self.holds(to)?;
        let place = self.frames.append(&record::rewind(to))?;
        self.index.rewind(to, hold, place);
        Ok(())
    }

    /// Rewrites the file without the blocks below, once that frees at least half of it.
    fn prune(&mut self, below: Height) -> Result<(), JournalError> {
        let last = self.index.entries().last().map(|entry| entry.height);
        let kept = |height: Height| height >= below || Some(height) == last;
        let entries = self.index.entries().filter(|entry| kept(entry.height));
        let parts: Vec<Place> = entries.map(|entry| entry.place).collect();
        let keep: u64 = parts.iter().map(|(_, length)| length).sum();
        let first = (HEAD_BYTES + FORMAT.first_body) as u64;
        if keep * 2 > self.frames.length()?.saturating_sub(first) {
            return Ok(());
        }
        let genesis = self.genesis;
        let origin = |salt| record::origin(genesis, salt);
        let mut offset = self.frames.rewrite(origin, &parts, &[])?;
        self.index.prune(below);
        for entry in self.index.entries_mut() {
            entry.place.0 = offset;
            offset += entry.place.1;
        }
        Ok(())
    }
}
