//! The whole trie: buckets, and the tree of hashes over them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::{Deref, Range};
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
/// Jobs that a thread claims at a time, for a round; more than two rounds' worth would keep readers out for too long.
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

/// Changes, in key order, that make a version of the state.
pub(super) struct Round<'c> {
    pub(super) version: u64,
    pub(super) changes: Vec<Change<'c>>,
}

/// A bucket, and which changes of a round are its own.
struct Job {
    bucket: usize,
    round: usize,
    range: Range<usize>,
}

/// What a bucket's hash is after a round.
struct Hashed {
    round: usize,
    bucket: usize,
    hash: B256,
}

/// All that is to be done, bucket by bucket and there round by round.
fn jobs_of(rounds: &[&[Change<'_>]]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for (round, changes) in rounds.iter().enumerate() {
        let begin = jobs.len();
        for (index, (key, _)) in changes.iter().enumerate() {
            let bucket = bucket_of(key);
            match jobs[begin..].last_mut() {
                Some(last) if last.bucket == bucket => last.range.end = index + 1,
                _ => jobs.push(Job {
                    bucket,
                    round,
                    range: index..index + 1,
                }),
            }
        }
    }
    if rounds.len() > 1 {
        jobs.sort_by_key(|job| job.bucket);
    }
    jobs
}

/// The parts in which jobs are claimed: so many, or a few more, for no bucket is in two.
fn claims_of(jobs: &[Job], count: usize) -> Vec<Range<usize>> {
    let (mut claims, mut begin) = (Vec::with_capacity(jobs.len() / count + 1), 0);
    while begin < jobs.len() {
        let least = jobs.len().min(begin + count);
        let last = jobs[least - 1].bucket;
        let more = jobs[least..].iter().take_while(|job| job.bucket == last);
        let end = least + more.count();
        claims.push(begin..end);
        begin = end;
    }
    claims
}

/// The buckets of a claim.
fn buckets_of(claim: &[Job]) -> impl Iterator<Item = usize> {
    let buckets = claim.chunk_by(|one, other| one.bucket == other.bucket);
    buckets.map(|jobs| jobs[0].bucket)
}

/// The jobs of a claim, each with the place of its bucket in the claim.
fn placed(claim: &[Job]) -> impl Iterator<Item = (usize, &Job)> {
    let buckets = claim.chunk_by(|one, other| one.bucket == other.bucket);
    let placed = buckets.enumerate();
    placed.flat_map(|(place, jobs)| jobs.iter().map(move |job| (place, job)))
}

/// Brings what a claim will read into the cache.
///
/// Walking all their paths level by level, waits for many lines of memory at once; changing one key after another
/// would wait for each.
fn warm(buckets: &[impl Deref<Target = Bucket>], claim: &[Job], rounds: &[&[Change<'_>]]) {
    let mut paths: Vec<(&Bucket, &StateKey, Link)> = Vec::with_capacity(4 * CLAIM);
    for (place, job) in placed(claim) {
        let bucket = &*buckets[place];
        let changes = &rounds[job.round][job.range.clone()];
        paths.extend(
            changes
                .iter()
                .map(|(key, _)| (bucket, *key, bucket.root.link)),
        );
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

    /// Applies changes, each round's in key order, one round after the other; returns the root after each.
    ///
    /// A bucket depends on no other, so its part in all rounds is done at once: only the hashes over the buckets are
    /// brought up to date round by round.
    pub(super) fn apply(&self, rounds: &[Round<'_>]) -> Vec<B256> {
        let lists: Vec<_> = rounds.iter().map(|round| &round.changes[..]).collect();
        let mut hashes = self.each_claim(&lists, |claim, due, hashes| {
            let mut buckets: Vec<_> = buckets_of(claim).map(|at| self.write(at)).collect();
            warm(&buckets, claim, &lists);
            let mut jobs: Vec<(usize, &Job)> = placed(claim).collect();
            jobs.sort_by_key(|(_, job)| job.round);
            for round in jobs.chunk_by(|(_, one), (_, other)| one.round == other.round) {
                for (place, Job { round, range, .. }) in round {
                    let Round { version, changes } = &rounds[*round];
                    due.begin(*place);
                    buckets[*place].apply(*version, &changes[range.clone()], due);
                }
                due.hash(&mut buckets);
                hashes.extend(round.iter().map(|(place, job)| Hashed {
                    round: job.round,
                    bucket: job.bucket,
                    hash: buckets[*place].root.hash,
                }));
            }
        });
        hashes.sort_unstable_by_key(|hashed| (hashed.round, hashed.bucket));
        let mut top = self.top();
        let mut rest = &hashes[..];
        (0..rounds.len())
            .map(|round| {
                let end = rest.partition_point(|hashed| hashed.round == round);
                let (now, later) = rest.split_at(end);
                rest = later;
                raise(&mut top, now)
            })
            .collect()
    }

    /// Applies changes, in key order, as one round; returns the new root.
    pub(super) fn apply_one(&self, version: u64, changes: Vec<Change<'_>>) -> B256 {
        self.apply(&[Round { version, changes }])[0]
    }

    /// The root that [`Tree::apply`] would return for one round, changing nothing.
    pub(super) fn preview(&self, changes: &[Change<'_>]) -> B256 {
        let hashes = self.each_claim(&[changes], |claim, _, hashes| {
            let buckets: Vec<_> = buckets_of(claim).map(|at| self.read(at)).collect();
            warm(&buckets, claim, &[changes]);
            hashes.extend(placed(claim).map(|(place, job)| Hashed {
                round: 0,
                bucket: job.bucket,
                hash: buckets[place].preview(&changes[job.range.clone()]),
            }));
        });
        let mut top = self.top().clone();
        raise(&mut top, &hashes)
    }

    /// Runs `work` for all buckets that have changes in a round, some at a time, on as many threads as that is worth.
    fn each_claim(
        &self,
        rounds: &[&[Change<'_>]],
        work: impl Fn(&[Job], &mut Due, &mut Vec<Hashed>) + Sync,
    ) -> Vec<Hashed> {
        let jobs = jobs_of(rounds);
        let claims = claims_of(&jobs, CLAIM * rounds.len().clamp(1, 2));
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut done = Vec::new();
            let mut due = Due::default();
            while let Some(claim) = claims.get(next.fetch_add(1, Ordering::Relaxed)) {
                work(&jobs[claim.clone()], &mut due, &mut done);
            }
            done
        };
        let changes: usize = rounds.iter().map(|changes| changes.len()).sum();
        let others = if changes < PARALLEL {
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
fn raise(top: &mut [B256], hashes: &[Hashed]) -> B256 {
    let mut dirty: Vec<usize> = Vec::with_capacity(hashes.len());
    for Hashed { bucket, hash, .. } in hashes {
        let place = BUCKETS + bucket;
        if std::mem::replace(&mut top[place], *hash) != *hash {
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
