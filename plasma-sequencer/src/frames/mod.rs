//! Files that only grow, in frames that a crash cannot damage unnoticed.
//!
//! ```text
//!   frame    sync 4 │ length u32 LE │ body sum 8 │ head sum 8 │ body
//! ```
//! The body sum is over the body; the head sum over the file's salt and all that is before it. Sums are the first bytes of
//! SHA-256. The salt is random and secret, so that nothing that somebody else had written can look like a frame when the
//! bytes after a torn one are searched. The first frame tells it, and is itself made with a salt of zeros.
//!
//! Invariants:
//! - What [`Frames::append`] returned `Ok` for is there after any crash; what was under way is there whole or not at all.
//! - Only the last frame may be torn, and it is cut off. Damage before it is an error, and nothing is touched.
//! - After an error of a write nothing is written any more, for the end of the file is unknown.

mod storage;

use std::path::Path;

use plasma_core::{B256, Env, sha256};

pub(crate) use storage::{Disk, Storage};

use crate::JournalError;

/// Bytes of a frame before its body.
pub(crate) const HEAD_BYTES: usize = 24;

/// Keeps frames from being forged.
pub(crate) type Salt = [u8; 16];

/// Offset and length of a frame.
pub(crate) type Place = (u64, u64);

/// What the frames of a kind of file are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// What begins each frame.
    pub(crate) sync: [u8; 4],
    /// Bytes of the first frame's body.
    pub(crate) first_body: usize,
    /// Bytes of the longest body.
    pub(crate) longest_body: usize,
    /// What the file is, in words.
    pub(crate) name: &'static str,
}

/// A file of frames.
pub(crate) struct Frames {
    storage: Box<dyn Storage>,
    format: Format,
    salt: Salt,
    failed: bool,
}

impl Frames {
    /// Frames on any medium.
    pub(crate) fn new(storage: Box<dyn Storage>, format: Format) -> Self {
        Self {
            storage,
            format,
            salt: Salt::default(),
            failed: false,
        }
    }

    /// Opens or creates a file. It is locked until this is dropped, through another beside it.
    pub(crate) fn open(path: &Path) -> Result<Box<dyn Storage>, JournalError> {
        let name = || path.display().to_string();
        let disk = Disk::open(path).map_err(|source| JournalError::Io {
            path: name(),
            action: "opening",
            source,
        })?;
        let disk = disk.ok_or_else(|| JournalError::InUse { path: name() })?;
        Ok(Box::new(disk))
    }

    /// Begins an empty file with a frame that tells its salt, of the body that `first` makes of it.
    pub(crate) fn begin(
        &mut self,
        env: &dyn Env,
        first: impl FnOnce(Salt) -> Vec<u8>,
    ) -> Result<(), JournalError> {
        let mut salt = Salt::default();
        env.random(&mut salt);
        self.append(&first(salt))?;
        self.salt = salt;
        Ok(())
    }

    /// Takes what the first frame says: whose file it is, and its salt.
    pub(crate) fn begun(
        &mut self,
        expected: B256,
        found: B256,
        salt: Salt,
    ) -> Result<(), JournalError> {
        if found != expected {
            return Err(JournalError::OtherChain {
                path: self.storage.path(),
                expected,
                found,
            });
        }
        self.salt = salt;
        Ok(())
    }

    /// How long the file is, in bytes.
    pub(crate) fn length(&self) -> Result<u64, JournalError> {
        self.storage
            .len()
            .map_err(|source| self.io("measuring", source))
    }

    /// The body of the frame at `offset` in a file of `length` bytes; `None` when none is whole there.
    pub(crate) fn body(&self, offset: u64, length: u64) -> Result<Option<Vec<u8>>, JournalError> {
        let start = offset + HEAD_BYTES as u64;
        if start > length {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES];
        self.read(offset, &mut head)?;
        let size = self.body_length(&head);
        let Some(size) = size.filter(|size| start + *size as u64 <= length) else {
            return Ok(None);
        };
        let mut body = vec![0; size];
        self.read(start, &mut body)?;
        Ok((sha256(&body)[..8] == head[8..16]).then_some(body))
    }

