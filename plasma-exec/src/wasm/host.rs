//! What a contract may ask the chain for: the functions of the module `plasma`.
//!
//! Pointers and lengths are unsigned 32-bit numbers into the contract's memory; numbers of 256 bits and addresses are
//! big-endian, 32 and 20 bytes, as Solidity has them. A pointer that leads out of the memory ends the call, and so do
//! the other mistakes of [`Fault`].
//!
//! | function | takes | does |
//! |---|---|---|
//! | `input_len` | | the length of what the contract was called with |
//! | `input` | `to, from, length` | copies so much of it, from the byte `from` on |
//! | `read_input` | `to, room` | the same length; copies at most `room` of it, from its beginning |
//! | `output` | `at, length` | sets what the call returns, when it does |
//! | `revert` | `at, length` | ends the call, undoes what it did, and returns this |
//! | `storage_read` | `key, to, room` | the length of the value under the 32 bytes at `key`, 0 for none; copies at most `room` of it |
//! | `storage_write` | `key, at, length` | sets it, at most 4,096 bytes; none removes it |
//! | `storage_add`, `storage_sub` | `key, number` | adds to, or takes from, the number of 32 bytes that is the value, which is 0 for none: 1, or 0 where there is no such number, and then it is as before |
//! | `caller`, `address` | `to` | 20 bytes: who calls, who is called |
//! | `value` | `to` | 32 bytes: the XPL that came with the call, in wei |
//! | `balance` | `address, to` | 32 bytes: the XPL of an account, in wei |
//! | `block_number`, `block_time`, `chain_id`, `gas_left` | | 64 bits; the time in seconds |
//! | `transfer` | `address, value` | pays XPL without calling: 1, or 0 where there is too little |
//! | `call` | `address, value, at, length, gas` | calls with the bytes at `at` and at most so much gas (64 bits): 1, or 0 where it failed |
//! | `call_static` | `address, at, length, gas` | the same, without value, and nothing may be changed |
//! | `returned_len`, `returned` | , `to, from, length` | what the last call returned, or reverted with |
//! | `log` | `topics, count, at, length` | emits an event with up to four topics of 32 bytes |
//! | `keccak256` | `at, length, to` | 32 bytes |
//! | `add`, `sub`, `mul` | `a, b, to` | 32 bytes: the sum, the difference, the product of two numbers, modulo 2^256: 1, or 0 where that is not all of it |
//! | `div` | `a, b, to` | 32 bytes: the quotient, rounded down: 1, or 0 where `b` is 0, and so is what is written |
//!
//! Messages leave by a call of the bridge at [`L2_BRIDGE`](crate::L2_BRIDGE), which is a contract to whoever calls it.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use alloy_primitives::{Address, B256, Bytes, U256};
use plasma_core::Log;
use wasmi::{Caller, Linker, Memory, Module, StoreLimits, StoreLimitsBuilder};

use super::{
    journal::Journal,
    module::HOST_MODULE,
    prices::{
        self, HOST, LOG, LOG_BYTE, MAX_DATA_BYTES, MAX_MEMORY_BYTES, MAX_STORAGE_BYTES, Meter,
        OutOfGas, copying, hashing,
    },
    runner::{Call, World},
};

/// Why a call of the host ended the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It said so: what it did is undone, and what gas is left is given back.
    Revert,
    /// It calls another contract, and goes on when that is done.
    Call,
    OutOfGas,
    Pointer,
    ReadOnly,
    TooLong,
    Topics,
    Number,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revert => "execution reverted",
            Self::Call => "it calls another contract",
            Self::OutOfGas => "out of gas",
            Self::Pointer => "a pointer leads out of its memory or of what it was given",
            Self::ReadOnly => "it may not change anything in a static call",
            Self::TooLong => "bytes are over the limit of their kind",
            Self::Topics => "a log has at most four topics",
            Self::Number => "what is stored under a key is no number of 32 bytes",
        })
    }
}

impl wasmi::errors::HostError for Fault {}

impl From<OutOfGas> for Fault {
    fn from(_: OutOfGas) -> Self {
        Self::OutOfGas
    }
}

/// Who calls whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) address: Address,
    pub(super) caller: Address,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) read_only: bool,
}

/// What an instance's store holds beside the instance.
pub(super) struct Host<'a> {
    pub(super) limits: StoreLimits,
    pub(super) memory: Option<Memory>,
    pub(super) frame: Frame,
    /// What it returns, or reverts with.
    pub(super) output: Vec<u8>,
    /// What the last contract that it called returned.
    pub(super) returned: Bytes,
    /// The contract that it is about to call.
    pub(super) calls: Option<Call>,
    /// The state: here while the instance runs, and elsewhere when it does not.
    pub(super) world: Option<Box<World<'a>>>,
}

