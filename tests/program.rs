//! `plasma program`, as a user runs it: what it prints and how it ends.

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

/// An executable of these instructions, linked to an address.
fn elf(address: u64, words: &[u32]) -> Vec<u8> {
    let text: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    out.extend([2, 0, 243, 0, 1, 0, 0, 0]);
    for field in [address, 64, 0] {
        out.extend(field.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    for field in [64u16, 56, 1, 64, 0, 0] {
        out.extend(field.to_le_bytes());
    }
    out.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let length = text.len() as u64;
    for field in [120, address, address, length, length, 1] {
        out.extend(field.to_le_bytes());
    }
    out.extend(text);
    out
}

fn plasma(file: &[u8], command: &str, more: &[&str]) -> Output {
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("program.elf");
    fs::write(&path, file).expect("the file can be written");
    Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args(["program", command])
        .arg(&path)
        .args(more)
        .output()
        .expect("the binary starts")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const HALT: u32 = 0x05d0_0893; // li a7, 93
const ECALL: u32 = 0x73;

#[test]
fn a_bare_program_ends_the_command_with_its_exit_code() {
    for (address, a0, code, status) in [
        (0x8000_0000, 0x0000_0513, 0, 0),
        (0x1_0000, 0x02a0_0513, 42, 42),
        (0x8000_0000, 0x1230_0513, 0x123, 0x23),
    ] {
        let output = plasma(&elf(address, &[HALT, a0, ECALL]), "run", &[]);
        assert_eq!(
            printed(&output),
            format!("exit code: {code}\ninstructions: 3\n")
        );
        assert_eq!(output.status.code(), Some(status));
    }
}

#[test]
fn a_trap_says_why_and_where_and_ends_with_a_status_of_its_own() {
    let ebreak = plasma(&elf(0x8000_0000, &[0x13, 0x0010_0073]), "run", &[]);
    assert_eq!(
        printed(&ebreak),
        "trap: an illegal instruction (cause 2) at pc 0x80000004, instruction 00100073\n\
         instructions: 2\n"
    );
    assert_eq!(ebreak.status.code(), Some(254));
    let load = plasma(&elf(0x1_0000, &[0x0010_3003]), "run", &[]); // ld x0, 1(x0)
    assert!(printed(&load).starts_with("trap: a misaligned load (cause 3) at pc 0x10000"));
}

#[test]
fn a_program_without_end_stops_at_the_limit() {
    let output = plasma(&elf(0x1_0000, &[0x6f]), "run", &["--limit", "1000"]);
    assert!(
        printed(&output).ends_with("instructions: 1000\n"),
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(253));
}

#[test]
fn the_identity_of_a_program_is_one_hash() {
    let output = plasma(&elf(0x1_0000, &[HALT, ECALL]), "hash", &[]);
    let text = printed(&output);
    assert!(text.starts_with("0x") && text.trim().len() == 66, "{text}");
    let refused = plasma(b"not a program at all", "hash", &[]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("error: "));
}
