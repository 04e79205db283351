//! The loop that executes instructions, until there is an ECALL, a trap or no step left.

use super::{
    instruction::{Instruction, Kind, amo},
    memory::Memory,
    state::{Cause, NO_RESERVATION, Registers},
    tree::PAGE_BITS,
};

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All steps that it was given are done.
    Limit,
    /// The next instruction is an ECALL; it is not executed yet.
    Ecall,
    /// The next instruction traps; nothing of it has been done.
    Trap(Cause),
}

/// A register that nothing reads follows x31, so that no write needs to ask for x0.
const FILE: usize = 64;

/// Executes at most `limit` instructions from `registers.pc` on. Returns why it stopped and how many were executed.
///
/// With `LOG`, `written` is the last leaf that a store went to.
pub(crate) fn execute<const LOG: bool>(
    code: &[Instruction],
    base: u64,
    registers: &mut Registers,
    memory: &mut Memory,
    limit: u64,
    written: &mut Option<u64>,
) -> (Exit, u64) {
    if registers.pc & 1 != 0 {
        return (
            if limit == 0 {
                Exit::Limit
            } else {
                Exit::Trap(Cause::Fetch)
            },
            0,
        );
    }
    let mut file = [0; FILE];
    file[..32].copy_from_slice(&registers.x);
    // The place of the program counter in the table: half its distance from the base, exact for every even address.
    let mut at = registers.pc.wrapping_sub(base) >> 1;
    let mut reservation = registers.reservation;
    let (words, dirty) = (&mut memory.words[..], &mut memory.dirty[..]);
    let mut left = limit;

    let exit = loop {
        if left == 0 {
            break Exit::Limit;
        }
        let Some(i) = code.get(at as usize) else {
            break Exit::Trap(if at < super::program::MAX_SLOTS {
                Cause::Illegal
            } else {
                Cause::Fetch
            });
        };
        let mut next = at.wrapping_add(i.halves());

        macro_rules! rs1 {
            () => {
                file[(i.rs1 & 31) as usize]
            };
        }
        macro_rules! rs2 {
            () => {
                file[i.rs2() as usize]
            };
        }
        macro_rules! immediate {
            () => {
                i64::from(i.immediate).cast_unsigned()
            };
        }
        macro_rules! set {
            ($value:expr) => {{
                let value: u64 = $value;
                file[(i.rd & 63) as usize] = value;
            }};
        }
        // The result of an operation on words: its sign is spread over the upper half.
        macro_rules! set_word {
            ($value:expr) => {{
                let value: u32 = $value;
                set!(i64::from(value.cast_signed()).cast_unsigned());
            }};
        }
        macro_rules! branch {
            ($taken:expr) => {
                if $taken {
                    next = at.wrapping_add(i64::from(i.immediate >> 1).cast_unsigned());
                }
            };
        }
        macro_rules! link {
            () => {
                base.wrapping_add(next << 1)
            };
        }
        macro_rules! load {
            ($bytes:literal, |$value:ident| $convert:expr) => {{
                let address = rs1!().wrapping_add(immediate!());
                if !address.is_multiple_of($bytes) {
                    break Exit::Trap(Cause::MisalignedLoad);
                }
                let Some(word) = words.get((address >> 3) as usize) else {
                    break Exit::Trap(Cause::LoadFault);
                };
                let $value = *word >> (8 * (address & 7));
                set!($convert);
            }};
        }
        macro_rules! note {
            ($address:expr) => {
                if let Some(page) = dirty.get_mut(($address >> PAGE_BITS) as usize) {
                    *page = true;
                }
                if LOG {
                    *written = Some($address >> 5);
                }
            };
        }
        macro_rules! store_at {
            ($bytes:literal, $address:expr, $value:expr) => {{
                let address: u64 = $address;
                if !address.is_multiple_of($bytes) {
                    break Exit::Trap(Cause::MisalignedStore);
                }
                let Some(word) = words.get_mut((address >> 3) as usize) else {
                    break Exit::Trap(Cause::StoreFault);
                };
                *word = merge::<$bytes>(*word, address, $value);
                note!(address);
            }};
        }
        macro_rules! atomic {
            ($bytes:literal, |$word:ident, $address:ident| $body:expr) => {{
                let $address = rs1!();
                if !$address.is_multiple_of($bytes) {
                    break Exit::Trap(Cause::MisalignedStore);
                }
                let Some($word) = words.get_mut(($address >> 3) as usize) else {
                    break Exit::Trap(Cause::StoreFault);
                };
                $body
            }};
        }

        match i.kind {
            Kind::Illegal => break Exit::Trap(Cause::Illegal),
            Kind::Lui => set!(immediate!()),
            Kind::Auipc => set!(base.wrapping_add(at << 1).wrapping_add(immediate!())),
            Kind::Jal => {
                set!(link!());
                branch!(true);
            }
            Kind::Jalr => {
                let target = rs1!().wrapping_add(immediate!()) & !1;
                set!(link!());
                next = target.wrapping_sub(base) >> 1;
            }
            Kind::Beq => branch!(rs1!() == rs2!()),
            Kind::Bne => branch!(rs1!() != rs2!()),
            Kind::Blt => branch!(rs1!().cast_signed() < rs2!().cast_signed()),
            Kind::Bge => branch!(rs1!().cast_signed() >= rs2!().cast_signed()),
            Kind::Bltu => branch!(rs1!() < rs2!()),
            Kind::Bgeu => branch!(rs1!() >= rs2!()),
            Kind::Lb => load!(1, |v| i64::from((v as u8).cast_signed()).cast_unsigned()),
            Kind::Lh => load!(2, |v| i64::from((v as u16).cast_signed()).cast_unsigned()),
            Kind::Lw => load!(4, |v| i64::from((v as u32).cast_signed()).cast_unsigned()),
            Kind::Ld => load!(8, |v| v),
            Kind::Lbu => load!(1, |v| u64::from(v as u8)),
            Kind::Lhu => load!(2, |v| u64::from(v as u16)),
            Kind::Lwu => load!(4, |v| u64::from(v as u32)),
            Kind::Sb => store_at!(1, rs1!().wrapping_add(immediate!()), rs2!()),
            Kind::Sh => store_at!(2, rs1!().wrapping_add(immediate!()), rs2!()),
            Kind::Sw => store_at!(4, rs1!().wrapping_add(immediate!()), rs2!()),
            Kind::Sd => store_at!(8, rs1!().wrapping_add(immediate!()), rs2!()),
            Kind::Addi => set!(rs1!().wrapping_add(immediate!())),
            Kind::Slti => set!(u64::from(rs1!().cast_signed() < i64::from(i.immediate))),
            Kind::Sltiu => set!(u64::from(rs1!() < immediate!())),
            Kind::Xori => set!(rs1!() ^ immediate!()),
            Kind::Ori => set!(rs1!() | immediate!()),
            Kind::Andi => set!(rs1!() & immediate!()),
            Kind::Slli => set!(rs1!() << (i.immediate & 63)),
            Kind::Srli => set!(rs1!() >> (i.immediate & 63)),
            Kind::Srai => set!((rs1!().cast_signed() >> (i.immediate & 63)).cast_unsigned()),
            Kind::Add => set!(rs1!().wrapping_add(rs2!())),
            Kind::Sub => set!(rs1!().wrapping_sub(rs2!())),
            Kind::Sll => set!(rs1!() << (rs2!() & 63)),
            Kind::Slt => set!(u64::from(rs1!().cast_signed() < rs2!().cast_signed())),
            Kind::Sltu => set!(u64::from(rs1!() < rs2!())),
            Kind::Xor => set!(rs1!() ^ rs2!()),
            Kind::Srl => set!(rs1!() >> (rs2!() & 63)),
            Kind::Sra => set!((rs1!().cast_signed() >> (rs2!() & 63)).cast_unsigned()),
            Kind::Or => set!(rs1!() | rs2!()),
            Kind::And => set!(rs1!() & rs2!()),
            Kind::Addiw => set_word!((rs1!() as u32).wrapping_add(i.immediate.cast_unsigned())),
            Kind::Slliw => set_word!((rs1!() as u32) << (i.immediate & 31)),
            Kind::Srliw => set_word!((rs1!() as u32) >> (i.immediate & 31)),
            Kind::Sraiw => {
                set_word!(((rs1!() as u32).cast_signed() >> (i.immediate & 31)).cast_unsigned());
            }
            Kind::Addw => set_word!((rs1!() as u32).wrapping_add(rs2!() as u32)),
            Kind::Subw => set_word!((rs1!() as u32).wrapping_sub(rs2!() as u32)),
            Kind::Sllw => set_word!((rs1!() as u32) << (rs2!() & 31)),
            Kind::Srlw => set_word!((rs1!() as u32) >> (rs2!() & 31)),
            Kind::Sraw => {
                set_word!(((rs1!() as u32).cast_signed() >> (rs2!() & 31)).cast_unsigned());
            }
            Kind::Fence => {}
            Kind::Ecall => break Exit::Ecall,
            Kind::Mul => set!(rs1!().wrapping_mul(rs2!())),
            Kind::Mulh => set!(high_signed(
                rs1!().cast_signed().into(),
                rs2!().cast_signed().into()
            )),
            Kind::Mulhsu => set!(high_signed(rs1!().cast_signed().into(), rs2!().into())),
            Kind::Mulhu => set!(((u128::from(rs1!()) * u128::from(rs2!())) >> 64) as u64),
            Kind::Div => set!(divide(rs1!().cast_signed(), rs2!().cast_signed())),
            Kind::Divu => set!(rs1!().checked_div(rs2!()).unwrap_or(u64::MAX)),
            Kind::Rem => set!(remainder(rs1!().cast_signed(), rs2!().cast_signed())),
            Kind::Remu => set!(rs1!().checked_rem(rs2!()).unwrap_or(rs1!())),
            Kind::Mulw => set_word!((rs1!() as u32).wrapping_mul(rs2!() as u32)),
            Kind::Divw => set_word!(divide_words(rs1!() as u32, rs2!() as u32)),
            Kind::Divuw => {
                set_word!(
                    (rs1!() as u32)
                        .checked_div(rs2!() as u32)
                        .unwrap_or(u32::MAX)
                );
            }
            Kind::Remw => set_word!(remainder_of_words(rs1!() as u32, rs2!() as u32)),
            Kind::Remuw => {
                let dividend = rs1!() as u32;
                set_word!(dividend.checked_rem(rs2!() as u32).unwrap_or(dividend));
            }
            Kind::LrW => {
                let address = rs1!();
                load!(4, |v| i64::from((v as u32).cast_signed()).cast_unsigned());
                reservation = address;
            }
            Kind::LrD => {
                let address = rs1!();
                load!(8, |v| v);
                reservation = address;
            }
            Kind::ScW => atomic!(4, |word, address| {
                if reservation == address {
                    *word = merge::<4>(*word, address, rs2!());
                    note!(address);
                }
                set!(u64::from(reservation != address));
                reservation = NO_RESERVATION;
            }),
            Kind::ScD => atomic!(8, |word, address| {
                if reservation == address {
                    *word = rs2!();
                    note!(address);
                }
                set!(u64::from(reservation != address));
                reservation = NO_RESERVATION;
            }),
            Kind::AmoW => atomic!(4, |word, address| {
                let old = i64::from(((*word >> (8 * (address & 7))) as u32).cast_signed());
                let operand = i64::from((rs2!() as u32).cast_signed());
                *word = merge::<4>(*word, address, combine(i.immediate, old, operand));
                note!(address);
                set!(old.cast_unsigned());
            }),
            Kind::AmoD => atomic!(8, |word, address| {
                let old = word.cast_signed();
                *word = combine(i.immediate, old, rs2!().cast_signed());
                note!(address);
                set!(old.cast_unsigned());
            }),
        }
        at = next;
        left -= 1;
    };

    registers.x.copy_from_slice(&file[..32]);
    registers.pc = base.wrapping_add(at << 1);
    registers.reservation = reservation;
    (exit, limit - left)
}

