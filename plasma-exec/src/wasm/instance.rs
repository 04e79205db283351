//! Instances of modules, and using one again.
//!
//! All that a call can change of an instance is the contents and the size of its memory and the values of its globals
//! (see [`module`](super::module)). An instance that is to be used again is brought back to what a new one has of
//! these: its *image*, which is the same for all instances of a module, for nothing runs when one is made. One whose
//! memory grew, or is long to clear, is dropped instead.

#[cfg(test)]
use alloc::string::String;
use alloc::{boxed::Box, sync::Arc, vec::Vec};

use alloy_primitives::B256;
use wasmi::{Extern, Global, Linker, Memory, Store, TypedFunc, Val};

use super::{
    HashMap,
    host::{self, Host},
    module::{CALL, Compiled, DEPLOY, MEMORY},
};

/// An instance with more memory is not used again.
const MAX_REUSED_BYTES: usize = 256 * 1024;
/// Instances that wait to be used again: of one module, and their memory together.
const MAX_WAITING: usize = 16;
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Modules that are held for a block.
const MAX_HELD: usize = 64;

/// An instance, in a store of its own.
pub(super) struct Instance<'a> {
    pub(super) store: Store<Host<'a>>,
    pub(super) call: TypedFunc<(), ()>,
    pub(super) deploy: Option<TypedFunc<(), ()>>,
    memory: Option<Memory>,
    globals: Vec<Global>,
}

/// What a new instance of a module has.
struct Image {
    /// The memory, without the zeros at its end.
    memory: Box<[u8]>,
    size: usize,
    globals: Vec<Val>,
}

/// A module that the block uses.
struct Held<'a> {
    module: Arc<Compiled>,
    linker: Linker<Host<'a>>,
    image: Option<Image>,
    /// Whether an instance was made already: the image is taken of the second one, for most modules are called once
    /// where that is dear, in the fault-proof machine.
    made: bool,
    // In boxes, for they are handed from hand to hand, and long.
    #[allow(clippy::vec_box)]
    waiting: Vec<Box<Instance<'a>>>,
}

/// The modules that a block uses, and instances of them that wait to be used again.
pub(super) struct Pool<'a> {
    held: HashMap<B256, Held<'a>>,
    bytes: usize,
    /// Whether instances are used again at all.
    reuse: bool,
}

impl<'a> Pool<'a> {
    pub(super) fn new(reuse: bool) -> Self {
        Self {
            held: HashMap::default(),
            bytes: 0,
            reuse,
        }
    }

    /// An instance of the module of this hash, as good as new; `module` gives the module where it is not held.
    pub(super) fn take(
        &mut self,
        hash: B256,
        module: impl FnOnce() -> Result<Arc<Compiled>, wasmi::Error>,
    ) -> Result<Box<Instance<'a>>, wasmi::Error> {
        if let Some(held) = self.held.get_mut(&hash)
            && let Some(instance) = held.waiting.pop()
        {
            self.bytes -= held.image.as_ref().map_or(0, |image| image.size);
            return Ok(instance);
        }
        if !self.held.contains_key(&hash) {
            if self.held.len() >= MAX_HELD {
                self.held.clear();
                self.bytes = 0;
            }
            let module = module()?;
            let linker = host::linker(&module.module)?;
            let held = Held {
                module,
                linker,
                image: None,
                made: false,
                waiting: Vec::new(),
            };
            self.held.insert(hash, held);
        }
        let held = self.held.get_mut(&hash).expect("it was just put there");
        let instance = Box::new(Instance::new(&held.module, &held.linker)?);
        let again = core::mem::replace(&mut held.made, true);
        if self.reuse && again && held.image.is_none() && instance.size() <= MAX_REUSED_BYTES {
            held.image = Some(instance.image());
        }
        Ok(instance)
    }

    /// Takes an instance back that a call is done with.
    pub(super) fn give(&mut self, hash: &B256, mut instance: Box<Instance<'a>>) {
        let Some(held) = self.held.get_mut(hash) else {
            return;
        };
        let Some(image) = &held.image else {
            return;
        };
        let room = held.waiting.len() < MAX_WAITING && self.bytes + image.size <= MAX_WAITING_BYTES;
        if room && instance.reset(image) {
            self.bytes += image.size;
            held.waiting.push(instance);
        }
    }
}

