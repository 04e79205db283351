//! A program: code as a read-only table, memory as it begins, and the identity that binds both.

use std::{ops::Range, sync::Arc};

use plasma_core::{B256, ProgramIdentity, Words};

use super::{
    compressed::expand,
    elf::{self, Executable, ProgramError, Segment, TEXT_WINDOW},
    instruction::Instruction,
    keccak::hash_all,
    tree::{MemoryTree, PAGE_BITS, PAGE_WORDS, Page, zero_hash},
};

/// The height of the code ROM's tree: 2^18 leaves of eight slots.
pub const ROM_HEIGHT: u32 = 18;
/// The size of a guest's memory as a power of two: what the contract knows.
pub const MEMORY_BITS: u32 = 28;
/// The most code slots: one for each half-word of the text window.
pub(crate) const MAX_SLOTS: u64 = TEXT_WINDOW / 2;

const SLOTS_PER_LEAF: usize = 8;
/// Room for a stack above a bare program's segments.
const STACK_BYTES: u64 = 1 << 20;

/// A loaded program. A copy costs nothing.
///
/// Its code cannot change: stores to where the text was change memory and not what is executed.
#[derive(Clone, Debug)]
pub struct Program {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    rom: Rom,
    code: Vec<Instruction>,
    memory: MemoryTree,
    entry: u64,
    identity: B256,
}

impl Program {
    /// Loads an ELF64 executable for RISC-V into a machine of 2^28 bytes, as guests have it.
    pub fn from_elf(file: &[u8]) -> Result<Self, ProgramError> {
        Self::from_elf_with_memory(file, MEMORY_BITS)
    }

    /// Loads an executable that is linked anywhere: memory is the smallest power of two from 2^28 on that holds its
    /// segments and 1 MiB of stack above them.
    pub fn from_bare_elf(file: &[u8]) -> Result<Self, ProgramError> {
        let end = elf::end_of(file)?.saturating_add(STACK_BYTES);
        let bits = (MEMORY_BITS..32).find(|bits| end >> bits == 0);
        Self::from_elf_with_memory(file, bits.unwrap_or(32))
    }

    /// Loads an executable into a machine with 2^`memory_bits` bytes, 16 to 32.
    pub fn from_elf_with_memory(file: &[u8], memory_bits: u32) -> Result<Self, ProgramError> {
        let executable = elf::parse(file, memory_bits)?;
        let rom = Rom::new(&executable)?;
        let code = rom.slots.iter().map(|slot| Instruction::of_slot(*slot));
        let code = code.collect();
        let memory = initial_memory(&executable, memory_bits);
        let identity = Words::new()
            .word(rom.root())
            .uint(rom.base)
            .word(memory.root())
            .uint(executable.entry)
            .keccak();
        Ok(Self {
            inner: Arc::new(Inner {
                rom,
                code,
                memory,
                entry: executable.entry,
                identity,
            }),
        })
    }

    /// What the registry knows the program by: keccak of `abi.encode(romRoot, romBase, memoryRoot, entry)`.
    pub fn identity(&self) -> B256 {
        self.inner.identity
    }

    /// What its identity is the hash of.
    pub fn opened(&self) -> ProgramIdentity {
        ProgramIdentity {
            rom_root: self.rom_root(),
            rom_base: self.rom_base(),
            memory_root: self.memory_root(),
            entry: self.entry(),
        }
    }

    /// The root of the code ROM.
    pub fn rom_root(&self) -> B256 {
        self.inner.rom.root()
    }

    /// The address of the code ROM's first slot, a multiple of 16.
    pub fn rom_base(&self) -> u64 {
        self.inner.rom.base
    }

    /// The root of memory before the first step.
    pub fn memory_root(&self) -> B256 {
        self.inner.memory.root()
    }

    /// Where it begins.
    pub fn entry(&self) -> u64 {
        self.inner.entry
    }

    /// The size of its memory as a power of two.
    pub fn memory_bits(&self) -> u32 {
        self.inner.memory.height() + 5
    }

    /// What the ROM says of the half-word at this address: an instruction of four bytes ends in the bits 11, one of two
    /// bytes is expanded and ends in 01. 0 where no instruction begins.
    pub fn slot(&self, pc: u64) -> u32 {
        let index = pc.wrapping_sub(self.inner.rom.base) / 2;
        let slots = &self.inner.rom.slots;
        slots.get(index as usize).copied().unwrap_or(0)
    }

    pub(crate) fn code(&self) -> &[Instruction] {
        &self.inner.code
    }

    pub(crate) fn memory(&self) -> &MemoryTree {
        &self.inner.memory
    }

