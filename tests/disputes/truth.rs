//! What is true: the chain of checkpoints that the program computes, and each of its runs, state by state.

use std::sync::{Arc, Mutex};

use plasma_core::{
    B256, Bytes, Checkpoint, Height, PreimageKind, ProgramIdentity, Words, keccak256,
};
use plasma_exec::{Machine, Oracle, Program, Status};

use crate::guest;

/// More steps than the program ever takes.
const STEPS: u64 = 1_000;

/// What a chain's root knows of it, as far as the machine's inputs depend on it.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) id: u64,
    pub(crate) genesis_hash: B256,
    pub(crate) genesis: Checkpoint,
    /// The inbox's hash after each entry.
    pub(crate) entries: Vec<B256>,
}

/// The truth about a chain.
pub(crate) struct Truth {
    pub(crate) program: Program,
    /// The settled checkpoint and those after each entry.
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// The run that leads to each of them but the first.
    pub(crate) runs: Vec<Run>,
}

/// A run of the machine, from its first state on until it halts.
pub(crate) struct Run {
    program: Program,
    input: Input,
    /// Every state, packed: after 0 steps, after 1...
    states: Vec<Bytes>,
    proofs: Mutex<Vec<Option<Bytes>>>,
}

/// The two preimages that a run reads.
#[derive(Clone)]
struct Input {
    words: Bytes,
    checkpoint: Bytes,
}

impl Oracle for Input {
    fn preimage(&self, _: PreimageKind, key: &B256) -> Option<Bytes> {
        [&self.words, &self.checkpoint]
            .into_iter()
            .find(|bytes| keccak256(bytes) == *key)
            .cloned()
    }
}

pub(crate) fn program() -> Program {
    Program::from_elf(&guest::elf()).expect("a sound executable")
}

/// The next checkpoint, natively.
fn next(before: &Checkpoint, entry: B256) -> Checkpoint {
    Checkpoint {
        state_root: keccak256([before.state_root.0, entry.0].concat()),
        height: Height(before.height.0 + 1),
        entry: before.entry + 1,
        ..*before
    }
}

fn words_of(checkpoint: &Checkpoint) -> Bytes {
    let number = |number: u64| B256::left_padding_from(&number.to_be_bytes());
    [
        checkpoint.state_root,
        checkpoint.outbox_root,
        number(checkpoint.height.0),
        checkpoint.block,
        number(checkpoint.timestamp.0),
        number(checkpoint.messages),
        number(checkpoint.entry),
        checkpoint.steps_root,
        number(checkpoint.steps_count.into()),
        number(checkpoint.next_step.into()),
    ]
    .concat()
    .into()
}

impl Truth {
    pub(crate) fn new(chain: &Chain) -> Arc<Self> {
        let program = program();
        let mut checkpoints = vec![chain.genesis];
        let mut runs = Vec::new();
        for entry in &chain.entries {
            let before = *checkpoints.last().expect("the genesis");
            let after = next(&before, *entry);
            let run = Run::new(&program, chain, &before, *entry);
            assert_eq!(
                run.outcome(),
                after.hash(),
                "the machine and the native code agree"
            );
            checkpoints.push(after);
            runs.push(run);
        }
        Arc::new(Self {
            program,
            checkpoints,
            runs,
        })
    }

    pub(crate) fn identity(&self) -> ProgramIdentity {
        identity(&self.program)
    }
}

pub(crate) fn identity(program: &Program) -> ProgramIdentity {
    ProgramIdentity {
        rom_root: program.rom_root(),
        rom_base: program.rom_base(),
        memory_root: program.memory_root(),
        entry: program.entry(),
    }
}

impl Run {
    fn new(program: &Program, chain: &Chain, before: &Checkpoint, entry: B256) -> Self {
        let key = Words::new()
            .uint(chain.id)
            .word(chain.genesis_hash)
            .word(before.hash())
            .word(entry)
            .keccak();
        let words = [
            B256::left_padding_from(&chain.id.to_be_bytes()),
            chain.genesis_hash,
            before.hash(),
            entry,
        ];
        let input = Input {
            words: words.concat().into(),
            checkpoint: words_of(before),
        };
        assert_eq!(keccak256(&input.words), key);
        assert_eq!(keccak256(&input.checkpoint), before.hash());
        let mut machine = Machine::new(program, key);
        let mut states = vec![Bytes::copy_from_slice(&machine.state().encode())];
        while machine.registers().status == Status::Running {
            machine.run(1, &input).expect("its inputs are known");
            states.push(Bytes::copy_from_slice(&machine.state().encode()));
            assert!((states.len() as u64) < STEPS, "the program halts");
        }
        let proofs = Mutex::new(vec![None; states.len()]);
        Self {
            program: program.clone(),
            input,
            states,
            proofs,
        }
    }

    /// Steps until it halts.
    pub(crate) fn steps(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    /// The state after this many steps.
    pub(crate) fn state(&self, steps: u64) -> &Bytes {
        let last = self.states.len() - 1;
        &self.states[usize::try_from(steps).map_or(last, |steps| steps.min(last))]
    }

    fn outcome(&self) -> B256 {
        B256::from_slice(&self.state(STEPS)[346..])
    }

    /// The proof of the step after this many.
    pub(crate) fn step_proof(&self, steps: u64) -> Bytes {
        let place = steps.min(self.steps()) as usize;
        let mut proofs = self.proofs.lock().expect("nobody panics while holding it");
        proofs[place]
            .get_or_insert_with(|| {
                let key = keccak256(&self.input.words);
                let mut machine = Machine::new(&self.program, key);
                machine
                    .run(place as u64, &self.input)
                    .expect("it ran before");
                machine
                    .step_proof(&self.input)
                    .expect("its inputs are known")
            })
            .clone()
    }
}
