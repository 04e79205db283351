//! Programs that behave badly, and some that behave well.

use plasma_core::keccak256;

use super::{assembler::code, *};

fn run(words: &[u32], data: &[u8], limit: u64) -> Machine {
    let mut machine = Machine::new(&program(words, data), B256::ZERO);
    machine.run(limit, &NoOracle).expect("nothing is read");
    machine
}

#[test]
fn a_program_that_loops_is_still_running_when_its_steps_are_used_up() {
    let mut machine = run(&[code::jal(0, 0)], &[], 1_000_000);
    assert_eq!(machine.steps(), 1_000_000);
    assert_eq!(machine.registers().status, Status::Running);
    assert_eq!(machine.registers().outcome(), B256::ZERO);
    machine.run(0, &NoOracle).expect("nothing is read");
    assert_eq!(machine.steps(), 1_000_000);
}

#[test]
fn a_program_that_uses_up_its_memory_traps_and_has_no_outcome() {
    // Writes downwards from the stack pointer until there is nothing below.
    let words = [
        code::addi(2, 2, -2048),
        code::s(3, 2, 2, 0),
        code::jal(0, -8),
    ];
    let machine = run(&words, &[], u64::MAX);
    assert_eq!(machine.registers().cause(), Some(Cause::StoreFault));
    assert_eq!(machine.registers().pc, TEXT + 4);
    assert_eq!(machine.registers().outcome(), B256::ZERO);
    // Every write but the one that trapped: two pages of stores for each 4 KiB, and three instructions for each.
    assert_eq!(machine.steps(), 3 * (1 << 28) / 2048 + 2);
}

#[test]
fn what_has_ended_stays_as_it_is() {
    for words in [vec![code::EBREAK], vec![code::addi(17, 0, 93), code::ECALL]] {
        let mut machine = run(&words, &[], 10);
        let (state, steps) = (machine.state(), machine.steps());
        assert_eq!(steps, words.len() as u64);
        machine.run(10, &NoOracle).expect("nothing is read");
        assert_eq!((machine.state(), machine.steps()), (state, steps));
    }
}

#[test]
fn code_is_not_changed_by_what_a_program_writes_over_it() {
    let mut words = code::li(6, TEXT);
    words.push(code::addi(0, 0, 0));
    let at = 4 * i32::try_from(words.len()).expect("a few words");
    words.extend([
        code::s(3, 6, 0, at), // this instruction and the next become zeros in memory
        code::s(3, 6, 0, at + 8),
        code::i(0x03, 3, 10, 6, at),
        code::addi(17, 0, 93),
        code::ECALL,
    ]);
    let machine = run(&words, &[], 100);
    let registers = machine.registers();
    assert_eq!((registers.status, registers.code), (Status::Halted, 0));
}

/// A program that reads its input to the end and commits to the Keccak-256 of the first 64 bytes.
fn reader() -> Vec<u32> {
    let mut words = code::li(8, DATA);
    words.extend([
        code::addi(10, 8, 0),
        code::addi(17, 0, 0x501),
        code::ECALL, // the first leaf
        code::addi(9, 10, 0),
        code::addi(10, 8, 32),
        code::ECALL, // the second
        code::r(0x33, 0, 0, 9, 9, 10),
        code::addi(10, 8, 64),
        code::ECALL, // past the end
        code::r(0x33, 0, 0, 9, 9, 10),
        code::addi(17, 0, 0x503),
        code::addi(10, 8, 0),
        code::addi(11, 9, 0),
        code::ECALL,
        code::addi(17, 0, 0x502),
        code::ECALL,
        code::addi(17, 0, 93),
        code::addi(10, 0, 0),
        code::ECALL,
    ]);
    words
}

#[test]
fn a_program_reads_its_input_and_commits_to_what_it_made_of_it() {
    let input: Bytes = (0..50u8).collect::<Vec<_>>().into();
    let key = keccak256(&input);
    let mut known = Known::default();
    known
        .preimages
        .insert((PreimageKind::Keccak, key), input.clone());
    let program = program(&reader(), &[0xff; 128]);
    let mut machine = Machine::new(&program, key);
    machine.run(1_000, &known).expect("the input is known");
    assert_eq!(machine.registers().outcome(), key);
    assert_eq!(machine.registers().key_offset, 50);
    assert_eq!(
        machine.memory(DATA + 32, 32),
        Some([&input[32..], &[0; 14]].concat())
    );
    assert_eq!(machine.memory(DATA + 64, 32), Some(vec![0; 32]));
    // And step by step, over proofs.
    let mut slowly = Machine::new(&program, key);
    check_steps(&mut slowly, 1_000, &known);
    assert_eq!(slowly.state(), machine.state());
}

#[test]
fn a_preimage_that_is_unknown_or_wrong_is_an_error_and_not_a_trap() {
    let input: Bytes = vec![1; 50].into();
    let key = keccak256(&input);
    let program = program(&reader(), &[]);
    let mut machine = Machine::new(&program, key);
    let kind = PreimageKind::Keccak;
    assert_eq!(
        machine.run(1_000, &NoOracle),
        Err(RunError::UnknownPreimage { kind, key })
    );
    let at = machine.steps();
    assert_eq!(
        machine.step_proof(&NoOracle),
        Err(RunError::UnknownPreimage { kind, key })
    );
    let mut liar = Known::default();
    liar.preimages.insert((kind, key), vec![2; 50].into());
    assert_eq!(
        machine.run(1_000, &liar),
        Err(RunError::WrongPreimage {
            kind,
            key,
            length: 50
        })
    );
    let long: Bytes = vec![0; 4097].into();
    let key_of_long = keccak256(&long);
    liar.preimages.insert((kind, key_of_long), long);
    let mut other = Machine::new(&program, key_of_long);
    assert!(matches!(
        other.run(1_000, &liar),
        Err(RunError::WrongPreimage { length: 4097, .. })
    ));
    // The first goes on once the preimage is there.
    assert_eq!(
        (machine.steps(), machine.registers().status),
        (at, Status::Running)
    );
    liar.preimages.insert((kind, key), input);
    assert_eq!(machine.run(1_000, &liar), Ok(Status::Halted));
}

#[test]
fn a_machine_goes_back_to_a_snapshot_and_does_the_same_again() {
    let program = traces::busy(2_000);
    let mut machine = Machine::new(&program, B256::ZERO);
    machine.run(3_000, &NoOracle).expect("nothing is read");
    let middle = machine.snapshot();
    machine.run(u64::MAX, &NoOracle).expect("nothing is read");
    let (end, steps) = (machine.state(), machine.steps());
    assert_ne!(middle.state(), end);
    machine.restore(&middle);
    assert_eq!((machine.state(), machine.steps()), (middle.state(), 3_000));
    machine.run(u64::MAX, &NoOracle).expect("nothing is read");
    assert_eq!((machine.state(), machine.steps()), (end.clone(), steps));
    let mut fresh = Machine::at(&program, &middle);
    fresh.run(u64::MAX, &NoOracle).expect("nothing is read");
    assert_eq!(fresh.state(), end);
}
