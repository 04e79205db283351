//! Calls that change nothing, and estimates.

use alloy::rpc::types::TransactionRequest;
use alloy_primitives::U64;
use plasma_core::{Call, CallOutcome, Gas, Query, U256};
use serde_json::{Map, Value};

use crate::rpc::{
    arguments::Arguments,
    at::At,
    error::{Outcome, Refusal},
    methods::Methods,
    node::Node,
};

/// The least that a transaction uses.
const TRANSFER_GAS: u64 = 21_000;

pub(super) fn register(methods: &mut Methods) {
    methods.work("eth_call", 4, |node, arguments| {
        Ok(run(node, arguments, false)?.output)
    });
    methods.work("eth_estimateGas", 4, |node, arguments| {
        Ok(U64::from(run(node, arguments, true)?.gas_used.0))
    });
}

fn run(node: &Node, arguments: &Arguments, estimate: bool) -> Outcome<CallOutcome> {
    let request: TransactionRequest = arguments.required(0, "transaction")?;
    for (index, what) in [(2, "state overrides"), (3, "block overrides")] {
        let overrides: Option<Map<String, Value>> = arguments.optional(index, what)?;
        if overrides.is_some_and(|overrides| !overrides.is_empty()) {
            return Err(Refusal::unsupported(format!(
                "this node takes no {what}; leave argument {index} out"
            )));
        }
    }
    if let (Some(got), expected) = (request.chain_id, node.context.chain.genesis().chain_id.0)
        && got != expected
    {
        return Err(Refusal::invalid(format!(
            "chainId does not match node's (have={got}, want={expected})"
        )));
    }
    let cap = node.context.limits.call_gas;
    let input = request
        .input
        .try_into_unique_input()
        .map_err(|error| Refusal::invalid(error.to_string()))?;
    let mut call = Call {
        from: request.from.unwrap_or_default(),
        to: request.to.and_then(|to| to.to().copied()),
        value: request.value.unwrap_or_default(),
        gas_limit: Some(Gas(request.gas.unwrap_or(cap).min(cap))),
        gas_price: request
            .max_fee_per_gas
            .or(request.gas_price)
            .filter(|price| *price > 0),
        input: input.unwrap_or_default(),
    };
    let at = node.at(arguments, 1)?;
    if let Some(affordable) = affordable(&at, &call)?
        && request.gas.is_none()
    {
        call.gas_limit = Some(Gas(affordable.min(cap)));
    }
    let outcome = at.call(call, estimate)?;
    if outcome.success {
        Ok(outcome)
    } else {
        Err(failure(&outcome))
    }
}

/// The gas that the caller can pay for, where it offers a price; refuses one that cannot pay for
/// anything.
fn affordable(at: &At<'_>, call: &Call) -> Outcome<Option<u64>> {
    if call.value.is_zero() && call.gas_price.is_none() {
        return Ok(None);
    }
    let price = U256::from(call.gas_price.unwrap_or_default());
    let balance = at.word(&Query::Balance(call.from))?;
    let needed = call.value.saturating_add(price * U256::from(TRANSFER_GAS));
    if balance < needed {
        let from = call.from;
        return Err(Refusal::refused(format!(
            "insufficient funds for gas * price + value: {from} has {balance} wei and needs {needed}"
        )));
    }
    Ok((balance - call.value)
        .checked_div(price)
        .map(|gas| gas.saturating_to()))
}

/// A failed call as wallets know it: reverts with code 3 and their data, all else as a refusal.
fn failure(outcome: &CallOutcome) -> Refusal {
    const OPENING: &str = "execution reverted";
    let CallOutcome { output, reason, .. } = outcome;
    match (reason.as_str(), output.is_empty()) {
        (reason, _) if reason.starts_with(OPENING) => Refusal::reverted(reason, output),
        ("", _) => Refusal::reverted(OPENING, output),
        (reason, false) => Refusal::reverted(format!("{OPENING}: {reason}"), output),
        (reason, true) => Refusal::refused(reason),
    }
}
