//! A disk that forgets what was not synced, and stops at any operation.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::store::{Disk, DiskFile};

#[derive(Clone)]
enum Write {
    Append(Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Write>,
}

impl File {
    /// What a reader sees while the machine runs.
    fn contents(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for write in &self.pending {
            match write {
                Write::Append(more) => bytes.extend_from_slice(more),
                Write::Truncate(length) => bytes.truncate(*length),
            }
        }
        bytes
    }
}

#[derive(Clone)]
enum Naming {
    Link(String, usize),
    Rename(String, String),
    Remove(String),
}

fn rename(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Link(name, file) => drop(names.insert(name.clone(), *file)),
        Naming::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Naming::Remove(name) => drop(names.remove(name)),
    }
}

#[derive(Clone, Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<Naming>,
    /// Operations until the machine stops.
    left: Option<u64>,
    /// How many operations there were.
    done: u64,
    /// Bytes that the disk still has room for.
    room: Option<usize>,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

impl SimulatedDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The state, if the machine has not stopped at this operation.
    fn running(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.left == Some(0) {
            return Err(io::Error::other("the machine has stopped"));
        }
        state.left = state.left.map(|left| left - 1);
        state.done += 1;
        Ok(state)
    }

    /// Stops the machine after so many operations.
    pub(super) fn stop_after(&self, operations: u64) {
        self.state().left = Some(operations);
    }

    /// Leaves room for so many bytes more.
    pub(super) fn leave_room(&self, bytes: Option<usize>) {
        self.state().room = bytes;
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> u64 {
        self.state().done
    }

    /// The disk as it may be found after the power failed: synced bytes and names, and any part of the others.
    pub(super) fn after_crash(&self, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let state = self.state();
        let mut names = state.durable_names.clone();
        // Names are journalled in order.
        let kept = random.random_range(0..=state.pending_names.len());
        state.pending_names[..kept]
            .iter()
            .for_each(|naming| rename(&mut names, naming));
        let files = state
            .files
            .iter()
            .map(|file| survive(file, &mut random))
            .collect();
        let after = State {
            files,
            names: names.clone(),
            durable_names: names,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(after)))
    }

    /// Changes a byte of a file, durably.
    pub(super) fn damage(&self, name: &str, offset: usize) {
        let mut state = self.state();
        let file = state.names[name];
        let file = &mut state.files[file];
        *file = File {
            durable: file.contents(),
            pending: Vec::new(),
        };
        file.durable[offset] ^= 0x10;
    }

    /// A file's bytes.
    pub(super) fn contents(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[name]].contents()
    }
}

/// A file of which the unsynced writes came through in part.
fn survive(file: &File, random: &mut SmallRng) -> File {
    let mut bytes = file.durable.clone();
    let kept = random.random_range(0..=file.pending.len());
    for (index, write) in file.pending.iter().enumerate() {
        match write {
            Write::Append(more) if index < kept => bytes.extend_from_slice(more),
            Write::Append(more) if index == kept => {
                // Torn at any byte; or the length came through, and some of the bytes did not.
                let torn = random.random_range(0..=more.len());
                bytes.extend_from_slice(&more[..torn]);
                if random.random_bool(0.3) {
                    bytes.resize(bytes.len() + more.len() - torn, 0);
                }
            }
            // A block after a lost one may come through.
            Write::Append(more) if random.random_bool(0.1) => bytes.extend_from_slice(more),
            Write::Truncate(length) if index <= kept => bytes.truncate(*length),
            _ => {}
        }
    }
    File {
        durable: bytes,
        pending: Vec::new(),
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_owned())
}

struct Handle {
    disk: SimulatedDisk,
    file: usize,
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.running()?.names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let state = self.running()?;
        let file = *state.names.get(name).ok_or_else(|| missing(name))?;
        Ok(Box::new(Cursor::new(state.files[file].contents())))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.running()?;
        let file = state.files.len();
        state.files.push(File::default());
        let naming = Naming::Link(name.to_owned(), file);
        rename(&mut state.names, &naming);
        state.pending_names.push(naming);
        Ok(Arc::new(Handle {
            disk: self.clone(),
            file,
        }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.running()?;
        let file = *state.names.get(name).ok_or_else(|| missing(name))?;
        Ok(Arc::new(Handle {
            disk: self.clone(),
            file,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.running()?;
        if !state.names.contains_key(from) {
            return Err(missing(from));
        }
        let naming = Naming::Rename(from.to_owned(), to.to_owned());
        rename(&mut state.names, &naming);
        state.pending_names.push(naming);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.running()?;
        if !state.names.contains_key(name) {
            return Err(missing(name));
        }
        let naming = Naming::Remove(name.to_owned());
        rename(&mut state.names, &naming);
        state.pending_names.push(naming);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.running()?;
        state.pending_names.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        format!("/simulated/{name}")
    }
}

impl DiskFile for Handle {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.running()?;
        let fits = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        state.room = state.room.map(|room| room - fits);
        state.files[self.file]
            .pending
            .push(Write::Append(bytes[..fits].to_vec()));
        if fits == bytes.len() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space left"))
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.running()?;
        state.files[self.file]
            .pending
            .push(Write::Truncate(length as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.running()?;
        let file = &mut state.files[self.file];
        *file = File {
            durable: file.contents(),
            pending: Vec::new(),
        };
        Ok(())
    }
}
