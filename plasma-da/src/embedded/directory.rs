//! Blobs in files.
//!
//! ```text
//!   DIRECTORY/3f/3f9a..c2-71042.blob      bytes alone; the name is the commitment: root and length
//!   DIRECTORY/new/3f9a..c2-71042.812.5    a blob on its way, named by process and counter
//! ```
//! Publishing writes beside, syncs the file, renames it into place and syncs the folder. So a blob
//! is there in full or not at all, whenever the power fails, and it is durable before anyone is
//! told so. What a crash leaves in `new` is removed when the directory is next opened.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use plasma_core::{Bytes, DaCommitment, DaError, Timestamp, hex};

use super::{Pruned, memory::timestamp};

/// Files in `new` that nobody has written to for so long are left over from a crash.
const LEFT_OVER: Duration = Duration::from_mins(1);

/// A directory of blobs.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

/// Tells apart the files that this process writes at the same time, in whichever directory.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Directory {
    pub(super) fn open(path: PathBuf) -> Result<Self, DaError> {
        let directory = Self { path };
        let new = directory.new_folder();
        fs::create_dir_all(&new).map_err(|error| unavailable("make", &new, &error))?;
        directory
            .remove_left_overs(&new)
            .map_err(|error| unavailable("tidy up", &new, &error))?;
        Ok(directory)
    }

    fn remove_left_overs(&self, new: &Path) -> io::Result<()> {
        for entry in fs::read_dir(new)? {
            let entry = entry?;
            let age = SystemTime::now().duration_since(entry.metadata()?.modified()?);
            if age.is_ok_and(|age| age >= LEFT_OVER) {
                let file = entry.path();
                tracing::info!(file = %file.display(), "removing what a crash left of a blob");
                ignore_missing(fs::remove_file(entry.path()))?;
            }
        }
        sync(&self.path)
    }

    fn new_folder(&self) -> PathBuf {
        self.path.join("new")
    }

    fn shard(&self, commitment: &DaCommitment) -> PathBuf {
        self.path.join(hex::encode(&commitment.root[..1]))
    }

    fn file(&self, commitment: &DaCommitment) -> PathBuf {
        self.shard(commitment)
            .join(format!("{}.blob", name(commitment)))
    }

    pub(super) fn publish(&self, bytes: &Bytes) -> Result<DaCommitment, DaError> {
        let commitment = DaCommitment::chunk_tree(bytes);
        let file = self.file(&commitment);
        match self.fetch(&commitment) {
            Ok(_) => touch(&file).map_err(|error| unavailable("touch", &file, &error))?,
            Err(DaError::NotFound(_) | DaError::Damaged(_)) => {
                self.write(&commitment, bytes)
                    .map_err(|error| unavailable("write", &file, &error))?;
            }
            Err(error) => return Err(error),
        }
        Ok(commitment)
    }

    fn write(&self, commitment: &DaCommitment, bytes: &[u8]) -> io::Result<()> {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let new = self
            .new_folder()
            .join(format!("{}.{}.{count}", name(commitment), process::id()));
        let file = File::create_new(&new)?;
        let placed = self.fill_and_place(file, &new, commitment, bytes);
        if placed.is_err() {
            // On a full disk, half a blob must not stay. That it cannot be removed is worth no
            // other error.
            let _ = fs::remove_file(&new);
        }
        placed
    }

    fn fill_and_place(
        &self,
        mut file: File,
        new: &Path,
        commitment: &DaCommitment,
        bytes: &[u8],
    ) -> io::Result<()> {
        file.write_all(bytes)?;
        file.sync_all()?;
        let shard = self.shard(commitment);
        match fs::create_dir(&shard) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            // Whoever made the folder may not have synced it yet.
            _ => sync(&self.path)?,
        }
        fs::rename(new, self.file(commitment))?;
        sync(&shard)
    }

    pub(super) fn fetch(&self, commitment: &DaCommitment) -> Result<Bytes, DaError> {
        let path = self.file(commitment);
        let bytes = match read(&path, commitment.length) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(DaError::NotFound(*commitment));
            }
            Err(error) => return Err(unavailable("read", &path, &error)),
        };
        if commitment.binds(&bytes) {
            return Ok(bytes.into());
        }
        let (path, length) = (path.display(), commitment.length);
        Err(DaError::Damaged(format!(
            "{path} does not hold the {length} bytes that its name commits to; check the disk, \
             delete the file, and publish the bytes again or copy the file from another node"
        )))
    }

    pub(super) fn prune(&self, before: Timestamp) -> Result<Pruned, DaError> {
        let mut pruned = Pruned::default();
        self.each_blob(|file| {
            let metadata = file.metadata()?;
            if timestamp(metadata.modified()?) < before {
                ignore_missing(fs::remove_file(file))?;
                pruned.blobs += 1;
                pruned.bytes += metadata.len();
            }
            Ok(())
        })
        .map_err(|error| unavailable("prune", &self.path, &error))?;
        Ok(pruned)
    }

    fn each_blob(&self, mut visit: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
        let new = self.new_folder();
        for shard in fs::read_dir(&self.path)? {
            let shard = shard?.path();
            if shard == new || !shard.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shard)? {
                let file = file?.path();
                if file
                    .extension()
                    .is_some_and(|extension| extension == "blob")
                {
                    visit(&file)?;
                }
            }
        }
        Ok(())
    }
}

fn name(commitment: &DaCommitment) -> String {
    format!("{}-{}", hex::encode(commitment.root), commitment.length)
}

/// The file's bytes, but at most one more than there should be: a wrong length cannot ask for all
/// memory.
fn read(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let expected = file.metadata()?.len().min(length);
    let mut bytes = Vec::with_capacity(expected as usize);
    file.take(length.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Published again is kept for as long again.
fn touch(path: &Path) -> io::Result<()> {
    File::options()
        .append(true)
        .open(path)?
        .set_modified(SystemTime::now())
}

/// Makes what was created and renamed in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Somebody else may have removed it first.
fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn unavailable(what: &str, path: &Path, error: &io::Error) -> DaError {
    DaError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}
