//! Files that are no programs, and what becomes of those that are.

use plasma_core::{Words, keccak256};
use proptest::prelude::*;

use super::{
    assembler::{EXECUTE, Part, READ, WRITE, code},
    *,
};

const NOP: u32 = 0x13;

fn sound() -> Vec<Part> {
    vec![
        Part::text(TEXT, &[NOP, code::ECALL]),
        Part::data(DATA, &[1, 2, 3]),
    ]
}

fn load(file: &[u8]) -> Result<Program, ProgramError> {
    Program::from_elf(file)
}

/// A sound file with one field changed.
fn patched(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = elf(TEXT, &sound());
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

fn with(change: impl FnOnce(&mut Vec<Part>)) -> Vec<u8> {
    let mut parts = sound();
    change(&mut parts);
    elf(TEXT, &parts)
}

#[test]
fn each_way_in_which_a_file_is_wrong_has_an_error_of_its_own() {
    use ProgramError as E;
    let whole = elf(TEXT, &sound());
    let length = whole.len() as u64;
    let cases: Vec<(&str, Vec<u8>, E)> = vec![
        ("not ELF", patched(0, b"MZ"), E::NotElf(*b"MZLF")),
        ("32 bits", patched(4, &[1]), E::Class(1)),
        ("big-endian", patched(5, &[2]), E::Endianness(2)),
        ("version 2", patched(6, &[2]), E::Version(2)),
        ("x86-64", patched(18, &[62, 0]), E::Machine(62)),
        ("a shared object", patched(16, &[3, 0]), E::Type(3)),
        (
            "headers of 32 bytes",
            patched(54, &[32, 0]),
            E::HeaderSize(32),
        ),
        ("many headers", patched(56, &[65, 0]), E::TooManyHeaders(65)),
        (
            "an odd entry",
            elf(TEXT + 1, &sound()),
            E::OddEntry(TEXT + 1),
        ),
        ("no segments", elf(TEXT, &[]), E::NoText),
        (
            "data alone",
            elf(TEXT, &[Part::data(DATA, &[1])]),
            E::NoText,
        ),
        (
            "an interpreter",
            with(|parts| {
                parts.push(Part {
                    kind: 3,
                    ..Part::data(0, b"/lib/ld.so")
                });
            }),
            E::Dynamic(3),
        ),
        (
            "a dynamic section",
            with(|parts| {
                parts.push(Part {
                    kind: 2,
                    ..Part::data(0, &[0; 16])
                });
            }),
            E::Dynamic(2),
        ),
        (
            "writable text",
            with(|parts| parts[0].flags = READ | WRITE | EXECUTE),
            E::WritableText(TEXT),
        ),
        (
            "overlapping segments",
            with(|parts| parts[1].address = TEXT + 7),
            E::Overlap(TEXT, TEXT + 7),
        ),
        (
            "twice the same segment",
            with(|parts| parts.push(parts[0].clone())),
            E::Overlap(TEXT, TEXT),
        ),
        (
            "a segment past the end",
            with(|parts| parts[1].address = (1 << 28) - 2),
            E::OutOfMemory {
                address: (1 << 28) - 2,
                length: 3,
                bits: 28,
            },
        ),
        (
            "a segment at the top of all addresses",
            with(|parts| parts[1].address = u64::MAX),
            E::OutOfMemory {
                address: u64::MAX,
                length: 3,
                bits: 28,
            },
        ),
        (
            "a segment longer than memory",
            with(|parts| parts[1].length = u64::MAX),
            E::OutOfMemory {
                address: DATA,
                length: u64::MAX,
                bits: 28,
            },
        ),
        (
            "text far apart",
            with(|parts| parts.push(Part::text(TEXT + (1 << 22) - 4, &[NOP, NOP]))),
            E::TextTooLarge((1 << 22) + 4),
        ),
        (
            "more in the file than in memory",
            patched(64 + 40, &7u64.to_le_bytes()),
            E::SegmentSize {
                address: TEXT,
                file: 8,
                memory: 7,
            },
        ),
        (
            "a segment after the file",
            patched(64 + 8, &length.to_le_bytes()),
            E::Truncated {
                what: "a segment",
                end: length + 8,
                length,
            },
        ),
        (
            "a segment at no offset",
            patched(64 + 8, &u64::MAX.to_le_bytes()),
            E::Truncated {
                what: "a segment",
                end: u64::MAX,
                length,
            },
        ),
        (
            "headers after the file",
            patched(32, &length.to_le_bytes()),
            E::Truncated {
                what: "the program header table",
                end: length + 112,
                length,
            },
        ),
        (
            "nothing",
            vec![],
            E::Truncated {
                what: "the ELF header",
                end: 64,
                length: 0,
            },
        ),
    ];
    for (name, file, expected) in cases {
        assert_eq!(load(&file).err(), Some(expected), "{name}");
    }
    assert!(load(&whole).is_ok());
    for bits in [0, 15, 33, u32::MAX] {
        let refused = Program::from_elf_with_memory(&whole, bits).err();
        assert_eq!(refused, Some(E::MemorySize(bits)));
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let whole = elf(TEXT, &sound());
    for length in 0..whole.len() {
        let error = load(&whole[..length]).expect_err("something is missing");
        assert!(
            matches!(error, ProgramError::Truncated { .. }),
            "{length}: {error}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_loader_panic(
        changes in prop::collection::vec((0usize..176, any::<u8>()), 1..8),
        tail in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut file = elf(TEXT, &sound());
        for (at, byte) in changes {
            file[at] = byte;
        }
        file.extend(tail);
        let _ = Program::from_elf_with_memory(&file, 20);
        let _ = load(&[file[..4].to_vec(), file[9..].to_vec()].concat());
    }
}

#[test]
fn every_half_word_of_text_has_a_slot() {
    // A compressed instruction, one of four bytes across two slots, one that is cut off by the segment's end.
    let halves: [u16; 5] = [0x1305, 0x0513, 0x0015, 0x0000, 0x0513];
    let bytes = halves.map(u16::to_le_bytes).concat();
    let program = program_of(vec![
        Part::text_bytes(TEXT + 6, bytes),
        Part::data(DATA, &[]),
    ]);
    assert_eq!(program.rom_base(), TEXT);
    let slots = [
        (TEXT, 0),
        (TEXT + 6, 0xfe13_0311), // addi x6, x6, -31, of two bytes
        (TEXT + 8, 0x0015_0513), // addi x10, x10, 1
        (TEXT + 10, 0x0055_0511 - 0x0055_0511), // 0x0015 begins C.NOP with a hint; see below
        (TEXT + 12, 0),
        (TEXT + 14, 0),
        (TEXT + 16, 0),
    ];
    for (pc, slot) in slots {
        if pc == TEXT + 10 {
            // addi x0, x0, 5: a hint, which changes nothing.
            assert_eq!(program.slot(pc), 0x0050_0011);
        } else {
            assert_eq!(program.slot(pc), slot, "{pc:#x}");
        }
    }
}

#[test]
fn the_identity_binds_code_memory_and_entry() {
    let program = load(&elf(TEXT, &sound())).expect("the file is sound");
    let words = Words::new()
        .word(program.rom_root())
        .uint(program.rom_base())
        .word(program.memory_root())
        .uint(program.entry());
    assert_eq!(program.identity(), keccak256(words.as_bytes()));
    for (name, other) in [
        ("code", with(|parts| parts[0].bytes[0] ^= 0x80)),
        ("data", with(|parts| parts[1].bytes[0] ^= 1)),
        ("the place of data", with(|parts| parts[1].address += 32)),
        ("entry", elf(TEXT + 4, &sound())),
    ] {
        let other = load(&other).expect("the file is sound");
        assert_ne!(program.identity(), other.identity(), "{name}");
    }
    let again = with(|parts| parts.reverse());
    assert_eq!(
        load(&again).expect("the order says nothing").identity(),
        program.identity()
    );
}

#[test]
fn a_bare_program_gets_the_memory_that_holds_it() {
    for (address, bits) in [
        (TEXT, 28),
        ((1 << 28) - (1 << 19), 29),
        (0x8000_0000, 32),
        (0xfff0_0000, 32),
    ] {
        let file = elf(address, &[Part::text(address, &[NOP])]);
        let program = Program::from_bare_elf(&file).expect("it fits");
        assert_eq!(program.memory_bits(), bits, "{address:#x}");
        let machine = Machine::new(&program, B256::ZERO);
        assert_eq!(machine.registers().x[2], 1 << bits);
    }
    let file = elf(1 << 32, &[Part::text(1 << 32, &[NOP])]);
    assert!(Program::from_bare_elf(&file).is_err());
}
