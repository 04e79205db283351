//! What tests of executions of Ethereum's transactions share: signers, transactions, and blocks of any kind that on many
//! threads must be their folds.

use alloc::{boxed::Box, format, string::String, vec::Vec};

use alloy_consensus::{SignableTransaction, Signed, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use plasma_core::{
    BlockContext, BlockOutcome, ChainId, Changes, Execution, InboxMessage, MemoryState,
    MessageKind, Seconds, Signer, StateRead, Step, fold_block, fold_segments,
};
use proptest::prelude::*;

use super::Envelope;
use crate::{MemoryConfig, MemoryStore, Parallelism, Store};

pub(crate) const CHAIN: ChainId = ChainId(77);
pub(crate) const GWEI: u128 = 1_000_000_000;

pub(crate) fn ether(count: u64) -> U256 {
    U256::from(count) * U256::from(10_u64.pow(18))
}

/// The signer of this number; at genesis the first ten have 1,000 XPL each.
pub(crate) fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::with_last_byte(number + 1)).expect("a valid scalar")
}

pub(crate) fn user(number: u8) -> Address {
    signer(number).address()
}

pub(crate) fn sign<T: SignableTransaction<alloy_primitives::Signature>>(
    number: u8,
    transaction: T,
) -> Bytes
where
    Envelope: From<Signed<T>>,
{
    let signature = signer(number).sign(transaction.signature_hash());
    let signature =
        alloy_primitives::Signature::new(signature.r.into(), signature.s.into(), signature.v == 28);
    Envelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// A transaction of EIP-1559 with plenty of everything.
pub(crate) fn ordinary(nonce: u64, to: TxKind, value: U256, input: impl Into<Bytes>) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN.0,
        nonce,
        gas_limit: 3_000_000,
        max_fee_per_gas: 100 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to,
        value,
        access_list: Vec::new().into(),
        input: input.into(),
    }
}

pub(crate) fn deposit(index: u64, asset: Address, to: Address, amount: U256, data: &[u8]) -> Step {
    Step::Message(InboxMessage {
        kind: MessageKind::Deposit,
        index,
        sender: Address::repeat_byte(0x5e),
        to,
        asset,
        amount,
        timestamp: Seconds(1),
        deadline: Seconds(2),
        data: data.to_vec().into(),
    })
}

pub(crate) fn forced(index: u64, transaction: &[u8]) -> Step {
    let Step::Message(message) =
        deposit(index, Address::ZERO, Address::ZERO, U256::ZERO, transaction)
    else {
        unreachable!("a deposit is a message")
    };
    Step::Message(InboxMessage {
        kind: MessageKind::Transaction,
        ..message
    })
}

/// Somebody who is not there yet.
pub(crate) fn stranger(n: u64) -> Address {
    Address::left_padding_from(&(n + 1_000_000).to_be_bytes())
}

pub(crate) fn words(one: u64, other: u64) -> Vec<u8> {
    [one, other]
        .map(|word| U256::from(word).to_be_bytes::<32>())
        .concat()
}

/// From whom, to whom, how much, and with what.
pub(crate) type Sent = (u8, TxKind, U256, Vec<u8>);

