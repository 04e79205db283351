use alloc::collections::BTreeSet;

use alloy_primitives::{B256, Bytes};
use borsh::io::{Read, Result as IoResult, Write};
use borsh::{BorshDeserialize, BorshSerialize};

use super::node::{DEPTH, same_prefix};
use super::proof::{invalid, read_hash, read_value, write_value};
use super::{EMPTY_ROOT, NodeKind, PreimageMap, Trie, TrieError, TrieNode};
use crate::{PreimageKind, Preimages, StateKey};

/// The part of a state that some reads and writes touch: preimages of the nodes on their paths and of the values
/// read, in a form that proves its own root.
///
/// Encoded as the pruned trie itself, before its children each node, so that no hash that follows from others is
/// sent: a byte for the root's form, then the root's body. A body is, by form:
///
/// | form | body |
/// |---|---|
/// | 0 terminator | nothing |
/// | 1 pruned | its hash |
/// | 2 internal | a byte with the forms of left (low half) and right, then left's body, then right's |
/// | 3 leaf | key, hash of the value |
/// | 4 leaf and value | key, length of the value (`u32`), value |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateWitness {
    root: B256,
    known: PreimageMap,
}

const TERMINATOR: u8 = 0;
const PRUNED: u8 = 1;
const INTERNAL: u8 = 2;
const LEAF: u8 = 3;
const LEAF_WITH_VALUE: u8 = 4;

impl StateWitness {
    /// A witness of `root` from nodes and values that are just what is to be shown.
    pub fn new(root: B256, known: PreimageMap) -> Self {
        Self { root, known }
    }

    /// Takes from `preimages` what reading `reads` and writing (or deleting) `writes` needs under `root`.
    pub fn collect<'k>(
        preimages: &dyn Preimages,
        root: B256,
        reads: impl IntoIterator<Item = &'k StateKey>,
        writes: impl IntoIterator<Item = &'k StateKey>,
    ) -> Result<Self, TrieError> {
        let mut known = PreimageMap::default();
        for key in reads {
            let trie = Trie::new(preimages);
            let found = trie.descend(root, key, &mut |node, _| {
                known.insert_node(node);
            })?;
            let Some((_, hash)) = found.filter(|(leaf, _)| leaf == key) else {
                continue;
            };
            let kind = PreimageKind::Sha256;
            let value = preimages
                .get(kind, &hash)
                .ok_or(TrieError::Missing { kind, hash })?;
            if known.insert_value(value) != hash {
                return Err(TrieError::Mismatch { hash });
            }
        }
        for key in writes {
            let trie = Trie::new(preimages);
            trie.descend(root, key, &mut |node, _| {
                known.insert_node(node);
            })?;
        }
        Ok(Self { root, known })
    }

    /// The root that this is a part of. Nobody can make a witness of a root without knowing its trie.
    pub fn root(&self) -> B256 {
        self.root
    }

    /// Whether this is a part of `root`.
    pub fn verify(&self, root: B256) -> Result<(), TrieError> {
        if self.root == root {
            Ok(())
        } else {
            Err(TrieError::WrongRoot {
                proven: self.root,
                expected: root,
            })
        }
    }

    /// The pruned trie.
    pub fn trie(&self) -> Trie<'_> {
        // Each preimage stands under the hash computed from it.
        Trie::proven(&self.known)
    }

    /// The nodes and values, by hash.
    pub fn preimages(&self) -> &PreimageMap {
        &self.known
    }

    fn form(&self, hash: &B256, values: &mut BTreeSet<B256>) -> (u8, Option<TrieNode>) {
        if NodeKind::of(hash) == NodeKind::Terminator {
            return (TERMINATOR, None);
        }
        let node = self
            .known
            .get(PreimageKind::TrieNode, hash)
            .and_then(|bytes| TrieNode::decode(hash, &bytes).ok());
        let form = match &node {
            None => PRUNED,
            Some(TrieNode::Internal { .. }) => INTERNAL,
            // Equal values are sent once.
            Some(TrieNode::Leaf { value_hash, .. })
                if self.known.contains(PreimageKind::Sha256, value_hash)
                    && values.insert(*value_hash) =>
            {
                LEAF_WITH_VALUE
            }
            Some(TrieNode::Leaf { .. }) => LEAF,
        };
        (form, node)
    }

    fn write_body<W: Write>(
        &self,
        hash: &B256,
        (form, node): (u8, Option<TrieNode>),
        values: &mut BTreeSet<B256>,
        out: &mut W,
    ) -> IoResult<()> {
        match node {
            Some(TrieNode::Internal { left, right }) => {
                let (left_form, right_form) = (self.form(&left, values), self.form(&right, values));
                out.write_all(&[left_form.0 | right_form.0 << 4])?;
                self.write_body(&left, left_form, values, out)?;
                self.write_body(&right, right_form, values, out)
            }
            Some(TrieNode::Leaf { key, value_hash }) => {
                out.write_all(key.as_slice())?;
                match self
                    .known
                    .get(PreimageKind::Sha256, &value_hash)
                    .filter(|_| form == LEAF_WITH_VALUE)
                {
                    Some(value) => write_value(&value, out),
                    None => out.write_all(value_hash.as_slice()),
                }
            }
            None if form == PRUNED => out.write_all(hash.as_slice()),
            None => Ok(()),
        }
    }
}

