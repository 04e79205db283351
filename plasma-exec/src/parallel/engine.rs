//! Workers, and the order in which what they did becomes final.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
};

use alloc::vec::Vec;

use alloy_primitives::Bytes;
use plasma_core::{Changes, Receipt, StateKey, StateRead};

use super::{
    Attempt, Executor, Parallelism, Tally, View, Write,
    memory::{Memory, Origin, Round, SHARDS},
    view::{Final, Reads},
};

/// How far workers run ahead of what is final. What is guessed further away is wrong more often; what is nearer leaves
/// workers waiting when one of them is held up.
const AHEAD: usize = 128;
/// How far they run ahead at first: by so many more than are final, so that a run that is given up soon has cost little.
const AHEAD_AT_FIRST: usize = 16;
/// Of how many commits the conflicts are counted.
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

/// A transaction that was run by guess, its writes already in memory.
struct Guess {
    reads: Reads,
    keys: Vec<StateKey>,
    attempt: Attempt,
    /// Whether all before it was final when it began.
    certain: bool,
}

struct Run<'a, E> {
    executor: &'a E,
    transactions: &'a [&'a Bytes],
    /// Where the pieces of the run end.
    ends: &'a [usize],
    insists: bool,
    memory: &'a Memory<'a>,
    /// The tallied keys before the run.
    tallied: &'a [Write],
    guesses: Vec<Mutex<Option<Guess>>>,
    /// The next transaction that nobody has run.
    next: AtomicUsize,
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
    /// Repairs before the current window of commits.
    repaired_before: usize,
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
        insists: parallelism.insists(),
        memory: &memory,
        tallied: &tallied,
        guesses: transactions.iter().map(|_| Mutex::default()).collect(),
        next: AtomicUsize::new(0),
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
            repaired_before: 0,
        }),
    };
    let threads = parallelism.threads().min(transactions.len());
    on_threads(threads, &|| {
        // A guess may lead where no transaction of the fold comes: what panics is not used, and folded again.
        if catch_unwind(AssertUnwindSafe(|| run.work())).is_err() {
            run.stopped.store(true, Ordering::Release);
        }
    });
    let (ends, next) = (run.final_ends(), AtomicUsize::new(0));
    let shards: Vec<Mutex<Vec<Vec<Write>>>> = (0..SHARDS).map(|_| Mutex::default()).collect();
    let threads = if transactions.len() < FEW { 1 } else { threads };
    on_threads(threads, &|| {
        loop {
            let shard = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = shards.get(shard) else { break };
            *held(slot) = memory.drain(shard, &ends);
        }
    });
    run.collect(shards)
}

