//! Compressed instructions, and the 32-bit ones that they stand for.

const SP: u32 = 2;

/// The 32-bit instruction that a compressed one of RV64C (without floating point) stands for; `None` when the
/// encoding is reserved, belongs to another extension, or is `C.EBREAK`. Hints expand to what changes nothing.
pub(crate) fn expand(half: u16) -> Option<u32> {
    let c = u32::from(half);
    match (c & 3, c >> 13) {
        (0, funct) => memory_of_short_registers(c, funct),
        (1, funct) => arithmetic(c, funct),
        (2, funct) => of_stack_and_any_register(c, funct),
        _ => None,
    }
}

fn bits(value: u32, high: u32, low: u32) -> u32 {
    (value >> low) & ((1 << (high - low + 1)) - 1)
}

/// A value of so many bits with its sign spread over all.
fn signed(value: u32, width: u32) -> u32 {
    let unused = 32 - width;
    ((value << unused).cast_signed() >> unused).cast_unsigned()
}

/// One of x8..x15.
fn short(c: u32, low: u32) -> u32 {
    8 + bits(c, low + 2, low)
}

fn i_type(opcode: u32, funct3: u32, rd: u32, rs1: u32, immediate: u32) -> u32 {
    (immediate & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

fn r_type(opcode: u32, funct3: u32, funct7: u32, rd: u32, rs1: u32, rs2: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

fn store(funct3: u32, rs1: u32, rs2: u32, offset: u32) -> u32 {
    bits(offset, 11, 5) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | bits(offset, 4, 0) << 7
        | 0x23
}

fn branch(funct3: u32, rs1: u32, offset: u32) -> u32 {
    bits(offset, 12, 12) << 31
        | bits(offset, 10, 5) << 25
        | rs1 << 15
        | funct3 << 12
        | bits(offset, 4, 1) << 8
        | bits(offset, 11, 11) << 7
        | 0x63
}

fn jump(rd: u32, offset: u32) -> u32 {
    bits(offset, 20, 20) << 31
        | bits(offset, 10, 1) << 21
        | bits(offset, 11, 11) << 20
        | bits(offset, 19, 12) << 12
        | rd << 7
        | 0x6f
}

fn memory_of_short_registers(c: u32, funct: u32) -> Option<u32> {
    let (rs1, other) = (short(c, 7), short(c, 2));
    let word = bits(c, 5, 5) << 6 | bits(c, 12, 10) << 3 | bits(c, 6, 6) << 2;
    let double = bits(c, 6, 5) << 6 | bits(c, 12, 10) << 3;
    match funct {
        0 => {
            let immediate = bits(c, 10, 7) << 6
                | bits(c, 12, 11) << 4
                | bits(c, 5, 5) << 3
                | bits(c, 6, 6) << 2;
            (immediate != 0).then(|| i_type(0x13, 0, other, SP, immediate))
        }
        2 => Some(i_type(0x03, 2, other, rs1, word)),
        3 => Some(i_type(0x03, 3, other, rs1, double)),
        6 => Some(store(2, rs1, other, word)),
        7 => Some(store(3, rs1, other, double)),
        _ => None,
    }
}

fn arithmetic(c: u32, funct: u32) -> Option<u32> {
    let rd = bits(c, 11, 7);
    let six = bits(c, 12, 12) << 5 | bits(c, 6, 2);
    let immediate = signed(six, 6);
    match funct {
        0 => Some(i_type(0x13, 0, rd, rd, immediate)),
        1 => (rd != 0).then(|| i_type(0x1b, 0, rd, rd, immediate)),
        2 => Some(i_type(0x13, 0, rd, 0, immediate)),
        3 if six == 0 && rd != SP => None,
        3 if rd == SP => {
            let offset = bits(c, 12, 12) << 9
                | bits(c, 4, 3) << 7
                | bits(c, 5, 5) << 6
                | bits(c, 2, 2) << 5
                | bits(c, 6, 6) << 4;
            (offset != 0).then(|| i_type(0x13, 0, SP, SP, signed(offset, 10)))
        }
        3 => Some((immediate & 0xf_ffff) << 12 | rd << 7 | 0x37),
        4 => on_short_registers(c, six),
        5 => {
            let offset = bits(c, 12, 12) << 11
                | bits(c, 8, 8) << 10
                | bits(c, 10, 9) << 8
                | bits(c, 6, 6) << 7
                | bits(c, 7, 7) << 6
                | bits(c, 2, 2) << 5
                | bits(c, 11, 11) << 4
                | bits(c, 5, 3) << 1;
            Some(jump(0, signed(offset, 12)))
        }
        _ => {
            let offset = bits(c, 12, 12) << 8
                | bits(c, 6, 5) << 6
                | bits(c, 2, 2) << 5
                | bits(c, 11, 10) << 3
                | bits(c, 4, 3) << 1;
            Some(branch(funct - 6, short(c, 7), signed(offset, 9)))
        }
    }
}

fn on_short_registers(c: u32, six: u32) -> Option<u32> {
    let (rd, rs2) = (short(c, 7), short(c, 2));
    match (bits(c, 11, 10), bits(c, 12, 12), bits(c, 6, 5)) {
        (0, ..) => Some(i_type(0x13, 5, rd, rd, six)),
        (1, ..) => Some(i_type(0x13, 5, rd, rd, 0x400 | six)),
        (2, ..) => Some(i_type(0x13, 7, rd, rd, signed(six, 6))),
        (_, 0, 0) => Some(r_type(0x33, 0, 0x20, rd, rd, rs2)),
        (_, 0, 1) => Some(r_type(0x33, 4, 0, rd, rd, rs2)),
        (_, 0, 2) => Some(r_type(0x33, 6, 0, rd, rd, rs2)),
        (_, 0, _) => Some(r_type(0x33, 7, 0, rd, rd, rs2)),
        (_, _, 0) => Some(r_type(0x3b, 0, 0x20, rd, rd, rs2)),
        (_, _, 1) => Some(r_type(0x3b, 0, 0, rd, rd, rs2)),
        _ => None,
    }
}

fn of_stack_and_any_register(c: u32, funct: u32) -> Option<u32> {
    let (rd, rs2) = (bits(c, 11, 7), bits(c, 6, 2));
    match funct {
        0 => Some(i_type(0x13, 1, rd, rd, bits(c, 12, 12) << 5 | rs2)),
        2 => {
            let offset = bits(c, 3, 2) << 6 | bits(c, 12, 12) << 5 | bits(c, 6, 4) << 2;
            (rd != 0).then(|| i_type(0x03, 2, rd, SP, offset))
        }
        3 => {
            let offset = bits(c, 4, 2) << 6 | bits(c, 12, 12) << 5 | bits(c, 6, 5) << 3;
            (rd != 0).then(|| i_type(0x03, 3, rd, SP, offset))
        }
        4 => match (bits(c, 12, 12), rd, rs2) {
            (_, 0, 0) => None,
            (link, _, 0) => Some(i_type(0x67, 0, link, rd, 0)),
            (0, ..) => Some(r_type(0x33, 0, 0, rd, 0, rs2)),
            _ => Some(r_type(0x33, 0, 0, rd, rd, rs2)),
        },
        6 => Some(store(2, SP, rs2, bits(c, 8, 7) << 6 | bits(c, 12, 9) << 2)),
        7 => Some(store(3, SP, rs2, bits(c, 9, 7) << 6 | bits(c, 12, 10) << 3)),
        _ => None,
    }
}
