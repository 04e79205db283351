use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes};

use super::node::{DEPTH, bit, same_prefix};
use super::{EMPTY_ROOT, NodeKind, TrieError, TrieNode};
use crate::{PreimageKind, Preimages, StateKey, sha256};

/// Something of a key.
type Keyed<T> = (StateKey, T);

/// The hash of a key's new value; `None` deletes the key.
type Change = Keyed<Option<B256>>;

/// Receives each node that an update makes.
type Emit<'a> = &'a mut dyn FnMut(&TrieNode, &B256);

/// A trie of which only some nodes are known: those that `preimages` has.
///
/// ```
/// use plasma_core::{B256, Bytes, EMPTY_ROOT, PreimageMap, Trie};
///
/// let mut known = PreimageMap::default();
/// let key = B256::repeat_byte(7);
/// let value = Bytes::from_static(b"seven");
/// let changes = [(key, Some(known.insert_value(value.clone())))];
/// let mut made = Vec::new();
/// let root = Trie::new(&known).update_hashes(EMPTY_ROOT, &changes, &mut |node, _| made.push(*node))?;
/// for node in &made {
///     known.insert_node(node);
/// }
/// assert_eq!(Trie::new(&known).read(root, &key)?, Some(value));
/// # Ok::<(), plasma_core::TrieError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Trie<'a> {
    preimages: &'a dyn Preimages,
    check: bool,
}

impl<'a> Trie<'a> {
    /// A trie over preimages from anywhere: each is hashed when it is used, so that an answer is proven by
    /// the root it was asked of.
    pub fn new(preimages: &'a dyn Preimages) -> Self {
        Self {
            preimages,
            check: true,
        }
    }

    /// A trie over preimages that something else has proven already: the fault-proof machine, whose step proof
    /// covers each of them. Saves a hash for every node.
    pub fn proven(preimages: &'a dyn Preimages) -> Self {
        Self {
            preimages,
            check: false,
        }
    }

    /// The value of `key` under `root`.
    pub fn read(&self, root: B256, key: &StateKey) -> Result<Option<Bytes>, TrieError> {
        let Some(hash) = self.read_hash(root, key)? else {
            return Ok(None);
        };
        let kind = PreimageKind::Sha256;
        let value = self
            .preimages
            .get(kind, &hash)
            .ok_or(TrieError::Missing { kind, hash })?;
        if self.check && sha256(&value) != hash {
            return Err(TrieError::Mismatch { hash });
        }
        Ok(Some(value))
    }

    /// SHA-256 of the value of `key` under `root`.
    pub fn read_hash(&self, root: B256, key: &StateKey) -> Result<Option<B256>, TrieError> {
        let found = self.descend(root, key, &mut |_, _| {})?;
        Ok(found.and_then(|(leaf, value_hash)| (leaf == *key).then_some(value_hash)))
    }

    /// The root after `changes` to `root`, in ascending order of keys; `None` deletes.
    ///
    /// One pass: each node on the path of a change is fetched once, proves the old root as it is opened and
    /// makes the new one as it is closed.
    pub fn update<'c, V: AsRef<[u8]> + 'c>(
        &self,
        root: B256,
        changes: impl IntoIterator<Item = (&'c StateKey, &'c Option<V>)>,
    ) -> Result<B256, TrieError> {
        let changes: Vec<Change> = changes
            .into_iter()
            .map(|(key, value)| (*key, value.as_ref().map(|value| sha256(value.as_ref()))))
            .collect();
        self.update_hashes(root, &changes, &mut |_, _| {})
    }

