//! States that no program brings about, over code that no loader makes.
//!
//! All leaves of the memory are the same, so that one list of siblings proves every block of one size, and it need not
//! be known here which one a step touches: of the proofs that could be meant, the twin takes exactly one.

use std::sync::LazyLock;

use plasma_core::{B256, keccak256, sha256};
use plasma_exec::{ROM_HEIGHT, STATE_BYTES};
use rand::{Rng as _, rngs::SmallRng};

use super::{
    Step,
    programs::{likely_instruction, likely_registers, likely_value},
    vectors,
};

const MEMORY_HEIGHT: usize = 23;
const X1: usize = 40;
const RESERVATION: usize = 288;
const STATUS: usize = 296;
const KEY_KIND: usize = 305;
const KEY: usize = 306;
const KEY_OFFSET: usize = 338;

/// Key and key offset of a real blob, and what opens it there.
static BLOB: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let proof = vectors::blob_read().proof;
    (
        proof[KEY..KEY_OFFSET + 8].to_vec(),
        proof[proof.len() - 128..].to_vec(),
    )
});

/// A step with its right proof.
pub(crate) fn step(random: &mut SmallRng) -> Step {
    let mut state = [0; STATE_BYTES];
    random.fill(&mut state[..]);
    let leaf = B256::new(random.random());
    let nodes = uniform_tree(leaf);
    state[..32].copy_from_slice(nodes[MEMORY_HEIGHT].as_slice());
    let preimage = set_registers(&mut state, random);

    let rom_base = if random.random() {
        random.random::<u64>() >> 40 << 4
    } else {
        u64::MAX - 0xffff
    };
    let (rom_root, rom) = set_code(&mut state, rom_base, random);
    let block = |height: usize| {
        let leaves = vec![leaf; 1 << height];
        [&leaves, &nodes[height..MEMORY_HEIGHT]].concat().concat()
    };

    let fetched = [&state[..], &rom].concat();
    let touched = [&fetched[..], &block(0)].concat();
    let read = [&touched[..], &preimage].concat();
    let mut candidates = vec![fetched, touched, read, state.to_vec()];
    for height in 1..=7 {
        candidates.push([&candidates[0][..], &block(height)].concat());
    }
    let mut steps = candidates.into_iter().map(|proof| Step {
        rom_root,
        rom_base,
        proof,
    });
    steps
        .find(|step| step.twin().is_some())
        .expect("a step can be taken from every state")
}

/// The nodes of a tree whose leaves are all the same, from the leaf up.
fn uniform_tree(leaf: B256) -> Vec<B256> {
    let mut nodes = vec![leaf];
    for height in 0..MEMORY_HEIGHT {
        nodes.push(keccak256([nodes[height], nodes[height]].concat()));
    }
    nodes
}

/// Likely registers, and a key; what READ brings.
fn set_registers(state: &mut [u8; STATE_BYTES], random: &mut SmallRng) -> Vec<u8> {
    let (x, reservation) = likely_registers(random);
    for (place, register) in x[1..].iter().enumerate() {
        set_word(state, X1 + 8 * place, *register);
    }
    set_word(state, RESERVATION, reservation);
    state[STATUS] = if random.random_ratio(1, 50) {
        random.random()
    } else {
        0
    };
    state[KEY_KIND] = random.random_range(0..6);
    let offset = if random.random() {
        random.random_range(0..80)
    } else {
        likely_value(random)
    };
    set_word(state, KEY_OFFSET, offset);
    if state[KEY_KIND] == 4 {
        // Each opening takes a pairing, twice: few of them, and reads past a blob's end.
        if random.random_ratio(1, 40) {
            state[KEY..KEY_OFFSET + 8].copy_from_slice(&BLOB.0);
            return BLOB.1.clone();
        }
        set_word(state, KEY_OFFSET, offset | 1 << 17);
        return Vec::new();
    }
    let length = match (state[KEY_KIND], random.random_range(0..8)) {
        (3, _) => 64,
        (_, 0) => 4_096,
        (_, 1) => 0,
        _ => random.random_range(0..300),
    };
    let bytes: Vec<u8> = (0..length).map(|_| random.random()).collect();
    let mut key = if state[KEY_KIND] == 1 {
        keccak256(&bytes)
    } else {
        sha256(&bytes)
    };
    if state[KEY_KIND] == 3 && random.random() {
        key[0] ^= 0x80;
    }
    state[KEY..KEY_OFFSET].copy_from_slice(key.as_slice());
    [&(length as u16).to_be_bytes()[..], &bytes].concat()
}

fn set_word(state: &mut [u8; STATE_BYTES], at: usize, value: u64) {
    state[at..at + 8].copy_from_slice(&value.to_be_bytes());
}

/// Code around a program counter, mostly inside the window: the ROM's root; leaf and siblings.
fn set_code(
    state: &mut [u8; STATE_BYTES],
    rom_base: u64,
    random: &mut SmallRng,
) -> (B256, Vec<u8>) {
    let pc = match random.random_range(0..40) {
        0 => random.random(),
        1 => rom_base.wrapping_sub(2),
        2 => rom_base.wrapping_add(1 << 22),
        3 => rom_base.wrapping_add(random.random_range(0..1 << 22) | 1),
        _ => rom_base.saturating_add(random.random_range(0..1 << 21) * 2) & !1,
    };
    set_word(state, 32, pc);
    let mut leaf = Vec::new();
    for _ in 0..8 {
        let word = match random.random_range(0..16) {
            0 => random.random(),
            // Shorter, and what no loader writes.
            1..=4 => likely_instruction(random) ^ 2,
            5 => likely_instruction(random) ^ 1,
            _ => likely_instruction(random),
        };
        leaf.extend(word.to_le_bytes());
    }
    let mut node = B256::from_slice(&leaf);
    let mut index = pc.wrapping_sub(rom_base) / 16;
    let mut out = leaf;
    for _ in 0..ROM_HEIGHT {
        let sibling = B256::new(random.random());
        let pair = if index.is_multiple_of(2) {
            [node, sibling]
        } else {
            [sibling, node]
        };
        node = keccak256(pair.concat());
        index /= 2;
        out.extend(sibling);
    }
    (node, out)
}