impl Preimages for StateWitness {
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        self.known.get(kind, hash)
    }
}

impl BorshSerialize for StateWitness {
    fn serialize<W: Write>(&self, out: &mut W) -> IoResult<()> {
        let mut values = BTreeSet::new();
        let form = self.form(&self.root, &mut values);
        out.write_all(&[form.0])?;
        self.write_body(&self.root, form, &mut values, out)
    }
}

impl BorshDeserialize for StateWitness {
    fn deserialize_reader<R: Read>(input: &mut R) -> IoResult<Self> {
        let mut known = PreimageMap::default();
        let form = u8::deserialize_reader(input)?;
        let mut path = StateKey::ZERO;
        let root = read_body(input, form, 0, &mut path, &mut known)?;
        Ok(Self { root, known })
    }
}

/// Reads the subtree at the first `depth` bits of `path`; returns its hash. Recurses 256 deep at most.
fn read_body<R: Read>(
    input: &mut R,
    form: u8,
    depth: usize,
    path: &mut StateKey,
    known: &mut PreimageMap,
) -> IoResult<B256> {
    match form {
        TERMINATOR => Ok(EMPTY_ROOT),
        PRUNED => {
            let hash = read_hash(input)?;
            if hash == EMPTY_ROOT {
                Err(invalid("a terminator is not pruned"))
            } else {
                Ok(hash)
            }
        }
        INTERNAL if depth < DEPTH => {
            let forms = u8::deserialize_reader(input)?;
            let left = read_body(input, forms & 15, depth + 1, path, known)?;
            let mask = 0x80 >> (depth % 8);
            path.0[depth / 8] |= mask;
            let right = read_body(input, forms >> 4, depth + 1, path, known)?;
            path.0[depth / 8] &= !mask;
            if TrieNode::only_child(&left, &right).is_some() {
                return Err(invalid("a subtree with one key is its leaf"));
            }
            Ok(known.insert_node(&TrieNode::Internal { left, right }))
        }
        INTERNAL => Err(invalid("keys end at depth 256")),
        LEAF | LEAF_WITH_VALUE => {
            let key = read_hash(input)?;
            if !same_prefix(&key, path, depth) {
                return Err(invalid("a leaf stands on its key's path"));
            }
            let value_hash = if form == LEAF {
                read_hash(input)?
            } else {
                known.insert_value(read_value(input)?)
            };
            Ok(known.insert_node(&TrieNode::Leaf { key, value_hash }))
        }
        _ => Err(invalid("a node's form is 0 to 4")),
    }
}
