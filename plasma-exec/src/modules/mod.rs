//! Native Rust modules as an execution.
//!
//! ```text
//!   wallet's bytes ── transaction ──> Checked ── execute ──> Receipt
//!                        │                          │
//!                    interface (ABI, EIP-712)    Context ──> Module::call ──> Context::call ──> another module
//!                        │                          │
//!                    accounts, fee_market        ledger, bridge
//! ```
//! Invariants:
//! 1. One check decides whether a transaction may run, for the mempool and for the block.
//! 2. Whatever runs has paid for all the gas that it may use before it starts.
//! 3. The supply of an asset is the sum of all holdings, and for XPL of the fees that a block has not yet settled.
//! 4. Of no asset more leaves than entered.

mod accounts;
mod bank;
mod bridge;
mod context;
mod error;
mod execute;
mod fee_market;
mod fees;
pub mod gas;
mod genesis;
mod interface;
mod keys;
mod ledger;
mod module;
mod native;
mod numbers;
mod query;
mod recognise;
mod registry;
mod runtime;
#[cfg(feature = "std")]
mod signatures;
#[cfg(feature = "std")]
mod spread;
mod transaction;
mod words;
mod work;

#[cfg(test)]
mod tests;

pub use accounts::NONCE_WINDOW;
pub use bank::{Bank, IBank};
pub use bridge::{BridgeGenesis, BridgeModule, IBridge};
pub use context::{Answer, Context, View, issued_asset};
pub use error::{CallError, CallResult};
pub use fees::{Fees, FeesGenesis, IFees};
pub use genesis::{AssetGenesis, ModuleGenesis};
pub use interface::{DOMAIN_NAME, DOMAIN_VERSION, Interface, module_address};
pub use keys::{IKeys, Keys, MAX_KEY_ASSETS, MAX_KEY_FUNCTIONS, MAX_KEYS};
pub use ledger::XPL;
pub use module::Module;
pub use native::{NativeCall, NativeCallError};
pub use numbers::Amount;
pub use registry::state_scope;
pub use runtime::ModuleRuntime;
