//! A real Ethereum node for tests, and a small chain to put on it.
// Each test binary uses its own part.
#![allow(dead_code, unused_imports, unreachable_pub)]

mod anvil;
mod chain;
mod computation;
mod tamper;

pub use anvil::Anvil;
pub use chain::{CHAIN, DEPLOYED, Sealed, TestChain, checkpoint, deployed};
pub use computation::{Computation, HEIGHTS, program};
pub use tamper::{Tamper, response};

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use plasma_bridge::{RootAccount, RootConfig};
use plasma_core::{
    B256, BoxStream, RootEvent, RootUpdate, SettlementError, Signer, TokioEnv, keccak256,
};

/// Anvil's first development key.
pub const DEV_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

pub type Updates = BoxStream<'static, Result<RootUpdate, SettlementError>>;

pub fn env() -> Arc<TokioEnv> {
    Arc::new(TokioEnv)
}

/// Short pauses, so that tests are quick.
pub fn config() -> RootConfig {
    RootConfig {
        poll_interval_ms: 10,
        request_timeout_ms: 2_000,
        ..RootConfig::local()
    }
}

pub fn dev_signer() -> Signer {
    Signer::from_bytes(&DEV_KEY.parse().expect("32 bytes")).expect("a key")
}

pub fn signer(name: &str) -> Signer {
    Signer::from_bytes(&keccak256(name)).expect("a key")
}

pub async fn account(anvil: &Anvil) -> RootAccount {
    RootAccount::new(anvil.root().await, dev_signer())
}

/// The next update, errors that pass by themselves skipped.
pub async fn next(updates: &mut Updates) -> RootUpdate {
    within(async {
        loop {
            match updates.next().await.expect("endless") {
                Ok(update) => return update,
                Err(SettlementError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await
}

/// The next event, blocks without any skipped.
pub async fn next_event(updates: &mut Updates) -> RootEvent {
    loop {
        match next(updates).await {
            RootUpdate::Block { events, .. } if events.is_empty() => {}
            RootUpdate::Block { events, .. } => {
                assert_eq!(events.len(), 1, "{events:?}");
                return events.into_iter().next().expect("one");
            }
            other => panic!("expected an event, got {other:?}"),
        }
    }
}

/// The next error, updates skipped.
pub async fn next_error(updates: &mut Updates) -> SettlementError {
    within(async {
        loop {
            if let Err(error) = updates.next().await.expect("endless") {
                return error;
            }
        }
    })
    .await
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work)
        .await
        .expect("done within a minute")
}

pub fn word(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}
