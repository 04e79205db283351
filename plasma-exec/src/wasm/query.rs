//! Answers about state.

use alloc::{
    format,
    string::{String, ToString},
};

use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{
    BlockContext, Call, CallOutcome, FeeQuote, Gas, Query, QueryError, Reply, StateRead,
};
use serde_json::json;

use super::{
    WasmExecution,
    account::{ACCOUNTS, CODES, Code, STORAGE},
    bridge,
    module::abi,
    session::{Session, Terms, data_gas},
};
use crate::ethereum::bridge::L2_BRIDGE;

/// What a plain transfer uses.
const TRANSFER_GAS: u64 = super::prices::TRANSACTION;
/// The module under whose name a contract's ABI is asked for.
const ABI: &str = "abi";

pub(super) fn answer(
    execution: &WasmExecution,
    state: &dyn StateRead,
    block: &BlockContext,
    query: &Query,
) -> Result<Reply, QueryError> {
    let account = |address| ACCOUNTS.get(state, address).unwrap_or_default();
    Ok(match query {
        Query::Balance(address) => Reply::Word(account(address).balance),
        Query::Nonce(address) => Reply::Word(U256::from(account(address).nonce)),
        Query::Code(address) => Reply::Bytes(code(state, address)),
        Query::Storage(address, slot) => {
            let value = state.get(&STORAGE.key(&(*address, (*slot).into())));
            Reply::Word(value.map_or(U256::ZERO, |value| word(&value)))
        }
        Query::Call(call) => Reply::Call(Caller::new(execution, state, block, call).call()),
        Query::Estimate(call) => Reply::Call(Caller::new(execution, state, block, call).estimate()),
        Query::Fees => Reply::Fees(fees(&Session::open(execution, state, block))),
        Query::Keys(address, slots) => {
            let slots = slots
                .iter()
                .map(|slot| STORAGE.key(&(*address, (*slot).into())));
            Reply::Keys(
                core::iter::once(ACCOUNTS.key(address))
                    .chain(slots)
                    .collect(),
            )
        }
        Query::Module { module, input } if module == ABI => {
            let address = Address::try_from(input.as_ref()).map_err(|_| {
                QueryError::Malformed("an ABI is asked for with a contract's 20 bytes".into())
            })?;
            Reply::Bytes(contract_abi(state, &address)?)
        }
        Query::Module { module, .. } => {
            return Err(QueryError::Unsupported(format!(
                "queries of module {module}; it answers {ABI}"
            )));
        }
        Query::Schema => Reply::Bytes(schema().into_bytes().into()),
        other => return Err(QueryError::Unsupported(format!("{other:?}"))),
    })
}

/// What stands at an address as code. The bridge has one byte, so that wallets take it for a contract.
fn code(state: &dyn StateRead, address: &Address) -> Bytes {
    if *address == L2_BRIDGE {
        return Bytes::from_static(&[0xfe]);
    }
    match ACCOUNTS.get(state, address).unwrap_or_default().code {
        Code::Hash(hash) => CODES.get(state, &hash).unwrap_or_default(),
        _ => Bytes::new(),
    }
}

/// A contract's ABI as its author put it into the module.
fn contract_abi(state: &dyn StateRead, address: &Address) -> Result<Bytes, QueryError> {
    if *address == L2_BRIDGE {
        let json = serde_json::to_vec(&bridge::abi()).unwrap_or_default();
        return Ok(json.into());
    }
    let code = code(state, address);
    abi(&code).map(Bytes::copy_from_slice).ok_or_else(|| {
        QueryError::Unsupported(format!("an ABI of {address}: there is none in its module"))
    })
}

/// In the form of module chains: the bridge is all that every chain has.
fn schema() -> String {
    json!({
        "modules": {
            "bridge": { "address": L2_BRIDGE, "abi": bridge::abi(), "types": {} },
        },
    })
    .to_string()
}

/// The first 32 bytes of a value as a number.
fn word(value: &[u8]) -> U256 {
    U256::from_be_slice(&value[..value.len().min(32)])
}

fn fees(session: &Session<'_>) -> FeeQuote {
    let market = session.market();
    FeeQuote {
        base_fee: market.base_fee.into(),
        gas_limit: Gas(session.config.gas_limit),
        gas_used: Gas(market.gas_used),
        blob_base_fee: None,
    }
}

