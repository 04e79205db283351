//! What the file journal asks of a disk.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// A file that grows at its end. The tests have one that loses power.
pub(crate) trait Storage: Send {
    /// Where it is, for messages.
    fn path(&self) -> String;
    /// How long it is.
    fn len(&self) -> io::Result<u64>;
    /// Fills `out` from `offset` on.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes at the end. A crash may leave any part of it, or garbage in its place, until
    /// [`Self::sync`].
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once all that was written is durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the end off, durably.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Puts `parts`, each an offset and a length of this file, and `head` before them in place of
    /// the whole file: durably, and after a crash wholly or not at all.
    fn rewrite(&mut self, head: &[u8], parts: &[(u64, u64)]) -> io::Result<()>;
}

/// A real file, locked against other processes.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    /// Locked for as long as this lives. Apart from `file`, which a rewrite replaces.
    _lock: File,
    file: File,
    length: u64,
    /// Set when a rewrite took place of which it is unknown whether it lasts.
    adrift: bool,
}

impl Disk {
    /// Opens or creates the file. `Ok(None)` when another process has it.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)?;
        }
        let lock_path = path.with_extension("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let file = open(path)?;
        sync_folder(path)?;
        let length = file.metadata()?.len();
        Ok(Some(Self {
            path: path.into(),
            _lock: lock,
            file,
            length,
            adrift: false,
        }))
    }

    fn copy(&self, out: &mut File, offset: u64, length: u64) -> io::Result<()> {
        let mut from = &self.file;
        from.seek(SeekFrom::Start(offset))?;
        let copied = io::copy(&mut from.take(length), out)?;
        if copied == length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
}

/// A new name in a folder is durable only when the folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

impl Storage for Disk {
    fn path(&self) -> String {
        self.path.display().to_string()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(out)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.adrift {
            return Err(io::Error::other(
                "the folder could not be synchronised after pruning",
            ));
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        self.file.sync_all()
    }

    fn rewrite(&mut self, head: &[u8], parts: &[(u64, u64)]) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let _ = std::fs::remove_file(&fresh);
        let mut out = open(&fresh)?;
        out.write_all(head)?;
        for &(offset, length) in parts {
            self.copy(&mut out, offset, length)?;
        }
        out.sync_all()?;
        let length = out.metadata()?.len();
        std::fs::rename(&fresh, &self.path)?;
        (self.file, self.length, self.adrift) = (out, length, true);
        sync_folder(&self.path)?;
        self.adrift = false;
        Ok(())
    }
}
