//! The machine against an interpreter by others, instruction by instruction.

use ckb_vm::{
    CoreMachine as _, DefaultCoreMachine, DefaultMachine, DefaultMachineBuilder, Error, FlatMemory,
    ISA_A, ISA_IMC, Memory as _, SupportMachine as _,
    decoder::{Decoder, build_decoder},
    instructions::execute,
    machine::VERSION2,
};
use rand::{Rng, SeedableRng as _, rngs::SmallRng};

use super::{
    assembler::{Part, code},
    steps::{likely_instruction, likely_value, rounds},
    *,
};

/// Memory of the size that the other machine has too.
const BITS: u32 = 22;

type Other = DefaultMachine<DefaultCoreMachine<u64, FlatMemory<u64>>>;

/// Both machines, over the same memory.
struct Both {
    ours: Machine,
    other: Other,
    decoder: Decoder,
    end_of_text: u64,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// Both did the same.
    Same,
    /// Both refused.
    Refused,
    /// The other machine has no such rule as ours.
    NotCovered,
}

impl Both {
    fn new(text: Vec<u8>, data: &[u8]) -> Self {
        let parts = [Part::text_bytes(TEXT, text), Part::data(DATA, data)];
        let program = Program::from_elf_with_memory(&elf(TEXT, &parts), BITS)
            .expect("the assembler writes what the loader takes");
        let core =
            DefaultCoreMachine::new_with_memory(ISA_IMC | ISA_A, VERSION2, u64::MAX, 1 << BITS);
        let mut other: Other = DefaultMachineBuilder::new(core).build();
        for part in &parts {
            other
                .memory_mut()
                .store_bytes(part.address, &part.bytes)
                .expect("the program fits");
        }
        Self {
            ours: Machine::new(&program, B256::ZERO),
            other,
            decoder: build_decoder::<u64>(ISA_IMC | ISA_A, VERSION2),
            end_of_text: TEXT + parts[0].bytes.len() as u64,
        }
    }

    /// Puts both into the same state.
    fn set(&mut self, pc: u64, values: impl Fn(usize) -> u64, reservation: u64) {
        for register in 1..32 {
            self.ours.registers.x[register] = values(register);
            self.other.set_register(register, values(register));
        }
        self.ours.registers.pc = pc;
        self.ours.registers.status = Status::Running;
        self.ours.registers.reservation = reservation;
        self.other.update_pc(pc);
        self.other.commit_pc();
        self.other.memory_mut().set_lr(&reservation);
    }

