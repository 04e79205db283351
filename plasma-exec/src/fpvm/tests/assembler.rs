//! Machine code and executables, written by tables.

/// Encodings of instructions by their fields.
pub(crate) mod code {
    pub(crate) const ECALL: u32 = 0x73;
    pub(crate) const EBREAK: u32 = 0x0010_0073;

    pub(crate) fn r(opcode: u32, funct3: u32, funct7: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
        funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
    }

    pub(crate) fn i(opcode: u32, funct3: u32, rd: u32, rs1: u32, immediate: i32) -> u32 {
        (immediate.cast_unsigned() & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
    }

    pub(crate) fn s(funct3: u32, rs1: u32, rs2: u32, immediate: i32) -> u32 {
        let immediate = immediate.cast_unsigned();
        (immediate >> 5 & 0x7f) << 25
            | rs2 << 20
            | rs1 << 15
            | funct3 << 12
            | (immediate & 31) << 7
            | 0x23
    }

    pub(crate) fn b(funct3: u32, rs1: u32, rs2: u32, offset: i32) -> u32 {
        let offset = offset.cast_unsigned();
        (offset >> 12 & 1) << 31
            | (offset >> 5 & 0x3f) << 25
            | rs2 << 20
            | rs1 << 15
            | funct3 << 12
            | (offset >> 1 & 0xf) << 8
            | (offset >> 11 & 1) << 7
            | 0x63
    }

    pub(crate) fn u(opcode: u32, rd: u32, immediate: i32) -> u32 {
        (immediate.cast_unsigned() & 0xffff_f000) | rd << 7 | opcode
    }

    pub(crate) fn jal(rd: u32, offset: i32) -> u32 {
        let offset = offset.cast_unsigned();
        (offset >> 20 & 1) << 31
            | (offset >> 1 & 0x3ff) << 21
            | (offset >> 11 & 1) << 20
            | (offset >> 12 & 0xff) << 12
            | rd << 7
            | 0x6f
    }

    pub(crate) fn addi(rd: u32, rs1: u32, immediate: i32) -> u32 {
        i(0x13, 0, rd, rs1, immediate)
    }

    pub(crate) fn amo(funct5: u32, funct3: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
        r(0x2f, funct3, funct5 << 2, rd, rs1, rs2)
    }

    /// Loads any number: always eight instructions.
    pub(crate) fn li(rd: u32, value: u64) -> Vec<u32> {
        let mut out = vec![addi(rd, 0, (value >> 55) as i32 & 0x1ff)];
        for shift in [44, 33, 22, 11, 0] {
            out.push(i(0x13, 1, rd, rd, 11));
            out.push(i(0x13, 6, rd, rd, (value >> shift) as i32 & 0x7ff));
        }
        out
    }
}

pub(crate) const READ: u32 = 4;
pub(crate) const WRITE: u32 = 2;
pub(crate) const EXECUTE: u32 = 1;

/// A segment of an executable to be.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) address: u64,
    pub(crate) bytes: Vec<u8>,
    /// 0 for as many as there are bytes.
    pub(crate) length: u64,
    pub(crate) flags: u32,
    pub(crate) kind: u32,
}

impl Part {
    pub(crate) fn text(address: u64, words: &[u32]) -> Self {
        Self::text_bytes(
            address,
            words.iter().flat_map(|w| w.to_le_bytes()).collect(),
        )
    }

    pub(crate) fn text_bytes(address: u64, bytes: Vec<u8>) -> Self {
        Self {
            address,
            bytes,
            length: 0,
            flags: READ | EXECUTE,
            kind: 1,
        }
    }

    pub(crate) fn data(address: u64, bytes: &[u8]) -> Self {
        Self {
            address,
            bytes: bytes.to_vec(),
            length: 0,
            flags: READ | WRITE,
            kind: 1,
        }
    }
}

/// An ELF64 executable with these segments.
pub(crate) fn elf(entry: u64, parts: &[Part]) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    out.extend(2u16.to_le_bytes());
    out.extend(243u16.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(entry.to_le_bytes());
    out.extend(64u64.to_le_bytes());
    out.extend(0u64.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    for half in [64u16, 56, parts.len() as u16, 64, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    let mut offset = 64 + 56 * parts.len() as u64;
    for part in parts {
        out.extend(part.kind.to_le_bytes());
        out.extend(part.flags.to_le_bytes());
        let length = part.length.max(part.bytes.len() as u64);
        let in_file = part.bytes.len() as u64;
        for field in [offset, part.address, part.address, in_file, length, 1] {
            out.extend(field.to_le_bytes());
        }
        offset += in_file;
    }
    for part in parts {
        out.extend(&part.bytes);
    }
    out
}
