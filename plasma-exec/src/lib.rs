//! Execution backends of the Plasma SDK: native modules and the EVM, over one authenticated store.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod ethereum;
#[cfg(feature = "evm")]
mod evm;
#[cfg(feature = "std")]
mod store;

#[cfg(feature = "evm")]
pub use evm::{EvmExecution, EvmGenesis, EvmGenesisAccount, EvmSpec};
#[cfg(feature = "std")]
pub use store::{
    Directory, Disk, DiskFile, Durability, MemoryConfig, MemoryStore, Recovery, Store, StoreError,
    TornTail,
};
