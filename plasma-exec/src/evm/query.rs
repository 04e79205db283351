//! Answers about state.

use alloc::string::{String, ToString};

use alloy_primitives::{Bytes, TxKind, U256};
use plasma_core::{
    BlockContext, Call, CallOutcome, FeeQuote, Gas, Query, QueryError, Reply, StateRead,
};
use revm::{context::TxEnv, context_interface::result::ExecutionResult};

use super::{
    EvmExecution,
    account::{ACCOUNTS, CODES, Code, STORAGE, designator},
    receipt::receipt_of,
    session::{Session, gas_used},
};

/// What a plain transfer uses.
const TRANSFER_GAS: u64 = 21_000;
/// What a call with value hands on for free.
const STIPEND: u64 = 2_300;

pub(super) fn answer(
    execution: &EvmExecution,
    state: &dyn StateRead,
    block: &BlockContext,
    query: &Query,
) -> Result<Reply, QueryError> {
    let account = |address| ACCOUNTS.get(state, address).unwrap_or_default();
    Ok(match query {
        Query::Balance(address) => Reply::Word(account(address).balance),
        Query::Nonce(address) => Reply::Word(U256::from(account(address).nonce)),
        Query::Code(address) => Reply::Bytes(match account(address).code {
            Code::None => Bytes::new(),
            Code::Hash(hash) => CODES.get(state, &hash).unwrap_or_default(),
            Code::Delegation(to) => designator(&to).into(),
        }),
        Query::Storage(address, slot) => {
            Reply::Word(STORAGE.get(state, &(*address, *slot)).unwrap_or_default().0)
        }
        Query::Call(call) => Reply::Call(Caller::new(execution, state, block, call).call()),
        Query::Estimate(call) => Reply::Call(Caller::new(execution, state, block, call).estimate()),
        Query::Fees => Reply::Fees(fees(&Session::open(execution, state, block))),
        Query::Keys(address, slots) => {
            let slots = slots.iter().map(|slot| STORAGE.key(&(*address, *slot)));
            Reply::Keys(
                core::iter::once(ACCOUNTS.key(address))
                    .chain(slots)
                    .collect(),
            )
        }
        Query::Module { module, .. } => {
            return Err(QueryError::Unsupported(alloc::format!(
                "queries of module {module}"
            )));
        }
        Query::Schema => return Err(QueryError::Unsupported("a schema of modules".into())),
        other => return Err(QueryError::Unsupported(alloc::format!("{other:?}"))),
    })
}

fn fees(session: &Session<'_>) -> FeeQuote {
    let market = session.market();
    FeeQuote {
        base_fee: market.base_fee.into(),
        gas_limit: Gas(session.config.gas_limit),
        gas_used: Gas(market.gas_used),
        blob_base_fee: Some(1),
    }
}

/// Runs one call as often as it takes.
struct Caller<'a> {
    session: Session<'a>,
    call: &'a Call,
    /// The caller's XPL and nonce.
    balance: U256,
    nonce: u64,
    /// Whether it can only be a transfer between accounts that run nothing.
    plain: bool,
}

impl<'a> Caller<'a> {
    fn new(
        execution: &'a EvmExecution,
        state: &'a dyn StateRead,
        block: &'a BlockContext,
        call: &'a Call,
    ) -> Self {
        let mut session = Session::open(execution, state, block);
        let free = call.gas_price.is_none();
        let cfg = &mut session.evm.ctx.cfg;
        (cfg.disable_nonce_check, cfg.disable_eip3607) = (true, true);
        (cfg.disable_base_fee, cfg.disable_fee_charge) = (free, free);
        let from = ACCOUNTS.get(state, &call.from).unwrap_or_default();
        let plain = call.input.is_empty()
            && call.to.is_some_and(|to| {
                let is_precompile = session.evm.precompiles.contains(&to);
                !is_precompile && ACCOUNTS.get(state, &to).unwrap_or_default().code == Code::None
            });
        Self {
            session,
            call,
            balance: from.balance,
            nonce: from.nonce,
            plain,
        }
    }

    fn attempt(&mut self, gas_limit: u64) -> Result<ExecutionResult, String> {
        let Call {
            from,
            to,
            value,
            input,
            gas_price,
            ..
        } = self.call.clone();
        let transaction = TxEnv {
            tx_type: 0,
            caller: from,
            gas_limit,
            gas_price: gas_price.unwrap_or_default(),
            kind: to.map_or(TxKind::Create, TxKind::Call),
            value,
            data: input,
            nonce: self.nonce,
            chain_id: None,
            ..TxEnv::default()
        };
        self.session
            .attempt(transaction)
            .map_err(|rejection| rejection.to_string())
    }

    /// A call may take a block's worth of gas, whatever one transaction may (EIP-7825).
    fn call(mut self) -> CallOutcome {
        let most = self.session.config.gas_limit;
        self.session.evm.ctx.cfg.tx_gas_limit_cap = Some(most);
        let gas_limit = self.call.gas_limit.map_or(most, |gas| gas.0.min(most));
        outcome(self.attempt(gas_limit))
    }

    /// The least limit with which it succeeds; or why it does not with the most that it may have.
    ///
    /// Not what it uses: a call hands on at most 63 of 64 parts of what is left (EIP-150), refunds come at the end,
    /// and a contract may look at the gas it has. So the limits are tried, between what it used (less cannot do)
    /// and one with which it is known to succeed.
    fn estimate(mut self) -> CallOutcome {
        let most = self.most();
        if self.plain && most >= TRANSFER_GAS {
            let result = self.attempt(TRANSFER_GAS);
            if result.as_ref().is_ok_and(ExecutionResult::is_success) {
                return outcome(result);
            }
        }
        let first = self.attempt(most);
        let (used, refunded) = match &first {
            Ok(result) if result.is_success() => {
                (gas_used(result).0, result.gas().final_refunded())
            }
            _ => return outcome(first),
        };
        // Fails with `low`, succeeds with `high`.
        let (mut low, mut high, mut best) = (used.saturating_sub(1), most, first);
        let likely = (used + refunded + STIPEND).saturating_mul(64) / 63;
        let mut next = if likely < high {
            likely
        } else {
            low.midpoint(high)
        };
        while low + 1 < high {
            let result = self.attempt(next);
            if result.as_ref().is_ok_and(ExecutionResult::is_success) {
                (high, best) = (next, result);
            } else {
                low = next;
            }
            next = low.midpoint(high);
        }
        CallOutcome {
            gas_used: Gas(high),
            ..outcome(best)
        }
    }

    /// The most that it may have: of the caller's choice, of a transaction, of the caller's funds.
    fn most(&self) -> u64 {
        let most = self.session.most_gas();
        let most = self.call.gas_limit.map_or(most, |gas| gas.0.min(most));
        match self.call.gas_price {
            None | Some(0) => most,
            Some(price) => {
                let affordable = self.balance.saturating_sub(self.call.value) / U256::from(price);
                most.min(u64::try_from(affordable).unwrap_or(u64::MAX))
            }
        }
    }
}

fn outcome(result: Result<ExecutionResult, String>) -> CallOutcome {
    match result {
        Ok(result) => {
            let receipt = receipt_of(result, 0);
            CallOutcome {
                success: receipt.succeeded(),
                output: receipt.output,
                gas_used: receipt.gas_used,
                reason: receipt.reason,
            }
        }
        Err(reason) => CallOutcome {
            reason,
            ..CallOutcome::default()
        },
    }
}
