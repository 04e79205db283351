//! The floor of the Plasma SDK: types, codec, cryptography, authenticated state and the four ports, all no_std.
//!
//! Everything here is deterministic and free of I/O, and builds for `riscv64imac-unknown-none-elf`:
//! the same code runs in the node, in a verifier and in the fault-proof machine.
//!
//! ```
//! use plasma_core::{Address, Map, MemoryState, U256};
//!
//! // A typed, namespaced map over authenticated state.
//! const BALANCES: Map<Address, U256> = Map::new("bank/balances");
//!
//! let mut state = MemoryState::default();
//! BALANCES.set(&mut state, &Address::ZERO, &U256::from(7));
//! assert_eq!(BALANCES.get(&state, &Address::ZERO), Some(U256::from(7)));
//! ```
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod batch;
mod codec;
mod crypto;
mod derive;
mod error;
mod ports;
mod state;
mod transition;
mod trie;
mod types;

#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "tokio")]
mod runtime;

pub use alloy_primitives::{Address, B256, Bytes, U256, address, b256, bytes, hex, keccak256};

pub use batch::*;
pub use codec::{CodecError, decode, encode};
pub use crypto::*;
pub use derive::*;
pub use error::{Severe, Severity};
pub use ports::*;
pub use state::*;
pub use transition::*;
pub use trie::*;
pub use types::*;

#[cfg(feature = "tokio")]
pub use runtime::TokioEnv;
