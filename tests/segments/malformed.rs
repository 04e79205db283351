//! Batches that a dishonest quorum certified: each has one outcome, the same natively and in the transition.

use plasma_core::{
    B256, BatchHeader, Block, Bytes, ChainHead, CommitmentScheme, DaCommitment, Epoch, Height,
    MAX_BATCH_BYTES, MessageKind, Timestamp,
};
use plasma_exec::ModuleRuntime;

use crate::{
    workloads::module_config,
    world::{World, signed, signer},
};

type Tamper = fn(&World, &mut Vec<Block>);
type TamperBatch = fn(&mut BatchHeader, &mut Bytes);

fn recommit(batch: &mut BatchHeader, bytes: Bytes) -> Bytes {
    batch.commitment = DaCommitment::chunk_tree(&bytes);
    bytes
}

/// A world with a block behind it and messages to consume.
fn world() -> World {
    let mut world = World::new(ModuleRuntime::new(), &module_config());
    world.publish(vec![(0, vec![signed(0, |_| {})])]);
    for number in 0..3 {
        let to = signer(number).address();
        world.send(MessageKind::Deposit, to, 5, Bytes::new());
    }
    world
}

fn honest(world: &World) -> Vec<Block> {
    let head = world.head();
    let first = world.block(&head, 1, vec![signed(1, |_| {})]);
    let after = ChainHead::of(&first.header, head.entry);
    let second = world.block(&after, 2, vec![signed(2, |_| {}), signed(3, |_| {})]);
    vec![first, second]
}

/// Links the blocks anew after one was changed.
fn relink(blocks: &mut [Block]) {
    for index in 1..blocks.len() {
        blocks[index].header.parent = blocks[index - 1].header.hash();
    }
}

/// The batch is passed over; what the root counts as consumed is consumed by a forced block.
fn check_passed_over(mut world: World, batch: BatchHeader, bytes: Bytes, words: &str) {
    let before = world.head();
    world.append(batch, bytes);
    let defect = world.defect().unwrap_or_default();
    assert!(defect.contains(words), "{defect:?} says {words:?}");
    let trace = world.check();
    assert_eq!(trace.last().messages, world.head().messages);
    assert!(trace.last().height.0 <= before.height.0 + 1);
}

#[test]
fn blocks_that_break_a_rule_are_passed_over() {
    let cases: [(Tamper, &str); 6] = [
        (
            |_, blocks| blocks[1].header.timestamp = blocks[0].header.timestamp,
            "not after",
        ),
        (
            |world, blocks| {
                blocks[1].header.timestamp = Timestamp(world.time.timestamp().0 + 90_000);
            },
            "too far ahead",
        ),
        (
            |_, blocks| blocks[1].header.messages = 0,
            "gives messages back",
        ),
        (
            |_, blocks| {
                blocks[0].header.epoch = Epoch(1);
                relink(blocks);
            },
            "epoch",
        ),
        (
            |_, blocks| {
                blocks[0].header.messages = 3;
                blocks[1].header.messages = 3;
                relink(blocks);
            },
            "more messages",
        ),
        (
            |_, blocks| blocks[1].header.parent = B256::repeat_byte(9),
            "end in",
        ),
    ];
    for (tamper, words) in cases {
        let world = world();
        let mut blocks = honest(&world);
        tamper(&world, &mut blocks);
        let (mut batch, bytes) = world.batch(&blocks);
        batch.messages = 2;
        check_passed_over(world, batch, bytes, words);
    }
}

#[test]
fn batches_that_are_none_are_passed_over() {
    let cases: [(TamperBatch, &str); 9] = [
        (|batch, _| batch.first_height = Height(1), "do not follow"),
        (|batch, _| batch.last_height = Height(1), "do not follow"),
        (|batch, _| batch.last_hash = B256::repeat_byte(1), "end in"),
        (
            |batch, bytes| *bytes = recommit(batch, bytes.slice(..bytes.len() - 1)),
            "no batch",
        ),
        (
            |batch, bytes| *bytes = recommit(batch, Bytes::new()),
            "no batch",
        ),
        (
            |batch, bytes| *bytes = recommit(batch, vec![0x5a; 3 * 4_096 + 7].into()),
            "no batch",
        ),
        (
            |batch, _| batch.commitment.length = MAX_BATCH_BYTES as u64 + 1,
            "over a batch's limit",
        ),
        (
            |batch, _| batch.commitment.scheme = CommitmentScheme::Blobs,
            "do not match",
        ),
        // No bytes, but a root.
        (|batch, _| batch.commitment.length = 0, "do not match"),
    ];
    for (tamper, words) in cases {
        let world = world();
        let (mut batch, mut bytes) = world.batch(&honest(&world));
        tamper(&mut batch, &mut bytes);
        check_passed_over(world, batch, bytes, words);
    }
}

#[test]
fn a_tree_of_another_shape_than_its_length_is_passed_over() {
    let noise: Bytes = (0..3 * 4_096 + 7).map(|n: u32| (n / 3) as u8).collect();
    // The root is known, but not as the root of so many bytes.
    for length in [1, 64, 4_096, 4_097, 4 * 4_096, 5 * 4_096 + 1] {
        let world = world();
        let (mut batch, _) = world.batch(&honest(&world));
        let bytes = recommit(&mut batch, noise.clone());
        batch.commitment.length = length;
        check_passed_over(world, batch, bytes, "do not match");
    }
}

#[test]
fn entries_without_anything_are_a_leaf_of_their_own() {
    let mut world = world();
    world.force(0);
    let (mut batch, bytes) = world.batch(&honest(&world));
    batch.messages = 0;
    world.append(batch, bytes);
    let trace = world.check();
    let [.., forced, batch] = &trace.leaves[..] else {
        panic!("two entries, two leaves");
    };
    assert_eq!((forced.entry, batch.entry), (2, 3));
    assert_eq!(forced.height, batch.height);
}
