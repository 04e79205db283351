//! What the siblings ask of each other without importing each other.

use crate::{Admission, Rejection};

/// The mempool's door: may this transaction enter, as the newest state has it?
///
/// The assembly implements it with the chain's `Execution` over its newest executed state.
pub trait Gate: Send + Sync {
    /// Sender, nonce, fee and size; or why not.
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection>;
}
