//! Contracts in WebAssembly, on wasmi: natively and in the fault-proof machine the same interpreter.
//!
//! ```text
//!   step ──> Session: fees, accounts ──> Runner: calls ──> Instance: wasmi <──> host functions
//!                │                          │                                        │
//!             finish: writes <───────── Journal <──────────────────────────── storage, balances
//! ```
//! Invariants: no result depends on a cache or on whether an instance was used before; a step that cannot be paid for
//! leaves no trace; whatever ends a contract is a receipt; XPL that leaves with a message is burned in the same step;
//! a block equals the fold of its steps.
//!
//! Deliberately absent: floats, vectors, threads and start functions ([`module`] has the list); contracts that create
//! contracts; delegations of EIP-7702.

mod account;
mod bridge;
mod cache;
mod config;
mod host;
mod instance;
mod journal;
mod loading;
mod module;
mod prices;
mod query;
mod runner;
mod session;
#[cfg(feature = "std")]
mod spread;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use alloy_primitives::Bytes;
use plasma_core::{
    Admission, BlockContext, BlockOutcome, Execution, ExecutionError, Gas, MessageKind, Query,
    QueryError, Receipt, Rejection, Reply, State, StateKey, StateRead, Step, TransactionView,
};

pub use config::{WasmGenesis, WasmGenesisAccount};
pub use prices::{
    MAX_MODULE_BYTES, MAX_STORAGE_BYTES, WASM_INSTRUCTIONS_PER_GAS, WASM_TRANSACTION_GAS,
};

#[cfg(feature = "std")]
use crate::ethereum::spread as engine;
use crate::ethereum::{Sessions, Transactions, bridge::SYSTEM_CALL_GAS, declared_work};
use session::Session;

/// By a hash that differs from process to process, and is faster than that of the standard library. Nothing goes through such a
/// map in its order.
type HashMap<K, V> = alloy_primitives::map::HashMap<K, V, foldhash::fast::RandomState>;

/// User-deployed contracts in WebAssembly as an [`Execution`].
///
/// ```
/// use plasma_core::{Address, BlockContext, Execution, MemoryState, Query, Reply, U256};
/// use plasma_exec::{WasmExecution, WasmGenesis};
///
/// let (execution, mut state) = (WasmExecution::new(), MemoryState::default());
/// let alice = Address::with_last_byte(0xaa);
/// let genesis = WasmGenesis::default().with_balance(alice, U256::from(1_000));
/// execution.genesis(&mut state, &genesis.to_json())?;
///
/// let balance = execution.query(&state, &BlockContext::default(), &Query::Balance(alice))?;
/// assert_eq!(balance, Reply::Word(U256::from(1_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Transactions
/// Wallets' own (legacy with a chain id, EIP-2930, EIP-1559), nonces one after the other. To an address with a contract
/// a call, to any other a payment. Without one, a creation: the data is a module, or the module's length in four bytes
/// (highest first), the module, and the arguments of its `deploy`; so a tool that puts encoded arguments behind the
/// bytecode of an artifact works, if the artifact's bytecode begins with the length.
///
/// # Contracts
/// A module of at most [`MAX_MODULE_BYTES`] that exports a function `call` without parameters and results; `deploy`, if
/// it exports it, runs once, at the creation. What it may ask the chain for are the functions of the module `plasma`:
/// input, output, storage, calls, logs and so on. Contracts that take Solidity's calldata work with wallets and
/// explorers as they are. A custom section `plasma.abi` with the ABI as JSON is given by the query `abi`.
/// The crate `plasma-contract` has all of this for contracts in Rust.
///
/// # Gas
/// One unit of gas is one unit of the interpreter's fuel: about one operation of WebAssembly. A transaction pays 21,000,
/// its data as on Ethereum, and what it reads and writes of state; the first call of a contract in a transaction pays for
/// making its module ready, by what is in it. A transaction takes at most [`WASM_TRANSACTION_GAS`], and a unit of gas is at
/// most [`WASM_INSTRUCTIONS_PER_GAS`] instructions of the fault-proof machine.
///
/// # The bridge
/// XPL is credited to its receiver. Tokens of the root are kept by the bridge at [`L2_BRIDGE`](crate::L2_BRIDGE), which
/// has `balanceOf`, `transfer`, `approve` and `transferFrom` with the token as first argument, and `withdraw` and
/// `sendMessage` as on a chain of the EVM. A receiving contract is called with `onDeposit` if the deposit carries data;
/// if that fails, it keeps what it got.
#[derive(Debug)]
pub struct WasmExecution {
    transactions: Transactions<session::Terms>,
    modules: cache::ModuleCache,
    fresh: bool,
    #[cfg(feature = "std")]
    settings: crate::parallel::Settings,
}

impl Default for WasmExecution {
    /// On one thread: what that one keeps from one transaction to the next saves more than another thread brings, unless
    /// contracts compute for long.
    fn default() -> Self {
        Self {
            transactions: Transactions::default(),
            modules: cache::ModuleCache::default(),
            fresh: false,
            #[cfg(feature = "std")]
            settings: crate::parallel::Settings::with(crate::Parallelism::sequential()),
        }
    }
}

impl WasmExecution {
    /// An execution that remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a new instance for every call, and uses none again: the specification of using them again, and slow.
    #[must_use]
    pub fn fresh_instances(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// How its blocks are spread over threads. Unless this is called they stay on one, which is faster for contracts that do
    /// not compute for long.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn parallelism(mut self, parallelism: crate::Parallelism) -> Self {
        self.settings.parallelism = parallelism;
        self
    }

    fn reuses(&self) -> bool {
        !self.fresh
    }
}

/// The work of a step, whatever the state.
fn work(step: &Step) -> Gas {
    Gas(match step {
        Step::Begin | Step::End => prices::EDGE_WORK,
        Step::Message(message) => match message.kind {
            MessageKind::Deposit if message.data.is_empty() => prices::CREDIT_WORK,
            MessageKind::Deposit => prices::CREDIT_WORK + SYSTEM_CALL_GAS,
            MessageKind::Transaction => declared_work(&message.data, WASM_TRANSACTION_GAS),
        },
        Step::Transaction(bytes) => declared_work(bytes, WASM_TRANSACTION_GAS),
    })
}

impl Sessions for WasmExecution {
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

    /// Instances, accounts and storage are kept from one segment to the next.
    #[cfg(feature = "std")]
    fn changes(session: &mut Session<'_>) -> Option<Vec<(StateKey, Option<Bytes>)>> {
        Some(session.take_changes())
    }
}

impl Execution for WasmExecution {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        WasmGenesis::from_json(config)?.write(state)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        bytes: &[u8],
    ) -> Result<Admission, Rejection> {
        Session::open(self, state, block).admit(bytes)
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
        prices::segment()
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
