//! Accounts.

use alloy_eips::BlockId;
use alloy_primitives::U64;
use plasma_core::{Address, B256, Bytes, Query, QueryError, Reply, U256};

use crate::rpc::{arguments::Arguments, at::At, error::Outcome, methods::Methods, node::Node};

pub(super) fn register(methods: &mut Methods) {
    methods.read("eth_getBalance", 2, |node, arguments| {
        node.at(arguments, 1)?
            .word(&Query::Balance(arguments.required(0, "address")?))
    });
    methods.read("eth_getTransactionCount", 2, transaction_count);
    methods.read("eth_getCode", 2, |node, arguments| {
        code(&node.at(arguments, 1)?, arguments.required(0, "address")?)
    });
    methods.read("eth_getStorageAt", 3, |node, arguments| {
        let (address, slot) = (
            arguments.required(0, "address")?,
            arguments.required(1, "slot")?,
        );
        Ok(B256::from(storage(&node.at(arguments, 2)?, address, slot)?))
    });
}

fn transaction_count(node: &Node, arguments: &Arguments) -> Outcome<U64> {
    let account: Address = arguments.required(0, "address")?;
    let next = node.at(arguments, 1)?.nonce(account)?;
    let waiting = match (
        arguments.optional::<BlockId>(1, "block")?,
        &node.context.sequencer,
    ) {
        (Some(id), Some(sequencer)) if id.is_pending() => sequencer.pending_nonce(&account),
        _ => None,
    };
    Ok(U64::from(next.max(waiting.unwrap_or_default())))
}

/// The code of an account; none on a chain that has no such thing.
pub(super) fn code(at: &At<'_>, account: Address) -> Outcome<Bytes> {
    match at.ask(&Query::Code(account)) {
        Ok(Reply::Bytes(code)) => Ok(code),
        Ok(_) | Err(QueryError::Unsupported(_)) => Ok(Bytes::new()),
        Err(error) => Err(error.into()),
    }
}

/// A slot of an account; zero on a chain that has no such thing.
pub(super) fn storage(at: &At<'_>, account: Address, slot: U256) -> Outcome<U256> {
    match at.ask(&Query::Storage(account, slot)) {
        Ok(Reply::Word(word)) => Ok(word),
        Ok(_) | Err(QueryError::Unsupported(_)) => Ok(U256::ZERO),
        Err(error) => Err(error.into()),
    }
}
