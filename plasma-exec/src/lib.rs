//! Execution backends of the Plasma SDK: native modules and the EVM, over one authenticated store.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod ethereum;
