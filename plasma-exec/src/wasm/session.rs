//! The steps of one block.

use alloc::{format, sync::Arc, vec::Vec};

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{
    Admission, BlockContext, Gas, InboxMessage, MessageKind, NonceRule, Receipt, Rejection,
    StateKey, StateRead, Status, Step,
};

use super::{
    WasmExecution,
    account::{Account, Code},
    bridge,
    config::{CONFIG, Config, MARKET},
    host::Frame,
    module::HEAD,
    prices::{
        CREATION, LISTED_ADDRESS, LISTED_KEY, MAX_MODULE_BYTES, NONZERO_BYTE, TRANSACTION,
        WASM_TRANSACTION_GAS, ZERO_BYTE,
    },
    runner::{Call, Outcome, Runner},
};
use crate::ethereum::{
    Envelope, Market, Read, Says,
    bridge::{L2_BRIDGE, SYSTEM_CALL_GAS, deposit_call_failed, deposit_finalized, on_deposit_call},
    short, shortened,
};

/// What a transaction says, as far as it is executed.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) gas_limit: u64,
    pub(super) max_fee: u128,
    /// `None` for the kinds that know one price.
    pub(super) max_priority: Option<u128>,
    /// What its access list costs.
    pub(super) listed: u64,
    /// What its data costs ([`data_gas`]).
    pub(super) data: u64,
}

/// What carrying these bytes costs.
pub(super) fn data_gas(input: &[u8]) -> u64 {
    let zeros: u64 = input.iter().map(|byte| u64::from(*byte == 0)).sum();
    ZERO_BYTE * zeros + NONZERO_BYTE * (input.len() as u64 - zeros)
}

impl Terms {
    fn new(transaction: &Envelope, sender: Address) -> Self {
        let list = transaction.access_list();
        let listed = list.map_or(0, |list| {
            let keys = list.iter().map(|item| item.storage_keys.len() as u64);
            LISTED_ADDRESS * list.len() as u64 + LISTED_KEY * keys.sum::<u64>()
        });
        Self {
            sender,
            nonce: transaction.nonce(),
            to: transaction.to(),
            value: transaction.value(),
            input: transaction.input().clone(),
            gas_limit: transaction.gas_limit(),
            max_fee: transaction.max_fee_per_gas(),
            max_priority: transaction.max_priority_fee_per_gas(),
            listed,
            data: data_gas(transaction.input()),
        }
    }

    /// What it costs before it does anything.
    pub(super) fn intrinsic(&self) -> u64 {
        let creation = if self.to.is_none() { CREATION } else { 0 };
        TRANSACTION + creation + self.listed + self.data
    }

    /// The most that it can take from its sender. (Saturated: nobody has that much.)
    fn max_cost(&self) -> U256 {
        U256::from(self.max_fee)
            .saturating_mul(U256::from(self.gas_limit))
            .saturating_add(self.value)
    }

    /// What it pays for each unit of gas, and what of it goes to the proposer.
    fn price(&self, base_fee: u128) -> (u128, u128) {
        let tip = self.max_fee.saturating_sub(base_fee);
        let tip = self.max_priority.map_or(tip, |most| tip.min(most));
        (base_fee.saturating_add(tip), tip)
    }
}

impl Says for Terms {
    fn of(transaction: Envelope, sender: Address) -> Self {
        Self::new(&transaction, sender)
    }

    fn refuses(transaction: &Envelope) -> Option<Rejection> {
        transaction.is_eip7702().then(|| {
            Rejection::Unsupported(
                "this chain has no delegations (type 0x04); use a contract".into(),
            )
        })
    }

    #[cfg(feature = "std")]
    fn input(&mut self) -> &mut Bytes {
        &mut self.input
    }
}

/// A module and the arguments of its `deploy`, out of what a creation carries: the module alone, or its length in four
/// bytes, highest first, the module, and the arguments.
fn split_creation(input: &Bytes) -> Result<(Bytes, Bytes), &'static str> {
    if input.starts_with(HEAD) {
        return Ok((input.clone(), Bytes::new()));
    }
    let (length, rest) = input
        .split_first_chunk::<4>()
        .ok_or("a creation carries a module; this has less than four bytes")?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_MODULE_BYTES || length > rest.len() {
        return Err("a creation carries a module, or its length in four bytes and then the module");
    }
    Ok((input.slice(4..4 + length), input.slice(4 + length..)))
}

