//! Every encoding of four bytes is an instruction or reserved, as the tables of the specification say (The RISC-V
//! Instruction Set Manual, volume I, "RV32/64G Instruction Set Listings").

use super::{instruction::Instruction, steps::rounds};

/// The instructions of RV64IMA, each by the bits that are fixed and what they are.
#[rustfmt::skip]
const LISTINGS: &[(&str, u32, u32)] = &[
    ("lui", 0x0000_007f, 0x0000_0037), ("auipc", 0x0000_007f, 0x0000_0017), ("jal", 0x0000_007f, 0x0000_006f),
    ("jalr", 0x0000_707f, 0x0000_0067),
    ("beq", 0x0000_707f, 0x0000_0063), ("bne", 0x0000_707f, 0x0000_1063), ("blt", 0x0000_707f, 0x0000_4063),
    ("bge", 0x0000_707f, 0x0000_5063), ("bltu", 0x0000_707f, 0x0000_6063), ("bgeu", 0x0000_707f, 0x0000_7063),
    ("lb", 0x0000_707f, 0x0000_0003), ("lh", 0x0000_707f, 0x0000_1003), ("lw", 0x0000_707f, 0x0000_2003),
    ("ld", 0x0000_707f, 0x0000_3003), ("lbu", 0x0000_707f, 0x0000_4003), ("lhu", 0x0000_707f, 0x0000_5003),
    ("lwu", 0x0000_707f, 0x0000_6003),
    ("sb", 0x0000_707f, 0x0000_0023), ("sh", 0x0000_707f, 0x0000_1023), ("sw", 0x0000_707f, 0x0000_2023),
    ("sd", 0x0000_707f, 0x0000_3023),
    ("addi", 0x0000_707f, 0x0000_0013), ("slti", 0x0000_707f, 0x0000_2013), ("sltiu", 0x0000_707f, 0x0000_3013),
    ("xori", 0x0000_707f, 0x0000_4013), ("ori", 0x0000_707f, 0x0000_6013), ("andi", 0x0000_707f, 0x0000_7013),
    ("slli", 0xfc00_707f, 0x0000_1013), ("srli", 0xfc00_707f, 0x0000_5013), ("srai", 0xfc00_707f, 0x4000_5013),
    ("add", 0xfe00_707f, 0x0000_0033), ("sub", 0xfe00_707f, 0x4000_0033), ("sll", 0xfe00_707f, 0x0000_1033),
    ("slt", 0xfe00_707f, 0x0000_2033), ("sltu", 0xfe00_707f, 0x0000_3033), ("xor", 0xfe00_707f, 0x0000_4033),
    ("srl", 0xfe00_707f, 0x0000_5033), ("sra", 0xfe00_707f, 0x4000_5033), ("or", 0xfe00_707f, 0x0000_6033),
    ("and", 0xfe00_707f, 0x0000_7033),
    ("addiw", 0x0000_707f, 0x0000_001b), ("slliw", 0xfe00_707f, 0x0000_101b), ("srliw", 0xfe00_707f, 0x0000_501b),
    ("sraiw", 0xfe00_707f, 0x4000_501b),
    ("addw", 0xfe00_707f, 0x0000_003b), ("subw", 0xfe00_707f, 0x4000_003b), ("sllw", 0xfe00_707f, 0x0000_103b),
    ("srlw", 0xfe00_707f, 0x0000_503b), ("sraw", 0xfe00_707f, 0x4000_503b),
    ("fence", 0x0000_707f, 0x0000_000f), ("ecall", 0xffff_ffff, 0x0000_0073),
    ("mul", 0xfe00_707f, 0x0200_0033), ("mulh", 0xfe00_707f, 0x0200_1033), ("mulhsu", 0xfe00_707f, 0x0200_2033),
    ("mulhu", 0xfe00_707f, 0x0200_3033), ("div", 0xfe00_707f, 0x0200_4033), ("divu", 0xfe00_707f, 0x0200_5033),
    ("rem", 0xfe00_707f, 0x0200_6033), ("remu", 0xfe00_707f, 0x0200_7033),
    ("mulw", 0xfe00_707f, 0x0200_003b), ("divw", 0xfe00_707f, 0x0200_403b), ("divuw", 0xfe00_707f, 0x0200_503b),
    ("remw", 0xfe00_707f, 0x0200_603b), ("remuw", 0xfe00_707f, 0x0200_703b),
    ("lr.w", 0xf9f0_707f, 0x1000_202f), ("lr.d", 0xf9f0_707f, 0x1000_302f),
    ("sc.w", 0xf800_707f, 0x1800_202f), ("sc.d", 0xf800_707f, 0x1800_302f),
    ("amoadd.w", 0xf800_707f, 0x0000_202f), ("amoswap.w", 0xf800_707f, 0x0800_202f),
    ("amoxor.w", 0xf800_707f, 0x2000_202f), ("amoor.w", 0xf800_707f, 0x4000_202f),
    ("amoand.w", 0xf800_707f, 0x6000_202f), ("amomin.w", 0xf800_707f, 0x8000_202f),
    ("amomax.w", 0xf800_707f, 0xa000_202f), ("amominu.w", 0xf800_707f, 0xc000_202f),
    ("amomaxu.w", 0xf800_707f, 0xe000_202f),
    ("amoadd.d", 0xf800_707f, 0x0000_302f), ("amoswap.d", 0xf800_707f, 0x0800_302f),
    ("amoxor.d", 0xf800_707f, 0x2000_302f), ("amoor.d", 0xf800_707f, 0x4000_302f),
    ("amoand.d", 0xf800_707f, 0x6000_302f), ("amomin.d", 0xf800_707f, 0x8000_302f),
    ("amomax.d", 0xf800_707f, 0xa000_302f), ("amominu.d", 0xf800_707f, 0xc000_302f),
    ("amomaxu.d", 0xf800_707f, 0xe000_302f),
];

