//! Who signed what, remembered from the mempool to the block.

use alloc::string::ToString;

use alloy_primitives::{Address, B256};
use plasma_core::{Rejection, Signature, SignatureError};

/// Recovered senders by a name that covers the signature and what it signs.
///
/// A memory alone: what it holds was recovered from the signature, so no result depends on it. Bounded: two
/// generations, of which the older is forgotten when the younger is full. Without `std` it remembers nothing.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    #[cfg(feature = "std")]
    shards: [std::sync::Mutex<memory::Generations>; memory::SHARDS],
}

impl Senders {
    /// The sender under `name`, recovered from the signature if it is not known.
    ///
    /// `name` must cover the signature and all that `digest` is computed from.
    pub(crate) fn recover(
        &self,
        name: B256,
        digest: impl FnOnce() -> B256,
        signature: &Signature,
    ) -> Result<Address, Rejection> {
        if let Some(sender) = self.get(&name) {
            return Ok(sender);
        }
        let refused = |error: SignatureError| Rejection::Signature(error.to_string());
        let sender = signature.recover(digest()).map_err(refused)?;
        self.insert(name, sender);
        Ok(sender)
    }

    /// Does `work` for every item, on all cores when there are enough of them.
    #[cfg(feature = "std")]
    pub(crate) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
        /// Fewer are done before a thread has started; and more at once would leave cores idle at the end, while one of
        /// them is busy with something else.
        const BATCH: usize = 16;
        Self::in_batches(items, BATCH, |batch| batch.iter().for_each(&work));
    }

    /// What `work` makes of every item, in their order, on all cores when there are enough of them.
    #[cfg(feature = "std")]
    pub(crate) fn map_in_parallel<'a, T: Sync, R: Send>(
        items: &'a [T],
        work: impl Fn(&'a T) -> R + Sync,
    ) -> Vec<R> {
        use std::sync::{Mutex, PoisonError};

        /// Few enough that no core idles at the end, and many enough that nobody waits for another's result.
        const BATCH: usize = 32;
        if items.len() <= BATCH || crate::parallel::cores() == 1 {
            return items.iter().map(work).collect();
        }
        let slots: Vec<Mutex<Vec<R>>> = items.chunks(BATCH).map(|_| Mutex::default()).collect();
        let batches: Vec<_> = items.chunks(BATCH).zip(&slots).collect();
        Self::in_batches(&batches, 1, |batches| {
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

    /// Does `work` for equal parts of the items, on all cores when there are enough of them; of what is one part at
    /// most, only on those where no other part is worked on: what is done in larger parts is done in less time.
    #[cfg(feature = "std")]
    pub(crate) fn in_parts<T: Sync>(
        items: &[T],
        sizes: core::ops::RangeInclusive<usize>,
        work: impl Fn(&[T]) + Sync,
    ) {
        let (least, most) = sizes.into_inner();
        let cores = crate::parallel::cores();
        let free = if items.len() > most {
            cores
        } else {
            cores.saturating_sub(Busy::count()).max(1)
        };
        let part = items.len().div_ceil(free).clamp(least, most);
        Self::in_batches(items, part, |part| {
            let _busy = Busy::new();
            work(part);
        });
    }

    /// Does `work` for every so many items, on all cores when there are enough of them.
    #[cfg(feature = "std")]
    pub(crate) fn in_batches<T: Sync>(items: &[T], batch: usize, work: impl Fn(&[T]) + Sync) {
        use core::sync::atomic::{AtomicUsize, Ordering};

        let threads = crate::parallel::cores().min(items.len().div_ceil(batch));
        let next = AtomicUsize::new(0);
        crate::parallel::on_threads(threads, &|| {
            loop {
                let start = next.fetch_add(batch, Ordering::Relaxed);
                match items.get(start..) {
                    None | Some([]) => break,
                    Some(rest) => work(&rest[..rest.len().min(batch)]),
                }
            }
        });
    }

    /// Does `work` for every item.
    #[cfg(all(not(feature = "std"), any(feature = "evm", feature = "wasm")))]
    pub(crate) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
        items.iter().for_each(work);
    }

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self)]
    fn get(&self, _: &B256) -> Option<Address> {
        None
    }

    #[cfg(not(feature = "std"))]
    #[allow(clippy::unused_self)]
    fn insert(&self, _: B256, _: Address) {}
}