    /// Like [`Trie::update`], over hashes of values, handing each node that is new, with its hash, to `emit`.
    pub fn update_hashes(
        &self,
        root: B256,
        changes: &[(StateKey, Option<B256>)],
        emit: &mut dyn FnMut(&TrieNode, &B256),
    ) -> Result<B256, TrieError> {
        if let Some(pair) = changes.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(TrieError::Unsorted { key: pair[1].0 });
        }
        self.update_at(root, 0, changes, emit)
    }

    /// The root of a trie that holds exactly `leaves`: keys, in ascending order, and hashes of their values.
    pub fn root_of(leaves: &[(StateKey, B256)]) -> B256 {
        build(0, leaves, &mut |_, _| {})
    }

    /// Walks from `root` towards `key`, handing each node opened to `visit`, to the leaf at the end, if any.
    pub(super) fn descend(
        &self,
        root: B256,
        key: &StateKey,
        visit: Emit<'_>,
    ) -> Result<Option<(StateKey, B256)>, TrieError> {
        let mut hash = root;
        for depth in 0..=DEPTH {
            if NodeKind::of(&hash) == NodeKind::Terminator {
                return Ok(None);
            }
            let node = self.open(&hash, depth, key)?;
            visit(&node, &hash);
            match node {
                TrieNode::Leaf { key, value_hash } => return Ok(Some((key, value_hash))),
                TrieNode::Internal { left, right } => {
                    hash = if bit(key, depth) { right } else { left };
                }
            }
        }
        // `open` refuses an internal node at depth 256, so that the loop always returns.
        Err(TrieError::TooDeep { hash })
    }

    /// The node of `hash`, which stands at `depth` on the path of `key`.
    fn open(&self, hash: &B256, depth: usize, key: &StateKey) -> Result<TrieNode, TrieError> {
        let kind = PreimageKind::TrieNode;
        let preimage = self
            .preimages
            .get(kind, hash)
            .ok_or(TrieError::Missing { kind, hash: *hash })?;
        let node = TrieNode::decode(hash, &preimage)?;
        if self.check && node.hash() != *hash {
            return Err(TrieError::Mismatch { hash: *hash });
        }
        match node {
            TrieNode::Leaf { key: leaf, .. } if !same_prefix(&leaf, key, depth) => {
                Err(TrieError::Misplaced {
                    key: leaf,
                    depth: depth as u16,
                })
            }
            TrieNode::Internal { .. } if depth == DEPTH => Err(TrieError::TooDeep { hash: *hash }),
            TrieNode::Internal { left, right } if TrieNode::only_child(&left, &right).is_some() => {
                Err(TrieError::NotCompact { hash: *hash })
            }
            _ => Ok(node),
        }
    }

    /// The subtree `hash` at `depth` after `changes`, all of which belong in it. Recurses 256 deep at most.
    fn update_at(
        &self,
        hash: B256,
        depth: usize,
        changes: &[Change],
        emit: Emit<'_>,
    ) -> Result<B256, TrieError> {
        let Some((first, _)) = changes.first() else {
            return Ok(hash);
        };
        if NodeKind::of(&hash) == NodeKind::Terminator {
            return Ok(build(depth, &present(changes, None), emit));
        }
        match self.open(&hash, depth, first)? {
            TrieNode::Leaf { key, value_hash } => Ok(build(
                depth,
                &present(changes, Some((key, value_hash))),
                emit,
            )),
            TrieNode::Internal { left, right } => {
                let (lower, upper) = split(depth, changes);
                let new_left = self.update_at(left, depth + 1, lower, emit)?;
                let new_right = self.update_at(right, depth + 1, upper, emit)?;
                if (new_left, new_right) == (left, right) {
                    return Ok(hash);
                }
                Ok(join(new_left, new_right, emit))
            }
        }
    }
}

/// The leaves that `changes` leave where there was at most `leaf` before.
fn present(changes: &[Change], leaf: Option<(StateKey, B256)>) -> Vec<(StateKey, B256)> {
    let mut leaves: Vec<_> = changes
        .iter()
        .filter_map(|(key, value)| value.map(|value| (*key, value)))
        .collect();
    if let Some(leaf) = leaf
        && changes
            .binary_search_by(|(key, _)| key.cmp(&leaf.0))
            .is_err()
    {
        let place = leaves.partition_point(|(key, _)| *key < leaf.0);
        leaves.insert(place, leaf);
    }
    leaves
}

/// The subtree at `depth` of exactly `leaves`, sorted. Recurses 256 deep at most, as keys differ.
fn build(depth: usize, leaves: &[(StateKey, B256)], emit: Emit<'_>) -> B256 {
    match leaves {
        [] => EMPTY_ROOT,
        [(key, value_hash)] => {
            let node = TrieNode::Leaf {
                key: *key,
                value_hash: *value_hash,
            };
            let hash = node.hash();
            emit(&node, &hash);
            hash
        }
        _ => {
            let (lower, upper) = split(depth, leaves);
            let left = build(depth + 1, lower, emit);
            let right = build(depth + 1, upper, emit);
            join(left, right, emit)
        }
    }
}

/// The subtree over two subtrees.
fn join(left: B256, right: B256, emit: Emit<'_>) -> B256 {
    if let Some(only) = TrieNode::only_child(&left, &right) {
        return only;
    }
    let node = TrieNode::Internal { left, right };
    let hash = node.hash();
    emit(&node, &hash);
    hash
}

/// Sorted entries with the same first `depth` bits, parted by the next bit.
fn split<T>(depth: usize, entries: &[Keyed<T>]) -> (&[Keyed<T>], &[Keyed<T>]) {
    entries.split_at(entries.partition_point(|(key, _)| !bit(key, depth)))
}
