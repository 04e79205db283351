//! Ethereum's transactions, as both the modules and the EVM take them: decoded once, sender recovered once.

mod declared;
mod senders;
mod transaction;

pub(crate) use declared::{declared_work, least_work};
pub(crate) use senders::Senders;
#[cfg(any(test, feature = "evm"))]
pub(crate) use transaction::Envelope;
pub(crate) use transaction::EthereumTransaction;
