use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use alloy_primitives::{B256, Bytes, b256, hex};
use nomt_core::hasher::{Sha2Hasher, ValueHasher};
use nomt_core::proof::{PathProof, PathProofTerminal};
use nomt_core::trie::LeafData;
use proptest::collection::{btree_map, vec as any_vec};
use proptest::prelude::*;

use super::{EMPTY_ROOT, PreimageMap, StateProof, StateWitness, Trie, TrieError, TrieNode};
use crate::{StateKey, decode, encode, sha256};

type Model = BTreeMap<StateKey, Bytes>;
/// A key and its value.
type Named = (StateKey, &'static [u8]);
type Changes = BTreeMap<StateKey, Option<Bytes>>;

/// A whole trie, kept by the code under test: every node it made and every value.
#[derive(Default)]
struct Full {
    known: PreimageMap,
    root: B256,
    model: Model,
}

impl Full {
    fn apply(&mut self, changes: &Changes) {
        let mut hashes = Vec::new();
        for (key, value) in changes {
            hashes.push((
                *key,
                value.clone().map(|value| self.known.insert_value(value)),
            ));
            match value {
                Some(value) => self.model.insert(*key, value.clone()),
                None => self.model.remove(key),
            };
        }
        let mut made = Vec::new();
        let mut emit = |node: &TrieNode, _: &B256| made.push(*node);
        let root = Trie::new(&self.known)
            .update_hashes(self.root, &hashes, &mut emit)
            .unwrap();
        assert_eq!(
            Trie::new(&self.known).update(self.root, changes).unwrap(),
            root
        );
        for node in &made {
            self.known.insert_node(node);
        }
        self.root = root;
    }
}

/// The oracle: NOMT's own trie builder over the sorted leaves.
fn nomt_root(model: &Model) -> B256 {
    let leaves: Vec<_> = model
        .iter()
        .map(|(key, v)| (key.0, Sha2Hasher::hash_value(v)))
        .collect();
    B256::new(nomt_core::update::build_trie::<Sha2Hasher>(
        0,
        leaves,
        |_| {},
    ))
}

/// NOMT's verdict on a proof of ours: the value, if the key has one.
fn nomt_verdict(full: &Full, proof: &StateProof, key: &StateKey) -> Option<Bytes> {
    let leaf = |key: &StateKey, value: &[u8]| LeafData {
        key_path: key.0,
        value_hash: Sha2Hasher::hash_value(value),
    };
    // What ends the path, as NOMT has it, told from the model alone.
    let depth = proof.siblings().len();
    let mut below = full
        .model
        .iter()
        .filter(|(k, _)| super::node::same_prefix(k, key, depth));
    let path = PathProofTerminal::Leaf(leaf(key, b""));
    let found = below.next();
    assert!(
        below.next().is_none(),
        "the path does not end where one key is left"
    );
    let terminal = match found {
        Some((key, value)) => PathProofTerminal::Leaf(leaf(key, value)),
        None => PathProofTerminal::Terminator(nomt_core::trie_pos::TriePosition::new()),
    };
    let siblings = proof.siblings().iter().map(|sibling| sibling.0).collect();
    let verified = PathProof { terminal, siblings }
        .verify::<Sha2Hasher>(path.path(), full.root.0)
        .expect("NOMT refuses the path");
    let value = full.model.get(key).cloned();
    match &value {
        Some(value) => assert!(verified.confirm_value(&leaf(key, value)).unwrap()),
        None => assert!(verified.confirm_nonexistence(&key.0).unwrap()),
    }
    value
}

/// Keys of which many share long prefixes: a base, with some bit flipped.
fn key() -> impl Strategy<Value = StateKey> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(B256::new),
        (0u8..3, prop_oneof![0usize..256, 240usize..256, Just(255)]).prop_map(|(base, flip)| {
            let mut key = B256::repeat_byte(base * 0x55);
            key.0[flip / 8] ^= 0x80 >> (flip % 8);
            key
        }),
    ]
}

