//! One step of each kind: every instruction, every trap, every call, with operands at the edges.

use plasma_core::{Signer, keccak256, sha256};

use super::{assembler::code, *};

/// A machine before the step in question.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) machine: Machine,
    pub(super) oracle: Known,
}

/// The cause that the case must trap with, where it must.
pub(super) type Expected = Option<Cause>;

const A: u32 = 6;
const B: u32 = 7;
const RD: u32 = 5;
const TOP: u64 = 1 << 28;

/// Names of instructions over two registers, with opcode, function 3 and function 7.
#[rustfmt::skip]
pub(super) const REGISTER_OPERATIONS: [(&str, u32, u32, u32); 28] = [
    ("add", 0x33, 0, 0), ("sub", 0x33, 0, 0x20), ("sll", 0x33, 1, 0), ("slt", 0x33, 2, 0),
    ("sltu", 0x33, 3, 0), ("xor", 0x33, 4, 0), ("srl", 0x33, 5, 0), ("sra", 0x33, 5, 0x20),
    ("or", 0x33, 6, 0), ("and", 0x33, 7, 0),
    ("addw", 0x3b, 0, 0), ("subw", 0x3b, 0, 0x20), ("sllw", 0x3b, 1, 0), ("srlw", 0x3b, 5, 0),
    ("sraw", 0x3b, 5, 0x20),
    ("mul", 0x33, 0, 1), ("mulh", 0x33, 1, 1), ("mulhsu", 0x33, 2, 1), ("mulhu", 0x33, 3, 1),
    ("div", 0x33, 4, 1), ("divu", 0x33, 5, 1), ("rem", 0x33, 6, 1), ("remu", 0x33, 7, 1),
    ("mulw", 0x3b, 0, 1), ("divw", 0x3b, 4, 1), ("divuw", 0x3b, 5, 1), ("remw", 0x3b, 6, 1),
    ("remuw", 0x3b, 7, 1),
];

/// Names of instructions over a register and an immediate, with opcode and function 3.
#[rustfmt::skip]
pub(super) const IMMEDIATE_OPERATIONS: [(&str, u32, u32); 7] = [
    ("addi", 0x13, 0), ("slti", 0x13, 2), ("sltiu", 0x13, 3), ("xori", 0x13, 4), ("ori", 0x13, 6),
    ("andi", 0x13, 7), ("addiw", 0x1b, 0),
];

/// Names of shifts by an immediate, with opcode, function 3, the upper bits and the width.
#[rustfmt::skip]
pub(super) const SHIFTS: [(&str, u32, u32, i32, i32); 6] = [
    ("slli", 0x13, 1, 0, 64), ("srli", 0x13, 5, 0, 64), ("srai", 0x13, 5, 0x400, 64),
    ("slliw", 0x1b, 1, 0, 32), ("srliw", 0x1b, 5, 0, 32), ("sraiw", 0x1b, 5, 0x400, 32),
];

/// Names of loads, in the order of their function 3.
pub(super) const LOADS: [&str; 7] = ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu"];
/// Names of stores, in the order of their function 3.
pub(super) const STORES: [&str; 4] = ["sb", "sh", "sw", "sd"];
/// Names of branches, with function 3.
pub(super) const BRANCHES: [(&str, u32); 6] = [
    ("beq", 0),
    ("bne", 1),
    ("blt", 4),
    ("bge", 5),
    ("bltu", 6),
    ("bgeu", 7),
];
/// Names of read-modify-writes, with function 5.
#[rustfmt::skip]
pub(super) const ATOMICS: [(&str, u32); 9] = [
    ("amoadd", 0), ("amoswap", 1), ("amoxor", 4), ("amoor", 8), ("amoand", 12), ("amomin", 16),
    ("amomax", 20), ("amominu", 24), ("amomaxu", 28),
];