/// A thread that works on a part of something, whoever's it is.
#[cfg(feature = "std")]
struct Busy;

#[cfg(feature = "std")]
static BUSY: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

#[cfg(feature = "std")]
impl Busy {
    fn new() -> Self {
        BUSY.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        Self
    }

    /// How many there are now.
    fn count() -> usize {
        BUSY.load(core::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(feature = "std")]
impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, core::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(feature = "std")]
mod memory {
    use std::sync::{Mutex, PoisonError};

    use alloy_primitives::{Address, B256, map::HashMap};

    use super::Senders;

    pub(super) const SHARDS: usize = 16;
    /// Senders in one generation of one shard: 2^16 or more in all, some 8 MB.
    pub(super) const GENERATION: usize = 4_096;

    #[derive(Debug, Default)]
    pub(super) struct Generations {
        young: HashMap<B256, Address>,
        old: HashMap<B256, Address>,
    }

    impl Senders {
        fn shard(&self, name: &B256) -> &Mutex<Generations> {
            &self.shards[name[31] as usize % SHARDS]
        }

        pub(crate) fn get(&self, name: &B256) -> Option<Address> {
            let shard = self
                .shard(name)
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            shard
                .young
                .get(name)
                .or_else(|| shard.old.get(name))
                .copied()
        }

        pub(crate) fn insert(&self, name: B256, sender: Address) {
            let mut shard = self
                .shard(&name)
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if shard.young.len() >= GENERATION {
                shard.old = core::mem::take(&mut shard.young);
            }
            shard.young.insert(name, sender);
        }
    }

    #[cfg(test)]
    impl Senders {
        /// How many it remembers.
        pub(crate) fn count(&self) -> usize {
            let shards = self
                .shards
                .iter()
                .map(|shard| shard.lock().expect("not poisoned"));
            shards
                .map(|shard| shard.young.len() + shard.old.len())
                .sum()
        }
    }

    #[cfg(test)]
    mod tests {
        use alloy_primitives::keccak256;

        use super::*;

        #[test]
        fn it_forgets_the_oldest_and_stays_bounded() {
            let senders = Senders::default();
            let name = |n: usize| keccak256(n.to_be_bytes());
            let count = SHARDS * GENERATION * 4;
            for n in 0..count {
                senders.insert(name(n), Address::with_last_byte(n as u8));
            }
            assert_eq!(senders.get(&name(0)), None);
            assert_eq!(
                senders.get(&name(count - 1)),
                Some(Address::with_last_byte((count - 1) as u8))
            );
            let held = senders.count();
            assert!(held <= SHARDS * GENERATION * 2, "{held}");
        }

        #[test]
        fn every_item_is_worked_on_once() {
            use std::sync::atomic::{AtomicUsize, Ordering};
            for count in [0_usize, 1, 15, 16, 17, 100, 1_001] {
                let items: Vec<usize> = (1..=count).collect();
                let sum = AtomicUsize::new(0);
                Senders::in_parallel(&items, |n| {
                    sum.fetch_add(*n, Ordering::Relaxed);
                });
                let whole = count * (count + 1) / 2;
                assert_eq!(sum.swap(0, Ordering::Relaxed), whole);
                Senders::in_parts(&items, 7..=50, |part| {
                    assert!(part.len() <= 50);
                    sum.fetch_add(part.iter().sum(), Ordering::Relaxed);
                });
                assert_eq!(sum.into_inner(), whole);
                assert_eq!(Senders::map_in_parallel(&items, |n| *n), items);
            }
        }
    }
}