    /// Takes one step with both and compares registers, the program counter and the memory around an address.
    fn step(&mut self) -> Outcome {
        let pc = self.ours.registers().pc;
        let slot = self.ours.program().slot(pc);
        let at_pc = self.ours.memory(pc, 4).map_or(0, |bytes| {
            bytes
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u32::from(*byte))
        });
        // The other machine has other calls, and accesses at any address.
        if slot | 2 == code::ECALL {
            return Outcome::NotCovered;
        }
        let before = self.ours.registers().clone();
        let written = self.ours.step_logged(&NoOracle).expect("nothing is read");
        if let Some(Cause::MisalignedLoad | Cause::MisalignedStore) = self.ours.registers().cause()
        {
            return Outcome::NotCovered;
        }
        let result = self
            .decoder
            .decode_raw(self.other.memory_mut(), before.pc)
            .and_then(|instruction| execute(instruction, &mut self.other));
        let after = self.ours.registers();
        let outcome = match (after.cause(), result) {
            // It has EBREAK and FENCE.I, and refuses a FENCE with fields that mean nothing.
            (Some(Cause::Illegal), Ok(())) if at_pc == 0x0010_0073 || at_pc & 0x707f == 0x100f => {
                Outcome::NotCovered
            }
            (None, Err(Error::InvalidInstruction { .. })) if at_pc & 0x707f == 0x0f => {
                Outcome::NotCovered
            }
            (Some(Cause::Illegal), Err(Error::InvalidInstruction { .. }))
            | (Some(Cause::LoadFault | Cause::StoreFault), Err(Error::MemOutOfBound)) => {
                Outcome::Refused
            }
            (None, Ok(())) => {
                for register in 0..32 {
                    assert_eq!(
                        after.x[register],
                        self.other.registers()[register],
                        "x{register} after {slot:#010x} on {before:?}"
                    );
                }
                assert_eq!(
                    after.pc,
                    *self.other.pc(),
                    "pc after {slot:#010x} on {before:?}"
                );
                self.compare_memory(slot, &before);
                Outcome::Same
            }
            (cause, result) => {
                panic!("{at_pc:#010x}: {cause:?} here and {result:?} there, on {before:?}")
            }
        };
        self.mend_text(written);
        outcome
    }

    /// What is written over text is executed there and not here: it is taken back.
    fn mend_text(&mut self, written: Option<u64>) {
        let Some(leaf) = written else { return };
        let address = leaf << 5;
        let original = self.ours.program().memory().node(0, leaf);
        if (TEXT..self.end_of_text).contains(&(address + 31))
            || (TEXT..self.end_of_text).contains(&address)
        {
            self.ours.memory.set_leaf(address, &original);
            self.other
                .memory_mut()
                .store_bytes(address, original.as_slice())
                .expect("text is inside");
        }
    }

    /// Compares all that the step can have written: the words around each register that is an address.
    fn compare_memory(&mut self, slot: u32, before: &Registers) {
        let offset = u64::from(slot >> 7 & 31) | u64::from(slot >> 25) << 5;
        let offset = ((offset << 52).cast_signed() >> 52).cast_unsigned();
        for base in before.x {
            for address in [base, base.wrapping_add(offset)] {
                let address = address & !7;
                if let Some(bytes) = self.ours.memory(address, 8) {
                    let there = self
                        .other
                        .memory_mut()
                        .load64(&address)
                        .expect("it is inside");
                    assert_eq!(
                        bytes,
                        there.to_le_bytes(),
                        "{address:#x} after {slot:#010x}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_compressed_encoding_does_what_another_machine_does() {
    let mut text = Vec::new();
    for half in 0..=u16::MAX {
        text.extend(half.to_le_bytes());
        text.extend([1, 0]);
    }
    let data = [0x5a; 512];
    let mut both = Both::new(text, &data);
    let (mut same, mut refused) = (0, 0);
    for half in 0..=u16::MAX {
        if half & 3 == 3 {
            continue;
        }
        let pc = TEXT + 4 * u64::from(half);
        for round in 0..2u64 {
            both.set(
                pc,
                |register| DATA + 64 * round + 8 * register as u64 * (1 - round),
                NO_RESERVATION,
            );
            let slot = both.ours.program().slot(pc);
            // C.EBREAK is an instruction there.
            if half == 0x9002 {
                assert_eq!(slot, 0);
                continue;
            }
            match both.step() {
                Outcome::Same => same += 1,
                Outcome::Refused => {
                    assert_eq!(slot, 0, "{half:#06x}");
                    refused += 1;
                }
                Outcome::NotCovered => panic!("{half:#06x} is misaligned"),
            }
        }
    }
    assert!(
        same > 60_000 && refused > 20_000,
        "{same} alike, {refused} refused"
    );
}

#[test]
fn random_instructions_do_what_another_machine_does() {
    const INSTRUCTIONS: u64 = 4096;
    let (mut same, mut refused) = (0, 0);
    for seed in 0..rounds(20, 1_000) {
        let mut random = SmallRng::seed_from_u64(seed);
        let text: Vec<u8> = (0..INSTRUCTIONS)
            .flat_map(|_| likely_instruction(&mut random).to_le_bytes())
            .collect();
        let data: Vec<u8> = (0..4096).map(|_| random.random()).collect();
        let mut both = Both::new(text, &data);
        for place in 0..INSTRUCTIONS {
            let mut values = [0; 32];
            values.fill_with(|| near(&mut random));
            let reservation = values[random.random_range(1..32)];
            both.set(TEXT + 4 * place, |register| values[register], reservation);
            match both.step() {
                Outcome::Same => same += 1,
                Outcome::Refused => refused += 1,
                Outcome::NotCovered => {}
            }
        }
    }
    assert!(
        same > 20_000 && refused > 1_000,
        "{same} alike, {refused} refused"
    );
}

/// A likely value, for the smaller memory.
fn near(random: &mut impl Rng) -> u64 {
    let value = likely_value(random);
    if value >> 28 == 0 && random.random() {
        value & ((1 << BITS) - 1)
    } else {
        value
    }
}

#[test]
fn random_programs_run_as_on_another_machine() {
    let mut steps = 0u64;
    for seed in 0..rounds(100, 5_000) {
        let mut random = SmallRng::seed_from_u64(1 << 32 | seed);
        let mut text = Vec::new();
        for _ in 0..512 {
            if random.random_bool(0.4) {
                text.extend(random.random::<u16>().to_le_bytes());
            } else {
                text.extend(likely_instruction(&mut random).to_le_bytes());
            }
        }
        let mut both = Both::new(text, &[7; 512]);
        for _ in 0..40 {
            let mut values = [0; 32];
            values.fill_with(|| near(&mut random));
            both.set(
                TEXT + 2 * random.random_range(0..512),
                |register| values[register],
                NO_RESERVATION,
            );
            for _ in 0..20 {
                let pc = both.ours.registers().pc;
                // Outside its text the other machine would execute whatever is in memory.
                if !(TEXT..TEXT + 1024).contains(&pc) || both.ours.program().slot(pc) == 0 {
                    break;
                }
                if both.step() != Outcome::Same {
                    break;
                }
                steps += 1;
            }
        }
    }
    assert!(steps > 2_000, "{steps} steps are too few to say anything");
}
