//! The vectors that the Rust step and the Solidity step are both held to: `plasma-bridge/contracts/vectors/steps.json`.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::*;

/// When set, the file is written anew.
const WRITE: &str = "PLASMA_WRITE_VECTORS";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../plasma-bridge/contracts/vectors/steps.json")
}

fn step(name: &str, program: &Program, proof: &Bytes, next: B256) -> Value {
    json!({
        "name": name,
        "romRoot": program.rom_root(),
        "romBase": program.rom_base(),
        "proof": proof,
        "next": next,
    })
}

fn refused(name: &str, program: &Program, proof: Vec<u8>) -> Value {
    let bytes = Bytes::from(proof);
    let error = verify_step(program.rom_root(), program.rom_base(), &bytes);
    assert!(error.is_err(), "{name}");
    json!({
        "name": name,
        "romRoot": program.rom_root(),
        "romBase": program.rom_base(),
        "proof": bytes,
    })
}

fn vectors() -> Value {
    let (mut steps, mut wrong) = (Vec::new(), Vec::new());
    cases::each(|mut case, _| {
        let proof = case
            .machine
            .step_proof(&case.oracle)
            .expect("the case brings its preimages");
        case.machine
            .run(1, &case.oracle)
            .expect("the case brings its preimages");
        let next = case.machine.state().hash();
        steps.push(step(&case.name, case.machine.program(), &proof, next));
        if matches!(
            case.name.as_str(),
            "sd at 0x100008"
                | "fence"
                | "a state that halted"
                | "an odd address"
                | "keccak of 136 bytes"
                | "read Keccak of 100 bytes from 0x0"
                | "read a trie node of first bit 0x80"
                | "read field element 2047 of a blob"
                | "sc without lr, 8 bytes"
                | "ebreak"
        ) {
            wrong.extend(spoilt(&case.name, case.machine.program(), &proof));
        }
    });
    json!({ "steps": steps, "refused": wrong })
}

/// The ways in which a proof can be wrong: cut off, too long, and changed in each of its parts.
fn spoilt(name: &str, program: &Program, proof: &Bytes) -> Vec<Value> {
    let mut out = vec![
        refused(
            &format!("{name}: one byte less"),
            program,
            proof[..proof.len() - 1].to_vec(),
        ),
        refused(
            &format!("{name}: one byte more"),
            program,
            [proof, &[0][..]].concat(),
        ),
        refused(
            &format!("{name}: one word more"),
            program,
            [proof, &[0; 32][..]].concat(),
        ),
        refused(
            &format!("{name}: without its first byte"),
            program,
            proof[1..].to_vec(),
        ),
    ];
    let rest = proof.len() - STATE_BYTES;
    let places = [0, 40, 32 * 19, 32 * 19 + 40, rest.saturating_sub(1)];
    for place in places.into_iter().filter(|place| *place < rest) {
        let mut changed = proof.to_vec();
        changed[STATE_BYTES + place] ^= 1;
        out.push(refused(
            &format!("{name}: a bit changed {place} bytes after the state"),
            program,
            changed,
        ));
    }
    out
}

#[test]
fn the_committed_vectors_are_what_the_machine_does() {
    let made = vectors();
    let text = made.to_string() + "\n";
    if std::env::var_os(WRITE).is_some() {
        fs::write(path(), &text).expect("the vectors can be written");
    }
    let committed = fs::read_to_string(path()).unwrap_or_default();
    assert!(
        committed == text,
        "steps.json is not what the machine does; write it anew with {WRITE}=1 if that is meant"
    );
    let committed: Value = serde_json::from_str(&committed).expect("the vectors are JSON");
    let steps = committed["steps"].as_array().expect("a list of steps");
    assert!(steps.len() > 300, "{} steps are too few", steps.len());
}

#[test]
fn the_root_begins_a_run_where_the_machine_does() {
    let path = path().with_file_name("hashes.json");
    let text = fs::read_to_string(path).expect("the contracts' vectors are committed");
    let vectors: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    let cases = vectors["program"].as_array().expect("a list of programs");
    assert!(cases.len() >= 3, "{} programs are too few", cases.len());
    for case in cases {
        let word = |field: &str| -> B256 {
            let text = case[field].as_str().expect("a word");
            text.parse().expect("a word")
        };
        // The case names no program that exists: only what the root puts into a state is compared.
        let mut state =
            Machine::new(&program(&[assembler::code::ECALL], &[]), word("input")).state();
        state.memory_root = word("memoryRoot");
        state.registers.pc = case["entry"].as_u64().expect("a number");
        assert_eq!(state.hash(), word("firstState"), "{case}");
    }
}