/// A chain, opened on a state for steps of one block. All that they change is given at once by [`Session::finish`].
pub(crate) struct Session<'a> {
    execution: &'a WasmExecution,
    block: &'a BlockContext,
    pub(super) config: Config,
    /// The market as state has it, and as it is now.
    market: (Market, Market),
    pub(super) runner: Runner<'a>,
    /// What the last transaction pays the proposer, where that is kept apart.
    tips: Option<U256>,
    /// The room that the last transaction needed in the block.
    wanted: u64,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        execution: &'a WasmExecution,
        state: &'a dyn StateRead,
        block: &'a BlockContext,
    ) -> Self {
        let config = CONFIG.get(state).unwrap_or_default();
        let stored = MARKET.get(state).unwrap_or_default();
        let market = stored.at(block.timestamp.seconds(), &config.market());
        Self {
            execution,
            block,
            config,
            market: (stored, market),
            runner: Runner::new(execution, state, block),
            tips: None,
            wanted: 0,
        }
    }

    pub(super) fn market(&self) -> &Market {
        &self.market.1
    }

    pub(super) fn account(&mut self, address: Address) -> Account {
        self.runner.world().journal.account(address)
    }

    /// Does one step.
    pub(super) fn step(&mut self, step: &Step) -> Receipt {
        let receipt = match step {
            Step::Begin => {
                self.market.1.begin(self.block.timestamp.seconds());
                Receipt::default()
            }
            Step::Message(message) => match message.kind {
                MessageKind::Deposit => self.deposit(message),
                MessageKind::Transaction => self.transaction(&message.data, true),
            },
            Step::Transaction(bytes) => self.transaction(bytes, false),
            Step::End => {
                self.market.1.end(&self.config.market());
                Receipt::default()
            }
        };
        self.runner.world().journal.commit();
        receipt
    }

    /// All that the steps changed.
    pub(super) fn finish(mut self) -> Vec<(StateKey, Option<Bytes>)> {
        self.take_changes()
    }

    /// What the steps changed since changes were last taken.
    pub(super) fn take_changes(&mut self) -> Vec<(StateKey, Option<Bytes>)> {
        let mut changes = self.runner.world().journal.take_changes();
        let (stored, market) = &mut self.market;
        if market != stored {
            *stored = *market;
            changes.push((MARKET.key(), Some(short::encoded(market))));
        }
        changes
    }

    /// A transaction by itself: what it does apart from what every transaction adds to, which is the market and the proposer's
    /// XPL. What it pays the proposer, and the room that it needs in the block.
    #[cfg(feature = "std")]
    pub(super) fn transaction_apart(&mut self, bytes: &[u8]) -> (Receipt, U256, u64) {
        let market = self.market;
        self.runner.work_alone();
        (self.tips, self.wanted) = (Some(U256::ZERO), 0);
        let receipt = self.transaction(bytes, false);
        self.market = market;
        self.runner.world().journal.commit();
        (receipt, self.tips.take().unwrap_or_default(), self.wanted)
    }

    /// All that the transactions changed that were done by themselves; what was read is forgotten.
    #[cfg(feature = "std")]
    pub(super) fn writes_apart(&mut self) -> Vec<(StateKey, Option<Bytes>)> {
        let journal = &mut self.runner.world().journal;
        let writes = journal.take_changes();
        journal.forget();
        writes
    }

    /// Credits a deposit. A contract that is sent data with it is called; if that fails, it keeps what it got.
    fn deposit(&mut self, message: &InboxMessage) -> Receipt {
        let world = self.runner.world();
        let credited = if message.asset.is_zero() {
            world.journal.credit(message.to, message.amount)
        } else {
            bridge::deposit(world, message)
        };
        if !credited {
            return Receipt::invalid(
                "the deposit is more than an account can hold (2^256 - 1 wei)",
            );
        }
        let mut receipt = Receipt {
            logs: [deposit_finalized(message)].into(),
            ..Receipt::default()
        };
        let is_contract = world.journal.account(message.to).code != Code::None;
        if is_contract && !message.data.is_empty() {
            let frame = Frame {
                address: message.to,
                caller: L2_BRIDGE,
                input: on_deposit_call(message),
                ..Frame::default()
            };
            let outcome = self.runner.call(Call {
                frame,
                gas: SYSTEM_CALL_GAS,
            });
            receipt.gas_used = Gas(SYSTEM_CALL_GAS - outcome.gas_left);
            self.market.1.gas_used += receipt.gas_used.0;
            let succeeded = outcome.succeeded();
            self.take_effects(&mut receipt);
            if !succeeded {
                receipt.logs.push(deposit_call_failed(message));
            }
        }
        receipt
    }

    fn take_effects(&mut self, receipt: &mut Receipt) {
        let world = self.runner.world();
        // As much room as they take: the receipt is kept, and what they were noted in is used again.
        receipt.logs.reserve_exact(world.logs.len());
        receipt.logs.append(&mut world.logs);
        receipt.messages.append(&mut world.messages);
    }

    /// What a transaction says.
    fn read(&self, bytes: &[u8]) -> Result<Arc<Read<Terms>>, Rejection> {
        self.execution.transactions.read(bytes, self.block.chain_id)
    }

    /// Whether a transaction could be executed now, but for a nonce that is too high.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> Result<Admission, Rejection> {
        let read = self.read(bytes)?;
        let terms = &read.says;
        let account = self.account(terms.sender);
        let admission = Admission {
            hash: read.hash,
            sender: terms.sender,
            nonce: terms.nonce,
            nonce_rule: NonceRule::Sequential {
                next: account.nonce,
            },
            gas_limit: Gas(terms.gas_limit),
            max_fee_per_gas: terms.max_fee,
            priority_fee_per_gas: read.priority_fee_per_gas,
            max_cost: terms.max_cost(),
            balance: account.balance,
            expires_at: None,
        };
        self.check(terms, &account)?;
        Ok(admission)
    }

    fn check(&self, terms: &Terms, account: &Account) -> Result<(), Rejection> {
        let sender = terms.sender;
        if account.code != Code::None {
            return Err(Rejection::Unsupported(format!(
                "{sender} is a contract, which cannot send transactions (EIP-3607)"
            )));
        }
        if terms.nonce == u64::MAX {
            return Err(Rejection::Unsupported(
                "the nonce 2^64 - 1 can never be used (EIP-2681)".into(),
            ));
        }
        if terms.nonce < account.nonce {
            return Err(Rejection::NonceTooLow {
                sender,
                next: account.nonce,
                got: terms.nonce,
            });
        }
        if terms.max_priority.is_some_and(|tip| tip > terms.max_fee) {
            return Err(Rejection::Malformed(format!(
                "the priority fee of {} wei is over the max fee of {} wei per gas; lower it",
                terms.max_priority.unwrap_or_default(),
                terms.max_fee
            )));
        }
        let base_fee = self.market().base_fee.into();
        if terms.max_fee < base_fee {
            return Err(Rejection::FeeTooLow {
                offered: terms.max_fee,
                base_fee,
            });
        }
        let (least, most) = (terms.intrinsic(), self.most_gas());
        if !(least..=most).contains(&terms.gas_limit) {
            return Err(Rejection::GasLimit {
                offered: terms.gas_limit,
                least,
                most,
            });
        }
        let needed = terms.max_cost();
        if needed > account.balance {
            return Err(Rejection::Funds {
                sender,
                balance: account.balance,
                needed,
            });
        }
        Ok(())
    }

    /// The most gas that one transaction may take.
    pub(super) fn most_gas(&self) -> u64 {
        self.config.gas_limit.min(WASM_TRANSACTION_GAS)
    }

    /// Executes a transaction; one that cannot be paid for has no effect. A forced one needs no room in the block:
    /// whoever sends it has no other way in, and the root's inbox bounds how many there are.
    fn transaction(&mut self, bytes: &[u8], forced: bool) -> Receipt {
        self.try_transaction(bytes, forced)
            .unwrap_or_else(|rejection| Receipt::invalid(shortened(&format!("{rejection}"))))
    }

    fn try_transaction(&mut self, bytes: &[u8], forced: bool) -> Result<Receipt, Rejection> {
        let read = self.read(bytes)?;
        let terms = &read.says;
        let mut account = self.account(terms.sender);
        self.check(terms, &account)?;
        if terms.nonce > account.nonce {
            return Err(Rejection::NonceTooHigh {
                sender: terms.sender,
                next: account.nonce,
                last: account.nonce,
                got: terms.nonce,
            });
        }
        self.wanted = terms.gas_limit;
        let left = self.config.gas_limit.saturating_sub(self.market().gas_used);
        if !forced && terms.gas_limit > left {
            return Err(Rejection::GasLimit {
                offered: terms.gas_limit,
                least: terms.intrinsic(),
                most: left,
            });
        }
        let (price, tip) = terms.price(self.market().base_fee.into());
        let price_word = U256::from(price);
        account.nonce += 1;
        account.balance -= price_word * U256::from(terms.gas_limit);
        let journal = &mut self.runner.world().journal;
        journal.set_account(terms.sender, account);

        let (outcome, created) = self.execute(terms);
        let gas_used = terms.gas_limit - outcome.gas_left;
        let mut receipt = receipt_of(outcome, created);
        self.take_effects(&mut receipt);
        let journal = &mut self.runner.world().journal;
        // Neither can fail: it was the sender's, and nobody has nearly so much.
        journal.credit(
            terms.sender,
            price_word * U256::from(terms.gas_limit - gas_used),
        );
        let reward = U256::from(tip) * U256::from(gas_used);
        match &mut self.tips {
            Some(tips) => *tips = reward,
            None if tip > 0 => {
                journal.credit(self.block.proposer, reward);
            }
            None => {}
        }
        self.market.1.gas_used += gas_used;
        Ok(Receipt {
            gas_used: Gas(gas_used),
            gas_price: price,
            ..receipt
        })
    }

    /// Runs what a transaction says, whose gas is paid for; and the contract that it created.
    pub(super) fn execute(&mut self, terms: &Terms) -> (Outcome, Option<Address>) {
        let gas = terms.gas_limit - terms.intrinsic();
        let frame = Frame {
            address: terms.to.unwrap_or_else(|| terms.sender.create(terms.nonce)),
            caller: terms.sender,
            value: terms.value,
            input: terms.input.clone(),
            read_only: false,
        };
        if terms.to.is_some() {
            // A plain payment costs what wallets expect: its accounts are paid for with the transaction.
            let plain = terms.input.is_empty()
                && frame.address != L2_BRIDGE
                && self.account(frame.address).code == Code::None;
            if plain {
                return (self.pay(&frame, gas), None);
            }
            return (self.runner.call(Call { frame, gas }), None);
        }
        let (module, input) = match split_creation(&terms.input) {
            Ok(parts) => parts,
            Err(reason) => return (Outcome::failed(reason), None),
        };
        let address = frame.address;
        let frame = Frame { input, ..frame };
        let outcome = self.runner.create(module, Call { frame, gas });
        let created = outcome.succeeded().then_some(address);
        (outcome, created)
    }

    fn pay(&mut self, frame: &Frame, gas: u64) -> Outcome {
        let journal = &mut self.runner.world().journal;
        let mark = journal.mark();
        let paid =
            journal.debit(frame.caller, frame.value) && journal.credit(frame.address, frame.value);
        if paid {
            Outcome::returned(Bytes::new(), gas)
        } else {
            // No supply is that large; but whatever a state holds, the step is total.
            journal.revert(mark);
            Outcome::failed("the receiver cannot hold so much")
        }
    }
}

fn receipt_of(outcome: Outcome, created: Option<Address>) -> Receipt {
    let reason = outcome.reason();
    Receipt {
        status: if outcome.succeeded() {
            Status::Success
        } else {
            Status::Reverted
        },
        output: outcome.output,
        reason,
        created,
        ..Receipt::default()
    }
}