const PAIRS: [(u64, u64); 3] = [
    (0x8000_0000_8000_0000, u64::MAX),
    (0xffff_ffff_ffff_fff9, 0),
    (0x1234_5678_9abc_def0, 0x0fed_cba9_0000_0025),
];

/// Encodings that no instruction has, or that belong to extensions that the machine does not have.
#[rustfmt::skip]
pub(super) const ILLEGAL: [(&str, u32); 20] = [
    ("ebreak", code::EBREAK), ("fence.i", 0x0000_100f), ("csrrw", 0x3402_9073), ("csrrs cycle", 0xc000_2573),
    ("mret", 0x3020_0073), ("wfi", 0x1050_0073), ("ecall with rd", 0x0000_00f3), ("uret", 0x0020_0073),
    ("load of function 7", 0x0003_7283), ("store of function 4", 0x0053_4023), ("branch of function 2", 0x0063_2063),
    ("jalr of function 1", 0x0003_1067), ("slliw by 32", 0x0203_129b), ("sraiw by 32", 0x4203_529b),
    ("slli with an upper bit", 0x0403_1293), ("mulh of words", 0x0273_12bb), ("lr with rs2", 0x1073_22af),
    ("amo of bytes", 0x0073_02af), ("amo of function 5 = 2 and width 4", 0x1003_42af), ("flw", 0x0003_2287),
];

/// Visits every case.
pub(super) fn each(mut visit: impl FnMut(Case, Expected)) {
    arithmetic(&mut visit);
    control(&mut visit);
    memory(&mut visit);
    atomics(&mut visit);
    refused(&mut visit);
    calls(&mut visit);
    preimages(&mut visit);
}

type Visit<'a> = &'a mut dyn FnMut(Case, Expected);

fn data() -> Vec<u8> {
    (0..256u32).map(|i| (i * 37 + 131) as u8).collect()
}

fn case(name: impl Into<String>, word: u32, registers: &[(u32, u64)]) -> Case {
    let program = program(&[code::addi(0, 0, 0), word, code::addi(0, 0, 0)], &data());
    let mut machine = Machine::new(&program, B256::repeat_byte(0x11));
    machine.registers.pc = TEXT + 4;
    for (register, value) in registers {
        machine.registers.x[*register as usize] = *value;
    }
    Case {
        name: name.into(),
        machine,
        oracle: Known::default(),
    }
}

fn arithmetic(visit: Visit<'_>) {
    for (name, opcode, funct3, funct7) in REGISTER_OPERATIONS {
        for (a, b) in PAIRS {
            let word = code::r(opcode, funct3, funct7, RD, A, B);
            visit(
                case(format!("{name} {a:#x}, {b:#x}"), word, &[(A, a), (B, b)]),
                None,
            );
        }
    }
    for (name, opcode, funct3) in IMMEDIATE_OPERATIONS {
        for (a, immediate) in [(0x7fff_ffff, -1), (u64::MAX, 0x7ff), (0x8000_0000, -2048)] {
            let word = code::i(opcode, funct3, RD, A, immediate);
            visit(
                case(format!("{name} {a:#x}, {immediate}"), word, &[(A, a)]),
                None,
            );
        }
    }
    for (name, opcode, funct3, upper, width) in SHIFTS {
        for amount in [0, 1, width - 1] {
            let word = code::i(opcode, funct3, RD, A, upper | amount);
            let a = 0x8765_4321_fedc_ba98;
            visit(
                case(format!("{name} {a:#x}, {amount}"), word, &[(A, a)]),
                None,
            );
        }
    }
    visit(case("addi to x0", code::addi(0, A, 1), &[(A, 5)]), None);
    visit(case("x31", code::addi(31, 31, 1), &[(31, 41)]), None);
    visit(case("fence", 0x0ff0_000f, &[]), None);
    visit(case("fence with all fields set", 0xffff_8f8f, &[]), None);
}

