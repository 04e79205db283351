//! Any text at all: each step of the machine is the one that its proof shows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plasma_core::B256;
use plasma_exec::{Machine, NoOracle, Program, Status, verify_step};

/// Enough to get somewhere, few enough to be quick.
const STEPS: usize = 64;

/// An executable of one segment, which holds these bytes.
fn elf(text: &[u8]) -> Vec<u8> {
    let address = 0x1_0000u64;
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

fuzz_target!(|text: &[u8]| {
    let Ok(program) = Program::from_elf(&elf(text)) else {
        return;
    };
    let mut machine = Machine::new(&program, B256::ZERO);
    for _ in 0..STEPS {
        let Ok(proof) = machine.step_proof(&NoOracle) else {
            return;
        };
        let next = verify_step(program.rom_root(), program.rom_base(), &proof)
            .expect("the machine proves its own steps");
        let status = machine.run(1, &NoOracle).expect("the proof needed no preimage");
        assert_eq!(next, machine.state().hash());
        if status != Status::Running {
            return;
        }
    }
});
