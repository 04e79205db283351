//! Instructions, decoded once and for all: what a slot of the code ROM says, in eight bytes.

/// What an instruction does.
#[rustfmt::skip]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Illegal,
    Lui, Auipc, Jal, Jalr,
    Beq, Bne, Blt, Bge, Bltu, Bgeu,
    Lb, Lh, Lw, Ld, Lbu, Lhu, Lwu,
    Sb, Sh, Sw, Sd,
    Addi, Slti, Sltiu, Xori, Ori, Andi, Slli, Srli, Srai,
    Add, Sub, Sll, Slt, Sltu, Xor, Srl, Sra, Or, And,
    Addiw, Slliw, Srliw, Sraiw,
    Addw, Subw, Sllw, Srlw, Sraw,
    Fence, Ecall,
    Mul, Mulh, Mulhsu, Mulhu, Div, Divu, Rem, Remu,
    Mulw, Divw, Divuw, Remw, Remuw,
    LrW, LrD, ScW, ScD,
    AmoW, AmoD,
}

/// The read-modify-write operations; [`Instruction::immediate`] of an AMO holds one of these.
pub(crate) mod amo {
    pub(crate) const ADD: i32 = 0b00000;
    pub(crate) const SWAP: i32 = 0b00001;
    pub(crate) const XOR: i32 = 0b00100;
    pub(crate) const OR: i32 = 0b01000;
    pub(crate) const AND: i32 = 0b01100;
    pub(crate) const MIN: i32 = 0b10000;
    pub(crate) const MAX: i32 = 0b10100;
    pub(crate) const MINU: i32 = 0b11000;
    pub(crate) const MAXU: i32 = 0b11100;
    pub(crate) const ALL: [i32; 9] = [ADD, SWAP, XOR, OR, AND, MIN, MAX, MINU, MAXU];
}

/// Where writes to x0 go: a register that nothing reads.
pub(crate) const SINK: u8 = 32;

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) kind: Kind,
    /// 1..=31, or [`SINK`].
    pub(crate) rd: u8,
    pub(crate) rs1: u8,
    /// The register in the low bits; the highest bit says that the instruction is four bytes long.
    rs2_and_length: u8,
    pub(crate) immediate: i32,
}

const FOUR_BYTES: u8 = 0x80;

impl Instruction {
    /// What a slot without an instruction holds.
    pub(crate) const ILLEGAL: Self = Self {
        kind: Kind::Illegal,
        rd: SINK,
        rs1: 0,
        rs2_and_length: FOUR_BYTES,
        immediate: 0,
    };

    /// Decodes a slot of the code ROM: the lowest two bits say the length, 11 for four bytes and 01 for two.
    pub(crate) fn of_slot(slot: u32) -> Self {
        let decoded = Self::of_word(slot | 3);
        match slot & 3 {
            3 => decoded,
            1 if decoded.kind != Kind::Illegal => Self {
                rs2_and_length: decoded.rs2_and_length & !FOUR_BYTES,
                ..decoded
            },
            _ => Self::ILLEGAL,
        }
    }

    /// Decodes a 32-bit instruction.
    pub(crate) fn of_word(word: u32) -> Self {
        let (kind, immediate) = kind_and_immediate(word);
        if kind == Kind::Illegal {
            return Self::ILLEGAL;
        }
        let field = |low: u32| (word >> low & 31) as u8;
        let rd = field(7);
        Self {
            kind,
            rd: if rd == 0 { SINK } else { rd },
            rs1: field(15),
            rs2_and_length: field(20) | FOUR_BYTES,
            immediate,
        }
    }

    pub(crate) fn is_legal(self) -> bool {
        self.kind != Kind::Illegal
    }

    #[inline]
    pub(crate) fn rs2(self) -> u8 {
        self.rs2_and_length & 31
    }

    /// Its length in half-words: 1 or 2.
    #[inline]
    pub(crate) fn halves(self) -> u64 {
        1 + u64::from(self.rs2_and_length >> 7)
    }
}

