//! The engine with an execution of a few lines, under all that can go wrong.

use alloc::{format, vec, vec::Vec};

use alloy_primitives::{Bytes, U256};
use plasma_core::{
    BlockOutcome, Gas, MemoryState, Overlay, Receipt, State, StateKey, StateRead, Status, Step,
    decode, encode, fold_block, fold_segments, segment_ends, sha256,
};
use proptest::prelude::*;

use super::{
    Attempt, Executor, Parallelism, Settings, Spread, Tally, View, Write, apply_block,
    piece_by_piece,
};

const MARKET: StateKey = StateKey::repeat_byte(0x33);
const THREADS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// What a transaction does, one byte for what and two for where.
const COPY: u8 = 0;
const BUMP: u8 = 1;
const REMOVE: u8 = 2;
const LOOK: u8 = 3;
const UNDO: u8 = 4;
const COMPARE: u8 = 5;

fn key(number: u8) -> StateKey {
    sha256(&[number])
}

fn number(state: &dyn StateRead, at: u8) -> u64 {
    state
        .get(&key(at))
        .map_or(0, |bytes| decode(&bytes, 8).expect("a number"))
}

/// Gas used, gas limit, tips.
type Market = (u64, u64, u64);

fn market(state: &dyn StateRead) -> Market {
    let bytes = state.get(&MARKET).expect("there is a market");
    decode(&bytes, 24).expect("a market")
}

/// Does a transaction; gives also the room that it asks for.
fn apply(state: &mut dyn State, bytes: &[u8]) -> (Receipt, u64) {
    let mut market = market(state);
    let wanted = 10 * bytes.len() as u64;
    let left = market.1.saturating_sub(market.0);
    if wanted > left {
        return (Receipt::invalid(format!("{wanted} of {left}")), wanted);
    }
    let mark = state.mark();
    let mut receipt = Receipt::default();
    let mut seen = Vec::new();
    for op in bytes.chunks_exact(3) {
        let [kind, a, b] = [op[0], op[1], op[2]];
        receipt.gas_used.0 += 7;
        match kind {
            COPY => {
                let value = number(state, b).wrapping_mul(31) + 1;
                seen.push(value);
                state.set(key(a), Some(encode(&value).into()));
            }
            BUMP => {
                let value = number(state, a) + u64::from(b);
                state.set(key(a), Some(encode(&value).into()));
            }
            REMOVE => state.set(key(a), None),
            LOOK => {
                let (used, _, tips) = self::market(state);
                seen.extend([used, tips]);
            }
            COMPARE => {
                // Holds wherever the fold comes; a guess that mixes states may find it broken.
                let (left, right) = (number(state, a), number(state, a ^ 0x80));
                assert_eq!(left, right, "only a guess sees this");
                for at in [a, a ^ 0x80] {
                    state.set(key(at), Some(encode(&(left + 1)).into()));
                }
            }
            _ => {
                state.revert(mark);
                receipt.status = Status::Reverted;
                break;
            }
        }
    }
    receipt.output = encode(&seen).into();
    market.0 += receipt.gas_used.0;
    market.2 += 2 * receipt.gas_used.0;
    state.set(MARKET, Some(encode(&market).into()));
    (receipt, wanted)
}

fn step(state: &mut dyn State, step: &Step) -> Receipt {
    match step {
        Step::Transaction(bytes) => apply(state, bytes).0,
        Step::Begin => {
            let (_, limit, tips) = market(state);
            state.set(MARKET, Some(encode(&(0_u64, limit, tips)).into()));
            Receipt::default()
        }
        _ => Receipt {
            gas_used: Gas(number(state, 0)),
            ..Receipt::default()
        },
    }
}

fn fold(base: &dyn StateRead, steps: &[Step]) -> BlockOutcome {
    fold_block(step, base, steps)
}

struct Toy {
    market: Market,
}

impl Executor for Toy {
    type Worker<'v> = Overlay<'v>;

    fn tallied(&self) -> &[StateKey] {
        &[MARKET]
    }

