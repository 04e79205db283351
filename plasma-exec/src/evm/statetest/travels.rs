//! A test's transaction as it travels, read as any node of Ethereum reads it: of whatever length, with blobs or without.

use alloc::{
    format,
    string::{String, ToString},
};

use alloy_consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable as _};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::Address;

/// Who signed these bytes for this chain, or for none in particular; with low `s` (EIP-2).
pub(super) fn signer(bytes: &[u8], chain_id: u64) -> Result<Address, String> {
    let refused = |error: &dyn ToString| format!("txbytes are refused: {}", error.to_string());
    let transaction = TxEnvelope::decode_2718_exact(bytes).map_err(|error| refused(&error))?;
    if let Some(other) = transaction.chain_id().filter(|id| *id != chain_id) {
        return Err(format!("txbytes are for chain {other}, not {chain_id}"));
    }
    transaction
        .recover_signer()
        .map_err(|error| refused(&error))
}
