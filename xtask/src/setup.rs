//! Installing what the tasks need, from the ordinary package registries.

use std::process::Command;

use crate::{
    contracts,
    tools::{cargo, root, run, starts},
};

/// The target of guest programs.
pub(crate) const GUEST_TARGET: &str = "riscv64imac-unknown-none-elf";
const CARGO_DENY: &str = "0.20.2";
const CARGO_NEXTEST: &str = "0.9.143";

/// All of it.
pub(crate) fn all() -> Result<(), String> {
    nextest()?;
    deny()?;
    contracts::install()?;
    e2e()?;
    guest().map(|how| println!("guest target: {}", how.name()))
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

/// How code for the guest is built here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestToolchain {
    /// The standard library came prebuilt with rustup.
    Rustup,
    /// Debian's compiler builds the standard library from its sources.
    Debian,
}

impl GuestToolchain {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rustup => "prebuilt, through rustup",
            Self::Debian => "built from Debian's rust-web-src",
        }
    }

    /// Runs cargo for the guest's target.
    pub(crate) fn cargo(self, args: &[&str]) -> Result<(), String> {
        match self {
            Self::Rustup => {
                let args: Vec<&str> = args
                    .iter()
                    .copied()
                    .chain(["--target", GUEST_TARGET])
                    .collect();
                cargo(&args)
            }
            Self::Debian => run(Command::new("/usr/bin/cargo")
                .args(args)
                .args(["-Zbuild-std=core,alloc", "--target", GUEST_TARGET])
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_DIR", crate::tools::target_dir().join("guest"))
                .current_dir(root())),
        }
    }
}

/// The guest's toolchain: rustup's target where that can be had, Debian's packages otherwise.
pub(crate) fn guest() -> Result<GuestToolchain, String> {
    if starts("rustup", &["target", "add", GUEST_TARGET]) {
        return Ok(GuestToolchain::Rustup);
    }
    println!("rustup cannot add {GUEST_TARGET}; trying Debian's packages");
    let packages = ["rustc-web", "cargo-web", "rust-web-src", "lld"];
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-qq", "--yes"])
        .args(packages))?;
    Ok(GuestToolchain::Debian)
}
