//! One block of a root, for reading.

use alloy::sol_types::SolCall;
use async_trait::async_trait;
use plasma_core::{Address, B256, Bytes, RootBlock, Seconds, SettlementError};

/// An event's topics and data.
pub type Event = alloy::primitives::LogData;

/// One block of a root, asked without sending anything. All its answers are of that block; where the root has moved
/// on from it, they are errors.
#[async_trait]
pub trait RootReader: Send + Sync {
    /// The block.
    fn at(&self) -> RootBlock;

    /// What a contract's view returns.
    async fn view(&self, to: Address, data: Bytes) -> Result<Bytes, SettlementError>;

    /// A contract's events of these kinds (the first topic) about these subjects (the second), in order, from those
    /// of the second `since` up to the block. More may be given, of earlier seconds.
    async fn events(
        &self,
        contract: Address,
        kinds: &[B256],
        subjects: &[B256],
        since: Seconds,
    ) -> Result<Vec<Event>, SettlementError>;
}

/// Calls a view, and reads what it returns.
pub(super) async fn call<C: SolCall>(
    reader: &dyn RootReader,
    to: Address,
    call: &C,
) -> Result<C::Return, SettlementError> {
    let bytes = reader.view(to, call.abi_encode().into()).await?;
    C::abi_decode_returns(&bytes).map_err(|error| {
        let length = bytes.len();
        SettlementError::Contract(format!(
            "{} at {to} returned {length} bytes that do not fit: {error}; \
             check the addresses of the contracts",
            C::SIGNATURE
        ))
    })
}
