//! What the siblings ask of each other without importing each other.

use alloc::vec::Vec;

use alloy_primitives::Bytes;

use crate::{Admission, Rejection};

/// The mempool's door: may this transaction enter, as the newest state has it?
///
/// The assembly implements it with the chain's `Execution` over its newest executed state.
pub trait Gate: Send + Sync {
    /// Sender, nonce, fee and size; or why not.
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection>;

    /// The same of many, one answer for each in their order, so that what they have in common is done once.
    fn admit_all(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Rejection>> {
        let admit = |transaction: &Bytes| self.admit(transaction);
        transactions.iter().map(admit).collect()
    }
}
