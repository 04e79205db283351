//! The EVM at work on one block's state.

use alloc::{sync::Arc, vec::Vec};
use core::convert::Infallible;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use plasma_core::{
    BlockContext, Gas, InboxMessage, MessageKind, Receipt, Rejection, StateKey, StateRead, Step,
};
use revm::{
    Context, ExecuteEvm, MainContext,
    context::{BlockEnv, CfgEnv, JournalTr, Transaction, TxEnv},
    context_interface::{
        block::BlobExcessGasAndPrice,
        journaled_state::account::JournaledAccountTr,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
    database_interface::EmptyDB,
    handler::{EthFrame, Handler, MainnetContext, MainnetHandler, instructions::EthInstructions},
    interpreter::interpreter::EthInterpreter,
    primitives::eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
};

use super::{
    EvmExecution,
    config::{CONFIG, Config, MARKET, Market},
    database::Reader,
    predeploys::{self, HISTORY, L2_BRIDGE, SYSTEM, SYSTEM_CALL_GAS},
    prices::PricedPrecompiles,
    receipt::receipt_of,
    transaction::rejection,
};
use crate::ethereum::short;
#[cfg(feature = "statetest")]
use {super::prices::Prices, revm::primitives::hardfork::SpecId};

type Inner<'a> = MainnetContext<Reader<'a>>;
pub(super) type Evm<'a> = revm::context::Evm<
    Inner<'a>,
    (),
    EthInstructions<EthInterpreter, Inner<'a>>,
    PricedPrecompiles,
    EthFrame,
>;
pub(super) type Failure = EVMError<Infallible, InvalidTransaction>;
pub(super) type MainHandler<'a> = MainnetHandler<Evm<'a>, Failure, EthFrame>;

/// The EVM, opened on a state for steps of one block.
///
/// What the steps change stays in the EVM's journal, from which the next ones read; [`Session::finish`] gives
/// all of it at once. So a whole block costs one read and one write for each account, and one step alone gives the
/// same: `apply_block` is the fold of `apply`.
pub(crate) struct Session<'a> {
    execution: &'a EvmExecution,
    pub(super) evm: Evm<'a>,
    block: &'a BlockContext,
    pub(super) config: Config,
    /// The market as state has it, and as it is now.
    market: (Market, Market),
    /// What a transaction left for the proposer, in wei, where that is added up apart; `None` where it is paid.
    #[cfg(feature = "std")]
    tips: Option<U256>,
    /// The gas that the last transaction asked the block for.
    #[cfg(feature = "std")]
    wanted: u64,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        execution: &'a EvmExecution,
        state: &'a dyn StateRead,
        block: &'a BlockContext,
    ) -> Self {
        let config = CONFIG.get(state).unwrap_or_default();
        let stored = MARKET.get(state).unwrap_or_default();
        let market = stored.at(block.timestamp.seconds(), &config.market());
        let parent = (block.height.0.wrapping_sub(1), block.parent);
        let reader = Reader::new(state, &execution.codes, parent);
        let mut cfg = CfgEnv::new_with_spec(config.spec.id()).with_chain_id(block.chain_id.0);
        cfg.tx_chain_id_check = true;
        config.prices.configure(&mut cfg);
        let context = Context::<BlockEnv, TxEnv, CfgEnv, EmptyDB>::mainnet()
            .with_db(reader)
            .with_cfg(cfg)
            .with_block(block_environment(block, &config, &market));
        let spec = config.spec.id();
        let evm = Evm::new(
            context,
            config.prices.instructions(spec),
            PricedPrecompiles::new(spec, config.prices),
        );
        Self {
            execution,
            evm,
            block,
            config,
            market: (stored, market),
            #[cfg(feature = "std")]
            tips: None,
            #[cfg(feature = "std")]
            wanted: 0,
        }
    }

    /// Has the EVM follow a fork's rules at Ethereum's prices, whichever the chain's are: for Ethereum's tests.
    #[cfg(feature = "statetest")]
    pub(super) fn follow(&mut self, spec: SpecId) {
        let prices = Prices::Ethereum;
        self.evm.ctx.cfg.set_spec_and_mainnet_gas_params(spec);
        prices.configure(&mut self.evm.ctx.cfg);
        self.evm.ctx.journaled_state.set_spec_id(spec);
        self.evm.instruction = prices.instructions(spec);
        self.evm.precompiles = PricedPrecompiles::new(spec, prices);
    }

    /// What the market is now.
    pub(super) fn market(&self) -> &Market {
        &self.market.1
    }

    /// Does one step.
    pub(super) fn step(&mut self, step: &Step) -> Receipt {
        match step {
            Step::Begin => self.begin(),
            Step::Message(message) => match message.kind {
                MessageKind::Deposit if message.asset.is_zero() => self.deposit_native(message),
                MessageKind::Deposit => self.deposit_token(message),
                MessageKind::Transaction => self.transaction(&message.data, true),
            },
            Step::Transaction(bytes) => self.transaction(bytes, false),
            Step::End => self.end(),
        }
    }

    /// All that the steps changed.
    pub(super) fn finish(mut self) -> Vec<(StateKey, Option<Bytes>)> {
        let mut changes = self.take_changes();
        let (stored, market) = self.market;
        if market != stored {
            changes.push((MARKET.key(), Some(short::encoded(&market))));
        }
        changes
    }

    /// All that the steps so far changed, but for the market; what was read is forgotten.
    pub(super) fn take_changes(&mut self) -> Vec<(StateKey, Option<Bytes>)> {
        /// The room for accounts that is kept for the next transaction: more is emptied slower than it is asked for.
        const ROOM: usize = 256;
        let mut left = self.evm.finalize();
        let journal = &mut self.evm.ctx.journaled_state;
        let changes = journal.database.changes(&mut left);
        if left.capacity() <= ROOM {
            journal.state = left;
        }
        changes
    }

    fn begin(&mut self) -> Receipt {
        self.market.1.begin(self.block.timestamp.seconds());
        // A chain without the contract at that address would do without (EIP-2935): no failure is one here.
        let _ = self.call(SYSTEM, HISTORY, self.block.parent.into());
        Receipt::default()
    }

    fn end(&mut self) -> Receipt {
        self.market.1.end(&self.config.market());
        Receipt::default()
    }

    /// Credits XPL. A contract that is sent data with it is called; if that fails, it keeps the XPL.
    fn deposit_native(&mut self, message: &InboxMessage) -> Receipt {
        let journal = &mut self.evm.ctx.journaled_state;
        let Ok(mut account) = journal.load_account_mut(message.to);
        if !account.data.incr_balance(message.amount) {
            journal.discard_tx();
            return Receipt::invalid(
                "the deposit is more than an account can hold (2^256 - 1 wei)",
            );
        }
        let has_code = !account.data.account().info.is_empty_code_hash();
        journal.commit_tx();
        self.burn();
        let mut receipt = Receipt {
            logs: [predeploys::deposit_finalized(message)].into(),
            ..Receipt::default()
        };
        if has_code && !message.data.is_empty() {
            let call = self.call(L2_BRIDGE, message.to, predeploys::on_deposit_call(message));
            self.market.1.gas_used += call.gas_used.0;
            receipt.gas_used = call.gas_used;
            receipt.messages = call.messages;
            receipt.logs.extend(call.logs);
            if call.status != plasma_core::Status::Success {
                receipt.logs.push(predeploys::deposit_call_failed(message));
            }
        }
        receipt
    }

    /// Credits a root token, through the bridge's predeploy.
    fn deposit_token(&mut self, message: &InboxMessage) -> Receipt {
        let receipt = self.call(SYSTEM, L2_BRIDGE, predeploys::deposit_call(message));
        self.market.1.gas_used += receipt.gas_used.0;
        receipt
    }

    /// Executes a transaction; one that cannot be paid for has no effect. A forced one needs no room in the block:
    /// whoever sends it has no other way in, and the root's inbox bounds how many there are.
    fn transaction(&mut self, bytes: &[u8], forced: bool) -> Receipt {
        self.try_transaction(bytes, forced)
            .unwrap_or_else(|rejection| Receipt::invalid(alloc::format!("{rejection}")))
    }

    fn try_transaction(&mut self, bytes: &[u8], forced: bool) -> Result<Receipt, Rejection> {
        let read = self
            .execution
            .transactions
            .read(bytes, self.block.chain_id)?;
        let environment = Arc::unwrap_or_clone(read).says;
        #[cfg(feature = "std")]
        {
            self.wanted = environment.gas_limit;
        }
        let left = self.config.gas_limit.saturating_sub(self.market.1.gas_used);
        if !forced && environment.gas_limit > left {
            let least = self.least_gas(&environment);
            return Err(Rejection::GasLimit {
                offered: environment.gas_limit,
                least,
                most: left,
            });
        }
        let result = self.transact(environment);
        let result = result.map_err(|error| self.rejection(error))?;
        let price = self
            .evm
            .ctx
            .tx
            .effective_gas_price(self.evm.ctx.block.basefee.into());
        let receipt = self.settle(result, price);
        self.market.1.gas_used += receipt.gas_used.0;
        Ok(receipt)
    }

    #[cfg(not(feature = "std"))]
    fn transact(&mut self, transaction: TxEnv) -> Result<ExecutionResult, Failure> {
        self.evm.transact_one(transaction)
    }

    #[cfg(feature = "std")]
    fn transact(&mut self, transaction: TxEnv) -> Result<ExecutionResult, Failure> {
        match &mut self.tips {
            None => self.evm.transact_one(transaction),
            Some(tips) => super::spread::transact_without_reward(&mut self.evm, transaction, tips),
        }
    }

    /// Executes a transaction as if the block were empty, and pays the proposer nothing: gives also what it would
    /// have got, and the gas that the transaction asks for.
    #[cfg(feature = "std")]
    pub(super) fn transaction_apart(&mut self, bytes: &[u8]) -> (Receipt, U256, u64) {
        let market = self.market.1;
        self.evm.ctx.journaled_state.database.among_others();
        self.wanted = 0;
        self.tips = Some(U256::ZERO);
        let receipt = self.transaction(bytes, false);
        self.market.1 = market;
        let tips = self.tips.take().unwrap_or_default();
        (receipt, tips, self.wanted)
    }

    /// A call by the node itself, for free. It may not fail the block, so it only ever gives a receipt.
    fn call(&mut self, from: Address, to: Address, data: Bytes) -> Receipt {
        self.evm.ctx.tx = TxEnv {
            caller: from,
            kind: TxKind::Call(to),
            data,
            gas_limit: SYSTEM_CALL_GAS,
            gas_price: 0,
            ..TxEnv::default()
        };
        let mut handler = MainHandler::default();
        // As for a transaction: what is warm must not depend on which steps came before.
        let result = handler
            .load_accounts(&mut self.evm)
            .and_then(|()| handler.run_system_call(&mut self.evm));
        match result {
            Ok(result) => self.settle(result, 0),
            Err(error) => Receipt::invalid(alloc::format!("{error}")),
        }
    }

    /// The receipt of what was executed. Messages leave the chain, and the XPL that they carry with them.
    fn settle(&mut self, result: ExecutionResult, gas_price: u128) -> Receipt {
        let receipt = receipt_of(result, gas_price);
        self.burn();
        receipt
    }

    /// Burns what the bridge has. So it has nothing between steps, and no step depends on whether another one
    /// had loaded it.
    fn burn(&mut self) {
        if let Some(bridge) = self.evm.ctx.journaled_state.state.get_mut(&L2_BRIDGE)
            && !bridge.info.balance.is_zero()
        {
            bridge.info.balance = U256::ZERO;
            bridge.mark_touch();
        }
    }

    /// What a transaction costs before it does anything: intrinsic gas, and the floor of EIP-7623.
    pub(super) fn least_gas(&self, transaction: &TxEnv) -> u64 {
        let gas = self
            .evm
            .ctx
            .cfg
            .gas_params
            .initial_tx_gas_for_tx(transaction, None);
        gas.initial_total_gas().max(gas.floor_gas())
    }

    /// Whether a transaction could be executed now, its nonce apart.
    pub(super) fn validate(&mut self, transaction: TxEnv) -> Result<(), Rejection> {
        self.evm.ctx.cfg.disable_nonce_check = true;
        self.evm.ctx.tx = transaction;
        match MainHandler::default().validate(&mut self.evm) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.rejection(error)),
        }
    }

    /// Runs a transaction and forgets what it changed.
    pub(super) fn attempt(&mut self, transaction: TxEnv) -> Result<ExecutionResult, Rejection> {
        let result = self.evm.transact_one(transaction);
        let result = result.map_err(|error| self.rejection(error));
        self.evm.finalize();
        result
    }

    /// Why the EVM did not take the transaction that it was given last, in our words.
    fn rejection(&self, error: Failure) -> Rejection {
        let context = &self.evm.ctx;
        let base_fee = context.block.basefee;
        rejection(error, &context.tx, self.block.chain_id, base_fee, || {
            let least = self.least_gas(&context.tx);
            (least, self.most_gas())
        })
    }

    /// The most gas that one transaction may take: a block's, and no more than EIP-7825 lets it.
    pub(super) fn most_gas(&self) -> u64 {
        use revm::context::Cfg;
        self.config
            .gas_limit
            .min(self.evm.ctx.cfg.tx_gas_limit_cap())
    }
}

fn block_environment(block: &BlockContext, config: &Config, market: &Market) -> BlockEnv {
    let randomness = [block.parent.0, B256::from(U256::from(block.height.0)).0].concat();
    BlockEnv {
        number: U256::from(block.height.0),
        beneficiary: block.proposer,
        timestamp: U256::from(block.timestamp.seconds().0),
        gas_limit: config.gas_limit,
        basefee: market.base_fee,
        difficulty: U256::ZERO,
        // Nothing here is random: the proposer of the block before knows it, and can choose it to some degree.
        prevrandao: Some(keccak256(randomness)),
        // There are no blobs, so their base fee stays at its least: 1 wei.
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(
            0,
            BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
        )),
        slot_num: 0,
    }
}

/// The gas that the EVM says was used.
pub(super) fn gas_used(result: &ExecutionResult) -> Gas {
    Gas(result.gas().tx_gas_used())
}
