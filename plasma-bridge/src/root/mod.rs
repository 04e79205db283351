//! A root node, asked politely: every answer bounded in time, every failure with what to do next.

mod account;
mod client;
mod config;
mod fees;
mod flight;
mod nonces;
mod verdict;

pub use account::RootAccount;
pub(crate) use account::{Gas, RootCall, root_receipt};
pub use client::RootClient;
pub(crate) use client::{Header, LogQuery};
pub use config::RootConfig;
