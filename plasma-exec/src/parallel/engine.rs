//! Workers, and the order in which what they did becomes final.

use core::{
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
};

use alloc::vec::Vec;

use alloy_primitives::Bytes;
use plasma_core::{Changes, Receipt, StateKey, StateRead};

use super::{
    Attempt, Executor, Parallelism, Tally, View, Write, each,
    memory::{Drained, Memory, Origin, Round, SHARDS},
    view::{Final, Reads},
};

/// How far workers run ahead of what is final, where two stretches for each are not more. What is guessed further away is
/// wrong more often; what is nearer leaves workers waiting when one of them is held up.
const AHEAD: usize = 128;
/// How far they run ahead at first: by so many more than are final, so that a run that is given up soon has cost little.
const AHEAD_AT_FIRST: usize = 16;
/// The longest stretch: what two stretches have in common goes on growing with them, and what is saved grows no more.
const LONGEST: usize = 16;
/// After so many stretches in a row that were not run again, they become twice as long.
const CALM: usize = 32;

/// Of how many commits the conflicts are counted, in stretches.
const WINDOW: usize = 48;
/// With more conflicts among those, the fold is faster on two cores: a run goes on there.
const MOST_REPAIRS: usize = 16;

/// What fewer transactions wrote is put in order before another thread has begun.
const FEW: usize = 2_000;

/// What came of a run.
pub(super) struct Outcome {
    /// One for each transaction that is final: all of them, or the first ones.
    pub(super) receipts: Vec<Receipt>,
    /// What changed in each piece of the run, as far as it is final.
    pub(super) pieces: Vec<Changes>,
    /// How many were run again since what they had read was no more true.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) repaired: usize,
    /// How many were run exactly.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) exact: usize,
}

/// A stretch of transactions that was run by guess, its writes already in memory.
struct Guess {
    reads: Reads,
    keys: Vec<StateKey>,
    attempts: Vec<Attempt>,
    /// Whether all before it was final when it began.
    certain: bool,
}

struct Run<'a, E> {
    executor: &'a E,
    transactions: &'a [&'a Bytes],
    /// Where the pieces of the run end.
    ends: &'a [usize],
    threads: usize,
    insists: bool,
    memory: &'a Memory<'a>,
    /// The tallied keys before the run.
    tallied: &'a [Write],
    /// Each stretch in the place of its first transaction.
    guesses: Vec<Mutex<Option<Guess>>>,
    /// The next transaction that nobody has run.
    next: AtomicUsize,
    /// How long the next stretch is.
    length: AtomicUsize,
    /// How many are final.
    done: AtomicUsize,
    stopped: AtomicBool,
    commits: Mutex<Commits>,
}

/// What is final.
struct Commits {
    receipts: Vec<Receipt>,
    /// The gas that the block has left.
    room: u64,
    /// What the tallied keys held when they were last written, and what was added since.
    values: Vec<Option<Bytes>>,
    added: Tally,
    /// What they held before the piece that is being done, and what they changed to in those before.
    before: Vec<Option<Bytes>>,
    pieces: Vec<Vec<Write>>,
    repaired: usize,
    exact: usize,
    /// Stretches.
    stretches: usize,
    /// Those among them that were run again, in all and before the current window.
    disturbed: usize,
    disturbed_before: usize,
    /// How many were not since one was, or since the last ones became longer.
    calm: usize,
}

/// Runs transactions on `base`, in pieces that end where `ends` says: the last of them is the last transaction.
pub(super) fn run<E: Executor>(
    executor: &E,
    base: &dyn StateRead,
    transactions: &[&Bytes],
    ends: &[usize],
    parallelism: Parallelism,
) -> Outcome {
    let memory = Memory::new(base);
    let keys = executor.tallied().iter();
    let tallied: Vec<Write> = keys.map(|key| (*key, base.get(key))).collect();
    let values: Vec<_> = tallied.iter().map(|(_, value)| value.clone()).collect();
    let run = Run {
        executor,
        transactions,
        ends,
        threads: parallelism.threads().min(transactions.len()),
        insists: parallelism.insists(),
        memory: &memory,
        tallied: &tallied,
        guesses: transactions.iter().map(|_| Mutex::default()).collect(),
        next: AtomicUsize::new(0),
        // Whoever insists wants to see long ones, too.
        length: AtomicUsize::new(if parallelism.insists() { LONGEST } else { 1 }),
        done: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
        commits: Mutex::new(Commits {
            receipts: Vec::with_capacity(transactions.len()),
            room: executor.room(),
            before: values.clone(),
            values,
            added: Tally::default(),
            pieces: Vec::with_capacity(ends.len()),
            repaired: 0,
            exact: 0,
            stretches: 0,
            disturbed: 0,
            disturbed_before: 0,
            calm: 0,
        }),
    };
    let threads = run.threads;
    each::on_threads(threads, &|| {
        // A guess may lead where no transaction of the fold comes: what panics is not used, and folded again.
        if catch_unwind(AssertUnwindSafe(|| run.work())).is_err() {
            run.stopped.store(true, Ordering::Release);
        }
    });
    let threads = if transactions.len() < FEW { 1 } else { threads };
    run.collect(threads)
}

