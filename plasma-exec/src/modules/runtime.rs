//! A chain's modules, as one execution.

use alloc::{string::String, vec::Vec};

use alloy_primitives::Bytes;
use plasma_core::{
    Admission, BlockContext, Execution, ExecutionError, Gas, MessageKind, Query, QueryError,
    Receipt, Rejection, Reply, State, StateRead, Step, TransactionView,
};
use serde_json::{Value, json};

#[cfg(feature = "std")]
use super::recognise::Recognised;
use super::{
    Bank, BridgeModule, Fees, Interface, Keys, Module, View, gas,
    genesis::ModuleGenesis,
    interface::{DOMAIN_NAME, DOMAIN_VERSION},
    registry::Registry,
};
#[cfg(feature = "std")]
use crate::ethereum::Known;

/// Native Rust modules as an [`Execution`].
///
/// [`Bank`], [`Fees`], [`BridgeModule`] and [`Keys`] are always there; a chain adds its own.
///
/// ```
/// use plasma_core::{Address, BlockContext, Execution, MemoryState, Query, Reply, U256};
/// use plasma_exec::ModuleRuntime;
///
/// let runtime = ModuleRuntime::new();
/// let mut state = MemoryState::default();
/// let config = br#"{ "balances": { "0x00000000000000000000000000000000000000aa": "1000" } }"#;
/// runtime.genesis(&mut state, config)?;
///
/// let alice = Address::with_last_byte(0xaa);
/// let balance = runtime.query(&state, &BlockContext::default(), &Query::Balance(alice))?;
/// assert_eq!(balance, Reply::Word(U256::from(1_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Transactions
/// Wallets' own (legacy with a chain id, EIP-2930, EIP-1559): to a module's address a call with ABI calldata, to
/// any other address a transfer of XPL. And native calls, signed as EIP-712 typed data: see
/// [`NativeCall`](crate::NativeCall). Nonces may be used in any order within a window of
/// [`NONCE_WINDOW`](crate::NONCE_WINDOW).
///
/// # Fees
/// A wallet's transaction pays what it used at the base fee plus its tip, and gets back the rest. A native call
/// pays what it used at the base fee, never more than its `max_fee`; what that buys is also its gas limit, and
/// counts against the block, so offer what the call costs and not much more.
pub struct ModuleRuntime {
    pub(super) registry: Registry,
    /// What was decoded and whose signature was checked.
    #[cfg(feature = "std")]
    pub(super) known: Known<Recognised>,
    /// The last chain and genesis seen, for [`Execution::prepare`], which is told neither.
    #[cfg(feature = "std")]
    seen: std::sync::Mutex<Option<BlockContext>>,
    #[cfg(feature = "std")]
    pub(super) settings: crate::parallel::Settings,
}

impl Default for ModuleRuntime {
    fn default() -> Self {
        Self::new()
    }
}