fn control(visit: Visit<'_>) {
    for opcode in [0x37, 0x17] {
        for immediate in [0x7fff_f000, i32::MIN, -0x1000] {
            let name = if opcode == 0x37 { "lui" } else { "auipc" };
            visit(
                case(
                    format!("{name} {immediate:#x}"),
                    code::u(opcode, RD, immediate),
                    &[],
                ),
                None,
            );
        }
    }
    for offset in [-0x10_0000, 0xf_fffe, 0, -4] {
        visit(
            case(format!("jal {offset}"), code::jal(1, offset), &[]),
            None,
        );
    }
    visit(case("jal to x0", code::jal(0, 8), &[]), None);
    for (a, immediate) in [(TEXT + 9, 0), (0, -2), (u64::MAX, 2047), (TOP, -2048)] {
        let word = code::i(0x67, 0, RD, A, immediate);
        visit(
            case(format!("jalr {a:#x}, {immediate}"), word, &[(A, a)]),
            None,
        );
    }
    visit(
        case(
            "jalr through its own rd",
            code::i(0x67, 0, A, A, 4),
            &[(A, TEXT)],
        ),
        None,
    );
    for (name, funct3) in BRANCHES {
        for (a, b) in [(1, 1), (u64::MAX, 1), (1, u64::MAX)] {
            let word = code::b(funct3, A, B, -4096);
            visit(
                case(format!("{name} {a:#x}, {b:#x}"), word, &[(A, a), (B, b)]),
                None,
            );
        }
    }
    visit(
        case("branch ahead as far as can be", code::b(0, 0, 0, 4094), &[]),
        None,
    );
    compressed(visit);
    let mut halted = case("a state that halted", code::ECALL, &[]);
    (
        halted.machine.registers.status,
        halted.machine.registers.code,
    ) = (Status::Halted, 7);
    visit(halted, None);
    let mut trapped = case("a state that trapped", code::ECALL, &[]);
    (
        trapped.machine.registers.status,
        trapped.machine.registers.code,
    ) = (Status::Trapped, 2);
    visit(trapped, None);
}

/// Steps over compressed instructions: two bytes long, and links are the address after them.
fn compressed(visit: Visit<'_>) {
    let halves: [(&str, u16); 6] = [
        ("c.addi", 0x1305),
        ("c.jr x6", 0x8302),
        ("c.jalr x6", 0x9302),
        ("c.beqz back", 0xdc75),
        ("c.ld", 0x6000),
        ("c.sdsp", 0xe01a),
    ];
    for (name, half) in halves {
        let bytes = [0x0001, half, 0x0001].map(u16::to_le_bytes).concat();
        let program = program_of(vec![
            Part::text_bytes(TEXT, bytes),
            Part::data(DATA, &data()),
        ]);
        let mut machine = Machine::new(&program, B256::ZERO);
        machine.registers.pc = TEXT + 2;
        machine.registers.x[2] = DATA + 16;
        machine.registers.x[6] = TEXT;
        machine.registers.x[8] = DATA;
        let oracle = Known::default();
        let name = name.to_owned();
        visit(
            Case {
                name,
                machine,
                oracle,
            },
            None,
        );
    }
}