/// The word with the lowest `BYTES` bytes of a value at the address's place in it.
#[inline]
fn merge<const BYTES: u32>(word: u64, address: u64, value: u64) -> u64 {
    if BYTES == 8 {
        return value;
    }
    let shift = 8 * (address & 7);
    let mask = (1 << (8 * BYTES)) - 1;
    word & !(mask << shift) | (value & mask) << shift
}

fn high_signed(a: i128, b: i128) -> u64 {
    (a.wrapping_mul(b) >> 64) as u64
}

fn divide(dividend: i64, divisor: i64) -> u64 {
    if divisor == 0 {
        return u64::MAX;
    }
    dividend.wrapping_div(divisor).cast_unsigned()
}

fn remainder(dividend: i64, divisor: i64) -> u64 {
    if divisor == 0 {
        return dividend.cast_unsigned();
    }
    dividend.wrapping_rem(divisor).cast_unsigned()
}

fn divide_words(dividend: u32, divisor: u32) -> u32 {
    if divisor == 0 {
        return u32::MAX;
    }
    let quotient = dividend.cast_signed().wrapping_div(divisor.cast_signed());
    quotient.cast_unsigned()
}

fn remainder_of_words(dividend: u32, divisor: u32) -> u32 {
    if divisor == 0 {
        return dividend;
    }
    let rest = dividend.cast_signed().wrapping_rem(divisor.cast_signed());
    rest.cast_unsigned()
}

/// What an AMO writes. Words come with their signs spread, which orders them rightly as unsigned too.
#[inline]
fn combine(operation: i32, old: i64, operand: i64) -> u64 {
    let value = match operation {
        amo::ADD => old.wrapping_add(operand),
        amo::XOR => old ^ operand,
        amo::OR => old | operand,
        amo::AND => old & operand,
        amo::MIN => old.min(operand),
        amo::MAX => old.max(operand),
        amo::MINU => return old.cast_unsigned().min(operand.cast_unsigned()),
        amo::MAXU => return old.cast_unsigned().max(operand.cast_unsigned()),
        _ => operand,
    };
    value.cast_unsigned()
}