    fn add(&self, values: &mut [Option<Bytes>], tally: &Tally) {
        let bytes = values[0].take().expect("there is a market");
        let mut market: Market = decode(&bytes, 24).expect("a market");
        market.0 += tally.gas;
        market.2 += tally.tips.to::<u64>();
        values[0] = Some(encode(&market).into());
    }

    fn room(&self) -> u64 {
        self.market.1.saturating_sub(self.market.0)
    }

    fn worker<'v>(&'v self, view: &'v View<'v>) -> Overlay<'v> {
        Overlay::new(view)
    }

    fn attempt<'v>(&self, overlay: &mut Overlay<'v>, view: &'v View<'v>, bytes: &Bytes) -> Attempt {
        let before = view.tallied_reads();
        let (receipt, gas_wanted) = apply(overlay, bytes);
        overlay.settle();
        let now = overlay.withdraw(&MARKET).flatten();
        let now: Market = now.map_or(self.market, |bytes| decode(&bytes, 24).expect("a market"));
        Attempt {
            receipt,
            tally: Tally {
                gas: now.0 - self.market.0,
                burned: U256::ZERO,
                tips: U256::from(now.2 - self.market.2),
            },
            gas_wanted,
            inexact: view.tallied_reads() > before + 1,
        }
    }

    fn writes<'v>(&self, overlay: &mut Overlay<'v>, view: &'v View<'v>) -> Vec<Write> {
        let written = core::mem::replace(overlay, Overlay::new(view));
        written.into_changes().into_iter().collect()
    }

    fn exactly(
        &self,
        state: &dyn StateRead,
        transactions: &[&Bytes],
    ) -> (Vec<Receipt>, Vec<Write>) {
        let mut overlay = Overlay::new(state);
        let receipts = transactions
            .iter()
            .map(|bytes| apply(&mut overlay, bytes).0);
        let receipts = receipts.collect();
        (receipts, overlay.into_changes().into_iter().collect())
    }
}

fn work(step: &Step) -> u64 {
    match step {
        Step::Transaction(bytes) => bytes.len() as u64,
        _ => 5,
    }
}

fn spread(
    parallelism: Parallelism,
    base: &dyn StateRead,
    steps: &[Step],
    ends: &[usize],
) -> Vec<BlockOutcome> {
    spread_by(piece_by_piece(fold), parallelism, base, steps, ends)
}

/// The fold, piece by piece, on a state that takes what each changed.
fn keeping(
    base: &dyn StateRead,
    steps: &[Step],
    mut start: usize,
    ends: &[usize],
) -> Vec<BlockOutcome> {
    let mut state = Overlay::new(base);
    let mut outcomes = Vec::new();
    for end in ends {
        let outcome = fold(&state, &steps[start..*end]);
        for (key, value) in &outcome.changes {
            state.set(*key, value.clone());
        }
        outcomes.push(outcome);
        start = *end;
    }
    outcomes
}

fn spread_by(
    fold: impl Fn(&dyn StateRead, &[Step], usize, &[usize]) -> Vec<BlockOutcome>,
    parallelism: Parallelism,
    base: &dyn StateRead,
    steps: &[Step],
    ends: &[usize],
) -> Vec<BlockOutcome> {
    let settings = Settings::eager(parallelism);
    let spread = Spread {
        settings: &settings,
        fold,
        work,
        open: |state: &dyn StateRead| {
            Some(Toy {
                market: market(state),
            })
        },
    };
    apply_block(&spread, base, steps, ends)
}

fn base(limit: u64) -> MemoryState {
    let mut base = MemoryState::default();
    base.set(MARKET, Some(encode(&(90_u64, limit, 3_u64)).into()));
    for at in 0..40 {
        base.set(key(at), Some(encode(&1_000_u64).into()));
        base.set(key(at ^ 0x80), Some(encode(&1_000_u64).into()));
    }
    base
}

