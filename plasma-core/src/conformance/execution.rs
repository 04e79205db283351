//! What every [`Execution`] keeps to.
//!
//! ```
//! # use plasma_core::{ChainId, Execution, Step, conformance::execution::Suite};
//! fn my_execution_conforms(execution: &dyn Execution, genesis: &[u8], blocks: &[Vec<Step>]) {
//!     let suite = Suite::new(execution, ChainId(7), genesis);
//!     suite.check(blocks);
//!     suite.check_noise(blocks, 64);
//! }
//! ```

use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    Admission, BlockContext, BlockOutcome, Call, ChainId, Execution, Height, InboxMessage,
    MAX_VALUE_LEN, MemoryState, MessageKind, Query, Receipt, Rejection, Reply, Seconds, State,
    StateRead, Status, Step, Timestamp, fold_block, fold_segments, keccak256, transaction_hash,
};

/// Places at which a block is cut in two.
const MOST_CUTS: usize = 6;
/// The longest reason in a receipt, in bytes.
const MAX_REASON_BYTES: usize = 512;

type Conserved<'a> = Box<dyn Fn(&dyn StateRead) -> Result<(), String> + 'a>;

/// The suite, for one execution and one genesis.
pub struct Suite<'a> {
    execution: &'a dyn Execution,
    genesis: Vec<u8>,
    block: BlockContext,
    conserved: Conserved<'a>,
}

impl<'a> Suite<'a> {
    /// Checks `execution` on a chain that begins with `genesis`, in the execution's own form.
    ///
    /// Transactions for it are signed for `chain_id` and, where that matters, for [`Suite::GENESIS`].
    pub fn new(execution: &'a dyn Execution, chain_id: ChainId, genesis: &[u8]) -> Self {
        let block = BlockContext {
            chain_id,
            genesis: Self::GENESIS,
            timestamp: Self::TIME.timestamp(),
            ..BlockContext::default()
        };
        Self {
            execution,
            genesis: genesis.into(),
            block,
            conserved: Box::new(|_| Ok(())),
        }
    }

    /// The genesis hash of the chain that the suite plays.
    pub const GENESIS: B256 = B256::repeat_byte(0x67);
    /// The time of that chain's genesis.
    pub const TIME: Seconds = Seconds(1_700_000_000);
    /// Who proposes its blocks.
    pub const PROPOSER: Address = Address::repeat_byte(0x70);

    /// What must hold after every step, such as that all balances add up.
    #[must_use]
    pub fn conserving(self, conserved: impl Fn(&dyn StateRead) -> Result<(), String> + 'a) -> Self {
        Self {
            conserved: Box::new(conserved),
            ..self
        }
    }

    /// The context of the block at this height.
    pub fn block(&self, height: u64) -> BlockContext {
        BlockContext {
            height: Height(height),
            parent: keccak256(height.to_be_bytes()),
            timestamp: Timestamp(self.block.timestamp.0 + height * 1_000),
            proposer: Self::PROPOSER,
            ..self.block.clone()
        }
    }

    /// The first state.
    pub fn first_state(&self) -> MemoryState {
        let mut states = [MemoryState::default(), MemoryState::default()];
        for state in &mut states {
            self.execution
                .genesis(state, &self.genesis)
                .expect("the genesis is valid");
        }
        let [state, again] = states;
        assert_eq!(state.entries(), again.entries(), "genesis is deterministic");
        self.conserve(&state, "genesis");
        state
    }

    /// Plays these blocks, each given as what stands between its begin and its end, and checks every promise of
    /// the port on the way. Gives all receipts, begin and end included. Panics with what is wrong.
    pub fn check(&self, blocks: &[Vec<Step>]) -> Vec<Vec<Receipt>> {
        let mut state = self.first_state();
        let mut receipts = Vec::with_capacity(blocks.len());
        for (height, steps) in (1..).zip(blocks) {
            let mut all = vec![Step::Begin];
            all.extend(steps.iter().cloned());
            all.push(Step::End);
            let block = self.block(height);
            let outcome = self.check_block(&state, &block, &all);
            state.apply(&outcome.changes);
            self.check_queries(&state, &block, &all);
            receipts.push(outcome.receipts);
        }
        receipts
    }

