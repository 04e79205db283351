//! The JSON-RPC, over real chains with a real sequencer: in process, over HTTP and over WebSocket.

#![allow(unreachable_pub, reason = "a test binary has no public items")]

mod accounts;
mod bytes;
mod contracts;
mod harness;
mod hostile;
mod keys;
mod logs;
mod modules;
mod stages;
mod transport;
mod wasm;
