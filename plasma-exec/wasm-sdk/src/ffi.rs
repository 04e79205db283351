//! The functions of the chain.
//!
//! Unsafe here: calling them. Each gets pointers and lengths of slices that live through the call, and writes no more than
//! what its slice has room for.
#![allow(unsafe_code)]

use crate::{Address, Word};

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "plasma")]
unsafe extern "C" {
    #[link_name = "input_len"]
    safe fn host_input_len() -> u32;
    #[link_name = "input"]
    fn host_input(to: *mut u8, from: u32, length: u32);
    #[link_name = "output"]
    fn host_output(at: *const u8, length: u32);
    #[link_name = "revert"]
    fn host_revert(at: *const u8, length: u32);
    #[link_name = "storage_read"]
    fn host_storage_read(key: *const u8, to: *mut u8, room: u32) -> u32;
    #[link_name = "storage_write"]
    fn host_storage_write(key: *const u8, at: *const u8, length: u32);
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
    fn host_input(to: *mut u8, from: u32, length: u32);
    fn host_output(at: *const u8, length: u32);
    fn host_revert(at: *const u8, length: u32);
    fn host_storage_read(key: *const u8, to: *mut u8, room: u32) -> u32;
    fn host_storage_write(key: *const u8, at: *const u8, length: u32);
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
    fn host_input_len() -> u32;
    fn host_block_number() -> u64;
    fn host_block_time() -> u64;
    fn host_chain_id() -> u64;
    fn host_gas_left() -> u64;
    fn host_returned_len() -> u32;
}

pub(crate) fn input_len() -> usize {
    host_input_len() as usize
}

pub(crate) fn input(to: &mut [u8], from: usize) {
    // SAFETY: as for all: see the top.
    unsafe { host_input(to.as_mut_ptr(), from as u32, to.len() as u32) }
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

macro_rules! gives {
    ($($name:ident, $host:ident, $length:literal;)*) => {
        $(
            pub(crate) fn $name() -> [u8; $length] {
                let mut bytes = [0; $length];
                // SAFETY: see the top.
                unsafe { $host(bytes.as_mut_ptr()) };
                bytes
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
    let mut word = [0; 32];
    // SAFETY: see the top.
    unsafe { host_balance(of.0.as_ptr(), word.as_mut_ptr()) };
    word
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

pub(crate) fn call(to: &Address, value: &Word, input: &[u8], gas: u64) -> bool {
    let length = input.len() as u32;
    // SAFETY: see the top.
    unsafe { host_call(to.0.as_ptr(), value.as_ptr(), input.as_ptr(), length, gas) == 1 }
}

pub(crate) fn call_static(to: &Address, input: &[u8], gas: u64) -> bool {
    // SAFETY: see the top.
    unsafe { host_call_static(to.0.as_ptr(), input.as_ptr(), input.len() as u32, gas) == 1 }
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
    let mut hash = [0; 32];
    // SAFETY: see the top.
    unsafe { host_keccak256(bytes.as_ptr(), bytes.len() as u32, hash.as_mut_ptr()) };
    hash
}