fn changes() -> impl Strategy<Value = Changes> {
    let value = prop_oneof![
        3 => any_vec(any::<u8>(), 0..70).prop_map(|bytes| Some(Bytes::from(bytes))),
        2 => Just(None),
    ];
    btree_map(key(), value, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::conformance::cases(64), ..ProptestConfig::default() })]

    #[test]
    fn equals_nomt(batches in any_vec(changes(), 1..8), absent in key()) {
        let mut full = Full::default();
        for changes in &batches {
            full.apply(changes);
            prop_assert_eq!(full.root, nomt_root(&full.model));
            let leaves: Vec<_> =
                full.model.iter().map(|(key, value)| (*key, sha256(value))).collect();
            prop_assert_eq!(full.root, Trie::root_of(&leaves));
        }
        for key in batches.iter().flat_map(BTreeMap::keys).chain([&absent]) {
            let expected = full.model.get(key).cloned();
            prop_assert_eq!(&Trie::new(&full.known).read(full.root, key).unwrap(), &expected);
            let proof = StateProof::make(&full.known, full.root, key).unwrap();
            prop_assert_eq!(&proof.verify(full.root, key).unwrap(), &expected);
            prop_assert_eq!(&nomt_verdict(&full, &proof, key), &expected);
            let again: StateProof = decode(&encode(&proof), StateProof::MAX_LEN).unwrap();
            prop_assert_eq!(again, proof);
        }
    }

    #[test]
    fn undoing_restores_the_root(base in changes(), changes in changes()) {
        let mut full = Full::default();
        full.apply(&base);
        let (root, model) = (full.root, full.model.clone());
        full.apply(&changes);
        full.apply(&changes.keys().map(|key| (*key, model.get(key).cloned())).collect());
        prop_assert_eq!(full.root, root);
    }

    #[test]
    fn a_witness_is_enough_and_cannot_lie(
        base in any_vec(changes(), 1..4),
        reads in any_vec(key(), 0..6),
        changes in changes(),
        flip in any::<proptest::sample::Index>(),
    ) {
        let mut full = Full::default();
        for changes in &base {
            full.apply(changes);
        }
        let reads: Vec<_> = reads.into_iter().chain(full.model.keys().take(4).copied()).collect();
        let witness =
            StateWitness::collect(&full.known, full.root, &reads, changes.keys()).unwrap();
        witness.verify(full.root).unwrap();
        let bytes = encode(&witness);
        let again: StateWitness = decode(&bytes, 1 << 20).unwrap();
        prop_assert_eq!(&again, &witness);
        for key in &reads {
            let value = again.trie().read(full.root, key).unwrap();
            prop_assert_eq!(value, full.model.get(key).cloned());
        }
        let root = again.trie().update(full.root, &changes).unwrap();
        full.apply(&changes);
        prop_assert_eq!(root, full.root);

        // Any other bytes are refused, or are of another root.
        let mut tampered = bytes.clone();
        let place = flip.index(tampered.len());
        tampered[place] ^= 1 << (place % 8);
        if let Ok(lie) = decode::<StateWitness>(&tampered, 1 << 20) {
            prop_assert_ne!(lie.root(), witness.root());
        }
        let cut = flip.index(bytes.len());
        prop_assert!(decode::<StateWitness>(&bytes[..cut], 1 << 20).is_err());
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in any_vec(any::<u8>(), 0..600)) {
        let _ = decode::<StateWitness>(&bytes, 1 << 20);
        let _ = decode::<StateProof>(&bytes, 1 << 20);
    }

    #[test]
    fn a_tampered_proof_is_refused(base in changes(), key in key(), place in any::<u16>()) {
        let mut full = Full::default();
        full.apply(&base);
        let proof = StateProof::make(&full.known, full.root, &key).unwrap();
        let mut bytes = encode(&proof);
        let place = usize::from(place) % bytes.len();
        bytes[place] ^= 1 << (place % 8);
        if let Ok(lie) = decode::<StateProof>(&bytes, StateProof::MAX_LEN) {
            prop_assert!(lie.verify(full.root, &key).is_err());
        }
    }
}

