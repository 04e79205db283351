//! A write-ahead log: records in segments, each a file named after the sequence of its first record.
//!
//! Invariants. Only the last segment grows. A segment is durable, with its name, before the next one is made;
//! so a bad record anywhere but at the end of the last segment is damage, and one at its end was never
//! acknowledged as durable. There, what cannot be read is cut off, unless a later record shows that it had been
//! durable: that is damage as well, and nothing is touched.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use super::record::{self, Frame, HEADER, Kind, Record};
use super::{Disk, DiskFile, StoreError};

/// What opening a log found at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub path: String,
    /// Where it was cut.
    pub offset: u64,
    /// Bytes cut off: writes that had not been made durable when the machine stopped.
    pub bytes: u64,
}

struct Segment {
    first: u64,
    bytes: u64,
}

/// A log open for appending.
pub(super) struct Log {
    disk: Arc<dyn Disk>,
    kind: Kind,
    file: Arc<dyn DiskFile>,
    segments: VecDeque<Segment>,
    segment_limit: u64,
    /// Sequence of the next record.
    next: u64,
    /// Sequence below which everything is durable.
    durable: u64,
    torn: Option<TornTail>,
    /// Bytes of the last record, if it is in the last segment.
    last_bytes: u64,
}

pub(super) fn io_error(action: &'static str, path: String) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

fn name(first: u64) -> String {
    format!("log-{first:016x}")
}

fn first_of(name: &str) -> Option<u64> {
    let digits = name
        .strip_prefix("log-")
        .filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// Sequence of the first record that is there, for a log that needs no snapshot.
#[cfg_attr(
    not(feature = "nomt"),
    expect(dead_code, reason = "only NOMT has such a log")
)]
pub(super) fn first(disk: &dyn Disk) -> Result<Option<u64>, StoreError> {
    let names = disk.list().map_err(io_error("list", disk.path("")))?;
    Ok(names.iter().filter_map(|name| first_of(name)).min())
}

