//! What records hold. Integers are little-endian.
//!
//! ```text
//! commit   = 1 height:u64 before[32] count:u32 change*      `before` is the root that the commit follows
//! rollback = 2 height:u64 before[32] after[32]              undoes all commits above `height`
//! undo     = 3 height:u64 before[32] after[32] count:u32 change*      of a database: the values replaced
//! change   = key[32] length:u32 value[length]               length 2^32 - 1: no value
//! snapshot = 4 height:u64 root[32] sequence:u64             followed by records of entries
//! entries  = 5 count:u32 change*                            in key order, over all such records
//! end      = 6 count:u64                                    entries in all
//! ```

use alloy_primitives::{B256, Bytes};
use plasma_core::{MAX_VALUE_LEN, StateKey};

use super::StoreError;

const COMMIT: u8 = 1;
const ROLLBACK: u8 = 2;
const UNDO: u8 = 3;
const SNAPSHOT: u8 = 4;
const ENTRIES: u8 = 5;
const END: u8 = 6;
const NO_VALUE: u32 = u32::MAX;

/// A key and its value; `None` is none.
pub(super) type Change = (StateKey, Option<Bytes>);

/// A record's contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Commit {
        height: u64,
        before: B256,
        changes: Vec<Change>,
    },
    Rollback {
        height: u64,
        before: B256,
        after: B256,
    },
    Undo {
        height: u64,
        before: B256,
        after: B256,
        replaced: Vec<Change>,
    },
    Snapshot {
        height: u64,
        root: B256,
        sequence: u64,
    },
    Entries {
        entries: Vec<Change>,
    },
    End {
        count: u64,
    },
}

/// Refuses what could not be read again.
pub(super) fn check_value(key: &StateKey, value: Option<&[u8]>) -> Result<(), StoreError> {
    let length = value.map_or(0, <[u8]>::len);
    if length > MAX_VALUE_LEN {
        return Err(StoreError::ValueTooLong {
            key: *key,
            length,
            limit: MAX_VALUE_LEN,
        });
    }
    Ok(())
}

pub(super) fn put_commit<'c>(
    out: &mut Vec<u8>,
    height: u64,
    before: B256,
    changes: impl ExactSizeIterator<Item = (&'c StateKey, Option<&'c [u8]>)>,
) {
    out.push(COMMIT);
    out.extend_from_slice(&height.to_le_bytes());
    out.extend_from_slice(before.as_slice());
    put_changes(out, changes);
}

pub(super) fn put_rollback(out: &mut Vec<u8>, height: u64, (before, after): (B256, B256)) {
    out.push(ROLLBACK);
    out.extend_from_slice(&height.to_le_bytes());
    out.extend_from_slice(before.as_slice());
    out.extend_from_slice(after.as_slice());
}

#[cfg_attr(
    not(feature = "nomt"),
    expect(dead_code, reason = "only NOMT keeps undo records")
)]
pub(super) fn put_undo<'c>(
    out: &mut Vec<u8>,
    height: u64,
    (before, after): (B256, B256),
    replaced: impl ExactSizeIterator<Item = (&'c StateKey, Option<&'c [u8]>)>,
) {
    out.push(UNDO);
    out.extend_from_slice(&height.to_le_bytes());
    out.extend_from_slice(before.as_slice());
    out.extend_from_slice(after.as_slice());
    put_changes(out, replaced);
}

pub(super) fn put_snapshot(out: &mut Vec<u8>, height: u64, root: B256, sequence: u64) {
    out.push(SNAPSHOT);
    out.extend_from_slice(&height.to_le_bytes());
    out.extend_from_slice(root.as_slice());
    out.extend_from_slice(&sequence.to_le_bytes());
}

pub(super) fn put_entries<'c>(
    out: &mut Vec<u8>,
    entries: impl ExactSizeIterator<Item = (&'c StateKey, Option<&'c [u8]>)>,
) {
    out.push(ENTRIES);
    put_changes(out, entries);
}

pub(super) fn put_end(out: &mut Vec<u8>, count: u64) {
    out.push(END);
    out.extend_from_slice(&count.to_le_bytes());
}

fn put_changes<'c>(
    out: &mut Vec<u8>,
    changes: impl ExactSizeIterator<Item = (&'c StateKey, Option<&'c [u8]>)>,
) {
    out.extend_from_slice(&(changes.len() as u32).to_le_bytes());
    for (key, value) in changes {
        out.extend_from_slice(key.as_slice());
        out.extend_from_slice(&value.map_or(NO_VALUE, |v| v.len() as u32).to_le_bytes());
        out.extend_from_slice(value.unwrap_or_default());
    }
}

impl Entry {
    /// Reads a record's payload; `None` if it is none of ours.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let mut input = Input(payload);
        let entry = match input.array::<1>()?[0] {
            COMMIT => Self::Commit {
                height: input.u64()?,
                before: input.hash()?,
                changes: input.changes()?,
            },
            ROLLBACK => Self::Rollback {
                height: input.u64()?,
                before: input.hash()?,
                after: input.hash()?,
            },
            UNDO => Self::Undo {
                height: input.u64()?,
                before: input.hash()?,
                after: input.hash()?,
                replaced: input.changes()?,
            },
            SNAPSHOT => Self::Snapshot {
                height: input.u64()?,
                root: input.hash()?,
                sequence: input.u64()?,
            },
            ENTRIES => Self::Entries {
                entries: input.changes()?,
            },
            END => Self::End {
                count: input.u64()?,
            },
            _ => return None,
        };
        input.0.is_empty().then_some(entry)
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn hash(&mut self) -> Option<B256> {
        self.array().map(B256::new)
    }

    /// Changes in strictly ascending order of keys.
    fn changes(&mut self) -> Option<Vec<Change>> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        // Each takes 36 bytes at least: more than that are not there, whatever the count says.
        let mut changes: Vec<Change> = Vec::with_capacity(count.min(self.0.len() / 36));
        for _ in 0..count {
            let key = self.hash()?;
            if changes.last().is_some_and(|(last, _)| *last >= key) {
                return None;
            }
            let value = match u32::from_le_bytes(self.array()?) {
                NO_VALUE => None,
                length if length as usize <= MAX_VALUE_LEN => {
                    Some(Bytes::copy_from_slice(self.take(length as usize)?))
                }
                _ => return None,
            };
            changes.push((key, value));
        }
        Some(changes)
    }
}
