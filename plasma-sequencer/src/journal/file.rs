//! A journal in one file that only grows, a checked frame for each entry, synchronised before it
//! counts.

use std::path::Path;

use plasma_core::{B256, BlockHeader, CertifiedBlock, Env, Height, decode};

use super::{
    Journal, JournalError,
    index::Index,
    record::{self, HEAD_BYTES, MAX_BODY, Record, Salt},
    storage::{Disk, Storage},
};

/// A journal in a file.
///
/// A crash while writing leaves a torn end, which is cut off when the file is opened, and reported
/// by [`Self::torn_bytes`]. Damage anywhere else is an error, and nothing is touched.
pub struct FileJournal {
    storage: Box<dyn Storage>,
    index: Index<Place>,
    genesis: B256,
    salt: Salt,
    torn_bytes: u64,
    failed: bool,
}

/// The file's name in its directory.
const FILE_NAME: &str = "certified.journal";

/// Offset and length of a frame.
type Place = (u64, u64);

impl FileJournal {
    /// Opens the journal in this directory, or begins it, for the chain with this genesis header.
    /// The file is locked until the journal is dropped, through another beside it.
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

    pub(super) fn on(
        storage: Box<dyn Storage>,
        genesis: B256,
        env: &dyn Env,
    ) -> Result<Self, JournalError> {
        let mut journal = Self {
            storage,
            index: Index::default(),
            genesis,
            salt: Salt::default(),
            torn_bytes: 0,
            failed: false,
        };
        let end = journal.replay()?;
        if end == 0 {
            let mut salt = Salt::default();
            env.random(&mut salt);
            journal.write(&record::origin(genesis, salt))?;
            journal.salt = salt;
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
        let length = self.length()?;
        let mut offset = 0;
        while offset < length {
            let Some(body) = self.frame(offset, length)? else {
                self.cut(offset, length)?;
                break;
            };
            let end = offset + (HEAD_BYTES + body.len()) as u64;
            let place = (offset, end - offset);
            let damaged = |reason: String| self.corrupt(offset, length, reason);
            match record::read(&body) {
                Some(Record::Origin { genesis, salt }) if offset == 0 => {
                    if genesis != self.genesis {
                        let (path, expected) = (self.storage.path(), self.genesis);
                        return Err(JournalError::OtherChain {
                            path,
                            expected,
                            found: genesis,
                        });
                    }
                    self.salt = salt;
                }
                Some(Record::Block(header)) if offset > 0 => {
                    self.index
                        .check(&header)
                        .map_err(|error| damaged(error.to_string()))?;
                    let hash = header.hash();
                    self.index.push(&header, hash, place);
                }
                Some(Record::Override(header)) if offset > 0 => {
                    let hold = self.holds(&header)?;
                    self.index.rewind(&header, hold, place);
                }
                Some(_) => {
                    return Err(damaged(
                        "the origin must be the first entry, and only that".into(),
                    ));
                }
                None => {
                    return Err(damaged(
                        "unknown kind of entry; a newer version may know it".into(),
                    ));
                }
            }
            offset = end;
        }
        Ok(offset)
    }

    /// The body of the frame at `offset`; `None` when none is whole there.
    fn frame(&self, offset: u64, length: u64) -> Result<Option<Vec<u8>>, JournalError> {
        let Some(head) = self.head_at(offset, length)? else {
            return Ok(None);
        };
        let Some(size) = record::body_length(&self.salt, &head) else {
            return Ok(None);
        };
        let start = offset + HEAD_BYTES as u64;
        if start + size as u64 > length {
            return Ok(None);
        }
        let mut body = vec![0; size];
        self.storage
            .read(start, &mut body)
            .map_err(|source| self.io("reading", source))?;
        Ok(record::body_holds(&head, &body).then_some(body))
    }

    fn head_at(&self, offset: u64, length: u64) -> Result<Option<[u8; HEAD_BYTES]>, JournalError> {
        let mut head = [0; HEAD_BYTES];
        if offset + HEAD_BYTES as u64 > length {
            return Ok(None);
        }
        self.storage
            .read(offset, &mut head)
            .map_err(|source| self.io("reading", source))?;
        Ok(Some(head))
    }

    /// Cuts a torn end off: only the last write may be unfinished, so nothing whole may come after
    /// it.
    fn cut(&mut self, offset: u64, length: u64) -> Result<(), JournalError> {
        let rest = length - offset;
        let longest = if offset == 0 {
            record::ORIGIN_BYTES
        } else {
            HEAD_BYTES + MAX_BODY
        };
        if rest > longest as u64 {
            let reason =
                format!("{rest} bytes are no entry, more than one unfinished write explains");
            return Err(self.corrupt(offset, length, reason));
        }
        let mut bytes = vec![0; rest as usize];
        self.storage
            .read(offset, &mut bytes)
            .map_err(|source| self.io("reading", source))?;
        let syncs = bytes.windows(HEAD_BYTES).enumerate().skip(1);
        for (at, window) in syncs.filter(|(_, window)| window.starts_with(&record::SYNC)) {
            let whole = window
                .try_into()
                .is_ok_and(|head| record::body_length(&self.salt, head).is_some());
            if whole {
                let later = offset + at as u64;
                let reason = format!(
                    "the entry here is damaged, and there are whole ones from byte {later} on"
                );
                return Err(self.corrupt(offset, length, reason));
            }
        }
        tracing::warn!(
            path = self.storage.path(),
            offset,
            bytes = rest,
            "the last write to the sequencer's journal was unfinished; cut it off"
        );
        self.torn_bytes = rest;
        self.storage
            .truncate(offset)
            .map_err(|source| self.io("truncating", source))
    }

    /// Writes a frame at the end, durably.
    fn write(&mut self, frame: &[u8]) -> Result<Place, JournalError> {
        if self.failed {
            return Err(JournalError::Failed {
                path: self.storage.path(),
            });
        }
        let offset = self.length()?;
        // Until it is known to be whole, the file may end in anything.
        self.failed = true;
        self.storage
            .append(frame)
            .map_err(|source| self.io("writing", source))?;
        self.storage
            .sync()
            .map_err(|source| self.io("synchronising", source))?;
        self.failed = false;
        Ok((offset, frame.len() as u64))
    }

    fn read(&self, (offset, size): Place) -> Result<CertifiedBlock, JournalError> {
        let length = self.length()?;
        let damaged = |reason: String| self.corrupt(offset, length, reason);
        let body = self.frame(offset, offset + size)?;
        let body =
            body.ok_or_else(|| damaged("the block here was whole when it was written".into()))?;
        decode(&body[1..], MAX_BODY).map_err(|error| damaged(error.to_string()))
    }

    /// Whether the block at its height is this one.
    fn holds(&self, header: &BlockHeader) -> Result<bool, JournalError> {
        match self.index.get(header.height) {
            Some(&place) => Ok(self.read(place)?.block.header == *header),
            None => Ok(false),
        }
    }

    fn length(&self) -> Result<u64, JournalError> {
        self.storage
            .len()
            .map_err(|source| self.io("measuring", source))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> JournalError {
        JournalError::Io {
            path: self.storage.path(),
            action,
            source,
        }
    }

    fn corrupt(&self, offset: u64, length: u64, reason: String) -> JournalError {
        JournalError::Corrupt {
            path: self.storage.path(),
            offset,
            length,
            reason,
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
        let place = self.write(&record::block(&self.salt, block))?;
        self.index.push(header, header.hash(), place);
        Ok(())
    }

    fn rewind(&mut self, to: &BlockHeader) -> Result<(), JournalError> {
        if self.index.is_head(to) {
            return Ok(());
        }
        let hold = self.holds(to)?;
        let place = self.write(&record::rewind(&self.salt, to))?;
        self.index.rewind(to, hold, place);
        Ok(())
    }

    /// Rewrites the file without the blocks below, once that frees at least half of it.
    fn prune(&mut self, below: Height) -> Result<(), JournalError> {
        if self.failed {
            return Err(JournalError::Failed {
                path: self.storage.path(),
            });
        }
        let last = self.index.entries().last().map(|entry| entry.height);
        let kept = |height: Height| height >= below || Some(height) == last;
        let entries = self.index.entries().filter(|entry| kept(entry.height));
        let parts: Vec<Place> = entries.map(|entry| entry.place).collect();
        let keep: u64 = parts.iter().map(|(_, length)| length).sum();
        let origin = record::origin(self.genesis, self.salt);
        if keep * 2 > self.length()?.saturating_sub(origin.len() as u64) {
            return Ok(());
        }
        self.storage
            .rewrite(&origin, &parts)
            .map_err(|source| self.io("pruning", source))?;
        self.index.prune(below);
        let mut offset = origin.len() as u64;
        for entry in self.index.entries_mut() {
            entry.place.0 = offset;
            offset += entry.place.1;
        }
        Ok(())
    }
}
