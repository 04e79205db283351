//! What programs ask of the machine.

use plasma_core::{B256, PreimageKind, keccak256, sha256};

use super::{
    accelerators::{block_height, ecrecover},
    state::{Cause, Registers},
};

/// The numbers of the calls, in a7.
pub mod ecall_number {
    /// Ends with the exit code in a0.
    pub const HALT: u64 = 93;
    /// a0 = kind, a1 = address of a leaf: what READ reads from now on.
    pub const SET_KEY: u64 = 0x500;
    /// a0 = address of a leaf: the next 32 bytes of the preimage; returns how many there were.
    pub const READ: u64 = 0x501;
    /// a0 = address of a leaf: the program's output.
    pub const COMMIT: u64 = 0x502;
    /// a0 = address of a block, a1 = bytes: Keccak-256 of them into the block's first leaf.
    pub const KECCAK: u64 = 0x503;
    /// a0 = address of a block, a1 = bytes: SHA-256 of them into the block's first leaf.
    pub const SHA256: u64 = 0x504;
    /// a0 = address of a block of 128 bytes: the signer into its first leaf; returns 1, or 0 for none.
    pub const ECRECOVER: u64 = 0x505;
}

/// A call whose arguments are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ecall {
    Halt,
    SetKey {
        kind: PreimageKind,
        address: u64,
    },
    Read {
        kind: PreimageKind,
        address: u64,
    },
    Commit {
        address: u64,
    },
    Accelerate {
        operation: Operation,
        address: u64,
        length: u64,
        /// Of the block, over the leaves.
        height: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Keccak,
    Sha256,
    Ecrecover,
}

impl Operation {
    /// The leaf that the operation leaves, and what it returns in a0.
    pub(crate) fn apply(self, input: &[u8]) -> (B256, Option<u64>) {
        match self {
            Self::Keccak => (keccak256(input), None),
            Self::Sha256 => (sha256(input), None),
            Self::Ecrecover => {
                let input: Option<&[u8; 128]> = input.try_into().ok();
                let signer = input.and_then(ecrecover);
                let found = u64::from(signer.is_some());
                (signer.unwrap_or_default(), Some(found))
            }
        }
    }
}

/// Reads the call from the registers: first its number is checked, then its arguments.
pub(crate) fn decode(registers: &Registers, memory_bits: u32) -> Result<Ecall, Cause> {
    let (a0, a1) = (registers.x[10], registers.x[11]);
    let block = |address: u64, height: u32| {
        let size = 32 << height;
        let inside = address >> memory_bits == 0;
        (inside && address.is_multiple_of(size))
            .then_some(address)
            .ok_or(Cause::EcallArgument)
    };
    let hash = |operation| {
        let height = block_height(a1).ok_or(Cause::EcallArgument)?;
        Ok(Ecall::Accelerate {
            operation,
            address: block(a0, height)?,
            length: a1,
            height,
        })
    };
    match registers.x[17] {
        ecall_number::HALT => Ok(Ecall::Halt),
        ecall_number::SET_KEY => Ok(Ecall::SetKey {
            kind: PreimageKind::from_number(a0).ok_or(Cause::EcallArgument)?,
            address: block(a1, 0)?,
        }),
        ecall_number::READ => {
            let address = block(a0, 0)?;
            let kind =
                PreimageKind::from_number(registers.key_kind.into()).ok_or(Cause::Preimage)?;
            Ok(Ecall::Read { kind, address })
        }
        ecall_number::COMMIT => Ok(Ecall::Commit {
            address: block(a0, 0)?,
        }),
        ecall_number::KECCAK => hash(Operation::Keccak),
        ecall_number::SHA256 => hash(Operation::Sha256),
        ecall_number::ECRECOVER => Ok(Ecall::Accelerate {
            operation: Operation::Ecrecover,
            address: block(a0, 2)?,
            length: 128,
            height: 2,
        }),
        _ => Err(Cause::EcallUnknown),
    }
}
