//! Wrong proofs, made from right ones.

use rand::{Rng as _, rngs::SmallRng};

use super::Step;

/// The step with its proof changed.
pub(crate) fn of(step: &Step, random: &mut SmallRng) -> Step {
    let mut proof = step.proof.clone();
    let length = proof.len();
    match random.random_range(0..8) {
        0 => proof.truncate(random.random_range(0..length)),
        1 => proof.truncate(length - 1),
        2 => proof.push(random.random()),
        3 => proof.extend([0; 32]),
        4 => {
            proof.remove(random.random_range(0..length));
        }
        _ => proof[random.random_range(0..length)] ^= 1 << random.random_range(0..8),
    }
    Step { proof, ..*step }
}
