//! The same work for many things, on all cores where there are enough of them.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use alloc::vec::Vec;

use super::cores;

/// Does `work` for every item.
#[cfg(any(test, feature = "evm", feature = "wasm"))]
pub(crate) fn for_each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    /// Fewer are done before a thread has started; and more at once would leave cores idle at the end, while one of
    /// them is busy with something else.
    const BATCH: usize = 16;
    in_batches(items, BATCH, |batch| batch.iter().for_each(&work));
}

/// What `work` makes of every item, in their order.
pub(crate) fn map<'a, T: Sync, R: Send>(
    items: &'a [T],
    work: impl Fn(&'a T) -> R + Sync,
) -> Vec<R> {
    /// Few enough that no core idles at the end, and many enough that nobody waits for another's result.
    const BATCH: usize = 32;
    if items.len() <= BATCH || cores() == 1 {
        return items.iter().map(work).collect();
    }
    let slots: Vec<Mutex<Vec<R>>> = items.chunks(BATCH).map(|_| Mutex::default()).collect();
    let batches: Vec<_> = items.chunks(BATCH).zip(&slots).collect();
    in_batches(&batches, 1, |batches| {
        for (batch, slot) in batches {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) =
                batch.iter().map(&work).collect();
        }
    });
    let made = slots
        .into_iter()
        .map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
    made.flatten().collect()
}

/// Does `work` for equal parts of the items; of what is one part at most, only on those cores where no other part is
/// worked on: what is done in larger parts is done in less time.
pub(crate) fn in_parts<T: Sync>(
    items: &[T],
    sizes: core::ops::RangeInclusive<usize>,
    work: impl Fn(&[T]) + Sync,
) {
    let (least, most) = sizes.into_inner();
    let free = if items.len() > most {
        cores()
    } else {
        cores().saturating_sub(Busy::count()).max(1)
    };
    let part = items.len().div_ceil(free).clamp(least, most);
    in_batches(items, part, |part| {
        let _busy = Busy::new();
        work(part);
    });
}

fn in_batches<T: Sync>(items: &[T], batch: usize, work: impl Fn(&[T]) + Sync) {
    let count = items.len().div_ceil(batch);
    number(cores(), count, |index| {
        let rest = &items[index * batch..];
        work(&rest[..rest.len().min(batch)]);
    });
}

/// Does `work` for each number below `count`, on so many threads at most.
pub(super) fn number(threads: usize, count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    on_threads(threads.min(count), &|| {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                break;
            }
            work(index);
        }
    });
}

/// Does `work` on so many threads, this one among them; on fewer where the system gives no more.
pub(super) fn on_threads(threads: usize, work: &(impl Fn() + Sync)) {
    thread::scope(|scope| {
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}

/// A thread that works on a part of something, whoever's it is.
struct Busy;

static BUSY: AtomicUsize = AtomicUsize::new(0);

impl Busy {
    fn new() -> Self {
        BUSY.fetch_add(1, Ordering::Relaxed);
        Self
    }

    /// How many there are now.
    fn count() -> usize {
        BUSY.load(Ordering::Relaxed)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for count in [0_usize, 1, 15, 16, 17, 100, 1_001] {
            let items: Vec<usize> = (1..=count).collect();
            let sum = AtomicUsize::new(0);
            for_each(&items, |n| {
                sum.fetch_add(*n, Ordering::Relaxed);
            });
            let whole = count * (count + 1) / 2;
            assert_eq!(sum.swap(0, Ordering::Relaxed), whole);
            in_parts(&items, 7..=50, |part| {
                assert!(part.len() <= 50);
                sum.fetch_add(part.iter().sum(), Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), whole);
            assert_eq!(map(&items, |n| *n), items);
        }
    }
}