impl Default for Host<'_> {
    fn default() -> Self {
        Self {
            limits: StoreLimitsBuilder::new()
                .memory_size(MAX_MEMORY_BYTES)
                .build(),
            memory: None,
            frame: Frame::default(),
            output: Vec::new(),
            returned: Bytes::new(),
            calls: None,
            world: None,
        }
    }
}

impl<'a> Host<'a> {
    /// Forgets the call that was.
    pub(super) fn reset(&mut self) {
        self.frame = Frame::default();
        self.output.clear();
        self.returned = Bytes::new();
        self.calls = None;
    }

    fn world(&mut self) -> &mut World<'a> {
        self.world.as_mut().expect("what runs has the world")
    }

    fn journal(&mut self) -> &mut Journal<'a> {
        &mut self.world().journal
    }
}

/// The functions that this module imports, for instances of it. One that there is none of is found missing when an
/// instance is made.
pub(super) fn linker<'a>(module: &Module) -> Result<Linker<Host<'a>>, wasmi::Error> {
    let mut linker = Linker::new(module.engine());
    let mut linked = Vec::new();
    for import in module.imports() {
        let name = import.name();
        if linked.contains(&name) {
            continue;
        }
        linked.push(name);
        match name {
            "input_len" => linker.func_wrap(HOST_MODULE, name, input_len)?,
            "input" => linker.func_wrap(HOST_MODULE, name, input)?,
            "read_input" => linker.func_wrap(HOST_MODULE, name, read_input)?,
            "output" => linker.func_wrap(HOST_MODULE, name, output)?,
            "revert" => linker.func_wrap(HOST_MODULE, name, revert)?,
            "storage_read" => linker.func_wrap(HOST_MODULE, name, storage_read)?,
            "storage_write" => linker.func_wrap(HOST_MODULE, name, storage_write)?,
            "storage_add" => linker.func_wrap(HOST_MODULE, name, storage_add)?,
            "storage_sub" => linker.func_wrap(HOST_MODULE, name, storage_sub)?,
            "caller" => linker.func_wrap(HOST_MODULE, name, caller)?,
            "address" => linker.func_wrap(HOST_MODULE, name, address)?,
            "value" => linker.func_wrap(HOST_MODULE, name, value)?,
            "balance" => linker.func_wrap(HOST_MODULE, name, balance)?,
            "block_number" => linker.func_wrap(HOST_MODULE, name, block_number)?,
            "block_time" => linker.func_wrap(HOST_MODULE, name, block_time)?,
            "chain_id" => linker.func_wrap(HOST_MODULE, name, chain_id)?,
            "gas_left" => linker.func_wrap(HOST_MODULE, name, gas_left)?,
            "transfer" => linker.func_wrap(HOST_MODULE, name, transfer)?,
            "call" => linker.func_wrap(HOST_MODULE, name, call)?,
            "call_static" => linker.func_wrap(HOST_MODULE, name, call_static)?,
            "returned_len" => linker.func_wrap(HOST_MODULE, name, returned_len)?,
            "returned" => linker.func_wrap(HOST_MODULE, name, returned)?,
            "log" => linker.func_wrap(HOST_MODULE, name, log)?,
            "keccak256" => linker.func_wrap(HOST_MODULE, name, keccak)?,
            "add" => linker.func_wrap(HOST_MODULE, name, add)?,
            "sub" => linker.func_wrap(HOST_MODULE, name, sub)?,
            "mul" => linker.func_wrap(HOST_MODULE, name, mul)?,
            "div" => linker.func_wrap(HOST_MODULE, name, div)?,
            _ => continue,
        };
    }
    Ok(linker)
}

type Outcome<T> = Result<T, wasmi::Error>;

/// A call of the host: the contract's memory, and the gas that it has left, which is put back in the end.
struct Access<'m, 'a> {
    memory: &'m mut [u8],
    host: &'m mut Host<'a>,
    meter: Meter,
}

impl Access<'_, '_> {
    fn at(&self, at: u32, length: usize) -> Result<&[u8], Fault> {
        let rest = self.memory.get(at as usize..).ok_or(Fault::Pointer)?;
        rest.get(..length).ok_or(Fault::Pointer)
    }

    fn at_mut(&mut self, at: u32, length: usize) -> Result<&mut [u8], Fault> {
        let rest = self.memory.get_mut(at as usize..).ok_or(Fault::Pointer)?;
        rest.get_mut(..length).ok_or(Fault::Pointer)
    }

