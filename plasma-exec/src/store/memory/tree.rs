//! The whole trie: buckets, and the tree of hashes over them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy_primitives::{B256, Bytes};
use plasma_core::{EMPTY_ROOT, NodeKind, PreimageMap, StateKey, TrieNode};

use super::bucket::{BUCKET_BITS, Bucket, Change};
use super::due::Due;
use super::nodes::{Link, NONE};
use crate::store::undo::Collect;

const BUCKETS: usize = 1 << BUCKET_BITS;
/// Changes below which a second thread costs more than it brings.
const PARALLEL: usize = 384;
/// Buckets that a thread claims at a time.
const CLAIM: usize = 32;
/// Hashes over the buckets that are computed at a time.
const BATCH: usize = 32;

/// A trie in memory that many read, at any version kept, while one writes.
///
/// Locks: each bucket's own, held for the bucket's share of one commit; and `top`, held only while the hashes over
/// the buckets are brought up to date or read. Who writes is serialised by the caller.
pub(super) struct Tree {
    buckets: Box<[RwLock<Bucket>]>,
    /// Hashes of the levels down to the buckets, as a heap: the root is 1, the children of n are 2n and 2n+1.
    top: Mutex<Box<[B256]>>,
    threads: usize,
}

/// A bucket, and which changes are its own.
type Job = (usize, Range<usize>);

fn bucket_of(key: &StateKey) -> usize {
    usize::from(key.0[0]) << 4 | usize::from(key.0[1] >> 4)
}

/// A lock is poisoned only by a panic of ours while it was held: what it guards may be half-written.
const BROKEN: &str = "the store is inconsistent after a panic; reopen it";

impl Tree {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| RwLock::default()).collect(),
            top: Mutex::new(vec![EMPTY_ROOT; 2 * BUCKETS].into()),
            threads: threads.clamp(1, 64),
        }
    }

    fn read(&self, index: usize) -> RwLockReadGuard<'_, Bucket> {
        self.buckets[index].read().expect(BROKEN)
    }

    fn write(&self, index: usize) -> RwLockWriteGuard<'_, Bucket> {
        self.buckets[index].write().expect(BROKEN)
    }

    fn top(&self) -> MutexGuard<'_, Box<[B256]>> {
        self.top.lock().expect(BROKEN)
    }

    pub(super) fn root(&self) -> B256 {
        self.top()[1]
    }

    pub(super) fn get(&self, key: &StateKey, version: u64) -> Option<Bytes> {
        self.read(bucket_of(key)).get(key, version)
    }

    /// Number of keys, and bytes of memory taken but for long values.
    pub(super) fn size(&self) -> (u64, u64) {
        let sizes = (0..BUCKETS).map(|index| {
            let bucket = self.read(index);
            (bucket.len() as u64, bucket.bytes() as u64)
        });
        sizes.fold((0, 0), |(keys, bytes), (k, b)| (keys + k, bytes + b))
    }

    /// Applies changes, in key order, as `version`; returns the new root.
    pub(super) fn apply(&self, version: u64, changes: &[Change<'_>]) -> B256 {
        let hashes = self.each_claim(changes, |claim, due, hashes| {
            let mut buckets: Vec<_> = claim
                .iter()
                .map(|(bucket, _)| self.write(*bucket))
                .collect();
            for (place, (bucket, (_, range))) in buckets.iter_mut().zip(claim).enumerate() {
                due.begin(place);
                bucket.apply(version, &changes[range.clone()], due);
            }
            due.hash(&mut buckets);
            let roots = buckets.iter().map(|bucket| bucket.root.hash);
            hashes.extend(claim.iter().map(|(bucket, _)| *bucket).zip(roots));
        });
        raise(&mut self.top(), hashes)
    }

    /// The root that [`Tree::apply`] would return, changing nothing.
    pub(super) fn preview(&self, changes: &[Change<'_>]) -> B256 {
        let hashes = self.each_claim(changes, |claim, _, hashes| {
            for (bucket, range) in claim {
                let changes = &changes[range.clone()];
                hashes.push((*bucket, self.read(*bucket).preview(changes)));
            }
        });
        let mut top = self.top().clone();
        raise(&mut top, hashes)
    }

    /// Runs `work` for all buckets that have changes, some at a time, on as many threads as that is worth.
    fn each_claim(
        &self,
        changes: &[Change<'_>],
        work: impl Fn(&[Job], &mut Due, &mut Vec<(usize, B256)>) + Sync,
    ) -> Vec<(usize, B256)> {
        let mut jobs: Vec<Job> = Vec::with_capacity(changes.len().min(BUCKETS));
        for (index, (key, _)) in changes.iter().enumerate() {
            match jobs.last_mut() {
                Some((bucket, range)) if *bucket == bucket_of(key) => range.end = index + 1,
                _ => jobs.push((bucket_of(key), index..index + 1)),
            }
        }
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut done = Vec::new();
            let mut due = Due::default();
            loop {
                let begin = next.fetch_add(CLAIM, Ordering::Relaxed);
                let Some(claimed) = jobs.get(begin..) else {
                    return done;
                };
                let claimed = &claimed[..claimed.len().min(CLAIM)];
                self.warm(claimed, changes);
                work(claimed, &mut due, &mut done);
            }
        };
        let others = if changes.len() < PARALLEL {
            0
        } else {
            self.threads - 1
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..others).map(|_| scope.spawn(worker)).collect();
            let mut done = worker();
            for other in others {
                done.extend(other.join().expect(BROKEN));
            }
            done
        })
    }

    /// Brings what some jobs will read into the cache.
    ///
    /// Walking all their paths level by level, waits for many lines of memory at once; changing one key after
    /// another would wait for each.
    fn warm(&self, jobs: &[Job], changes: &[Change<'_>]) {
        let buckets: Vec<_> = jobs.iter().map(|(bucket, _)| self.read(*bucket)).collect();
        let mut paths: Vec<(&Bucket, &StateKey, Link)> = Vec::with_capacity(4 * CLAIM);
        for (bucket, (_, range)) in buckets.iter().zip(jobs) {
            let keys = changes[range.clone()].iter().map(|(key, _)| *key);
            paths.extend(keys.map(|key| (&**bucket, key, bucket.root.link)));
        }
        let mut sum = 0;
        for depth in BUCKET_BITS.. {
            paths.retain_mut(|(bucket, key, link)| {
                let (read, next) = bucket.touch(key, *link, depth);
                sum ^= read;
                *link = next;
                next != NONE
            });
            if paths.is_empty() {
                break;
            }
        }
        black_box(sum);
    }

    /// The values that keys changed after `version` had then.
    pub(super) fn changed_since(&self, version: u64) -> BTreeMap<StateKey, Option<Bytes>> {
        let mut changed = BTreeMap::new();
        for index in 0..BUCKETS {
            self.read(index).changed_since(version, &mut changed);
        }
        changed
    }

    /// Forgets values that only readers of versions below `version` could ask for.
    pub(super) fn forget(&self, version: u64) {
        (0..BUCKETS).for_each(|index| self.write(index).forget(version));
    }

    /// All keys and values at `version`, in key order, bucket by bucket.
    pub(super) fn entries(&self, version: u64) -> impl Iterator<Item = Vec<(StateKey, Bytes)>> {
        (0..BUCKETS).map(move |index| self.read(index).entries(version))
    }

    /// Adds the nodes on the path of `key`, and what else `what` says. Nobody may write meanwhile.
    pub(super) fn collect(&self, key: &StateKey, what: Collect, into: &mut PreimageMap) {
        let top = self.top();
        let mut place = 1;
        while place < BUCKETS {
            match NodeKind::of(&top[place]) {
                NodeKind::Terminator => return,
                // The leaf stands here for all below.
                NodeKind::Leaf => place = only_bucket(&top, place),
                NodeKind::Internal => {
                    let (left, right) = (top[2 * place], top[2 * place + 1]);
                    into.insert_node(&TrieNode::Internal { left, right });
                    let depth = place.ilog2() as usize;
                    place = 2 * place + usize::from(key.0[depth / 8] >> (7 - depth % 8) & 1);
                    let sibling = place ^ 1;
                    if what == Collect::Siblings && NodeKind::of(&top[sibling]) == NodeKind::Leaf {
                        self.read(only_bucket(&top, sibling) - BUCKETS)
                            .collect_only(into);
                    }
                }
            }
        }
        drop(top);
        self.read(place - BUCKETS).collect(key, what, into);
    }
}

