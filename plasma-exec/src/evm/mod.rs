//! The EVM as an execution, on revm.
//!
//! ```text
//!   step ──> Session: revm's journal over Reader ──> receipt
//!                         │            │
//!                    finish: writes    reads, from accounts, codes, storage in state
//! ```
//! Invariants: no result depends on a cache; a step that cannot be paid for leaves no trace; XPL that leaves with a
//! message is burned in the same step; a block equals the fold of its steps.
//!
//! Deliberately absent: blob transactions (a chain carries no blobs), the beacon root of EIP-4788 and the requests
//! of EIP-7685 (there is no beacon chain).

mod account;
mod code;
mod config;
mod database;
mod genesis;
mod predeploys;
mod prices;
mod query;
mod receipt;
mod session;
#[cfg(feature = "std")]
mod spread;
#[cfg(feature = "statetest")]
mod statetest;
mod transaction;

#[cfg(test)]
mod tests;

use alloc::{sync::Arc, vec::Vec};

use alloy_primitives::Bytes;
use plasma_core::{
    Admission, BlockContext, BlockOutcome, Execution, ExecutionError, Gas, MessageKind, NonceRule,
    Query, QueryError, Receipt, Rejection, Reply, State, StateKey, StateRead, Step,
    TransactionView,
};
use revm::{Database as _, context::TxEnv};

pub use config::EvmSpec;
pub use genesis::{EvmGenesis, EvmGenesisAccount};
pub use prices::{INSTRUCTIONS_PER_GAS, MACHINE_TRANSACTION_GAS, Prices};

#[cfg(feature = "statetest")]
pub use statetest::{StateTestError, StateTestReport, run_state_tests};

#[cfg(feature = "std")]
use crate::ethereum::spread as engine;
use crate::ethereum::{Read, Sessions, Transactions, declared_work};
use session::Session;

/// Ethereum's rules: contracts, receipts, logs and fees as on mainnet, on revm.
///
/// The rules are those of the genesis configuration, [`EvmGenesis`]. Precompiles are pure Rust and the same
/// everywhere: natively and in the fault-proof machine.
///
/// What a chain adds to Ethereum:
/// - *Deposits.* XPL is credited to the receiver; another asset goes through the `L2Bridge` predeploy at
///   `0x…706C61`. A receiving contract is then called with `onDeposit` if the deposit carries data; if that fails,
///   it keeps what it got.
/// - *Messages.* Each `MessageSent` of the predeploy is in the receipt's messages, and the XPL it carries is burned.
/// - *Forced transactions* are executed like others, but need no room in the block.
/// - *Prices* are raised for what is dear in the fault-proof machine, and a transaction takes at most
///   [`MACHINE_TRANSACTION_GAS`]: see [`Prices`].
/// - *Fees* are EIP-1559's; seconds without a block let the base fee fall as empty blocks do.
/// - `PREVRANDAO` is the keccak-256 of the parent's hash and the height, and no source of randomness.
/// - `create2` factory and block hash history (EIP-2935) are there from genesis.
#[derive(Debug, Default)]
pub struct EvmExecution {
    transactions: Transactions<TxEnv>,
    codes: code::CodeCache,
    #[cfg(feature = "std")]
    settings: crate::parallel::Settings,
}

/// The work of a block's begin: a call of the history contract (EIP-2935).
const BEGIN_WORK: u64 = 100_000;
/// The work of a block's end: the market.
const END_WORK: u64 = 10_000;
/// The work of crediting a deposit.
const CREDIT_WORK: u64 = 50_000;

impl EvmExecution {
    /// An execution that remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How its blocks are spread over threads; all cores where it pays, unless this is called.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn parallelism(mut self, parallelism: crate::Parallelism) -> Self {
        self.settings.parallelism = parallelism;
        self
    }
}

/// The work of a step, whatever the state.
fn work(step: &Step) -> Gas {
    Gas(match step {
        Step::Begin => BEGIN_WORK,
        Step::Message(message) => match message.kind {
            MessageKind::Deposit if message.asset.is_zero() && message.data.is_empty() => {
                CREDIT_WORK
            }
            MessageKind::Deposit => CREDIT_WORK + predeploys::SYSTEM_CALL_GAS,
            MessageKind::Transaction => declared_work(&message.data, MACHINE_TRANSACTION_GAS),
        },
        Step::Transaction(bytes) => declared_work(bytes, MACHINE_TRANSACTION_GAS),
        Step::End => END_WORK,
    })
}

impl Sessions for EvmExecution {
    type Session<'a> = Session<'a>;

    fn open<'a>(&'a self, state: &'a dyn StateRead, block: &'a BlockContext) -> Session<'a> {
        Session::open(self, state, block)
    }

    fn step(session: &mut Session<'_>, step: &Step) -> Receipt {
        session.step(step)
    }

    fn finish(session: Session<'_>) -> Vec<(StateKey, Option<Bytes>)> {
        session.finish()
    }
}

impl Execution for EvmExecution {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        EvmGenesis::from_json(config)?.write(state)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        bytes: &[u8],
    ) -> Result<Admission, Rejection> {
        let Read {
            hash,
            sender,
            priority_fee_per_gas,
            says: environment,
            ..
        } = Arc::unwrap_or_clone(self.transactions.read(bytes, block.chain_id)?);
        let mut session = Session::open(self, state, block);
        let Ok(account) = session.evm.ctx.journaled_state.database.basic(sender);
        let account = account.unwrap_or_default();
        if environment.nonce < account.nonce {
            return Err(Rejection::NonceTooLow {
                sender,
                next: account.nonce,
                got: environment.nonce,
            });
        }
        let admission = Admission {
            hash,
            sender,
            nonce: environment.nonce,
            nonce_rule: NonceRule::Sequential {
                next: account.nonce,
            },
            gas_limit: Gas(environment.gas_limit),
            max_fee_per_gas: environment.gas_price,
            priority_fee_per_gas,
            max_cost: transaction::max_cost(&environment),
            balance: account.balance,
            expires_at: None,
        };
        session.validate(environment)?;
        Ok(admission)
    }

    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        self.apply_one(state, block, step)
    }

    fn apply_block(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> BlockOutcome {
        #[cfg(feature = "std")]
        return engine::apply_block(self, base, block, steps);
        #[cfg(not(feature = "std"))]
        self.fold(base, block, steps)
    }

    #[cfg(feature = "std")]
    fn apply_segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> Vec<(usize, BlockOutcome)> {
        engine::apply_segments(self, base, block, steps)
    }

    fn work(&self, _: &dyn StateRead, step: &Step) -> Gas {
        work(step)
    }

    fn segment_gas(&self) -> Gas {
        Gas(MACHINE_TRANSACTION_GAS)
    }

    fn query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        query::answer(self, state, block, query)
    }

    fn view(&self, _: &BlockContext, bytes: &[u8]) -> Option<TransactionView> {
        self.transactions.shown(bytes)
    }

    fn prepare(&self, transactions: &[Bytes]) {
        self.transactions.prepare(transactions);
    }
}
