mod assembler;
mod blobs;
mod cases;
mod encodings;
mod executables;
mod guests;
mod independent;
mod instructions;
mod steps;
mod traces;
mod vectors;

use std::collections::HashMap;

use plasma_core::{B256, Bytes, PreimageKind};

use self::assembler::{Part, elf};
use super::*;

/// Where tests put their code, and their data.
const TEXT: u64 = 0x1_0000;
const DATA: u64 = 0x10_0000;

/// A program of this code, which begins at its first instruction, and these bytes at [`DATA`].
fn program(words: &[u32], data: &[u8]) -> Program {
    program_of(vec![Part::text(TEXT, words), Part::data(DATA, data)])
}

fn program_of(parts: Vec<Part>) -> Program {
    Program::from_elf(&elf(parts[0].address, &parts))
        .expect("the assembler writes what the loader takes")
}

/// Knows what it was told.
#[derive(Default)]
struct Known {
    preimages: HashMap<(PreimageKind, B256), Bytes>,
    openings: HashMap<(B256, u64), BlobOpening>,
}

impl Oracle for Known {
    fn preimage(&self, kind: PreimageKind, key: &B256) -> Option<Bytes> {
        self.preimages.get(&(kind, *key)).cloned()
    }

    fn blob_opening(&self, versioned_hash: &B256, index: u64) -> Option<BlobOpening> {
        self.openings.get(&(*versioned_hash, index)).cloned()
    }
}

/// Takes steps one by one until the machine ends or the limit comes, and holds each to `verify_step`. Returns the proofs.
fn check_steps(machine: &mut Machine, limit: u64, oracle: &dyn Oracle) -> Vec<(Bytes, B256)> {
    let (root, base) = (machine.program().rom_root(), machine.program().rom_base());
    let mut steps = Vec::new();
    for _ in 0..limit {
        let before = machine.state();
        let proof = machine.step_proof(oracle).expect("the oracle knows all");
        let claimed = verify_step(root, base, &proof)
            .unwrap_or_else(|error| panic!("at {:#x}: {error}", machine.registers().pc));
        machine.run(1, oracle).expect("the oracle knows all");
        let slot = machine.program().slot(before.registers.pc);
        assert_eq!(
            claimed,
            machine.state().hash(),
            "slot {slot:#010x} on {before:?} gives {:?}",
            machine.state()
        );
        steps.push((proof, claimed));
        if before.registers.status != Status::Running {
            break;
        }
    }
    steps
}
