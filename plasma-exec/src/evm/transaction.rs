//! From a signed transaction to the EVM's form of it, and from the EVM's refusals to ours.

use alloc::{format, string::ToString, vec::Vec};

use alloy_consensus::Transaction as _;
#[cfg(feature = "std")]
use alloy_primitives::Bytes;
use alloy_primitives::{Address, U256};
use plasma_core::{ChainId, Rejection};
use revm::{
    context::{TxEnv, either::Either},
    context_interface::result::{EVMError, InvalidTransaction},
};

use super::session::Failure;
use crate::ethereum::{Envelope, Says};

/// The transaction as the EVM takes it.
pub(super) fn environment(transaction: Envelope, sender: Address) -> TxEnv {
    let authorizations = transaction.authorization_list().unwrap_or_default();
    TxEnv {
        tx_type: transaction.tx_type() as u8,
        caller: sender,
        gas_limit: transaction.gas_limit(),
        gas_price: transaction.max_fee_per_gas(),
        kind: transaction.kind(),
        value: transaction.value(),
        data: transaction.input().clone(),
        nonce: transaction.nonce(),
        chain_id: transaction.chain_id(),
        access_list: transaction.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: transaction.max_priority_fee_per_gas(),
        authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
    }
}

impl Says for TxEnv {
    fn of(transaction: Envelope, sender: Address) -> Self {
        environment(transaction, sender)
    }

    #[cfg(feature = "std")]
    fn input(&mut self) -> &mut Bytes {
        &mut self.data
    }

    /// An authorization takes five times the bytes in which it travels.
    #[cfg(feature = "std")]
    fn more(&self) -> usize {
        size_of_val(&self.authorization_list[..])
    }
}

/// The most that a transaction can take from its sender, in wei. (Saturated: nobody has that much.)
pub(super) fn max_cost(transaction: &TxEnv) -> U256 {
    U256::from(transaction.gas_price)
        .saturating_mul(U256::from(transaction.gas_limit))
        .saturating_add(transaction.value)
}

/// Why the EVM did not take `transaction`. `gas` gives the least that it needs and the most that it may take.
pub(super) fn rejection(
    error: Failure,
    transaction: &TxEnv,
    chain_id: ChainId,
    base_fee: u64,
    gas: impl FnOnce() -> (u64, u64),
) -> Rejection {
    use InvalidTransaction as Invalid;
    let invalid = match error {
        EVMError::Transaction(invalid) => invalid,
        other => return Rejection::Unsupported(other.to_string()),
    };
    let sender = transaction.caller;
    match invalid {
        Invalid::NonceTooLow { tx, state } => Rejection::NonceTooLow {
            sender,
            next: state,
            got: tx,
        },
        Invalid::NonceTooHigh { tx, state } => Rejection::NonceTooHigh {
            sender,
            next: state,
            last: state,
            got: tx,
        },
        Invalid::NonceOverflowInTransaction => {
            Rejection::Unsupported("the nonce 2^64 - 1 can never be used (EIP-2681)".into())
        }
        Invalid::LackOfFundForMaxFee { fee, balance } => Rejection::Funds {
            sender,
            balance: *balance,
            needed: *fee,
        },
        Invalid::OverflowPaymentInTransaction => Rejection::Unsupported(format!(
            "a fee of {} wei for each of {} gas is more than there can be; lower it",
            transaction.gas_price, transaction.gas_limit
        )),
        Invalid::GasPriceLessThanBasefee => Rejection::FeeTooLow {
            offered: transaction.gas_price,
            base_fee: base_fee.into(),
        },
        Invalid::PriorityFeeGreaterThanMaxFee => Rejection::Malformed(format!(
            "the priority fee of {} wei is over the max fee of {} wei per gas; lower it",
            transaction.gas_priority_fee.unwrap_or_default(),
            transaction.gas_price
        )),
        Invalid::CallerGasLimitMoreThanBlock
        | Invalid::TxGasLimitGreaterThanCap { .. }
        | Invalid::CallGasCostMoreThanGasLimit { .. }
        | Invalid::GasFloorMoreThanGasLimit { .. } => {
            let (least, most) = gas();
            Rejection::GasLimit {
                offered: transaction.gas_limit,
                least,
                most,
            }
        }
        Invalid::CreateInitCodeSizeLimit => Rejection::Unsupported(format!(
            "init code of {} bytes is over the limit of {} (EIP-3860)",
            transaction.data.len(),
            revm::primitives::eip3860::MAX_INITCODE_SIZE
        )),
        Invalid::RejectCallerWithCode => Rejection::Unsupported(format!(
            "{sender} is a contract, which cannot send transactions (EIP-3607)"
        )),
        Invalid::InvalidChainId | Invalid::MissingChainId => Rejection::ChainId {
            expected: chain_id.0,
            got: transaction.chain_id.unwrap_or_default(),
        },
        Invalid::EmptyAuthorizationList => {
            Rejection::Malformed("its authorization list is empty (EIP-7702)".into())
        }
        other => Rejection::Unsupported(other.to_string()),
    }
}
