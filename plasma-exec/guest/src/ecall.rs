//! The machine's calls, as safe functions.
//!
//! Unsafe here: the instruction `ecall` itself. The machine changes `a0` and, for a call with an address, one leaf
//! at that address; each function gives it a buffer of its own of the size and alignment that the call asks for.
//!
//! On other targets the calls have no machine to answer them and panic.
#![allow(unsafe_code)]

use crate::Exit;

/// 32 bytes of memory that the root can prove and replace in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Leaf(pub [u8; 32]);

/// The most bytes that [`keccak`] and [`sha256`] take.
pub const MAX_HASHED: usize = 4_096;

/// How a preimage is proven to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// At most 4,096 bytes by their keccak-256.
    Keccak = 1,
    /// At most 4,096 bytes by their SHA-256.
    Sha256 = 2,
    /// A node of the state trie, 64 bytes, by its hash.
    TrieNode = 3,
    /// An EIP-4844 blob by its versioned hash.
    Blob = 4,
}

const HALT: u64 = 93;
const SET_KEY: u64 = 0x500;
const READ: u64 = 0x501;
const COMMIT: u64 = 0x502;
const KECCAK: u64 = 0x503;
const SHA256: u64 = 0x504;
const ECRECOVER: u64 = 0x505;

/// Makes a call. `a0` and `a1` are as the call asks for them.
#[cfg(target_arch = "riscv64")]
#[inline(always)]
fn call(number: u64, a0: u64, a1: u64) -> u64 {
    let out;
    // SAFETY: the machine changes `a0` and memory that the callers below own and pass by mutable reference.
    unsafe {
        core::arch::asm!(
            "ecall",
            in("a7") number,
            inlateout("a0") a0 => out,
            in("a1") a1,
            options(nostack),
        );
    }
    out
}

#[cfg(not(target_arch = "riscv64"))]
fn call(number: u64, a0: u64, a1: u64) -> u64 {
    let _ = (number, a0, a1);
    panic!("there is no fault-proof machine here: build with `plasma program build`")
}

fn address<T>(place: &mut T) -> u64 {
    core::ptr::from_mut(place).expose_provenance() as u64
}

/// Ends the program.
pub fn halt(exit: Exit) -> ! {
    loop {
        call(HALT, exit.0, 0);
    }
}

/// Says which preimage [`read`] reads, from its first byte on.
pub fn set_key(kind: Kind, key: &[u8; 32]) {
    let mut leaf = Leaf(*key);
    call(SET_KEY, kind as u64, address(&mut leaf));
}

/// The next bytes of the preimage, at most 32, and how many they are; 0 behind its end.
///
/// Where nobody knows the preimage, the program stands still for ever, and its outcome is a failure.
pub fn read() -> (Leaf, usize) {
    let mut leaf = Leaf::default();
    let length = call(READ, address(&mut leaf), 0);
    (leaf, length as usize)
}

/// Sets the program's outcome.
pub fn commit(outcome: &[u8; 32]) {
    let mut leaf = Leaf(*outcome);
    call(COMMIT, address(&mut leaf), 0);
}

#[repr(C, align(4096))]
struct Block([u8; MAX_HASHED]);

/// The buffer of the hashes: aligned for every length, and rewritten by each call.
struct Scratch(core::cell::UnsafeCell<Block>);

// SAFETY: the machine has one hart and no interrupts, and nothing holds a reference across calls.
#[cfg(target_os = "none")]
unsafe impl Sync for Scratch {}

#[cfg(target_os = "none")]
static SCRATCH: Scratch = Scratch(core::cell::UnsafeCell::new(Block([0; MAX_HASHED])));

#[inline]
fn hash(number: u64, bytes: &[u8]) -> Option<[u8; 32]> {
    if bytes.len() > MAX_HASHED {
        return None;
    }
    #[cfg(target_os = "none")]
    // SAFETY: the only reference to the buffer, and gone when this function returns.
    let block = unsafe { &mut *SCRATCH.0.get() };
    #[cfg(not(target_os = "none"))]
    let block = &mut Scratch(core::cell::UnsafeCell::new(Block([0; MAX_HASHED])))
        .0
        .into_inner();
    block.0[..bytes.len()].copy_from_slice(bytes);
    call(number, address(block), bytes.len() as u64);
    let mut out = [0; 32];
    out.copy_from_slice(&block.0[..32]);
    Some(out)
}

/// Keccak-256 of at most [`MAX_HASHED`] bytes; `None` for more.
#[inline]
pub fn keccak(bytes: &[u8]) -> Option<[u8; 32]> {
    hash(KECCAK, bytes)
}

/// SHA-256 of at most [`MAX_HASHED`] bytes; `None` for more.
#[inline]
pub fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    hash(SHA256, bytes)
}

#[repr(C, align(128))]
struct Recovery([[u8; 32]; 4]);

/// The address, as a word of 32 bytes, whose key signed `digest`: as the EVM's precompile 1, which takes high `s`
/// too. `v` is 27 or 28. `None` where no key fits.
pub fn ecrecover(digest: &[u8; 32], v: u8, r: &[u8; 32], s: &[u8; 32]) -> Option<[u8; 32]> {
    let mut word = [0; 32];
    word[31] = v;
    let mut block = Recovery([*digest, word, *r, *s]);
    let found = call(ECRECOVER, address(&mut block), 0);
    (found == 1).then_some(block.0[0])
}
