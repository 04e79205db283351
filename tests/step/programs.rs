//! Random programs on the machine itself, which makes the proofs.

use plasma_core::{B256, Bytes, PreimageKind, keccak256, sha256};
use plasma_exec::{Machine, Oracle, Program, Status, ecall_number};
use rand::{Rng as _, rngs::SmallRng};

use super::Step;

const TEXT: u64 = 0x1_0000;
const DATA: u64 = 0x10_0000;
const HALF_WORDS: u64 = 300;

/// Operands at which arithmetic goes wrong.
const EDGES: [u64; 14] = [
    0,
    1,
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
    0xffff_ffff_8000_0000,
    u64::MAX,
];

/// An instruction that is listed, or nearly so: opcode and functions are likely ones, all else is random.
pub(crate) fn likely_instruction(random: &mut SmallRng) -> u32 {
    // What touches memory stands here more than once: much of it traps.
    const OPCODES: [u32; 20] = [
        0x37, 0x17, 0x6f, 0x67, 0x63, 0x03, 0x03, 0x23, 0x23, 0x13, 0x1b, 0x33, 0x3b, 0x0f, 0x73,
        0x73, 0x73, 0x2f, 0x2f, 0x2f,
    ];
    let opcode = OPCODES[random.random_range(0..OPCODES.len())];
    let mut word = random.random::<u32>() & !0x7f | opcode;
    if matches!(opcode, 0x33 | 0x3b | 0x1b) || (opcode == 0x13 && random.random()) {
        word = word & 0x01ff_ffff | [0, 0, 0x20, 1][random.random_range(0..4)] << 25;
    }
    if opcode == 0x2f {
        word = word & !0x7000 | random.random_range(2..4) << 12;
        if random.random_ratio(1, 3) {
            word = word & 0x07ff_ffff | random.random_range(2..4) << 27;
        }
        if word >> 27 == 2 && random.random_bool(0.9) {
            word &= !(31 << 20);
        }
    }
    if opcode == 0x03 && random.random_bool(0.7) {
        word &= !(7 << 20);
    }
    if opcode == 0x23 && random.random_bool(0.7) {
        word &= !(7 << 7);
    }
    if opcode == 0x0f && random.random() {
        word &= !0x7000;
    }
    if opcode == 0x73 && random.random_bool(0.9) {
        word = 0x73;
    }
    word
}

/// Registers worth having: addresses in memory, edges, small numbers.
pub(crate) fn likely_value(random: &mut SmallRng) -> u64 {
    match random.random_range(0..7) {
        0 | 1 => DATA + random.random_range(0..64) * 8,
        2 => EDGES[random.random_range(0..EDGES.len())],
        3 => (1 << 28) - random.random_range(0..64u64),
        4 => random.random_range(0..4_200),
        5 => DATA + random.random_range(0..16) * 128,
        _ => random.random(),
    }
}

/// All registers, and a reservation. Some of them hold the reserved address, a0 and a1 what calls take.
pub(crate) fn likely_registers(random: &mut SmallRng) -> ([u64; 32], u64) {
    let reserved = DATA + random.random_range(0..64) * 8;
    let mut x = [0; 32];
    for register in &mut x[1..] {
        *register = if random.random_ratio(1, 4) {
            reserved
        } else {
            likely_value(random)
        };
    }
    x[10] = match random.random_range(0..6) {
        0 => random.random_range(1..5),
        1 => DATA + random.random_range(0..16) * 32,
        2 => DATA + random.random_range(0..4) * 4_096,
        3 => DATA + random.random_range(0..4) * 128,
        _ => x[10],
    };
    x[11] = match random.random_range(0..4) {
        0 => random.random_range(0..4_097),
        1 => random.random_range(0..100),
        2 => DATA + random.random_range(0..16) * 32,
        _ => x[11],
    };
    if random.random_bool(0.95) {
        x[17] = random.random_range(0x500..0x506);
    }
    if x[17] == ecall_number::SET_KEY && random.random() {
        x[10] = random.random_range(1..5);
        x[11] = DATA + random.random_range(0..16) * 32;
    }
    let reservation = if random.random_bool(0.8) {
        reserved
    } else {
        likely_value(random)
    };
    (x, reservation)
}