impl Log {
    /// Opens the log, hands every record from sequence `from` on to `visit`, and cuts a torn tail.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        kind: Kind,
        from: u64,
        segment_limit: u64,
        mut visit: impl FnMut(u64, &[u8]) -> Result<(), Damage>,
    ) -> Result<Self, StoreError> {
        let listed = disk.list().map_err(io_error("list", disk.path("")))?;
        let mut firsts: Vec<u64> = listed.iter().filter_map(|name| first_of(name)).collect();
        firsts.sort_unstable();
        // Older segments may be left from a truncation that a crash interrupted.
        let begin = firsts
            .partition_point(|first| *first <= from)
            .saturating_sub(1);
        for first in firsts.drain(..begin) {
            disk.remove(&name(first))
                .map_err(io_error("remove", disk.path(&name(first))))?;
        }
        if let Some(first) = firsts.first().filter(|first| **first > from) {
            return Err(StoreError::Corrupt {
                path: disk.path(&name(*first)),
                offset: 0,
                reason: format!("records {from} to {} before it are missing", first - 1),
            });
        }
        let mut replay = Replay {
            disk: &*disk,
            kind,
            from,
            next: from,
            torn: None,
            last_bytes: 0,
        };
        let mut segments = VecDeque::new();
        let count = firsts.len();
        for (index, first) in firsts.into_iter().enumerate() {
            let last = index + 1 == count;
            if let Some(bytes) = replay.segment(first, last, &mut visit)? {
                segments.push_back(Segment { first, bytes });
            }
        }
        let (next, torn, last_bytes) = (replay.next, replay.torn, replay.last_bytes);
        if next < from || (count == 0 && from > 0) {
            return Err(StoreError::Corrupt {
                path: disk.path(&name(next)),
                offset: 0,
                reason: format!(
                    "the log ends before record {from}, which the snapshot is followed by"
                ),
            });
        }
        let file = if let Some(segment) = segments.back() {
            let name = name(segment.first);
            let file = disk
                .open(&name)
                .map_err(io_error("open", disk.path(&name)))?;
            if torn.is_some() {
                file.truncate(segment.bytes)
                    .map_err(io_error("truncate", disk.path(&name)))?;
            }
            // What was read may still be only in the system's memory.
            file.sync().map_err(io_error("sync", disk.path(&name)))?;
            disk.sync_names().map_err(io_error("sync", disk.path("")))?;
            file
        } else {
            segments.push_back(Segment {
                first: next,
                bytes: HEADER as u64,
            });
            create(&*disk, kind, next)?
        };
        Ok(Self {
            disk,
            kind,
            file,
            segments,
            segment_limit,
            next,
            durable: next,
            torn,
            last_bytes,
        })
    }

    /// What was cut off when the log was opened.
    pub(super) fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }

    /// Bytes in all segments that hold records below `sequence` and none from there on.
    pub(super) fn bytes_before(&self, sequence: u64) -> u64 {
        let next = self.segments.iter().skip(1).map(|segment| segment.first);
        let closed = self
            .segments
            .iter()
            .zip(next)
            .filter(|(_, next)| *next <= sequence);
        closed.map(|(segment, _)| segment.bytes).sum()
    }

    /// Appends a record; returns its sequence. Not durable before [`Log::sync`].
    pub(super) fn append(&mut self, frame: &mut Frame) -> Result<u64, StoreError> {
        let sequence = self.next;
        let bytes = frame.seal(sequence, self.durable)?;
        if self.active().bytes > HEADER as u64
            && self.active().bytes + bytes.len() as u64 > self.segment_limit
        {
            self.rotate()?;
        }
        let length = self.active().bytes;
        if let Err(source) = self.file.append(bytes) {
            let path = self.path();
            // Take back what was written of it. If that fails too, the record stays torn, and the error below
            // stops the store, so that nothing is written behind it.
            return Err(match self.file.truncate(length) {
                Ok(()) => StoreError::Io {
                    action: "append to",
                    path,
                    source,
                },
                Err(second) => StoreError::Stopped {
                    reason: format!("writing to {path}: {source}; undoing that: {second}"),
                },
            });
        }
        self.last_bytes = bytes.len() as u64;
        self.active().bytes += self.last_bytes;
        self.next += 1;
        Ok(sequence)
    }

    /// Takes back the last record: what it speaks of was not done.
    #[cfg_attr(
        not(feature = "nomt"),
        expect(dead_code, reason = "only NOMT may be behind its log")
    )]
    pub(super) fn retract(&mut self) -> Result<(), StoreError> {
        let path = self.path();
        let length = self.active().bytes - self.last_bytes;
        self.file
            .truncate(length)
            .and_then(|()| self.file.sync())
            .map_err(io_error("truncate", path))?;
        self.active().bytes = length;
        self.last_bytes = 0;
        self.next -= 1;
        self.durable = self.durable.min(self.next);
        Ok(())
    }

    /// Makes all records so far durable.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.durable < self.next {
            // Whether anything was written after a failed sync is unknown: the store must not go on.
            self.file.sync().map_err(|source| StoreError::Stopped {
                reason: format!("making {} durable: {source}", self.path()),
            })?;
            self.durable = self.next;
        }
        Ok(())
    }

    /// What to sync, without holding the log, and the sequence to give [`Log::synced`] afterwards.
    pub(super) fn begin_sync(&self) -> (Arc<dyn DiskFile>, u64) {
        (Arc::clone(&self.file), self.next)
    }

    /// All records below `sequence` are durable. A segment left since then was synced when it was left.
    pub(super) fn synced(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
    }

    /// Removes segments that hold only records below `sequence`.
    pub(super) fn truncate_before(&mut self, sequence: u64) -> Result<(), StoreError> {
        while self
            .segments
            .get(1)
            .is_some_and(|next| next.first <= sequence)
        {
            let Some(segment) = self.segments.pop_front() else {
                break;
            };
            let name = name(segment.first);
            self.disk
                .remove(&name)
                .map_err(io_error("remove", self.disk.path(&name)))?;
            // One by one, so that what is left after a crash has no gap.
            self.disk
                .sync_names()
                .map_err(io_error("sync", self.disk.path("")))?;
        }
        Ok(())
    }

    /// Ends the segment, so that a later truncation can remove it.
    pub(super) fn rotate(&mut self) -> Result<(), StoreError> {
        if self.active().bytes > HEADER as u64 {
            self.sync()?;
            self.file = create(&*self.disk, self.kind, self.next)?;
            self.segments.push_back(Segment {
                first: self.next,
                bytes: HEADER as u64,
            });
        }
        Ok(())
    }

    fn active(&mut self) -> &mut Segment {
        self.segments
            .back_mut()
            .expect("a log always has a segment")
    }

    fn path(&mut self) -> String {
        let name = name(self.active().first);
        self.disk.path(&name)
    }
}

