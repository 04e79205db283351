//! The functions of the chain.
//!
//! Unsafe here: calling them. Each gets pointers and lengths of slices that live through the call, and writes no more than
//! what its slice has room for. And taking for written what a function of the chain has written: where that is all of
//! what it was given, nothing needs to be set to zero before.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use crate::{Address, Input, U256, Word, storage::Key};

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "plasma")]
unsafe extern "C" {
    #[link_name = "read_input"]
    fn host_read_input(to: *mut u8, room: u32) -> u32;
    #[link_name = "output"]
    fn host_output(at: *const u8, length: u32);
    #[link_name = "revert"]
    fn host_revert(at: *const u8, length: u32);
    #[link_name = "storage_read"]
    fn host_storage_read(key: *const u8, to: *mut u8, room: u32) -> u32;
    #[link_name = "storage_write"]
    fn host_storage_write(key: *const u8, at: *const u8, length: u32);
    #[link_name = "storage_add"]
    fn host_storage_add(key: *const u8, number: *const u8) -> u32;
    #[link_name = "storage_sub"]
    fn host_storage_sub(key: *const u8, number: *const u8) -> u32;
    #[link_name = "add"]
    fn host_add(a: *const u8, b: *const u8, to: *mut u8) -> u32;
    #[link_name = "sub"]
    fn host_sub(a: *const u8, b: *const u8, to: *mut u8) -> u32;
    #[link_name = "mul"]
    fn host_mul(a: *const u8, b: *const u8, to: *mut u8) -> u32;
    #[link_name = "div"]
    fn host_div(a: *const u8, b: *const u8, to: *mut u8) -> u32;
    #[link_name = "caller"]
    fn host_caller(to: *mut u8);
    #[link_name = "address"]
    fn host_address(to: *mut u8);
    #[link_name = "value"]
    fn host_value(to: *mut u8);
    #[link_name = "balance"]
    fn host_balance(address: *const u8, to: *mut u8);
    #[link_name = "block_number"]
    safe fn host_block_number() -> u64;
    #[link_name = "block_time"]
    safe fn host_block_time() -> u64;
    #[link_name = "chain_id"]
    safe fn host_chain_id() -> u64;
    #[link_name = "gas_left"]
    safe fn host_gas_left() -> u64;
    #[link_name = "transfer"]
    fn host_transfer(address: *const u8, value: *const u8) -> u32;
    #[link_name = "call"]
    fn host_call(address: *const u8, value: *const u8, at: *const u8, length: u32, gas: u64)
    -> u32;
    #[link_name = "call_static"]
    fn host_call_static(address: *const u8, at: *const u8, length: u32, gas: u64) -> u32;
    #[link_name = "returned_len"]
    safe fn host_returned_len() -> u32;
    #[link_name = "returned"]
    fn host_returned(to: *mut u8, from: u32, length: u32);
    #[link_name = "log"]
    fn host_log(topics: *const u8, count: u32, at: *const u8, length: u32);
    #[link_name = "keccak256"]
    fn host_keccak256(at: *const u8, length: u32, to: *mut u8);
}

/// Away from a chain there is none to ask: a contract is checked by the compiler there, and run in a chain's tests.
#[cfg(not(target_arch = "wasm32"))]
macro_rules! elsewhere {
    ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[allow(clippy::too_many_arguments, unused_variables)]
            unsafe fn $name($($argument: $type),*) $(-> $result)? {
                panic!("a contract runs on a chain: build it for wasm32-unknown-unknown")
            }
        )*
    };
}

