//! Hashes of consecutive states.
//!
//! Each store makes a new memory root. The roots of a chunk are computed together, one level of the tree after the
//! other: at a level no hash needs another, so all of them fill the lanes.

use plasma_core::B256;

use super::super::{
    keccak::hash_all,
    machine::Machine,
    oracle::{Oracle, RunError},
    state::{STATE_BYTES, Status},
    tree::MemoryTree,
};

/// A leaf of memory after a step that wrote to it.
struct Write {
    step: usize,
    leaf: u64,
    value: B256,
}

/// The hashes of the next `count` states, fewer if the machine ends, but at least one.
pub(super) fn dense(
    machine: &mut Machine,
    count: usize,
    oracle: &dyn Oracle,
) -> Result<Vec<B256>, RunError> {
    let tree = machine.memory.sync().clone();
    let mut states: Vec<[u8; STATE_BYTES]> = Vec::with_capacity(count);
    let mut writes = Vec::new();
    while states.len() < count {
        if let Some(leaf) = machine.step_logged(oracle)? {
            writes.push(Write {
                step: states.len(),
                leaf,
                value: machine.memory.leaf(leaf << 5),
            });
        }
        states.push(machine.registers.encode(&B256::ZERO));
        if machine.registers.status != Status::Running {
            break;
        }
    }
    let mut root = tree.root();
    let mut changes = writes
        .iter()
        .map(|write| write.step)
        .zip(roots(&tree, &writes))
        .peekable();
    for (step, state) in states.iter_mut().enumerate() {
        if let Some((_, changed)) = changes.next_if(|(at, _)| *at == step) {
            root = changed;
        }
        state[..32].copy_from_slice(root.as_slice());
    }
    let mut hashes = Vec::new();
    hash_all(&states, &mut hashes);
    Ok(hashes)
}

/// The hashes of `count` states that are `stride` steps apart, fewer if the machine ends, but at least one.
pub(super) fn sparse(
    machine: &mut Machine,
    count: usize,
    stride: u64,
    oracle: &dyn Oracle,
) -> Result<Vec<B256>, RunError> {
    let mut hashes = Vec::with_capacity(count);
    while hashes.len() < count {
        let status = machine.run(stride, oracle)?;
        hashes.push(machine.state().hash());
        if status != Status::Running {
            break;
        }
    }
    Ok(hashes)
}

/// The root after each of these writes to the tree.
fn roots(tree: &MemoryTree, writes: &[Write]) -> Vec<B256> {
    // The nodes that change at the level in question, from left to right, and which of them each write changes.
    let mut nodes: Vec<u64> = writes.iter().map(|write| write.leaf).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let place = |write: &Write| nodes.binary_search(&write.leaf).unwrap_or_default();
    let mut places: Vec<usize> = writes.iter().map(place).collect();
    let mut values: Vec<B256> = writes.iter().map(|write| write.value).collect();
    let mut inputs = Vec::with_capacity(writes.len());
    for height in 0..tree.height() {
        let (mut above, mut above_of, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for node in &nodes {
            let parent = node >> 1;
            if above.last() != Some(&parent) {
                above.push(parent);
                let mut pair = [0; 64];
                pair[..32].copy_from_slice(tree.node(height, 2 * parent).as_slice());
                pair[32..].copy_from_slice(tree.node(height, 2 * parent + 1).as_slice());
                pairs.push(pair);
            }
            above_of.push(above.len() - 1);
        }
        inputs.clear();
        for (place, value) in places.iter_mut().zip(&values) {
            let side = 32 * (nodes[*place] & 1) as usize;
            *place = above_of[*place];
            let pair = &mut pairs[*place];
            pair[side..side + 32].copy_from_slice(value.as_slice());
            inputs.push(*pair);
        }
        hash_all(&inputs, &mut values);
        nodes = above;
    }
    values
}