/// What the transactions of a block do, each by its number.
pub(crate) type Case = (&'static str, fn(&World, u64) -> Sent);

/// A chain with contracts for trouble; the last of the ten proposes its blocks.
pub(crate) struct World {
    pub(crate) state: MemoryState,
    pub(crate) block: BlockContext,
    pub(crate) contracts: Vec<Address>,
    pub(crate) nonces: [u64; 10],
    /// The execution as it specifies itself.
    pub(crate) plain: Box<dyn Execution>,
    pub(crate) on: fn(Parallelism) -> Box<dyn Execution>,
}

impl World {
    const THREADS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    pub(crate) fn at(&self, contract: usize) -> TxKind {
        TxKind::Call(self.contracts[contract])
    }

    pub(crate) fn fold(&self, base: &dyn StateRead, steps: &[Step]) -> BlockOutcome {
        let apply = |state: &mut dyn plasma_core::State, step: &Step| {
            self.plain.apply(state, &self.block, step)
        };
        fold_block(apply, base, steps)
    }

    /// On every number of threads a block, whole or in segments, is its fold.
    pub(crate) fn check(&self, steps: &[Step]) -> BlockOutcome {
        let (base, block) = (&self.state, &self.block);
        let whole = self.fold(base, steps);
        let segments = fold_segments(
            self.plain.segment_gas(),
            |state, step| self.plain.work(state, step),
            |state, steps| self.fold(state, steps),
            base,
            steps,
        );
        let transactions: Vec<Bytes> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Transaction(bytes) => Some(bytes.clone()),
                _ => None,
            })
            .collect();
        let always = Self::THREADS.map(Parallelism::always);
        let others = [Parallelism::default(), Parallelism::sequential()];
        for parallelism in always.into_iter().chain(others) {
            let execution = (self.on)(parallelism);
            let outcome = execution.apply_block(base, block, steps);
            assert_eq!(outcome, whole, "{parallelism:?}");
            let outcome = execution.apply_segments(base, block, steps);
            assert_eq!(outcome, segments, "{parallelism:?} in segments");
            execution.prepare(&transactions);
            let outcome = execution.apply_block(base, block, steps);
            assert_eq!(outcome, whole, "{parallelism:?}, read before");
        }
        whole
    }

    /// A block of so many transactions.
    pub(crate) fn block(&self, count: u64, of: &dyn Fn(&Self, u64) -> Sent) -> Vec<Step> {
        let mut nonces = self.nonces;
        block((0..count).map(|n| {
            let (from, to, value, input) = of(self, n);
            let nonce = nonces[usize::from(from)];
            nonces[usize::from(from)] += 1;
            let transaction = TxEip1559 {
                gas_limit: 300_000,
                ..ordinary(nonce, to, value, input)
            };
            Step::Transaction(sign(from, transaction))
        }))
    }

    /// A block of each kind is its fold, whether or not there is room for all of it.
    pub(crate) fn check_cases(new: fn(u64) -> Self, cases: &[Case]) {
        for gas_limit in [100_000_000, 3_000_000] {
            let world = new(gas_limit);
            for (what, of) in cases {
                std::println!("{what}, {gas_limit}");
                let outcome = world.check(&world.block(80, of));
                let receipts = outcome.receipts.iter();
                let paid = receipts.filter(|receipt| receipt.gas_used.0 > 0);
                assert!(paid.count() >= 9, "{what}: {:?}", outcome.receipts[1]);
            }
        }
    }

    /// Whatever the threads, the caches and the store, a block has one root.
    pub(crate) fn check_roots(&self, steps: &[Step]) {
        let first = self.state.entries().iter();
        let first = first
            .map(|(key, value)| (*key, Some(value.clone())))
            .collect();
        let mut roots = Vec::new();
        for (name, store, _directory) in stores() {
            store.commit(0, &first).expect("it is taken");
            let view = store.view(0).expect("it is kept");
            for threads in Self::THREADS {
                let execution = (self.on)(Parallelism::always(threads));
                let segments = execution.apply_segments(&*view, &self.block, steps);
                let changes: Vec<Changes> = segments
                    .into_iter()
                    .map(|(_, outcome)| outcome.changes)
                    .collect();
                let of_segments = store.commit_segments(1, &changes).expect("they are taken");
                store.rollback(0).expect("it is kept");
                let outcome = execution.apply_block(&*view, &self.block, steps);
                let whole = store.preview(&outcome.changes).expect("a root");
                assert_eq!(of_segments.last(), Some(&whole), "{name}");
                roots.push((name.clone(), threads, of_segments));
            }
        }
        let (_, _, expected) = roots[0].clone();
        for (name, threads, of_segments) in roots {
            assert_eq!(of_segments, expected, "{name}, executed on {threads}");
        }
    }
}

