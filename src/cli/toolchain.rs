//! The compiler of fault-proof programs: found, and asked to build one.
//!
//! This file is part of `plasma` and of `cargo xtask` alike, so that both build the same program; it needs nothing
//! but the standard library and `serde_json`.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The target of programs.
pub(crate) const TARGET: &str = "riscv64imac-unknown-none-elf";

/// How programs are compiled: one unit, no unwinding, nothing in it that only people read. Overflow is checked in
/// the machine as it is natively.
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

/// A toolchain that can compile for [`TARGET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The standard library came prebuilt with rustup.
    Rustup,
    /// Debian's compiler builds the standard library from its sources.
    Debian,
}

impl Toolchain {
    /// The one that is installed, rustup's first; `None` when there is none.
    pub(crate) fn installed() -> Option<Self> {
        let prebuilt =
            output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
        if prebuilt.is_ok_and(|folder| Path::new(folder.trim()).is_dir()) {
            return Some(Self::Rustup);
        }
        let parts = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/rust-lld"];
        let sources = "/usr/lib/rustlib/src/rust/library/core";
        let whole = parts.iter().all(|part| Path::new(part).exists());
        (whole && Path::new(sources).exists()).then_some(Self::Debian)
    }

    /// The one that is installed; else rustup is asked to add the target.
    pub(crate) fn find() -> Result<Self, String> {
        if let Some(installed) = Self::installed() {
            return Ok(installed);
        }
        let added = Command::new("rustup")
            .args(["target", "add", TARGET])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if added {
            return Ok(Self::Rustup);
        }
        Err(format!(
            "no compiler for {TARGET}; install it with `rustup target add {TARGET}`, or on Debian with `apt install \
             rustc-web cargo-web rust-web-src` and the lld that /usr/bin/rust-lld names"
        ))
    }

    /// What it is, in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rustup => "prebuilt, through rustup",
            Self::Debian => "built from Debian's rust-web-src",
        }
    }

    /// The compiler's version and where its standard library is from: two builds of one program are the same where
    /// this is.
    pub(crate) fn version(self, folder: &Path) -> Result<String, String> {
        let mut command = match self {
            Self::Rustup => Command::new("rustc"),
            Self::Debian => Command::new("/usr/bin/rustc"),
        };
        let version = output(command.arg("--version").current_dir(folder))?;
        Ok(format!("{}, {}", version.trim(), self.name()))
    }

    /// Cargo for the target; `subcommand` is the first of its arguments.
    pub(crate) fn cargo(self, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Rustup => Command::new("cargo"),
            Self::Debian => {
                let mut command = Command::new("/usr/bin/cargo");
                command
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1");
                command
            }
        };
        command.args([subcommand, "--target", TARGET]);
        if self == Self::Debian {
            command.arg("-Zbuild-std=core,alloc");
        }
        command
    }

    /// Builds the program that the crate in `folder` is; `package` names one in its workspace. Returns where the ELF
    /// is.
    pub(crate) fn build(self, folder: &Path, package: Option<&str>) -> Result<PathBuf, String> {
        let root = workspace(folder)?;
        let mut command = self.cargo("build");
        command
            .args(["--release", "--message-format", "json-render-diagnostics"])
            .current_dir(folder)
            .env("CARGO_ENCODED_RUSTFLAGS", flags(&root))
            .env_remove("RUSTFLAGS")
            .envs(PROFILE)
            .stderr(Stdio::inherit());
        if self == Self::Debian {
            let target = env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
            command.env("CARGO_TARGET_DIR", target.join("guest"));
        }
        if let Some(package) = package {
            command.args(["--package", package]);
        }
        let messages = output(&mut command)?;
        let mut programs = messages.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            message["executable"].as_str().map(PathBuf::from)
        });
        match (programs.next(), programs.next()) {
            (Some(program), None) => Ok(program),
            (None, _) => Err(format!(
                "{} builds no program; a program is a crate with a `main.rs`",
                folder.display()
            )),
            (Some(one), Some(other)) => Err(format!(
                "{} builds more than one program, {} and {}; name the folder of one",
                folder.display(),
                one.display(),
                other.display()
            )),
        }
    }
}

/// The flags of the compiler: where the program stands in memory, and no paths of this machine in it.
fn flags(root: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    });
    let mut flags = OsString::from("-Clink-arg=-Tplasma-guest.ld");
    let paths = [(Some(root.to_path_buf()), "/program"), (home, "/cargo")];
    for (path, name) in paths {
        if let Some(path) = path {
            // The separator of CARGO_ENCODED_RUSTFLAGS, which a path may not hold.
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
    }
    flags
}

/// The folder of the workspace that `folder` is in.
fn workspace(folder: &Path) -> Result<PathBuf, String> {
    let mut command = Command::new("cargo");
    command
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .current_dir(folder);
    let manifest = output(&mut command)?;
    Path::new(manifest.trim())
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is in no workspace of cargo", folder.display()))
}

/// What a command prints, when it succeeds.
fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{} …", command.get_program().to_string_lossy());
    let output = command
        .output()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "`{shown}` failed with {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}
