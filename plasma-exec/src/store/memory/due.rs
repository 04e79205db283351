//! The hashes that changing buckets leaves due, and computing them many at once.
//!
//! Changing a bucket only links its nodes anew and notes which are due. Then all leaves due are hashed, and the internal
//! nodes level by level, the deepest first: those of one level do not depend on each other, so they are hashed side by
//! side, whichever buckets they are of.

use std::hint::black_box;
use std::ops::DerefMut;

use alloy_primitives::B256;
use plasma_core::{NodeKind, TrieNode, sha256};

use super::bucket::Bucket;
use super::nodes::{LEAF, Link};

/// Nodes hashed at a time: enough to fill the processor, and few enough that what they read stays in its first cache.
const BATCH: usize = 32;

/// What a change makes of a subtree.
#[derive(Clone, Copy)]
pub(super) enum Changed {
    /// Nothing.
    Same,
    /// This one, whose hash is due.
    Due(Link),
    /// This one, with this hash.
    Known(Link, B256),
}

/// Where a subtree hangs: at a bucket's top, or at one side of a node.
#[derive(Clone, Copy)]
pub(super) struct Place(u32);

impl Place {
    /// The top of a bucket.
    pub(super) const TOP: Self = Self(u32::MAX);

    /// One side of a node.
    #[inline]
    pub(super) fn below(node: Link, side: usize) -> Self {
        Self(node << 1 | side as u32)
    }

    /// The node and the side, unless it is the top.
    #[inline]
    pub(super) fn parent(self) -> Option<(Link, usize)> {
        (self.0 != Self::TOP.0).then_some((self.0 >> 1, self.0 as usize & 1))
    }
}

/// A node whose hash is due, and where that belongs.
#[derive(Clone, Copy)]
struct Job {
    bucket: u32,
    link: Link,
    place: Place,
}

/// The hashes due in some buckets.
pub(super) struct Due {
    leaves: Vec<Job>,
    /// Internal nodes by their depth.
    levels: Vec<Vec<Job>>,
    /// The bucket that is being changed.
    bucket: u32,
    buffers: Buffers,
}

/// What goes into a batch of hashes, and what comes out.
struct Buffers {
    preimages: [[u8; 64]; BATCH],
    hashes: [[u8; 32]; BATCH],
}

impl Default for Due {
    fn default() -> Self {
        Self {
            leaves: Vec::new(),
            levels: Vec::new(),
            bucket: 0,
            buffers: Buffers {
                preimages: [[0; 64]; BATCH],
                hashes: [[0; 32]; BATCH],
            },
        }
    }
}

impl Due {
    /// What is noted from now on is of the `bucket`th of those that [`Due::hash`] will be given.
    pub(super) fn begin(&mut self, bucket: usize) {
        self.bucket = bucket as u32;
    }

    /// Notes that the node at `depth` is due, and where it hangs.
    #[inline]
    pub(super) fn push(&mut self, depth: usize, link: Link, place: Place) {
        let bucket = self.bucket;
        let job = Job {
            bucket,
            link,
            place,
        };
        if link & LEAF != 0 {
            self.leaves.push(job);
            return;
        }
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Vec::new);
        }
        self.levels[depth].push(job);
    }

    /// Computes all that is due in `buckets`.
    pub(super) fn hash(&mut self, buckets: &mut [impl DerefMut<Target = Bucket>]) {
        self.warm(buckets);
        let Self {
            leaves,
            levels,
            buffers,
            ..
        } = self;
        buffers.run(NodeKind::Leaf, leaves, buckets);
        for level in levels.iter_mut().rev() {
            buffers.run(NodeKind::Internal, level, buckets);
        }
    }

    /// Reads a little of every node that will be hashed: none waits for another, so that many lines of memory are on
    /// their way at once.
    fn warm(&self, buckets: &[impl DerefMut<Target = Bucket>]) {
        let mut sum = 0;
        for job in self.levels.iter().flatten() {
            sum ^= buckets[job.bucket as usize].nodes.hashes(job.link)[0].0[0];
        }
        black_box(sum);
    }
}

impl Buffers {
    /// Hashes nodes of one kind, none of which is below another.
    fn run(
        &mut self,
        kind: NodeKind,
        jobs: &mut Vec<Job>,
        buckets: &mut [impl DerefMut<Target = Bucket>],
    ) {
        for batch in jobs.chunks(BATCH) {
            for (job, preimage) in batch.iter().zip(&mut self.preimages) {
                let bucket = &*buckets[job.bucket as usize];
                let (first, second) = match bucket.leaf(job.link) {
                    Some(leaf) => (leaf.key, sha256(leaf.value.as_slice())),
                    None => {
                        let [left, right] = bucket.nodes.hashes(job.link);
                        (*left, *right)
                    }
                };
                preimage[..32].copy_from_slice(first.as_slice());
                preimage[32..].copy_from_slice(second.as_slice());
            }
            let hashes = &mut self.hashes[..batch.len()];
            TrieNode::hash_many(kind, &self.preimages[..batch.len()], hashes);
            for (job, hash) in batch.iter().zip(hashes) {
                buckets[job.bucket as usize].set_hash(job.place, B256::new(*hash));
            }
        }
        jobs.clear();
    }
}