    fn word(&self, at: u32) -> Result<B256, Fault> {
        Ok(B256::from_slice(self.at(at, 32)?))
    }

    fn number(&self, at: u32) -> Result<U256, Fault> {
        Ok(U256::from_be_bytes(self.word(at)?.0))
    }

    fn address(&self, at: u32) -> Result<Address, Fault> {
        Ok(Address::from_slice(self.at(at, 20)?))
    }

    fn put(&mut self, to: u32, bytes: &[u8]) -> Result<(), Fault> {
        self.at_mut(to, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn may_change(&self) -> Result<(), Fault> {
        if self.host.frame.read_only {
            return Err(Fault::ReadOnly);
        }
        Ok(())
    }

    /// Bytes that leave the contract, paid for.
    fn take(&mut self, at: u32, length: u32, most: usize) -> Result<Bytes, Fault> {
        if length as usize > most {
            return Err(Fault::TooLong);
        }
        self.meter.charge(copying(length as usize))?;
        Ok(Bytes::copy_from_slice(self.at(at, length as usize)?))
    }
}

/// Does a call of the host that costs so much before it does anything.
fn access<T>(
    mut caller: Caller<'_, Host<'_>>,
    gas: u64,
    does: impl FnOnce(&mut Access<'_, '_>) -> Result<T, Fault>,
) -> Outcome<T> {
    let mut meter = Meter(caller.get_fuel()?);
    if meter.charge(HOST + gas).is_err() {
        caller.set_fuel(0)?;
        return Err(wasmi::Error::host(Fault::OutOfGas));
    }
    let memory = caller.data().memory;
    let (memory, host) = match memory {
        Some(memory) => memory.data_and_store_mut(&mut caller),
        None => (&mut [][..], caller.data_mut()),
    };
    let mut access = Access {
        memory,
        host,
        meter,
    };
    let result = does(&mut access);
    let left = access.meter.0;
    caller.set_fuel(left)?;
    result.map_err(wasmi::Error::host)
}

/// Copies a part of what the contract was given.
fn copy_part(
    access: &mut Access<'_, '_>,
    of: impl FnOnce(&Host<'_>) -> Bytes,
    to: u32,
    from: u32,
    length: u32,
) -> Result<(), Fault> {
    access.meter.charge(copying(length as usize))?;
    let bytes = of(access.host);
    let rest = bytes.get(from as usize..).ok_or(Fault::Pointer)?;
    let part = rest.get(..length as usize).ok_or(Fault::Pointer)?;
    access.put(to, part)
}

fn input_len(caller: Caller<'_, Host<'_>>) -> Outcome<u32> {
    access(caller, 0, |access| Ok(access.host.frame.input.len() as u32))
}

fn input(caller: Caller<'_, Host<'_>>, to: u32, from: u32, length: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        copy_part(access, |host| host.frame.input.clone(), to, from, length)
    })
}

fn read_input(caller: Caller<'_, Host<'_>>, to: u32, room: u32) -> Outcome<u32> {
    access(caller, 0, |access| {
        let Access {
            memory,
            host,
            meter,
        } = access;
        let input = &host.frame.input;
        let part = &input[..input.len().min(room as usize)];
        meter.charge(copying(part.len()))?;
        let rest = memory.get_mut(to as usize..).ok_or(Fault::Pointer)?;
        let target = rest.get_mut(..part.len()).ok_or(Fault::Pointer)?;
        target.copy_from_slice(part);
        Ok(input.len() as u32)
    })
}

fn output(caller: Caller<'_, Host<'_>>, at: u32, length: u32) -> Outcome<()> {
    access(caller, 0, |access| set_output(access, at, length))
}

fn set_output(access: &mut Access<'_, '_>, at: u32, length: u32) -> Result<(), Fault> {
    let length = length as usize;
    if length > MAX_DATA_BYTES {
        return Err(Fault::TooLong);
    }
    access.meter.charge(copying(length))?;
    let rest = access.memory.get(at as usize..).ok_or(Fault::Pointer)?;
    let bytes = rest.get(..length).ok_or(Fault::Pointer)?;
    access.host.output.clear();
    access.host.output.extend_from_slice(bytes);
    Ok(())
}

fn revert(caller: Caller<'_, Host<'_>>, at: u32, length: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        set_output(access, at, length)?;
        Err(Fault::Revert)
    })
}

