//! A block, in segments: which of its steps are worth many threads, and what comes of all together.

use alloc::{vec, vec::Vec};
use core::ops::Range;
use std::{sync::Mutex, time::Instant};

use alloy_primitives::{Bytes, map::B256Map};
use plasma_core::{BlockOutcome, Changes, StateKey, StateRead, Step};

use super::{Executor, Settings, engine, settings::Cost};

/// The work from which a run is spread, in gas: some hundred transfers. Less is done before the threads have begun.
const LEAST_WORK: u64 = 6_000_000;
/// What a step counts for at most: declared gas says little about what a transaction takes.
const MOST_WORK: u64 = 200_000;

/// A transaction with no more work than a plain transfer, in gas.
const PLAIN_WORK: u64 = 21_000;

/// What a step's work counts for where a plain transfer is done before another thread could have taken it: by itself
/// that is no reason to spread a block (`parallel.modules_transfers_ratio`).
pub(crate) fn but_for_plain(work: u64) -> u64 {
    if work <= PLAIN_WORK { 0 } else { work }
}

/// An execution, as the engine meets it.
pub(crate) struct Spread<'a, Fold, Work, Open> {
    pub(crate) settings: &'a Settings,
    /// The specification: steps one after the other, on this state, from this one on up to the first of these ends at least,
    /// and as many of them as it keeps from one to the next what it knows: what comes of each piece.
    pub(crate) fold: Fold,
    /// The work of a step.
    pub(crate) work: Work,
    /// The execution on this state, for a run of transactions; `None` where it cannot be spread.
    pub(crate) open: Open,
}

/// The segments of a block, which end where `ends` says: each as the fold makes it on the state before it.
pub(crate) fn apply_block<E, Fold, Work, Open>(
    spread: &Spread<'_, Fold, Work, Open>,
    base: &dyn StateRead,
    steps: &[Step],
    ends: &[usize],
) -> Vec<BlockOutcome>
where
    E: Executor,
    Fold: Fn(&dyn StateRead, &[Step], usize, &[usize]) -> Vec<BlockOutcome>,
    Work: Fn(&Step) -> u64,
    Open: Fn(&dyn StateRead) -> Option<E>,
{
    let mut block = Block::new(base);
    let (mut start, mut could_be_spread, mut tried) = (0, false, false);
    let began = Instant::now();
    for run in runs(steps) {
        if !spread.worthwhile(base, &steps[run.clone()]) {
            continue;
        }
        could_be_spread = true;
        if spread.settings.tries() {
            tried = true;
            block.fold(&spread.fold, steps, start..run.start, ends);
            start = block.spread(spread, steps, run, ends);
        }
    }
    if start == 0 && !ends.is_empty() {
        // Mostly all of it.
        block.segments = (spread.fold)(base, steps, 0, ends);
        block.done = ends[block.segments.len() - 1];
        start = block.done;
    }
    block.fold(&spread.fold, steps, start..steps.len(), ends);
    if could_be_spread && !tried {
        let receipts = block.segments.iter().flat_map(|segment| &segment.receipts);
        spread.settings.folded(Cost::new(began.elapsed(), receipts));
    }
    block.segments
}

/// A fold that keeps nothing from one piece to the next.
pub(crate) fn piece_by_piece(
    fold: impl Fn(&dyn StateRead, &[Step]) -> BlockOutcome,
) -> impl Fn(&dyn StateRead, &[Step], usize, &[usize]) -> Vec<BlockOutcome> {
    move |state, steps, start, ends| vec![fold(state, &steps[start..ends[0]])]
}

/// The longest runs of transactions.
fn runs(steps: &[Step]) -> Vec<Range<usize>> {
    let is_transaction = |index: usize| matches!(steps[index], Step::Transaction(_));
    let (mut runs, mut start) = (Vec::new(), 0);
    while start < steps.len() {
        let length = (start..steps.len())
            .take_while(|index| is_transaction(*index))
            .count();
        if length > 0 {
            runs.push(start..start + length);
        }
        start += length + 1;
    }
    runs
}

impl<Fold, Work: Fn(&Step) -> u64, Open> Spread<'_, Fold, Work, Open> {
    /// Whether a run is worth threads, as far as its work says.
    fn worthwhile(&self, base: &dyn StateRead, run: &[Step]) -> bool {
        let parallelism = self.settings.parallelism;
        if !base.reads_freely() {
            return false;
        }
        if !parallelism.insists() {
            if parallelism.threads() == 1 {
                return false;
            }
            let mut left = LEAST_WORK;
            return run.iter().any(|step| {
                left = left.saturating_sub((self.work)(step).min(MOST_WORK));
                left == 0
            });
        }
        true
    }
}

/// What came of a block so far.
struct Block<'a> {
    base: &'a dyn StateRead,
    /// The segments so far; the last one may not be whole.
    segments: Vec<BlockOutcome>,
    /// The writes of the first so many segments in one place, for those who read much.
    written: B256Map<Option<Bytes>>,
    gathered: usize,
    /// What one thread read from the base: what a step reads is read again when its segment's writes are compared with
    /// what was there. Where others read as well, nobody waits for it.
    read: Mutex<B256Map<Option<Bytes>>>,
    /// How many steps are done.
    done: usize,
}

