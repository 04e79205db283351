//! The steps of a block.

use alloc::vec::Vec;

use alloy_primitives::{Address, U256};
use plasma_core::{BlockContext, Gas, InboxMessage, MessageKind, Receipt, State, Status};

use super::{
    CallError, CallResult, Context, ModuleRuntime, XPL,
    accounts::{ACCOUNTS, Account},
    bridge,
    context::Effects,
    fee_market::FeeMarket,
    fees, gas,
    module::ErasedModule,
    module_address,
    registry::Registry,
    transaction::Checked,
};

/// A hook of a module, at the beginning or the end of a block.
type Hook = fn(&dyn ErasedModule, &mut Context<'_>) -> CallResult<()>;

impl ModuleRuntime {
    pub(super) fn begin(&self, state: &mut dyn State, block: &BlockContext) -> Receipt {
        self.hooks(state, block, |module, context| module.begin_block(context))
    }

    /// The modules settle the block: [`Fees`](super::Fees) pays the proposer and sets the next base fee.
    pub(super) fn end(&self, state: &mut dyn State, block: &BlockContext) -> Receipt {
        self.hooks(state, block, |module, context| module.end_block(context))
    }

    fn hooks(&self, state: &mut dyn State, block: &BlockContext, hook: Hook) -> Receipt {
        let mut receipt = Receipt::default();
        for (index, entry) in self.registry.entries().iter().enumerate() {
            let mut effects = Effects::new(entry.module.hook_gas());
            let mark = state.mark();
            let outcome = {
                let caller = entry.interface.address();
                let mut context =
                    Context::new(&self.registry, state, block, &mut effects, index, caller);
                hook(&*entry.module, &mut context)
            };
            receipt.gas_used = receipt.gas_used + effects.meter.used();
            match outcome {
                Ok(()) => {
                    receipt.logs.append(&mut effects.logs);
                    receipt.messages.append(&mut effects.messages);
                }
                Err(error) => {
                    state.revert(mark);
                    let name = entry.interface.name();
                    let reason = error.reason(&self.registry);
                    receipt.reason = alloc::format!("module {name:?}: {reason}");
                }
            }
        }
        receipt
    }

    /// A message out of the root's inbox: it has a receipt, whatever it says.
    pub(super) fn message(
        &self,
        state: &mut dyn State,
        block: &BlockContext,
        message: &InboxMessage,
    ) -> Receipt {
        if message.kind == MessageKind::Transaction {
            // Forced: the sequencers could not refuse it, and a full block does not either.
            return self.transaction(state, block, &message.data, true);
        }
        let index = self.registry.index_of(&module_address("bridge"));
        let Some(index) = index else {
            return Receipt::invalid("this chain has no bridge");
        };
        let mut effects = Effects::new(gas::MAX_DEPOSIT);
        let mark = state.mark();
        let outcome = {
            let mut context = Context::new(
                &self.registry,
                state,
                block,
                &mut effects,
                index,
                message.sender,
            );
            bridge::deposit(&mut context, message)
        };
        let gas_used = effects.meter.used();
        let receipt = match outcome {
            Ok(()) => Receipt {
                logs: effects.logs,
                messages: effects.messages,
                ..Receipt::default()
            },
            Err(error) => {
                state.revert(mark);
                failed(&error, &self.registry)
            }
        };
        let mut market = FeeMarket::load(state);
        market.gas_used = market.gas_used.saturating_add(gas_used);
        market.store(state);
        Receipt {
            gas_used: Gas(gas_used),
            ..receipt
        }
    }

    pub(super) fn transaction(
        &self,
        state: &mut dyn State,
        block: &BlockContext,
        bytes: &[u8],
        forced: bool,
    ) -> Receipt {
        self.transaction_and_room(state, block, bytes, forced).0
    }

    /// Does a transaction; gives also the room that it asks the block for.
    pub(super) fn transaction_and_room(
        &self,
        state: &mut dyn State,
        block: &BlockContext,
        bytes: &[u8],
        forced: bool,
    ) -> (Receipt, u64) {
        let checked = match self.check(state, block, bytes) {
            Ok(checked) => checked,
            Err(rejection) => {
                let reason = alloc::format!("{rejection}");
                return (Receipt::invalid(super::error::shorten(&reason)), 0);
            }
        };
        let (market, wanted) = (&checked.market, checked.terms.gas_limit);
        let receipt = if !forced && !fees::has_room(market, wanted) {
            let left = market.gas_limit.saturating_sub(market.gas_used);
            Receipt::invalid(alloc::format!(
                "gas limit {wanted} is over the {left} that this block has left"
            ))
        } else {
            match checked.module {
                Some(module) => self.run_call(state, block, checked, module),
                None => run_transfer(state, checked),
            }
        };
        (receipt, wanted)
    }

    /// A call of a module. All the gas that it may use is paid first, and what it left is given back.
    fn run_call(
        &self,
        state: &mut dyn State,
        block: &BlockContext,
        checked: Checked,
        module: usize,
    ) -> Receipt {
        let Checked {
            sender,
            key,
            mut account,
            mut market,
            tip_per_gas,
            terms,
            session,
            ..
        } = checked;
        let gas_price = market.base_fee + tip_per_gas;
        let price = U256::from(gas_price);
        account.nonces.take(terms.nonce);
        let most = U256::from(terms.gas_limit) * price;
        account.balance -= most;
        account.store_at(state, key);
        if let Some(session) = &session {
            session
                .spend(state, XPL, most)
                .expect("a key is checked for more than the fee");
        }

        let mut effects = Effects::new(terms.gas_limit - terms.intrinsic);
        effects.session = session;
        let outcome = self.enter(
            state,
            block,
            &mut effects,
            module,
            (sender, terms.value),
            &terms.input,
        );
        let gas_used = terms.intrinsic + effects.meter.used();
        let receipt = match outcome {
            Ok(output) => Receipt {
                output: output.into(),
                logs: core::mem::take(&mut effects.logs),
                messages: core::mem::take(&mut effects.messages),
                ..Receipt::default()
            },
            Err(error) => failed(&error, &self.registry),
        };

        let unused = U256::from(terms.gas_limit - gas_used) * price;
        if !unused.is_zero() {
            let mut account = Account::load_at(state, &key);
            account.balance += unused;
            account.store_at(state, key);
            if let Some(session) = &effects.session {
                session.give_back(state, unused);
            }
        }
        fees::collect(&mut market, gas_used, tip_per_gas);
        market.store(state);
        Receipt {
            gas_used: Gas(gas_used),
            gas_price,
            ..receipt
        }
    }

    /// Runs a call of a module as `caller`, with XPL of the caller's.
    pub(super) fn enter(
        &self,
        state: &mut dyn State,
        block: &BlockContext,
        effects: &mut Effects,
        module: usize,
        (caller, value): (Address, U256),
        input: &[u8],
    ) -> CallResult<Vec<u8>> {
        Context::new(&self.registry, state, block, effects, module, caller)
            .enter(module, caller, value, input, 0)
    }
}

/// A plain transfer of XPL: two accounts and the market, each read and written once.
fn run_transfer(state: &mut dyn State, checked: Checked) -> Receipt {
    let Checked {
        sender,
        key,
        mut account,
        mut market,
        tip_per_gas,
        terms,
        ..
    } = checked;
    let gas_used = terms.intrinsic;
    let gas_price = market.base_fee + tip_per_gas;
    account.nonces.take(terms.nonce);
    account.balance -= U256::from(gas_used) * U256::from(gas_price);
    let mut receipt = Receipt {
        gas_used: Gas(gas_used),
        gas_price,
        ..Receipt::default()
    };
    if terms.to == sender || terms.value.is_zero() {
        account.store_at(state, key);
    } else {
        let to = ACCOUNTS.key(&terms.to);
        let mut recipient = Account::load_at(state, &to);
        if let Some(sum) = recipient.balance.checked_add(terms.value) {
            account.balance -= terms.value;
            recipient.balance = sum;
            recipient.store_at(state, to);
        } else {
            // No supply is that large; but whatever a state holds, the step is total.
            receipt.status = Status::Reverted;
            receipt.reason = "the recipient's balance would be over 2^256 - 1".into();
        }
        account.store_at(state, key);
    }
    fees::collect(&mut market, gas_used, tip_per_gas);
    market.store(state);
    receipt
}

fn failed(error: &CallError, registry: &Registry) -> Receipt {
    Receipt {
        status: Status::Reverted,
        output: error.output(),
        reason: error.reason(registry),
        ..Receipt::default()
    }
}
