//! One step as the root takes it: over nothing but a proof. The twin of `RiscvStep.sol`.
//!
//! This is the machine's plain version, which the interpreter is compared with. It reads the specification from the top to
//! the bottom, decodes by itself and shares no code with the interpreter but hashes and signatures.

mod arithmetic;
mod opened;

use plasma_core::{B256, keccak256, sha256};

use self::{
    arithmetic::{atomic, immediate_operation, register_operation},
    opened::{Block, Reader},
};
use super::{accelerators, kzg, oracle::BlobOpening, state::STATE_BYTES};

const ROM_HEIGHT: usize = 18;
const MEMORY_BITS: u32 = 28;
const WINDOW: u64 = 1 << 22;

const HALTED: u8 = 1;
const TRAPPED: u8 = 2;

const FETCH: u64 = 1;
const ILLEGAL: u64 = 2;
const MISALIGNED_LOAD: u64 = 3;
const LOAD_FAULT: u64 = 4;
const MISALIGNED_STORE: u64 = 5;
const STORE_FAULT: u64 = 6;
const ECALL_UNKNOWN: u64 = 7;
const ECALL_ARGUMENT: u64 = 8;
const PREIMAGE: u64 = 9;

/// Why bytes are no proof of a step. No program can bring this about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The proof ends too early.
    #[error(
        "the proof has {length} bytes and needs {needed} at least; make it anew from the state before the step"
    )]
    Missing {
        /// How many it needs for what has been read so far.
        needed: usize,
        /// How many it has.
        length: usize,
    },
    /// The proof goes on after its end.
    #[error("the proof has {length} bytes and {needed} are needed; cut off the surplus")]
    Surplus {
        /// How many it needs.
        needed: usize,
        /// How many it has.
        length: usize,
    },
    /// The ROM leaf is not the program's.
    #[error(
        "the ROM leaf gives root {computed}, not {expected}; prove it against the program's ROM"
    )]
    RomRoot {
        /// The root that leaf and siblings give.
        computed: B256,
        /// The program's.
        expected: B256,
    },
    /// The block is not in the state's memory.
    #[error(
        "the block of memory gives root {computed}, not {expected}; prove it against the memory before the step"
    )]
    MemoryRoot {
        /// The root that block and siblings give.
        computed: B256,
        /// The state's.
        expected: B256,
    },
    /// The preimage is not the key's.
    #[error(
        "{length} bytes are no preimage of key {key} of kind {kind}; give the whole preimage, at most 4096 bytes"
    )]
    Preimage {
        /// 1 to 3.
        kind: u8,
        /// The key.
        key: B256,
        /// The length given.
        length: usize,
    },
    /// The opening is not of the blob's field element.
    #[error(
        "the opening does not show field element {index} of blob {key}; compute its KZG proof anew"
    )]
    Opening {
        /// The blob's versioned hash.
        key: B256,
        /// The field element.
        index: u64,
    },
}

/// Takes one step over its proof: the hash of the state after it, for the code ROM of this root, which begins at this
/// address. Memory has 2^28 bytes. The hash of the proof's first 378 bytes is the state that the step starts from.
pub fn verify_step(rom_root: B256, rom_base: u64, proof: &[u8]) -> Result<B256, ProofError> {
    let mut reader = Reader::new(proof);
    let mut state = State(reader.take::<STATE_BYTES>()?);
    let trap = step(&mut state, rom_root, rom_base, &mut reader)?;
    reader.finish()?;
    if let Some(cause) = trap {
        state.end(TRAPPED, cause);
    }
    Ok(keccak256(state.0))
}

/// A packed state.
struct State([u8; STATE_BYTES]);

impl State {
    fn word(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[at..at + 8]);
        u64::from_be_bytes(bytes)
    }

    fn set_word(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_be_bytes());
    }

    fn hash(&self, at: usize) -> B256 {
        B256::from_slice(&self.0[at..at + 32])
    }

    fn set_hash(&mut self, at: usize, value: &B256) {
        self.0[at..at + 32].copy_from_slice(value.as_slice());
    }

    fn x(&self, register: u32) -> u64 {
        if register == 0 {
            return 0;
        }
        self.word(40 + 8 * (register as usize - 1))
    }

    fn set_x(&mut self, register: u32, value: u64) {
        if register != 0 {
            self.set_word(40 + 8 * (register as usize - 1), value);
        }
    }

    fn end(&mut self, status: u8, code: u64) {
        self.0[STATUS] = status;
        self.set_word(CODE, code);
    }
}