fn kind_and_immediate(word: u32) -> (Kind, i32) {
    use Kind as K;
    let signed = word.cast_signed();
    let funct3 = word >> 12 & 7;
    let funct7 = word >> 25;
    let i = signed >> 20;
    let s = signed >> 25 << 5 | (signed >> 7 & 31);
    match word & 0x7f {
        0x37 => (K::Lui, signed & !0xfff),
        0x17 => (K::Auipc, signed & !0xfff),
        0x6f => {
            let offset = signed >> 31 << 20
                | (signed & 0xf_f000)
                | (signed >> 20 & 1) << 11
                | (signed >> 21 & 0x3ff) << 1;
            (K::Jal, offset)
        }
        0x67 if funct3 == 0 => (K::Jalr, i),
        0x63 => {
            let offset = signed >> 31 << 12
                | (signed >> 7 & 1) << 11
                | (signed >> 25 & 0x3f) << 5
                | (signed >> 8 & 0xf) << 1;
            let kind = match funct3 {
                0 => K::Beq,
                1 => K::Bne,
                4 => K::Blt,
                5 => K::Bge,
                6 => K::Bltu,
                7 => K::Bgeu,
                _ => K::Illegal,
            };
            (kind, offset)
        }
        0x03 => {
            let loads = [K::Lb, K::Lh, K::Lw, K::Ld, K::Lbu, K::Lhu, K::Lwu];
            (*loads.get(funct3 as usize).unwrap_or(&K::Illegal), i)
        }
        0x23 => {
            let stores = [K::Sb, K::Sh, K::Sw, K::Sd];
            (*stores.get(funct3 as usize).unwrap_or(&K::Illegal), s)
        }
        0x13 => match (funct3, word >> 26) {
            (0, _) => (K::Addi, i),
            (2, _) => (K::Slti, i),
            (3, _) => (K::Sltiu, i),
            (4, _) => (K::Xori, i),
            (6, _) => (K::Ori, i),
            (7, _) => (K::Andi, i),
            (1, 0) => (K::Slli, i & 63),
            (5, 0) => (K::Srli, i & 63),
            (5, 0x10) => (K::Srai, i & 63),
            _ => (K::Illegal, 0),
        },
        0x1b => match (funct3, funct7) {
            (0, _) => (K::Addiw, i),
            (1, 0) => (K::Slliw, i & 31),
            (5, 0) => (K::Srliw, i & 31),
            (5, 0x20) => (K::Sraiw, i & 31),
            _ => (K::Illegal, 0),
        },
        0x33 => (register_operation(funct3, funct7), 0),
        0x3b => (register_operation_of_words(funct3, funct7), 0),
        0x0f if funct3 == 0 => (K::Fence, 0),
        0x73 if word == 0x0000_0073 => (K::Ecall, 0),
        0x2f => atomic(word, funct3),
        _ => (K::Illegal, 0),
    }
}

fn register_operation(funct3: u32, funct7: u32) -> Kind {
    use Kind as K;
    match (funct7, funct3) {
        (0, 0) => K::Add,
        (0x20, 0) => K::Sub,
        (0, 1) => K::Sll,
        (0, 2) => K::Slt,
        (0, 3) => K::Sltu,
        (0, 4) => K::Xor,
        (0, 5) => K::Srl,
        (0x20, 5) => K::Sra,
        (0, 6) => K::Or,
        (0, 7) => K::And,
        (1, 0) => K::Mul,
        (1, 1) => K::Mulh,
        (1, 2) => K::Mulhsu,
        (1, 3) => K::Mulhu,
        (1, 4) => K::Div,
        (1, 5) => K::Divu,
        (1, 6) => K::Rem,
        (1, 7) => K::Remu,
        _ => K::Illegal,
    }
}

fn register_operation_of_words(funct3: u32, funct7: u32) -> Kind {
    use Kind as K;
    match (funct7, funct3) {
        (0, 0) => K::Addw,
        (0x20, 0) => K::Subw,
        (0, 1) => K::Sllw,
        (0, 5) => K::Srlw,
        (0x20, 5) => K::Sraw,
        (1, 0) => K::Mulw,
        (1, 4) => K::Divw,
        (1, 5) => K::Divuw,
        (1, 6) => K::Remw,
        (1, 7) => K::Remuw,
        _ => K::Illegal,
    }
}

fn atomic(word: u32, funct3: u32) -> (Kind, i32) {
    use Kind as K;
    let operation = (word >> 27).cast_signed();
    let rs2 = word >> 20 & 31;
    let kinds = match funct3 {
        2 => [K::LrW, K::ScW, K::AmoW],
        3 => [K::LrD, K::ScD, K::AmoD],
        _ => return (K::Illegal, 0),
    };
    match operation {
        0b00010 if rs2 == 0 => (kinds[0], 0),
        0b00011 => (kinds[1], 0),
        _ if amo::ALL.contains(&operation) => (kinds[2], operation),
        _ => (K::Illegal, 0),
    }
}