fn storage_read(caller: Caller<'_, Host<'_>>, key: u32, to: u32, room: u32) -> Outcome<u32> {
    access(caller, 0, |access| {
        let at = (access.host.frame.address, access.word(key)?);
        let Access {
            memory,
            host,
            meter,
        } = access;
        let value = host.journal().load(at, meter)?;
        let part = &value[..value.len().min(room as usize)];
        meter.charge(copying(part.len()))?;
        let rest = memory.get_mut(to as usize..).ok_or(Fault::Pointer)?;
        let target = rest.get_mut(..part.len()).ok_or(Fault::Pointer)?;
        target.copy_from_slice(part);
        Ok(value.len() as u32)
    })
}

fn storage_write(caller: Caller<'_, Host<'_>>, key: u32, at: u32, length: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        access.may_change()?;
        let place = (access.host.frame.address, access.word(key)?);
        if length as usize > MAX_STORAGE_BYTES {
            return Err(Fault::TooLong);
        }
        access.meter.charge(copying(length as usize))?;
        let Access {
            memory,
            host,
            meter,
        } = access;
        let rest = memory.get(at as usize..).ok_or(Fault::Pointer)?;
        let value = rest.get(..length as usize).ok_or(Fault::Pointer)?;
        host.journal().store(place, value, meter)?;
        Ok(())
    })
}

fn storage_add(caller: Caller<'_, Host<'_>>, key: u32, number: u32) -> Outcome<u32> {
    storage_compute(caller, key, number, U256::checked_add)
}

fn storage_sub(caller: Caller<'_, Host<'_>>, key: u32, number: u32) -> Outcome<u32> {
    storage_compute(caller, key, number, U256::checked_sub)
}

fn storage_compute(
    caller: Caller<'_, Host<'_>>,
    key: u32,
    number: u32,
    compute: impl FnOnce(U256, U256) -> Option<U256>,
) -> Outcome<u32> {
    access(caller, prices::COMPUTE, |access| {
        access.may_change()?;
        let place = (access.host.frame.address, access.word(key)?);
        let number = access.number(number)?;
        let Access { host, meter, .. } = access;
        let compute = |before| compute(before, number);
        let done = host.journal().compute(place, meter, compute)?;
        done.map(u32::from).ok_or(Fault::Number)
    })
}

fn caller(caller: Caller<'_, Host<'_>>, to: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        let caller = access.host.frame.caller;
        access.put(to, caller.as_slice())
    })
}

fn address(caller: Caller<'_, Host<'_>>, to: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        let address = access.host.frame.address;
        access.put(to, address.as_slice())
    })
}

fn value(caller: Caller<'_, Host<'_>>, to: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        let value = access.host.frame.value.to_be_bytes::<32>();
        access.put(to, &value)
    })
}

fn balance(caller: Caller<'_, Host<'_>>, address: u32, to: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        let address = access.address(address)?;
        let account = access.host.world.as_mut().expect("what runs has the world");
        let account = account.journal.look(address, &mut access.meter)?;
        access.put(to, &account.balance.to_be_bytes::<32>())
    })
}

fn block_number(caller: Caller<'_, Host<'_>>) -> Outcome<u64> {
    access(caller, 0, |access| Ok(access.host.world().block.height.0))
}

fn block_time(caller: Caller<'_, Host<'_>>) -> Outcome<u64> {
    access(caller, 0, |access| {
        Ok(access.host.world().block.timestamp.seconds().0)
    })
}

fn chain_id(caller: Caller<'_, Host<'_>>) -> Outcome<u64> {
    access(caller, 0, |access| Ok(access.host.world().block.chain_id.0))
}

fn gas_left(caller: Caller<'_, Host<'_>>) -> Outcome<u64> {
    access(caller, 0, |access| Ok(access.meter.0))
}

fn transfer(caller: Caller<'_, Host<'_>>, to: u32, value: u32) -> Outcome<u32> {
    access(caller, prices::CALL_VALUE, |access| {
        access.may_change()?;
        let (to, value) = (access.address(to)?, access.number(value)?);
        let from = access.host.frame.address;
        let journal = &mut access
            .host
            .world
            .as_mut()
            .expect("what runs has the world")
            .journal;
        let receiver = journal.look(to, &mut access.meter)?;
        if receiver.is_empty() && !value.is_zero() {
            access.meter.charge(prices::GROW)?;
        }
        let mark = journal.mark();
        if journal.debit(from, value) && journal.credit(to, value) {
            return Ok(1);
        }
        journal.revert(mark);
        Ok(0)
    })
}