const MEMORY_ROOT: usize = 0;
const PC: usize = 32;
const RESERVATION: usize = 288;
const STATUS: usize = 296;
const CODE: usize = 297;
const KEY_KIND: usize = 305;
const KEY: usize = 306;
const KEY_OFFSET: usize = 338;
const OUTPUT: usize = 346;

/// The cause of a trap, or nothing when the step is done.
type Trap = Option<u64>;

fn step(
    state: &mut State,
    rom_root: B256,
    rom_base: u64,
    reader: &mut Reader<'_>,
) -> Result<Trap, ProofError> {
    if state.0[STATUS] != 0 {
        return Ok(None);
    }
    let pc = state.word(PC);
    if !pc.is_multiple_of(2) || pc < rom_base || pc - rom_base >= WINDOW {
        return Ok(Some(FETCH));
    }
    let slot = (pc - rom_base) / 2;
    let leaf = reader.take::<32>()?;
    let computed = opened::climb(B256::from(leaf), slot / 8, &reader.siblings(ROM_HEIGHT)?);
    if computed != rom_root {
        return Err(ProofError::RomRoot {
            computed,
            expected: rom_root,
        });
    }
    let at = 4 * (slot as usize % 8);
    let slot = u32::from_le_bytes([leaf[at], leaf[at + 1], leaf[at + 2], leaf[at + 3]]);
    match slot & 3 {
        3 => execute(state, slot, 4, reader),
        1 => execute(state, slot | 3, 2, reader),
        _ => Ok(Some(ILLEGAL)),
    }
}

fn field(word: u32, high: u32, low: u32) -> u32 {
    (word >> low) & ((1 << (high - low + 1)) - 1)
}

/// A number of so many bits with its sign spread over 64.
fn spread(value: u64, bits: u32) -> u64 {
    ((value << (64 - bits)).cast_signed() >> (64 - bits)).cast_unsigned()
}

fn execute(
    state: &mut State,
    word: u32,
    length: u64,
    reader: &mut Reader<'_>,
) -> Result<Trap, ProofError> {
    let (rd, funct3) = (field(word, 11, 7), field(word, 14, 12));
    let (a, b) = (state.x(field(word, 19, 15)), state.x(field(word, 24, 20)));
    let pc = state.word(PC);
    let mut next = pc.wrapping_add(length);
    let i_immediate = spread(field(word, 31, 20).into(), 12);
    let u_immediate = spread((word & 0xffff_f000).into(), 32);

    let value = match field(word, 6, 0) {
        0b011_0111 => Some(u_immediate),
        0b001_0111 => Some(pc.wrapping_add(u_immediate)),
        0b110_1111 => {
            let offset = field(word, 31, 31) << 20
                | field(word, 19, 12) << 12
                | field(word, 20, 20) << 11
                | field(word, 30, 21) << 1;
            next = pc.wrapping_add(spread(offset.into(), 21));
            Some(pc.wrapping_add(length))
        }
        0b110_0111 if funct3 == 0 => {
            next = a.wrapping_add(i_immediate) & !1;
            Some(pc.wrapping_add(length))
        }
        0b110_0011 => {
            let taken = match funct3 {
                0 => a == b,
                1 => a != b,
                4 => a.cast_signed() < b.cast_signed(),
                5 => a.cast_signed() >= b.cast_signed(),
                6 => a < b,
                7 => a >= b,
                _ => return Ok(Some(ILLEGAL)),
            };
            if taken {
                let offset = field(word, 31, 31) << 12
                    | field(word, 7, 7) << 11
                    | field(word, 30, 25) << 5
                    | field(word, 11, 8) << 1;
                next = pc.wrapping_add(spread(offset.into(), 13));
            }
            None
        }
        0b000_0011 if funct3 != 7 => {
            let (size, address) = (1 << (funct3 & 3), a.wrapping_add(i_immediate));
            if let Some(cause) = refused(address, size, MISALIGNED_LOAD, LOAD_FAULT) {
                return Ok(Some(cause));
            }
            let block = Block::open(reader, &state.hash(MEMORY_ROOT), address, 0)?;
            let loaded = block.number(address, size);
            Some(if funct3 < 4 {
                spread(loaded, 8 * size as u32)
            } else {
                loaded
            })
        }
        0b010_0011 if funct3 < 4 => {
            let offset = field(word, 31, 25) << 5 | field(word, 11, 7);
            let address = a.wrapping_add(spread(offset.into(), 12));
            let size = 1 << funct3;
            if let Some(cause) = refused(address, size, MISALIGNED_STORE, STORE_FAULT) {
                return Ok(Some(cause));
            }
            let mut block = Block::open(reader, &state.hash(MEMORY_ROOT), address, 0)?;
            block.set_number(address, size, b);
            state.set_hash(MEMORY_ROOT, &block.root());
            None
        }
        0b001_0011 | 0b001_1011 => match immediate_operation(word, a) {
            Some(value) => Some(value),
            None => return Ok(Some(ILLEGAL)),
        },
        0b011_0011 | 0b011_1011 => match register_operation(word, a, b) {
            Some(value) => Some(value),
            None => return Ok(Some(ILLEGAL)),
        },
        0b000_1111 if funct3 == 0 => None,
        0b010_1111 if funct3 == 2 || funct3 == 3 => {
            match execute_atomic(state, word, a, b, reader)? {
                Ok(value) => Some(value),
                Err(cause) => return Ok(Some(cause)),
            }
        }
        0b111_0011 if word == 0x73 => return call(state, next, reader),
        _ => return Ok(Some(ILLEGAL)),
    };
    if let Some(value) = value {
        state.set_x(rd, value);
    }
    state.set_word(PC, next);
    Ok(None)
}