fn memory(visit: Visit<'_>) {
    for (funct3, name) in (0..).zip(LOADS) {
        let size = 1 << (funct3 & 3);
        let word = code::i(0x03, funct3, RD, A, 8);
        for address in [DATA + 32 - size, DATA + 8, TOP - size, TEXT, 0] {
            let a = address.wrapping_sub(8);
            visit(
                case(format!("{name} at {address:#x}"), word, &[(A, a)]),
                None,
            );
        }
        for address in [TOP, u64::MAX - size + 1, 1 << 63] {
            let registers = [(A, address.wrapping_sub(8))];
            visit(
                case(format!("{name} at {address:#x}"), word, &registers),
                Some(Cause::LoadFault),
            );
        }
        if size > 1 {
            let registers = [(A, TOP.wrapping_sub(8) + size - 1)];
            let name = format!("{name} that is misaligned and out of range");
            visit(case(name, word, &registers), Some(Cause::MisalignedLoad));
        }
    }
    visit(
        case("ld to x0", code::i(0x03, 3, 0, A, 0), &[(A, DATA)]),
        None,
    );
    visit(
        case(
            "ld to x0 out of range",
            code::i(0x03, 3, 0, A, 0),
            &[(A, TOP)],
        ),
        Some(Cause::LoadFault),
    );
    for (funct3, name) in (0..).zip(STORES) {
        let size = 1 << funct3;
        let word = code::s(funct3, A, B, -8);
        let value = 0x8182_8384_8586_8788;
        for address in [DATA + 32 - size, DATA + 8, TOP - size, TEXT] {
            let registers = [(A, address + 8), (B, value)];
            visit(
                case(format!("{name} at {address:#x}"), word, &registers),
                None,
            );
        }
        for address in [TOP, u64::MAX - size + 1] {
            let registers = [(A, address.wrapping_add(8)), (B, value)];
            visit(
                case(format!("{name} at {address:#x}"), word, &registers),
                Some(Cause::StoreFault),
            );
        }
        if size > 1 {
            let registers = [(A, TOP + 8 + 1), (B, value)];
            let name = format!("{name} that is misaligned and out of range");
            visit(case(name, word, &registers), Some(Cause::MisalignedStore));
        }
    }
}

fn atomics(visit: Visit<'_>) {
    for (width, size) in [(2, 4), (3, 8)] {
        for (name, funct5) in ATOMICS {
            for (place, b) in [(DATA + size, 0x7fff_ffff_8000_0000), (DATA + 8, u64::MAX)] {
                // aq and rl change nothing.
                let word = code::amo(funct5, width, RD, A, B) | 3 << 25;
                let name = format!("{name} of {size} bytes, {b:#x}");
                visit(case(name, word, &[(A, place), (B, b)]), None);
            }
        }
        let swap = code::amo(1, width, RD, A, B);
        visit(
            case("amoswap out of range", swap, &[(A, TOP)]),
            Some(Cause::StoreFault),
        );
        visit(
            case("amoswap misaligned and out of range", swap, &[(A, TOP + 2)]),
            Some(Cause::MisalignedStore),
        );
        visit(
            case(
                "amoadd into its own address",
                code::amo(0, width, A, A, A),
                &[(A, DATA)],
            ),
            None,
        );
        let lr = code::amo(2, width, RD, A, 0);
        visit(
            case(format!("lr of {size} bytes"), lr, &[(A, DATA + size)]),
            None,
        );
        visit(
            case("lr out of range", lr, &[(A, TOP)]),
            Some(Cause::LoadFault),
        );
        visit(
            case("lr misaligned and out of range", lr, &[(A, TOP + 2)]),
            Some(Cause::MisalignedLoad),
        );
        let sc = code::amo(3, width, RD, A, B);
        for (reservation, name) in [
            (DATA + size, "sc that stores"),
            (DATA, "sc elsewhere"),
            (NO_RESERVATION, "sc without lr"),
        ] {
            let mut case = case(
                format!("{name}, {size} bytes"),
                sc,
                &[(A, DATA + size), (B, 77)],
            );
            case.machine.registers.reservation = reservation;
            visit(case, None);
        }
        visit(
            case("sc without lr out of range", sc, &[(A, TOP)]),
            Some(Cause::StoreFault),
        );
        visit(
            case(
                "sc without lr misaligned and out of range",
                sc,
                &[(A, TOP + 2)],
            ),
            Some(Cause::MisalignedStore),
        );
    }
}

