//! The fault-proof program of chains on `ModuleRuntime` with the built-in modules.
#![cfg_attr(target_os = "none", no_std, no_main)]

plasma_guest::program!(plasma_exec::ModuleRuntime::default());