/// Why an access of `size` bytes is refused: alignment comes before range.
fn refused(address: u64, size: u64, misaligned: u64, fault: u64) -> Trap {
    if !address.is_multiple_of(size) {
        return Some(misaligned);
    }
    match address.checked_add(size) {
        Some(end) if end <= 1 << MEMORY_BITS => None,
        _ => Some(fault),
    }
}

/// LR, SC and AMO; the value for rd, or the cause of a trap.
fn execute_atomic(
    state: &mut State,
    word: u32,
    address: u64,
    operand: u64,
    reader: &mut Reader<'_>,
) -> Result<Result<u64, u64>, ProofError> {
    let operation = field(word, 31, 27);
    let size = 1 << field(word, 14, 12);
    let bits = 8 * size as u32;
    let (load, conditional) = (operation == 0b00010, operation == 0b00011);
    if load && field(word, 24, 20) != 0 {
        return Ok(Err(ILLEGAL));
    }
    if !load && !conditional && atomic(operation, 0, 0, bits).is_none() {
        return Ok(Err(ILLEGAL));
    }
    let (misaligned, fault) = if load {
        (MISALIGNED_LOAD, LOAD_FAULT)
    } else {
        (MISALIGNED_STORE, STORE_FAULT)
    };
    if let Some(cause) = refused(address, size, misaligned, fault) {
        return Ok(Err(cause));
    }
    if conditional {
        let reserved = state.word(RESERVATION) == address;
        state.set_word(RESERVATION, u64::MAX);
        if !reserved {
            return Ok(Ok(1));
        }
    }
    let mut block = Block::open(reader, &state.hash(MEMORY_ROOT), address, 0)?;
    let old = block.number(address, size);
    if load {
        state.set_word(RESERVATION, address);
        return Ok(Ok(spread(old, bits)));
    }
    let new = if conditional {
        operand
    } else {
        atomic(operation, old, operand, bits).unwrap_or(old)
    };
    block.set_number(address, size, new);
    state.set_hash(MEMORY_ROOT, &block.root());
    Ok(Ok(if conditional { 0 } else { spread(old, bits) }))
}

