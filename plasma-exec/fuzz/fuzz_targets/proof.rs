//! Any proof and any file at all: an error or an answer, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plasma_core::{B256, keccak256};
use plasma_exec::{Program, STATE_BYTES, verify_step};

fuzz_target!(|bytes: &[u8]| {
    let _ = Program::from_elf(bytes);
    let _ = verify_step(B256::ZERO, 0, bytes);
    // The ROM and the memory that the proof would have, so that more of it is reached.
    if let Some(rest) = bytes.get(STATE_BYTES..) {
        let root = climb(rest, 18, 0);
        let _ = verify_step(root, 0, bytes);
    }
});

/// The root over the leaf and the siblings that a proof begins with, at the place 0.
fn climb(bytes: &[u8], siblings: usize, leaf: usize) -> B256 {
    let word = |at: usize| {
        let part = bytes.get(32 * at..32 * at + 32);
        part.map(B256::from_slice).unwrap_or_default()
    };
    (1..=siblings).fold(word(leaf), |node, at| keccak256([node.0, word(leaf + at).0].concat()))
}