impl ModuleRuntime {
    /// A chain of the modules that every chain has.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.insert(Bank);
        registry.insert(Fees);
        registry.insert(BridgeModule);
        registry.insert(Keys);
        Self {
            registry,
            #[cfg(feature = "std")]
            known: Known::default(),
            #[cfg(feature = "std")]
            seen: std::sync::Mutex::default(),
            #[cfg(feature = "std")]
            settings: crate::parallel::Settings::default(),
        }
    }

    /// Adds a module; one of the same name, even one that every chain has, gives way to it.
    #[must_use]
    pub fn module<M: Module>(mut self, module: M) -> Self {
        self.registry.insert(module);
        self
    }

    /// How its blocks are spread over threads; all cores where it pays, unless this is called.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn parallelism(mut self, parallelism: crate::Parallelism) -> Self {
        self.settings.parallelism = parallelism;
        self
    }

    /// The interfaces of the modules, in their order.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.registry.entries().iter().map(|entry| &entry.interface)
    }

    /// What clients have to know: of every module its address, its ABI, and the typed data of its calls.
    pub fn schema(&self) -> Value {
        let modules: serde_json::Map<String, Value> = self
            .interfaces()
            .map(|interface| (interface.name().into(), interface.schema()))
            .collect();
        json!({
            "domain": { "name": DOMAIN_NAME, "version": DOMAIN_VERSION },
            "transactionType": plasma_core::NATIVE_TRANSACTION_TYPE,
            "modules": modules,
        })
    }

    /// What does not hold in this state although its module says it must: the module's name and its words.
    pub fn violations(&self, state: &dyn StateRead) -> Vec<(String, String)> {
        let check = |entry: &super::registry::Entry| {
            let view = View {
                state,
                scope: entry.scope,
            };
            let wrong = entry.module.invariants(&view).err()?;
            Some((entry.interface.name().into(), wrong))
        };
        self.registry.entries().iter().filter_map(check).collect()
    }

    #[cfg(feature = "std")]
    fn remember(&self, block: &BlockContext) {
        // Whoever holds it writes the same; a memory is not worth waiting for.
        if let Ok(mut seen) = self.seen.try_lock()
            && seen
                .as_ref()
                .is_none_or(|seen| (seen.chain_id, seen.genesis) != (block.chain_id, block.genesis))
        {
            *seen = Some(block.clone());
        }
    }

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self)]
    fn remember(&self, _: &BlockContext) {}

    #[cfg(feature = "std")]
    fn remembered(&self) -> BlockContext {
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.clone().unwrap_or_default()
    }
}

impl Execution for ModuleRuntime {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        ModuleGenesis::parse(config)?.write(&self.registry, state)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transaction: &[u8],
    ) -> Result<Admission, Rejection> {
        self.remember(block);
        self.check(state, block, transaction)
            .map(|checked| checked.admission())
    }

    #[cfg(feature = "std")]
    fn admit_all(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[Bytes],
    ) -> Vec<Result<Admission, Rejection>> {
        self.remember(block);
        self.admit_many(state, block, transactions)
    }

    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        match step {
            Step::Begin => {
                self.remember(block);
                self.begin(state, block)
            }
            Step::Message(message) => self.message(state, block, message),
            Step::Transaction(bytes) => self.transaction(state, block, bytes, false),
            Step::End => self.end(state, block),
        }
    }

    #[cfg(feature = "std")]
    fn apply_block(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> plasma_core::BlockOutcome {
        self.spread(base, block, steps, &[steps.len()])
            .pop()
            .unwrap_or_default()
    }

    #[cfg(feature = "std")]
    fn apply_segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> Vec<(usize, plasma_core::BlockOutcome)> {
        // The base fee, all that work depends on, stays the same from the beginning of a block to its end.
        let work = steps.iter().map(|step| self.work(base, step));
        let ends = plasma_core::segment_ends(self.segment_gas(), work);
        let outcomes = self.spread(base, block, steps, &ends);
        ends.into_iter().zip(outcomes).collect()
    }

    fn work(&self, state: &dyn StateRead, step: &Step) -> Gas {
        Gas(match step {
            Step::Begin | Step::End => {
                let hooks = self.registry.entries().iter();
                let hooks = hooks.map(|entry| entry.module.hook_gas()).sum::<u64>();
                gas::WORK * (gas::BLOCK_EDGE + hooks)
            }
            Step::Message(message) => match message.kind {
                MessageKind::Deposit => gas::WORK * gas::MAX_DEPOSIT,
                MessageKind::Transaction => self.work_of(state, &message.data),
            },
            Step::Transaction(bytes) => self.work_of(state, bytes),
        })
    }

    fn segment_gas(&self) -> Gas {
        Gas(gas::SEGMENT)
    }

    fn query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        self.answer(state, block, query)
    }

    fn view(&self, block: &BlockContext, transaction: &[u8]) -> Option<TransactionView> {
        self.shown(block, transaction)
    }

    fn prepare(&self, transactions: &[Bytes]) {
        // Without a memory of signers there is nothing to prepare.
        #[cfg(feature = "std")]
        self.remember_signers(transactions, &self.remembered());
        #[cfg(not(feature = "std"))]
        let _ = transactions;
    }
}
