//! Batches that are none: each has one outcome, natively and in the machine.

use plasma_core::*;
use plasma_exec::ModuleRuntime;

use super::chain::{Chain, Dice, block, deposit, program, rounds, signer};

/// What is wrong with a batch, and how it is made so out of a good one.
type Fault = (&'static str, fn(&mut BatchHeader, &mut Vec<u8>));

const FAULTS: [Fault; 9] = [
    ("it begins too late", |batch, _| {
        batch.first_height = batch.first_height.next();
    }),
    ("it ends before it begins", |batch, _| {
        batch.last_height = Height(0);
    }),
    ("another block is certified", |batch, _| {
        batch.last_hash = B256::repeat_byte(9);
    }),
    ("its length is another", |batch, _| {
        batch.commitment.length += 1;
    }),
    ("its length is beyond all limits", |batch, _| {
        batch.commitment.length = u64::MAX;
    }),
    ("it is empty", |batch, bytes| {
        bytes.clear();
        batch.commitment = DaCommitment::chunk_tree(bytes);
    }),
    ("it ends early", |batch, bytes| {
        bytes.truncate(bytes.len() - 1);
        batch.commitment = DaCommitment::chunk_tree(bytes);
    }),
    ("something is left over", |batch, bytes| {
        bytes.push(0);
        batch.commitment = DaCommitment::chunk_tree(bytes);
    }),
    (
        "it is of a scheme that this chain does not know",
        |batch, _| {
            batch.commitment.scheme = CommitmentScheme::Blobs;
        },
    ),
];

fn config() -> Vec<u8> {
    b"{}".to_vec()
}

/// A batch of two blocks with some transactions that are none, and a message for it.
fn good(chain: &mut Chain<'_>) -> (Vec<Block>, Vec<u8>) {
    let to = signer(1).address();
    chain.send(deposit(to, Address::ZERO, U256::from(5), Bytes::new()));
    let noise = |n: u8| Bytes::from(vec![n; 200]);
    let first = block(&chain.head(), vec![noise(1), noise(2)], chain.waiting());
    let second = block(&first.header, vec![noise(3)], 0);
    let blocks = vec![first, second];
    let bytes = encode_batch(&blocks);
    (blocks, bytes)
}

#[test]
fn what_is_wrong_with_a_batch_has_one_outcome() {
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    let mut chain = Chain::new(&runtime, &program, &config());
    for (what, fault) in FAULTS {
        println!("{what}");
        let (blocks, mut bytes) = good(&mut chain);
        let mut batch = chain.batch(&blocks, &bytes);
        let messages = batch.messages;
        fault(&mut batch, &mut bytes);
        let derived = chain.enter(EntryKind::Batch(batch), messages, &bytes);
        assert!(derived.defect.is_some(), "{what}");
        // The messages are consumed all the same.
        assert_eq!(derived.blocks.len(), 1, "{what}");
    }
    // The chain goes on.
    let (blocks, _) = good(&mut chain);
    chain.append(&blocks);
}

#[test]
fn a_forced_entry_consumes_what_is_left() {
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    let mut chain = Chain::new(&runtime, &program, &config());
    for n in 0..3 {
        let to = signer(n).address();
        chain.send(deposit(to, Address::ZERO, U256::from(5), Bytes::new()));
    }
    let derived = chain.enter(EntryKind::Force, 3, &[]);
    assert_eq!((derived.blocks.len(), derived.defect), (1, None));
    // Nothing to consume: an entry without blocks.
    let derived = chain.enter(EntryKind::Force, 3, &[]);
    assert_eq!((derived.blocks.len(), derived.defect), (0, None));
}

#[test]
fn bytes_changed_at_random_have_one_outcome() {
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    let mut chain = Chain::new(&runtime, &program, &config());
    let mut dice = Dice::new(3);
    let mut defects = 0;
    for _ in 0..rounds(12, 400) {
        let (blocks, mut bytes) = good(&mut chain);
        for _ in 0..=dice.below(3) {
            dice.flip(&mut bytes);
        }
        let mut batch = chain.batch(&blocks, &bytes);
        // Now and then the bytes that were changed are those that were decided on.
        if dice.below(4) == 0 {
            batch.commitment = DaCommitment::chunk_tree(&encode_batch(&blocks));
        }
        let messages = batch.messages;
        let bound = batch.commitment.binds(&bytes);
        if !bound {
            bytes = encode_batch(&blocks);
        }
        let derived = chain.enter(EntryKind::Batch(batch), messages, &bytes);
        defects += u32::from(derived.defect.is_some());
    }
    assert!(defects > 0);
}
