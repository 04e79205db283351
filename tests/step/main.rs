//! The root's step against its twin: `RiscvStep.sol`, as it is deployed, in an EVM, and `verify_step`.
//!
//! ```text
//!   vectors          what both are committed to
//!   programs         random code over random registers, run on: the machine makes each proof
//!   made-up states   what no program and no loader brings about: the step function must be total
//!   mutations        of all of these: what one refuses, the other refuses
//! ```
//!
//! Seeded: `PLASMA_SEED` replays a run, and is printed. `PLASMA_LONG=1` takes more than a million steps.

mod class;
mod figures;
mod made_up;
mod mutation;
mod programs;
mod root;
mod vectors;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use plasma_core::{B256, keccak256};
use plasma_exec::{STATE_BYTES, verify_step};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use self::{figures::Figures, root::Root};

/// What a sample must have in it.
#[rustfmt::skip]
const EXPECTED: [&str; 22] = [
    "upper immediate", "jump", "branch", "load", "store", "immediate operation", "register operation",
    "multiplication", "fence", "lr", "sc", "amo", "ended", "trap of fetch", "set_key", "commit", "keccak", "sha256",
    "ecrecover", "read keccak", "read sha256", "read trie node",
];

/// What a step is taken over.
pub(crate) struct Step {
    pub(crate) rom_root: B256,
    pub(crate) rom_base: u64,
    pub(crate) proof: Vec<u8>,
}

impl Step {
    /// The hash of the state in the proof, or of as much of it as there is.
    fn agreed(&self) -> B256 {
        keccak256(&self.proof[..self.proof.len().min(STATE_BYTES)])
    }

    /// What the twin says.
    fn twin(&self) -> Option<B256> {
        verify_step(self.rom_root, self.rom_base, &self.proof).ok()
    }
}

/// Both must say the same about a step over its own state. `None` when both refuse.
fn check(root: &mut Root, step: &Step, name: &str, figures: &mut Figures) -> Option<B256> {
    let twin = step.twin();
    let (next, gas) = root.step(step.agreed(), step);
    assert_eq!(
        next, twin,
        "{name}: the root on the left, its twin on the right"
    );
    if next.is_some() {
        figures.add(class::of(step), gas);
    }
    next
}

/// A changed proof does not stand for the state that was agreed on, and both agree on what it stands for instead.
fn check_mutation(root: &mut Root, step: &Step, random: &mut SmallRng, name: &str) {
    let agreed = step.agreed();
    let mutant = mutation::of(step, random);
    let (next, _) = root.step(agreed, &mutant);
    assert_eq!(next, None, "{name}: a changed proof was taken");
    let state_kept = mutant.agreed() == agreed;
    assert!(
        !state_kept || mutant.twin().is_none(),
        "{name}: the twin took a changed proof"
    );
    if !state_kept {
        check(root, &mutant, name, &mut Figures::default());
    }
}

fn seed() -> u64 {
    let seed = std::env::var("PLASMA_SEED").ok();
    seed.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Takes at least so many random steps, half of them of programs, on all cores.
fn random_steps(seed: u64, steps: u64) -> Figures {
    let (next_round, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let (mut root, mut figures) = (Root::new(), Figures::default());
        while taken.load(Ordering::Relaxed) < steps {
            let round = next_round.fetch_add(1, Ordering::Relaxed);
            let name = format!("PLASMA_SEED={seed}, round {round}");
            let mut random = SmallRng::seed_from_u64(seed << 32 | round);
            let mut made = programs::steps(&mut random);
            for _ in 0..64 {
                made.push(made_up::step(&mut random));
            }
            for (place, step) in made.iter().enumerate() {
                let name = format!("{name}, step {place} ({})", class::of(step));
                let next = check(&mut root, step, &name, &mut figures);
                assert!(next.is_some(), "{name}: a right proof was refused");
                if random.random_ratio(1, 8) {
                    check_mutation(&mut root, step, &mut random, &name);
                }
            }
            taken.fetch_add(made.len() as u64, Ordering::Relaxed);
        }
        figures
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut all = Figures::default();
        for worker in workers {
            match worker.join() {
                Ok(figures) => all.join(figures),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

#[test]
fn the_root_takes_every_vector_as_its_twin_does() {
    let (mut root, mut figures) = (Root::new(), Figures::default());
    let (accepted, refused) = vectors::all();
    assert!(accepted.len() > 300 && refused.len() > 50);
    let mut random = SmallRng::seed_from_u64(seed());
    for (name, step, next) in &accepted {
        assert_eq!(
            check(&mut root, step, name, &mut figures),
            Some(*next),
            "{name}"
        );
        check_mutation(&mut root, step, &mut random, name);
    }
    for (name, step) in &refused {
        assert_eq!(check(&mut root, step, name, &mut figures), None, "{name}");
    }
    println!("vectors\n{figures}");
}

#[test]
fn the_root_and_its_twin_agree_on_random_steps() {
    let steps = if std::env::var_os("PLASMA_LONG").is_some() {
        1_100_000
    } else {
        6_000
    };
    let seed = seed();
    println!("PLASMA_SEED={seed}");
    let figures = random_steps(seed, steps);
    println!("{} steps\n{figures}", figures.count());
    assert!(figures.count() >= steps);
    for class in EXPECTED {
        assert!(
            figures.has(class),
            "no step was a {class}: the sample says too little"
        );
    }
    let (median, worst) = (figures.median_of_classes(), figures.worst_short());
    assert!(median < 100_000, "the median over classes is {median} gas");
    assert!(
        worst < 200_000,
        "the worst step without 4 KiB in its proof takes {worst} gas"
    );
}
