//! The fault-proof program of chains on `WasmExecution`.
#![cfg_attr(target_os = "none", no_std, no_main)]

plasma_guest::program!(plasma_exec::WasmExecution::new());
