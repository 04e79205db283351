//! The port of execution: what does a transaction do?

use alloc::{boxed::Box, string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{Changes, State, StateKey, StateRead};
use crate::derive::drop_long_values;
use crate::{
    BlockContext, Gas, InboxMessage, Overlay, Receipt, SegmentCut, Severe, Severity,
    TransactionHash,
};

/// One step of a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Step {
    /// The block begins: fees are set, the beacon turned.
    Begin,
    /// A deposit or a forced transaction out of the root's inbox.
    Message(InboxMessage),
    /// A transaction that the sequencers ordered.
    Transaction(Bytes),
    /// The block ends.
    End,
}

/// How an account's nonces may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceRule {
    /// One after the other: only `next` can be executed, higher ones wait for it.
    Sequential {
        /// The account's next nonce.
        next: u64,
    },
    /// Any unused one in a window, in any order.
    Window {
        /// The lowest unused nonce.
        base: u64,
    },
}

/// What a mempool has to know of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Its name: [`transaction_hash`](crate::transaction_hash) of its bytes. Sequencers take it as it is.
    pub hash: TransactionHash,
    /// Who pays for it.
    pub sender: Address,
    /// Which of the sender's numbers it takes.
    pub nonce: u64,
    /// How the sender's numbers may be used.
    pub nonce_rule: NonceRule,
    /// The most that it may use.
    pub gas_limit: Gas,
    /// The most that it pays for each unit of gas, in wei.
    pub max_fee_per_gas: u128,
    /// The most of that which goes to the proposer, in wei.
    pub priority_fee_per_gas: u128,
    /// The most that it can take from the sender's XPL: value and fees, in wei.
    pub max_cost: U256,
    /// The sender's XPL now, in wei.
    pub balance: U256,
    /// The last second in which a block may include it; `None` for ever.
    pub expires_at: Option<u64>,
}

/// Why a transaction may not enter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// Not a transaction.
    #[error("malformed transaction: {0}")]
    Malformed(String),
    /// Too many bytes.
    #[error("transaction of {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Of a kind that this chain does not take.
    #[error("unsupported transaction: {0}")]
    Unsupported(String),
    /// The signature proves nothing.
    #[error("invalid signature: {0}")]
    Signature(String),
    /// The key that signed may not do this for the account.
    #[error("key {0}")]
    Key(String),
    /// Signed for another chain.
    #[error("wrong chain id {got}; this chain is {expected}, sign for it")]
    ChainId {
        /// This chain's.
        expected: u64,
        /// The transaction's; 0 for none.
        got: u64,
    },
    /// Signed for another genesis.
    #[error("signed for genesis {got}; this chain's is {expected}")]
    Genesis {
        /// This chain's.
        expected: B256,
        /// The transaction's.
        got: B256,
    },
    /// The number is used.
    #[error("nonce too low: {got} is used already; the next one of {sender} is {next}")]
    NonceTooLow {
        /// The account.
        sender: Address,
        /// The lowest unused.
        next: u64,
        /// The transaction's.
        got: u64,
    },
    /// The number is beyond the window.
    #[error("nonce too high: {got} is beyond the window of {sender}, {next} to {last}")]
    NonceTooHigh {
        /// The account.
        sender: Address,
        /// The lowest unused.
        next: u64,
        /// The highest usable.
        last: u64,
        /// The transaction's.
        got: u64,
    },
    /// Its time is over.
    #[error("expired at {expires_at}, and it is {now} (Unix seconds); sign it anew")]
    Expired {
        /// Its last second.
        expires_at: u64,
        /// The chain's time.
        now: u64,
    },
    /// The sender cannot pay for it.
    #[error(
        "insufficient funds for gas * price + value: {sender} has {balance} wei and needs {needed}"
    )]
    Funds {
        /// The account.
        sender: Address,
        /// What it has.
        balance: U256,
        /// What it may cost.
        needed: U256,
    },
    /// It offers less than the base fee.
    #[error("max fee per gas {offered} wei is less than the block base fee of {base_fee} wei")]
    FeeTooLow {
        /// Offered for each unit of gas.
        offered: u128,
        /// Asked.
        base_fee: u128,
    },
    /// It asks for more gas than it may.
    #[error("gas limit {offered} is outside {least} to {most}")]
    GasLimit {
        /// The transaction's.
        offered: u64,
        /// What it needs before it does anything.
        least: u64,
        /// What a block holds.
        most: u64,
    },
    /// There is no such module or call.
    #[error("unknown call: {0}")]
    UnknownCall(String),
}

