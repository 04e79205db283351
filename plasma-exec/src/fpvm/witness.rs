//! The proof of one step: all that the root needs in order to take it by itself.

use plasma_core::{Bytes, PreimageKind};

use super::{
    ecall::{self, Ecall},
    instruction::Kind,
    machine::Machine,
    oracle::{BLOB_ELEMENTS, Oracle, RunError},
    program::MAX_SLOTS,
    state::Status,
};

impl Machine {
    /// The proof of the next step, packed as `RiscvStep.step` takes it. Changes nothing that can be seen.
    ///
    /// ```text
    ///   state 378 | ROM leaf, 18 siblings | block of 2^k leaves, its siblings | preimage
    /// ```
    ///
    /// Each part is there only if the step needs it.
    pub fn step_proof(&mut self, oracle: &dyn Oracle) -> Result<Bytes, RunError> {
        let mut proof = self.state().encode().to_vec();
        let base = self.program().rom_base();
        let slot = self.registers.pc.wrapping_sub(base) / 2;
        let reachable = self.registers.pc.is_multiple_of(2) && slot < MAX_SLOTS;
        if self.registers.status != Status::Running || !reachable {
            return Ok(proof.into());
        }
        for node in self.program().prove_slot(slot) {
            proof.extend_from_slice(node.as_slice());
        }
        if let Some((address, height)) = self.touched(slot) {
            let tree = self.memory.sync();
            for leaf in 0..1 << height {
                proof.extend_from_slice(tree.node(0, (address >> 5) + leaf).as_slice());
            }
            for sibling in tree.siblings(height, address >> (5 + height)) {
                proof.extend_from_slice(sibling.as_slice());
            }
        }
        self.append_preimage(slot, oracle, &mut proof)?;
        Ok(proof.into())
    }

    fn call_at(&self, slot: u64) -> Option<Ecall> {
        let instruction = self.program().code().get(slot as usize)?;
        (instruction.kind == Kind::Ecall)
            .then(|| ecall::decode(&self.registers, self.memory.bits()).ok())
            .flatten()
    }

    /// The block of memory that the instruction in this slot reads or writes: an address, and its height in leaves.
    fn touched(&self, slot: u64) -> Option<(u64, u32)> {
        let instruction = self.program().code().get(slot as usize)?;
        let offset = i64::from(instruction.immediate).cast_unsigned();
        let base = self.registers.x[usize::from(instruction.rs1)];
        let (address, size) = match instruction.kind {
            Kind::Lb | Kind::Lbu | Kind::Sb => (base.wrapping_add(offset), 1),
            Kind::Lh | Kind::Lhu | Kind::Sh => (base.wrapping_add(offset), 2),
            Kind::Lw | Kind::Lwu | Kind::Sw => (base.wrapping_add(offset), 4),
            Kind::Ld | Kind::Sd => (base.wrapping_add(offset), 8),
            Kind::LrW | Kind::AmoW => (base, 4),
            Kind::LrD | Kind::AmoD => (base, 8),
            Kind::ScW if base == self.registers.reservation => (base, 4),
            Kind::ScD if base == self.registers.reservation => (base, 8),
            _ => {
                return match self.call_at(slot)? {
                    Ecall::Halt => None,
                    Ecall::SetKey { address, .. }
                    | Ecall::Read { address, .. }
                    | Ecall::Commit { address } => Some((address, 0)),
                    Ecall::Accelerate {
                        address, height, ..
                    } => Some((address, height)),
                };
            }
        };
        let allowed = address.is_multiple_of(size) && self.memory.holds(address);
        allowed.then_some((address & !31, 0))
    }

    fn append_preimage(
        &mut self,
        slot: u64,
        oracle: &dyn Oracle,
        proof: &mut Vec<u8>,
    ) -> Result<(), RunError> {
        let Some(Ecall::Read { kind, .. }) = self.call_at(slot) else {
            return Ok(());
        };
        if kind != PreimageKind::Blob {
            let preimage = self.preimage(kind, oracle)?;
            proof.extend_from_slice(&(preimage.len() as u16).to_be_bytes());
            proof.extend_from_slice(preimage);
            return Ok(());
        }
        let (key, index) = (self.registers.key, self.registers.key_offset / 32);
        if index >= BLOB_ELEMENTS {
            return Ok(());
        }
        let opening = oracle
            .blob_opening(&key, index)
            .filter(|opening| super::kzg::opens(&key, index, opening))
            .ok_or(RunError::UnknownOpening { key, index })?;
        proof.extend_from_slice(&opening.commitment);
        proof.extend_from_slice(&opening.proof);
        proof.extend_from_slice(opening.value.as_slice());
        Ok(())
    }
}
