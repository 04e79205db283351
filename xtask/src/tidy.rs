//! What the compiler does not check: the floors, the words, the sizes.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::Value;

use crate::tools::{output, root};

/// The floor of each crate: one imports only from floors below its own.
const FLOORS: [(&str, u8); 7] = [
    ("plasma-core", 0),
    ("plasma-contract", 1),
    ("plasma-guest", 1),
    ("plasma-exec", 1),
    ("plasma-da", 1),
    ("plasma-sequencer", 1),
    ("plasma-bridge", 1),
];
const ASSEMBLY_FLOOR: u8 = 2;
/// Where crates come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// As in `deny.toml`.
const BANNED: [&str; 2] = ["openssl", "native-tls"];
/// A file longer than this needs splitting.
const MAX_FILE_LINES: usize = 800;

/// Checks all of it.
pub(crate) fn check() -> Result<(), String> {
    floors()?;
    sources()?;
    sentences()?;
    sizes()
}

fn metadata() -> Result<Value, String> {
    let json = output(
        Command::new("cargo")
            .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
            .current_dir(root()),
    )?;
    serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))
}

fn floors() -> Result<(), String> {
    let floors = BTreeMap::from(FLOORS);
    let floor = |name: &str| floors.get(name).copied().unwrap_or(ASSEMBLY_FLOOR);
    let metadata = metadata()?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let own = floors.get(name);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = dependency["name"].as_str().unwrap_or_default();
            let Some(own) = own else { continue };
            let ours = floors.contains_key(other) || other == "plasma-sdk";
            if ours && other != name && floor(other) >= *own {
                return Err(format!(
                    "{name} (floor {own}) imports {other} (floor {}): only floors below",
                    floor(other)
                ));
            }
        }
    }
    Ok(())
}

/// Where crates come from: this workspace and the registry. The step `deny` looks closer.
fn sources() -> Result<(), String> {
    let lock = fs::read_to_string(root().join("Cargo.lock"))
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let sources = lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "));
    for source in sources {
        if source.trim_matches('"') != REGISTRY {
            return Err(format!(
                "Cargo.lock has a crate from {source}; only {REGISTRY} is taken"
            ));
        }
    }
    for banned in BANNED {
        if lock
            .lines()
            .any(|line| line == format!("name = \"{banned}\""))
        {
            return Err(format!(
                "Cargo.lock has {banned}, which is banned; use what is written in Rust"
            ));
        }
    }
    Ok(())
}

/// One sentence for each crate: in its manifest, its `//!` and the README.
fn sentences() -> Result<(), String> {
    let readme = fs::read_to_string(root().join("README.md"))
        .map_err(|error| format!("README.md: {error}"))?;
    let metadata = metadata()?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        if !FLOORS.iter().any(|(known, _)| *known == name) && name != "plasma-sdk" {
            continue;
        }
        let sentence = package["description"].as_str().unwrap_or_default();
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let lib = Path::new(manifest).with_file_name("src/lib.rs");
        let lib =
            fs::read_to_string(&lib).map_err(|error| format!("{}: {error}", lib.display()))?;
        if !lib.starts_with(&format!("//! {sentence}\n")) {
            return Err(format!(
                "{name}: `//!` of lib.rs does not open with the manifest's description: {sentence}"
            ));
        }
        if !readme.contains(sentence) {
            return Err(format!(
                "{name}: README.md does not have the manifest's description: {sentence}"
            ));
        }
    }
    Ok(())
}

fn sizes() -> Result<(), String> {
    let files = output(
        Command::new("git")
            .args(["ls-files", "*.rs", "*.sol"])
            .current_dir(root()),
    )?;
    for file in files.lines() {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            continue;
        };
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            return Err(format!(
                "{file} has {lines} lines; the limit is {MAX_FILE_LINES}: split it"
            ));
        }
    }
    Ok(())
}