/// What a transaction says, for those who show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionView {
    /// Its name.
    pub hash: TransactionHash,
    /// Its first byte: the EIP-2718 type, 0 for legacy.
    pub kind: u8,
    /// The account that it is by.
    pub sender: Address,
    /// Whom it calls; `None` for a creation.
    pub to: Option<Address>,
    /// Which of the sender's numbers it takes.
    pub nonce: u64,
    /// XPL that it carries, in wei.
    pub value: U256,
    /// What it calls with.
    pub input: Bytes,
    /// The most gas it may use.
    pub gas_limit: Gas,
    /// The most it pays for each unit of gas, in wei.
    pub max_fee_per_gas: u128,
    /// The most of that for the proposer, in wei.
    pub priority_fee_per_gas: u128,
    /// `r`, `s` and the parity of `y`; of another scheme its two numbers.
    pub signature: (U256, U256, bool),
    /// The address of the key that signed for the account, where that is not the account's own.
    pub key: Option<Address>,
}

/// A call that changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Who calls; zero for nobody.
    pub from: Address,
    /// Whom; `None` to create.
    pub to: Option<Address>,
    /// XPL sent along, in wei.
    pub value: U256,
    /// What with.
    pub input: Bytes,
    /// The most gas; `None` for a block's worth.
    pub gas_limit: Option<Gas>,
    /// What is offered for each unit of gas; `None` for nothing, and then no balance is asked for.
    pub gas_price: Option<u128>,
}

/// What came of a [`Call`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOutcome {
    /// Whether it succeeded; else `output` is what it reverted with.
    pub success: bool,
    /// What it returned.
    pub output: Bytes,
    /// What it used; for an estimate, the least limit with which it succeeds.
    pub gas_used: Gas,
    /// Why it failed, in words.
    pub reason: String,
}

/// What gas costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeQuote {
    /// The base fee of the next block, in wei.
    pub base_fee: u128,
    /// The gas that a block may use.
    pub gas_limit: Gas,
    /// The gas that the last block used.
    pub gas_used: Gas,
    /// The base fee of the blob market, in wei; `None` where there are no blobs.
    pub blob_base_fee: Option<u128>,
}

/// A question about state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// XPL of an account, in wei: [`Reply::Word`].
    Balance(Address),
    /// The lowest unused nonce of an account: [`Reply::Word`].
    Nonce(Address),
    /// The code of an account: [`Reply::Bytes`].
    Code(Address),
    /// A storage slot of an account: [`Reply::Word`].
    Storage(Address, U256),
    /// A call that changes nothing: [`Reply::Call`].
    Call(Call),
    /// The least gas limit with which a call succeeds: [`Reply::Call`].
    Estimate(Call),
    /// What gas costs: [`Reply::Fees`].
    Fees,
    /// Where in the trie an account, or one of its slots, is: [`Reply::Keys`].
    Keys(Address, Vec<U256>),
    /// A query of a module, by the module's name, ABI-encoded: [`Reply::Bytes`].
    Module {
        /// The module's name.
        module: String,
        /// Selector and arguments.
        input: Bytes,
    },
    /// The calls, queries and events of all modules, as JSON: [`Reply::Bytes`].
    Schema,
}

/// An answer about state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// A number.
    Word(U256),
    /// Bytes.
    Bytes(Bytes),
    /// What came of a call.
    Call(CallOutcome),
    /// What gas costs.
    Fees(FeeQuote),
    /// Keys of state: the account's own first, then one for each slot.
    Keys(Vec<B256>),
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// This execution has no such query.
    #[error("this chain's execution does not answer {0}")]
    Unsupported(String),
    /// The query is malformed.
    #[error("malformed query: {0}")]
    Malformed(String),
}

/// Why a chain cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError {
    /// The genesis configuration is not one.
    #[error("invalid genesis configuration: {0}")]
    Genesis(String),
}

impl Severe for ExecutionError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

/// What came of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockOutcome {
    /// One for each step, in order.
    pub receipts: Vec<Receipt>,
    /// All writes, in key order.
    pub changes: Changes,
}

/// Deterministic, synchronous, no I/O; the same code runs natively and in the fault-proof machine.
///
/// State, step and context in; writes and a receipt out. No clock, no randomness, no float, no thread count
/// may show in the result. Every method is total on hostile bytes.
pub trait Execution: Send + Sync {
    /// Writes the first state, from a configuration in the execution's own form (JSON for ours).
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError>;