    /// Cuts a torn end off, and says how many bytes it had. An error where more than one unfinished write is wrong.
    pub(crate) fn cut(&mut self, offset: u64, length: u64) -> Result<u64, JournalError> {
        let rest = length - offset;
        let longest = if offset == 0 {
            self.format.first_body
        } else {
            self.format.longest_body
        };
        if rest > (HEAD_BYTES + longest) as u64 {
            let reason =
                format!("{rest} bytes are no entry, more than one unfinished write explains");
            return Err(self.corrupt(offset, length, reason));
        }
        let mut bytes = vec![0; rest as usize];
        self.read(offset, &mut bytes)?;
        let mut heads = bytes.windows(HEAD_BYTES).enumerate().skip(1);
        let whole = heads.find(|(_, head)| self.body_length(head).is_some());
        if let Some((at, _)) = whole {
            let later = offset + at as u64;
            let reason =
                format!("the entry here is damaged, and there are whole ones from byte {later} on");
            return Err(self.corrupt(offset, length, reason));
        }
        tracing::warn!(
            path = self.storage.path(),
            offset,
            bytes = rest,
            "the last write to {} was unfinished; cut it off",
            self.format.name
        );
        self.storage
            .truncate(offset)
            .map_err(|source| self.io("truncating", source))?;
        Ok(rest)
    }

    /// Writes a frame at the end, durably.
    pub(crate) fn append(&mut self, body: &[u8]) -> Result<Place, JournalError> {
        self.check()?;
        let frame = self.frame(&self.salt, body);
        let offset = self.length()?;
        // Until it is known to be whole, the file may end in anything.
        self.failed = true;
        self.storage
            .append(&frame)
            .map_err(|source| self.io("writing", source))?;
        self.storage
            .sync()
            .map_err(|source| self.io("synchronising", source))?;
        self.failed = false;
        Ok((offset, frame.len() as u64))
    }

    /// Puts a first frame, frames of this file and new ones in place of the whole file: after a crash it is the old file or
    /// the new one. Returns where the frames behind the first begin.
    pub(crate) fn rewrite(
        &mut self,
        first: impl FnOnce(Salt) -> Vec<u8>,
        kept: &[Place],
        new: &[&[u8]],
    ) -> Result<u64, JournalError> {
        self.check()?;
        let mut head = self.frame(&Salt::default(), &first(self.salt));
        let begins = head.len() as u64;
        for body in new {
            head.extend(self.frame(&self.salt, body));
        }
        self.failed = true;
        self.storage
            .rewrite(&head, kept)
            .map_err(|source| self.io("rewriting", source))?;
        self.failed = false;
        Ok(begins)
    }

    /// An error where an earlier write failed.
    fn check(&self) -> Result<(), JournalError> {
        if self.failed {
            let path = self.storage.path();
            return Err(JournalError::Failed { path });
        }
        Ok(())
    }

    /// The error for damage in the frame at `offset`.
    pub(crate) fn corrupt(
        &self,
        offset: u64,
        length: u64,
        reason: impl Into<String>,
    ) -> JournalError {
        JournalError::Corrupt {
            path: self.storage.path(),
            offset,
            length,
            reason: reason.into(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), JournalError> {
        self.storage
            .read(offset, out)
            .map_err(|source| self.io("reading", source))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> JournalError {
        JournalError::Io {
            path: self.storage.path(),
            action,
            source,
        }
    }

    fn frame(&self, salt: &Salt, body: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEAD_BYTES + body.len());
        frame.extend_from_slice(&self.format.sync);
        frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
        frame.extend_from_slice(&sha256(body)[..8]);
        let sum = head_sum(salt, &frame);
        frame.extend_from_slice(&sum);
        frame.extend_from_slice(body);
        frame
    }

    /// The length of the body, if these bytes are the head of a frame.
    fn body_length(&self, head: &[u8]) -> Option<usize> {
        if !head.starts_with(&self.format.sync) {
            return None;
        }
        let length = u32::from_le_bytes(head[4..8].try_into().ok()?) as usize;
        let holds = head[16..] == head_sum(&self.salt, head) && length <= self.format.longest_body;
        holds.then_some(length)
    }
}

fn head_sum(salt: &Salt, head: &[u8]) -> [u8; 8] {
    let sum = sha256(&[salt, &head[..16]].concat());
    let mut short = [0; 8];
    short.copy_from_slice(&sum[..8]);
    short
}
