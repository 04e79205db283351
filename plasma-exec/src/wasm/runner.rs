//! Calls of contracts, and contracts that call contracts.
//!
//! ```text
//!   Runner: frames   A ──call──> B ──call──> C      one instance each, in a store of its own
//!                                        World      handed from store to store: to whoever runs
//! ```
//! A contract that calls another is left in the middle of its function and taken up again later, so the depth of calls
//! takes no stack of the host's. Whatever ends a call but a return undoes all that it and those below it did.

use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use alloy_primitives::{B256, Bytes, keccak256};
use plasma_core::{BlockContext, Log, OutgoingMessage, StateRead};
use wasmi::{TrapCode, TypedResumableCall, TypedResumableCallHostTrap, Val, errors::ErrorKind};

use super::{
    WasmExecution,
    account::{Account, CODES, Code},
    bridge,
    cache::ModuleCache,
    host::{Fault, Frame},
    instance::{Instance, Pool},
    journal::{Journal, Mark},
    module::Compiled,
    prices::{CODE_BYTE, GROW, MAX_DEPTH, MAX_MODULE_BYTES, Meter, OutOfGas},
};
use crate::ethereum::{bridge::L2_BRIDGE, revert_reason, shortened};

/// A call that is about to begin.
pub(super) struct Call {
    pub(super) frame: Frame,
    pub(super) gas: u64,
}

/// What a transaction changes.
pub(super) struct World<'a> {
    pub(super) journal: Journal<'a>,
    pub(super) block: &'a BlockContext,
    pub(super) logs: Vec<Log>,
    pub(super) messages: Vec<OutgoingMessage>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Returned,
    /// By the contract itself.
    Reverted,
    /// By a mistake, for which all gas is taken; in words.
    Failed(String),
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    pub(super) output: Bytes,
    pub(super) gas_left: u64,
}

impl Outcome {
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self {
            end: End::Failed(reason.into()),
            output: Bytes::new(),
            gas_left: 0,
        }
    }

    pub(super) fn returned(output: Bytes, gas_left: u64) -> Self {
        Self {
            end: End::Returned,
            output,
            gas_left,
        }
    }

    pub(super) fn reverted(output: Bytes, gas_left: u64) -> Self {
        Self {
            end: End::Reverted,
            output,
            gas_left,
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.end == End::Returned
    }

    /// Why it failed.
    pub(super) fn reason(&self) -> String {
        match &self.end {
            End::Returned => String::new(),
            End::Reverted => revert_reason(&self.output),
            End::Failed(reason) => shortened(reason),
        }
    }
}

impl From<OutOfGas> for Outcome {
    fn from(_: OutOfGas) -> Self {
        Self::failed(Fault::OutOfGas.to_string())
    }
}

/// Where to go back to.
#[derive(Clone, Copy)]
struct Point {
    mark: Mark,
    logs: usize,
    messages: usize,
}

/// A call under way.
struct Running<'a> {
    instance: Box<Instance<'a>>,
    code: B256,
    point: Point,
    /// Where it is, when it waits for another contract.
    waits: Option<Box<TypedResumableCallHostTrap<()>>>,
}

/// What is next.
enum Next {
    Enter(Call),
    Leave(Outcome),
}

/// Which function of a contract.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    Call,
    Deploy,
}

