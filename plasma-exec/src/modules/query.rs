//! Questions about state.

use alloc::{format, string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256};
use plasma_core::{
    BlockContext, Call, CallOutcome, FeeQuote, Gas, Overlay, Query, QueryError, Reply, StateRead,
};

use super::{
    Interface, ModuleRuntime,
    accounts::{ACCOUNTS, Account},
    context::Effects,
    fee_market::FeeMarket,
    gas, module_address,
};

/// What `eth_getCode` gives for a module: the byte that is no instruction (EIP-141), so that wallets take the
/// address for a contract's.
const MODULE_CODE: &[u8] = &[0xfe];

impl ModuleRuntime {
    pub(super) fn answer(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        Ok(match query {
            Query::Balance(address) => Reply::Word(Account::load(state, *address).balance),
            Query::Nonce(address) => {
                Reply::Word(U256::from(Account::load(state, *address).nonces.base))
            }
            Query::Code(address) => Reply::Bytes(match self.registry.at(address) {
                Some(_) => Bytes::from_static(MODULE_CODE),
                None => Bytes::new(),
            }),
            // Modules keep no storage of slots; a slot that was never written is zero.
            Query::Storage(..) => Reply::Word(U256::ZERO),
            Query::Call(call) | Query::Estimate(call) => Reply::Call(self.call(state, block, call)),
            Query::Fees => Reply::Fees(fees(state)),
            // Modules keep no slots, so what is asked for as a slot is a key of the state itself.
            Query::Keys(address, slots) => {
                let account = ACCOUNTS.key(address);
                Reply::Keys(
                    core::iter::once(account)
                        .chain(slots.iter().map(|slot| B256::from(*slot)))
                        .collect(),
                )
            }
            Query::Module { module, input } => self.module_query(state, block, module, input)?,
            Query::Schema => Reply::Bytes(format!("{}", self.schema()).into_bytes().into()),
            _ => return Err(QueryError::Unsupported(format!("{query:?}"))),
        })
    }

    fn module_query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        module: &str,
        input: &Bytes,
    ) -> Result<Reply, QueryError> {
        let address = module_address(module);
        if self.registry.at(&address).is_none() {
            let known: Vec<&str> = self.interfaces().map(Interface::name).collect();
            let known = known.join(", ");
            return Err(QueryError::Malformed(format!(
                "no module {module:?}; there are {known}"
            )));
        }
        let call = Call {
            to: Some(address),
            input: input.clone(),
            ..Call::default()
        };
        let outcome = self.call(state, block, &call);
        if outcome.success {
            Ok(Reply::Bytes(outcome.output))
        } else {
            Err(QueryError::Malformed(outcome.reason))
        }
    }

    /// Runs a call and forgets what it did. What it used is also the least limit with which it succeeds, for
    /// modules see no gas and get none back.
    fn call(&self, state: &dyn StateRead, block: &BlockContext, call: &Call) -> CallOutcome {
        let limit = call.gas_limit.map_or(gas::MAX_TRANSACTION, |limit| limit.0);
        let limit = limit.min(gas::MAX_TRANSACTION);
        let refused = |reason: String| CallOutcome {
            reason,
            ..CallOutcome::default()
        };
        let Some(to) = call.to else {
            return refused("this chain's modules are fixed; contracts cannot be created".into());
        };
        let intrinsic = gas::intrinsic(&call.input);
        if limit < intrinsic {
            return refused(format!(
                "gas limit {limit} is below {intrinsic}, what the call needs to begin"
            ));
        }
        let sender = Account::load(state, call.from);
        let fee = U256::from(limit) * U256::from(call.gas_price.unwrap_or_default());
        let needed = call.value.saturating_add(fee);
        if sender.balance < needed {
            let (from, balance) = (call.from, sender.balance);
            return refused(format!(
                "insufficient funds for gas * price + value: {from} has {balance} wei and needs {needed}"
            ));
        }
        let Some(module) = self.registry.index_of(&to) else {
            return CallOutcome {
                success: true,
                gas_used: Gas(intrinsic),
                ..CallOutcome::default()
            };
        };
        self.dry_run(state, block, module, call, (limit, intrinsic))
    }

    fn dry_run(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        module: usize,
        call: &Call,
        (limit, intrinsic): (u64, u64),
    ) -> CallOutcome {
        let mut overlay = Overlay::new(state);
        let mut effects = Effects::new(limit - intrinsic);
        let from: (Address, U256) = (call.from, call.value);
        let outcome = self.enter(&mut overlay, block, &mut effects, module, from, &call.input);
        let gas_used = Gas(intrinsic + effects.meter.used());
        match outcome {
            Ok(output) => CallOutcome {
                success: true,
                output: output.into(),
                gas_used,
                reason: String::new(),
            },
            Err(error) => CallOutcome {
                success: false,
                output: error.output(),
                gas_used,
                reason: error.reason(&self.registry),
            },
        }
    }
}

fn fees(state: &dyn StateRead) -> FeeQuote {
    let market = FeeMarket::load(state);
    FeeQuote {
        base_fee: market.base_fee,
        gas_limit: Gas(market.gas_limit),
        gas_used: Gas(market.last_gas_used),
        blob_base_fee: None,
    }
}
