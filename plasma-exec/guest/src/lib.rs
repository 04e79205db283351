//! Turn a crate into a fault-proof program: entry, allocator, ecalls, oracle and accelerated cryptography.
//!
//! A program is a binary for `riscv64imac-unknown-none-elf` that runs once in the machine. For a chain it is its
//! execution, and nothing more: see [`program!`]. Any other function becomes one by [`entry!`]:
//!
//! ```no_run
//! #![cfg_attr(target_os = "none", no_std, no_main)]
//!
//! plasma_guest::entry!(repeat);
//!
//! /// Reads a word and commits to it.
//! fn repeat() -> plasma_guest::Exit {
//!     let (word, _) = plasma_guest::ecall::read();
//!     plasma_guest::ecall::commit(&word.0);
//!     plasma_guest::Exit::SUCCESS
//! }
//! ```
//!
//! `plasma program build` builds it, `plasma program hash` prints the identity that a chain is registered with.
#![cfg_attr(target_os = "none", no_std)]

extern crate alloc;

#[cfg(any(test, target_os = "none"))]
mod allocator;
#[cfg(feature = "chain")]
mod crypto;
pub mod ecall;
mod entry;
#[cfg(feature = "chain")]
mod oracle;
#[cfg(feature = "chain")]
mod program;

pub use entry::Exit;
#[cfg(feature = "chain")]
pub use oracle::Oracle;
#[cfg(feature = "chain")]
pub use program::prove;

#[doc(hidden)]
pub use entry::run;

/// The program of chains on `EvmExecution`, an ELF.
#[cfg(all(feature = "artifacts", not(target_os = "none")))]
pub const EVM_ELF: &[u8] = include_bytes!("../artifacts/evm.elf");
/// The program of chains on `ModuleRuntime` with the built-in modules, an ELF.
#[cfg(all(feature = "artifacts", not(target_os = "none")))]
pub const MODULES_ELF: &[u8] = include_bytes!("../artifacts/modules.elf");
/// The program of chains on `WasmExecution`, an ELF.
#[cfg(all(feature = "artifacts", not(target_os = "none")))]
pub const WASM_ELF: &[u8] = include_bytes!("../artifacts/wasm.elf");
