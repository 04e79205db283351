//! The machine: a program, its memory and registers, and running them.

use plasma_core::{B256, Bytes, PreimageKind};

use super::{
    ecall::{self, Ecall},
    interpreter::{Exit, execute},
    memory::Memory,
    oracle::{self, Oracle, RunError},
    program::Program,
    state::{Cause, MachineState, NO_RESERVATION, Registers, Status},
    tree::MemoryTree,
};

/// A state that a machine can be put back into. A copy costs nothing, and shares all memory that does not change.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) registers: Registers,
    pub(crate) memory: MemoryTree,
    pub(crate) steps: u64,
}

impl Snapshot {
    /// The steps taken since the program began.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Everything but memory.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// The state as disputes know it.
    pub fn state(&self) -> MachineState {
        MachineState {
            memory_root: self.memory.root(),
            registers: self.registers.clone(),
        }
    }

    /// The same, had the program committed to something else: for those who test how a false run is found out.
    pub fn with_output(mut self, output: B256) -> Self {
        self.registers.output = output;
        self
    }
}

/// A running program.
#[derive(Clone, Debug)]
pub struct Machine {
    program: Program,
    pub(crate) registers: Registers,
    pub(crate) memory: Memory,
    steps: u64,
    /// The preimage of the key that was read last.
    preimage: Option<(PreimageKind, B256, Bytes)>,
}

impl Machine {
    /// A program before its first step. `input` is the first key that it can read; zero for no input.
    pub fn new(program: &Program, input: B256) -> Self {
        let mut x = [0; 32];
        x[2] = 1 << program.memory_bits();
        Self {
            program: program.clone(),
            registers: Registers {
                pc: program.entry(),
                x,
                reservation: NO_RESERVATION,
                status: Status::Running,
                code: 0,
                key_kind: PreimageKind::Keccak as u8,
                key: input,
                key_offset: 0,
                output: B256::ZERO,
            },
            memory: Memory::new(program.memory().clone()),
            steps: 0,
            preimage: None,
        }
    }

    /// A machine in the state of a snapshot of the same program.
    pub fn at(program: &Program, snapshot: &Snapshot) -> Self {
        Self {
            program: program.clone(),
            registers: snapshot.registers.clone(),
            memory: Memory::new(snapshot.memory.clone()),
            steps: snapshot.steps,
            preimage: None,
        }
    }

    /// Its program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Everything but memory.
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// Everything but memory, to be changed.
    #[cfg(any(test, feature = "testing"))]
    pub fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    /// The steps that changed its state since the program began, the one that halted or trapped among them.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Bytes of its memory; `None` when the range is not inside.
    pub fn memory(&self, address: u64, length: u64) -> Option<Vec<u8>> {
        let end = address.checked_add(length)?;
        if end > 1 << self.memory.bits() {
            return None;
        }
        let start = address & !7;
        let mut bytes = self.memory.bytes(start, (end - start) as usize);
        Some(bytes.split_off((address - start) as usize))
    }

    /// The state as disputes know it. Costs the hashing of all pages that changed since the last time.
    pub fn state(&mut self) -> MachineState {
        MachineState {
            memory_root: self.memory.sync().root(),
            registers: self.registers.clone(),
        }
    }