    /// May this enter a mempool, as things stand? Cheap and read-only. `block` is the context of the block being
    /// built.
    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transaction: &[u8],
    ) -> Result<Admission, Rejection>;

    /// [`Self::admit`] of many, one answer for each in their order: signatures may be checked together, on all cores.
    fn admit_all(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[Bytes],
    ) -> Vec<Result<Admission, Rejection>> {
        self.prepare(transactions);
        let admit = |transaction: &Bytes| self.admit(state, block, transaction);
        transactions.iter().map(admit).collect()
    }

    /// One step of a block. Total: a bad one yields a failed receipt.
    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt;

    /// A whole block, possibly in parallel. Must equal [`fold_block`]; the conformance suite checks it.
    fn apply_block(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> BlockOutcome {
        fold_block(|state, step| self.apply(state, block, step), base, steps)
    }

    /// A whole block in segments, each with the number of the step after it: as [`Execution::apply_block`] makes them,
    /// one on what the other left. Must equal [`fold_segments`]; the conformance suite checks it.
    fn apply_segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> Vec<(usize, BlockOutcome)> {
        fold_segments(
            self.segment_gas(),
            |state, step| self.work(state, step),
            |state, steps| self.apply_block(state, block, steps),
            base,
            steps,
        )
    }

    /// The most gas that `step` can use in a block on this state, known before it is executed: what it declares, in
    /// units of gas or, where executions count finer, in parts of it. No less than the gas that it uses.
    ///
    /// `state` is the one at the beginning of the segment, which may be some steps of the block earlier. Cheap, for
    /// every step of every block is asked about. What it costs to find out that a step is invalid counts, too.
    /// Segments are cut by it ([`Execution::segment_gas`]); the default makes every step a segment of its own.
    fn work(&self, state: &dyn StateRead, step: &Step) -> Gas {
        let _ = (state, step);
        self.segment_gas()
    }

    /// The work that a segment may hold beyond its first step: as much as surely fits the fault-proof machine.
    fn segment_gas(&self) -> Gas {
        Gas(1 << 24)
    }

    /// Answers a question about state. `block` is the context in which calls run.
    fn query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError>;

    /// What a transaction says, whether or not it could be executed. `None` for what is no transaction.
    fn view(&self, block: &BlockContext, transaction: &[u8]) -> Option<TransactionView>;

    /// Gives ahead of time what execution will need of these transactions, such as their recovered senders.
    /// Changes no result.
    fn prepare(&self, transactions: &[Bytes]) {
        let _ = transactions;
    }
}

/// The specification of [`Execution::apply_block`]: step after step over one overlay.
pub fn fold_block(
    mut apply: impl FnMut(&mut dyn State, &Step) -> Receipt,
    base: &dyn StateRead,
    steps: &[Step],
) -> BlockOutcome {
    let mut overlay = Overlay::new(base);
    let receipts = steps.iter().map(|step| {
        let receipt = apply(&mut overlay, step);
        // A step goes back to marks of its own alone.
        overlay.settle();
        receipt
    });
    BlockOutcome {
        receipts: receipts.collect(),
        changes: overlay.into_changes(),
    }
}

/// The specification of [`Execution::apply_segments`]: a segment takes steps while their work is within the gas of
/// one, and is executed on what those before it left.
pub fn fold_segments(
    segment_gas: Gas,
    work: impl Fn(&dyn StateRead, &Step) -> Gas,
    apply_block: impl Fn(&dyn StateRead, &[Step]) -> BlockOutcome,
    base: &dyn StateRead,
    steps: &[Step],
) -> Vec<(usize, BlockOutcome)> {
    let mut segments = Vec::new();
    let mut written = Written {
        base,
        changes: Changes::new(),
    };
    let mut start = 0;
    while start < steps.len() {
        let mut cut = SegmentCut::new(segment_gas);
        let rest = steps[start..].iter();
        let end = start
            + rest
                .take_while(|step| cut.takes(work(&written, step)))
                .count();
        let mut outcome = apply_block(&written, &steps[start..end]);
        drop_long_values(&mut outcome.changes);
        if end < steps.len() {
            written.changes.extend(outcome.changes.clone());
        }
        segments.push((end, outcome));
        start = end;
    }
    segments
}

/// A state with some writes over it.
struct Written<'a> {
    base: &'a dyn StateRead,
    changes: Changes,
}

impl StateRead for Written<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        match self.changes.get(key) {
            Some(value) => value.clone(),
            None => self.base.get(key),
        }
    }

    fn reads_freely(&self) -> bool {
        self.base.reads_freely()
    }
}

impl<T: Execution + ?Sized> Execution for Box<T> {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        (**self).genesis(state, config)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        tx: &[u8],
    ) -> Result<Admission, Rejection> {
        (**self).admit(state, block, tx)
    }

    fn admit_all(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transactions: &[Bytes],
    ) -> Vec<Result<Admission, Rejection>> {
        (**self).admit_all(state, block, transactions)
    }

    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        (**self).apply(state, block, step)
    }

    fn apply_block(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> BlockOutcome {
        (**self).apply_block(base, block, steps)
    }

    fn apply_segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
    ) -> Vec<(usize, BlockOutcome)> {
        (**self).apply_segments(base, block, steps)
    }

    fn work(&self, state: &dyn StateRead, step: &Step) -> Gas {
        (**self).work(state, step)
    }

    fn segment_gas(&self) -> Gas {
        (**self).segment_gas()
    }

    fn query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        (**self).query(state, block, query)
    }

    fn view(&self, block: &BlockContext, transaction: &[u8]) -> Option<TransactionView> {
        (**self).view(block, transaction)
    }

    fn prepare(&self, transactions: &[Bytes]) {
        (**self).prepare(transactions);
    }
}