/// Registers at the edges and two in between: no encoding depends on more of the bits that name them.
const REGISTERS: [u32; 4] = [0, 1, 21, 31];

fn check(word: u32, listed: &[(&str, u32, u32)]) -> bool {
    let mut names = listed
        .iter()
        .filter(|(_, mask, fixed)| word & mask == *fixed);
    let name = names.next().map(|(name, ..)| *name);
    assert!(names.next().is_none(), "{word:#010x} is listed twice");
    let decoded = Instruction::of_word(word);
    assert_eq!(
        decoded.is_legal(),
        name.is_some(),
        "{word:#010x}: {name:?} in the listings, decoded as {decoded:?}"
    );
    name.is_some()
}

#[test]
fn what_is_not_in_the_listings_is_illegal() {
    let (mut legal, mut reserved) = (0_u64, 0_u64);
    for opcode in (3..128).step_by(4) {
        let of_opcode = |(_, _, fixed): &&(&str, u32, u32)| fixed & 0x7f == opcode;
        let listed: Vec<_> = LISTINGS.iter().filter(of_opcode).copied().collect();
        let mut count = |word| {
            if check(word, &listed) {
                legal += 1;
            } else {
                reserved += 1;
            }
        };
        // Each function and each of the upper twelve bits, which are an immediate, a function or a register.
        for rest in 0..1_u32 << 15 {
            let (funct3, upper) = (rest & 7, rest >> 3);
            for rd in REGISTERS {
                for rs1 in REGISTERS {
                    count(upper << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode);
                }
            }
        }
        // All of them, in a long run.
        for rest in 0..rounds(0, 1 << 25) as u32 {
            count(rest << 7 | opcode);
        }
    }
    println!("{legal} instructions, {reserved} reserved encodings");
    assert!(legal > 0 && reserved > legal);
}
