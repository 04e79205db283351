//! Calls that change nothing, and estimates.

use alloy::rpc::types::TransactionRequest;
use alloy_primitives::U64;
use alloy_sol_types::decode_revert_reason;
use plasma_core::{Bytes, Call, CallOutcome, Gas};
use serde_json::{Map, Value};

use crate::rpc::{
    arguments::Arguments,
    error::{Outcome, Refusal},
    methods::Methods,
    node::Node,
};

pub(super) fn register(methods: &mut Methods) {
    methods.work("eth_call", 4, |node, arguments| Ok(run(node, arguments, false)?.output));
    methods.work("eth_estimateGas", 4, |node, arguments| Ok(U64::from(run(node, arguments, true)?.gas_used.0)));
}

fn run(node: &Node, arguments: &Arguments, estimate: bool) -> Outcome<CallOutcome> {
    let request: TransactionRequest = arguments.required(0, "transaction")?;
    for (index, what) in [(2, "state overrides"), (3, "block overrides")] {
        let overrides: Option<Map<String, Value>> = arguments.optional(index, what)?;
        if overrides.is_some_and(|overrides| !overrides.is_empty()) {
            return Err(Refusal::unsupported(format!("this node takes no {what}; leave argument {index} out")));
        }
    }
    if let (Some(got), expected) = (request.chain_id, node.context.chain.genesis().chain_id.0)
        && got != expected
    {
        return Err(Refusal::invalid(format!("chainId does not match node's (have={got}, want={expected})")));
    }
    let cap = node.context.limits.call_gas;
    let price = request.max_fee_per_gas.or(request.gas_price).filter(|price| *price > 0);
    let call = Call {
        from: request.from.unwrap_or_default(),
        to: request.to.and_then(|to| to.to().copied()),
        value: request.value.unwrap_or_default(),
        gas_limit: Some(Gas(request.gas.unwrap_or(cap).min(cap))),
        gas_price: price,
        input: request.input.try_into_unique_input().map_err(|error| Refusal::invalid(error.to_string()))?.unwrap_or_default(),
    };
    let outcome = node.at(arguments, 1)?.call(call, estimate)?;
    if outcome.success { Ok(outcome) } else { Err(failure(&outcome)) }
}

/// A failed call as wallets know it: reverts with code 3 and their data, all else as a refusal.
fn failure(outcome: &CallOutcome) -> Refusal {
    let CallOutcome { output, reason, .. } = outcome;
    let opening = "execution reverted";
    if output.is_empty() && !reason.starts_with(opening) {
        return Refusal::refused(if reason.is_empty() { opening } else { reason });
    }
    let message = match revert_reason(output) {
        Some(decoded) => format!("{opening}: {decoded}"),
        None if reason.starts_with(opening) => reason.clone(),
        None if reason.is_empty() => opening.to_owned(),
        None => format!("{opening}: {reason}"),
    };
    Refusal::reverted(message, output)
}

/// The text in `Error(string)`, or the meaning of a `Panic(uint256)`.
fn revert_reason(output: &Bytes) -> Option<String> {
    use alloy_sol_types::{Panic, Revert, SolError};
    if let Ok(revert) = Revert::abi_decode(output) {
        return Some(revert.reason);
    }
    let panic = Panic::abi_decode(output).ok()?;
    decode_revert_reason(output).or_else(|| Some(panic.to_string()))
}