/// On every number of threads and cut anywhere, the block is its fold.
fn check(base: &MemoryState, steps: &[Step], segment_gas: u64) {
    let whole = fold(base, steps);
    let ends = segment_ends(Gas(segment_gas), steps.iter().map(|step| Gas(work(step))));
    let segments = fold_segments(
        Gas(segment_gas),
        |_, step| Gas(work(step)),
        fold,
        base,
        steps,
    );
    for threads in THREADS {
        for parallelism in [Parallelism::always(threads), Parallelism::up_to(threads)] {
            let outcome = spread(parallelism, base, steps, &[steps.len()]);
            assert_eq!(outcome, core::slice::from_ref(&whole), "{parallelism:?}");
            let outcomes = spread(parallelism, base, steps, &ends);
            assert_eq!(
                spread_by(keeping, parallelism, base, steps, &ends),
                outcomes,
                "{parallelism:?}, by a fold that goes on"
            );
            let got: Vec<_> = ends.iter().copied().zip(outcomes).collect();
            assert_eq!(got, segments, "{parallelism:?} in segments");
        }
    }
}

fn any_block() -> impl Strategy<Value = (Vec<Step>, u64, u64)> {
    // How many keys there are says how much conflicts.
    let keys = prop_oneof![Just(1_u8), Just(3), Just(40)];
    keys.prop_flat_map(|keys| {
        let op = (0_u8..5, 0..keys, 0..keys).prop_map(|(kind, a, b)| [kind, a, b]);
        let quiet = (0_u8..3, 0..keys, 0..keys).prop_map(|(kind, a, b)| [kind, a, b]);
        let op = prop_oneof![6 => quiet, 1 => op];
        let transaction =
            prop::collection::vec(op, 0..5).prop_map(|ops| Step::Transaction(ops.concat().into()));
        let step = prop_oneof![30 => transaction, 1 => Just(Step::End), 1 => Just(Step::Begin)];
        let limit = prop_oneof![Just(1_000_000_u64), 100..4_000_u64];
        (prop::collection::vec(step, 0..150), limit, 20..2_000_u64)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_block_is_its_fold((steps, limit, segment_gas) in any_block()) {
        check(&base(limit), &steps, segment_gas);
    }
}

fn transactions(of: impl Fn(u8) -> Vec<u8>) -> Vec<Step> {
    let transactions = (0..400_u32).map(|n| Step::Transaction(of((n % 251) as u8).into()));
    core::iter::once(Step::Begin)
        .chain(transactions)
        .chain([Step::End])
        .collect()
}

#[test]
fn blocks_of_one_kind_are_their_folds() {
    let cases: [(&str, Vec<Step>); 7] = [
        ("nothing conflicts", transactions(|n| vec![BUMP, n % 40, 1])),
        ("all conflict", transactions(|_| vec![COPY, 0, 0])),
        (
            "each depends on the last",
            transactions(|n| vec![COPY, n % 40, (n % 40 + 39) % 40]),
        ),
        (
            "all look",
            transactions(|n| vec![LOOK, 0, 0, BUMP, n % 40, 1]),
        ),
        (
            "all are undone",
            transactions(|n| vec![BUMP, n % 40, 1, UNDO, 0, 0]),
        ),
        (
            "there and back",
            transactions(|n| vec![BUMP, 0, n % 2, REMOVE, 1, 0]),
        ),
        ("nothing is done", transactions(|_| vec![])),
    ];
    for (what, steps) in cases {
        for (limit, segment_gas) in [(u64::MAX, 100), (u64::MAX, 1_000_000), (1_500, 77)] {
            std::println!("{what}, limit {limit}, segments of {segment_gas}");
            check(&base(limit), &steps, segment_gas);
        }
    }
}

#[test]
fn whatever_way_a_block_takes_it_comes_to_its_fold() {
    let base = base(u64::MAX);
    let settings = Settings::with(Parallelism::up_to(3));
    let spread = Spread {
        settings: &settings,
        fold: keeping,
        work: |_: &Step| 100_000,
        open: |state: &dyn StateRead| {
            Some(Toy {
                market: market(state),
            })
        },
    };
    let kinds = [
        transactions(|n| vec![BUMP, n % 40, 1, COPY, n % 40, n % 40]),
        transactions(|n| vec![COPY, n % 3, (n + 1) % 3]),
    ];
    for steps in &kinds {
        for segment in [1, 3, 50, 399, 402] {
            let ends: Vec<usize> = (1..steps.len()).filter(|at| at % segment == 0).collect();
            let ends = [&ends[..], &[steps.len()]].concat();
            let mut state = base.clone();
            let mut folded = Vec::new();
            let mut start = 0;
            for end in &ends {
                let outcome = fold(&state, &steps[start..*end]);
                state.apply(&outcome.changes);
                folded.push(outcome);
                start = *end;
            }
            for _ in 0..20 {
                assert_eq!(apply_block(&spread, &base, steps, &ends), folded);
            }
        }
    }
}

#[test]
fn a_guess_that_panics_is_done_over() {
    // Twins are changed together; who sees one changed and not the other panics. Nothing of it may show.
    let steps = transactions(|n| vec![COMPARE, n % 3, 0]);
    for _ in 0..5 {
        check(&base(u64::MAX), &steps, 500);
    }
}

#[test]
fn a_panic_of_the_fold_is_one_of_the_engine() {
    let mut base = base(u64::MAX);
    base.set(key(7), None);
    let steps = transactions(|n| {
        if n == 200 {
            vec![COMPARE, 7, 0]
        } else {
            vec![BUMP, n % 5, 1]
        }
    });
    let ends = [steps.len()];
    let panics =
        |work: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err();
    assert!(panics(&|| drop(fold(&base, &steps))));
    for threads in THREADS {
        let parallelism = Parallelism::always(threads);
        assert!(panics(&|| drop(spread(parallelism, &base, &steps, &ends))));
    }
}

#[test]
fn what_does_not_conflict_is_run_once_and_what_looks_exactly() {
    let base = base(u64::MAX);
    let counts = |of: &dyn Fn(u8) -> Vec<u8>, threads: usize, ends: &[usize]| {
        let bytes: Vec<Bytes> = (0..200).map(|n| of(n).into()).collect();
        let transactions: Vec<&Bytes> = bytes.iter().collect();
        let toy = Toy {
            market: market(&base),
        };
        let parallelism = Parallelism::always(threads);
        let outcome = super::engine::run(&toy, &base, &transactions, ends, parallelism);
        assert_eq!(outcome.receipts.len(), 200);
        assert_eq!(outcome.pieces.len(), ends.len());
        (outcome.repaired, outcome.exact)
    };
    let apart = |n| vec![BUMP, n, 1];
    let looks = |n| {
        if n % 10 == 0 {
            vec![LOOK, 0, 0]
        } else {
            vec![BUMP, n, 1]
        }
    };
    for threads in THREADS {
        assert_eq!(counts(&apart, threads, &[50, 51, 200]), (0, 0));
        // Those of the same stretch are run exactly, too; but stretches become shorter with each that has one.
        let (repaired, exact) = counts(&looks, threads, &[200]);
        assert!(repaired == 0 && (20..60).contains(&exact), "{exact} of 20");
    }
    // On one thread no guess is wrong.
    assert_eq!(counts(&|_| vec![COPY, 0, 0], 1, &[200]), (0, 0));
}

#[test]
fn what_notes_its_reads_is_folded() {
    let base = base(u64::MAX);
    let steps = transactions(|n| vec![COPY, n % 3, (n + 1) % 3]);
    let (one, other) = (
        plasma_core::Recorder::new(&base),
        plasma_core::Recorder::new(&base),
    );
    let folded = fold(&one, &steps);
    let outcome = spread(Parallelism::always(4), &other, &steps, &[steps.len()]);
    assert_eq!(outcome, [folded]);
    assert_eq!(one.keys(), other.keys());
}
