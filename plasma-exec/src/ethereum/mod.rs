//! What executions have of Ethereum: its transactions, decoded once, sender recovered once; and, for those with
//! contracts, its accounts, its market for gas and its words for what failed.

#[cfg(any(feature = "evm", feature = "wasm"))]
mod account;
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) mod bridge;
mod declared;
#[cfg(any(feature = "evm", feature = "wasm"))]
mod genesis;
#[cfg(feature = "std")]
mod known;
#[cfg(any(feature = "evm", feature = "wasm"))]
mod market;
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) mod quantity;
#[cfg(any(feature = "evm", feature = "wasm"))]
mod read;
#[cfg(any(feature = "evm", feature = "wasm"))]
mod reason;
#[cfg(any(feature = "evm", feature = "wasm"))]
mod sessions;
pub(crate) mod short;
#[cfg(all(feature = "std", any(feature = "evm", feature = "wasm")))]
pub(crate) mod spread;
#[cfg(all(test, feature = "std", any(feature = "evm", feature = "wasm")))]
pub(crate) mod testing;
mod transaction;

#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) use account::{Account, Code, Word};
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) use genesis::read_genesis;
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) use market::{Market, MarketRules};
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) use read::{Read, Says, Transactions};
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) use reason::{revert_reason, shortened};
#[cfg(any(feature = "evm", feature = "wasm"))]
pub(crate) use sessions::Sessions;

pub(crate) use declared::{declared_work, least_work, plain_call};
#[cfg(feature = "std")]
pub(crate) use known::Known;
#[cfg(any(test, feature = "evm", feature = "wasm"))]
pub(crate) use transaction::Envelope;
pub(crate) use transaction::EthereumTransaction;