    /// As [`check`](Self::check), for many blocks out of a strategy: this many [`cases`](super::cases).
    pub fn check_strategy(&self, blocks: impl Strategy<Value = Vec<Vec<Step>>>, cases: u32) {
        // A fixed seed: a suite that fails, fails again. Failures are shrunk, and written to no file.
        let config = Config {
            cases: super::cases(cases),
            failure_persistence: None,
            ..Config::default()
        };
        let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let outcome = TestRunner::new_with_rng(config, random).run(&blocks, |blocks| {
            self.check(&blocks);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    }

    /// Plays noise, and the transactions of `blocks` with bytes changed, cut off or added: nothing panics, and
    /// all that [`check`](Self::check) checks holds.
    pub fn check_noise(&self, blocks: &[Vec<Step>], cases: u32) {
        let good: Vec<Bytes> = blocks.iter().flatten().filter_map(bytes_of).collect();
        let noise = prop::collection::vec(any::<u8>(), 0..200)
            .prop_map(Bytes::from)
            .boxed();
        let typed = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(kind, body)| [&[kind][..], &body].concat().into())
            .boxed();
        let mut sources = vec![noise, typed];
        if !good.is_empty() {
            let edits = prop::collection::vec((any::<Index>(), any::<u8>(), 0..4_u8), 1..4);
            let damaged = (prop::sample::select(good), edits);
            sources.push(
                damaged
                    .prop_map(|(bytes, edits)| damage(&bytes, &edits))
                    .boxed(),
            );
        }
        let transaction = prop::strategy::Union::new(sources);
        let steps =
            prop::collection::vec((transaction, any::<bool>()), 1..6).prop_map(|transactions| {
                let step = |(bytes, forced)| {
                    if forced {
                        force(bytes)
                    } else {
                        Step::Transaction(bytes)
                    }
                };
                vec![transactions.into_iter().map(step).collect()]
            });
        self.check_strategy(steps, cases);
    }

    fn conserve(&self, state: &dyn StateRead, when: &str) {
        if let Err(wrong) = (self.conserved)(state) {
            panic!("not conserved after {when}: {wrong}");
        }
    }

    /// A block as a whole is what its steps are one by one, however often and after whatever preparation.
    fn check_block(
        &self,
        base: &MemoryState,
        block: &BlockContext,
        steps: &[Step],
    ) -> BlockOutcome {
        let outcome = self.execution.apply_block(base, block, steps);
        assert_eq!(
            outcome.receipts.len(),
            steps.len(),
            "one receipt for each step"
        );
        let again = self.execution.apply_block(base, block, steps);
        assert_eq!(again, outcome, "the same block twice comes to the same");
        let folded = fold_block(
            |state, step| self.execution.apply(state, block, step),
            base,
            steps,
        );
        assert_eq!(folded, outcome, "a block is the fold of its steps");
        self.execution
            .prepare(&steps.iter().filter_map(bytes_of).collect::<Vec<_>>());
        let prepared = self.execution.apply_block(base, block, steps);
        assert_eq!(prepared, outcome, "preparing changes no result");
        self.check_steps(base, block, steps, &outcome);
        self.check_segments(base, block, steps, &outcome);
        outcome
    }

    /// Wherever a block is cut, its parts come to the same as the whole, and none does more work than was foretold
    /// on the state before it.
    fn check_segments(
        &self,
        base: &MemoryState,
        block: &BlockContext,
        steps: &[Step],
        outcome: &BlockOutcome,
    ) {
        let mut whole = base.clone();
        whole.apply(&outcome.changes);
        let segments = self.execution.apply_segments(base, block, steps);
        let folded = fold_segments(
            self.execution.segment_gas(),
            |state, step| self.execution.work(state, step),
            |state, steps| {
                fold_block(
                    |state, step| self.execution.apply(state, block, step),
                    state,
                    steps,
                )
            },
            base,
            steps,
        );
        assert_eq!(segments, folded, "a block in segments is their fold");
        for cut in (0..steps.len()).step_by(steps.len().div_ceil(MOST_CUTS)) {
            let (mut state, mut receipts) = (base.clone(), Vec::new());
            for part in [&steps[..cut], &steps[cut..]] {
                let outcome = self.execution.apply_block(&state, block, part);
                for (step, receipt) in part.iter().zip(&outcome.receipts) {
                    let (work, used) = (self.execution.work(&state, step), receipt.gas_used);
                    assert!(used <= work, "{used:?} used of {work:?} foretold: {step:?}");
                }
                for (key, value) in &outcome.changes {
                    let length = value.as_ref().map_or(0, |value| value.len());
                    assert!(length <= MAX_VALUE_LEN, "{length} bytes under {key}");
                }
                receipts.extend(outcome.receipts);
                state.apply(&outcome.changes);
            }
            assert_eq!(receipts, outcome.receipts, "cut before step {cut}");
            assert_eq!(state, whole, "cut before step {cut}");
        }
    }

    fn check_steps(
        &self,
        base: &MemoryState,
        block: &BlockContext,
        steps: &[Step],
        outcome: &BlockOutcome,
    ) {
        let mut state = base.clone();
        let Ok(Reply::Fees(fees)) = self.execution.query(base, block, &Query::Fees) else {
            panic!("every execution answers what gas costs");
        };
        let mut room = fees.gas_limit.0;
        for (step, expected) in steps.iter().zip(&outcome.receipts) {
            let before = state.clone();
            let admission = match step {
                Step::Transaction(bytes) => Some(self.execution.admit(&state, block, bytes)),
                _ => None,
            };
            assert_eq!(state, before, "admission only reads");

            // What is undone leaves no trace, in the state or in the execution.
            let mark = state.mark();
            let receipt = self.execution.apply(&mut state, block, step);
            state.revert(mark);
            assert_eq!(state, before, "a step that is undone is undone, {step:?}");
            assert_eq!(
                self.execution.apply(&mut state, block, step),
                receipt,
                "and comes to the same again"
            );
            assert_eq!(receipt, *expected, "and within its block");

            check_receipt(step, &receipt, state == before);
            if let (Step::Transaction(bytes), Some(admission)) = (step, admission) {
                self.check_admission(block, bytes, &admission, &receipt, room);
            }
            if receipt.status != Status::Invalid {
                self.check_replay(&state, block, step);
            }
            room = room.saturating_sub(receipt.gas_used.0);
            self.conserve(&state, &format!("{step:?}"));
        }
        let mut applied = base.clone();
        applied.apply(&outcome.changes);
        assert_eq!(
            state, applied,
            "the changes of a block are its steps' writes"
        );
    }

    /// What was admitted is executed, as what it was admitted for.
    fn check_admission(
        &self,
        block: &BlockContext,
        bytes: &Bytes,
        admission: &Result<Admission, Rejection>,
        receipt: &Receipt,
        room: u64,
    ) {
        let view = self.execution.view(block, bytes);
        match admission {
            Err(rejection) => assert!(!format!("{rejection}").is_empty(), "a rejection says why"),
            Ok(admission) => {
                assert_eq!(
                    admission.hash,
                    transaction_hash(bytes),
                    "transactions are named by their bytes"
                );
                let view = view.as_ref().expect("what is admitted can be shown");
                assert_eq!(
                    (view.hash, view.sender, view.nonce),
                    (admission.hash, admission.sender, admission.nonce),
                    "what is shown is what was admitted"
                );
                assert!(
                    admission.max_cost <= admission.balance,
                    "who is admitted can pay"
                );
                if admission.gas_limit.0 <= room {
                    let reason = &receipt.reason;
                    assert_ne!(
                        receipt.status,
                        Status::Invalid,
                        "admitted on this state, yet invalid: {reason}"
                    );
                }
                assert!(
                    receipt.gas_used <= admission.gas_limit,
                    "no more gas is used than was asked for"
                );
                assert!(
                    receipt.gas_price <= admission.max_fee_per_gas,
                    "no more is paid than was offered"
                );
            }
        }
        if receipt.status != Status::Invalid {
            assert!(view.is_some(), "what was executed can be shown");
        }
    }

    /// A transaction is executed once.
    fn check_replay(&self, state: &MemoryState, block: &BlockContext, step: &Step) {
        let Some(bytes) = bytes_of(step) else { return };
        let mut state = state.clone();
        let before = state.clone();
        assert!(
            self.execution.admit(&state, block, &bytes).is_err(),
            "what was executed is not admitted again"
        );
        for step in [Step::Transaction(bytes.clone()), force(bytes)] {
            let receipt = self.execution.apply(&mut state, block, &step);
            assert_eq!(
                receipt.status,
                Status::Invalid,
                "a transaction is executed once: {step:?}"
            );
            assert_eq!(state, before, "a replay has no effect");
        }
    }

    /// Questions have answers or errors, and leave everything as it is.
    fn check_queries(&self, state: &MemoryState, block: &BlockContext, steps: &[Step]) {
        let views = steps
            .iter()
            .filter_map(bytes_of)
            .filter_map(|bytes| self.execution.view(block, &bytes));
        let calls: Vec<Call> = views
            .map(|view| Call {
                from: view.sender,
                to: view.to,
                value: view.value,
                input: view.input,
                ..Call::default()
            })
            .chain([
                Call::default(),
                Call {
                    to: Some(Address::ZERO),
                    value: U256::MAX,
                    ..Call::default()
                },
            ])
            .collect();
        for call in calls {
            let addresses = [call.from, call.to.unwrap_or_default()];
            let mut queries: Vec<Query> = vec![
                Query::Call(call.clone()),
                Query::Estimate(call),
                Query::Schema,
            ];
            for address in addresses {
                queries.extend([
                    Query::Balance(address),
                    Query::Nonce(address),
                    Query::Code(address),
                    Query::Storage(address, U256::MAX),
                    Query::Keys(address, vec![U256::ZERO, U256::MAX]),
                ]);
            }
            queries.push(Query::Module {
                module: "no such module".into(),
                input: Bytes::new(),
            });
            for query in queries {
                let answer = self.execution.query(state, block, &query);
                assert_eq!(
                    self.execution.query(state, block, &query),
                    answer,
                    "an answer stays the same: {query:?}"
                );
                if let Query::Balance(_) | Query::Nonce(_) = query {
                    assert!(
                        matches!(answer, Ok(Reply::Word(_))),
                        "{query:?} is a number"
                    );
                }
            }
        }
    }
}

/// What a receipt says fits its status.
fn check_receipt(step: &Step, receipt: &Receipt, unchanged: bool) {
    let Receipt {
        status,
        logs,
        messages,
        reason,
        ..
    } = receipt;
    assert!(
        reason.len() <= MAX_REASON_BYTES,
        "a reason has at most {MAX_REASON_BYTES} bytes, {step:?}"
    );
    assert!(
        logs.iter().all(|log| log.topics.len() <= 4),
        "a log has at most four topics, {step:?}"
    );
    match status {
        Status::Success => {}
        Status::Reverted | Status::Invalid => {
            assert!(!reason.is_empty(), "a failure says why, {step:?}");
            assert!(
                logs.is_empty() && messages.is_empty(),
                "a failure has no effects, {step:?}"
            );
            assert_eq!(receipt.created, None, "a failure creates nothing, {step:?}");
        }
    }
    if *status == Status::Invalid {
        assert!(unchanged, "what is invalid writes nothing, {step:?}");
        assert_eq!(
            receipt.gas_used.0, 0,
            "what is invalid pays nothing, {step:?}"
        );
    }
}

fn bytes_of(step: &Step) -> Option<Bytes> {
    match step {
        Step::Transaction(bytes) => Some(bytes.clone()),
        Step::Message(message) if message.kind == MessageKind::Transaction => {
            Some(message.data.clone())
        }
        _ => None,
    }
}

/// The transaction as one that was forced through the root's inbox.
pub fn force(transaction: Bytes) -> Step {
    Step::Message(InboxMessage {
        kind: MessageKind::Transaction,
        index: 0,
        sender: Address::repeat_byte(0xf0),
        to: Address::ZERO,
        asset: Address::ZERO,
        amount: U256::ZERO,
        timestamp: Seconds(0),
        deadline: Seconds(0),
        data: transaction,
    })
}

/// A deposit out of the root's inbox.
pub fn deposit(index: u64, to: Address, asset: Address, amount: U256) -> Step {
    Step::Message(InboxMessage {
        kind: MessageKind::Deposit,
        index,
        sender: Address::repeat_byte(0xf0),
        to,
        asset,
        amount,
        timestamp: Seconds(0),
        deadline: Seconds(0),
        data: Bytes::new(),
    })
}

fn damage(bytes: &[u8], edits: &[(Index, u8, u8)]) -> Bytes {
    let mut bytes = bytes.to_vec();
    for (at, byte, kind) in edits {
        match kind {
            0 => bytes.truncate(at.index(bytes.len() + 1)),
            1 => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            2 => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << (byte % 8);
            }
            _ => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
        }
    }
    bytes.into()
}