#[cfg(not(target_arch = "wasm32"))]
elsewhere! {
    fn host_read_input(to: *mut u8, room: u32) -> u32;
    fn host_output(at: *const u8, length: u32);
    fn host_revert(at: *const u8, length: u32);
    fn host_storage_read(key: *const u8, to: *mut u8, room: u32) -> u32;
    fn host_storage_write(key: *const u8, at: *const u8, length: u32);
    fn host_storage_add(key: *const u8, number: *const u8) -> u32;
    fn host_storage_sub(key: *const u8, number: *const u8) -> u32;
    fn host_caller(to: *mut u8);
    fn host_address(to: *mut u8);
    fn host_value(to: *mut u8);
    fn host_balance(address: *const u8, to: *mut u8);
    fn host_transfer(address: *const u8, value: *const u8) -> u32;
    fn host_call(address: *const u8, value: *const u8, at: *const u8, length: u32, gas: u64) -> u32;
    fn host_call_static(address: *const u8, at: *const u8, length: u32, gas: u64) -> u32;
    fn host_returned(to: *mut u8, from: u32, length: u32);
    fn host_log(topics: *const u8, count: u32, at: *const u8, length: u32);
    fn host_keccak256(at: *const u8, length: u32, to: *mut u8);
}

#[cfg(not(target_arch = "wasm32"))]
macro_rules! elsewhere_safe {
    ($(fn $name:ident() -> $result:ty;)*) => {
        $(
            fn $name() -> $result {
                panic!("a contract runs on a chain: build it for wasm32-unknown-unknown")
            }
        )*
    };
}

#[cfg(not(target_arch = "wasm32"))]
elsewhere_safe! {
    fn host_block_number() -> u64;
    fn host_block_time() -> u64;
    fn host_chain_id() -> u64;
    fn host_gas_left() -> u64;
    fn host_returned_len() -> u32;
}

/// What the contract was called with: its length, and as much of it as there is room for.
#[inline]
pub(crate) fn input(room: &mut [MaybeUninit<u8>]) -> (usize, &[u8]) {
    // SAFETY: see the top.
    let length = unsafe { host_read_input(room.as_mut_ptr().cast(), room.len() as u32) } as usize;
    let given = room.get(..length).unwrap_or(room);
    // SAFETY: so much of it was written, and bytes that are perhaps written lie in memory as bytes do.
    (length, unsafe {
        &*(core::ptr::from_ref(given) as *const [u8])
    })
}

pub(crate) fn output(bytes: &[u8]) {
    // SAFETY: see the top.
    unsafe { host_output(bytes.as_ptr(), bytes.len() as u32) }
}

pub(crate) fn revert(bytes: &[u8]) -> ! {
    // SAFETY: see the top. It does not come back.
    unsafe { host_revert(bytes.as_ptr(), bytes.len() as u32) };
    stop()
}

/// Ends the contract, if the chain did not.
pub(crate) fn stop() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("a contract runs on a chain: build it for wasm32-unknown-unknown");
}

pub(crate) fn storage_read(key: &Word, to: &mut [u8]) -> usize {
    // SAFETY: see the top.
    unsafe { host_storage_read(key.as_ptr(), to.as_mut_ptr(), to.len() as u32) as usize }
}

pub(crate) fn storage_write(key: &Word, value: &[u8]) {
    // SAFETY: see the top.
    unsafe { host_storage_write(key.as_ptr(), value.as_ptr(), value.len() as u32) }
}

/// The word as a number, where it lies.
#[inline]
pub(crate) fn number(word: &Word) -> &U256 {
    // SAFETY: a number is its word and nothing else.
    unsafe { &*core::ptr::from_ref(word).cast() }
}

/// The bytes as an address, where they lie.
#[inline]
pub(crate) fn as_address(bytes: &[u8; 20]) -> &Address {
    // SAFETY: an address is its bytes and nothing else.
    unsafe { &*core::ptr::from_ref(bytes).cast() }
}

/// The bytes of a key in two parts, where they lie.
#[inline]
pub(crate) fn key(parts: &Key) -> &Word {
    // SAFETY: the parts are of bytes, 32 together, and stand one after the other.
    unsafe { &*core::ptr::from_ref(parts).cast() }
}

/// Adds to the number under a key; false, and nothing is done, where that is over 256 bits.
#[inline]
pub(crate) fn storage_add(key: &Word, number: &Word) -> bool {
    // SAFETY: see the top.
    unsafe { host_storage_add(key.as_ptr(), number.as_ptr()) == 1 }
}