/// Does `work` on so many threads, this one among them; on fewer where the system gives no more.
pub(crate) fn on_threads(threads: usize, work: &(impl Fn() + Sync)) {
    thread::scope(|scope| {
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
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
                Some(index) => self.guess(&mut worker, &view, index),
                None => thread::yield_now(),
            }
        }
    }

    /// The next transaction to run by guess.
    fn take(&self) -> Option<usize> {
        let done = self.done.load(Ordering::Acquire);
        let ahead = AHEAD.min(AHEAD_AT_FIRST + done);
        let limit = self.transactions.len().min(done + ahead);
        let next = |next| (next < limit).then_some(next + 1);
        self.next
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .ok()
    }

    fn guess(&self, worker: &mut E::Worker<'_>, view: &View<'_>, index: usize) {
        let certain = self.done.load(Ordering::Acquire) == index;
        let (mut attempt, reads) = self.attempt(worker, view, index);
        let writes = core::mem::take(&mut attempt.writes);
        let keys = self.memory.publish(index as u32, Round::Guess, writes, &[]);
        *held(&self.guesses[index]) = Some(Guess {
            reads,
            keys,
            attempt,
            certain,
        });
    }

    fn attempt(
        &self,
        worker: &mut E::Worker<'_>,
        view: &View<'_>,
        index: usize,
    ) -> (Attempt, Reads) {
        view.enter(index as u32);
        let attempt = self
            .executor
            .attempt(worker, view, self.transactions[index]);
        (attempt, view.reads())
    }

    /// Makes final what can be, unless somebody else is at it.
    fn commit(&self, worker: &mut E::Worker<'_>, view: &View<'_>) {
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
            self.commit_one(&mut commits, worker, view, index, guess);
            if commits.receipts.len() == self.ends[commits.pieces.len()] {
                let keys = self.executor.tallied();
                let now = commits.tallied(self.executor);
                commits.end_piece(keys, now);
            }
            self.done.store(index + 1, Ordering::Release);
            if commits.conflict_too_often() && !self.insists {
                self.stopped.store(true, Ordering::Release);
            }
        }
    }

    fn commit_one(
        &self,
        commits: &mut Commits,
        worker: &mut E::Worker<'_>,
        view: &View<'_>,
        index: usize,
        guess: Guess,
    ) {
        let at = index as u32;
        let Guess {
            reads,
            mut keys,
            mut attempt,
            certain,
        } = guess;
        let stands = |(key, origin): &(StateKey, Origin)| self.memory.origin(key, at) == *origin;
        if !certain && !reads.iter().all(stands) {
            (attempt, _) = self.attempt(worker, view, index);
            let writes = core::mem::take(&mut attempt.writes);
            keys = self.memory.publish(at, Round::Repair, writes, &keys);
            commits.repaired += 1;
        }
        if attempt.inexact || attempt.gas_wanted > commits.room {
            let receipt = self.commit_exactly(commits, index, &keys);
            return commits.push(receipt);
        }
        commits.added = commits.added.plus(attempt.tally);
        commits.push(attempt.receipt);
    }

    /// Runs a transaction that must know what the tallied keys hold, or writes them.
    fn commit_exactly(&self, commits: &mut Commits, index: usize, keys: &[StateKey]) -> Receipt {
        let tallied = self.executor.tallied();
        let values = commits.tallied(self.executor);
        let state = Final {
            memory: self.memory,
            index: index as u32,
            tallied: tallied.iter().copied().zip(values.clone()).collect(),
        };
        let (receipt, writes) = self.executor.exactly(&state, self.transactions[index]);
        (commits.values, commits.added) = (values, Tally::default());
        let mut others = Vec::with_capacity(writes.len());
        for (key, value) in writes {
            match tallied.iter().position(|tallied| *tallied == key) {
                Some(place) => commits.values[place] = value,
                None => others.push((key, value)),
            }
        }
        self.memory
            .publish(index as u32, Round::Exact, others, keys);
        commits.exact += 1;
        receipt
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
    fn collect(self, shards: Vec<Mutex<Vec<Vec<Write>>>>) -> Outcome {
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
        let mut pieces: Vec<Vec<Write>> = ends.iter().map(|_| Vec::new()).collect();
        for shard in shards {
            let shard = shard.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (piece, writes) in pieces.iter_mut().zip(shard) {
                piece.extend(writes);
            }
        }
        // The shards are in the order of their keys, so what becomes a tree is sorted but for the tallied keys.
        let pieces = pieces.into_iter().zip(commits.pieces);
        Outcome {
            receipts: commits.receipts,
            pieces: pieces
                .map(|(writes, tallied)| {
                    let mut changes: Changes = writes.into_iter().collect();
                    changes.extend(tallied);
                    changes
                })
                .collect(),
            repaired: commits.repaired,
            exact: commits.exact,
        }
    }
}

impl Commits {
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
        // What is run exactly is run on one thread, too.
        let repaired = self.repaired + self.exact;
        let too_often = repaired - self.repaired_before > MOST_REPAIRS;
        if self.receipts.len().is_multiple_of(WINDOW) {
            self.repaired_before = repaired;
        }
        too_often
    }
}