/// A panic while it is held ends the run, and leaves what is final as it was.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<E: Executor> Run<'_, E> {
    fn work(&self) {
        let view = View::new(self.memory, self.tallied);
        let mut worker = self.executor.worker(&view);
        while !self.stopped.load(Ordering::Acquire) {
            self.commit(&mut worker, &view);
            if self.done.load(Ordering::Acquire) == self.transactions.len() {
                return;
            }
            match self.take() {
                Some(stretch) => self.guess(&mut worker, &view, stretch),
                None => thread::yield_now(),
            }
        }
    }

    /// The next stretch to run by guess.
    fn take(&self) -> Option<Range<usize>> {
        let done = self.done.load(Ordering::Acquire);
        let length = self.length.load(Ordering::Relaxed);
        let ahead = AHEAD.max(2 * self.threads * length);
        let ahead = ahead.min(AHEAD_AT_FIRST + done);
        let limit = self.transactions.len().min(done + ahead);
        // No stretch is in two pieces.
        let end = |next: usize| {
            let piece = self.ends.partition_point(|end| *end <= next);
            let piece = self.ends.get(piece).copied().unwrap_or(next);
            (next + length).min(piece)
        };
        let start = self
            .next
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| {
                (next < limit).then(|| end(next))
            })
            .ok()?;
        Some(start..end(start))
    }

    fn guess<'v>(&self, worker: &mut E::Worker<'v>, view: &'v View<'v>, stretch: Range<usize>) {
        let index = stretch.start;
        let certain = self.done.load(Ordering::Acquire) == index;
        let (attempts, reads, writes) = self.attempt(worker, view, stretch);
        let keys = self.memory.publish(index as u32, Round::Guess, writes, &[]);
        *held(&self.guesses[index]) = Some(Guess {
            reads,
            keys,
            attempts,
            certain,
        });
    }

    fn attempt<'v>(
        &self,
        worker: &mut E::Worker<'v>,
        view: &'v View<'v>,
        stretch: Range<usize>,
    ) -> (Vec<Attempt>, Reads, Vec<Write>) {
        view.enter(stretch.start as u32);
        let transactions = self.transactions[stretch].iter();
        let attempts = transactions.map(|bytes| self.executor.attempt(worker, view, bytes));
        let attempts = attempts.collect();
        let writes = self.executor.writes(worker, view);
        (attempts, view.reads(), writes)
    }

    /// Makes final what can be, unless somebody else is at it.
    fn commit<'v>(&self, worker: &mut E::Worker<'v>, view: &'v View<'v>) {
        let mut commits = match self.commits.try_lock() {
            Ok(commits) => commits,
            // Somebody panicked, and is about to stop the run.
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => return,
        };
        while !self.stopped.load(Ordering::Acquire) {
            let index = commits.receipts.len();
            let Some(slot) = self.guesses.get(index) else {
                return;
            };
            let Some(guess) = held(slot).take() else {
                return;
            };
            let undisturbed = self.commit_one(&mut commits, worker, view, index, guess);
            self.learn(&mut commits, undisturbed);
            if commits.receipts.len() == self.ends[commits.pieces.len()] {
                let keys = self.executor.tallied();
                let now = commits.tallied(self.executor);
                commits.end_piece(keys, now);
            }
            self.done.store(commits.receipts.len(), Ordering::Release);
            if commits.conflict_too_often() && !self.insists {
                self.stopped.store(true, Ordering::Release);
            }
        }
    }

    /// Takes note of whether a stretch stood as it was guessed: the next ones are as long as is good for them.
    fn learn(&self, commits: &mut Commits, undisturbed: bool) {
        let length = self.length.load(Ordering::Relaxed);
        commits.stretches += 1;
        commits.calm += 1;
        let next = if !undisturbed {
            commits.disturbed += 1;
            (length / 2).max(1)
        } else if commits.calm >= CALM {
            (2 * length).min(LONGEST)
        } else {
            return;
        };
        commits.calm = 0;
        self.length.store(next, Ordering::Relaxed);
    }

    /// Says whether the guess was right.
    fn commit_one<'v>(
        &self,
        commits: &mut Commits,
        worker: &mut E::Worker<'v>,
        view: &'v View<'v>,
        index: usize,
        guess: Guess,
    ) -> bool {
        let at = index as u32;
        let Guess {
            reads,
            mut keys,
            mut attempts,
            certain,
        } = guess;
        let stretch = index..index + attempts.len();
        let stands = |(key, origin): &(StateKey, Origin)| self.memory.origin(key, at) == *origin;
        let right = certain || reads.iter().all(stands);
        if !right {
            let writes;
            (attempts, _, writes) = self.attempt(worker, view, stretch.clone());
            keys = self.memory.publish(at, Round::Repair, writes, &keys);
            commits.repaired += attempts.len();
        }
        if !commits.have_room(&attempts) || attempts.iter().any(|attempt| attempt.inexact) {
            self.commit_exactly(commits, stretch, &keys);
            return false;
        }
        for attempt in attempts {
            commits.added = commits.added.plus(attempt.tally);
            commits.push(attempt.receipt);
        }
        right
    }

    /// Runs transactions that must know what the tallied keys hold, or write them.
    fn commit_exactly(&self, commits: &mut Commits, stretch: Range<usize>, keys: &[StateKey]) {
        let index = stretch.start as u32;
        let tallied = self.executor.tallied();
        let values = commits.tallied(self.executor);
        let state = Final {
            memory: self.memory,
            index,
            tallied: tallied.iter().copied().zip(values.clone()).collect(),
        };
        let (receipts, writes) = self.executor.exactly(&state, &self.transactions[stretch]);
        (commits.values, commits.added) = (values, Tally::default());
        let mut others = Vec::with_capacity(writes.len());
        for (key, value) in writes {
            match tallied.iter().position(|tallied| *tallied == key) {
                Some(place) => commits.values[place] = value,
                None => others.push((key, value)),
            }
        }
        self.memory.publish(index, Round::Exact, others, keys);
        commits.exact += receipts.len();
        for receipt in receipts {
            commits.push(receipt);
        }
    }

    /// The ends of the pieces, as far as they are final.
    fn final_ends(&self) -> Vec<usize> {
        let done = held(&self.commits).receipts.len();
        let mut ends: Vec<usize> = self
            .ends
            .iter()
            .copied()
            .filter(|end| *end <= done)
            .collect();
        if ends.last().copied().unwrap_or_default() < done {
            ends.push(done);
        }
        ends
    }

    /// Puts together what is final.
    fn collect(self, threads: usize) -> Outcome {
        let ends = self.final_ends();
        let keys = self.executor.tallied();
        let mut commits = self
            .commits
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if commits.pieces.len() < ends.len() {
            let now = commits.tallied(self.executor);
            commits.end_piece(keys, now);
        }
        let shards: Vec<Mutex<Drained>> = (0..SHARDS).map(|_| Mutex::default()).collect();
        each::number(threads, SHARDS, |shard| {
            *held(&shards[shard]) = self.memory.drain(shard, &ends);
        });
        // The shards are in the order of their keys, so what becomes a tree is sorted but for the tallied keys.
        let pieces = commits.pieces.into_iter();
        let pieces: Vec<Mutex<Changes>> = pieces
            .map(|tallied| Mutex::new(tallied.into_iter().collect()))
            .collect();
        each::number(threads, pieces.len(), |piece| {
            let mut writes = Vec::new();
            for shard in &shards {
                writes.extend(held(shard).take(piece));
            }
            let mut changes: Changes = writes.into_iter().collect();
            let mut slot = held(&pieces[piece]);
            changes.extend(core::mem::take(&mut *slot));
            *slot = changes;
        });
        let pieces = pieces.into_iter();
        Outcome {
            receipts: commits.receipts,
            pieces: pieces
                .map(|piece| piece.into_inner().unwrap_or_else(PoisonError::into_inner))
                .collect(),
            repaired: commits.repaired,
            exact: commits.exact,
        }
    }
}