fn full(entries: &[Named]) -> Full {
    let mut full = Full::default();
    full.apply(
        &entries
            .iter()
            .map(|(key, v)| (*key, Some(Bytes::from_static(v))))
            .collect(),
    );
    full
}

/// Roots computed with Python's `hashlib` from the definition alone.
#[test]
fn golden_roots() {
    let a = B256::repeat_byte(0x11);
    let b = B256::repeat_byte(0x12);
    let c = B256::repeat_byte(0xee);
    let cases: [(&[Named], B256); 4] = [
        (&[], B256::ZERO),
        (&[(a, b"one")], GOLDEN_ONE),
        (&[(a, b"one"), (b, b"two")], GOLDEN_TWO),
        (&[(a, b"one"), (b, b"two"), (c, b"")], GOLDEN_THREE),
    ];
    for (entries, root) in cases {
        assert_eq!(full(entries).root, root, "{} entries", entries.len());
    }
}

const GOLDEN_ONE: B256 = b256!("828e67ce927f4999a20f25ea7d0381744b0c649fafcce52b3402edf3c7fbe9cc");
const GOLDEN_TWO: B256 = b256!("756f9d752e0a37ba9022dec03ab2616124cdb3aaedd0f0d65000523a8af11d94");
const GOLDEN_THREE: B256 =
    b256!("7fcf46f773b8a8336b965a28471c3b00788f5b23b64249bae61b0770a49129dc");

#[test]
fn golden_encodings() {
    let (a, b) = (B256::repeat_byte(0x00), B256::repeat_byte(0xff));
    let full = full(&[(a, b"one"), (b, b"two")]);
    let leaf = |key, value: &[u8]| TrieNode::leaf_hash(key, &sha256(value));
    let (leaf_a, leaf_b) = (leaf(&a, b"one"), leaf(&b, b"two"));

    let proof = StateProof::make(&full.known, full.root, &a).unwrap();
    let expected = [&hex!("0100")[..], &leaf_b[..], &hex!("02 03000000"), b"one"];
    assert_eq!(encode(&proof), expected.concat());

    let other = B256::repeat_byte(0x01);
    let proof = StateProof::make(&full.known, full.root, &other).unwrap();
    let expected = [
        &hex!("0100")[..],
        &leaf_b[..],
        &[1],
        &a[..],
        &sha256(b"one")[..],
    ];
    assert_eq!(encode(&proof), expected.concat());

    let witness = StateWitness::collect(&full.known, full.root, [&a], []).unwrap();
    let expected = [
        &[2, 0x14][..],
        &a[..],
        &hex!("03000000"),
        b"one",
        &leaf_b[..],
    ];
    assert_eq!(encode(&witness), expected.concat());

    let witness = StateWitness::collect(&full.known, full.root, [], [&b]).unwrap();
    let expected = [&[2, 0x31][..], &leaf_a[..], &b[..], &sha256(b"two")[..]];
    assert_eq!(encode(&witness), expected.concat());

    let empty = StateWitness::collect(&full.known, EMPTY_ROOT, [&a], [&b]).unwrap();
    assert_eq!(encode(&empty), [0]);
}

#[test]
fn keys_that_part_at_the_last_bit() {
    let (a, mut b) = (B256::ZERO, B256::ZERO);
    b.0[31] = 1;
    let mut full = full(&[(a, b"left"), (b, b"right")]);
    assert_eq!(full.root, nomt_root(&full.model));
    let proof = StateProof::make(&full.known, full.root, &b).unwrap();
    assert_eq!(proof.siblings().len(), 256);
    assert_eq!(
        proof.verify(full.root, &b).unwrap(),
        Some(Bytes::from_static(b"right"))
    );
    full.apply(&[(a, None)].into());
    assert_eq!(full.root, TrieNode::leaf_hash(&b, &sha256(b"right")));
    full.apply(&[(b, None)].into());
    assert_eq!(full.root, EMPTY_ROOT);
}

