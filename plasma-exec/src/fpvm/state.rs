//! The state that one step takes to the next: registers, memory root, what was asked for and what was answered.

use plasma_core::{B256, keccak256};

/// The bytes of an encoded [`MachineState`].
pub const STATE_BYTES: usize = 378;
/// The reservation when there is none.
pub const NO_RESERVATION: u64 = u64::MAX;

/// How a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It goes on.
    Running = 0,
    /// It called HALT. The code is the guest's.
    Halted = 1,
    /// It did what no rule allows. The code is the [`Cause`].
    Trapped = 2,
}

/// Why a machine trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// The program counter is outside the text window.
    Fetch = 1,
    /// An encoding that is reserved, or not this machine's.
    Illegal = 2,
    /// A load, or LR, at an address that is no multiple of its size.
    MisalignedLoad = 3,
    /// A load, or LR, outside memory.
    LoadFault = 4,
    /// A store, SC or AMO at an address that is no multiple of its size.
    MisalignedStore = 5,
    /// A store, SC or AMO outside memory.
    StoreFault = 6,
    /// An ECALL with a number that means nothing.
    EcallUnknown = 7,
    /// An ECALL with an address, length or kind that it does not take.
    EcallArgument = 8,
    /// A READ while the key is of no known kind, which no program can bring about.
    Preimage = 9,
}

impl Cause {
    /// The cause of this code.
    pub fn from_code(code: u64) -> Option<Self> {
        [
            Self::Fetch,
            Self::Illegal,
            Self::MisalignedLoad,
            Self::LoadFault,
            Self::MisalignedStore,
            Self::StoreFault,
            Self::EcallUnknown,
            Self::EcallArgument,
            Self::Preimage,
        ]
        .into_iter()
        .find(|cause| *cause as u64 == code)
    }

    /// The cause in words, without a full stop.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fetch => "the program counter left the text window",
            Self::Illegal => "an illegal instruction",
            Self::MisalignedLoad => "a misaligned load",
            Self::LoadFault => "a load outside memory",
            Self::MisalignedStore => "a misaligned store",
            Self::StoreFault => "a store outside memory",
            Self::EcallUnknown => "an unknown ecall number in a7",
            Self::EcallArgument => "an ecall argument that is misaligned or out of range",
            Self::Preimage => "a read of a key of unknown kind",
        }
    }
}

/// Everything of a state but its memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Where the next instruction is.
    pub pc: u64,
    /// x0..x31; x0 is 0.
    pub x: [u64; 32],
    /// The address of the last LR; [`NO_RESERVATION`] for none.
    pub reservation: u64,
    /// Whether it runs.
    pub status: Status,
    /// The exit code, or the cause of the trap.
    pub code: u64,
    /// What kind of key `key` is.
    pub key_kind: u8,
    /// Of which preimage READ reads.
    pub key: B256,
    /// How much of it was read.
    pub key_offset: u64,
    /// What the last COMMIT said.
    pub output: B256,
}

impl Registers {
    /// What the program leaves behind: the committed output of a machine that halted with code 0, else zero.
    pub fn outcome(&self) -> B256 {
        if self.status == Status::Halted && self.code == 0 {
            self.output
        } else {
            B256::ZERO
        }
    }

    /// The cause of the trap; `None` for a machine that did not trap.
    pub fn cause(&self) -> Option<Cause> {
        (self.status == Status::Trapped)
            .then(|| Cause::from_code(self.code))
            .flatten()
    }

    /// The state's encoding over a memory of this root.
    pub fn encode(&self, memory_root: &B256) -> [u8; STATE_BYTES] {
        let mut out = [0; STATE_BYTES];
        out[..32].copy_from_slice(memory_root.as_slice());
        out[32..40].copy_from_slice(&self.pc.to_be_bytes());
        for (bytes, x) in out[40..288].chunks_exact_mut(8).zip(&self.x[1..]) {
            bytes.copy_from_slice(&x.to_be_bytes());
        }
        out[288..296].copy_from_slice(&self.reservation.to_be_bytes());
        out[296] = self.status as u8;
        out[297..305].copy_from_slice(&self.code.to_be_bytes());
        out[305] = self.key_kind;
        out[306..338].copy_from_slice(self.key.as_slice());
        out[338..346].copy_from_slice(&self.key_offset.to_be_bytes());
        out[346..].copy_from_slice(self.output.as_slice());
        out
    }
}

/// A state as disputes know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineState {
    /// The root of the memory tree.
    pub memory_root: B256,
    /// Everything else.
    pub registers: Registers,
}

impl MachineState {
    /// The packed encoding, big-endian.
    pub fn encode(&self) -> [u8; STATE_BYTES] {
        self.registers.encode(&self.memory_root)
    }

    /// The leaf that stands for this state in a trace.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }
}
