//! The built-in programs: built, and committed as artifacts.

use std::{fs, path::PathBuf};

use crate::{setup, toolchain::Toolchain, tools::root};

/// The packages whose programs are committed; the file's name is what follows the dash.
const PROGRAMS: [&str; 5] = [
    "plasma-guest-evm",
    "plasma-guest-keccak",
    "plasma-guest-modules",
    "plasma-guest-secp256k1",
    "plasma-guest-wasm",
];
/// The compiler that the committed programs were built with.
const RECORD: &str = "toolchain.txt";
/// Larger ones are a mistake.
const MAX_BYTES: usize = 2 << 20;

fn folder() -> PathBuf {
    root().join("plasma-exec/guest/artifacts")
}

/// Builds all of them and rewrites the artifacts.
pub(crate) fn build() -> Result<(), String> {
    let toolchain = setup::guest()?;
    for (file, bytes) in programs(toolchain)? {
        fs::write(folder().join(&file), &bytes).map_err(|error| format!("{file}: {error}"))?;
        println!("{file}: {} bytes", bytes.len());
    }
    let version = toolchain.version(&root())? + "\n";
    fs::write(folder().join(RECORD), version).map_err(|error| format!("{RECORD}: {error}"))
}

/// Builds all of them. Where the compiler is the one of the artifacts, each must come out as it was committed;
/// another compiler may give another program, and that the sources build is all there is to see.
pub(crate) fn check() -> Result<(), String> {
    let toolchain = setup::guest()?;
    let record = fs::read_to_string(folder().join(RECORD))
        .map_err(|error| format!("{RECORD}: {error}; run `cargo xtask guests`"))?;
    let version = toolchain.version(&root())?;
    let same = record.trim() == version;
    if !same {
        println!(
            "the programs were built with {}, and here is {version}: not compared",
            record.trim()
        );
    }
    for (file, bytes) in programs(toolchain)? {
        let committed =
            fs::read(folder().join(&file)).map_err(|error| format!("{file}: {error}"))?;
        if same && committed != bytes {
            return Err(format!(
                "{file} is not what its sources build; run `cargo xtask guests` and commit what it writes"
            ));
        }
    }
    Ok(())
}

fn programs(toolchain: Toolchain) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut programs = Vec::new();
    for package in PROGRAMS {
        let path = toolchain.build(&root(), Some(package))?;
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.len() > MAX_BYTES {
            return Err(format!(
                "{package} has {} bytes; the limit of an artifact is {MAX_BYTES}",
                bytes.len()
            ));
        }
        let name = package.trim_start_matches("plasma-guest-");
        programs.push((format!("{name}.elf"), bytes));
    }
    Ok(programs)
}
