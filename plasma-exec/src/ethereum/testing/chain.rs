//! A chain in memory, whose blocks are executed in every way that there is while they are made.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use plasma_core::{
    BlockContext, Call, CallOutcome, Execution, Height, MemoryState, Query, Receipt, Recorder,
    Reply, State, StateRead, Step, Timestamp, fold_block, keccak256,
};

use super::{CHAIN, block, ordinary, sign, user};
use crate::Parallelism;

/// Who proposes the chain's blocks.
pub(crate) const PROPOSER: Address = Address::repeat_byte(0xee);

/// An execution with contracts, as its tests make it.
pub(crate) trait Tested: Execution + Default + 'static {
    /// As it specifies itself.
    fn plain() -> Self;
    /// With its blocks on so many threads.
    fn on(parallelism: Parallelism) -> Self;
    /// Others, new ones, that must come to the same; each by what it is.
    fn others() -> Vec<(&'static str, Self)>;
}

pub(crate) struct Chain<E> {
    pub(crate) execution: E,
    pub(crate) state: MemoryState,
    /// The context of the next block.
    pub(crate) block: BlockContext,
}

impl<E: Tested> Chain<E> {
    /// A chain that begins with this configuration.
    pub(crate) fn begin(config: &[u8]) -> Self {
        let (execution, mut state) = (E::default(), MemoryState::default());
        execution
            .genesis(&mut state, config)
            .expect("a valid genesis");
        let block = BlockContext {
            chain_id: CHAIN,
            genesis: B256::repeat_byte(1),
            height: Height(1),
            parent: keccak256(b"block 0"),
            timestamp: Timestamp(1_700_000_000_500),
            proposer: PROPOSER,
        };
        Self {
            execution,
            state,
            block,
        }
    }

    /// Makes a block of these steps, between its beginning and its end; gives their receipts. Whole or step by
    /// step, in a new execution or in an old one, or in others of its kind, it must come to the same.
    pub(crate) fn block(&mut self, steps: impl IntoIterator<Item = Step>) -> Vec<Receipt> {
        let (steps, context) = (block(steps), self.block.clone());
        let whole = self.execution.apply_block(&self.state, &context, &steps);
        let plain = E::plain();
        let folded = fold_block(
            |state, step| plain.apply(state, &context, step),
            &self.state,
            &steps,
        );
        assert_eq!(whole, folded, "a block is the fold of its steps");
        for (what, other) in E::others() {
            let outcome = other.apply_block(&self.state, &context, &steps);
            assert_eq!(outcome, whole, "{what}");
        }
        // What it read is all that it needs: a witness of it serves someone who has nothing else.
        let recorder = Recorder::new(&self.state);
        self.execution.apply_block(&recorder, &context, &steps);
        let mut witness = MemoryState::default();
        for key in recorder.keys() {
            witness.set(key, self.state.get(&key));
        }
        let outcome = E::default().apply_block(&witness, &context, &steps);
        assert_eq!(outcome, whole, "by its witness alone");
        self.state.apply(&whole.changes);
        self.block = BlockContext {
            height: context.height.next(),
            parent: keccak256([&b"block"[..], &context.height.0.to_be_bytes()].concat()),
            timestamp: context.timestamp + 1_000,
            ..context
        };
        let mut receipts = whole.receipts;
        receipts.pop();
        receipts.split_off(1)
    }

    /// A block of transactions.
    pub(crate) fn transactions(&mut self, bytes: impl IntoIterator<Item = Bytes>) -> Vec<Receipt> {
        self.block(bytes.into_iter().map(Step::Transaction))
    }

    /// A block with one transaction of EIP-1559.
    pub(crate) fn send(
        &mut self,
        from: u8,
        to: TxKind,
        value: U256,
        input: impl Into<Bytes>,
    ) -> Receipt {
        let transaction = ordinary(self.nonce(user(from)), to, value, input);
        self.transactions([sign(from, transaction)]).remove(0)
    }

    pub(crate) fn call(&mut self, from: u8, to: Address, input: impl Into<Bytes>) -> Receipt {
        self.send(from, TxKind::Call(to), U256::ZERO, input)
    }

    pub(crate) fn reply(&self, query: &Query) -> Reply {
        self.execution
            .query(&self.state, &self.block, query)
            .expect("an answer")
    }

    pub(crate) fn word(&self, query: &Query) -> U256 {
        match self.reply(query) {
            Reply::Word(word) => word,
            other => panic!("{query:?} gives {other:?}"),
        }
    }

    pub(crate) fn bytes(&self, query: &Query) -> Bytes {
        match self.reply(query) {
            Reply::Bytes(bytes) => bytes,
            other => panic!("{query:?} gives {other:?}"),
        }
    }

    pub(crate) fn outcome(&self, query: &Query) -> CallOutcome {
        match self.reply(query) {
            Reply::Call(outcome) => outcome,
            other => panic!("{query:?} gives {other:?}"),
        }
    }

    pub(crate) fn ask(&self, to: Address, input: impl Into<Bytes>) -> CallOutcome {
        self.outcome(&Query::Call(Call {
            to: Some(to),
            input: input.into(),
            ..Call::default()
        }))
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.word(&Query::Balance(address))
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.word(&Query::Nonce(address)).to()
    }

    pub(crate) fn code(&self, address: Address) -> Bytes {
        self.bytes(&Query::Code(address))
    }
}