/// Makes a segment, durable with its name.
fn create(disk: &dyn Disk, kind: Kind, first: u64) -> Result<Arc<dyn DiskFile>, StoreError> {
    let name = name(first);
    let file = disk
        .create(&name)
        .map_err(io_error("create", disk.path(&name)))?;
    file.append(&record::file_header(kind, first))
        .and_then(|()| file.sync())
        .and_then(|()| disk.sync_names())
        .map_err(io_error("begin", disk.path(&name)))?;
    Ok(file)
}

/// Why a record that reads well cannot be right: it contradicts what stands before it.
pub(super) struct Damage(pub(super) String);

struct Replay<'a> {
    disk: &'a dyn Disk,
    kind: Kind,
    /// Records before this one are in the snapshot already.
    from: u64,
    next: u64,
    torn: Option<TornTail>,
    last_bytes: u64,
}

impl Replay<'_> {
    /// Replays one segment; returns its length, or none if it was torn before it began.
    fn segment(
        &mut self,
        first: u64,
        last: bool,
        visit: &mut impl FnMut(u64, &[u8]) -> Result<(), Damage>,
    ) -> Result<Option<u64>, StoreError> {
        let name = name(first);
        let path = self.disk.path(&name);
        let mut bytes = Vec::new();
        self.disk
            .read(&name)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(io_error("read", path.clone()))?;
        let corrupt = |offset: usize, reason: String| StoreError::Corrupt {
            path: path.clone(),
            offset: offset as u64,
            reason,
        };
        // The first segment may begin before the snapshot; each other one where the one before ends.
        if first < self.from && self.next == self.from {
            self.next = first;
        }
        let header = record::read_file_header(self.kind, &path, &bytes);
        if header.is_err() && last && Record::find(&bytes, |_| true).is_none() {
            // It was being made when the machine stopped: no record of it can have been acknowledged.
            self.disk
                .remove(&name)
                .map_err(io_error("remove", path.clone()))?;
            return Ok(None);
        }
        if header? != first || first != self.next {
            let expected = self.next;
            return Err(corrupt(
                0,
                format!("begins with record {first}, not {expected}"),
            ));
        }
        let mut offset = HEADER;
        self.last_bytes = 0;
        while offset < bytes.len() {
            let rest = &bytes[offset..];
            let expected = self.next;
            let record = Record::parse(rest).and_then(|record| {
                let in_order = record.sequence == expected;
                in_order
                    .then_some(record)
                    .ok_or("the record's number is out of order")
            });
            let record = match record {
                Ok(record) => record,
                Err(reason) => {
                    let relies =
                        |later: &Record<'_>| later.sequence > expected && later.synced > expected;
                    if !last || Record::find(&rest[1..], relies).is_some() {
                        return Err(corrupt(offset, reason.to_owned()));
                    }
                    self.torn = Some(TornTail {
                        path,
                        offset: offset as u64,
                        bytes: rest.len() as u64,
                    });
                    break;
                }
            };
            if record.sequence >= self.from {
                visit(record.sequence, record.payload)
                    .map_err(|Damage(reason)| corrupt(offset, reason))?;
            }
            offset += record.len();
            self.last_bytes = record.len() as u64;
            self.next += 1;
        }
        Ok(Some(offset as u64))
    }
}