/// Runs contracts on one block's state.
pub(super) struct Runner<'a> {
    execution: &'a WasmExecution,
    /// `None` while it is in a store.
    world: Option<Box<World<'a>>>,
    pool: Pool<'a>,
    /// Room for the calls under way, kept for the next transaction.
    frames: Vec<Running<'a>>,
    /// Whether other threads run contracts at the same time, so that it has modules for itself.
    alone: bool,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        execution: &'a WasmExecution,
        state: &'a dyn StateRead,
        block: &'a BlockContext,
    ) -> Self {
        Self {
            execution,
            world: Some(Box::new(World {
                journal: Journal::new(state),
                block,
                logs: Vec::new(),
                messages: Vec::new(),
            })),
            pool: Pool::new(execution.reuses()),
            frames: Vec::new(),
            alone: false,
        }
    }

    /// From now on it shares no module with others: they run contracts at the same time.
    #[cfg(feature = "std")]
    pub(super) fn work_alone(&mut self) {
        self.alone = true;
    }

    pub(super) fn world(&mut self) -> &mut World<'a> {
        self.world.as_mut().expect("nothing runs")
    }

    fn point(&mut self) -> Point {
        let world = self.world();
        Point {
            mark: world.journal.mark(),
            logs: world.logs.len(),
            messages: world.messages.len(),
        }
    }

    fn revert(&mut self, point: Point) {
        let world = self.world();
        world.journal.revert(point.mark);
        world.logs.truncate(point.logs);
        world.messages.truncate(point.messages);
    }

    /// Calls a contract, or pays an account that is none.
    pub(super) fn call(&mut self, call: Call) -> Outcome {
        self.run(call, Entry::Call)
    }

    /// Puts a module at `call.frame.address`, which was free, and runs its `deploy`.
    pub(super) fn create(&mut self, module: Bytes, call: Call) -> Outcome {
        let point = self.point();
        let outcome = self.try_create(module, call);
        let outcome = outcome.unwrap_or_else(|failure| failure);
        if !outcome.succeeded() {
            self.revert(point);
        }
        outcome
    }

    fn try_create(&mut self, module: Bytes, call: Call) -> Result<Outcome, Outcome> {
        let address = call.frame.address;
        let mut meter = Meter(call.gas);
        let taken = self.world().journal.look(address, &mut meter)?;
        if taken.code != Code::None || taken.nonce != 0 {
            return Err(Outcome::failed(
                "there is a contract at its address already",
            ));
        }
        if module.len() > MAX_MODULE_BYTES {
            return Err(Outcome::failed(alloc::format!(
                "a module of {} bytes is over the limit of {MAX_MODULE_BYTES}",
                module.len()
            )));
        }
        // For keeping it: several times what it costs to look through all of it and make it ready.
        meter.charge(GROW + module.len() as u64 * CODE_BYTE)?;
        let (compiled, shape) = Compiled::new(&module).map_err(Outcome::failed)?;
        let hash = keccak256(&module);
        let compiled = Arc::new(compiled);
        self.execution.modules.insert(hash, compiled.clone());
        // One that cannot be made is none: what it imports may not be there.
        let instance = self
            .pool
            .take(hash, || Ok(compiled))
            .map_err(|error| Outcome::failed(not_made(&error)))?;
        let deploys = instance.deploy.is_some();
        self.pool.give(&hash, instance);
        let journal = &mut self.world().journal;
        journal.put_code(hash, module, shape);
        let account = Account {
            nonce: 1,
            code: Code::Hash(hash),
            ..taken
        };
        journal.set_account(address, account);
        let call = Call {
            gas: meter.0,
            ..call
        };
        if deploys {
            return Ok(self.run(call, Entry::Deploy));
        }
        if !call.frame.input.is_empty() {
            return Err(Outcome::failed(
                "arguments for a module that exports no function deploy",
            ));
        }
        if !self.pay(&call.frame) {
            return Err(Outcome::failed("insufficient funds for the value"));
        }
        Ok(Outcome::returned(Bytes::new(), call.gas))
    }

    fn run(&mut self, call: Call, entry: Entry) -> Outcome {
        let mut frames = core::mem::take(&mut self.frames);
        let outcome = self.run_on(&mut frames, call, entry);
        self.frames = frames;
        outcome
    }

    fn run_on(&mut self, frames: &mut Vec<Running<'a>>, call: Call, entry: Entry) -> Outcome {
        let (mut next, mut entry) = (Next::Enter(call), entry);
        loop {
            next = match next {
                Next::Enter(call) => match self.enter(call, entry, frames.len()) {
                    Ok(mut frame) => {
                        let next = self.start(&mut frame, entry);
                        frames.push(frame);
                        entry = Entry::Call;
                        self.settle(next, frames)
                    }
                    Err(outcome) => Next::Leave(outcome),
                },
                Next::Leave(outcome) => match frames.last_mut() {
                    None => return outcome,
                    Some(frame) => {
                        let next = self.resume(frame, outcome);
                        self.settle(next, frames)
                    }
                },
            };
        }
    }

    /// Takes the frame off that is done.
    fn settle(&mut self, next: Next, frames: &mut Vec<Running<'a>>) -> Next {
        if let Next::Leave(outcome) = &next
            && let Some(frame) = frames.pop()
        {
            if !outcome.succeeded() {
                self.revert(frame.point);
            }
            self.pool.give(&frame.code, frame.instance);
        }
        next
    }

    /// Pays what a call carries.
    fn pay(&mut self, frame: &Frame) -> bool {
        let journal = &mut self.world().journal;
        frame.value.is_zero()
            || (journal.debit(frame.caller, frame.value)
                && journal.credit(frame.address, frame.value))
    }

    /// What a call has to have before it can run; or what came of it, where nothing is to run.
    fn enter(&mut self, call: Call, entry: Entry, depth: usize) -> Result<Running<'a>, Outcome> {
        let point = self.point();
        let result = self.try_enter(call, entry, depth, point);
        if let Err(outcome) = &result
            && !outcome.succeeded()
        {
            self.revert(point);
        }
        result
    }

    fn try_enter(
        &mut self,
        Call { frame, gas }: Call,
        entry: Entry,
        depth: usize,
        point: Point,
    ) -> Result<Running<'a>, Outcome> {
        if depth >= MAX_DEPTH {
            return Err(Outcome::failed(alloc::format!(
                "calls are over {MAX_DEPTH} deep"
            )));
        }
        let mut meter = Meter(gas);
        let journal = &mut self.world().journal;
        let callee = journal.look(frame.address, &mut meter)?;
        if callee.is_empty() && !frame.value.is_zero() && depth > 0 {
            meter.charge(GROW)?;
        }
        if !self.pay(&frame) {
            // Nothing was done that would have to be paid for: who calls may try something else.
            return Err(Outcome::reverted(Bytes::new(), meter.0));
        }
        if frame.address == L2_BRIDGE {
            return Err(bridge::call(self.world(), &frame, meter));
        }
        let Code::Hash(code) = callee.code else {
            return Err(Outcome::returned(Bytes::new(), meter.0));
        };
        // A contract that was just created has been made ready, and paid for it.
        if entry == Entry::Call {
            self.world().journal.shape(code, &mut meter)?;
        }
        let mut instance = self.instance(code)?;
        let gas = instance.store.set_fuel(meter.0);
        gas.map_err(|_| Outcome::failed(INTERPRETER))?;
        instance.store.data_mut().frame = frame;
        Ok(Running {
            instance,
            code,
            point,
            waits: None,
        })
    }

    /// An instance of the module of this hash.
    fn instance(&mut self, code: B256) -> Result<Box<Instance<'a>>, Outcome> {
        let world = self.world.as_ref().expect("nothing runs");
        let (journal, modules) = (&world.journal, &self.execution.modules);
        let alone = self.alone;
        let instance = self.pool.take(code, || {
            if let Some(bytes) = journal.new_code(&code) {
                return compiled(modules, code, alone, || Some(bytes.clone()));
            }
            // Read whether or not it is known, so that a witness of what was read holds it.
            let state = journal.state();
            let known = modules.get(&code, alone);
            if let Some(known) = known.filter(|_| CODES.touch(state, &code)) {
                return Ok(known);
            }
            compiled(modules, code, alone, || CODES.get(state, &code))
        });
        instance.map_err(|error| Outcome::failed(not_made(&error)))
    }

    fn start(&mut self, frame: &mut Running<'a>, entry: Entry) -> Next {
        let instance = &mut frame.instance;
        instance.store.data_mut().world = self.world.take();
        let function = match entry {
            Entry::Deploy => instance.deploy,
            Entry::Call => Some(instance.call),
        };
        let function = function.unwrap_or(instance.call);
        let result = function.call_resumable(&mut instance.store, ());
        self.after(frame, result)
    }

    fn resume(&mut self, frame: &mut Running<'a>, outcome: Outcome) -> Next {
        let Some(waits) = frame.waits.take() else {
            return Next::Leave(Outcome::failed("it waits for nothing"));
        };
        let store = &mut frame.instance.store;
        let status = Val::I32(outcome.succeeded().into());
        let fuel = store.get_fuel().unwrap_or_default();
        let refueled = store.set_fuel(fuel + outcome.gas_left);
        store.data_mut().returned = outcome.output;
        store.data_mut().world = self.world.take();
        let result = match refueled {
            Ok(()) => waits.resume(&mut *store, &[status]),
            Err(error) => Err(error),
        };
        self.after(frame, result)
    }

    /// What is next when a contract has run for a while.
    fn after(
        &mut self,
        frame: &mut Running<'a>,
        result: Result<TypedResumableCall<()>, wasmi::Error>,
    ) -> Next {
        let store = &mut frame.instance.store;
        self.world = store.data_mut().world.take();
        let gas_left = store.get_fuel().unwrap_or_default();
        let host = store.data_mut();
        let fault = match result {
            Ok(TypedResumableCall::Finished(())) => {
                let output = shared(&host.output);
                return Next::Leave(Outcome::returned(output, gas_left));
            }
            Ok(TypedResumableCall::HostTrap(trap)) => {
                match trap.host_error().downcast_ref::<Fault>().copied() {
                    Some(Fault::Call) => {
                        if let Some(call) = host.calls.take() {
                            frame.waits = Some(Box::new(trap));
                            return Next::Enter(call);
                        }
                        "it calls nobody".into()
                    }
                    Some(Fault::Revert) => {
                        let output = shared(&host.output);
                        return Next::Leave(Outcome::reverted(output, gas_left));
                    }
                    Some(fault) => fault.to_string(),
                    None => INTERPRETER.into(),
                }
            }
            Ok(TypedResumableCall::OutOfFuel(_)) => Fault::OutOfGas.to_string(),
            Err(error) => match error.as_trap_code() {
                Some(TrapCode::OutOfFuel) => Fault::OutOfGas.to_string(),
                Some(trap) => trap.to_string(),
                None => INTERPRETER.into(),
            },
        };
        Next::Leave(Outcome::failed(fault))
    }
}

