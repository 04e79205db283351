//! The interpreter against the plain version, on programs that nobody would write.

use rand::{Rng, SeedableRng as _, rngs::SmallRng};

use super::{
    assembler::{Part, code},
    *,
};

/// Operands at which arithmetic goes wrong.
pub(super) const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    31,
    32,
    63,
    64,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0xffff_ffff_8000_0000,
    u64::MAX - 1,
    u64::MAX,
];

/// An instruction that is listed, or nearly so: opcode and functions are likely ones, all else is random.
pub(super) fn likely_instruction(random: &mut impl Rng) -> u32 {
    const OPCODES: [u32; 14] = [
        0x37, 0x17, 0x6f, 0x67, 0x63, 0x03, 0x23, 0x13, 0x1b, 0x33, 0x3b, 0x0f, 0x73, 0x2f,
    ];
    let opcode = OPCODES[random.random_range(0..OPCODES.len())];
    let mut word = random.random::<u32>() & !0x7f | opcode;
    if matches!(opcode, 0x33 | 0x3b) || opcode == 0x1b || (opcode == 0x13 && random.random()) {
        let funct7 = [0, 0, 0x20, 1][random.random_range(0..4)];
        word = word & 0x01ff_ffff | funct7 << 25;
    }
    if opcode == 0x2f {
        word = word & !0x7000 | random.random_range(2..4) << 12;
        if word >> 27 == 2 {
            word &= !(31 << 20);
        }
    }
    if opcode == 0x73 && random.random_bool(0.7) {
        word = code::ECALL;
    }
    // Branches and jumps stay near, so that programs go on for a while.
    if opcode == 0x6f {
        word = code::jal(word >> 7 & 31, random.random_range(-16..16) * 2);
    }
    word
}

/// Registers worth having: addresses in memory, edges, numbers of calls.
pub(super) fn likely_value(random: &mut impl Rng) -> u64 {
    match random.random_range(0..6) {
        0 | 1 => DATA + random.random_range(0..64) * 8,
        2 => EDGES[random.random_range(0..EDGES.len())],
        3 => (1 << 28) - random.random_range(0..64u64),
        4 => random.random_range(0x4ff..0x507),
        _ => random.random(),
    }
}

fn random_program(random: &mut impl Rng) -> Program {
    let mut bytes = Vec::new();
    for _ in 0..256 {
        if random.random_bool(0.3) {
            bytes.extend(random.random::<u16>().to_le_bytes());
        } else {
            bytes.extend(likely_instruction(random).to_le_bytes());
        }
    }
    let data: Vec<u8> = (0..512).map(|_| random.random()).collect();
    program_of(vec![Part::text_bytes(TEXT, bytes), Part::data(DATA, &data)])
}

/// How many random programs a test takes: more in a long run.
pub(super) fn rounds(short: u64, long: u64) -> u64 {
    if std::env::var_os("PLASMA_LONG").is_some() {
        long
    } else {
        short
    }
}

#[test]
fn the_interpreter_and_the_plain_step_agree_on_random_programs() {
    let mut steps = 0;
    for seed in 0..rounds(60, 3_000) {
        let mut random = SmallRng::seed_from_u64(seed);
        let program = random_program(&mut random);
        let mut machine = Machine::new(&program, B256::ZERO);
        for _ in 0..24 {
            for register in 1..32 {
                machine.registers.x[register] = likely_value(&mut random);
            }
            machine.registers.pc = TEXT + random.random_range(0..300) * 2;
            machine.registers.status = Status::Running;
            machine.registers.key_kind = random.random_range(0..6);
            machine.registers.reservation = likely_value(&mut random);
            println!("seed {seed}");
            let known = machine.registers.x[17] != ecall_number::READ;
            if known {
                steps += check_until_a_read(&mut machine, 12);
            }
        }
    }
    assert!(steps > 1_000, "{steps} steps are too few to say anything");
}

/// Random programs read keys that nobody has a preimage of: there they end.
fn check_until_a_read(machine: &mut Machine, limit: u64) -> usize {
    for step in 0..limit {
        if machine.registers.x[17] == ecall_number::READ {
            return step as usize;
        }
        check_steps(machine, 1, &NoOracle);
        if machine.registers.status != Status::Running {
            break;
        }
    }
    limit as usize
}