#[test]
fn bad_preimages_are_named() {
    let key = B256::repeat_byte(0x0f);
    let far = B256::repeat_byte(0xf0);
    let leaf = |key: StateKey| TrieNode::Leaf {
        key,
        value_hash: sha256(b"v"),
    };
    let internal = |left, right| TrieNode::Internal { left, right };

    /// Preimages that answer one hash with chosen bytes.
    struct Liar(B256, Vec<u8>);
    impl crate::Preimages for Liar {
        fn get(&self, _: crate::PreimageKind, hash: &B256) -> Option<Bytes> {
            (*hash == self.0).then(|| self.1.clone().into())
        }
    }
    let read = |root: B256, bytes: Vec<u8>| Trie::new(&Liar(root, bytes)).read(root, &key);

    let root = leaf(key).hash();
    let honest = leaf(key).preimage().to_vec();
    assert_eq!(
        read(root, honest.clone()),
        Err(TrieError::Missing {
            kind: crate::PreimageKind::Sha256,
            hash: sha256(b"v")
        }),
        "the value's preimage is needed too"
    );
    assert_eq!(
        read(root, vec![0; 63]),
        Err(TrieError::NodeLength {
            hash: root,
            length: 63
        })
    );
    assert_eq!(
        read(root, vec![0; 64]),
        Err(TrieError::Mismatch { hash: root })
    );
    let unknown = sha256(b"unknown");
    assert!(matches!(
        Trie::new(&Liar(root, honest)).read(unknown, &key),
        Err(TrieError::Missing { .. })
    ));

    let lone = internal(leaf(key).hash(), B256::ZERO);
    let error = read(lone.hash(), lone.preimage().to_vec());
    assert_eq!(error, Err(TrieError::NotCompact { hash: lone.hash() }));

    let mut known = PreimageMap::default();
    let misplaced = known.insert_node(&leaf(far));
    let root = known.insert_node(&internal(misplaced, leaf(key).hash()));
    let error = Trie::new(&known).read(root, &key);
    assert_eq!(error, Err(TrieError::Misplaced { key: far, depth: 1 }));
    let error = Trie::new(&known).update(root, &Changes::from([(key, None)]));
    assert_eq!(error, Err(TrieError::Misplaced { key: far, depth: 1 }));

    // A chain of internal nodes that goes on past the last bit of every key.
    let mut root = unknown & B256::repeat_byte(0x7f);
    for _ in 0..257 {
        root = known.insert_node(&internal(root, root));
    }
    assert!(matches!(
        Trie::new(&known).read(root, &key),
        Err(TrieError::TooDeep { .. })
    ));

    let changes = [(far, None), (key, None)];
    let error = Trie::new(&known).update_hashes(EMPTY_ROOT, &changes, &mut |_, _| {});
    assert_eq!(error, Err(TrieError::Unsorted { key }));
}

#[test]
fn bad_proofs_are_named() {
    let (a, b) = (B256::repeat_byte(0x00), B256::repeat_byte(0xff));
    let full = full(&[(a, b"one"), (b, b"two")]);
    let proof = StateProof::make(&full.known, full.root, &a).unwrap();
    assert!(matches!(
        proof.verify(B256::ZERO, &a),
        Err(TrieError::WrongRoot { .. })
    ));
    assert!(matches!(
        proof.verify(full.root, &b),
        Err(TrieError::WrongRoot { .. })
    ));

    let leaf = Some((a, sha256(b"one")));
    let silent = StateProof::from_parts(proof.siblings().to_vec(), leaf, None);
    assert_eq!(
        silent.verify(full.root, &a),
        Err(TrieError::Contradiction { key: a })
    );
    let error = silent.verify(full.root, &b);
    assert_eq!(error, Err(TrieError::Misplaced { key: a, depth: 1 }));
    let long = StateProof::from_parts(vec![B256::ZERO; 257], None, None);
    assert_eq!(
        long.verify(full.root, &a),
        Err(TrieError::ProofTooLong { siblings: 257 })
    );
    assert!(decode::<StateProof>(&encode(&long), StateProof::MAX_LEN).is_err());
}