fn call(state: &mut State, next: u64, reader: &mut Reader<'_>) -> Result<Trap, ProofError> {
    let (a0, a1, a7) = (state.x(10), state.x(11), state.x(17));
    // Where the block is, and its height over the leaves.
    let (address, height) = match a7 {
        93 => {
            state.end(HALTED, a0);
            return Ok(None);
        }
        0x500 if !(1..=4).contains(&a0) => return Ok(Some(ECALL_ARGUMENT)),
        0x500 => (a1, 0),
        0x501 | 0x502 => (a0, 0),
        0x503 | 0x504 if a1 > 4096 => return Ok(Some(ECALL_ARGUMENT)),
        0x503 | 0x504 => {
            let height = (0..=7).find(|height| 32 << height >= a1);
            (a0, height.unwrap_or(7))
        }
        0x505 => (a0, 2),
        _ => return Ok(Some(ECALL_UNKNOWN)),
    };
    if refused(address, 32 << height, ECALL_ARGUMENT, ECALL_ARGUMENT).is_some() {
        return Ok(Some(ECALL_ARGUMENT));
    }
    let kind = state.0[KEY_KIND];
    if a7 == 0x501 && !(1..=4).contains(&kind) {
        return Ok(Some(PREIMAGE));
    }
    let mut block = Block::open(reader, &state.hash(MEMORY_ROOT), address, height)?;
    let written = match a7 {
        0x500 => {
            state.set_hash(KEY, &block.leaf());
            state.0[KEY_KIND] = a0 as u8;
            state.set_word(KEY_OFFSET, 0);
            None
        }
        0x501 => {
            let offset = state.word(KEY_OFFSET);
            let (leaf, count) = if kind == 4 {
                blob_element(reader, &state.hash(KEY), offset / 32)?
            } else {
                preimage_part(reader, kind, &state.hash(KEY), offset)?
            };
            state.set_x(10, count);
            state.set_word(KEY_OFFSET, offset.wrapping_add(count));
            Some(leaf)
        }
        0x502 => {
            state.set_hash(OUTPUT, &block.leaf());
            None
        }
        0x503 => Some(keccak256(&block.bytes()[..a1 as usize])),
        0x504 => Some(sha256(&block.bytes()[..a1 as usize])),
        _ => {
            let input: Option<&[u8; 128]> = block.bytes().try_into().ok();
            let signer = input.and_then(accelerators::ecrecover);
            state.set_x(10, signer.is_some().into());
            Some(signer.unwrap_or_default())
        }
    };
    if let Some(leaf) = written {
        block.set_leaf(&leaf);
        state.set_hash(MEMORY_ROOT, &block.root());
    }
    state.set_word(PC, next);
    Ok(None)
}

/// The next 32 bytes of a preimage that the proof brings whole, and how many they are.
fn preimage_part(
    reader: &mut Reader<'_>,
    kind: u8,
    key: &B256,
    offset: u64,
) -> Result<(B256, u64), ProofError> {
    let length = usize::from(u16::from_be_bytes(reader.take::<2>()?));
    let bytes = reader.bytes(length)?;
    let right = match kind {
        1 => length <= 4096 && keccak256(bytes) == *key,
        2 => length <= 4096 && sha256(bytes) == *key,
        _ => {
            let hash = sha256(bytes);
            length == 64 && hash[0] & 0x7f == key[0] & 0x7f && hash[1..] == key[1..]
        }
    };
    if !right {
        return Err(ProofError::Preimage {
            kind,
            key: *key,
            length,
        });
    }
    let count = (length as u64).saturating_sub(offset).min(32);
    let mut leaf = B256::ZERO;
    for i in 0..count as usize {
        leaf[i] = bytes[offset as usize + i];
    }
    Ok((leaf, count))
}

fn blob_element(
    reader: &mut Reader<'_>,
    key: &B256,
    index: u64,
) -> Result<(B256, u64), ProofError> {
    if index >= 4096 {
        return Ok((B256::ZERO, 0));
    }
    let opening = BlobOpening {
        commitment: reader.take()?,
        proof: reader.take()?,
        value: reader.take::<32>()?.into(),
    };
    if !kzg::opens(key, index, &opening) {
        return Err(ProofError::Opening { key: *key, index });
    }
    Ok((opening.value, 32))
}
