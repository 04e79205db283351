//! Commitments to runs, against the tree that is built leaf by leaf.

use std::{num::NonZeroUsize, sync::Arc};

use plasma_core::keccak256;

use super::{assembler::code, *};

/// A loop that stores to many pages and leaves: about eight steps for each of `rounds`.
pub(super) fn busy(rounds: u64) -> Program {
    let mut words = code::li(6, DATA);
    words.extend(code::li(7, rounds));
    words.extend(code::li(8, 0x9e37_79b9_7f4a_7c15));
    words.extend([
        code::r(0x33, 0, 1, 9, 7, 8),   // mul x9, x7, x8
        code::i(0x13, 5, 10, 9, 46),    // srli x10, x9, 46
        code::i(0x13, 1, 10, 10, 3),    // slli x10, x10, 3
        code::r(0x33, 0, 0, 10, 10, 6), // add x10, x10, x6
        code::s(3, 10, 9, 0),           // sd x9, 0(x10)
        code::i(0x03, 4, 11, 10, 3),    // lbu x11, 3(x10)
        code::addi(7, 7, -1),
        code::b(1, 7, 0, -28), // bne x7, x0, back
        code::addi(17, 0, 93),
        code::addi(10, 0, 0),
        code::ECALL,
    ]);
    program(&words, &[1, 2, 3])
}

fn commit(program: &Program, shape: TraceShape, threads: usize) -> RunTrace {
    let start = Machine::new(program, B256::ZERO).snapshot();
    let threads = NonZeroUsize::new(threads).expect("tests use one thread at least");
    RunTrace::commit(program, &start, shape, Arc::new(NoOracle), threads)
        .expect("the program reads nothing")
}

/// All leaves, each hashed by itself.
fn plain_leaves(program: &Program, shape: TraceShape) -> Vec<B256> {
    let mut machine = Machine::new(program, B256::ZERO);
    (0..1u64 << shape.height)
        .map(|_| {
            machine
                .run(1 << shape.stride_bits, &NoOracle)
                .expect("the program reads nothing");
            keccak256(machine.state().encode())
        })
        .collect()
}

fn check(program: &Program, shape: TraceShape, threads: usize) {
    let trace = commit(program, shape, threads);
    let mut level = plain_leaves(program, shape);
    for height in 0..=shape.height {
        // Every node near the edges, and some between.
        for index in (0..level.len())
            .step_by(1 + level.len() / 50)
            .chain([level.len() - 1])
        {
            let node = trace
                .node(height, index as u64)
                .expect("the node is in the tree");
            assert_eq!(
                node, level[index],
                "node {index} at height {height} of {shape:?}"
            );
        }
        level = level
            .chunks_exact(2)
            .map(|two| keccak256([two[0].0, two[1].0].concat()))
            .collect();
    }
    for index in [0, (1 << shape.height) - 1, (1 << shape.height) / 3] {
        let mut node = trace.node(0, index).expect("the leaf is in the tree");
        for (height, sibling) in trace
            .proof(index)
            .expect("the leaf is in the tree")
            .iter()
            .enumerate()
        {
            node = if index >> height & 1 == 0 {
                keccak256([node.0, sibling.0].concat())
            } else {
                keccak256([sibling.0, node.0].concat())
            };
        }
        assert_eq!(node, trace.root());
    }
}

#[test]
fn a_trace_is_the_tree_over_the_states_whatever_the_stride_and_the_threads() {
    for (rounds, height, stride_bits, threads) in [
        (1, 0, 0, 1),
        (1, 6, 0, 1),
        (100, 10, 0, 2),
        (100, 7, 3, 2),
        (100, 3, 9, 1),
        (3_000, 15, 0, 2),
        (3_000, 16, 0, 3),
        (3_000, 2, 15, 2),
        (3_000, 0, 20, 1),
    ] {
        let shape = TraceShape {
            height,
            stride_bits,
        };
        check(&busy(rounds), shape, threads);
    }
}

#[test]
fn a_trace_of_a_machine_that_has_ended_repeats_its_state() {
    let program = program(&[code::EBREAK], &[]);
    let mut machine = Machine::new(&program, B256::ZERO);
    machine
        .run(1, &NoOracle)
        .expect("the program reads nothing");
    let end = machine.snapshot();
    let one = NonZeroUsize::MIN;
    let trace = RunTrace::commit(
        &program,
        &end,
        TraceShape::dense(3),
        Arc::new(NoOracle),
        one,
    )
    .expect("the program reads nothing");
    for index in 0..8 {
        assert_eq!(
            trace.node(0, index).expect("the leaf is in the tree"),
            end.state().hash()
        );
    }
    assert!(trace.node(4, 0).is_err());
    assert!(trace.node(0, 8).is_err());
}

#[test]
fn a_machine_in_the_middle_of_a_trace_proves_the_step_to_its_next_leaf() {
    let program = busy(3_000);
    let trace = commit(&program, TraceShape::dense(15), 2);
    for step in [0, 1, 5_000, 16_383, 16_384, 24_000, 32_767] {
        let mut machine = trace.machine_at(step).expect("the program reads nothing");
        let proof = machine
            .step_proof(&NoOracle)
            .expect("the program reads nothing");
        let next = verify_step(program.rom_root(), program.rom_base(), &proof)
            .expect("the proof is right");
        assert_eq!(
            next,
            trace.node(0, step).expect("the leaf is in the tree"),
            "step {step}"
        );
    }
}

#[test]
fn a_trace_of_a_program_that_reads_the_unknown_is_an_error() {
    let mut words = code::li(10, DATA);
    words.extend([code::addi(17, 0, 0x501), code::ECALL]);
    let program = program(&words, &[]);
    let start = Machine::new(&program, B256::repeat_byte(3)).snapshot();
    let made = RunTrace::commit(
        &program,
        &start,
        TraceShape::dense(8),
        Arc::new(NoOracle),
        NonZeroUsize::MIN,
    );
    assert!(
        matches!(made, Err(RunTraceError::Run(RunError::UnknownPreimage { kind: PreimageKind::Keccak, key })) if key == B256::repeat_byte(3))
    );
}
