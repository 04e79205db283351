//! Transactions without signatures, and who admits them: what is measured is agreement, not `ecrecover`.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use plasma_core::{
    Address, Admission, BlockHeader, Bytes, ChainId, Gas, Gate, NonceRule, Rejection, Timestamp,
    U256, transaction_hash,
};

/// Tells numbers of transactions from their bytes.
const NUMBER_BYTES: usize = 8;

/// The bytes of the transaction of this number. Each has a sender of its own.
pub(super) fn transaction(number: u64, length: usize) -> Bytes {
    let mut bytes = vec![0x5a; length.max(NUMBER_BYTES)];
    bytes[..NUMBER_BYTES].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

/// Which one it is.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    let head = bytes.get(..NUMBER_BYTES)?.try_into().ok()?;
    Some(u64::from_be_bytes(head))
}

/// Where the chain of the benches begins.
pub(super) fn genesis() -> BlockHeader {
    BlockHeader {
        chain_id: ChainId(4_243),
        timestamp: Timestamp(1_000),
        ..BlockHeader::default()
    }
}

/// Admits each transaction once.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<HashSet<u64>>);

impl Open {
    /// Takes note of what a block has.
    pub(super) fn execute(&self, transactions: &[Bytes]) {
        let used = self.0.lock();
        let mut used = used.unwrap_or_else(PoisonError::into_inner);
        used.extend(transactions.iter().filter_map(|bytes| number(bytes)));
    }
}

impl Gate for Open {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let number = number(transaction)
            .ok_or_else(|| Rejection::Malformed("shorter than its number".into()))?;
        let mut sender = [0x11; 20];
        sender[12..].copy_from_slice(&number.to_be_bytes());
        let sender = Address::from(sender);
        let used = self.0.lock();
        if used
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&number)
        {
            let (next, got) = (1, 0);
            return Err(Rejection::NonceTooLow { sender, next, got });
        }
        Ok(Admission {
            hash: transaction_hash(transaction),
            sender,
            nonce: 0,
            nonce_rule: NonceRule::Window { base: 0 },
            gas_limit: Gas(21_000),
            max_fee_per_gas: 1_000,
            priority_fee_per_gas: 10,
            max_cost: U256::ZERO,
            balance: U256::MAX,
            expires_at: None,
        })
    }
}
