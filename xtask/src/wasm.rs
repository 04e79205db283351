//! The contracts in WebAssembly that come with the SDK: built, and committed.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::tools::{self, root};

/// The target of contracts.
const TARGET: &str = "wasm32-unknown-unknown";
/// The folders in `examples/contracts`, each a package `contract-…`.
pub(crate) const CONTRACTS: [&str; 3] = ["orderbook", "pool", "token"];
/// The compiler that the committed contracts were built with.
const RECORD: &str = "examples/contracts/artifacts/toolchain.txt";
/// The stack of a contract, in bytes: it is cleared before every call.
const STACK: u32 = 4_096;

/// For speed, which also leaves nothing over of checks that cannot fail: shorter than what is made for size.
const PROFILE: [(&str, &str); 8] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    ("CARGO_PROFILE_RELEASE_STRIP", "true"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
    ("CARGO_INCREMENTAL", "0"),
];

fn committed(name: &str) -> PathBuf {
    root().join(format!("examples/contracts/artifacts/{name}.wasm"))
}

/// Builds all of them and rewrites what is committed.
pub(crate) fn build() -> Result<(), String> {
    for (name, bytes) in modules()? {
        let path = committed(name);
        fs::write(&path, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{name}.wasm: {} bytes", bytes.len());
    }
    fs::write(root().join(RECORD), version()? + "\n").map_err(|error| format!("{RECORD}: {error}"))
}

/// Builds all of them, and compares them with what is committed where the compiler is the recorded one.
pub(crate) fn check() -> Result<(), String> {
    let record = fs::read_to_string(root().join(RECORD))
        .map_err(|error| format!("{RECORD}: {error}; run `cargo xtask wasm`"))?;
    let version = version()?;
    let same = record.trim() == version;
    if !same {
        println!(
            "the contracts were built with {}, and here is {version}: not compared",
            record.trim()
        );
    }
    if let Err(reason) = install() {
        println!("the contracts are not built here, for {reason}; tests use what is committed");
        return Ok(());
    }
    for (name, bytes) in modules()? {
        let path = committed(name);
        let before = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if same && before != bytes {
            return Err(format!(
                "{name}.wasm is not what its sources build; run `cargo xtask wasm` and commit what it writes"
            ));
        }
    }
    Ok(())
}

fn version() -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("--version")
        .output()
        .map_err(|error| format!("rustc: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes sure that there is a compiler for contracts.
fn install() -> Result<(), String> {
    let installed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir());
    if installed {
        return Ok(());
    }
    tools::run(Command::new("rustup").args(["target", "add", TARGET]))
}

fn modules() -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    install()?;
    let target = tools::target_dir();
    let mut modules = Vec::new();
    for name in CONTRACTS {
        let mut command = Command::new("cargo");
        command
            .args([
                "build",
                "--quiet",
                "--release",
                "--target",
                TARGET,
                "--package",
            ])
            .arg(format!("contract-{name}"))
            .current_dir(root())
            .env("CARGO_ENCODED_RUSTFLAGS", flags())
            .env_remove("RUSTFLAGS")
            .envs(PROFILE);
        tools::run(&mut command)?;
        let path = target.join(format!("{TARGET}/release/contract_{name}.wasm"));
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tight = tighten(&bytes).ok_or_else(|| format!("{} is no module", path.display()))?;
        modules.push((name, tight));
    }
    Ok(modules)
}

fn flags() -> OsString {
    let mut flags = OsString::from(format!("-Clink-arg=-zstack-size={STACK}"));
    flags.push("\u{1f}-Clink-arg=--export=__heap_base\u{1f}-Clink-arg=--compress-relocations");
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    });
    for (path, name) in [(Some(root()), "/contract"), (home, "/cargo")] {
        if let Some(path) = path {
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
    }
    flags
}

/// The module with as much memory as it uses, in pages of one byte, and without the exports that tell how much that is.
///
/// A contract of the SDK has no heap, so it never asks how large its memory is.
fn tighten(module: &[u8]) -> Option<Vec<u8>> {
    const GLOBALS: u8 = 6;
    const EXPORTS: u8 = 7;
    const MEMORY: u8 = 5;
    let sections = sections(module)?;
    let of = |id: u8| {
        sections
            .iter()
            .find(|(kind, _)| *kind == id)
            .map(|(_, body)| *body)
    };
    let exports = exports(of(EXPORTS)?)?;
    let base = exports
        .iter()
        .find(|export| export.name == b"__heap_base")?;
    let used = constants(of(GLOBALS)?)?.get(base.index as usize).copied()?;
    let mut out = module[..8].to_vec();
    for (id, body) in &sections {
        let body = match *id {
            MEMORY => {
                let mut body = vec![1, 0x08];
                write_number(&mut body, used);
                write_number(&mut body, 0);
                body
            }
            EXPORTS => {
                let kept = exports.iter().filter(|export| export.kind == 0);
                let kept: Vec<_> = kept.collect();
                let mut body = Vec::new();
                write_number(&mut body, kept.len() as u32);
                for export in kept {
                    write_number(&mut body, export.name.len() as u32);
                    body.extend_from_slice(export.name);
                    body.push(export.kind);
                    write_number(&mut body, export.index);
                }
                body
            }
            // Of the sections that only tools read, the ABI.
            0 if !body.windows(10).any(|part| part == b"plasma.abi") => continue,
            _ => body.to_vec(),
        };
        out.push(*id);
        write_number(&mut out, body.len() as u32);
        out.extend(body);
    }
    Some(out)
}

struct Export<'a> {
    name: &'a [u8],
    kind: u8,
    index: u32,
}

fn sections(module: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut rest = module.get(8..)?;
    let mut sections = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        let mut after = after;
        let length = read_number(&mut after)? as usize;
        let (body, next) = after.split_at_checked(length)?;
        sections.push((*id, body));
        rest = next;
    }
    Some(sections)
}

fn exports(mut body: &[u8]) -> Option<Vec<Export<'_>>> {
    let count = read_number(&mut body)?;
    let mut exports = Vec::new();
    for _ in 0..count {
        let length = read_number(&mut body)? as usize;
        let (name, rest) = body.split_at_checked(length)?;
        let (kind, rest) = rest.split_first()?;
        body = rest;
        let index = read_number(&mut body)?;
        exports.push(Export {
            name,
            kind: *kind,
            index,
        });
    }
    Some(exports)
}

/// The values of globals of 32 bits that begin with a constant, which all of a contract's do.
fn constants(mut body: &[u8]) -> Option<Vec<u32>> {
    const I32: u8 = 0x7f;
    const I32_CONST: u8 = 0x41;
    const END: u8 = 0x0b;
    let count = read_number(&mut body)?;
    let mut values = Vec::new();
    for _ in 0..count {
        let ([ty, _, code], rest) = body.split_first_chunk()?;
        if (*ty, *code) != (I32, I32_CONST) {
            return None;
        }
        body = rest;
        // Not negative: an address. So the signed number has the bits of the unsigned one.
        values.push(read_number(&mut body)?);
        let (end, rest) = body.split_first()?;
        if *end != END {
            return None;
        }
        body = rest;
    }
    Some(values)
}

fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(number).ok();
        }
    }
    None
}

fn write_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
