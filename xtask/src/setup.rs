//! Installing what the tasks need, from the ordinary package registries.

use std::process::Command;

use crate::{
    contracts,
    toolchain::{TARGET, Toolchain},
    tools::{cargo, root, run, starts},
};

const CARGO_DENY: &str = "0.20.2";
const CARGO_NEXTEST: &str = "0.9.143";

/// All of it.
pub(crate) fn all() -> Result<(), String> {
    nextest()?;
    deny()?;
    contracts::install()?;
    e2e()?;
    guest().map(|how| println!("fault-proof programs: {TARGET}, {}", how.name()))
}

/// The test runner.
pub(crate) fn nextest() -> Result<(), String> {
    if starts("cargo", &["nextest", "--version"]) {
        return Ok(());
    }
    println!("installing cargo-nextest {CARGO_NEXTEST}");
    cargo(&[
        "install",
        "--quiet",
        "--locked",
        "--debug",
        &format!("cargo-nextest@{CARGO_NEXTEST}"),
    ])
}

/// The licence and source checker.
pub(crate) fn deny() -> Result<(), String> {
    if starts("cargo", &["deny", "--version"]) {
        return Ok(());
    }
    println!("installing cargo-deny {CARGO_DENY}");
    cargo(&[
        "install",
        "--quiet",
        "--locked",
        "--debug",
        &format!("cargo-deny@{CARGO_DENY}"),
    ])
}

/// The wallet libraries with which the end-to-end tests speak.
pub(crate) fn e2e() -> Result<(), String> {
    let folder = root().join("tests/e2e");
    if folder.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    println!("installing the wallet libraries of the end-to-end tests");
    run(Command::new("npm")
        .args(["install", "--no-save", "--no-audit", "--no-fund"])
        .current_dir(folder))
}

/// The compiler of fault-proof programs: rustup's target where that can be had, Debian's packages otherwise.
pub(crate) fn guest() -> Result<Toolchain, String> {
    if let Ok(found) = Toolchain::find() {
        return Ok(found);
    }
    println!("rustup cannot add {TARGET}; trying Debian's packages");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    debian(&["rustc-web", "cargo-web", "rust-web-src"])?;
    // Its linker is a link to that of the LLVM it was built with, which is a package of the same name.
    let linker = std::fs::read_link("/usr/bin/rust-lld")
        .map_err(|error| format!("/usr/bin/rust-lld: {error}"))?;
    debian(&[&linker.to_string_lossy()])?;
    Ok(Toolchain::Debian)
}

fn debian(packages: &[&str]) -> Result<(), String> {
    run(Command::new("apt-get")
        .args(["install", "-qq", "--yes"])
        .args(packages))
}
