//! Puts the linker script where the linker of any crate that depends on this one looks for it.

use std::{env, fs, path::PathBuf};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for a build script"));
    fs::write(out.join("plasma-guest.ld"), include_str!("plasma-guest.ld"))
        .expect("cargo made the folder OUT_DIR to be written in");
    println!("cargo::rerun-if-changed=plasma-guest.ld");
    println!("cargo::rustc-link-search={}", out.display());
}
