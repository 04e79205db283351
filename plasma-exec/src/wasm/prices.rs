//! What gas buys, and what bounds a transaction.
//!
//! One gas is one unit of the interpreter's fuel, and a unit of fuel is one operation of WebAssembly, but for those in
//! [`operators`]. What else a contract makes the chain do costs what stands here. Every number is set so that a unit of gas
//! is at most [`WASM_INSTRUCTIONS_PER_GAS`] instructions of the fault-proof machine, where the interpreter is itself
//! interpreted; `plasma-exec/tests/guest/wasm.rs` measures it.

use plasma_core::Gas;
use wasmi::{CustomFuelCosts, OperatorCost};

/// The most instructions of the fault-proof machine for one unit of gas.
pub const WASM_INSTRUCTIONS_PER_GAS: u64 = 60;

/// The most gas of a transaction: with the state that it reads and writes, its segment stays below 2^28 instructions.
pub const WASM_TRANSACTION_GAS: u64 = 4_000_000;

/// The longest module, in bytes: as long as Ethereum's code (EIP-170).
pub const MAX_MODULE_BYTES: usize = 24_576;

/// The longest value under one key of a contract, in bytes: the longest that the root can open.
pub const MAX_STORAGE_BYTES: usize = plasma_core::MAX_VALUE_LEN;

/// The largest memory of an instance, in bytes: 16 pages of 64 KiB.
pub(super) const MAX_MEMORY_BYTES: usize = 1 << 20;
/// How deep calls from contract to contract go, the first one counted.
pub(super) const MAX_DEPTH: usize = 16;
/// How deep the functions of an instance may call each other.
pub(super) const MAX_RECURSION: usize = 512;
/// The room of an instance for locals and operands, in bytes.
pub(super) const MAX_STACK_BYTES: usize = 256 * 1024;
/// The longest bytes that a contract returns, logs or hands to another one.
pub(super) const MAX_DATA_BYTES: usize = 32 * 1024;

/// Before a transaction does anything (EIP-2028, EIP-2930).
pub(super) const TRANSACTION: u64 = 21_000;
pub(super) const CREATION: u64 = 32_000;
pub(super) const ZERO_BYTE: u64 = 4;
pub(super) const NONZERO_BYTE: u64 = 16;
pub(super) const LISTED_ADDRESS: u64 = 2_400;
pub(super) const LISTED_KEY: u64 = 1_900;

/// For each byte of a module that is put into state: half of Ethereum's, so that the longest one fits a transaction.
pub(super) const CODE_BYTE: u64 = 100;

/// Reading something from state for the first time in a transaction, or once more.
pub(super) const COLD: u64 = 2_600;
pub(super) const WARM: u64 = 100;
/// On top: the first write to something in a transaction, and one to what was not there.
pub(super) const WRITE: u64 = 2_900;
pub(super) const GROW: u64 = 17_100;
/// For each byte by which a value grows beyond 32.
pub(super) const GROW_BYTE: u64 = 200;

/// Any call of the host.
pub(super) const HOST: u64 = 20;
/// On top: adding or subtracting numbers of 256 bits, multiplying and dividing them.
pub(super) const COMPUTE: u64 = 20;
pub(super) const MULTIPLY: u64 = 40;
pub(super) const DIVIDE: u64 = 100;
/// Calling another contract, and paying it.
pub(super) const CALL: u64 = 700;
pub(super) const CALL_VALUE: u64 = 9_000;
/// A log, each topic and each byte of it (as on Ethereum).
pub(super) const LOG: u64 = 375;
pub(super) const LOG_BYTE: u64 = 8;
/// A hash, each word of it, and each word where it is longer than the machine hashes in one instruction.
pub(super) const KECCAK: u64 = 60;
pub(super) const KECCAK_WORD: u64 = 6;
pub(super) const KECCAK_LONG_WORD: u64 = 32;
pub(super) const MACHINE_HASH_BYTES: usize = 4_096;

/// Bytes that the host copies for one gas.
const COPIED: u64 = 16;
/// Bytes of memory that an instance begins with, for one gas, and making an instance of a module that the transaction
/// has called before.
const FRESH: u64 = 64;
const ENTER: u64 = 1_000;

/// The work of a block's begin and end: the market.
pub(super) const EDGE_WORK: u64 = 10_000;
/// The work of crediting a deposit.
pub(super) const CREDIT_WORK: u64 = 50_000;

/// There is not enough gas for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfGas;

/// Gas that is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meter(pub(super) u64);

impl Meter {
    pub(super) fn charge(&mut self, gas: u64) -> Result<(), OutOfGas> {
        self.0 = self.0.checked_sub(gas).ok_or(OutOfGas)?;
        Ok(())
    }
}

/// For copying so many bytes.
pub(super) fn copying(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(COPIED)
}

/// For hashing so many bytes.
pub(super) fn hashing(bytes: usize) -> u64 {
    let word = if bytes > MACHINE_HASH_BYTES {
        KECCAK_LONG_WORD
    } else {
        KECCAK_WORD
    };
    KECCAK + (bytes as u64).div_ceil(32) * word
}

/// For an instance with so many bytes of memory.
pub(super) fn entering(memory: u32) -> u64 {
    ENTER + u64::from(memory) / FRESH
}

/// What the writes of a value cost beside the first access: `changed` says whether it is another value, `first`
/// whether it is the first other one in the transaction.
pub(super) fn writing(before: usize, after: usize, changed: bool, first: bool) -> u64 {
    if !changed {
        return WARM;
    }
    let mut gas = WARM;
    if first {
        gas += WRITE;
        if before == 0 {
            gas += GROW;
        }
    }
    gas + after.saturating_sub(before.max(32)) as u64 * GROW_BYTE
}

/// What is dearer than one unit of fuel.
pub(super) fn operators() -> OperatorCost {
    OperatorCost {
        br: 2,
        br_if: 2,
        br_table: 3,
        if_: 2,
        // A function has at most `MAX_LOCALS` locals, each of which is set to zero.
        call: 12,
        call_indirect: 16,
        memory_grow: 200,
        memory_copy: 10,
        memory_fill: 10,
        i32_clz: 2,
        i32_ctz: 2,
        i32_popcnt: 2,
        i64_clz: 2,
        i64_ctz: 2,
        i64_popcnt: 2,
        ..OperatorCost::default()
    }
}

/// What bytes cost that the interpreter itself copies or clears.
pub(super) fn fuel_costs() -> CustomFuelCosts {
    CustomFuelCosts {
        bytes_copied_per_fuel: COPIED as u32,
        // Nothing is translated later than it is loaded.
        fuel_per_bytes_translated: 0,
        fuel_per_bytes_validated: 0,
    }
}

/// The work that a segment holds beyond its first step.
pub(super) fn segment() -> Gas {
    Gas(WASM_TRANSACTION_GAS)
}