pub(crate) fn block(transactions: impl IntoIterator<Item = Step>) -> Vec<Step> {
    core::iter::once(Step::Begin)
        .chain(transactions)
        .chain([Step::End])
        .collect()
}

/// Stores of every kind, with threads and caches of several sizes; the directories are theirs.
fn stores() -> Vec<(String, Box<dyn Store>, Option<tempfile::TempDir>)> {
    let mut stores: Vec<(String, Box<dyn Store>, _)> = Vec::new();
    for threads in [1, 2, 5] {
        let directory = tempfile::tempdir().expect("a directory");
        let config = MemoryConfig {
            threads,
            directory: (threads > 1).then(|| directory.path().to_owned()),
            ..MemoryConfig::default()
        };
        let store = MemoryStore::open(config).expect("a store");
        let name = format!("in memory, {threads} threads");
        stores.push((name, Box::new(store), Some(directory)));
    }
    #[cfg(feature = "nomt")]
    for (cache_mib, threads) in [(1, 1), (64, 3)] {
        let directory = tempfile::tempdir().expect("a directory");
        let config = crate::NomtConfig {
            pages: 4096,
            cache_mib,
            threads,
            ..crate::NomtConfig::new(directory.path())
        };
        match crate::NomtStore::open(config) {
            Ok(store) => {
                let name = format!("NOMT, {cache_mib} MiB, {threads} threads");
                stores.push((name, Box::new(store), Some(directory)));
            }
            Err(error) => assert!(
                matches!(error, crate::StoreError::Unsupported { .. }),
                "{error}"
            ),
        }
    }
    stores
}

/// What somebody might do: numbers for a chain's tests to make something of.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) kind: u8,
    pub(crate) from: u8,
    whom: u8,
    pub(crate) one: u64,
    pub(crate) other: u64,
    /// How far the nonce is off.
    pub(crate) off: u8,
    how: u8,
}

pub(crate) fn any_action() -> impl Strategy<Value = Action> {
    (
        0..20_u8,
        0..10_u8,
        0..12_u8,
        0..5_u64,
        0..4_u64,
        0..16_u8,
        0..14_u8,
    )
        .prop_map(|(kind, from, whom, one, other, off, how)| Action {
            kind,
            from,
            whom,
            one,
            other,
            off,
            how,
        })
}

impl Action {
    /// One of the ten, or a stranger.
    pub(crate) fn whom(&self) -> Address {
        if self.whom < 10 {
            user(self.whom)
        } else {
            stranger(self.whom.into())
        }
    }

    /// Nothing, a little, or more than anybody has twice.
    pub(crate) fn value(&self) -> U256 {
        match self.one {
            0 => U256::ZERO,
            1 => ether(600),
            _ => U256::from(self.other),
        }
    }
}

impl World {
    /// A block of what everybody does: `of` makes a signed transaction of it, with this nonce.
    pub(crate) fn block_of(
        &self,
        actions: &[Action],
        of: impl Fn(&Self, &Action, u64) -> Bytes,
    ) -> Vec<Step> {
        let mut nonces = self.nonces;
        block(actions.iter().map(|action| {
            let nonce = &mut nonces[usize::from(action.from)];
            *nonce += 1;
            let nonce = (*nonce - 1).wrapping_add(match action.off {
                0 => 1,
                1 => u64::MAX,
                _ => 0,
            });
            let bytes = of(self, action, nonce);
            match action.how {
                0 => forced(action.one, &bytes),
                1 => {
                    let amount = U256::from(action.other);
                    deposit(action.one, Address::ZERO, action.whom(), amount, &bytes)
                }
                2 => Step::Transaction(Bytes::copy_from_slice(&bytes[1..])),
                _ => Step::Transaction(bytes),
            }
        }))
    }
}