impl<'a> Instance<'a> {
    fn new(module: &Compiled, linker: &Linker<Host<'a>>) -> Result<Self, wasmi::Error> {
        let mut store = Store::new(&module.engine, Host::default());
        store.limiter(|host| &mut host.limits);
        let instance = linker.instantiate_and_start(&mut store, &module.module)?;
        let memory = match instance.get_export(&store, MEMORY) {
            Some(Extern::Memory(memory)) => Some(memory),
            _ => None,
        };
        store.data_mut().memory = memory;
        let globals = module.globals.iter();
        let globals = globals.filter_map(|name| instance.get_global(&store, name));
        let globals: Vec<Global> = globals.collect();
        assert_eq!(
            globals.len(),
            module.globals.len(),
            "every global that may change is exported"
        );
        Ok(Self {
            call: instance.get_typed_func(&store, CALL)?,
            deploy: instance.get_typed_func(&store, DEPLOY).ok(),
            store,
            memory,
            globals,
        })
    }

    fn size(&self) -> usize {
        self.memory
            .map_or(0, |memory| memory.data_size(&self.store))
    }

    fn image(&self) -> Image {
        let memory = self
            .memory
            .map_or(&[][..], |memory| memory.data(&self.store));
        let used = memory.iter().rposition(|byte| *byte != 0);
        Image {
            memory: memory[..used.map_or(0, |last| last + 1)].into(),
            size: memory.len(),
            globals: self
                .globals
                .iter()
                .map(|global| global.get(&self.store))
                .collect(),
        }
    }

    /// Brings it back to the image; false if that cannot be.
    fn reset(&mut self, image: &Image) -> bool {
        self.store.data_mut().reset();
        if let Some(memory) = self.memory {
            let memory = memory.data_mut(&mut self.store);
            if memory.len() != image.size {
                return false;
            }
            let (used, rest) = memory.split_at_mut(image.memory.len());
            used.copy_from_slice(&image.memory);
            rest.fill(0);
        }
        let globals = self.globals.iter().zip(&image.globals);
        for (global, value) in globals {
            if global.set(&mut self.store, value.clone()).is_err() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
impl Instance<'_> {
    /// All that a call may change of it.
    pub(super) fn parts(&self) -> (Vec<u8>, Vec<String>) {
        let memory = self
            .memory
            .map_or(&[][..], |memory| memory.data(&self.store));
        let globals = self.globals.iter();
        let globals = globals.map(|global| alloc::format!("{:?}", global.get(&self.store)));
        (memory.to_vec(), globals.collect())
    }

    /// Writes to every part of the memory and to every global.
    pub(super) fn spoil(&mut self) {
        if let Some(memory) = self.memory {
            memory.data_mut(&mut self.store).fill(0xa5);
        }
        for global in &self.globals {
            let value = match global.get(&self.store) {
                Val::I64(value) => Val::I64(!value),
                Val::I32(value) => Val::I32(!value),
                other => other,
            };
            global.set(&mut self.store, value).expect("it may change");
        }
    }

    pub(super) fn grow(&mut self) {
        let memory = self.memory.expect("it has a memory");
        memory.grow(&mut self.store, 1).expect("there is room");
    }
}

#[cfg(test)]
impl Pool<'_> {
    /// How many wait to be used again.
    pub(super) fn waiting(&self, hash: &B256) -> usize {
        self.held.get(hash).map_or(0, |held| held.waiting.len())
    }
}