/// Subtracts from the number under a key; false, and nothing is done, where that is below 0.
#[inline]
pub(crate) fn storage_sub(key: &Word, number: &Word) -> bool {
    // SAFETY: see the top.
    unsafe { host_storage_sub(key.as_ptr(), number.as_ptr()) == 1 }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::plain::{add, div, mul, sub};

#[cfg(target_arch = "wasm32")]
macro_rules! computes {
    ($($name:ident, $host:ident;)*) => {
        $(
            #[inline]
            pub(crate) fn $name(a: &Word, b: &Word) -> (Word, bool) {
                // SAFETY: see the top.
                let (word, fits) = written(|to| unsafe { $host(a.as_ptr(), b.as_ptr(), to) });
                (word, fits == 1)
            }
        )*
    };
}

#[cfg(target_arch = "wasm32")]
computes! {
    add, host_add;
    sub, host_sub;
    mul, host_mul;
    div, host_div;
}

/// An array that `write` writes all of, and what it says beside.
#[inline]
fn written<const N: usize, T>(write: impl FnOnce(*mut u8) -> T) -> ([u8; N], T) {
    let mut bytes = MaybeUninit::<[u8; N]>::uninit();
    let says = write(bytes.as_mut_ptr().cast());
    // SAFETY: every function of the chain that is used here writes as many bytes as its array has, or ends the contract.
    (unsafe { bytes.assume_init() }, says)
}

macro_rules! gives {
    ($($name:ident, $host:ident, $length:literal;)*) => {
        $(
            #[inline]
            pub(crate) fn $name() -> [u8; $length] {
                written(|to| {
                    // SAFETY: see the top.
                    unsafe { $host(to) };
                })
                .0
            }
        )*
    };
}

gives! {
    caller, host_caller, 20;
    address, host_address, 20;
    value, host_value, 32;
}

pub(crate) fn balance(of: &Address) -> Word {
    // SAFETY: see the top.
    written(|to| unsafe { host_balance(of.0.as_ptr(), to) }).0
}

pub(crate) fn block_number() -> u64 {
    host_block_number()
}

pub(crate) fn block_time() -> u64 {
    host_block_time()
}

pub(crate) fn chain_id() -> u64 {
    host_chain_id()
}

pub(crate) fn gas_left() -> u64 {
    host_gas_left()
}

pub(crate) fn transfer(to: &Address, value: &Word) -> bool {
    // SAFETY: see the top.
    unsafe { host_transfer(to.0.as_ptr(), value.as_ptr()) == 1 }
}

/// A selector and the words behind it lie as they are sent: an input has no gaps.
fn bytes_of<const N: usize>(input: &Input<N>) -> (*const u8, u32) {
    (
        core::ptr::from_ref(input).cast(),
        size_of::<Input<N>>() as u32,
    )
}

pub(crate) fn call<const N: usize>(to: &Address, value: &Word, input: &Input<N>, gas: u64) -> bool {
    let (at, length) = bytes_of(input);
    // SAFETY: see the top.
    unsafe { host_call(to.0.as_ptr(), value.as_ptr(), at, length, gas) == 1 }
}

pub(crate) fn call_static<const N: usize>(to: &Address, input: &Input<N>, gas: u64) -> bool {
    let (at, length) = bytes_of(input);
    // SAFETY: see the top.
    unsafe { host_call_static(to.0.as_ptr(), at, length, gas) == 1 }
}

pub(crate) fn returned_len() -> usize {
    host_returned_len() as usize
}

pub(crate) fn returned(to: &mut [u8]) {
    // SAFETY: see the top.
    unsafe { host_returned(to.as_mut_ptr(), 0, to.len() as u32) }
}

pub(crate) fn log(topics: &[Word], data: &[u8]) {
    let (topic, count) = (topics.as_ptr().cast(), topics.len() as u32);
    // SAFETY: see the top; words stand one after another.
    unsafe { host_log(topic, count, data.as_ptr(), data.len() as u32) }
}

pub(crate) fn keccak256(bytes: &[u8]) -> Word {
    // SAFETY: see the top.
    written(|to| unsafe { host_keccak256(bytes.as_ptr(), bytes.len() as u32, to) }).0
}