/// The place of the one bucket that is not empty below `place`.
fn only_bucket(top: &[B256], mut place: usize) -> usize {
    while place < BUCKETS {
        place = 2 * place + usize::from(top[2 * place].is_zero());
    }
    place
}

/// Puts buckets' hashes in their places and brings the levels above up to date; returns the root.
fn raise(top: &mut [B256], hashes: Vec<(usize, B256)>) -> B256 {
    let mut dirty: Vec<usize> = Vec::with_capacity(hashes.len());
    for (bucket, hash) in hashes {
        let place = BUCKETS + bucket;
        if std::mem::replace(&mut top[place], hash) != hash {
            dirty.push(place / 2);
        }
    }
    dirty.sort_unstable();
    for _ in 0..BUCKET_BITS {
        dirty.dedup();
        for batch in dirty.chunks(BATCH) {
            join(top, batch);
        }
        for place in &mut dirty {
            *place /= 2;
        }
    }
    top[1]
}

/// Brings some places of one level up to date, at most [`BATCH`].
fn join(top: &mut [B256], places: &[usize]) {
    let mut preimages = [[0; 64]; BATCH];
    let mut hashes = [[0; 32]; BATCH];
    let mut due = [0; BATCH];
    let mut count = 0;
    for place in places {
        let (left, right) = (top[2 * place], top[2 * place + 1]);
        match TrieNode::only_child(&left, &right) {
            Some(only) => top[*place] = only,
            None => {
                due[count] = *place;
                preimages[count] = TrieNode::Internal { left, right }.preimage();
                count += 1;
            }
        }
    }
    TrieNode::hash_many(
        NodeKind::Internal,
        &preimages[..count],
        &mut hashes[..count],
    );
    for (place, hash) in due[..count].iter().zip(hashes) {
        top[*place] = B256::new(hash);
    }
}