/// Knows a preimage of each kind but blobs; their keys are where the data begins.
struct Known([(PreimageKind, B256, Bytes); 3]);

impl Known {
    fn new(random: &mut SmallRng) -> Self {
        let mut bytes = |length: usize| -> Bytes {
            let bytes: Vec<u8> = (0..length).map(|_| random.random()).collect();
            bytes.into()
        };
        let (one, two, node) = (bytes(100), bytes(33), bytes(64));
        Self([
            (PreimageKind::Keccak, keccak256(&one), one),
            (PreimageKind::Sha256, sha256(&two), two),
            (PreimageKind::TrieNode, sha256(&node), node),
        ])
    }
}

impl Oracle for Known {
    fn preimage(&self, kind: PreimageKind, key: &B256) -> Option<Bytes> {
        let found = self
            .0
            .iter()
            .find(|known| known.0 == kind && known.1 == *key);
        found.map(|known| known.2.clone())
    }
}

fn program(random: &mut SmallRng, known: &Known) -> Program {
    let mut text = Vec::new();
    while text.len() < 2 * HALF_WORDS as usize {
        if random.random_bool(0.2) {
            text.extend(random.random::<u16>().to_le_bytes());
        } else {
            text.extend(likely_instruction(random).to_le_bytes());
        }
    }
    let mut data: Vec<u8> = known.0.iter().flat_map(|known| known.1.0).collect();
    data.extend((0..512).map(|_| random.random::<u8>()));
    Program::from_elf(&elf(&[(TEXT, &text, 5), (DATA, &data, 6)]))
        .expect("the file is an executable")
}

/// Steps of one random program, from several states each.
pub(crate) fn steps(random: &mut SmallRng) -> Vec<Step> {
    let known = Known::new(random);
    let program = program(random, &known);
    let mut machine = Machine::new(&program, B256::ZERO);
    let mut out = Vec::new();
    for _ in 0..16 {
        set_registers(&mut machine, &known, random);
        for _ in 0..8 {
            // A key that nobody knows a preimage of ends the run; the proof of that step cannot be made.
            let Ok(proof) = machine.step_proof(&known) else {
                break;
            };
            out.push(Step {
                rom_root: program.rom_root(),
                rom_base: program.rom_base(),
                proof: proof.to_vec(),
            });
            let status = machine
                .run(1, &known)
                .expect("what has been proven can be run");
            if status != Status::Running {
                break;
            }
        }
    }
    out
}

fn set_registers(machine: &mut Machine, known: &Known, random: &mut SmallRng) {
    let (kind, key, _) = &known.0[random.random_range(0..3)];
    let registers = machine.registers_mut();
    (registers.x, registers.reservation) = likely_registers(random);
    registers.pc = TEXT + random.random_range(0..HALF_WORDS) * 2;
    registers.status = Status::Running;
    registers.key_kind = *kind as u8;
    registers.key = *key;
    registers.key_offset = random.random_range(0..128);
}

/// An ELF64 executable for RISC-V with segments of these addresses, bytes and flags.
fn elf(segments: &[(u64, &[u8], u32)]) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    out.extend([2, 0, 243, 0, 1, 0, 0, 0]);
    for word in [segments[0].0, 64, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(1u32.to_le_bytes());
    for half in [64u16, 56, segments.len() as u16, 64, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    let mut offset = 64 + 56 * segments.len() as u64;
    for (address, bytes, flags) in segments {
        out.extend(1u32.to_le_bytes());
        out.extend(flags.to_le_bytes());
        let length = bytes.len() as u64;
        for field in [offset, *address, *address, length, length, 1] {
            out.extend(field.to_le_bytes());
        }
        offset += length;
    }
    for (_, bytes, _) in segments {
        out.extend(*bytes);
    }
    out
}