/// Runs one call as often as it takes.
struct Caller<'a> {
    execution: &'a WasmExecution,
    state: &'a dyn StateRead,
    block: &'a BlockContext,
    call: &'a Call,
}

impl<'a> Caller<'a> {
    fn new(
        execution: &'a WasmExecution,
        state: &'a dyn StateRead,
        block: &'a BlockContext,
        call: &'a Call,
    ) -> Self {
        Self {
            execution,
            state,
            block,
            call,
        }
    }

    fn attempt(&self, gas_limit: u64) -> CallOutcome {
        let mut session = Session::open(self.execution, self.state, self.block);
        let account = session.account(self.call.from);
        let terms = Terms {
            sender: self.call.from,
            nonce: account.nonce,
            to: self.call.to,
            value: self.call.value,
            input: self.call.input.clone(),
            gas_limit,
            max_fee: self.call.gas_price.unwrap_or_default(),
            max_priority: None,
            listed: 0,
            data: data_gas(&self.call.input),
        };
        let refused = |reason: String| CallOutcome {
            reason,
            ..CallOutcome::default()
        };
        let least = terms.intrinsic();
        if gas_limit < least {
            return refused(format!("gas limit {gas_limit} is below {least}, its least"));
        }
        let base_fee = u128::from(session.market().base_fee);
        let fee = U256::from(terms.max_fee).saturating_mul(U256::from(gas_limit));
        if terms.max_fee > 0 && terms.max_fee < base_fee {
            return refused(format!(
                "max fee per gas {} wei is less than the block base fee of {base_fee} wei",
                terms.max_fee
            ));
        }
        if fee.saturating_add(terms.value) > account.balance {
            return refused(format!(
                "insufficient funds for gas * price + value: {} has {} wei and needs {}",
                terms.sender,
                account.balance,
                fee.saturating_add(terms.value)
            ));
        }
        session.runner.world().journal.debit(terms.sender, fee);
        let (outcome, _) = session.execute(&terms);
        CallOutcome {
            success: outcome.succeeded(),
            gas_used: Gas(gas_limit - outcome.gas_left),
            reason: outcome.reason(),
            output: outcome.output,
        }
    }

    /// A call may take a block's worth of gas, whatever one transaction may.
    fn call(self) -> CallOutcome {
        let most = Session::open(self.execution, self.state, self.block)
            .config
            .gas_limit;
        let gas_limit = self.call.gas_limit.map_or(most, |gas| gas.0.min(most));
        self.attempt(gas_limit)
    }

    /// The least limit with which it succeeds; or why it does not with the most that it may have.
    ///
    /// Not what it uses: a call hands on at most 63 of 64 parts of what is left, and a contract may look at the gas it
    /// has. So the limits are tried, between what it used (less cannot do) and one with which it is known to succeed.
    fn estimate(self) -> CallOutcome {
        let most = self.most();
        if self.call.to.is_some() && self.call.input.is_empty() && most >= TRANSFER_GAS {
            let outcome = self.attempt(TRANSFER_GAS);
            if outcome.success {
                return outcome;
            }
        }
        let first = self.attempt(most);
        if !first.success {
            return first;
        }
        // Fails with `low`, succeeds with `high`.
        let used = first.gas_used.0;
        let (mut low, mut high, mut best) = (used.saturating_sub(1), most, first);
        let mut next = if used < high {
            used
        } else {
            low.midpoint(high)
        };
        while low + 1 < high {
            let outcome = self.attempt(next);
            if outcome.success {
                (high, best) = (next, outcome);
            } else {
                low = next;
            }
            let likely = low.saturating_mul(64) / 63 + 1;
            next = if likely > low && likely < high {
                likely
            } else {
                low.midpoint(high)
            };
        }
        CallOutcome {
            gas_used: Gas(high),
            ..best
        }
    }

    /// The most that it may have: of the caller's choice, of a transaction, of the caller's funds.
    fn most(&self) -> u64 {
        let mut session = Session::open(self.execution, self.state, self.block);
        let most = session.most_gas();
        let most = self.call.gas_limit.map_or(most, |gas| gas.0.min(most));
        match self.call.gas_price {
            None | Some(0) => most,
            Some(price) => {
                let balance = session.account(self.call.from).balance;
                let affordable = balance.saturating_sub(self.call.value) / U256::from(price);
                most.min(u64::try_from(affordable).unwrap_or(u64::MAX))
            }
        }
    }
}