    /// The leaf that holds a slot, and its siblings up to the root.
    pub(crate) fn prove_slot(&self, slot: u64) -> impl Iterator<Item = B256> + '_ {
        let leaf = slot / SLOTS_PER_LEAF as u64;
        let siblings = (0..ROM_HEIGHT).map(move |height| (height, leaf >> height ^ 1));
        std::iter::once((0, leaf))
            .chain(siblings)
            .map(|(height, index)| self.inner.rom.node(height, index))
    }
}

/// The code ROM: a slot for each half-word from `base` on, and the tree over them.
#[derive(Debug)]
struct Rom {
    base: u64,
    slots: Vec<u32>,
    /// The nodes that are not over zeros only, from the leaves up to the root.
    levels: Vec<Vec<B256>>,
}

impl Rom {
    fn new(executable: &Executable<'_>) -> Result<Self, ProgramError> {
        let text = || {
            executable
                .segments
                .iter()
                .filter(|segment| segment.executable)
        };
        let base = text().map(|segment| segment.address).min();
        let base = base.ok_or(ProgramError::NoText)? & !15;
        let end = text()
            .map(|segment| segment.range().end)
            .max()
            .unwrap_or(base);
        if end - base > TEXT_WINDOW {
            return Err(ProgramError::TextTooLarge(end - base));
        }
        let mut slots = vec![0; (end - base).div_ceil(16) as usize * SLOTS_PER_LEAF];
        for segment in text() {
            fill(&mut slots, base, segment);
        }
        let levels = levels_over(&slots);
        Ok(Self {
            base,
            slots,
            levels,
        })
    }

    fn root(&self) -> B256 {
        self.node(ROM_HEIGHT, 0)
    }

    fn node(&self, height: u32, index: u64) -> B256 {
        let level = &self.levels[height as usize];
        let node = level.get(index as usize).copied();
        node.unwrap_or_else(|| zero_hash(height))
    }
}

/// Writes the slot of each half-word that lies in the segment. Bytes that the file leaves to be zero are no instructions.
fn fill(slots: &mut [u32], base: u64, segment: &Segment<'_>) {
    let skipped = (segment.address % 2) as usize;
    let bytes = segment.bytes.get(skipped..).unwrap_or_default();
    let first = ((segment.address + skipped as u64 - base) / 2) as usize;
    let half = |offset: usize| -> Option<u16> {
        let place: Range<usize> = offset..offset + 2;
        if (skipped + place.end) as u64 > segment.length {
            return None;
        }
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        Some(u16::from_le_bytes([byte(offset), byte(offset + 1)]))
    };
    for offset in (0..bytes.len()).step_by(2) {
        let Some(low) = half(offset) else { continue };
        slots[first + offset / 2] = if low & 3 == 3 {
            let word = half(offset + 2).map(|high| u32::from(high) << 16 | u32::from(low));
            word.filter(|word| Instruction::of_word(*word).is_legal())
                .unwrap_or(0)
        } else {
            expand(low).map_or(0, |word| word & !2)
        };
    }
}

fn levels_over(slots: &[u32]) -> Vec<Vec<B256>> {
    let leaves = slots.as_chunks::<SLOTS_PER_LEAF>().0.iter().map(|eight| {
        let mut leaf = B256::ZERO;
        for (bytes, slot) in leaf.0.chunks_exact_mut(4).zip(eight) {
            bytes.copy_from_slice(&slot.to_le_bytes());
        }
        leaf
    });
    let mut levels = vec![leaves.collect::<Vec<_>>()];
    for height in 0..ROM_HEIGHT {
        let level = &levels[height as usize];
        let pairs: Vec<[u8; 64]> = level
            .chunks(2)
            .map(|pair| {
                let mut node = [0; 64];
                node[..32].copy_from_slice(pair[0].as_slice());
                let right = pair.get(1).copied().unwrap_or_else(|| zero_hash(height));
                node[32..].copy_from_slice(right.as_slice());
                node
            })
            .collect();
        let mut hashes = Vec::new();
        hash_all(&pairs, &mut hashes);
        levels.push(hashes);
    }
    levels
}

fn initial_memory(executable: &Executable<'_>, bits: u32) -> MemoryTree {
    let mut pages: Vec<(u64, [u64; PAGE_WORDS])> = Vec::new();
    for segment in &executable.segments {
        for (address, byte) in (segment.address..).zip(segment.bytes) {
            let index = address >> PAGE_BITS;
            if pages.last().is_none_or(|(last, _)| *last != index) {
                pages.push((index, [0; PAGE_WORDS]));
            }
            if let Some((_, words)) = pages.last_mut() {
                let word = &mut words[(address >> 3) as usize % PAGE_WORDS];
                *word |= u64::from(*byte) << (8 * (address & 7));
            }
        }
    }
    let pages: Vec<_> = pages
        .into_iter()
        .map(|(index, words)| (index, Arc::new(Page::new(&words))))
        .collect();
    MemoryTree::zero(bits).with(&pages)
}
