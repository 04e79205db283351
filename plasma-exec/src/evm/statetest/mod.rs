//! Ethereum's state tests, run by the EVM of this chain.
//!
//! The format is that of the GeneralStateTests of ethereum/tests and ethereum/execution-spec-tests: a state, a
//! transaction with several values for some of its fields, and for each fork what comes of it.
//!
//! ```text
//!   pre ──> state, as the chain keeps it ──> EVM, at Ethereum's prices ──> state ──> accounts ──> root (MPT)
//!                                                                  └────> logs ──> keccak of their RLP
//! ```
//! The accounts are read back from the state that the chain would keep, so storage formats are tested as well. What
//! a test asks of its block is given to the EVM as it is: base fee, time, coinbase, blob gas. Such of this chain's
//! own rules as Ethereum lacks (deposits, predeploys, the market for gas) take no part.

mod cases;
mod format;
mod post;
mod travels;

#[cfg(test)]
mod tests;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;

/// The largest file that is read, in bytes. The largest public one has a third of that.
const MOST_BYTES: u64 = 256 << 20;

/// How a run of state tests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateTestReport {
    /// Names of the tests that passed: file, name, fork, and which of the transaction's data, gas limits and values.
    pub passed: Vec<String>,
    /// Names of those that did not, and what was different; of files that are no state tests, and why.
    pub failed: Vec<(String, String)>,
    /// Names of those that do not apply, and why.
    pub skipped: Vec<(String, String)>,
}

/// Why state tests could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateTestError {
    /// A file or directory cannot be read.
    #[error("cannot read {path}: {error}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is nothing to run.
    #[error("there is no .json file below {path}; name the directory GeneralStateTests or one in it", path = path.display())]
    Nothing {
        /// Where.
        path: PathBuf,
    },
}

/// Runs all state tests in a file, or in the files below a directory; hidden ones apart. What is malformed counts as failed,
/// and the others are run.
pub fn run_state_tests(path: &Path) -> Result<StateTestReport, StateTestError> {
    fs::metadata(path).map_err(unreadable(path))?;
    let mut found = Found::default();
    found.search(path);
    let Found {
        mut files, broken, ..
    } = found;
    if files.is_empty() && broken.is_empty() {
        return Err(StateTestError::Nothing { path: path.into() });
    }
    files.sort();
    let next = AtomicUsize::new(0);
    let reports: Mutex<BTreeMap<usize, StateTestReport>> = Mutex::default();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(at) else { break };
            let report = run_file(path, file);
            let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.insert(at, report);
        }
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
        work();
    });
    let mut all = StateTestReport::default();
    for (path, reason) in broken {
        all.failed.push((path.display().to_string(), reason));
    }
    for report in reports
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_values()
    {
        let StateTestReport {
            passed,
            failed,
            skipped,
        } = report;
        all.passed.extend(passed);
        all.failed.extend(failed);
        all.skipped.extend(skipped);
    }
    Ok(all)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> StateTestError {
    let path = path.into();
    move |error| StateTestError::Read { path, error }
}

/// What there is to run.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    /// What cannot be looked into, and why.
    broken: Vec<(PathBuf, String)>,
    /// Directories that were searched: links may lead back to them.
    searched: BTreeSet<PathBuf>,
}

impl Found {
    /// Looks for `.json` files at `path` or below it, links followed.
    fn search(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(kind) if kind.is_dir() => {
                if let Err(error) = self.search_directory(path) {
                    self.broken.push((path.into(), error.to_string()));
                }
            }
            Ok(_) => self.files.push(path.into()),
            Err(error) => self.broken.push((path.into(), error.to_string())),
        }
    }

    fn search_directory(&mut self, path: &Path) -> io::Result<()> {
        if !self.searched.insert(path.canonicalize()?) {
            return Ok(());
        }
        for entry in fs::read_dir(path)? {
            let below = entry?.path();
            let hidden = below
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let wanted = below.is_dir() || below.extension().is_some_and(|end| end == "json");
            if !hidden && wanted {
                self.search(&below);
            }
        }
        Ok(())
    }
}

fn run_file(root: &Path, path: &Path) -> StateTestReport {
    let name = path.strip_prefix(root).ok();
    let name = name.filter(|name| !name.as_os_str().is_empty());
    let name = name.or(path.file_name().map(Path::new)).unwrap_or(path);
    let name = name.display().to_string();
    let mut report = StateTestReport::default();
    match read(path).and_then(|text| parse(&text)) {
        Ok(tests) => run_tests(&name, tests, &mut report),
        Err(reason) => {
            let reason = format!("no file of state tests: {reason}");
            report.failed.push((name, reason));
        }
    }
    report
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = fs::metadata(path).map_err(|error| error.to_string())?;
    if !file.is_file() {
        return Err("it is no regular file".into());
    }
    let bytes = file.len();
    if bytes > MOST_BYTES {
        return Err(format!(
            "it has {bytes} bytes, over the limit of {MOST_BYTES}"
        ));
    }
    fs::read(path).map_err(|error| error.to_string())
}

fn parse(text: &[u8]) -> Result<BTreeMap<String, Value>, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// What other tests have, and of what they are.
const OTHERS: [(&str, &str); 4] = [
    ("blocks", "blockchains"),
    ("engineNewPayloads", "the engine's interface"),
    ("txbytes", "transactions' encodings"),
    ("vectors", "EOF containers"),
];

fn run_tests(file: &str, tests: BTreeMap<String, Value>, report: &mut StateTestReport) {
    if tests.contains_key("test_cases") {
        let reason = "it is an index of tests".into();
        report.skipped.push((file.into(), reason));
        return;
    }
    for (name, test) in tests {
        let title = format!("{file}/{name}");
        if let Some((_, kind)) = OTHERS.iter().find(|(key, _)| test.get(key).is_some()) {
            let reason = format!("it is a test of {kind}; state tests are run here");
            report.skipped.push((title, reason));
            continue;
        }
        let ran = serde_json::from_value(test)
            .map_err(|error| error.to_string())
            .and_then(|test| cases::run(&title, &test, report));
        if let Err(reason) = ran {
            report
                .failed
                .push((title, format!("no state test: {reason}")));
        }
    }
}