fn refused(visit: Visit<'_>) {
    for (name, word) in ILLEGAL {
        visit(case(name, word, &[(A, TOP + 1)]), Some(Cause::Illegal));
    }
    for (name, pc, cause) in [
        (
            "the first address outside the window",
            TEXT + (1 << 22),
            Cause::Fetch,
        ),
        ("the address before the window", TEXT - 2, Cause::Fetch),
        ("the last address", u64::MAX - 1, Cause::Fetch),
        ("an odd address", TEXT + 1, Cause::Fetch),
        ("an odd address outside", 3, Cause::Fetch),
        (
            "the last slot of the window",
            TEXT + (1 << 22) - 2,
            Cause::Illegal,
        ),
        ("a slot after the text", TEXT + 64, Cause::Illegal),
    ] {
        let mut case = case(name, code::ECALL, &[]);
        case.machine.registers.pc = pc;
        visit(case, Some(cause));
    }
}

fn ecall(name: impl Into<String>, number: u64, a0: u64, a1: u64) -> Case {
    case(name, code::ECALL, &[(17, number), (10, a0), (11, a1)])
}

fn calls(visit: Visit<'_>) {
    use ecall_number::{COMMIT, ECRECOVER, HALT, KECCAK, READ, SET_KEY, SHA256};
    let argument = Some(Cause::EcallArgument);
    for code in [0, 1, u64::MAX] {
        visit(ecall(format!("halt {code}"), HALT, code, 0), None);
    }
    for number in [0, 94, 0x4ff, 0x506, u64::MAX, HALT | 1 << 32] {
        visit(
            ecall(format!("unknown call {number:#x}"), number, 1, 1),
            Some(Cause::EcallUnknown),
        );
    }
    for kind in 1..=4 {
        visit(
            ecall(format!("set_key of kind {kind}"), SET_KEY, kind, DATA + 32),
            None,
        );
    }
    for (kind, address) in [
        (0, DATA),
        (5, DATA),
        (1 << 32 | 1, DATA),
        (1, DATA + 16),
        (1, TOP),
        (9, TOP + 1),
    ] {
        visit(
            ecall(
                format!("set_key {kind:#x} at {address:#x}"),
                SET_KEY,
                kind,
                address,
            ),
            argument,
        );
    }
    visit(ecall("commit", COMMIT, DATA + 64, 0), None);
    for address in [DATA + 8, TOP, u64::MAX - 31] {
        visit(
            ecall(format!("commit at {address:#x}"), COMMIT, address, 0),
            argument,
        );
        visit(
            ecall(format!("read at {address:#x}"), READ, address, 0),
            argument,
        );
    }
    for (name, number) in [("keccak", KECCAK), ("sha256", SHA256)] {
        for length in [0, 1, 32, 33, 64, 65, 136, 255, 2049, 4096] {
            let aligned = DATA & !4095;
            visit(
                ecall(format!("{name} of {length} bytes"), number, aligned, length),
                None,
            );
        }
        visit(
            ecall(format!("{name} of the last block"), number, TOP - 128, 100),
            None,
        );
        for (address, length) in [
            (DATA, 4097),
            (DATA + 32, 33),
            (TOP, 0),
            (DATA + 8, 1),
            (DATA, u64::MAX),
        ] {
            visit(
                ecall(
                    format!("{name} of {length:#x} bytes at {address:#x}"),
                    number,
                    address,
                    length,
                ),
                argument,
            );
        }
    }
    for (name, input) in signatures() {
        let mut case = ecall(format!("ecrecover, {name}"), ECRECOVER, DATA, 0);
        for (i, leaf) in input.chunks_exact(32).enumerate() {
            let address = DATA + 32 * i as u64;
            case.machine
                .memory
                .set_leaf(address, &B256::from_slice(leaf));
        }
        visit(case, None);
    }
    visit(
        ecall("ecrecover at half a block", ECRECOVER, DATA + 64, 0),
        argument,
    );
    visit(ecall("ecrecover past the end", ECRECOVER, TOP, 0), argument);
}

