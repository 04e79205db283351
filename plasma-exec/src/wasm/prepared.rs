//! What transactions say, remembered from the mempool to the block.
//!
//! A memory alone: what it holds was read out of the same bytes and its signature checked, so no result depends on it.
//! Bounded: only short transactions, and two generations, of which the older is forgotten when the younger is full.
//! Without `std` it remembers nothing.

use super::session::Terms;

#[derive(Default)]
pub(super) struct Prepared {
    #[cfg(feature = "std")]
    shards: [std::sync::Mutex<memory::Generations>; memory::SHARDS],
}

impl core::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

#[cfg(not(feature = "std"))]
#[allow(clippy::unused_self)]
impl Prepared {
    pub(super) fn get(&self, _: &[u8]) -> Option<Terms> {
        None
    }

    pub(super) fn insert(&self, _: &[u8], _: &Terms) {}
}

#[cfg(feature = "std")]
mod memory {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use alloy_primitives::Bytes;

    use super::{super::HashMap, Prepared, Terms};

    pub(super) const SHARDS: usize = 16;
    /// Transactions in one generation of one shard: 2^15 in all, some 20 MB where all of them are as long as they may be.
    pub(super) const GENERATION: usize = 2_048;
    /// A longer transaction takes longer to execute than to read.
    pub(super) const LONGEST: usize = 512;

    #[derive(Default)]
    pub(super) struct Generations {
        young: HashMap<Bytes, Terms>,
        old: HashMap<Bytes, Terms>,
    }

    impl Prepared {
        /// Signed bytes end with what nobody chooses.
        fn shard(&self, bytes: &[u8]) -> MutexGuard<'_, Generations> {
            let place = bytes.last().copied().unwrap_or_default();
            let shard: &Mutex<Generations> = &self.shards[usize::from(place) % SHARDS];
            shard.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(in super::super) fn get(&self, bytes: &[u8]) -> Option<Terms> {
            if bytes.len() > LONGEST {
                return None;
            }
            let shard = self.shard(bytes);
            let known = shard.young.get(bytes).or_else(|| shard.old.get(bytes));
            known.cloned()
        }

        pub(in super::super) fn insert(&self, bytes: &[u8], terms: &Terms) {
            if bytes.len() > LONGEST {
                return;
            }
            let mut shard = self.shard(bytes);
            if shard.young.len() >= GENERATION {
                shard.old = core::mem::take(&mut shard.young);
            }
            // A copy: what was handed in may be a part of something longer, which it would keep.
            shard
                .young
                .insert(Bytes::copy_from_slice(bytes), terms.clone());
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn it_forgets_the_oldest_and_stays_bounded() {
            let prepared = Prepared::default();
            let bytes = |n: usize| n.to_be_bytes();
            let count = SHARDS * GENERATION * 4;
            let terms = |n: usize| Terms {
                nonce: n as u64,
                ..Terms::default()
            };
            for n in 0..count {
                prepared.insert(&bytes(n), &terms(n));
            }
            assert!(prepared.get(&bytes(0)).is_none());
            let last = prepared.get(&bytes(count - 1)).expect("the youngest");
            assert_eq!(last.nonce, count as u64 - 1);
            let shards = prepared.shards.iter();
            let held = shards.map(|shard| {
                let shard = shard.lock().expect("not poisoned");
                shard.young.len() + shard.old.len()
            });
            assert!(held.sum::<usize>() <= SHARDS * GENERATION * 2);
            let long = [7; LONGEST + 1];
            prepared.insert(&long, &terms(1));
            assert!(prepared.get(&long).is_none());
        }
    }
}
