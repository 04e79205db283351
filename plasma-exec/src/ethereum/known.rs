//! What was read out of transactions, remembered from the mempool to the block.

#[cfg(feature = "std")]
use alloc::sync::Arc;

/// What transactions say, by their bytes.
///
/// A memory alone: what it holds was read out of the same bytes, all of which are compared, so no result depends on
/// it and nobody has to be believed. Bounded: two generations of so many and so long ones, of which the older is
/// forgotten when the younger is full. Without `std` there is none.
#[cfg(feature = "std")]
#[derive(Debug)]
pub(crate) struct Known<T> {
    shards: [std::sync::Mutex<Generations<T>>; SHARDS],
}

#[cfg(feature = "std")]
const SHARDS: usize = 16;
/// Transactions in one generation of one shard: 2^16 in all.
#[cfg(feature = "std")]
const GENERATION: usize = 4_096;
/// What they weigh at most: with both generations 64 MiB in all.
#[cfg(feature = "std")]
const WEIGHT: usize = 2 << 20;
/// What one weighs beside its bytes, which it holds twice: as they came and as they were read.
#[cfg(feature = "std")]
const OVERHEAD: usize = 512;

#[cfg(feature = "std")]
#[derive(Debug)]
struct Generations<T> {
    young: alloy_primitives::map::HashMap<alloy_primitives::Bytes, Arc<T>>,
    old: alloy_primitives::map::HashMap<alloy_primitives::Bytes, Arc<T>>,
    /// Of the younger.
    weight: usize,
}

#[cfg(feature = "std")]
impl<T> Default for Known<T> {
    fn default() -> Self {
        let empty = || Generations {
            young: alloy_primitives::map::HashMap::default(),
            old: alloy_primitives::map::HashMap::default(),
            weight: 0,
        };
        Self {
            shards: core::array::from_fn(|_| std::sync::Mutex::new(empty())),
        }
    }
}

#[cfg(feature = "std")]
impl<T> Known<T> {
    /// Signed bytes end with what nobody chooses.
    fn shard(&self, bytes: &[u8]) -> std::sync::MutexGuard<'_, Generations<T>> {
        let place = bytes.last().copied().unwrap_or_default();
        let shard = &self.shards[usize::from(place) % SHARDS];
        shard
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is known of these bytes.
    pub(crate) fn get(&self, bytes: &[u8]) -> Option<Arc<T>> {
        let shard = self.shard(bytes);
        let known = shard.young.get(bytes).or_else(|| shard.old.get(bytes));
        known.cloned()
    }

    /// Remembers what these bytes say.
    pub(crate) fn insert(&self, bytes: &[u8], says: Arc<T>) {
        // A copy: what was handed in may be a part of something longer, which it would keep.
        self.insert_own(alloy_primitives::Bytes::copy_from_slice(bytes), 0, says);
    }

    /// The same for bytes that are all that they keep, where what they say weighs so much more than they do.
    pub(crate) fn insert_own(&self, bytes: alloy_primitives::Bytes, more: usize, says: Arc<T>) {
        let weight = 2 * bytes.len() + OVERHEAD + more;
        let mut shard = self.shard(&bytes);
        if shard.young.len() >= GENERATION || shard.weight + weight > WEIGHT {
            shard.old = core::mem::take(&mut shard.young);
            shard.weight = 0;
        }
        if shard.young.insert(bytes, says).is_none() {
            shard.weight += weight;
        }
    }
}

#[cfg(all(test, feature = "std"))]
impl<T> Known<T> {
    fn over_all(&self, count: impl Fn(&Generations<T>) -> usize) -> usize {
        let shards = self.shards.iter();
        shards
            .map(|shard| count(&shard.lock().expect("not poisoned")))
            .sum()
    }

    /// How many it remembers.
    pub(crate) fn count(&self) -> usize {
        self.over_all(|shard| shard.young.len() + shard.old.len())
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn it_forgets_the_oldest_and_stays_bounded() {
        let known = Known::default();
        let bytes = |n: usize| n.to_be_bytes();
        let count = SHARDS * GENERATION * 4;
        for n in 0..count {
            known.insert(&bytes(n), Arc::new(n));
        }
        assert_eq!(known.get(&bytes(0)), None);
        let last = known.get(&bytes(count - 1)).expect("the youngest");
        assert_eq!(*last, count - 1);
        let held = known.count();
        assert!(held <= SHARDS * GENERATION * 2, "{held}");
    }

    #[test]
    fn long_ones_weigh_more() {
        let known = Known::default();
        let long = |n: usize| {
            let mut bytes = vec![0; 100_000];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            bytes
        };
        for n in 0..100 {
            known.insert(&long(n), Arc::new(n));
            // The same again weighs nothing more.
            known.insert(&long(n), Arc::new(n));
            assert_eq!(known.get(&long(n)).as_deref(), Some(&n));
        }
        let held = known.over_all(|shard| {
            let both = shard.young.keys().chain(shard.old.keys());
            both.map(|bytes| bytes.len()).sum()
        });
        assert!(held <= WEIGHT, "{held} bytes");
        assert_eq!(known.get(&long(0)), None);
    }

    #[test]
    fn only_the_very_same_bytes_are_known() {
        let known = Known::default();
        known.insert(b"a transaction", Arc::new(1));
        for other in [
            b"a transactioN".as_slice(),
            b"A transaction",
            b"a transaction ",
            b" transaction",
            b"",
        ] {
            assert_eq!(known.get(other), None, "{other:?}");
        }
        assert_eq!(known.get(b"a transaction").as_deref(), Some(&1));
    }
}