/// Inputs of ECRECOVER: those that the precompile answers, and those that it does not.
pub(super) fn signatures() -> Vec<(&'static str, [u8; 128])> {
    const ORDER: B256 = B256::new(plasma_core::hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    let signer = Signer::from_bytes(&B256::repeat_byte(7)).expect("the key is below the order");
    let digest = keccak256("a digest");
    let signature = signer.sign(digest);
    let input = |v: u8, r: B256, s: B256| {
        let mut input = [0; 128];
        input[..32].copy_from_slice(digest.as_slice());
        input[63] = v;
        input[64..96].copy_from_slice(r.as_slice());
        input[96..].copy_from_slice(s.as_slice());
        input
    };
    let (r, s, v) = (signature.r, signature.s, signature.v);
    let order = plasma_core::U256::from_be_bytes(ORDER.0);
    let high = B256::from(order - plasma_core::U256::from_be_bytes(s.0));
    let mut wide = input(v, r, s);
    wide[32] = 1;
    vec![
        ("valid", input(v, r, s)),
        ("with the other v", input(55 - v, r, s)),
        ("with a high s", input(55 - v, r, high)),
        ("with v 26", input(26, r, s)),
        ("with v 29", input(29, r, s)),
        ("with v 0", input(v - 27, r, s)),
        ("with a v of 32 bytes", wide),
        ("with r 0", input(v, B256::ZERO, s)),
        ("with s 0", input(v, r, B256::ZERO)),
        ("with r the order", input(v, ORDER, s)),
        ("with s the order", input(v, r, ORDER)),
        (
            "with an r that is on no point",
            input(v, B256::with_last_byte(5), s),
        ),
    ]
}

fn preimages(visit: Visit<'_>) {
    let lengths: [usize; 6] = [0, 1, 32, 33, 100, 4096];
    for length in lengths {
        let bytes: Bytes = (0..length)
            .map(|i| (i * 7) as u8)
            .collect::<Vec<_>>()
            .into();
        for (kind, key) in [
            (PreimageKind::Keccak, keccak256(&bytes)),
            (PreimageKind::Sha256, sha256(&bytes)),
        ] {
            let mut offsets = vec![0, length as u64 & !31, u64::MAX];
            offsets.dedup();
            if length > 100 {
                offsets = vec![length as u64 - 32, length as u64 + 32];
            }
            for offset in offsets {
                let mut case = read(
                    format!("read {kind:?} of {length} bytes from {offset:#x}"),
                    kind,
                    key,
                    offset,
                );
                case.oracle.preimages.insert((kind, key), bytes.clone());
                visit(case, None);
            }
        }
    }
    let node: Bytes = vec![0x5a; 64].into();
    for bit in [0, 0x80] {
        let mut key = sha256(&node);
        key[0] = key[0] & 0x7f | bit;
        let mut case = read(
            format!("read a trie node of first bit {bit:#x}"),
            PreimageKind::TrieNode,
            key,
            32,
        );
        case.oracle
            .preimages
            .insert((PreimageKind::TrieNode, key), node.clone());
        visit(case, None);
    }
    for kind in [0, 5, 255] {
        let mut case = read(
            format!("read of kind {kind}"),
            PreimageKind::Keccak,
            B256::ZERO,
            0,
        );
        case.machine.registers.key_kind = kind;
        visit(case, Some(Cause::Preimage));
    }
    let blob = blobs::sample();
    for index in [0, 1, 2, 2047, 4095, 4096, 5000] {
        let mut case = read(
            format!("read field element {index} of a blob"),
            PreimageKind::Blob,
            blob.key,
            32 * index,
        );
        case.oracle = blob.oracle(index);
        visit(case, None);
    }
}

fn read(name: String, kind: PreimageKind, key: B256, offset: u64) -> Case {
    let mut case = ecall(name, ecall_number::READ, DATA + 96, 0);
    case.machine.registers.key_kind = kind as u8;
    case.machine.registers.key = key;
    case.machine.registers.key_offset = offset;
    case
}