impl Commits {
    /// Whether the block has room for these, one after the other.
    fn have_room(&self, attempts: &[Attempt]) -> bool {
        let mut room = self.room;
        attempts.iter().all(|attempt| {
            let fits = attempt.gas_wanted <= room;
            room = room.saturating_sub(attempt.receipt.gas_used.0);
            fits
        })
    }

    fn push(&mut self, receipt: Receipt) {
        self.room = self.room.saturating_sub(receipt.gas_used.0);
        self.receipts.push(receipt);
    }

    /// What the tallied keys hold.
    fn tallied(&self, executor: &impl Executor) -> Vec<Option<Bytes>> {
        let mut values = self.values.clone();
        executor.add(&mut values, &self.added);
        values
    }

    fn end_piece(&mut self, keys: &[StateKey], now: Vec<Option<Bytes>>) {
        let all = keys.iter().zip(&now).zip(&self.before);
        let changed = all.filter(|((_, now), before)| now != before);
        self.pieces
            .push(changed.map(|((key, now), _)| (*key, now.clone())).collect());
        self.before = now;
    }

    /// Whether so much is run again that the fold is faster; asked after every commit.
    fn conflict_too_often(&mut self) -> bool {
        let too_often = self.disturbed - self.disturbed_before > MOST_REPAIRS;
        if self.stretches.is_multiple_of(WINDOW) {
            self.disturbed_before = self.disturbed;
        }
        too_often
    }
}