/// What a contract returned. Most say that it is true, which needs no room of its own.
fn shared(output: &[u8]) -> Bytes {
    const TRUE: [u8; 32] = {
        let mut word = [0; 32];
        word[31] = 1;
        word
    };
    if output == TRUE {
        return Bytes::from_static(&TRUE);
    }
    Bytes::copy_from_slice(output)
}

/// What should not happen. The interpreter's own words may name what differs from one process to another.
const INTERPRETER: &str = "the interpreter failed";

/// Why there is no instance of a module.
fn not_made(error: &wasmi::Error) -> String {
    match error.kind() {
        ErrorKind::Linker(error) => error.to_string(),
        ErrorKind::Instantiation(_) => {
            "the types of its imports, or its data or elements, do not fit".into()
        }
        _ => INTERPRETER.into(),
    }
}

fn compiled(
    modules: &ModuleCache,
    hash: B256,
    alone: bool,
    bytes: impl FnOnce() -> Option<Bytes>,
) -> Result<Arc<Compiled>, wasmi::Error> {
    if let Some(known) = modules.get(&hash, alone) {
        return Ok(known);
    }
    let bytes = bytes().ok_or_else(|| wasmi::Error::new("its module is not in state"))?;
    let compiled = Compiled::again(&bytes).map_err(wasmi::Error::new)?;
    let compiled = Arc::new(compiled);
    // Who reads by guess may find an account before its module: only what is of this hash is remembered.
    if ModuleCache::REMEMBERS && keccak256(&bytes) == hash {
        modules.insert(hash, compiled.clone());
    }
    Ok(compiled)
}
