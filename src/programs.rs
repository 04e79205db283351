//! The fault-proof programs that come with the SDK.

use std::sync::LazyLock;

use plasma_exec::{Machine, Program, RunError, Status};

use crate::chain::SegmentInputs;

static MODULES: LazyLock<Program> = LazyLock::new(|| load(plasma_guest::MODULES_ELF));
static EVM: LazyLock<Program> = LazyLock::new(|| load(plasma_guest::EVM_ELF));
static WASM: LazyLock<Program> = LazyLock::new(|| load(plasma_guest::WASM_ELF));

fn load(elf: &[u8]) -> Program {
    // They are tested with the machine that they are for.
    Program::from_elf(elf).expect("a program that comes with the SDK is one")
}

/// The program that proves chains on an execution that is built in: `modules`, `evm` or `wasm`. `None` for any other,
/// which has a program of its own, built with `plasma program build`.
pub fn builtin_program(execution: &str) -> Option<Program> {
    match execution {
        "modules" => Some(MODULES.clone()),
        "evm" => Some(EVM.clone()),
        "wasm" => Some(WASM.clone()),
        _ => None,
    }
}

/// What came of a segment in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Whether it came to the same checkpoint as the node did.
    pub same: bool,
    /// The instructions that it took.
    pub instructions: u64,
    /// How it ended. The outcome of anything but a halt with exit code 0 is a failure.
    pub status: Status,
    /// The exit code, or the cause of the trap.
    pub code: u64,
}

/// Executes a segment in the machine, and compares the checkpoint with the node's. Takes as long as the machine does.
pub fn replay(program: &Program, inputs: &SegmentInputs) -> Result<Replayed, RunError> {
    let mut machine = Machine::new(program, inputs.input.hash());
    let status = machine.run(MAX_INSTRUCTIONS, &inputs.preimages)?;
    let registers = machine.registers();
    Ok(Replayed {
        same: status == Status::Halted
            && registers.code == 0
            && registers.output == inputs.next.hash(),
        instructions: machine.steps(),
        status,
        code: registers.code,
    })
}

/// A segment that has not ended after so many has failed.
const MAX_INSTRUCTIONS: u64 = 1 << 28;
