//! Execution backends of the Plasma SDK: native modules and the EVM, over one authenticated store.