impl StateRead for Block<'_> {
    fn get(&self, key: &StateKey) -> Option<Bytes> {
        let mut recent = self.segments[self.gathered..].iter().rev();
        match recent
            .find_map(|segment| segment.changes.get(key))
            .or_else(|| self.written.get(key))
        {
            Some(value) => value.clone(),
            None => self.read(key),
        }
    }

    fn reads_freely(&self) -> bool {
        self.base.reads_freely()
    }
}

impl<'a> Block<'a> {
    fn new(base: &'a dyn StateRead) -> Self {
        Self {
            base,
            segments: Vec::new(),
            written: B256Map::default(),
            gathered: 0,
            read: Mutex::default(),
            done: 0,
        }
    }

    /// The value at `key` before the block.
    fn read(&self, key: &StateKey) -> Option<Bytes> {
        let Ok(mut read) = self.read.try_lock() else {
            return self.base.get(key);
        };
        read.entry(*key)
            .or_insert_with(|| self.base.get(key))
            .clone()
    }

    /// Gathers the writes of all segments that are whole: the last one may still grow.
    fn gather(&mut self, ends: &[usize]) {
        let whole = if ends.contains(&self.done) {
            self.segments.len()
        } else {
            self.segments.len().saturating_sub(1)
        };
        for segment in &self.segments[self.gathered..whole] {
            let changes = segment.changes.iter();
            self.written
                .extend(changes.map(|(key, value)| (*key, value.clone())));
        }
        self.gathered = whole.max(self.gathered);
    }

    /// Does steps of the block one after the other.
    fn fold(
        &mut self,
        fold: &impl Fn(&dyn StateRead, &[Step], usize, &[usize]) -> Vec<BlockOutcome>,
        steps: &[Step],
        range: Range<usize>,
        ends: &[usize],
    ) {
        /// Fewer steps read less than gathering takes.
        const FEW: usize = 8;
        let first = ends.partition_point(|end| *end <= range.start);
        let inside = ends[first..].iter().copied();
        let mut pieces: Vec<usize> = inside.take_while(|end| *end < range.end).collect();
        pieces.push(range.end);
        let (mut pieces, mut start) = (&pieces[..], range.start);
        while start < range.end {
            if range.end - start > FEW {
                self.gather(ends);
            }
            let outcomes = fold(self, steps, start, pieces);
            let (done, rest) = pieces.split_at(outcomes.len());
            for outcome in outcomes {
                self.take(outcome, ends);
            }
            start = done.last().copied().unwrap_or(range.end);
            pieces = rest;
        }
    }

    /// Does a run of transactions on many threads, as far as that goes; says how far that is.
    fn spread<E, Fold, Work, Open>(
        &mut self,
        spread: &Spread<'_, Fold, Work, Open>,
        steps: &[Step],
        run: Range<usize>,
        ends: &[usize],
    ) -> usize
    where
        E: Executor,
        Fold: Fn(&dyn StateRead, &[Step], usize, &[usize]) -> Vec<BlockOutcome>,
        Open: Fn(&dyn StateRead) -> Option<E>,
    {
        let Some(executor) = (spread.open)(self) else {
            return run.start;
        };
        let transactions: Vec<&Bytes> = steps[run.clone()]
            .iter()
            .filter_map(|step| match step {
                Step::Transaction(bytes) => Some(bytes),
                _ => None,
            })
            .collect();
        let inside = ends
            .iter()
            .filter(|end| run.contains(*end) && **end > run.start);
        let mut pieces: Vec<usize> = inside.map(|end| end - run.start).collect();
        pieces.push(run.len());
        let parallelism = spread.settings.parallelism;
        let began = Instant::now();
        let outcome = engine::run(&executor, self, &transactions, &pieces, parallelism);
        let cost = Cost::new(began.elapsed(), &outcome.receipts);
        let done = outcome.receipts.len();
        let mut receipts = outcome.receipts.into_iter();
        let mut start = 0;
        for (changes, end) in outcome.pieces.into_iter().zip(pieces) {
            let length = end.min(done) - start;
            let receipts = receipts.by_ref().take(length).collect();
            start += length;
            self.take(BlockOutcome { receipts, changes }, ends);
        }
        if done < run.len() {
            spread.settings.given_up();
        } else {
            spread.settings.spread(cost);
        }
        run.start + done
    }

    /// Takes what came of the next steps, all of one segment.
    fn take(&mut self, outcome: BlockOutcome, ends: &[usize]) {
        let begins = self.done == 0 || ends.contains(&self.done);
        if begins {
            self.segments.push(BlockOutcome::default());
        }
        self.done += outcome.receipts.len();
        let (last, before) = self.segments.split_last_mut().expect("one was begun");
        if last.receipts.is_empty() {
            *last = outcome;
            return;
        }
        last.receipts.extend(outcome.receipts);
        // What was changed twice may be what it was when the segment began.
        let old = core::mem::replace(&mut last.changes, outcome.changes);
        let at_start = |key: &StateKey| {
            let written = before.iter().rev().find_map(|it| it.changes.get(key));
            written.cloned().unwrap_or_else(|| self.base.get(key))
        };
        merge(&mut last.changes, old, at_start);
    }
}

/// Brings `old` changes under newer ones.
fn merge(new: &mut Changes, old: Changes, at_start: impl Fn(&StateKey) -> Option<Bytes>) {
    for (key, value) in old {
        match new.get(&key) {
            None => {
                new.insert(key, value);
            }
            Some(newer) => {
                if *newer == at_start(&key) {
                    new.remove(&key);
                }
            }
        }
    }
}
