//! What kind of step a proof is of, in words, for figures.

use plasma_exec::STATE_BYTES;

use super::Step;

/// A proof that is longer than this brings a preimage or a block of over a kibibyte, or so.
pub(crate) const LONG_PROOF: usize = 3_072;

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The class of a step whose proof is right, or nearly so.
pub(crate) fn of(step: &Step) -> String {
    let proof = &step.proof;
    if proof.len() < STATE_BYTES {
        return "no state".into();
    }
    if proof[296] != 0 {
        return "ended".into();
    }
    let pc = number(&proof[32..40]);
    let at = STATE_BYTES + 4 * ((pc.wrapping_sub(step.rom_base) / 2) % 8) as usize;
    let Some(slot) = proof.get(at..at + 4) else {
        return "trap of fetch".into();
    };
    let word = u32::from_le_bytes([slot[0], slot[1], slot[2], slot[3]]);
    // ROM leaf and siblings; what is longer shows memory.
    let memory = proof.len() > STATE_BYTES + 19 * 32;
    let mut name = match (word | 3) & 0x7f {
        0x37 | 0x17 => "upper immediate".into(),
        0x6f | 0x67 => "jump".into(),
        0x63 => "branch".into(),
        0x03 => touching("load", memory),
        0x23 => touching("store", memory),
        0x13 | 0x1b => "immediate operation".into(),
        0x33 | 0x3b if word >> 25 == 1 => "multiplication".into(),
        0x33 | 0x3b => "register operation".into(),
        0x0f => "fence".into(),
        0x2f => match word >> 27 {
            2 => touching("lr", memory),
            3 => touching("sc", memory),
            _ => touching("amo", memory),
        },
        0x73 if word | 3 == 0x73 => call(proof, memory),
        _ => "no instruction".into(),
    };
    if proof.len() > LONG_PROOF {
        name.push_str(", long");
    }
    name
}

fn touching(name: &str, memory: bool) -> String {
    let rest = if memory { "" } else { ", without memory" };
    format!("{name}{rest}")
}

fn call(proof: &[u8], memory: bool) -> String {
    let name = match number(&proof[40 + 8 * 16..40 + 8 * 17]) {
        93 => return "halt".into(),
        0x500 => "set_key",
        0x501 => match proof[305] {
            1 => "read keccak",
            2 => "read sha256",
            3 => "read trie node",
            4 => "read blob",
            _ => "read of no kind",
        },
        0x502 => "commit",
        0x503 => "keccak",
        0x504 => "sha256",
        0x505 => "ecrecover",
        _ => return "no call".into(),
    };
    touching(name, memory)
}
