//! A whole state in a file: records like the log's, of which the first is its header and the last its end.
//!
//! It is written under another name, made durable and renamed, so that a snapshot is whole or not there. The
//! newest one counts; older ones are left over from a crash before their removal.

use std::io::{Read, Take};

use alloy_primitives::{B256, Bytes};
use plasma_core::StateKey;

use crate::store::entry::{self, Change, Entry};
use crate::store::log::io_error;
use crate::store::record::{self, Frame, HEADER, Kind, MAX_PAYLOAD, Record};
use crate::store::{Disk, StoreError};

const TEMPORARY: &str = "snapshot.tmp";
/// Bytes of entries after which a record is closed.
const CHUNK: usize = 1 << 20;

/// What a snapshot is of.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) height: u64,
    pub(super) root: B256,
    /// Sequence of the first log record that is not in it.
    pub(super) sequence: u64,
}

/// A snapshot that was loaded.
pub(super) struct Loaded {
    pub(super) height: u64,
    pub(super) root: B256,
    pub(super) sequence: u64,
    pub(super) path: String,
}

fn name(sequence: u64) -> String {
    format!("snapshot-{sequence:016x}")
}

fn sequence_of(name: &str) -> Option<u64> {
    let digits = name
        .strip_prefix("snapshot-")
        .filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// Writes a snapshot under its temporary name, durable but for the name.
pub(super) fn write(
    disk: &dyn Disk,
    header: &Header,
    parts: impl Iterator<Item = Vec<(StateKey, Bytes)>>,
) -> Result<(), StoreError> {
    let failed = || io_error("write snapshot", disk.path(TEMPORARY));
    let file = disk.create(TEMPORARY).map_err(failed())?;
    file.append(&record::file_header(Kind::Snapshot, 0))
        .map_err(failed())?;
    let mut frame = Frame::with_capacity(CHUNK + CHUNK / 4);
    let mut sequence = 0;
    let mut close = |frame: &mut Frame| {
        file.append(frame.seal(sequence, 0)?).map_err(failed())?;
        sequence += 1;
        frame.clear();
        Ok::<_, StoreError>(())
    };
    let Header {
        height,
        root,
        sequence: after,
    } = *header;
    entry::put_snapshot(frame.payload(), height, root, after);
    close(&mut frame)?;
    let mut count = 0;
    let mut waiting: Vec<(StateKey, Bytes)> = Vec::new();
    let mut bytes = 0;
    let mut flush = |waiting: &mut Vec<(StateKey, Bytes)>| {
        let entries = waiting
            .iter()
            .map(|(key, value)| (key, Some(value.as_ref())));
        entry::put_entries(frame.payload(), entries);
        waiting.clear();
        close(&mut frame)
    };
    for (key, value) in parts.flatten() {
        bytes += 36 + value.len();
        count += 1;
        waiting.push((key, value));
        if bytes >= CHUNK {
            flush(&mut waiting)?;
            bytes = 0;
        }
    }
    if !waiting.is_empty() {
        flush(&mut waiting)?;
    }
    entry::put_end(frame.payload(), count);
    close(&mut frame)?;
    file.sync().map_err(failed())
}

/// Gives the snapshot just written its name.
pub(super) fn publish(disk: &dyn Disk, header: &Header) -> Result<(), StoreError> {
    let name = name(header.sequence);
    disk.rename(TEMPORARY, &name)
        .and_then(|()| disk.sync_names())
        .map_err(io_error("rename snapshot to", disk.path(&name)))
}

/// Removes the snapshot just written.
pub(super) fn discard(disk: &dyn Disk) -> Result<(), StoreError> {
    disk.remove(TEMPORARY)
        .map_err(io_error("remove", disk.path(TEMPORARY)))
}

/// Removes snapshots before that of `sequence`.
pub(super) fn discard_older(disk: &dyn Disk, sequence: u64) -> Result<(), StoreError> {
    for name in disk.list().map_err(io_error("list", disk.path("")))? {
        if sequence_of(&name).is_some_and(|other| other < sequence) {
            disk.remove(&name)
                .map_err(io_error("remove", disk.path(&name)))?;
        }
    }
    Ok(())
}

/// Loads the newest snapshot, if there is one, handing its entries, in key order, to `visit`.
pub(super) fn load(
    disk: &dyn Disk,
    visit: &mut dyn FnMut(&[Change]),
) -> Result<Option<Loaded>, StoreError> {
    let names = disk.list().map_err(io_error("list", disk.path("")))?;
    if names.iter().any(|name| name == TEMPORARY) {
        discard(disk)?;
    }
    let Some(newest) = names.iter().filter_map(|name| sequence_of(name)).max() else {
        return Ok(None);
    };
    let name = name(newest);
    let path = disk.path(&name);
    let input = disk.read(&name).map_err(io_error("read", path.clone()))?;
    let reader = Reader {
        input,
        path,
        offset: 0,
        sequence: 0,
    };
    let loaded = reader.load(newest, visit)?;
    discard_older(disk, newest)?;
    Ok(Some(loaded))
}

struct Reader {
    input: Box<dyn Read + Send>,
    path: String,
    offset: u64,
    sequence: u64,
}

impl Reader {
    fn load(mut self, named: u64, visit: &mut dyn FnMut(&[Change])) -> Result<Loaded, StoreError> {
        let header = self.take(HEADER)?;
        record::read_file_header(Kind::Snapshot, &self.path, &header)?;
        self.offset = HEADER as u64;
        let Entry::Snapshot {
            height,
            root,
            sequence,
        } = self.entry()?
        else {
            return Err(self.corrupt("does not begin with what it is of"));
        };
        if sequence != named {
            return Err(self.corrupt("was renamed, or its beginning is of another"));
        }
        let mut last = None;
        let mut entries_read = 0;
        loop {
            match self.entry()? {
                Entry::Entries { entries } => {
                    let first = entries.first().map(|(key, _)| *key);
                    if first.is_none() || first <= last {
                        return Err(self.corrupt("entries are empty or out of order"));
                    }
                    last = entries.last().map(|(key, _)| *key);
                    entries_read += entries.len() as u64;
                    visit(&entries);
                }
                Entry::End { count } if count == entries_read => break,
                _ => return Err(self.corrupt("ends with another count than it holds")),
            }
        }
        if !self.take(1)?.is_empty() {
            return Err(self.corrupt("goes on after its end"));
        }
        Ok(Loaded {
            height,
            root,
            sequence,
            path: self.path,
        })
    }

    /// Up to `length` bytes: fewer at the end of the file.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let mut part: Take<_> = self.input.by_ref().take(length as u64);
        part.read_to_end(&mut bytes)
            .map_err(io_error("read", self.path.clone()))?;
        Ok(bytes)
    }

    fn entry(&mut self) -> Result<Entry, StoreError> {
        let mut bytes = self.take(HEADER)?;
        let length = bytes.get(4..8).map_or(0, |field| {
            field
                .iter()
                .rev()
                .fold(0, |length, byte| length << 8 | usize::from(*byte))
        });
        bytes.append(&mut self.take(length.min(MAX_PAYLOAD))?);
        let record = match Record::parse(&bytes) {
            Ok(record) if record.sequence == self.sequence => record,
            Ok(_) => return Err(self.corrupt("the record's number is out of order")),
            Err(reason) => return Err(self.corrupt(reason)),
        };
        let entry = Entry::parse(record.payload)
            .ok_or_else(|| self.corrupt("the record is not one of a snapshot"))?;
        self.offset += record.len() as u64;
        self.sequence += 1;
        Ok(entry)
    }

    fn corrupt(&self, reason: &str) -> StoreError {
        let reason = reason.to_owned();
        StoreError::Corrupt {
            path: self.path.clone(),
            offset: self.offset,
            reason,
        }
    }
}