    /// A copy of its state to come back to. Costs a copy of the pages that changed since the last one.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            registers: self.registers.clone(),
            memory: self.memory.sync().clone(),
            steps: self.steps,
        }
    }

    /// Goes back, or ahead, to a snapshot of the same program.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        self.registers = snapshot.registers.clone();
        self.memory.restore(&snapshot.memory);
        self.steps = snapshot.steps;
    }

    /// Takes at most `limit` steps. `Running` means that the limit came first; what has halted or trapped stays so.
    ///
    /// After an error the machine stands before the step that needs the preimage, and can be run again.
    pub fn run(&mut self, limit: u64, oracle: &dyn Oracle) -> Result<Status, RunError> {
        self.advance::<false>(limit, oracle, &mut None)?;
        Ok(self.registers.status)
    }

    /// Takes one step and says which leaf of memory it may have changed.
    pub(crate) fn step_logged(&mut self, oracle: &dyn Oracle) -> Result<Option<u64>, RunError> {
        let mut written = None;
        self.advance::<true>(1, oracle, &mut written)?;
        Ok(written)
    }

    fn advance<const LOG: bool>(
        &mut self,
        limit: u64,
        oracle: &dyn Oracle,
        written: &mut Option<u64>,
    ) -> Result<(), RunError> {
        let mut left = limit;
        while left > 0 && self.registers.status == Status::Running {
            let (exit, done) = execute::<LOG>(
                self.program.code(),
                self.program.rom_base(),
                &mut self.registers,
                &mut self.memory,
                left,
                written,
            );
            left -= done;
            self.steps += done;
            match exit {
                Exit::Limit => return Ok(()),
                Exit::Ecall => *written = self.call(oracle)?,
                Exit::Trap(cause) => self.trap(cause),
            }
            left -= 1;
            self.steps += 1;
        }
        Ok(())
    }

    fn trap(&mut self, cause: Cause) {
        self.registers.status = Status::Trapped;
        self.registers.code = cause as u64;
    }

    /// Executes the ECALL at the program counter. Returns the leaf that it wrote.
    fn call(&mut self, oracle: &dyn Oracle) -> Result<Option<u64>, RunError> {
        let call = match ecall::decode(&self.registers, self.memory.bits()) {
            Ok(call) => call,
            Err(cause) => {
                self.trap(cause);
                return Ok(None);
            }
        };
        let mut leaf = None;
        match call {
            Ecall::Halt => {
                self.registers.status = Status::Halted;
                self.registers.code = self.registers.x[10];
                return Ok(None);
            }
            Ecall::SetKey { kind, address } => {
                self.registers.key = self.memory.leaf(address);
                self.registers.key_kind = kind as u8;
                self.registers.key_offset = 0;
            }
            Ecall::Read { kind, address } => {
                let (bytes, count) = self.next_bytes(kind, oracle)?;
                leaf = Some((address, bytes));
                self.registers.x[10] = count;
                self.registers.key_offset = self.registers.key_offset.wrapping_add(count);
            }
            Ecall::Commit { address } => self.registers.output = self.memory.leaf(address),
            Ecall::Accelerate {
                operation,
                address,
                length,
                ..
            } => {
                let input = self.memory.bytes(address, length as usize);
                let (result, success) = operation.apply(&input);
                leaf = Some((address, result));
                if let Some(success) = success {
                    self.registers.x[10] = success;
                }
            }
        }
        if let Some((address, bytes)) = &leaf {
            self.memory.set_leaf(*address, bytes);
        }
        self.registers.pc = self.registers.pc.wrapping_add(4);
        Ok(leaf.map(|(address, _)| address >> 5))
    }

    /// What the next READ gives: a leaf, and how many of its bytes are of the preimage.
    fn next_bytes(
        &mut self,
        kind: PreimageKind,
        oracle: &dyn Oracle,
    ) -> Result<(B256, u64), RunError> {
        let offset = self.registers.key_offset;
        let bytes = self.preimage(kind, oracle)?;
        // A blob is read by field elements; every read but the one past its end gives a whole one.
        let offset = if kind == PreimageKind::Blob {
            offset & !31
        } else {
            offset
        };
        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..);
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(32);
        let mut leaf = B256::ZERO;
        leaf.0[..count].copy_from_slice(&rest[..count]);
        Ok((leaf, count as u64))
    }

    /// The preimage of the key that is set, checked against the key.
    pub(crate) fn preimage(
        &mut self,
        kind: PreimageKind,
        oracle: &dyn Oracle,
    ) -> Result<&Bytes, RunError> {
        let key = self.registers.key;
        let known = matches!(&self.preimage, Some((k, h, _)) if *k == kind && *h == key);
        if !known {
            let bytes = oracle
                .preimage(kind, &key)
                .ok_or(RunError::UnknownPreimage { kind, key })?;
            if !oracle::binds(kind, &key, &bytes) {
                return Err(RunError::WrongPreimage {
                    kind,
                    key,
                    length: bytes.len(),
                });
            }
            self.preimage = Some((kind, key, bytes));
        }
        match &self.preimage {
            Some((_, _, bytes)) => Ok(bytes),
            None => Err(RunError::UnknownPreimage { kind, key }),
        }
    }
}
