//! The fault-proof machine: RV64IMAC, one step of which the root layer can take by itself.
//!
//! ```text
//!    ELF --loader--> Program (code ROM, first memory, entry; identity)
//!                       |
//!                    Machine  --run-->  outcome, instruction count        natively, at full speed
//!                       |
//!                       +--RunTrace-->  tree over the hashes of all states   when a claim is contested
//!                       +--step_proof-->  proof of one step               when two claims differ in one
//!                                            |
//!                                   verify_step, RiscvStep.sol            who is right
//! ```
//!
//! What must hold:
//! 1. [`verify_step`] over [`Machine::step_proof`] gives the hash of the state that [`Machine::run`] comes to, at every step.
//! 2. The step function is total: whatever a program does is an instruction, a halt or a trap. Only a wrong proof is an error.
//! 3. Code is a table of its own. Nothing that a program writes is ever executed.

mod accelerators;
mod compressed;
mod ecall;
mod elf;
mod instruction;
mod interpreter;
mod keccak;
mod kzg;
mod machine;
mod memory;
mod oracle;
mod program;
mod state;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod verify;
mod witness;

pub use ecall::ecall_number;
pub use elf::{MAX_PROGRAM_HEADERS, ProgramError, TEXT_WINDOW};
pub use machine::{Machine, Snapshot};
pub use oracle::{
    BLOB_BYTES, BLOB_ELEMENTS, BlobOpening, NoOracle, Oracle, RunError, TRIE_NODE_BYTES,
};
pub use program::{MEMORY_BITS, Program, ROM_HEIGHT};
pub use state::{Cause, MachineState, NO_RESERVATION, Registers, STATE_BYTES, Status};
pub use trace::{RunTrace, RunTraceError, TraceShape};
pub use verify::{ProofError, verify_step};
