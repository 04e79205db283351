//! Execution backends of the Plasma SDK: native modules and the EVM, over one authenticated store.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod ethereum;
#[cfg(feature = "evm")]
mod evm;
#[cfg(feature = "fpvm")]
mod fpvm;
#[cfg(feature = "std")]
mod parallel;
#[cfg(feature = "std")]
mod store;
#[cfg(feature = "wasm")]
mod wasm;

mod modules;

pub use modules::{
    Amount, Answer, AssetGenesis, Bank, BridgeGenesis, BridgeModule, CallError, CallResult,
    Context, DOMAIN_NAME, DOMAIN_VERSION, Fees, FeesGenesis, IBank, IBridge, IFees, IKeys,
    Interface, Keys, MAX_KEY_ASSETS, MAX_KEY_FUNCTIONS, MAX_KEYS, Module, ModuleGenesis,
    ModuleRuntime, NONCE_WINDOW, NativeCall, NativeCallError, View, XPL, gas, issued_asset,
    module_address, state_scope,
};

/// The ABI as data, as [`sol!`] makes it.
pub use alloy_json_abi::JsonAbi;
/// What [`sol!`] makes of Solidity, and the crate that it refers to.
pub use alloy_sol_types::{self as sol_types, SolCall, SolError, SolEvent, SolInterface, SolValue};

/// Solidity's words for a module's interface: calls, queries, events, errors, and the ABI as data.
///
/// alloy's `sol!`, with the ABI switched on and no crate to add: see [`Module`] for an example.
#[macro_export]
macro_rules! sol {
    ($($t:tt)*) => {
        $crate::sol_types::sol! {
            #![sol(alloy_sol_types = $crate::sol_types, abi)]
            $($t)*
        }
    };
}

#[cfg(any(feature = "evm", feature = "wasm"))]
pub use ethereum::bridge::L2_BRIDGE;
#[cfg(feature = "evm")]
pub use evm::{
    EvmExecution, EvmGenesis, EvmGenesisAccount, EvmSpec, INSTRUCTIONS_PER_GAS,
    MACHINE_TRANSACTION_GAS, Prices,
};
#[cfg(feature = "statetest")]
pub use evm::{StateTestError, StateTestReport, run_state_tests};
#[cfg(feature = "fpvm")]
pub use fpvm::{
    BLOB_BYTES, BLOB_ELEMENTS, BlobOpening, Cause, MAX_PROGRAM_HEADERS, MEMORY_BITS, Machine,
    MachineState, NO_RESERVATION, NoOracle, Oracle, Program, ProgramError, ProofError, ROM_HEIGHT,
    Registers, RunError, RunTrace, RunTraceError, STATE_BYTES, Snapshot, Status, TEXT_WINDOW,
    TRIE_NODE_BYTES, TraceShape, ecall_number, verify_step,
};
#[cfg(feature = "std")]
pub use parallel::Parallelism;
#[cfg(feature = "std")]
pub use store::{
    Directory, Disk, DiskFile, Durability, MemoryConfig, MemoryStore, Recovery, Store, StoreError,
    TornTail,
};
#[cfg(feature = "nomt")]
pub use store::{NomtConfig, NomtStore};
#[cfg(feature = "wasm")]
pub use wasm::{
    MAX_MODULE_BYTES, MAX_STORAGE_BYTES, WASM_INSTRUCTIONS_PER_GAS, WASM_TRANSACTION_GAS,
    WasmExecution, WasmGenesis, WasmGenesisAccount,
};