fn call(
    caller: Caller<'_, Host<'_>>,
    to: u32,
    value: u32,
    at: u32,
    length: u32,
    gas: u64,
) -> Outcome<u32> {
    access(caller, prices::CALL, |access| {
        let value = access.number(value)?;
        if !value.is_zero() {
            access.may_change()?;
            access.meter.charge(prices::CALL_VALUE)?;
        }
        let read_only = access.host.frame.read_only;
        begin_call(access, to, value, (at, length), gas, read_only)
    })
}

fn call_static(
    caller: Caller<'_, Host<'_>>,
    to: u32,
    at: u32,
    length: u32,
    gas: u64,
) -> Outcome<u32> {
    access(caller, prices::CALL, |access| {
        begin_call(access, to, U256::ZERO, (at, length), gas, true)
    })
}

/// Notes the call; the contract is left in the middle, and taken up again with what came of it.
fn begin_call(
    access: &mut Access<'_, '_>,
    to: u32,
    value: U256,
    (at, length): (u32, u32),
    gas: u64,
    read_only: bool,
) -> Result<u32, Fault> {
    let address = access.address(to)?;
    let input = access.take(at, length, MAX_DATA_BYTES)?;
    // A 64th stays behind, so that who calls can still do something (EIP-150).
    let most = access.meter.0 - access.meter.0 / 64;
    let gas = gas.min(most);
    access.meter.charge(gas)?;
    let frame = Frame {
        address,
        caller: access.host.frame.address,
        value,
        input,
        read_only,
    };
    access.host.calls = Some(Call { frame, gas });
    Err(Fault::Call)
}

fn returned_len(caller: Caller<'_, Host<'_>>) -> Outcome<u32> {
    access(caller, 0, |access| Ok(access.host.returned.len() as u32))
}

fn returned(caller: Caller<'_, Host<'_>>, to: u32, from: u32, length: u32) -> Outcome<()> {
    access(caller, 0, |access| {
        copy_part(access, |host| host.returned.clone(), to, from, length)
    })
}

fn log(caller: Caller<'_, Host<'_>>, topics: u32, count: u32, at: u32, length: u32) -> Outcome<()> {
    let gas = LOG + LOG * u64::from(count.min(4)) + LOG_BYTE * u64::from(length);
    access(caller, gas, |access| {
        access.may_change()?;
        if count > 4 {
            return Err(Fault::Topics);
        }
        let words = access.at(topics, 32 * count as usize)?;
        let topics = words.chunks_exact(32).map(B256::from_slice).collect();
        let data = access.take(at, length, MAX_DATA_BYTES)?;
        let address = access.host.frame.address;
        access.host.world().logs.push(Log {
            address,
            topics,
            data,
        });
        Ok(())
    })
}

fn keccak(caller: Caller<'_, Host<'_>>, at: u32, length: u32, to: u32) -> Outcome<()> {
    access(caller, hashing(length as usize), |access| {
        let hash = plasma_core::keccak256(access.at(at, length as usize)?);
        access.put(to, hash.as_slice())
    })
}

/// A function of two numbers: the result, and whether it is exact.
fn computing(
    caller: Caller<'_, Host<'_>>,
    gas: u64,
    (a, b, to): (u32, u32, u32),
    compute: impl FnOnce(U256, U256) -> (U256, bool),
) -> Outcome<u32> {
    access(caller, gas, |access| {
        let (number, exact) = compute(access.number(a)?, access.number(b)?);
        access.put(to, &number.to_be_bytes::<32>())?;
        Ok(exact.into())
    })
}

fn add(caller: Caller<'_, Host<'_>>, a: u32, b: u32, to: u32) -> Outcome<u32> {
    computing(caller, prices::COMPUTE, (a, b, to), |a, b| {
        let (sum, over) = a.overflowing_add(b);
        (sum, !over)
    })
}

fn sub(caller: Caller<'_, Host<'_>>, a: u32, b: u32, to: u32) -> Outcome<u32> {
    computing(caller, prices::COMPUTE, (a, b, to), |a, b| {
        let (difference, under) = a.overflowing_sub(b);
        (difference, !under)
    })
}

fn mul(caller: Caller<'_, Host<'_>>, a: u32, b: u32, to: u32) -> Outcome<u32> {
    computing(caller, prices::MULTIPLY, (a, b, to), |a, b| {
        let (product, over) = a.overflowing_mul(b);
        (product, !over)
    })
}

fn div(caller: Caller<'_, Host<'_>>, a: u32, b: u32, to: u32) -> Outcome<u32> {
    computing(caller, prices::DIVIDE, (a, b, to), |a, b| {
        let quotient = a.checked_div(b);
        (quotient.unwrap_or_default(), quotient.is_some())
    })
}
